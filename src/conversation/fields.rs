//! The fields of messages and of their content parts that are interpreted. All others are kept and never looked at.
//! Of equal keys the last one counts.

use super::json::{Document, NodeId};

/// The fields that are interpreted, of the message or of LangChain's `data`. The last of equal keys counts.
#[derive(Default)]
pub struct Fields {
    pub role: Option<NodeId>,
    pub kind: Option<NodeId>,
    pub data: Option<NodeId>,
    pub id: Option<NodeId>,
    pub name: Option<NodeId>,
    pub content: Option<NodeId>,
    pub refusal: Option<NodeId>,
    pub tool_calls: Option<NodeId>,
    pub tool_call_id: Option<NodeId>,
    pub function_call: Option<NodeId>,
    pub call_id: Option<NodeId>,
    pub arguments: Option<NodeId>,
    pub input: Option<NodeId>,
    pub output: Option<NodeId>,
    pub summary: Option<NodeId>,
}

impl Fields {
    pub fn of(doc: &Document<'_>, object: NodeId) -> Self {
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

/// The interpreted fields of a content part.
#[derive(Default)]
pub struct Part<'a> {
    pub kind: &'a str,
    pub text: Option<NodeId>,
    pub thinking: Option<NodeId>,
    pub refusal: Option<NodeId>,
    pub content: Option<NodeId>,
    pub id: Option<NodeId>,
    pub tool_use_id: Option<NodeId>,
    pub name: Option<NodeId>,
    pub input: Option<NodeId>,
}

impl<'a> Part<'a> {
    pub fn of(doc: &Document<'a>, element: NodeId) -> Self {
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

/// The last member of that name: of equal keys the last one counts.
pub fn last_member(doc: &Document<'_>, object: NodeId, name: &str) -> Option<NodeId> {
    doc.members(object)
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .last()
}
