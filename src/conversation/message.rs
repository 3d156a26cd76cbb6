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
//! What is needed of a message for ever is small ([`Facts`]); its counted text is visited again
//! whenever it is to be counted ([`Message::visit_counted`]).

pub use super::counted::Counted;
pub use super::facts::{Call, CallKind, Class, Facts, SummaryForm, ToolResult};
use super::fields::{Fields, Part, last_member};
use super::json::{self, Document, JsonError, NodeId};
use crate::tokens::Text;

/// Longest role, in bytes.
pub const MAX_ROLE_BYTES: usize = 64;

/// Why a message is refused; worded to follow `message N: `.
pub type Refusal = JsonError;

/// The shape by which a message was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
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

fn class_of(role: &str) -> Class {
    match role {
        "system" | "developer" => Class::System,
        "user" => Class::User,
        "assistant" => Class::Assistant,
        "tool" | "function" => Class::Tool,
        _ => Class::Other,
    }
}

/// A message being read; borrows from the parser's buffers.
pub struct Message<'d, 'a> {
    pub(super) doc: &'d Document<'a>,
    pub(super) shape: Shape,
    pub(super) role: &'a str,
    pub(super) fields: Fields,
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

/// The message without its results: valid JSON, byte for byte as it was except that all result blocks are taken out of
/// its content array, with the commas that separate them. None if that cannot be done.
#[must_use]
pub fn without_results(_source: &[u8]) -> Option<Vec<u8>> {
    None
}

/// Reads `source` as a message and returns what must be known of it, and what is to be counted.
///
/// # Errors
/// As [`with_message`].
pub fn read(source: &[u8]) -> Result<(Facts, Text), Refusal> {
    with_message(source, |message| (message.facts(), Text::of(message)))
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

    /// What selecting and tracking need to know of the message.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let doc = self.doc;
        let mut facts = Facts {
            class: class_of(self.role),
            item: self.item,
            call_item: self.shape == Shape::CallItem,
            reasoning: self.reasoning,
            typed: self.item || self.shape == Shape::LangChain,
            id: self.id_at(self.fields.id),
            ..Facts::default()
        };
        if self.shape == Shape::LangChain {
            facts.summary_form = SummaryForm::LangChainDict;
        }
        let call = |id, name| Call {
            id,
            name,
            ..Call::default()
        };
        match self.shape {
            Shape::CallItem => {
                let id = self.id_at(self.fields.call_id);
                if id.is_some() {
                    facts.calls.push(call(id, self.id_at(self.fields.name)));
                }
            }
            Shape::OutputItem => facts.results.push(ToolResult {
                id: self.id_at(self.fields.call_id),
                ..ToolResult::default()
            }),
            Shape::Item => {}
            Shape::Chat | Shape::LangChain => {
                let function = self.fields.function_call.filter(|&id| doc.is_object(id));
                if let Some(function) = function {
                    let name = self.id_at(last_member(doc, function, "name"));
                    facts.calls.push(call(None, name));
                }
                if let Some(calls) = self.fields.tool_calls {
                    for element in doc.elements(calls).filter(|&id| doc.is_object(id)) {
                        let inner = last_member(doc, element, "function").unwrap_or(element);
                        let id = self.id_at(last_member(doc, element, "id"));
                        let name = self.id_at(last_member(doc, inner, "name"));
                        facts.calls.push(call(id, name));
                    }
                }
                if self.shape == Shape::Chat {
                    self.block_calls(&mut facts);
                }
                if facts.class == Class::Tool {
                    let id = self.id_at(self.fields.tool_call_id);
                    if id.is_some() || facts.results.is_empty() {
                        facts.results.push(ToolResult {
                            id,
                            name: self.id_at(self.fields.name),
                            ..ToolResult::default()
                        });
                    }
                }
            }
        }
        facts
    }

    /// Calls opened and answered by Anthropic's content blocks, and whether there is anything else.
    fn block_calls(&self, facts: &mut Facts) {
        let doc = self.doc;
        let Some(content) = self.fields.content else {
            return;
        };
        let is_text = |id: NodeId| doc.string(id).is_some_and(|text| !text.is_empty());
        facts.own_text = facts.class != Class::Tool && is_text(content);
        for block in doc.elements(content) {
            let part = Part::of(doc, block);
            match part.kind {
                "tool_use" => facts.calls.push(Call {
                    id: self.id_at(part.id),
                    name: self.id_at(part.name),
                    ..Call::default()
                }),
                "tool_result" => facts.results.push(ToolResult {
                    id: self.id_at(part.tool_use_id),
                    ..ToolResult::default()
                }),
                "text" => facts.own_text |= part.text.is_some_and(is_text),
                _ => facts.own_text = true,
            }
        }
        facts.own_text &= facts.class != Class::Tool;
    }

    pub(super) fn text_of(&self, id: Option<NodeId>) -> Option<&'a str> {
        id.and_then(|id| self.doc.string(id))
    }

    /// The string, unless it is empty.
    fn id_at(&self, id: Option<NodeId>) -> Option<Box<str>> {
        self.text_of(id).filter(|id| !id.is_empty()).map(Box::from)
    }
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
