//! What is read in single messages: rows of the vocabulary, calls and results of one message, editing, rejections.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::Counted;
use super::vocabulary::{self, Kind};
use crate::conversation::message::{
    CallKind, Class, Facts, SummaryForm, facts, read, with_message, without_results,
};
use crate::tokens::{Encoding, Rules, Text};

fn known(json: &str) -> Facts {
    facts(json.as_bytes()).expect(json)
}

fn rejected(json: &str) -> String {
    facts(json.as_bytes()).expect_err(json).0
}

/// What counts, one part after the other: role, texts, `name:` and `call:` parts, `media`.
fn counted(json: &str) -> String {
    let mut parts = Vec::new();
    with_message(json.as_bytes(), |message| {
        message.visit_counted(&mut |part| match part {
            Counted::Role(text) | Counted::Text(text) => parts.push(text.to_owned()),
            Counted::Name(name) => parts.push(format!("name:{name}")),
            Counted::Call(name, arguments) => parts.push(format!("call:{name}({arguments})")),
            Counted::Media => parts.push("media".into()),
        });
    })
    .expect(json);
    parts.join("|")
}

fn ids(facts: &Facts) -> (Vec<Option<&str>>, Vec<Option<&str>>) {
    (
        facts.calls.iter().map(|call| call.id.as_deref()).collect(),
        facts
            .results
            .iter()
            .map(|result| result.id.as_deref())
            .collect(),
    )
}

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
fn calls_and_results_of_one_message_close_each_other() {
    let message = |blocks: Value| json!({"role": "assistant", "content": blocks}).to_string();
    let call =
        |id: Value, name: &str| json!({"type": "tool_use", "id": id, "name": name, "input": {}});
    let result = |id: Value| json!({"type": "tool_result", "tool_use_id": id, "content": "x"});
    for (blocks, calls, results) in [
        (
            json!([call(json!("a"), "f"), result(json!("a"))]),
            vec![],
            vec![],
        ),
        (
            json!([result(json!("a")), call(json!("a"), "f")]),
            vec![],
            vec![],
        ),
        (
            json!([
                call(json!("a"), "f"),
                call(json!("a"), "f"),
                result(json!("a"))
            ]),
            vec![Some("a")],
            vec![],
        ),
        (
            json!([
                call(json!("a"), "f"),
                result(json!("a")),
                result(json!("a"))
            ]),
            vec![],
            vec![Some("a")],
        ),
        // A result with an id never answers a call without one.
        (
            json!([call(json!(null), "f"), result(json!("a"))]),
            vec![None],
            vec![Some("a")],
        ),
        (
            json!([call(json!(""), "f"), result(json!(7))]),
            vec![],
            vec![],
        ),
        // A result without an id answers what was called before it.
        (
            json!([result(json!(null)), call(json!(null), "f")]),
            vec![None],
            vec![None],
        ),
        (
            json!([
                call(json!("a"), "f"),
                call(json!(null), "g"),
                result(json!(null))
            ]),
            vec![Some("a")],
            vec![],
        ),
        (
            json!([call(json!("a"), "f"), result(json!(null))]),
            vec![],
            vec![],
        ),
    ] {
        let json = message(blocks);
        assert_eq!(ids(&known(&json)), (calls, results), "{json}");
    }
    let named = r#"{"role":"assistant","content":[
        {"functionCall":{"name":"f"}},{"functionCall":{"name":"g"}},{"functionResponse":{"name":"g","response":{"a":1}}}]}"#;
    let facts = known(named);
    assert_eq!(facts.calls.len(), 1);
    assert_eq!(facts.calls[0].name.as_deref(), Some("f"));
    let beside = r#"{"role":"assistant","content":[{"type":"tool-result","toolCallId":"a","output":"x"}],
        "tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}"#;
    assert_eq!(ids(&known(beside)), (vec![], vec![]));
}

#[test]
fn approvals_open_and_answer_nothing() {
    let only = known(
        r#"{"role":"tool","content":[{"type":"tool-approval-response","approvalId":"x","approved":true}]}"#,
    );
    assert!(only.approvals && only.only_approvals && !only.own_text && !only.unread);
    assert_eq!(ids(&only), (vec![], vec![]));
    let beside = known(
        r#"{"role":"assistant","content":[{"type":"text","text":"So?"},{"type":"tool-approval-request","approvalId":"x"}]}"#,
    );
    assert!(beside.approvals && !beside.only_approvals && beside.own_text);
    let request = known(r#"{"type":"mcp_approval_request","id":"p","name":"f","arguments":"{}"}"#);
    assert_eq!(request.calls[0].kind, CallKind::McpApproval);
    assert!(request.call_item && request.item);
    let response =
        known(r#"{"type":"mcp_approval_response","approval_request_id":"p","approve":true}"#);
    assert_eq!(response.results[0].kind, CallKind::McpApproval);
    assert_eq!(response.class, Class::Tool);
}

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
        let edited = without_results(message(&before).as_bytes()).expect(&before);
        let edited = String::from_utf8(edited).expect("UTF-8");
        assert_eq!(edited, message(&after), "{before}");
        assert!(known(&edited).results.is_empty());
    }
    for none in [
        r#"{"role":"user","content":"x"}"#,
        r#"{"role":"user","content":[{"type":"text","text":"x"}]}"#,
        r#"{"role":"tool","tool_call_id":"a","content":"x"}"#,
        r#"{"messageType":"TOOL","responses":[{"id":"a","responseData":"x"}]}"#,
        "[]",
        "x",
    ] {
        assert_eq!(without_results(none.as_bytes()), None, "{none}");
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

#[test]
fn rejections_say_what_would_be_accepted() {
    for (json, want) in [
        (
            "[]",
            "expected a JSON object, found an array: pass each message as its own argument",
        ),
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
            let rules = Rules { encoding: Encoding::O200kBase, media_tokens: 85, overhead: 3, scale: 100 };
            prop_assert_eq!(of.count(rules), text.count(rules));
            let counted = counted(&json);
            prop_assert!(counted.matches("call:").count() >= facts.calls.len());
            if facts.own_text {
                prop_assert!(counted.contains('|'), "{}", counted);
            }
            if let Some(edited) = without_results(json.as_bytes()) {
                prop_assert!(super::super::message::facts(&edited).is_ok());
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
