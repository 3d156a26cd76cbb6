//! What somebody says.

use super::{Framework, Framework::*, dumpd, transcript};
use serde_json::{Value, json};

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
