//! The kinds of blocks, and the words that name them.

use super::lookup::{Case, Index};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, in the fields of [`TEXT`].
    Text,
    /// Code and what it printed.
    Code,
    /// Text with titles, or else media.
    Document,
    /// Text with titles.
    SearchResult,
    /// A call.
    Call,
    /// A call that may have its result with it.
    Invocation,
    /// A result.
    Result,
    /// A result if it names a tool, else text (pydantic-ai).
    Retry,
    /// An image, file or video.
    Media,
    /// Audio, perhaps with a transcript.
    Audio,
    /// Media if it says of what type.
    TypedMedia,
    /// An approval that opens and answers nothing.
    Approval,
    /// What only its provider can read.
    Opaque,
    /// Nothing that a model reads.
    Nothing,
}

macro_rules! kinds {
    ($($kind:ident: [$($word:literal),+ $(,)?];)+) => {
        pub(super) static WORDS: &[&str] = &[$($($word),+),+];
        static KINDS: &[Kind] = &[$($({ let _ = $word; Kind::$kind }),+),+];
    };
}

kinds! {
    Text: [
        "text", "input_text", "output_text", "summary_text", "reasoning_text", "text-plain", "text_reasoning", "thinking",
        "thought", "reasoning", "reasoningContent", "refusal", "transcript", "system-prompt", "user-prompt", "compaction",
        "logs", "citationsContent", "guardContent", "TextContent", "ReasoningContent",
    ];
    Code: ["executableCode", "executable_code", "codeExecutionResult", "code_execution_result"];
    Document: ["document"];
    SearchResult: ["search_result", "searchResult", "citable"];
    Call: [
        "tool_use", "toolUse", "functionCall", "function_call", "FunctionCallContent", "tool_call", "toolCall", "tool-call",
        "builtin-tool-call", "server_tool_use", "server_tool_call", "mcp_tool_use",
    ];
    Invocation: ["tool-invocation", "dynamic-tool"];
    Result: [
        "tool_result", "toolResult", "tool-result", "tool_return", "tool-return", "tool_output", "functionResponse",
        "function_response", "function_result", "functionResult", "FunctionResultContent", "toolResponse", "tool_response",
        "tool_call_result", "builtin-tool-return",
    ];
    Retry: ["retry-prompt"];
    Media: [
        "image_url", "input_image", "image", "file", "input_file", "video", "inlineData", "inline_data", "fileData",
        "file_data", "file-data", "image-data", "image-url", "audio-url", "video-url", "document-url", "document_url",
        "media", "binary", "ImageContent", "AudioContent", "BinaryContent", "hosted_file", "container_upload",
        "computer_screenshot",
    ];
    Audio: ["input_audio", "audio"];
    TypedMedia: ["uri", "data"];
    Approval: ["tool-approval-request", "tool-approval-response"];
    Opaque: ["redacted_thinking"];
    Nothing: ["step-start", "source-url", "source-document", "cachePoint", "cache", "usage", "reference"];
}

/// The kind that `word` names, in any letter case.
#[inline]
pub fn kind(word: &str) -> Option<Kind> {
    listed_kind(word).or_else(|| kind_by_ends(word))
}

/// The kind of a word that is not in the table, by how it begins or ends.
#[inline(never)]
fn kind_by_ends(word: &str) -> Option<Kind> {
    let ends = |tail: &str| {
        word.len()
            .checked_sub(tail.len())
            .and_then(|at| word.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(tail))
    };
    let begins = |head: &str| {
        word.get(..head.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(head))
    };
    if ends("_tool_call") || ends("ToolCall") {
        Some(Kind::Call)
    } else if ends("_tool_result") || ends("ToolResult") {
        Some(Kind::Result)
    } else if begins("function_approval_") {
        Some(Kind::Approval)
    } else if begins(TOOL_PREFIX) && word.len() > TOOL_PREFIX.len() {
        Some(Kind::Invocation)
    } else {
        None
    }
}

/// The kind that `word` itself is in the table, in any letter case.
#[inline]
pub fn listed_kind(word: &str) -> Option<Kind> {
    // The usual ones need no look-up.
    match word {
        "text" => Some(Kind::Text),
        "tool_use" => Some(Kind::Call),
        "tool_result" => Some(Kind::Result),
        _ => find_kind(word),
    }
}

fn find_kind(word: &str) -> Option<Kind> {
    static INDEX: Index = Index::of(WORDS, Case::Any);
    KINDS.get(INDEX.find(word)?).copied()
}

/// A block of kind `tool-NAME` (AI SDK) is a call of NAME.
pub const TOOL_PREFIX: &str = "tool-";
