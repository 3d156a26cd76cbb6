//! Messages as the frameworks write them, each with few words: what somebody says, calls, and their results.

mod calls;
mod results;
mod say;

pub use calls::calls;
pub use results::{results, results_and_text};
pub use say::say;

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
