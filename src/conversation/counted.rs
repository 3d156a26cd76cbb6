//! What of a message costs tokens.

use super::fields::{Part, last_member};
use super::json::{Document, NodeId};
use super::message::{Message, Shape};

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

impl<'d, 'a> Message<'d, 'a> {
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
