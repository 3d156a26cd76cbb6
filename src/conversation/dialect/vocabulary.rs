//! The table of spellings. A framework that spells things differently is a word more in one of these rows, and a fixture
//! in `tests/cases`; the code that reads messages knows rows only.

use super::lookup::{Case, Index};
use crate::conversation::facts::Class;

/// A key that some row knows: its position in the list of all such keys.
pub type Key = u8;

/// Keys of one meaning, in the order in which they are looked for.
pub struct Row {
    keys: [Key; Row::LONGEST],
    len: usize,
    /// One bit for each key.
    pub mask: u128,
}

impl Row {
    const LONGEST: usize = 24;

    /// The row of `words`, all of which stand in [`ROWS`].
    #[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
    const fn of(words: &[&str]) -> Self {
        let mut row = Self {
            keys: [0; Self::LONGEST],
            len: words.len(),
            mask: 0,
        };
        let mut i = 0;
        while i < words.len() {
            let key = position(&KEYS, KEYS.len(), words[i]);
            row.keys[i] = key as Key;
            row.mask |= 1 << key;
            i += 1;
        }
        row
    }

    /// Its keys, in order.
    #[inline]
    pub fn keys(&self) -> &[Key] {
        self.keys.get(..self.len).unwrap_or_default()
    }
}

/// The key that `name` is, as listed or with a capital first letter.
#[inline]
pub fn key(name: &str) -> Option<Key> {
    static INDEX: Index = Index::of(&KEYS, Case::CapitalFirst);
    INDEX.find(name).map(|position| position as Key)
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident: [$($word:literal),+ $(,)?];)+) => {
        const ROWS: &[&[&str]] = &[$(&[$($word),+]),+];
        $($(#[$doc])* pub const $name: Row = Row::of(&[$($word),+]);)+
    };
}

rows! {
    /// What kind of message, item or block this is, in the dialects that say so at the top.
    TYPE: ["type"];
    /// The kind of a block.
    KIND: ["type", "block_type", "content_type", "part_kind", "kind", "$type"];

    // Where the message is, if it is not the object itself.
    /// LangChain's `message_to_dict`.
    DATA: ["data"];
    /// LangChain's `dumpd`: marked by `lc`.
    LC: ["lc"];
    KWARGS: ["kwargs"];
    /// An envelope, or a transcript.
    ENVELOPE: ["message"];

    ROLE: ["role"];
    /// A role that is an object.
    ROLE_VALUE: ["value", "label"];
    /// Spring AI.
    MESSAGE_TYPE: ["messageType"];
    /// pydantic-ai: `request` or `response`.
    REQUEST_OR_RESPONSE: ["kind"];
    /// AutoGen, Google ADK: `user`, or the name of an agent.
    SPEAKER: ["source", "author"];

    ID: ["id"];
    NAME: ["name"];

    /// Arrays of blocks: the first that is not empty is read.
    PARTS: ["parts", "blocks", "contents", "items", "content", "content_blocks", "contentBlocks"];
    /// Content that is a string: the first is read.
    STRINGS: ["content", "text", "message"];
    CONTENT: ["content"];
    /// An object with these under `content` is the message itself (Google ADK, Mastra).
    INNER_PARTS: ["parts"];

    /// Text beside the content.
    BESIDE: ["reasoning_content", "reasoning", "thinking", "thought", "tool_plan", "refusal"];
    /// pydantic-ai.
    INSTRUCTIONS: ["instructions"];
    /// An approval's.
    REASON: ["reason"];
    APPROVAL: ["approval"];
    /// Audio beside the content: an object.
    AUDIO: ["audio"];
    TRANSCRIPT: ["transcript"];
    /// Arrays of media beside the content.
    MEDIA_LISTS: ["images", "media", "experimental_attachments"];
    /// What only its provider can read.
    OPAQUE: ["encrypted_content", "redactedContent"];
    /// Of a reasoning item.
    SUMMARY: ["summary"];

    /// Arrays of calls beside the content. Those that may be repeated by others come last.
    CALL_LISTS: ["tool_calls", "toolCalls", "toolExecutionRequests", "invalid_tool_calls", "toolInvocations"];
    /// A single call beside the content.
    FUNCTION_CALL: ["function_call"];
    /// Where LangChain and LlamaIndex keep what they received from the provider.
    EXTRAS: ["additional_kwargs"];
    RAW_CALLS: ["tool_calls"];
    CALL_ID: ["call_id", "callId", "tool_call_id", "toolCallId", "toolUseId", "id"];
    ITEM_CALL_ID: ["call_id", "callId"];
    CALL_NAME: ["name", "tool_name", "toolName", "FunctionName"];
    /// An object within a call that has its name and arguments.
    CALL_BODY: ["function", "custom", "toolInvocation", "functionCall", "function_call", "toolCall", "tool_call", "toolUse", "tool_use"];
    ARGUMENTS: [
        "arguments", "args", "input", "inputs", "parameters", "tool_kwargs", "action", "actions", "operation",
        "queries", "code",
    ];
    /// Whether a call has its result with it.
    STATE: ["state"];

    /// Spring AI: results beside the content.
    RESPONSES: ["responses"];
    RESULT_ID: ["tool_call_id", "tool_use_id", "call_id", "callId", "toolCallId", "toolUseId"];
    EXTRA_RESULT_ID: ["tool_call_id"];
    /// Haystack: the call itself.
    ORIGIN: ["origin"];
    APPROVED_ID: ["approval_request_id"];
    RESULT_BODY: [
        "functionResponse", "function_response", "toolResult", "tool_result", "function_result", "functionResult",
        "tool_call_result", "toolResponse", "tool_response",
    ];
    VALUE: [
        "content", "output", "outputs", "result", "results", "response", "responseData", "errorText", "error", "tools",
        "stdout",
    ];
    /// Values that are read only where they say something: `is_error` and its like are not.
    ERRORS: ["error", "errorText", "tools", "stdout"];
    /// A second form of the value.
    VALUE_ITEMS: ["items"];
    RESULT: ["result"];
    /// Media of a result (Gemini).
    VALUE_PARTS: ["parts"];
    /// `{type, value}` (AI SDK).
    TYPED_VALUE: ["value"];
    /// `{json: value}` (Bedrock).
    JSON: ["json"];

    TEXT: [
        "text", "content", "thinking", "thought", "reasoning", "reasoning_text", "reasoning_content", "refusal",
        "transcript", "input_text", "code", "logs", "stdout", "stderr", "reasoningText", "summary", "guardContent",
        "citationsContent",
    ];
    /// AI SDK 4, Mastra: the same reasoning in pieces.
    DETAILS: ["details"];
    REASONING: ["reasoning"];
    PLAIN_TEXT: ["text"];
    /// Of code that was executed.
    CODE_OUTPUT: ["output"];
    STDOUT: ["stdout", "stderr"];
    /// What a model reads of a document besides its text.
    TITLES: ["title", "context", "name"];
    SOURCE: ["source"];
    BYTES_FIELD: ["data"];
    DOCUMENT_BODY: ["document", "searchResult"];
    DOCUMENT_TEXT: ["text", "content"];
    MEDIA_TYPE: ["media_type", "mediaType", "mime_type", "mimeType", "document_mimetype"];
    URI: ["uri", "data", "url"];
    AUDIO_BODY: ["audio", "input_audio"];
    AUDIO_DATA: ["data", "url", "uri", "source"];
    /// Fields that make a block a call or result although it has no kind (AutoGen).
    BARE_CALL: ["id", "name", "arguments"];
    BARE_RESULT: ["call_id", "content"];
    /// Serialised bytes (Strands).
    ENCODED_BYTES: ["__bytes_encoded__"];
}

/// The words of all rows, each once.
static KEYS: [&str; KEY_COUNT] = distinct();
const KEY_COUNT: usize = count_distinct();

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
        static KIND_WORDS: &[&str] = &[$($($word),+),+];
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
pub fn kind(word: &str) -> Option<Kind> {
    listed_kind(word).or_else(|| {
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
    })
}

/// The kind that `word` itself is in the table, in any letter case.
pub fn listed_kind(word: &str) -> Option<Kind> {
    static INDEX: Index = Index::of(KIND_WORDS, Case::Any);
    KINDS.get(INDEX.find(word)?).copied()
}

/// A block of kind `tool-NAME` (AI SDK) is a call of NAME.
pub const TOOL_PREFIX: &str = "tool-";

macro_rules! roles {
    ($($class:ident: [$($word:literal),+ $(,)?];)+) => {
        static ROLE_WORDS: &[&str] = &[$($($word),+),+];
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
pub fn class(role: &str) -> Class {
    static INDEX: Index = Index::of(ROLE_WORDS, Case::Exact);
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

#[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
const fn distinct() -> [&'static str; KEY_COUNT] {
    let mut keys = [""; KEY_COUNT];
    let (mut len, mut row) = (0, 0);
    while row < ROWS.len() {
        let mut i = 0;
        while i < ROWS[row].len() {
            if position(&keys, len, ROWS[row][i]) == len {
                keys[len] = ROWS[row][i];
                len += 1;
            }
            i += 1;
        }
        row += 1;
    }
    keys
}

#[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
const fn count_distinct() -> usize {
    let mut keys = [""; u128::BITS as usize];
    let (mut len, mut row) = (0, 0);
    while row < ROWS.len() {
        let mut i = 0;
        while i < ROWS[row].len() {
            if position(&keys, len, ROWS[row][i]) == len {
                keys[len] = ROWS[row][i];
                len += 1;
            }
            i += 1;
        }
        row += 1;
    }
    len
}

/// The position of `word` among the first `len` of `words`; `len` if it is none of them.
#[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
const fn position(words: &[&str], len: usize, word: &str) -> usize {
    let mut i = 0;
    while i < len && !equal(words[i].as_bytes(), word.as_bytes()) {
        i += 1;
    }
    i
}

#[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
