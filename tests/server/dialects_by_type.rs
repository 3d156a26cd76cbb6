//! The counted parts of a message in the dialects that are recognized by `type`: LangChain messages and Responses
//! items.

use crate::dialects::count;

#[test]
fn langchain_messages_are_counted() {
    count(&[
        (
            r#"{"type":"human","data":{"content":"hello","type":"human","additional_kwargs":{},"example":false}}"#,
            "user|hello",
            0,
            0,
        ),
        (
            r#"{"type":"ai","data":{"content":"hi","id":"run-1","response_metadata":{"model":"m"}}}"#,
            "assistant|hi",
            0,
            0,
        ),
        (
            r#"{"type":"system","data":{"content":"Be brief."}}"#,
            "system|Be brief.",
            0,
            0,
        ),
        (
            r#"{"type":"tool","data":{"content":"sunny","tool_call_id":"a"}}"#,
            "tool|sunny",
            0,
            0,
        ),
        (
            r#"{"type":"tool","data":{"content":"sunny","tool_call_id":"a","name":"get_weather"}}"#,
            "tool|sunny|get_weather",
            1,
            0,
        ),
        (
            r#"{"type":"function","data":{"content":"found","name":"lookup"}}"#,
            "function|found|lookup",
            1,
            0,
        ),
        (
            r#"{"type":"chat","data":{"content":"hm","role":"critic"}}"#,
            "critic|hm",
            0,
            0,
        ),
        (
            r#"{"type":"human","data":{"content":"x","name":"alice"}}"#,
            "user|x|alice",
            1,
            0,
        ),
        (
            r#"{"type":"human","data":{"content":"x","name":null}}"#,
            "user|x",
            0,
            0,
        ),
        // Names and contents next to `data` do not belong to the message.
        (
            r#"{"type":"human","name":"alice","content":"y","data":{"content":"x"}}"#,
            "user|x",
            0,
            0,
        ),
        (
            r#"{"type":"human","data":{"content":[{"type":"text","text":"look"},"bare",{"type":"image_url","image_url":{"url":"data:AAAA"}}]}}"#,
            "user|look|bare",
            0,
            1,
        ),
        (
            r#"{"type":"ai","data":{"content":"","tool_calls":[{"name":"get_weather","args":{"city": "Bern"},"id":"a","type":"tool_call"}],"invalid_tool_calls":[]}}"#,
            r#"assistant|get_weather|{"city": "Bern"}"#,
            1,
            0,
        ),
        // Calls that OpenAI's reply left in additional_kwargs are duplicates.
        (
            r#"{"type":"ai","data":{"content":"","additional_kwargs":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"tool_calls":[{"name":"f","args":{},"id":"a"}]}}"#,
            "assistant|f|{}",
            1,
            0,
        ),
        // So are tool_use blocks.
        (
            r#"{"type":"ai","data":{"content":[{"type":"text","text":"so"},{"type":"tool_use","id":"a","name":"f","input":{"k":1}}],"tool_calls":[{"name":"f","args":{"k":1},"id":"a"}]}}"#,
            r#"assistant|so|f|{"k":1}"#,
            1,
            0,
        ),
        (
            r#"{"type":"human","data":{"content":[{"type":"tool_result","tool_use_id":"a","content":"sunny"}]}}"#,
            "user|sunny",
            0,
            0,
        ),
    ]);
}

/// `role` takes precedence over `type` with `data` when the dialect is recognized.
#[test]
fn role_takes_precedence_over_type_and_data() {
    count(&[(
        r#"{"role":"user","content":"x","type":"human","data":{"content":"many other words"}}"#,
        "user|x",
        0,
        0,
    )]);
}

#[test]
fn responses_items_are_counted() {
    count(&[
        (
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}"#,
            "user|hello",
            0,
            0,
        ),
        (
            r#"{"type":"message","role":"user","content":"hello"}"#,
            "user|hello",
            0,
            0,
        ),
        (
            r#"{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]},{"type":"refusal","refusal":"No."}]}"#,
            "assistant|hi|No.",
            0,
            0,
        ),
        (
            r#"{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:AAAA"},{"type":"input_file","file_data":"AAAA"},{"type":"input_audio"}]}"#,
            "user",
            0,
            3,
        ),
        // The name of a call item is counted once.
        (
            r#"{"type":"function_call","id":"fc_1","call_id":"a","name":"get_weather","arguments":"{\"city\":\"Bern\"}"}"#,
            r#"assistant|get_weather|{"city":"Bern"}"#,
            1,
            0,
        ),
        (
            r#"{"type":"function_call","call_id":"a","name":"f","arguments":{ "k": 1 }}"#,
            r#"assistant|f|{ "k": 1 }"#,
            1,
            0,
        ),
        (
            r#"{"type":"function_call_output","call_id":"a","output":"sunny"}"#,
            "tool|sunny",
            0,
            0,
        ),
        (
            r#"{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"one"},{"type":"input_image","image_url":"data:AAAA"}]}"#,
            "tool|one",
            0,
            1,
        ),
        (
            r#"{"type":"function_call_output","call_id":"a","output":{"text":"a block"}}"#,
            "tool|a block",
            0,
            0,
        ),
        (
            r#"{"type":"function_call_output","call_id":"a","output":{"degrees": 21}}"#,
            r#"tool|{"degrees": 21}"#,
            0,
            0,
        ),
        (
            r#"{"type":"custom_tool_call","call_id":"a","name":"run_sql","input":"SELECT 1"}"#,
            "assistant|run_sql|SELECT 1",
            1,
            0,
        ),
        (
            r#"{"type":"custom_tool_call_output","call_id":"a","output":"1 row"}"#,
            "tool|1 row",
            0,
            0,
        ),
        (
            r#"{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"First,"},{"type":"summary_text","text":"then."}],"encrypted_content":"gAAAAABo"}"#,
            "assistant|First,|then.",
            0,
            0,
        ),
        (r#"{"type":"reasoning","summary":[]}"#, "assistant", 0, 0),
        (
            r#"{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Hm."}]}"#,
            "assistant|Hm.",
            0,
            0,
        ),
        // Nothing else than opaque data: one media part.
        (
            r#"{"type":"reasoning","summary":[],"encrypted_content":"gAAAAABo"}"#,
            "assistant",
            0,
            1,
        ),
        (
            r#"{"type":"compaction","encrypted_content":"gAAAAABo"}"#,
            "assistant",
            0,
            1,
        ),
        // An item of no known shape counts whole.
        (
            r#"{"type":"item_reference"}"#,
            r#"assistant|{"type":"item_reference"}"#,
            0,
            0,
        ),
        (
            r#"{"type":"brand_new_thing","content":"x"}"#,
            "assistant|x",
            0,
            0,
        ),
    ]);
}
