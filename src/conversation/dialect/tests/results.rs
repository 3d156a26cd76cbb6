//! Text outside results, and messages without their results.

use super::known;
use crate::conversation::message::{facts, without_results};

#[test]
fn text_of_its_own() {
    for (json, own) in [
        (r#"{"role":"user","content":"x"}"#, true),
        (r#"{"role":"user","content":""}"#, false),
        (r#"{"role":"tool","tool_call_id":"a","content":"x"}"#, false),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}"#,
            false,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"},{"type":"text","text":"y"}]}"#,
            true,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"image"}]}"#,
            true,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"blob"}]}"#,
            true,
        ),
        (
            r#"{"role":"tool","content":[{"type":"tool-result","toolCallId":"a","output":"x"},{"type":"text","text":"y"}]}"#,
            true,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}"#,
            false,
        ),
        (
            r#"{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"a":1}}}]}"#,
            false,
        ),
    ] {
        assert_eq!(known(json).own_text, own, "{json}");
    }
}

#[test]
fn results_are_taken_out() {
    let text = r#"{"type":"text","text":"b"}"#;
    let result =
        |id: &str| format!(r#"{{ "type":"tool_result","tool_use_id":"{id}","content":"],[" }}"#);
    let message = |blocks: &str| format!(r#"{{"role":"user" , "content" :{blocks}, "x": 1e999}}"#);
    for (before, after) in [
        (format!("[{}, {text}]", result("a")), format!("[{text}]")),
        (format!("[ {text} ,{}]", result("a")), format!("[ {text}]")),
        (
            format!("[{text},\n{},\n {text} ]", result("a")),
            format!("[{text},\n {text} ]"),
        ),
        (
            format!("[{},{text},{}]", result("a"), result("b")),
            format!("[{text}]"),
        ),
        (format!("[{} ]", result("a")), "[ ]".to_owned()),
    ] {
        assert!(known(&message(&before)).can_omit_results, "{before}");
        let edited = without_results(message(&before).as_bytes()).expect(&before);
        let edited = String::from_utf8(edited).expect("UTF-8");
        assert_eq!(edited, message(&after), "{before}");
        assert!(known(&edited).results.is_empty());
    }
    for none in [
        r#"{"role":"user","content":"x"}"#,
        r#"{"role":"user","content":[{"type":"text","text":"x"}]}"#,
        r#"{"role":"tool","tool_call_id":"a","content":"x"}"#,
        r#"{"role":"user","content":[{"functionResponse":{"id":"a"},"toolResult":{"id":"b"}},"x"]}"#,
        r#"{"messageType":"TOOL","responses":[{"id":"a","responseData":"x"}]}"#,
        "[]",
        "x",
    ] {
        assert_eq!(without_results(none.as_bytes()), None, "{none}");
        let known = facts(none.as_bytes()).unwrap_or_default();
        assert!(!known.can_omit_results, "{none}");
    }
    // The result of a call in the message itself belongs to it.
    let own = r#"{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"f","input":{}},
        {"type":"web_search_tool_result","tool_use_id":"s","content":[]},{"type":"tool_result","tool_use_id":"a"},"x"]}"#;
    let edited = without_results(own.as_bytes()).expect("one of them");
    let edited = String::from_utf8(edited).expect("UTF-8");
    assert!(
        edited.contains("web_search_tool_result") && !edited.contains("\"a\""),
        "{edited}"
    );
}
