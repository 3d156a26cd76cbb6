//! The keys under which things stand, and the types of items.

/// "id of a call"
pub const CALL_IDS: [&str; 6] = [
    "call_id",
    "callId",
    "tool_call_id",
    "toolCallId",
    "toolUseId",
    "id",
];
/// "(items: `call_id` or `callId` only, except as named above)"
pub const ITEM_IDS: [&str; 2] = ["call_id", "callId"];
/// "id that a result answers"
pub const RESULT_IDS: [&str; 6] = [
    "tool_call_id",
    "tool_use_id",
    "call_id",
    "callId",
    "toolCallId",
    "toolUseId",
];
/// "name of a call"
pub const NAMES: [&str; 4] = ["name", "tool_name", "toolName", "FunctionName"];
/// "arguments"
pub const ARGUMENTS: [&str; 11] = [
    "arguments",
    "args",
    "input",
    "inputs",
    "parameters",
    "tool_kwargs",
    "action",
    "actions",
    "operation",
    "queries",
    "code",
];
/// "value of a result"
pub const VALUES: [&str; 11] = [
    "content",
    "output",
    "outputs",
    "result",
    "results",
    "response",
    "responseData",
    "errorText",
    "error",
    "tools",
    "stdout",
];
/// "content": arrays, in this order.
pub const ARRAYS: [&str; 5] = ["parts", "blocks", "contents", "items", "content"];
/// "content": strings, in this order.
pub const STRINGS: [&str; 3] = ["content", "text", "message"];

/// "items `..._call`", `program`, `mcp_approval_request`
pub fn is_call_item(kind: &str) -> bool {
    kind.ends_with("_call") || kind == "program" || kind == "mcp_approval_request"
}

/// "items `..._call_output`, `..._call_result`, `program_output`, `tool_search_output`", and the answer to an approval.
pub fn is_result_item(kind: &str) -> bool {
    let kinds = [
        "program_output",
        "tool_search_output",
        "mcp_approval_response",
    ];
    kind.ends_with("_call_output") || kind.ends_with("_call_result") || kinds.contains(&kind)
}
