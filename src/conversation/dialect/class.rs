//! The words that name a role, and their classes.

use super::lookup::{Case, Index};
use crate::conversation::facts::Class;

macro_rules! roles {
    ($($class:ident: [$($word:literal),+ $(,)?];)+) => {
        pub(super) static WORDS: &[&str] = &[$($($word),+),+];
        static CLASSES: &[Class] = &[$($({ let _ = $word; Class::$class }),+),+];
    };
}

roles! {
    System: ["system", "developer", "SystemMessage", "System", "SYSTEM"];
    User: ["user", "human", "HumanMessage", "UserMessage", "USER"];
    Assistant: [
        "assistant", "model", "ai", "bot", "chatbot", "llm", "AIMessage", "AssistantMessage", "ASSISTANT", "AI", "tool-call",
        "tool-response", "TextMessage", "MultiModalMessage", "StopMessage", "HandoffMessage", "ThoughtEvent",
        "ToolCallRequestEvent", "ToolCallSummaryMessage",
    ];
    Tool: [
        "tool", "function", "ToolMessage", "FunctionMessage", "TOOL", "TOOL_EXECUTION_RESULT",
        "FunctionExecutionResultMessage", "ToolCallExecutionEvent",
    ];
}

/// The class of a role, [`Class::Other`] if it is in no list.
#[inline]
pub fn class(role: &str) -> Class {
    // The usual ones need no look-up.
    match role {
        "user" | "human" => Class::User,
        "assistant" | "ai" => Class::Assistant,
        "tool" => Class::Tool,
        _ => listed_class(role),
    }
}

fn listed_class(role: &str) -> Class {
    static INDEX: Index = Index::of(WORDS, Case::Exact);
    INDEX
        .find(role)
        .or_else(|| INDEX.find(role.strip_suffix("Chunk")?))
        .and_then(|position| CLASSES.get(position))
        .copied()
        .unwrap_or_default()
}

/// The `type` of AutoGen's messages whose role is that of their `source`.
pub fn is_by_source(kind: &str) -> bool {
    matches!(
        kind,
        "TextMessage"
            | "MultiModalMessage"
            | "StopMessage"
            | "HandoffMessage"
            | "ThoughtEvent"
            | "ToolCallRequestEvent"
            | "ToolCallSummaryMessage"
    )
}

/// The word of a class.
pub fn word(class: Class) -> &'static str {
    match class {
        Class::System => "system",
        Class::User => "user",
        Class::Assistant | Class::Other => "assistant",
        Class::Tool => "tool",
    }
}
