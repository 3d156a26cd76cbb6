//! Compares E(s) and T(message) with tiktoken-rs: on real text if `CONV_CORPUS` names a directory of conversations, on
//! random text, and on adversarial text.

mod adversarial;
mod cutting;

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use conv::conversation::message::with_message;
use conv::tokens::{ENCODINGS, Encoding, Rules, Text, count};
use proptest::prelude::*;
use tiktoken_rs::CoreBPE;

fn oracle(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200K_BASE => tiktoken_rs::o200k_base_singleton(),
        Encoding::O200K_HARMONY => tiktoken_rs::o200k_harmony_singleton(),
        Encoding::CL100K_BASE => tiktoken_rs::cl100k_base_singleton(),
        Encoding::P50K_BASE => tiktoken_rs::p50k_base_singleton(),
        _ => tiktoken_rs::r50k_base_singleton(),
    }
}

/// The count of tiktoken-rs, or `None` where it panics, as it does on very long runs of white space.
fn expected(encoding: Encoding, text: &str) -> Option<u64> {
    catch_unwind(|| oracle(encoding).encode_ordinary(text).len() as u64).ok()
}

fn agree(encoding: Encoding, text: &str, what: &str) {
    let expected = expected(encoding, text).unwrap_or_else(|| panic!("no oracle for {what}"));
    assert_eq!(count(encoding, text), expected, "{encoding} of {what}");
}

/// Every message of the corpus as JSON.
fn corpus() -> Vec<serde_json::Value> {
    let Some(dir) = std::env::var_os("CONV_CORPUS") else {
        return Vec::new();
    };
    let mut messages = Vec::new();
    for entry in std::fs::read_dir(&dir).expect("CONV_CORPUS is a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "jsonl") {
            let text = std::fs::read_to_string(&path).expect("read the file");
            for line in text.lines() {
                let list: Vec<serde_json::Value> = serde_json::from_str(line).expect("an array");
                messages.extend(list);
            }
        }
    }
    messages
}

/// The text of every message of the corpus. Messages without text are returned as JSON.
fn corpus_texts() -> Vec<String> {
    let text = |message: &serde_json::Value| {
        let content = message["content"].as_str().map(str::to_owned);
        content.unwrap_or_else(|| message.to_string())
    };
    corpus().iter().map(text).collect()
}

/// The tokens of the vocabulary that are valid UTF-8.
fn vocabulary_strings() -> Vec<String> {
    let table = oracle(Encoding::O200K_BASE);
    let tokens = (0..199_998).filter_map(|id| table.decode_bytes(&[id]).ok());
    tokens
        .filter_map(|token| String::from_utf8(token).ok())
        .collect()
}

#[test]
fn corpus_counts_as_tiktoken() {
    let texts = corpus_texts();
    for encoding in ENCODINGS {
        for text in &texts {
            agree(encoding, text, text);
        }
    }
    println!("{} messages, {} encodings", texts.len(), ENCODINGS.len());
}

#[test]
fn adversarial_strings_count_as_tiktoken() {
    let (mut rng, tokens) = (adversarial::rng(), vocabulary_strings());
    let cases = adversarial::cases(15_000);
    for _ in 0..cases {
        let text = adversarial::text(&mut rng, &tokens);
        for encoding in ENCODINGS {
            agree(encoding, &text, &text);
        }
    }
    println!("{cases} strings, {} encodings", ENCODINGS.len());
}

#[test]
fn counting_takes_linear_time_for_any_text() {
    const MB: usize = 1_000_000;
    let mut rng = adversarial::rng();
    let bytes: Vec<u8> = (0..MB).map(|_| rng.u8(..)).collect();
    let mut texts = vec![String::from_utf8_lossy(&bytes).into_owned()];
    for unit in [
        " ",
        "-",
        "a",
        "\n",
        "A",
        "aA",
        "'",
        "'S",
        "'ſ",
        "\r\n",
        " \n",
        "\n ",
        "中",
        "あA",
        "\u{301}",
        "1",
        "३",
        "½",
        "👩‍👧",
        "\u{85}",
        "\u{2028}",
        "\u{e000}",
        "\u{378}",
        "=",
        "/",
        "\t",
        " a",
        "xX ",
        "-=",
        "ǅ\u{301}",
    ] {
        texts.push(unit.repeat(MB / unit.len()));
    }
    for encoding in [
        Encoding::O200K_BASE,
        Encoding::CL100K_BASE,
        Encoding::P50K_BASE,
    ] {
        for text in &texts {
            let begin = text.chars().take(4).collect::<String>();
            let started = Instant::now();
            let all = count(encoding, text);
            // The limit is far above the expected time, which is below a second on an idle machine. Quadratic time
            // would take hours.
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{encoding} of {begin:?}"
            );
            // Compare a part with tiktoken, as much as it can count in reasonable time.
            let part: String = text.chars().take(text.chars().count() / 50).collect();
            let counted = count(encoding, &part);
            assert!(
                (counted * 40..=counted * 60).contains(&all),
                "{encoding} of {begin:?}"
            );
            assert_eq!(
                expected(encoding, &part).unwrap_or(counted),
                counted,
                "{begin:?}"
            );
        }
    }
}

#[test]
fn memory_includes_tables_and_threads() {
    use conv::tokens::memory;
    let _ = count(Encoding::R50K_BASE, "some text");
    let before = memory();
    // Other tests of this process start and stop threads meanwhile, which use about 1 MB each.
    assert!((2_000_000..80_000_000).contains(&before), "{before}");
    let threads = 32;
    let barrier = std::sync::Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _ = count(Encoding::R50K_BASE, "some text");
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        let during = memory();
        barrier.wait();
        assert!(during > before + threads * 500_000, "{during} {before}");
    });
}

/// T(message) of an OpenAI message: an independent implementation with the oracle's counts.
fn formula(encoding: Encoding, message: &serde_json::Value) -> u64 {
    let e = |value: &serde_json::Value| {
        value.as_str().map_or(0, |text| {
            oracle(encoding).encode_ordinary(text).len() as u64
        })
    };
    let mut sum = 3 + e(&message["role"]) + e(&message["content"]);
    if message["name"].is_string() {
        sum += 1 + e(&message["name"]);
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        sum += e(&call["function"]["name"]) + e(&call["function"]["arguments"]) + 1;
    }
    sum
}

#[test]
fn corpus_messages_follow_the_formula() {
    let rules = Rules {
        encoding: Encoding::O200K_BASE,
        media_tokens: 85,
        overhead: 3,
        scale: 100,
    };
    let own = r#"[{"role":"user","content":"Hi","name":"Ann"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"look","arguments":"{\"at\": 1}"}}]},
        {"role":"tool","tool_call_id":"1","content":"done"}]"#;
    let mut messages: Vec<serde_json::Value> = serde_json::from_str(own).expect("JSON");
    messages.extend(corpus());
    for message in messages {
        let json = message.to_string();
        let counted =
            with_message(json.as_bytes(), |m| Text::of(m).count(rules).tokens).expect(&json);
        assert_eq!(
            u64::from(counted),
            formula(rules.encoding, &message),
            "{json}"
        );
    }
}

#[test]
fn long_runs_count_as_tiktoken() {
    const MB: usize = 400_000;
    let mut rng = adversarial::rng();
    let letters: String = (0..MB).map(|_| rng.lowercase()).collect();
    let cjk: String = (0..MB / 3)
        .filter_map(|_| char::from_u32(0x4e00 + rng.u32(..20_000)))
        .collect();
    let texts = [
        ("dashes", "-".repeat(MB)),
        ("letters", letters),
        ("CJK", cjk),
        ("combining marks", "e\u{301}\u{327}".repeat(MB / 5)),
        ("NUL", "\0".repeat(MB)),
        (
            "special tokens",
            "<|endoftext|><|fim_prefix|>".repeat(MB / 30),
        ),
        ("new lines", "\r\n\n ".repeat(MB / 4)),
        ("digits", "1234567890".repeat(MB / 10)),
        ("emoji", "👩‍👩‍👧‍👦🏳️‍🌈".repeat(MB / 40)),
        ("some spaces", " ".repeat(20_000)),
        ("spaces before a word", " ".repeat(20_000) + "x"),
        (
            "other white space",
            "\u{2003}\t\u{a0} \u{3000}".repeat(2_000),
        ),
    ];
    for encoding in ENCODINGS {
        for (name, text) in &texts {
            agree(encoding, text, name);
        }
        // The oracle fails on a run this long. It is a single piece, so the count can be computed from the longest
        // token of spaces, which has `k` of them.
        let spaces = " ".repeat(MB);
        let counted = count(encoding, &spaces);
        match expected(encoding, &spaces) {
            Some(oracle) => assert_eq!(counted, oracle, "{encoding} of spaces"),
            None => assert!(
                (MB as u64 / 256..=MB as u64 / 64).contains(&counted),
                "{counted}"
            ),
        }
    }
}

#[test]
fn models_map_as_tiktoken_maps_them() {
    for (name, encoding) in [
        ("gpt-4o", "o200k_base"),
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("o3", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("gpt-oss-20b", "o200k_harmony"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-32k-0314", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
        ("text-embedding-3-small", "cl100k_base"),
        ("ft:gpt-4o:acme::x", "o200k_base"),
        ("ft:gpt-4o-2024-08-06:acme::x", "o200k_base"),
        ("ft:gpt-4.1-mini-2025-04-14:acme::x", "o200k_base"),
        ("ft:gpt-4-0613:acme::x", "cl100k_base"),
        ("ft:gpt-3.5-turbo-0125:acme:support:x", "cl100k_base"),
        ("ft:davinci-002:acme::x", "cl100k_base"),
        ("ft:babbage-002", "cl100k_base"),
        ("text-davinci-003", "p50k_base"),
        ("text-davinci-edit-001", "p50k_base"),
        ("davinci", "r50k_base"),
        ("gpt2", "r50k_base"),
    ] {
        assert_eq!(
            Encoding::by_name(name).map(Encoding::name),
            Some(encoding),
            "{name}"
        );
    }
    for encoding in ENCODINGS {
        assert_eq!(Encoding::by_name(encoding.name()), Some(encoding));
    }
    for name in ["", "gpt-6", "O200K_BASE", "o200k_base "] {
        assert_eq!(Encoding::by_name(name), None, "{name}");
    }
}

/// Text fragments that reach all branches of the splitting rules.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{1,8}",
        "[0-9]{1,9}",
        "[ \t\r\n]{1,6}",
        "'(s|S|t|re|ve|m|ll|LL|d|x)",
        "[-!?.,:;(){}\\[\\]<>|/\\\\\"#@*+=_~`^&%$]{1,7}",
        "\\PC{1,5}",
        "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]{1,5}",
        "[一-龥ぁ-んァ-ヶ가-힣]{1,6}",
        "[\u{a0}\u{2000}-\u{200b}\u{3000}\u{85}\u{1c}]{1,3}",
        Just("<|endoftext|>".to_owned()),
        any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_text_counts_as_tiktoken(pieces in proptest::collection::vec(piece(), 0..25)) {
        let text = pieces.concat();
        for encoding in ENCODINGS {
            prop_assert_eq!(Some(count(encoding, &text)), expected(encoding, &text), "{}", encoding);
        }
    }
}
