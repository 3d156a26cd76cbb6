//! Messages as the frameworks write them, each with few words: what somebody says, calls, and their results.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    Ollama,
    Legacy,
    Gemini,
    GeminiSnake,
    Adk,
    Bedrock,
    ModelMessage,
    LlamaIndex,
    PydanticAi,
    KernelPython,
    KernelNet,
    ExtensionsAi,
    AutoGenCore,
    AutoGenChat,
    SpringAi,
    LangChain4j,
    LangChainFlat,
    LangChainDumpd,
    Haystack,
    Cohere,
    Transcript,
    Shell,
    AgentsJs,
}

pub const FRAMEWORKS: [Framework; 23] = [
    Framework::Ollama,
    Framework::Legacy,
    Framework::Gemini,
    Framework::GeminiSnake,
    Framework::Adk,
    Framework::Bedrock,
    Framework::ModelMessage,
    Framework::LlamaIndex,
    Framework::PydanticAi,
    Framework::KernelPython,
    Framework::KernelNet,
    Framework::ExtensionsAi,
    Framework::AutoGenCore,
    Framework::AutoGenChat,
    Framework::SpringAi,
    Framework::LangChain4j,
    Framework::LangChainFlat,
    Framework::LangChainDumpd,
    Framework::Haystack,
    Framework::Cohere,
    Framework::Transcript,
    Framework::Shell,
    Framework::AgentsJs,
];

use Framework::*;

/// A call and its result. An id may be missing, null, empty or no string.
#[derive(Debug, Clone)]
pub struct Call {
    pub id: Option<Value>,
    pub name: String,
    pub text: String,
}

/// Adds the id to an object, if there is one.
fn with_id(mut v: Value, key: &str, id: &Option<Value>) -> Value {
    if let Some(id) = id {
        v[key] = id.clone();
    }
    v
}

fn dumpd(class: &str, kwargs: Value) -> Value {
    json!({"lc":1,"type":"constructor","id":["langchain","schema","messages",class],"kwargs":kwargs})
}

fn transcript(role: &str, message: Value) -> Value {
    json!({"parentUuid":null,"type":role,"message":message,"uuid":"0-1","timestamp":"2026-01-01T00:00:00Z"})
}

/// What somebody says. `role` is one of user, assistant, system.
pub fn say(f: Framework, role: &str, t: &str) -> Value {
    let by = |user: &'static str, assistant: &'static str, system: &'static str| match role {
        "user" => user,
        "assistant" => assistant,
        _ => system,
    };
    match f {
        Ollama | Legacy | Cohere | AgentsJs => json!({"role":role,"content":t}),
        Gemini => json!({"role":by("user", "model", "system"),"parts":[{"text":t}]}),
        GeminiSnake => {
            json!({"parts":[{"video_metadata":null,"thought":null,"function_call":null,"text":t}],"role":by("user", "model", "system")})
        }
        Adk => {
            json!({"author":by("user", "helper", "system"),"content":{"role":by("user", "model", "system"),"parts":[{"text":t}]},"id":"e"})
        }
        Bedrock => json!({"role":role,"content":[{"text":t},{"cachePoint":{"type":"default"}}]}),
        ModelMessage => json!({"role":role,"content":[{"type":"text","text":t}]}),
        LlamaIndex => {
            json!({"role":role,"additional_kwargs":{},"blocks":[{"block_type":"text","text":t}]})
        }
        PydanticAi if role == "assistant" => {
            json!({"parts":[{"content":t,"part_kind":"text"}],"usage":{"input_tokens":5},"kind":"response"})
        }
        PydanticAi => {
            json!({"parts":[{"content":t,"part_kind":by("user-prompt", "", "system-prompt")}],"instructions":null,"kind":"request"})
        }
        KernelPython => {
            json!({"content_type":"message","role":role,"items":[{"content_type":"text","text":t}]})
        }
        KernelNet => {
            json!({"Role":{"Label":role},"Items":[{"$type":"TextContent","Text":t}],"Metadata":null})
        }
        ExtensionsAi => json!({"role":role,"contents":[{"$type":"text","text":t}]}),
        AutoGenCore => match role {
            "system" => json!({"content":t,"type":"SystemMessage"}),
            _ => {
                json!({"content":t,"source":by("user", "helper", ""),"type":by("UserMessage", "AssistantMessage", "")})
            }
        },
        AutoGenChat => {
            json!({"source":by("user", "helper", "helper"),"models_usage":null,"metadata":{},"content":t,"type":"TextMessage"})
        }
        SpringAi => {
            json!({"messageType":by("USER", "ASSISTANT", "SYSTEM"),"metadata":{"messageType":"X"},"text":t})
        }
        LangChain4j => match role {
            "user" => json!({"contents":[{"text":t,"type":"TEXT"}],"type":"USER"}),
            _ => json!({"text":t,"type":by("", "AI", "SYSTEM")}),
        },
        LangChainFlat => {
            json!({"content":t,"additional_kwargs":{},"response_metadata":{},"type":by("human", "ai", "system"),"name":null,"id":null})
        }
        LangChainDumpd => dumpd(
            by("HumanMessage", "AIMessage", "SystemMessage"),
            json!({"content":t,"type":by("human", "ai", "system")}),
        ),
        Haystack => json!({"role":role,"meta":{},"name":null,"content":[{"text":t}]}),
        Transcript => transcript(
            role,
            json!({"role":role,"content":[{"type":"text","text":t}]}),
        ),
        Shell => json!({"type":"message","role":role,"content":[{"type":"input_text","text":t}]}),
    }
}

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
