//! The vocabulary: roles, kinds of blocks and items.

use super::json::Value;
pub use super::keys::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    System,
    User,
    Assistant,
    Tool,
    /// "A role in no list is none of the four"
    Other,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Class::System => "system",
            Class::User => "user",
            Class::Assistant => "assistant",
            Class::Tool => "tool",
            Class::Other => "",
        }
    }
}

/// The class that a role, or a type that is a role, names. AutoGen's words that leave it to `source` are not among them.
pub fn class_of(word: &str) -> Class {
    match word.strip_suffix("Chunk").unwrap_or(word) {
        "system" | "developer" | "SystemMessage" | "System" | "SYSTEM" => Class::System,
        "user" | "human" | "HumanMessage" | "UserMessage" | "USER" => Class::User,
        "assistant" | "model" | "ai" | "bot" | "chatbot" | "llm" | "AIMessage"
        | "AssistantMessage" | "ASSISTANT" | "AI" | "tool-call" | "tool-response" => {
            Class::Assistant
        }
        "tool"
        | "function"
        | "ToolMessage"
        | "FunctionMessage"
        | "TOOL"
        | "TOOL_EXECUTION_RESULT"
        | "FunctionExecutionResultMessage"
        | "ToolCallExecutionEvent" => Class::Tool,
        _ => Class::Other,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text with titles, sources, contexts and names.
    SearchResult,
    /// `output` counts here.
    CodeResult,
    Document,
    /// A call that may carry its result: AI SDK.
    Invocation,
    Call,
    ApprovalRequest,
    Result,
    Retry,
    Media,
    /// Media if there is a media type.
    Data,
    Nothing,
    Redacted,
    Approval,
    Unknown,
}

/// The kind that a word names, in any letter case.
pub fn kind_named(word: &str) -> Kind {
    let kind = exact_kind(word);
    if kind != Kind::Unknown {
        return kind;
    }
    let word = word.to_lowercase();
    let ends = |with: &[&str]| with.iter().any(|end| word.ends_with(end));
    if ends(&["_tool_call", "toolcall"]) {
        Kind::Call
    } else if ends(&["_tool_result", "toolresult"]) {
        Kind::Result
    } else if word.strip_prefix("tool-").is_some_and(|n| !n.is_empty()) {
        // "`tool-NAME` (after all other kinds)"
        Kind::Invocation
    } else {
        Kind::Unknown
    }
}

fn exact_kind(word: &str) -> Kind {
    match word.to_lowercase().as_str() {
        "text" | "input_text" | "output_text" | "summary_text" | "reasoning_text"
        | "text-plain" | "text_reasoning" | "thinking" | "thought" | "reasoning"
        | "reasoningcontent" | "refusal" | "transcript" | "system-prompt" | "user-prompt"
        | "compaction" | "executablecode" | "executable_code" | "logs" | "citationscontent"
        | "guardcontent" | "textcontent" => Kind::Text,
        "codeexecutionresult" | "code_execution_result" => Kind::CodeResult,
        "search_result" | "searchresult" | "citable" => Kind::SearchResult,
        "document" => Kind::Document,
        "retry-prompt" => Kind::Retry,
        "tool-invocation" | "dynamic-tool" => Kind::Invocation,
        "tool_use"
        | "tooluse"
        | "functioncall"
        | "function_call"
        | "functioncallcontent"
        | "tool_call"
        | "toolcall"
        | "tool-call"
        | "builtin-tool-call"
        | "server_tool_use"
        | "server_tool_call"
        | "mcp_tool_use" => Kind::Call,
        "mcp_approval_request" => Kind::ApprovalRequest,
        "tool_result"
        | "toolresult"
        | "tool-result"
        | "tool_return"
        | "tool-return"
        | "tool_output"
        | "functionresponse"
        | "function_response"
        | "function_result"
        | "functionresult"
        | "functionresultcontent"
        | "toolresponse"
        | "tool_response"
        | "tool_call_result"
        | "builtin-tool-return" => Kind::Result,
        "image_url"
        | "input_image"
        | "image"
        | "input_audio"
        | "audio"
        | "file"
        | "input_file"
        | "video"
        | "inlinedata"
        | "inline_data"
        | "filedata"
        | "file_data"
        | "file-data"
        | "image-data"
        | "image-url"
        | "audio-url"
        | "video-url"
        | "document-url"
        | "document_url"
        | "media"
        | "binary"
        | "imagecontent"
        | "audiocontent"
        | "binarycontent"
        | "hosted_file"
        | "container_upload"
        | "computer_screenshot" => Kind::Media,
        "uri" | "data" => Kind::Data,
        "redacted_thinking" => Kind::Redacted,
        "step-start" | "source-url" | "source-document" | "cachepoint" | "cache" | "usage"
        | "reference" => Kind::Nothing,
        "tool-approval-request"
        | "tool-approval-response"
        | "function_approval_request"
        | "function_approval_response" => Kind::Approval,
        _ => Kind::Unknown,
    }
}

/// A block as it is to be read: its kind, the word for it, and the objects in which its fields stand, nearest first.
pub struct Block<'a> {
    pub kind: Kind,
    pub word: String,
    pub bodies: Vec<&'a Value>,
}

impl<'a> Block<'a> {
    pub fn of(v: &'a Value) -> Block<'a> {
        let known = |kind, word: &str, bodies| Block {
            kind,
            word: word.to_string(),
            bodies,
        };
        // "`type`, `block_type`, `content_type`, `part_kind`, `kind`, `$type` (any letter case)"
        let spelled = [
            "type",
            "block_type",
            "content_type",
            "part_kind",
            "kind",
            "$type",
        ]
        .iter()
        .find_map(|key| v.text(key));
        if let Some(word) = spelled {
            let mut bodies = vec![v];
            bodies.extend(v.object(word));
            if word == "tool-invocation" {
                bodies.extend(v.object("toolInvocation"));
            }
            let mut kind = kind_named(word);
            if kind == Kind::Data && !has_media_type(v) {
                kind = Kind::Unknown;
            }
            return known(kind, word, bodies);
        }
        // "else the key of the block that this table knows and whose value is not null"; calls and results first: the
        // text of a Gemini part may stand beside a `thought`.
        let keys = || v.fields().iter().filter(|(_, v)| !v.is_null());
        for wanted in 0..3 {
            for (key, inner) in keys() {
                let kind = match exact_kind(key) {
                    Kind::Nothing if !key.eq_ignore_ascii_case("cachepoint") => Kind::Unknown,
                    Kind::Data if key != "uri" || !has_media_type(v) => Kind::Unknown,
                    kind => kind,
                };
                let rank = match kind {
                    Kind::Unknown => continue,
                    Kind::Call | Kind::Invocation | Kind::Result | Kind::ApprovalRequest => 0,
                    Kind::Text => 2,
                    _ => 1,
                };
                if rank == wanted {
                    let bodies = if inner.is_object() {
                        vec![inner]
                    } else {
                        vec![v]
                    };
                    return known(kind, key, bodies);
                }
            }
        }
        // "else its fields"
        let has = |keys: &[&str]| keys.iter().all(|key| v.get(key).is_some());
        let kind = if has(&["id", "name", "arguments"]) {
            Kind::Call
        } else if has(&["call_id", "content"]) {
            Kind::Result
        } else if has(&["stdout"]) || has(&["stderr"]) {
            Kind::Text
        } else if has(&["data"]) {
            Kind::Media
        } else {
            Kind::Unknown
        };
        known(kind, "", vec![v])
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.bodies.iter().find_map(|b| b.get(key))
    }

    /// "Of any id, anything but a non-empty string is no id."
    pub fn id(&self, keys: &[&str]) -> Option<String> {
        keys.iter()
            .flat_map(|key| self.bodies.iter().filter_map(|b| b.text(key)))
            .find(|id| !id.is_empty())
            .map(str::to_string)
    }

    pub fn text(&self, keys: &[&str]) -> Option<String> {
        keys.iter()
            .flat_map(|key| self.bodies.iter().filter_map(|b| b.text(key)))
            .next()
            .map(str::to_string)
    }
}

fn has_media_type(v: &Value) -> bool {
    let named = ["media_type", "mediaType", "mimeType", "mime_type"];
    named.iter().any(|key| v.text(key).is_some())
        || v.text("uri").is_some_and(|uri| uri.starts_with("data:"))
}
