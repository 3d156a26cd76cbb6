//! Messages with results.

use super::{Call, Framework, Framework::*, dumpd, transcript, with_id};
use serde_json::{Value, json};

/// One message with these results; of several, frameworks that cannot hold them take the first.
pub fn results(f: Framework, calls: &[Call], t: &str) -> Value {
    let each = |g: &dyn Fn(&Call) -> Value| calls.iter().map(g).collect::<Vec<Value>>();
    let one = &calls[0];
    match f {
        Ollama => json!({"role":"tool","tool_name":one.name,"content":t}),
        Legacy => json!({"role":"function","name":one.name,"content":t}),
        Cohere => with_id(
            json!({"role":"tool","content":[{"type":"document","document":{"data":{"r":t}}}]}),
            "tool_call_id",
            &one.id,
        ),
        Gemini | Adk => {
            let part = |c: &Call| json!({"functionResponse":with_id(json!({"name":c.name,"response":{"r":t}}), "id", &c.id)});
            let content = json!({"role":"user","parts":each(&part)});
            match f {
                Adk => json!({"author":"helper","content":content,"id":"e"}),
                _ => content,
            }
        }
        GeminiSnake => {
            let part = |c: &Call| json!({"function_response":{"id":c.id,"name":c.name,"response":{"r":t}},"text":null});
            json!({"parts":each(&part),"role":"user"})
        }
        Bedrock => {
            let block = |c: &Call| json!({"toolResult":with_id(json!({"content":[{"text":t},{"json":{"r":t}}],"status":"success"}), "toolUseId", &c.id)});
            json!({"role":"user","content":each(&block)})
        }
        ModelMessage => {
            let block = |c: &Call| {
                with_id(
                    json!({"type":"tool-result","toolName":c.name,"output":{"type":"text","value":t}}),
                    "toolCallId",
                    &c.id,
                )
            };
            json!({"role":"tool","content":each(&block)})
        }
        LlamaIndex => {
            let more = with_id(json!({"name":one.name}), "tool_call_id", &one.id);
            json!({"role":"tool","additional_kwargs":more,"blocks":[{"block_type":"text","text":t}]})
        }
        PydanticAi => {
            let part = |c: &Call| json!({"tool_name":c.name,"content":t,"tool_call_id":c.id,"part_kind":"tool-return"});
            json!({"parts":each(&part),"kind":"request"})
        }
        KernelPython => {
            let item = |c: &Call| {
                with_id(
                    json!({"content_type":"function_result","name":c.name,"result":t}),
                    "id",
                    &c.id,
                )
            };
            json!({"content_type":"message","role":"tool","items":each(&item)})
        }
        KernelNet => {
            let item = |c: &Call| json!({"$type":"FunctionResultContent","CallId":c.id,"FunctionName":c.name,"Result":t});
            json!({"Role":{"Label":"tool"},"Items":each(&item)})
        }
        ExtensionsAi => {
            let item = |c: &Call| json!({"$type":"functionResult","callId":c.id,"result":{"r":t}});
            json!({"role":"tool","contents":each(&item)})
        }
        AutoGenCore | AutoGenChat => {
            let result = |c: &Call| {
                let id = c.id.clone().filter(|id| !id.is_null());
                json!({"content":t,"name":c.name,"call_id":id.unwrap_or(json!("")),"is_error":false})
            };
            match f {
                AutoGenCore => {
                    json!({"content":each(&result),"type":"FunctionExecutionResultMessage"})
                }
                _ => {
                    json!({"content":each(&result),"source":"helper","type":"ToolCallExecutionEvent"})
                }
            }
        }
        SpringAi => {
            let response = |c: &Call| with_id(json!({"name":c.name,"responseData":t}), "id", &c.id);
            json!({"messageType":"TOOL","text":"","responses":each(&response)})
        }
        LangChain4j => with_id(
            json!({"toolName":one.name,"text":t,"type":"TOOL_EXECUTION_RESULT"}),
            "id",
            &one.id,
        ),
        LangChainFlat => with_id(
            json!({"content":t,"type":"tool","name":one.name,"status":"success"}),
            "tool_call_id",
            &one.id,
        ),
        LangChainDumpd => dumpd(
            "ToolMessage",
            with_id(json!({"content":t,"type":"tool"}), "tool_call_id", &one.id),
        ),
        Haystack => {
            let block = |c: &Call| {
                let origin = json!({"tool_name":c.name,"arguments":{},"id":c.id});
                json!({"tool_call_result":{"result":t,"origin":origin,"error":false}})
            };
            json!({"role":"tool","meta":{},"content":each(&block)})
        }
        Transcript => {
            let block = |c: &Call| {
                with_id(
                    json!({"type":"tool_result","content":t}),
                    "tool_use_id",
                    &c.id,
                )
            };
            transcript("user", json!({"role":"user","content":each(&block)}))
        }
        Shell => with_id(
            json!({"type":"shell_call_output","output":[{"stdout":t,"stderr":""}]}),
            "call_id",
            &one.id,
        ),
        AgentsJs => with_id(
            json!({"type":"function_call_result","name":one.name,"output":{"type":"text","text":t}}),
            "callId",
            &one.id,
        ),
    }
}

/// The same with a text of its own besides, where the framework has a place for it.
pub fn results_and_text(f: Framework, list: &[Call], t: &str, own: &str) -> Value {
    let mut v = results(f, list, t);
    let block = match f {
        Gemini | GeminiSnake | Bedrock => json!({"text":own}),
        ModelMessage | KernelPython | ExtensionsAi | Transcript => {
            json!({"type":"text","text":own})
        }
        PydanticAi => json!({"content":own,"part_kind":"user-prompt"}),
        SpringAi => {
            v["text"] = json!(own);
            return v;
        }
        _ => return v,
    };
    for path in [
        "/content",
        "/parts",
        "/items",
        "/contents",
        "/message/content",
    ] {
        if let Some(list) = v.pointer_mut(path).and_then(Value::as_array_mut) {
            list.push(block);
            break;
        }
    }
    v
}
