//! Content that is not understood: it counts as its JSON text, except for bytes in it, which are media.

use std::borrow::Cow;

use super::fields::Fields;
use super::vocabulary as words;
use super::walk::{Context, Walk, Within};
use super::{Counted, Visitor};
use crate::conversation::json::{Document, NodeId};

/// A string of more bytes that is only base64 is bytes, not text: no word is that long.
const LONGEST_TEXT: usize = 256;

impl<'a, V: Visitor<'a>> Walk<'_, '_, 'a, V> {
    /// Counts the JSON text of a value that is not understood.
    pub(super) fn unread(&mut self, id: NodeId, context: Context) {
        let doc = self.doc;
        self.seen.found = true;
        if is_bytes(doc, id) {
            return self.media(context);
        }
        self.seen.unread |= context.within == Within::Own;
        self.mark(context);
        if V::TEXTS {
            let (text, media) = json_text(doc, id);
            self.visitor.counted(Counted::Text(&text));
            for _ in 0..media {
                self.visitor.counted(Counted::Media);
            }
        }
    }

    /// Counts the JSON text of a value that a model is known to read.
    pub(super) fn json_text(&mut self, id: NodeId, context: Context) {
        if V::TEXTS {
            self.text(self.doc.verbatim(id).unwrap_or_default(), context);
        }
        self.seen.found = true;
        self.mark(context);
    }
}

/// The JSON text of a value with `""` in the place of bytes, and how many these are.
fn json_text<'a>(doc: &Document<'a>, id: NodeId) -> (Cow<'a, str>, u64) {
    let Some(span) = doc.span(id) else {
        return (Cow::Borrowed(""), 0);
    };
    let (mut text, mut media) = (String::new(), 0);
    let (mut from, mut node, end) = (span.start, id, doc.after(id));
    while node < end {
        let bytes = is_bytes(doc, node);
        if (bytes || doc.string(node).is_some_and(is_long_base64))
            && let Some(cut) = doc.span(node)
        {
            text.push_str(doc.source(from..cut.start).unwrap_or_default());
            text.push_str("\"\"");
            from = cut.end;
            media += 1;
        }
        node = if bytes { doc.after(node) } else { node + 1 };
    }
    if media == 0 {
        return (Cow::Borrowed(doc.source(span).unwrap_or_default()), 0);
    }
    text.push_str(doc.source(from..span.end).unwrap_or_default());
    (Cow::Owned(text), media)
}

/// Bytes as JavaScript and Strands serialise them.
fn is_bytes(doc: &Document<'_>, id: NodeId) -> bool {
    if !doc.is_object(id) {
        return false;
    }
    let fields = Fields::of(doc, id);
    let encoded = fields.get(&words::ENCODED_BYTES);
    let data = fields.get(&words::BYTES_FIELD);
    encoded.is_some_and(|encoded| doc.is_true(encoded))
        || (fields.string(&words::TYPE) == Some("Buffer")
            && data.is_some_and(|data| doc.is_array(data)))
}

/// True for a string that is only base64 and too long to be text.
pub(super) fn is_long_base64(text: &str) -> bool {
    text.len() > LONGEST_TEXT && is_base64(text)
}

/// True for a string that is only base64: either alphabet, or a `data:` URL.
pub(super) fn is_base64(text: &str) -> bool {
    let encoded = match text.strip_prefix("data:") {
        Some(url) => match url.split_once(";base64,") {
            Some((kind, encoded)) if !kind.contains([' ', ',']) => encoded,
            _ => return false,
        },
        None => text,
    };
    let digits = encoded.trim_end_matches('=');
    encoded.len() - digits.len() <= 2
        && digits.bytes().all(
            |b| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'-' | b'_'),
        )
}
