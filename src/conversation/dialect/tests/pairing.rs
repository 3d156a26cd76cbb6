//! Calls, results and approvals of one message.

use serde_json::{Value, json};

use super::{ids, known};
use crate::conversation::message::{CallKind, Class};

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
