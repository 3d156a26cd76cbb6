//! Reading one message: its dialect, role, id, the calls it opens and answers, the text that counts.
//!
//! Four dialects are read, told apart by their shape alone:
//!
//! | dialect | recognised by |
//! |---|---|
//! | OpenAI chat, Anthropic | `role` |
//! | LangChain (`message_to_dict`) | `type` and an object `data` |
//! | OpenAI Responses items | `type` without `data` |
//!
//! What the service needs to know of a message for ever is small ([`Facts`]); its counted text is visited again
//! whenever it is to be counted ([`Message::visit_counted`]).

use super::json::{self, Document, JsonError, NodeId};

/// Longest role, in bytes.
pub const MAX_ROLE_BYTES: usize = 64;

/// Why a message is refused; worded to follow `message N: `.
pub type Refusal = JsonError;

/// What the role of a message means for selecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u16)]
pub enum Class {
    /// `system` or `developer`.
    System,
    /// `user`.
    User,
    /// `assistant`.
    Assistant,
    /// `tool`.
    Tool,
    /// Any other role.
    #[default]
    Other,
}

impl Class {
    fn of(role: &str) -> Self {
        match role {
            "system" | "developer" => Self::System,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" => Self::Tool,
            _ => Self::Other,
        }
    }
}

/// The calls that a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Answers {
    /// It is not an answer.
    #[default]
    None,
    /// It answers the calls with these ids, in their order of appearance.
    Calls(Vec<Box<str>>),
    /// It is an answer that names no call: an orphan wherever it stands.
    Unmatched,
}

/// What selecting and deduplicating need to know of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The meaning of its role.
    pub class: Class,
    /// Written as LangChain's `message_to_dict` does.
    pub langchain: bool,
    /// Has a `type` and no `data`: may continue a turn of the Responses dialect.
    pub item: bool,
    /// A `..._call` item: the turn it opens is one of the Responses dialect.
    pub call_item: bool,
    /// A `reasoning` item.
    pub reasoning: bool,
    /// The message's own id.
    pub id: Option<Box<str>>,
    /// Ids of the calls it opens.
    pub opens: Vec<Box<str>>,
    /// The calls it answers.
    pub answers: Answers,
}

/// A part of a message that costs tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted<'a> {
    /// The role, by its OpenAI name.
    Role(&'a str),
    /// The author's name.
    Name(&'a str),
    /// Text of the content.
    Text(&'a str),
    /// A call, by its name and its arguments.
    Call(&'a str, &'a str),
    /// An image, audio, file or document part.
    Media,
}

/// The shape by which a message was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// OpenAI chat or Anthropic; also Responses items of type `message`, which have the same fields.
    Chat,
    /// LangChain.
    LangChain,
    /// A Responses item that opens a call.
    CallItem,
    /// A Responses item that answers a call.
    OutputItem,
    /// Any other Responses item.
    Item,
}

/// The fields that are interpreted, of the message or of LangChain's `data`. The last of equal keys counts.
#[derive(Default)]
struct Fields {
    role: Option<NodeId>,
    kind: Option<NodeId>,
    data: Option<NodeId>,
    id: Option<NodeId>,
    name: Option<NodeId>,
    content: Option<NodeId>,
    refusal: Option<NodeId>,
    tool_calls: Option<NodeId>,
    tool_call_id: Option<NodeId>,
    function_call: Option<NodeId>,
    call_id: Option<NodeId>,
    arguments: Option<NodeId>,
    input: Option<NodeId>,
    output: Option<NodeId>,
    summary: Option<NodeId>,
}

impl Fields {
    fn of(doc: &Document<'_>, object: NodeId) -> Self {
        let mut fields = Self::default();
        for (key, value) in doc.members(object) {
            let slot = match key {
                "role" => &mut fields.role,
                "type" => &mut fields.kind,
                "data" => &mut fields.data,
                "id" => &mut fields.id,
                "name" => &mut fields.name,
                "content" => &mut fields.content,
                "refusal" => &mut fields.refusal,
                "tool_calls" => &mut fields.tool_calls,
                "tool_call_id" => &mut fields.tool_call_id,
                "function_call" => &mut fields.function_call,
                "call_id" => &mut fields.call_id,
                "arguments" => &mut fields.arguments,
                "input" => &mut fields.input,
                "output" => &mut fields.output,
                "summary" => &mut fields.summary,
                _ => continue,
            };
            *slot = Some(value);
        }
        fields
    }
}

/// A message being read; borrows from the parser's buffers.
pub struct Message<'d, 'a> {
    doc: &'d Document<'a>,
    shape: Shape,
    role: &'a str,
    fields: Fields,
    item: bool,
    reasoning: bool,
}

/// Cuts the JSON white space around a message, which is not part of it.
#[must_use]
pub fn trim(source: &[u8]) -> &[u8] {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    let begin = source
        .iter()
        .position(|b| !space(b))
        .unwrap_or(source.len());
    let end = source
        .iter()
        .rposition(|b| !space(b))
        .map_or(begin, |i| i + 1);
    source.get(begin..end).unwrap_or_default()
}

/// Reads `source` as a message and hands it to `f`.
///
/// # Errors
/// Why it is no message, in words that follow `message N: `.
pub fn with_message<R>(source: &[u8], f: impl FnOnce(&Message<'_, '_>) -> R) -> Result<R, Refusal> {
    json::with_document(source, |doc| Message::of(doc).map(|message| f(&message)))?
}

/// Reads `source` as a message and returns what must be known of it.
///
/// # Errors
/// As [`with_message`].
pub fn facts(source: &[u8]) -> Result<Facts, Refusal> {
    with_message(source, |message| message.facts())
}

impl<'d, 'a> Message<'d, 'a> {
    fn of(doc: &'d Document<'a>) -> Result<Self, Refusal> {
        if !doc.is_object(0) {
            return Err(JsonError(format!(
                "expected a JSON object, found {}",
                doc.kind(0)
            )));
        }
        let top = Fields::of(doc, 0);
        let kind = top.kind.and_then(|id| doc.string(id));
        // A role decides before anything else; LangChain's messages have none at the top.
        let given = match top.role {
            Some(_) => Some(role_of(doc, top.role, "role")?),
            None => None,
        };
        let langchain = top
            .data
            .filter(|&id| given.is_none() && doc.is_object(id))
            .zip(kind);
        if let Some((data, kind)) = langchain {
            let fields = Fields::of(doc, data);
            let role = match kind {
                "human" | "HumanMessageChunk" => Some("user"),
                "ai" | "AIMessageChunk" => Some("assistant"),
                "system" | "SystemMessageChunk" => Some("system"),
                "tool" | "ToolMessageChunk" => Some("tool"),
                "function" | "FunctionMessageChunk" => Some("function"),
                "chat" | "ChatMessageChunk" => Some(role_of(doc, fields.role, "data.role")?),
                _ => None,
            };
            if let Some(role) = role {
                return Ok(Self {
                    doc,
                    shape: Shape::LangChain,
                    role,
                    fields,
                    item: false,
                    reasoning: false,
                });
            }
        }
        let item = kind.is_some() && top.data.is_none();
        let (shape, role) = match (kind.filter(|_| item), given) {
            (Some(kind), _) if kind.ends_with("_call_output") => (Shape::OutputItem, "tool"),
            (Some(kind), _) if kind.ends_with("_call") => (Shape::CallItem, "assistant"),
            (Some("reasoning"), _) => (Shape::Item, "assistant"),
            (_, Some(role)) => (Shape::Chat, role),
            (Some("message"), None) => {
                return Err(JsonError("no role: a `message` item needs one".into()));
            }
            (Some(_), None) => (Shape::Item, "assistant"),
            (None, None) => return Err(unrecognised(doc, &top, kind)),
        };
        Ok(Self {
            doc,
            shape,
            role,
            item,
            reasoning: item && kind == Some("reasoning"),
            fields: top,
        })
    }

    /// What must be known of the message for ever.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let doc = self.doc;
        let mut facts = Facts {
            class: Class::of(self.role),
            langchain: self.shape == Shape::LangChain,
            item: self.item,
            call_item: self.shape == Shape::CallItem,
            reasoning: self.reasoning,
            id: self.text_of(self.fields.id).map(Box::from),
            opens: Vec::new(),
            answers: Answers::None,
        };
        let mut answered: Vec<Option<&str>> = Vec::new();
        match self.shape {
            Shape::CallItem => facts.opens.extend(self.boxed(self.fields.call_id)),
            Shape::OutputItem => answered.push(self.text_of(self.fields.call_id)),
            Shape::Item => {}
            Shape::Chat | Shape::LangChain => {
                if let Some(calls) = self.fields.tool_calls {
                    for call in doc.elements(calls) {
                        let id = last_member(doc, call, "id");
                        facts.opens.extend(self.boxed(id));
                    }
                }
                if self.shape == Shape::Chat {
                    self.block_calls(&mut facts.opens, &mut answered);
                }
                if facts.class == Class::Tool {
                    let id = self.text_of(self.fields.tool_call_id);
                    if id.is_some() || answered.is_empty() {
                        answered.push(id);
                    }
                }
            }
        }
        if !answered.is_empty() {
            let ids: Option<Vec<Box<str>>> =
                answered.into_iter().map(|id| id.map(Box::from)).collect();
            facts.answers = ids.map_or(Answers::Unmatched, Answers::Calls);
        }
        facts
    }

    /// Calls opened and answered by Anthropic's content blocks.
    fn block_calls(&self, opens: &mut Vec<Box<str>>, answered: &mut Vec<Option<&'a str>>) {
        let doc = self.doc;
        let Some(content) = self.fields.content else {
            return;
        };
        for block in doc.elements(content) {
            let part = Part::of(doc, block);
            match part.kind {
                "tool_use" => opens.extend(self.boxed(part.id)),
                "tool_result" => answered.push(self.text_of(part.tool_use_id)),
                _ => {}
            }
        }
    }

    /// Visits all that costs tokens, in the order of the message.
    pub fn visit_counted(&self, visit: &mut impl FnMut(Counted<'a>)) {
        let doc = self.doc;
        let fields = &self.fields;
        visit(Counted::Role(self.role));
        match self.shape {
            Shape::CallItem => {
                let arguments = fields.arguments.or(fields.input);
                visit(Counted::Call(
                    self.text_of(fields.name).unwrap_or_default(),
                    arguments_text(doc, arguments),
                ));
            }
            _ => {
                if let Some(name) = self.text_of(fields.name) {
                    visit(Counted::Name(name));
                }
            }
        }
        if let Some(content) = fields.content {
            self.visit_content(content, true, visit);
        }
        match self.shape {
            Shape::Chat => {
                if let Some(refusal) = self.text_of(fields.refusal) {
                    visit(Counted::Text(refusal));
                }
                if let Some(call) = fields.function_call.filter(|&id| doc.is_object(id)) {
                    let (name, arguments) = call_text(doc, call, "arguments");
                    visit(Counted::Call(name, arguments));
                }
                for call in self.tool_calls() {
                    let (inner, key) =
                        match last_member(doc, call, "function").filter(|&id| doc.is_object(id)) {
                            Some(function) => (function, "arguments"),
                            None => (last_member(doc, call, "custom").unwrap_or(call), "input"),
                        };
                    let (name, arguments) = call_text(doc, inner, key);
                    visit(Counted::Call(name, arguments));
                }
            }
            Shape::LangChain => {
                for call in self.tool_calls() {
                    let (name, arguments) = call_text(doc, call, "args");
                    visit(Counted::Call(name, arguments));
                }
            }
            Shape::CallItem | Shape::OutputItem | Shape::Item => {
                if let Some(output) = fields.output {
                    self.visit_content(output, true, visit);
                }
                if let Some(summary) = fields.summary {
                    for part in doc.elements(summary) {
                        if let Some(text) = self.text_of(last_member(doc, part, "text")) {
                            visit(Counted::Text(text));
                        }
                    }
                }
            }
        }
    }

    /// Text and media of a content: a string, or an array of parts. `outer` is false within a tool result, where
    /// blocks of tools mean nothing any more.
    fn visit_content(&self, content: NodeId, outer: bool, visit: &mut impl FnMut(Counted<'a>)) {
        let doc = self.doc;
        if let Some(text) = doc.string(content) {
            visit(Counted::Text(text));
            return;
        }
        for element in doc.elements(content) {
            if let Some(text) = doc.string(element) {
                visit(Counted::Text(text));
                continue;
            }
            let part = Part::of(doc, element);
            match part.kind {
                "tool_use" if outer && self.shape == Shape::Chat => visit(Counted::Call(
                    self.text_of(part.name).unwrap_or_default(),
                    arguments_text(doc, part.input),
                )),
                "tool_use" => {}
                "tool_result" if outer => {
                    if let Some(content) = part.content {
                        self.visit_content(content, false, visit);
                    }
                }
                kind => {
                    let text = match kind {
                        "thinking" => part.thinking,
                        "refusal" => part.refusal,
                        _ => part.text,
                    };
                    if let Some(text) = self.text_of(text) {
                        visit(Counted::Text(text));
                    }
                    if is_media(kind) {
                        visit(Counted::Media);
                    }
                }
            }
        }
    }

    /// The elements of `tool_calls` that are calls.
    fn tool_calls(&self) -> impl Iterator<Item = NodeId> + use<'a, 'd> {
        let doc = self.doc;
        self.fields
            .tool_calls
            .into_iter()
            .flat_map(|calls| doc.elements(calls))
            .filter(|&call| doc.is_object(call))
    }

    fn text_of(&self, id: Option<NodeId>) -> Option<&'a str> {
        id.and_then(|id| self.doc.string(id))
    }

    fn boxed(&self, id: Option<NodeId>) -> Option<Box<str>> {
        self.text_of(id).map(Box::from)
    }
}

/// The interpreted fields of a content part.
#[derive(Default)]
struct Part<'a> {
    kind: &'a str,
    text: Option<NodeId>,
    thinking: Option<NodeId>,
    refusal: Option<NodeId>,
    content: Option<NodeId>,
    id: Option<NodeId>,
    tool_use_id: Option<NodeId>,
    name: Option<NodeId>,
    input: Option<NodeId>,
}

impl<'a> Part<'a> {
    fn of(doc: &Document<'a>, element: NodeId) -> Self {
        let mut part = Self::default();
        for (key, value) in doc.members(element) {
            match key {
                "type" => part.kind = doc.string(value).unwrap_or_default(),
                "text" => part.text = Some(value),
                "thinking" => part.thinking = Some(value),
                "refusal" => part.refusal = Some(value),
                "content" => part.content = Some(value),
                "id" => part.id = Some(value),
                "tool_use_id" => part.tool_use_id = Some(value),
                "name" => part.name = Some(value),
                "input" => part.input = Some(value),
                _ => {}
            }
        }
        part
    }
}

fn is_media(kind: &str) -> bool {
    matches!(
        kind,
        "image_url"
            | "input_image"
            | "image"
            | "input_audio"
            | "audio"
            | "file"
            | "input_file"
            | "document"
            | "video"
    )
}

fn role_of<'a>(doc: &Document<'a>, id: Option<NodeId>, field: &str) -> Result<&'a str, Refusal> {
    let Some(id) = id else {
        return Err(JsonError(format!("no `{field}`")));
    };
    match doc.string(id) {
        None => Err(JsonError(format!(
            "`{field}` must be a string, found {}",
            doc.kind(id)
        ))),
        Some(role) if role.len() > MAX_ROLE_BYTES => Err(JsonError(format!(
            "`{field}` is {} bytes long, at most {MAX_ROLE_BYTES} are allowed",
            role.len()
        ))),
        Some(role) => Ok(role),
    }
}

fn unrecognised(doc: &Document<'_>, top: &Fields, kind: Option<&str>) -> Refusal {
    JsonError(match (top.kind, kind) {
        (None, _) => "no `role` and no known `type`".into(),
        (Some(id), None) => format!(
            "no `role`, and `type` must be a string, found {}",
            doc.kind(id)
        ),
        (Some(_), Some(kind)) => {
            let short: String = kind.chars().take(40).collect();
            format!("no `role` and no known `type`: {short:?} with `data` is none of LangChain's")
        }
    })
}

/// The last member of that name: of equal keys the last one counts.
fn last_member(doc: &Document<'_>, object: NodeId, name: &str) -> Option<NodeId> {
    doc.members(object)
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .last()
}

/// Name and arguments of a call whose arguments stand under `key`.
fn call_text<'a>(doc: &Document<'a>, call: NodeId, key: &str) -> (&'a str, &'a str) {
    let name = last_member(doc, call, "name").and_then(|id| doc.string(id));
    (
        name.unwrap_or_default(),
        arguments_text(doc, last_member(doc, call, key)),
    )
}

/// Arguments as they count: a string as it is, an object or array as its JSON text, verbatim.
fn arguments_text<'a>(doc: &Document<'a>, id: Option<NodeId>) -> &'a str {
    id.and_then(|id| doc.string(id).or_else(|| doc.verbatim(id)))
        .unwrap_or_default()
}
