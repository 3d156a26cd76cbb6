//! Rows of the vocabulary: keys, kinds, roles.

use super::counted;
use crate::conversation::dialect::vocabulary::{self, Kind};
use crate::conversation::message::Class;

#[test]
fn every_kind_is_found_in_any_letter_case() {
    for (word, kind) in [
        ("text", Kind::Text),
        ("TEXT", Kind::Text),
        ("Output_Text", Kind::Text),
        ("toolUse", Kind::Call),
        ("TOOLUSE", Kind::Call),
        ("tool-call", Kind::Call),
        ("custom_tool_call", Kind::Call),
        ("hostedToolCall", Kind::Call),
        ("web_search_tool_result", Kind::Result),
        ("codeToolResult", Kind::Result),
        ("tool-weather", Kind::Invocation),
        ("tool-invocation", Kind::Invocation),
        ("function_approval_request", Kind::Approval),
        ("tool-approval-request", Kind::Approval),
        ("uri", Kind::TypedMedia),
        ("step-start", Kind::Nothing),
    ] {
        assert_eq!(vocabulary::kind(word), Some(kind), "{word}");
    }
    for word in ["", "texts", "banana", "tool-", "_approval_", "tool_", "é"] {
        assert_eq!(vocabulary::kind(word), None, "{word}");
    }
}

#[test]
fn roles_have_classes() {
    for (role, class) in [
        ("developer", Class::System),
        ("SystemMessageChunk", Class::System),
        ("human", Class::User),
        ("model", Class::Assistant),
        ("AIMessageChunk", Class::Assistant),
        ("tool-response", Class::Assistant),
        ("function", Class::Tool),
        ("TOOL_EXECUTION_RESULT", Class::Tool),
        ("User", Class::Other),
        ("", Class::Other),
        ("Chunk", Class::Other),
    ] {
        assert_eq!(vocabulary::class(role), class, "{role}");
    }
}

#[test]
fn the_last_of_equal_keys_counts_and_null_is_missing() {
    for (json, want) in [
        (
            r#"{"role":"user","content":"many words","content":"x"}"#,
            "user|x",
        ),
        (
            r#"{"role":7,"role":"assistant","content":"x"}"#,
            "assistant|x",
        ),
        (r#"{"role":"user","content":"x","content":null}"#, "user"),
        (
            r#"{"role":"user","content":[{"text":"many words","text":"x"}]}"#,
            "user|x",
        ),
        (
            r#"{"role":"user","name":"bob","name":7,"content":"x"}"#,
            "user|x",
        ),
        (r#"{"role":"user","Content":"x"}"#, "user|x"),
        (
            r#"{"Role":"user","Name":"bea","content":"x"}"#,
            "user|name:bea|x",
        ),
        (
            r#"{"role":null,"type":"reasoning","summary":[]}"#,
            "assistant",
        ),
        (r#"{"role":"user","parts":null,"content":"x"}"#, "user|x"),
        (r#"{"role":"user","content":null,"text":"x"}"#, "user|x"),
        (
            r#"{"role":"user","content":"x","text":"y","message":"z"}"#,
            "user|x",
        ),
        (
            r#"{"role":"user","parts":[],"content":[{"type":"text","text":"x"}]}"#,
            "user|x",
        ),
    ] {
        assert_eq!(counted(json), want, "{json}");
    }
}

#[test]
fn the_fuzzing_dictionary_has_all_words() {
    let dictionary = include_str!("../../../../fuzz/message.dict");
    for word in vocabulary::all_words() {
        let entry = format!(r#""\"{word}\"""#);
        assert!(dictionary.lines().any(|line| line == entry), "{entry}");
    }
}

/// Of equal keys the last one counts, whatever its value: nothing that it replaces hides what else there is.
#[test]
fn of_equal_keys_that_name_a_kind_the_last_counts() {
    let block = |members: &str| format!(r#"{{"role":"user","content":[{{{members}}}]}}"#);
    for (members, same) in [
        (r#""media":"d","media":null,"foo":"a b""#, r#""foo":"a b""#),
        (r#""media":"d","media":7"#, r#""media":7"#),
        (
            r#""text":"x","functionCall":{"name":"f","args":{}},"functionCall":null"#,
            r#""text":"x""#,
        ),
    ] {
        let facts = super::known(&block(members));
        let expected = super::known(&block(same));
        assert_eq!(facts.unread, expected.unread, "{members}");
        assert_eq!(facts.calls, expected.calls, "{members}");
    }
    assert_eq!(counted(&block(r#""media":"d","media":{}"#)), "user|media");
}

/// Key spellings that differ by letter case are different keys, and comparing each with all others would take seconds.
#[test]
fn many_keys_that_name_kinds_are_no_block() {
    let spellings: Vec<String> = (0..1 << 15)
        .map(|bits: u32| {
            let letter = |(n, c): (usize, char)| match bits >> n & 1 {
                0 => c,
                _ => c.to_ascii_uppercase(),
            };
            let key: String = "container_upload".chars().enumerate().map(letter).collect();
            format!(r#""{key}":{{}}"#)
        })
        .collect();
    let message = format!(
        r#"{{"role":"user","content":[{{{}}}]}}"#,
        spellings.join(",")
    );
    let start = std::time::Instant::now();
    assert!(super::known(&message).unread);
    // Milliseconds; when it was quadratic, most of a minute.
    assert!(start.elapsed() < std::time::Duration::from_secs(5));
}
