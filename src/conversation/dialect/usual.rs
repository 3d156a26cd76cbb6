//! Blocks and calls that have exactly the members that their framework gives them, in its order: nearly all of them. They
//! are recognised by these alone, which costs a fraction of looking up every name. What is read of them is the same.

use super::walk::{Context, Walk};
use super::{FoundCall, FoundResult, Visitor};
use crate::conversation::json::{Document, NodeId};

/// The text of a block that has only text. What else is in it is never read.
#[inline]
pub(super) fn text<'a>(doc: &Document<'a>, id: NodeId) -> Option<&'a str> {
    let (kind, text, word) = if let Some([kind, text]) = doc.exactly(id, ["type", "text"]) {
        (kind, text, "text")
    } else if let Some([kind, text, _]) = doc.exactly(id, ["type", "text", "annotations"]) {
        (kind, text, "output_text")
    } else {
        let [kind, text, _] = doc.exactly(id, ["type", "thinking", "signature"])?;
        (kind, text, "thinking")
    };
    doc.string(text).filter(|_| doc.string(kind) == Some(word))
}

/// The id of a call outside the content, of which nothing else is asked. It has no result.
#[inline]
pub(super) fn call_id<'a>(doc: &Document<'a>, call: NodeId) -> Option<&'a str> {
    let id = if let Some([id, _, _]) = doc.exactly(call, ["id", "type", "function"]) {
        id
    } else {
        let [_, _, id, _] = doc.exactly(call, ["name", "args", "id", "type"])?;
        id
    };
    filled(doc, id)
}

impl<'a, V: Visitor<'a>> Walk<'_, '_, 'a, V> {
    /// True if the block has been read: OpenAI's images, and if nothing but ids is asked for, Anthropic's calls and results.
    pub(super) fn usual_block(&mut self, id: NodeId, context: Context) -> bool {
        let doc = self.doc;
        if let Some([kind, _]) = doc.exactly(id, ["type", "image_url"])
            && doc.string(kind) == Some("image_url")
        {
            self.media(context);
            return true;
        }
        if V::TEXTS || !context.blocks || self.shape.is_langchain() || !self.listed.is_empty() {
            return false;
        }
        if let Some([kind, call, ..]) = doc.exactly(id, ["type", "id", "name", "input"])
            && doc.string(kind) == Some("tool_use")
            && let Some(call) = filled(doc, call)
        {
            self.seen.calls = true;
            self.visitor.call(FoundCall {
                id: Some(call),
                ..FoundCall::default()
            });
            return true;
        }
        if let Some([kind, call, _]) = doc.exactly(id, ["type", "tool_use_id", "content"])
            && doc.string(kind) == Some("tool_result")
            && let Some(call) = filled(doc, call)
        {
            self.seen.calls = true;
            self.seen.results = true;
            self.visitor.begin_result();
            self.visitor.end_result(true);
            self.visitor.result(FoundResult {
                id: Some(call),
                block: Some(id),
                ..FoundResult::default()
            });
            return true;
        }
        false
    }
}

/// A string that is not empty.
fn filled<'a>(doc: &Document<'a>, id: NodeId) -> Option<&'a str> {
    doc.string(id).filter(|string| !string.is_empty())
}
