//! The table of spellings. A framework that spells things differently is a word more in one of these rows, and a fixture
//! in `tests/cases`; the code that reads messages knows rows only.

pub use super::class::{class, is_by_source, word};
pub use super::kind::{Kind, TOOL_PREFIX, kind, listed_kind};
use super::lookup::{Case, Index};

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
    position_of(name).map(|position| position as Key)
}

/// As [`key`], not narrowed: where every key of a message is looked up, that costs.
#[inline(always)]
#[allow(clippy::inline_always)] // Once for each key of a message.
pub fn position_of(name: &str) -> Option<usize> {
    static INDEX: Index = Index::of(&KEYS, Case::CapitalFirst);
    INDEX.find(name)
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

    /// Text outside the content.
    OUTSIDE: ["reasoning_content", "reasoning", "thinking", "thought", "tool_plan", "refusal"];
    /// pydantic-ai.
    INSTRUCTIONS: ["instructions"];
    /// An approval's.
    REASON: ["reason"];
    APPROVAL: ["approval"];
    /// Audio outside the content: an object.
    AUDIO: ["audio"];
    TRANSCRIPT: ["transcript"];
    /// Arrays of media outside the content.
    MEDIA_LISTS: ["images", "media", "experimental_attachments"];
    /// What only its provider can read.
    OPAQUE: ["encrypted_content", "redactedContent"];
    /// Of a reasoning item.
    SUMMARY: ["summary"];

    /// Arrays of calls outside the content. Those that may be repeated by others come last.
    CALL_LISTS: ["tool_calls", "toolCalls", "toolExecutionRequests", "invalid_tool_calls", "toolInvocations"];
    /// A single call outside the content.
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

    /// Spring AI: results outside the content.
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

/// The words of all rows, of keys, kinds and roles.
#[cfg(test)]
pub fn all_words() -> impl Iterator<Item = &'static str> {
    let words = super::kind::WORDS.iter().chain(super::class::WORDS);
    KEYS.iter().chain(words).copied()
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
