//! Messages with calls.

use super::{Call, Framework, Framework::*, dumpd, transcript, with_id};
use serde_json::{Value, json};

/// The messages that open these calls; one, but for items.
pub fn calls(f: Framework, calls: &[Call], t: &str) -> Vec<Value> {
    let each = |g: &dyn Fn(&Call) -> Value| calls.iter().map(g).collect::<Vec<Value>>();
    let chat = |c: &Call| {
        with_id(
            json!({"type":"function","function":{"name":c.name,"arguments":{"x":c.text}}}),
            "id",
            &c.id,
        )
    };
    let flat = |c: &Call| with_id(json!({"name":c.name,"args":{"x":c.text}}), "id", &c.id);
    vec![match f {
        Ollama => json!({"role":"assistant","content":t,"tool_calls":each(&chat)}),
        // It calls one function at a time.
        Legacy => {
            json!({"role":"assistant","content":null,"function_call":{"name":calls[0].name,"arguments":calls[0].text}})
        }
        Cohere => {
            json!({"role":"assistant","tool_plan":t,"tool_calls":each(&chat)})
        }
        Gemini | Adk => {
            let part = |c: &Call| {
                let call = with_id(json!({"name":c.name,"args":{"x":c.text}}), "id", &c.id);
                json!({"thoughtSignature":"c2ln","functionCall":call})
            };
            let content = json!({"role":"model","parts":each(&part)});
            match f {
                Adk => json!({"author":"helper","content":content,"id":"e"}),
                _ => content,
            }
        }
        GeminiSnake => {
            let part = |c: &Call| {
                let call = json!({"id":c.id,"args":{"x":c.text},"name":c.name});
                json!({"video_metadata":null,"function_call":call,"text":null})
            };
            json!({"parts":each(&part),"role":"model"})
        }
        Bedrock => {
            let block = |c: &Call| json!({"toolUse":with_id(json!({"name":c.name,"input":{"x":c.text}}), "toolUseId", &c.id)});
            let mut content = vec![json!({"text":t})];
            content.extend(each(&block));
            json!({"role":"assistant","content":content})
        }
        ModelMessage => {
            let block = |c: &Call| {
                with_id(
                    json!({"type":"tool-call","toolName":c.name,"input":{"x":c.text}}),
                    "toolCallId",
                    &c.id,
                )
            };
            json!({"role":"assistant","content":each(&block)})
        }
        LlamaIndex => {
            json!({"role":"assistant","additional_kwargs":{"tool_calls":each(&chat)},"blocks":[]})
        }
        PydanticAi => {
            let part = |c: &Call| json!({"tool_name":c.name,"args":c.text,"tool_call_id":c.id,"part_kind":"tool-call"});
            json!({"parts":each(&part),"kind":"response"})
        }
        KernelPython => {
            let item = |c: &Call| {
                with_id(
                    json!({"content_type":"function_call","index":0,"name":c.name,"arguments":c.text}),
                    "id",
                    &c.id,
                )
            };
            json!({"content_type":"message","role":"assistant","items":each(&item),"finish_reason":"tool_calls"})
        }
        KernelNet => {
            let item = |c: &Call| json!({"$type":"FunctionCallContent","Id":c.id,"PluginName":"P","FunctionName":c.name,"Arguments":{"x":c.text}});
            json!({"Role":{"Label":"assistant"},"Items":each(&item)})
        }
        ExtensionsAi => {
            let item = |c: &Call| json!({"$type":"functionCall","callId":c.id,"name":c.name,"arguments":{"x":c.text}});
            json!({"role":"assistant","contents":each(&item)})
        }
        AutoGenCore | AutoGenChat => {
            let call = |c: &Call| {
                let id = c.id.clone().filter(|id| !id.is_null());
                json!({"id":id.unwrap_or(json!("")),"arguments":c.text,"name":c.name})
            };
            let kind = match f {
                AutoGenCore => "AssistantMessage",
                _ => "ToolCallRequestEvent",
            };
            json!({"content":each(&call),"source":"helper","type":kind})
        }
        SpringAi => {
            let call = |c: &Call| {
                with_id(
                    json!({"type":"function","name":c.name,"arguments":c.text}),
                    "id",
                    &c.id,
                )
            };
            json!({"messageType":"ASSISTANT","text":t,"toolCalls":each(&call),"media":[]})
        }
        LangChain4j => {
            let call = |c: &Call| with_id(json!({"name":c.name,"arguments":c.text}), "id", &c.id);
            json!({"toolExecutionRequests":each(&call),"type":"AI"})
        }
        LangChainFlat => {
            json!({"content":t,"additional_kwargs":{},"type":"ai","tool_calls":each(&flat),"invalid_tool_calls":[]})
        }
        LangChainDumpd => dumpd(
            "AIMessage",
            json!({"content":t,"type":"ai","tool_calls":[],"invalid_tool_calls":each(&flat)}),
        ),
        Haystack => {
            let block = |c: &Call| json!({"tool_call":{"tool_name":c.name,"arguments":{"x":c.text},"id":c.id}});
            json!({"role":"assistant","meta":{},"content":each(&block)})
        }
        Transcript => {
            let block = |c: &Call| {
                with_id(
                    json!({"type":"tool_use","name":c.name,"input":{"x":c.text}}),
                    "id",
                    &c.id,
                )
            };
            transcript(
                "assistant",
                json!({"role":"assistant","content":each(&block)}),
            )
        }
        Shell => {
            return each(&|c| {
                with_id(
                    json!({"type":"shell_call","action":{"commands":[c.text]}}),
                    "call_id",
                    &c.id,
                )
            });
        }
        AgentsJs => {
            return each(&|c| {
                with_id(
                    json!({"type":"function_call","name":c.name,"arguments":c.text,"status":"completed"}),
                    "callId",
                    &c.id,
                )
            });
        }
    }]
}
