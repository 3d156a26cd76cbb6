//! Items, forms, ids, and messages that are rejected.

use super::{known, rejected};
use crate::conversation::message::SummaryForm;

#[test]
fn items_and_forms() {
    let call = known(r#"{"type":"local_shell_call","call_id":"c","id":"i","action":{}}"#);
    assert!(call.item && call.call_item && call.typed);
    assert_eq!(call.calls[0].item_id.as_deref(), Some("i"));
    let output = known(r#"{"type":"local_shell_call_output","id":"i","output":"x"}"#);
    assert!(output.results[0].by_item_id && output.id.is_none());
    assert!(known(r#"{"type":"reasoning","summary":[]}"#).reasoning);
    let hosted = known(r#"{"type":"web_search_call","id":"w","action":{}}"#);
    assert!(hosted.call_item && hosted.calls.is_empty());
    for (json, form) in [
        (r#"{"role":"user","content":"x"}"#, SummaryForm::Base),
        (
            r#"{"type":"human","data":{"content":"x"}}"#,
            SummaryForm::LangChainDict,
        ),
        (
            r#"{"type":"human","content":"x"}"#,
            SummaryForm::LangChainFlat,
        ),
        (
            r#"{"type":"UserMessage","content":"x","source":"user"}"#,
            SummaryForm::Base,
        ),
        (
            r#"{"lc":1,"type":"constructor","id":["HumanMessage"],"kwargs":{"content":"x"}}"#,
            SummaryForm::LangChainConstructor,
        ),
    ] {
        assert_eq!(known(json).summary_form, form, "{json}");
    }
}

#[test]
fn ids_are_those_of_the_message() {
    for (json, id) in [
        (r#"{"role":"user","content":"x","id":"a"}"#, Some("a")),
        (r#"{"role":"user","content":"x","id":""}"#, None),
        (r#"{"role":"user","content":"x","id":7}"#, None),
        (
            r#"{"type":"human","id":"b","data":{"content":"x","id":"a"}}"#,
            Some("a"),
        ),
        (
            r#"{"id":"a","message":{"role":"user","content":"x","id":"b"}}"#,
            Some("a"),
        ),
        (
            r#"{"message":{"role":"user","content":"x","id":"b"}}"#,
            None,
        ),
        (
            r#"{"id":"a","author":"user","content":{"parts":[{"text":"x"}]}}"#,
            Some("a"),
        ),
        (
            r#"{"id":"a","text":"x","type":"TOOL_EXECUTION_RESULT"}"#,
            None,
        ),
    ] {
        assert_eq!(known(json).id.as_deref(), id, "{json}");
    }
}

#[test]
fn rejections_say_what_would_be_accepted() {
    for (json, want) in [
        ("[]", "expected a JSON object, found an array"),
        ("7", "expected a JSON object, found a number"),
        (r#"{"role":7}"#, "`role` must be a string, found a number"),
        (
            r#"{"role":{"a":"user"}}"#,
            "`role` must be a string, found an object",
        ),
    ] {
        assert_eq!(rejected(json), want);
    }
    for (json, word) in [
        ("{'role': 'user', 'content': 'x'}", "json.dumps"),
        ("{}", r#"{"role":"user","content":"..."}"#),
        (r#"{"content":"x"}"#, r#"{"role":"user","content":"..."}"#),
        (r#"{"type":7}"#, "`type` must be a string"),
        (
            r#"{"type":"message","content":"x"}"#,
            "`message` item needs one",
        ),
        (r#"{"type":"remove","data":{"id":"a"}}"#, "CONV.DEL"),
        (r#"{"type":"chat","data":{"content":"x"}}"#, "no `role`"),
        (
            r#"{"type":"chat","data":{"role":7}}"#,
            "`role` must be a string",
        ),
    ] {
        assert!(rejected(json).contains(word), "{json}: {}", rejected(json));
    }
    assert!(rejected(&format!(r#"{{"role":"{}"}}"#, "r".repeat(65))).contains("65 bytes"));
}
