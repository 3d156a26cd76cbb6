//! Deep, wide and random messages.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{counted, ids, known};
use crate::conversation::message::{facts, read, with_message, without_results};
use crate::tokens::{Encoding, Rules, Text};

#[test]
fn deep_and_wide_messages_are_read_in_time() {
    let deep = |open: &str, close: &str, n: usize| {
        format!(
            r#"{{"role":"user","content":{}"x"{}}}"#,
            open.repeat(n),
            close.repeat(n)
        )
    };
    for (open, close, per) in [
        (r#"[{"type":"text","content":"#, "}]", 2),
        (r#"[{"text":"#, "}]", 2),
        (r#"[{"thinking":"#, "}]", 2),
        (r#"[{"document":"#, "}]", 2),
        (r#"[{"type":"tool_result","content":"#, "}]", 2),
        (r#"[{"guardContent":"#, "}]", 2),
    ] {
        known(&deep(open, close, 127 / per));
    }
    let calls: Vec<String> = (0..20_000)
        .map(|i| format!(r#"{{"type":"tool_use","id":"c{i}","name":"f","input":{{}}}},{{"type":"tool_result","tool_use_id":"c{i}"}}"#))
        .collect();
    let many = format!(r#"{{"role":"assistant","content":[{}]}}"#, calls.join(","));
    assert_eq!(ids(&known(&many)), (vec![], vec![]));
}

/// Words that mean something somewhere, and some that do not.
fn word() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "role",
        "user",
        "assistant",
        "tool",
        "type",
        "text",
        "content",
        "parts",
        "items",
        "data",
        "kwargs",
        "lc",
        "message",
        "tool_use",
        "tool_result",
        "tool-call",
        "tool-x",
        "functionCall",
        "functionResponse",
        "id",
        "name",
        "call_id",
        "tool_call_id",
        "arguments",
        "input",
        "output",
        "result",
        "results",
        "value",
        "json",
        "thinking",
        "reasoning",
        "details",
        "summary",
        "document",
        "source",
        "title",
        "image",
        "audio",
        "transcript",
        "kind",
        "request",
        "part_kind",
        "user-prompt",
        "retry-prompt",
        "responses",
        "tool_calls",
        "toolInvocations",
        "additional_kwargs",
        "function_call",
        "function",
        "human",
        "ai",
        "reasoning_content",
        "encrypted_content",
        "redacted_thinking",
        "Role",
        "Text",
        "banana",
        "messageType",
        "USER",
        "author",
        "state",
        "error",
        "Buffer",
        "__bytes_encoded__",
        "media_type",
        "uri",
        "stdout",
        "web_search_call",
        "function_call_output",
        "mcp_approval_request",
        "tool-approval-response",
        "reason",
        "x",
    ])
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => word().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<i32>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::from("")),
        1 => Just(Value::from("QUJD".repeat(80))),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((word(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    /// Reading ends well, and its three ways agree.
    #[test]
    fn facts_and_counted_text_agree(value in value()) {
        let json = value.to_string();
        let read = read(json.as_bytes());
        let facts = facts(json.as_bytes());
        prop_assert_eq!(read.as_ref().map(|(facts, _)| facts).ok(), facts.as_ref().ok());
        if let Ok((facts, text)) = read {
            let of = with_message(json.as_bytes(), Text::of).expect("it was read");
            let rules = Rules { encoding: Encoding::O200K_BASE, media_tokens: 85, overhead: 3, scale: 100 };
            prop_assert_eq!(of.count(rules), text.count(rules));
            let counted = counted(&json);
            prop_assert!(counted.matches("call:").count() >= facts.calls.len());
            if facts.own_text {
                prop_assert!(counted.contains('|'), "{}", counted);
            }
            let edited = without_results(json.as_bytes());
            prop_assert_eq!(facts.can_omit_results, edited.is_some());
            if let Some(edited) = edited {
                prop_assert!(crate::conversation::message::facts(&edited).is_ok());
            }
        }
    }

    /// Content of an unknown kind counts.
    #[test]
    fn no_unknown_content_counts_nothing(value in value(), kind in "[b-df-hj-np-tv-z]{9}") {
        let block = json!({"type": kind, "note": "some words", "more": value});
        let message = json!({"role": "user", "content": [block]}).to_string();
        prop_assert!(counted(&message).contains("some words"));
        prop_assert!(known(&message).unread);
        let message = json!({"role": "user", kind: {"note": "some words", "more": value}}).to_string();
        prop_assert!(counted(&message).contains("some words"));
        prop_assert!(known(&message).unread);
    }
}
