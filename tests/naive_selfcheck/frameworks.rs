//! Messages as frameworks write them.

use super::reading::check;

#[test]
#[rustfmt::skip]
fn frameworks() {
    check(&[
        // Gemini, ADK
        [
            r#"{"role":"model","parts":[{"text":"t","thought":true},{"function_call":{"name":"f","args":{}},"text":null}]}"#,
            "model assistant", "t|f|{}", "4 0", "- > ", "own",
        ],
        [
            r#"{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"result":"x"}}}]}"#,
            "user tool", r#"f|{"result":"x"}"#, "3 0", " > -", "",
        ],
        [
            r#"{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}},{"functionResponse":{"name":"f","response":{"a":1}}}]}"#,
            "model assistant", r#"f|{}|f|{"a":1}"#, "4 0", " > ", "",
        ],
        [
            r#"{"role":"model","parts":[{"executableCode":{"code":"c"}},{"codeExecutionResult":{"output":"o"}}]}"#,
            "model assistant", "c|o", "3 0", " > ", "own",
        ],
        [
            r#"{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"QUJD"}}]}"#,
            "user user", "", "3 1", " > ", "own",
        ],
        [
            r#"{"author":"agent","content":{"parts":[{"text":"t"}]},"id":"e"}"#,
            "assistant assistant", "t", "3 0", " > ", "own",
        ],
        // Bedrock, Haystack
        [
            r#"{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"json":{"k": 1}},{"text":"t"}]}}]}"#,
            "user tool", r#"{"k": 1}|t"#, "3 0", " > a", "",
        ],
        [
            r#"{"role":"tool","content":[{"tool_call_result":{"result":"r","origin":{"id":"a","tool_name":"f"},"error":false}}]}"#,
            "tool tool", "r", "3 0", " > a", "",
        ],
        [
            r#"{"role":"assistant","content":[{"text":"t"},{"tool_call":{"tool_name":"f","arguments":{},"id":"a"}}]}"#,
            "assistant assistant", "t|f|{}", "4 0", "a > ", "own",
        ],
        // AI SDK
        [
            r#"{"role":"assistant","parts":[{"type":"tool-f","toolCallId":"a","input":{"k":1}}],"content":""}"#,
            "assistant assistant", r#"f|{"k":1}"#, "4 0", "a > ", "",
        ],
        [
            r#"{"role":"assistant","parts":[{"type":"tool-f","toolCallId":"a","input":{},"output":[1]}]}"#,
            "assistant assistant", r#"f|{}|1"#, "4 0", " > ", "",
        ],
        [
            r#"{"role":"assistant","content":"hi","parts":[{"type":"text","text":"hi"}]}"#,
            "assistant assistant", "hi", "3 0", " > ", "own",
        ],
        [
            r#"{"role":"tool","content":[{"type":"tool-approval-response","approvalId":"p","approved":false,"reason":"no"}]}"#,
            "tool tool", "no", "3 0", " > ", "",
        ],
        [
            r#"{"role":"tool","content":[{"type":"tool-result","toolCallId":"a","toolName":"f","output":{"type":"json","value":{"k":[1]}}}]}"#,
            "tool tool", r#"{"k":[1]}"#, "3 0", " > a", "",
        ],
        // LlamaIndex, LangChain in other forms
        [
            r#"{"role":"tool","additional_kwargs":{"name":"f","tool_call_id":"a"},"blocks":[{"block_type":"text","text":"r"}]}"#,
            "tool tool", "r", "3 0", " > a", "",
        ],
        [
            r#"{"type":"ai","content":"","tool_calls":[],"additional_kwargs":{"function_call":{"name":"f","arguments":"{}"}}}"#,
            "assistant assistant", "f|{}", "4 0", "- > ", "",
        ],
        [
            r#"{"lc":1,"type":"constructor","id":["langchain","ToolMessage"],"kwargs":{"content":"r","tool_call_id":"a"}}"#,
            "tool tool", "r", "3 0", " > a", "",
        ],
        // pydantic-ai
        [
            r#"{"kind":"request","parts":[{"part_kind":"tool-return","tool_name":"f","content":{"k":1},"tool_call_id":"a"}],"instructions":"be brief"}"#,
            "tool tool", r#"{"k":1}|be brief"#, "3 0", " > a", "own",
        ],
        [
            r#"{"kind":"request","parts":[{"part_kind":"system-prompt","content":"s"}]}"#,
            "system system", "s", "3 0", " > ", "own",
        ],
        [
            r#"{"kind":"request","parts":[{"part_kind":"retry-prompt","content":"again","tool_name":null}]}"#,
            "user user", "again", "3 0", " > ", "own",
        ],
        [
            r#"{"kind":"request","parts":[{"part_kind":"retry-prompt","content":"again","tool_name":"f","tool_call_id":"a"}]}"#,
            "tool tool", "again", "3 0", " > a", "",
        ],
        // Semantic Kernel in .NET, Extensions.AI
        [
            r#"{"Role":{"Label":"assistant"},"Items":[{"$type":"FunctionCallContent","Id":"a","FunctionName":"f","Arguments":{"k":1}}]}"#,
            "assistant assistant", r#"f|{"k":1}"#, "4 0", "a > ", "",
        ],
        [
            r#"{"Role":{"Label":"tool"},"Items":[{"$type":"FunctionResultContent","CallId":"a","FunctionName":"f","Result":"r"}]}"#,
            "tool tool", "r", "3 0", " > a", "",
        ],
        // AutoGen
        [
            r#"{"type":"MultiModalMessage","source":"user","content":["t",{"data":"QUJD"}]}"#,
            "user user", "t", "3 1", " > ", "own",
        ],
        [
            r#"{"type":"ToolCallSummaryMessage","source":"a","content":"r","tool_calls":[{"id":"a","name":"f","arguments":"{}"}],"results":[{"call_id":"a","content":"r"}]}"#,
            "assistant assistant", "r", "3 0", " > ", "own",
        ],
        // Spring AI, langchain4j
        [
            r#"{"messageType":"TOOL","text":"","responses":[{"id":"a","name":"f","responseData":"r"}]}"#,
            "tool tool", "f|r", "3 0", " > a", "",
        ],
        [
            r#"{"type":"TOOL_EXECUTION_RESULT","toolName":"f","text":"r"}"#,
            "tool tool", "r", "3 0", " > -", "",
        ],
        // Ollama, Cohere, Mistral
        [
            r#"{"role":"user","content":"see","images":["QUJD","QUJD"]}"#,
            "user user", "see", "3 2", " > ", "own",
        ],
        [
            r#"{"role":"assistant","tool_plan":"p","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
            "assistant assistant", "f|{}|p", "4 0", "a > ", "own",
        ],
        [
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]}]}"#,
            "assistant assistant", "t", "3 0", " > ", "own",
        ],
        // Transcripts
        [
            r#"{"type":"user","uuid":"u","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"r"}]}}"#,
            "user tool", "r", "3 0", " > a", "",
        ],
        [
            r#"{"model":"m","done":true,"message":{"role":"assistant","content":"x"}}"#,
            "assistant assistant", "x", "3 0", " > ", "own",
        ],
    ]);
}
