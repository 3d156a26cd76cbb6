use super::reading::free_unused;
use super::*;
use crate::tokens::{Inline, Rules, Text, count, listed, most_inline};

#[test]
fn names_and_fingerprints_are_checked() {
    for name in ["llama3", "a", "Qwen3.5-A_b", &"x".repeat(64)] {
        assert!(is_name(name), "{name}");
    }
    for name in [
        "",
        "a b",
        "a/b",
        "ä",
        "o200k_base",
        "gpt-4o",
        "gpt2",
        &"x".repeat(65),
    ] {
        assert!(!is_name(name), "{name}");
    }
    let encoding = identify("some-model", "0123456789abcdef").expect("an encoding");
    assert_eq!(identify("some-model", "0123456789abcdef"), Some(encoding));
    assert_ne!(identify("some-model", "0123456789abcde0"), Some(encoding));
    assert_eq!(
        (encoding.name(), encoding.fingerprint()),
        ("some-model", "0123456789abcdef")
    );
    assert_eq!(encoding.written(), "some-model#0123456789abcdef");
    assert_eq!(Encoding::read(&encoding.written()), Some(encoding));
    for fingerprint in [
        "",
        "0123456789abcde",
        "0123456789abcdeg",
        "0123456789ABCDEF",
    ] {
        assert_eq!(identify("some-model", fingerprint), None, "{fingerprint}");
    }
    let json = serde_json::to_string(&encoding).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Encoding>(&json).expect("an encoding"),
        encoding
    );
    for name in [
        "some-model",
        "gpt-4",
        "some-model#",
        "o200k_base#0123456789abcdef",
    ] {
        assert!(
            serde_json::from_str::<Encoding>(&format!("\"{name}\"")).is_err(),
            "{name}"
        );
    }
    assert!(encoding.is_missing());
    assert_eq!(count(encoding, "é"), 2);
    let counted = Text::plain("é").count(Rules {
        encoding,
        media_tokens: 0,
        overhead: 3,
        scale: 100,
    });
    assert!(counted.estimated && counted.tokens == 2);
    let outcome = crate::tokens::Counter::count(
        &Inline,
        Rules {
            encoding,
            media_tokens: 0,
            overhead: 3,
            scale: 100,
        },
        Text::plain("é"),
    );
    assert!(matches!(outcome, crate::tokens::Outcome::Estimated(2)));
    assert!(most_inline(encoding) > 0);
}

fn ready(name: &str) -> Encoding {
    loop {
        match lookup(name) {
            Lookup::Ready(encoding) => return encoding,
            Lookup::Loading => std::thread::sleep(Duration::from_millis(5)),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// The only test that sets the directory.
#[test]
fn tables_are_loaded_freed_and_loaded_again() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tokenizers");
    assert!(configure("/nonexistent").is_err());
    configure(fixtures).expect("a directory");
    let encoding = ready("llama3");
    assert!(!encoding.is_missing() && encoding.is_usable());
    let tokens = count(encoding, "Hello, hello!");
    assert!(tokens > 2 && tokens < 13);
    let entry = |name: &str| {
        listed()
            .into_iter()
            .find(|e| e.name == name)
            .expect("an entry")
    };
    assert!(entry("llama3").memory > 0 && memory() > 0);
    free_unused(Duration::ZERO);
    let freed = entry("llama3");
    assert_eq!((freed.memory, freed.state), (0, "ready"));
    assert_eq!(freed.fingerprint, encoding.fingerprint());
    assert!(!encoding.is_missing());
    // The main thread does not wait for the tables, a background thread does.
    assert_eq!(count(encoding, "Hello, hello!"), tokens);
    assert!(entry("llama3").memory > 0);
    assert!(most_inline(encoding) > 0);
    // The library takes longer than the main thread has.
    assert_eq!(most_inline(ready("bert")), 0);
    assert_eq!(most_inline(ready("other-expression")), 0);
    // Without the directory the file is missing.
    configure("").expect("none");
    assert!(encoding.is_missing());
    assert_eq!(lookup("llama3"), Lookup::Unknown);
    assert_eq!(count(encoding, "Hello, hello!"), 13);
    assert_eq!(Encoding::of_name("llama3").resolve(), Lookup::Unknown);
}
