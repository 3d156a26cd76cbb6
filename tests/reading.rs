//! Reading messages: against the naive reader on messages of all dialects, and against serde_json on damaged JSON.

use conv::conversation::json::with_document;
use conv::conversation::message::{Counted, facts, trim, with_message};
use naive::{generate, read};
use proptest::prelude::*;

/// All counted strings, the fixed part of T(message), and the number of media parts.
fn counted(json: &str) -> (Vec<String>, u64, u64) {
    let (mut texts, mut fixed, mut media) = (Vec::new(), 3, 0);
    with_message(json.as_bytes(), |message| {
        message.visit_counted(&mut |part| match part {
            Counted::Role(text) | Counted::Text(text) => texts.push(text.to_owned()),
            Counted::Name(name) => {
                texts.push(name.to_owned());
                fixed += 1;
            }
            Counted::Call(name, arguments) => {
                texts.extend([name.to_owned(), arguments.to_owned()]);
                fixed += 1;
            }
            Counted::Media => media += 1,
        });
    })
    .expect(json);
    texts.retain(|text| !text.is_empty());
    texts.sort();
    (texts, fixed, media)
}

/// Checks that the module and the naive model read the same from a message.
fn agree(json: &str) -> Result<(), TestCaseError> {
    let (model, known) = match (read(json), facts(json.as_bytes())) {
        (Ok(model), Ok(known)) => (model, known),
        (Err(_), Err(_)) => return Ok(()),
        (model, known) => {
            prop_assert!(false, "{:?} against {:?}", known, model.map(|m| m.role));
            return Ok(());
        }
    };
    let calls: Vec<_> = known
        .calls
        .iter()
        .map(|c| (c.id.as_deref(), c.name.as_deref()))
        .collect();
    let expected: Vec<_> = model
        .opens()
        .map(|c| (c.id.as_deref(), name_for_pairing(&c.id, &c.name)))
        .collect();
    prop_assert_eq!(calls, expected, "calls");
    let results: Vec<_> = known
        .results
        .iter()
        .map(|r| (r.id.as_deref(), r.name.as_deref()))
        .collect();
    let expected: Vec<_> = model
        .answers()
        .map(|r| (r.id.as_deref(), name_for_pairing(&r.id, &r.name)))
        .collect();
    prop_assert_eq!(results, expected, "results");
    prop_assert_eq!(known.id.as_deref(), model.id.as_deref(), "id");
    prop_assert_eq!(known.unread, model.unread, "unread");
    // Only a message with results is returned for its own text.
    if model.is_answer() {
        prop_assert_eq!(known.own_text, model.own_text, "own text");
    }
    prop_assert_eq!(known.only_approvals, model.is_approval(), "approvals");
    prop_assert_eq!(known.reasoning, model.is_reasoning, "reasoning");
    prop_assert_eq!(
        known.call_item && !known.calls.is_empty(),
        model.is_call_item && model.opens().next().is_some(),
        "call item"
    );
    let mut texts = model.counted.clone();
    texts.retain(|text| !text.is_empty());
    texts.sort();
    prop_assert_eq!(counted(json), (texts, model.fixed, model.media), "counted");
    Ok(())
}

/// The name of a call or result as the facts keep it: with an id, the name is never compared.
fn name_for_pairing<'a>(id: &Option<String>, name: &'a Option<String>) -> Option<&'a str> {
    name.as_deref().filter(|_| id.is_none())
}

/// serde_json's verdict, by the grammar alone.
fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .is_ok_and(|t| serde_json::from_str::<serde::de::IgnoredAny>(t).is_ok())
}

/// Small pieces of JSON and of what is almost JSON.
fn shard() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\"",
        "\"role\"",
        "null",
        "true",
        "fals",
        "0",
        "-",
        "1e400",
        "-12345678901234567890123",
        "1.5",
        "01",
        "1.",
        ".5",
        "1e",
        "\"\\ud800\"",
        "\"\\udc00x\"",
        "\"\\ud83d\\ude00\"",
        "\"\\u12\"",
        "\"\\x\"",
        "\"\\u0000\"",
        "\"\t\"",
        " ",
        "\n",
        "\"",
        "\\",
        "é",
        "\u{feff}",
        "{\"a\":1}",
        "[1,2]",
        "{\"a\":{\"b\":[]}}",
        "\u{7f}",
        "Infinity",
        "'a'",
        "/**/",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn messages_read_as_the_model_reads_them(json in generate::message()) {
        agree(&json)?;
    }

    #[test]
    fn messages_of_all_frameworks_read_as_the_model_reads_them(json in naive::generate_mixed::mixed_message()) {
        agree(&json)?;
    }

    #[test]
    fn json_is_taken_as_the_grammar_says(shards in proptest::collection::vec(shard(), 0..9)) {
        let text = shards.concat();
        let taken = with_document(text.as_bytes(), |_| ()).is_ok();
        prop_assert_eq!(taken, is_json(text.as_bytes()), "{:?}", text);
    }

    #[test]
    fn damaged_messages_are_taken_as_the_grammar_says(
        json in generate::message(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        kind in 0..3u8,
    ) {
        let mut bytes = json.into_bytes();
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.truncate(at),
            _ => bytes.insert(at, byte),
        }
        prop_assert_eq!(with_document(&bytes, |_| ()).is_ok(), is_json(&bytes));
        // Whatever it is, reading it as a message ends well.
        let _ = facts(trim(&bytes));
    }

    #[test]
    fn any_bytes_are_taken_as_the_grammar_says(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
        prop_assert_eq!(with_document(&bytes, |_| ()).is_ok(), is_json(&bytes));
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!(
            r#"{{"role":"user","x":{}{}}}"#,
            "[".repeat(inner),
            "]".repeat(inner)
        )
    };
    assert!(facts(nested(128).as_bytes()).is_ok());
    let refused = facts(nested(129).as_bytes()).expect_err("too deep");
    assert_eq!(refused.0, "nested deeper than 128");
    assert!(facts(nested(1_000_000).as_bytes()).is_err());
}

#[test]
fn arguments_count_verbatim() {
    let json = r#"{"role":"assistant","n":1e999,"content":[{"type":"text","text":"a\ud800b"},
        {"type":"tool_use","id":"x","name":"f","input":{ "a" : [1, {"b":"}]"} ] , "a": 2 }}]}"#;
    let (texts, fixed, _) = counted(json);
    assert_eq!(fixed, 4);
    let arguments = r#"{ "a" : [1, {"b":"}]"} ] , "a": 2 }"#;
    assert!(texts.iter().any(|t| t == arguments), "{texts:?}");
    assert!(texts.iter().any(|t| t == "a\u{fffd}b"), "{texts:?}");
}
