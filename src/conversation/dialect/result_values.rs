//! Where the values of a message's tool results are, and what of them counts.

use std::ops::Range;

use super::shape::Shape;
use super::walk::walk;
use super::{Counted, FoundCall, FoundResult, Visitor};
use crate::conversation::json::{Document, NodeId};

/// What stands in the place of a cleared result.
macro_rules! placeholder {
    () => {
        "[tool result cleared]"
    };
}

/// A tool result of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultValue {
    /// The values, in order. None if the result has none, or if it cannot be told which part of the message is its own.
    pub values: Vec<NodeId>,
    /// What is counted of them.
    pub counted: u64,
}

/// What counts of a message, and its results.
pub struct ReadResults {
    /// The results, in order; those too that stand in the same message as their calls.
    pub results: Vec<ResultValue>,
    /// What the whole message counts, without overhead.
    pub counted: u64,
}

/// Reads the results of a message. `count` returns the tokens of one part.
pub fn results(shape: &Shape<'_, '_>, count: impl FnMut(Counted<'_>) -> u64) -> ReadResults {
    let mut reader = Reader {
        count,
        read: ReadResults {
            results: Vec::new(),
            counted: 0,
        },
        open: Vec::new(),
    };
    walk(shape, &mut reader);
    reader.read
}

/// A result whose values are being read.
#[derive(Default)]
struct Open {
    result: ResultValue,
    /// Values that are being read: what is counted belongs to the result.
    inside: u32,
    /// How many results were complete when this one began.
    before: usize,
}

struct Reader<C> {
    count: C,
    read: ReadResults,
    open: Vec<Open>,
}

impl<'a, C: FnMut(Counted<'_>) -> u64> Visitor<'a> for Reader<C> {
    const TEXTS: bool = true;

    fn counted(&mut self, part: Counted<'_>) {
        let counted = (self.count)(part);
        self.read.counted = self.read.counted.saturating_add(counted);
        if let Some(open) = self.open.last_mut().filter(|open| open.inside > 0) {
            open.result.counted = open.result.counted.saturating_add(counted);
        }
    }

    fn call(&mut self, _: FoundCall<'a>) {}

    fn result(&mut self, _: FoundResult<'a>) {}

    fn begin_result(&mut self) {
        self.open.push(Open {
            before: self.read.results.len(),
            ..Open::default()
        });
    }

    fn begin_value(&mut self, id: NodeId) {
        if let Some(open) = self.open.last_mut() {
            if open.inside == 0 {
                open.result.values.push(id);
            }
            open.inside += 1;
        }
    }

    fn end_value(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.inside = open.inside.saturating_sub(1);
        }
    }

    fn end_result(&mut self, is_result: bool) {
        let Some(mut open) = self.open.pop() else {
            return;
        };
        if is_result {
            // A message that is a result and holds others.
            if self.read.results.len() > open.before {
                open.result.values.clear();
            }
            self.read.results.push(open.result);
        } else if let Some(outer) = self.open.last_mut().filter(|outer| outer.inside > 0) {
            let counted = open.result.counted;
            outer.result.counted = outer.result.counted.saturating_add(counted);
        }
    }
}

/// A part of a message that is replaced by another text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where it is, in bytes of the message.
    pub range: Range<usize>,
    /// What stands there instead.
    pub with: &'static str,
}

/// How to clear a result: its first value becomes the placeholder, further ones are emptied. `None` if it has no value, or
/// if one cannot be located.
pub fn clear(doc: &Document<'_>, result: &ResultValue) -> Option<Vec<Edit>> {
    if result.values.is_empty() {
        return None;
    }
    let mut edits = Vec::with_capacity(result.values.len());
    for (i, &value) in result.values.iter().enumerate() {
        let carrier = Carrier::of(doc, value);
        edits.push(Edit {
            range: doc.span(value)?,
            with: if i == 0 {
                carrier.placeholder()
            } else {
                carrier.empty()
            },
        });
    }
    Some(edits)
}

impl Edit {
    /// This edit of [`clear`] with `text` where it has the placeholder.
    #[must_use]
    pub fn carrying(&self, text: &str) -> String {
        let text = serde_json::Value::from(text).to_string();
        self.with
            .replacen(concat!("\"", placeholder!(), "\""), &text, 1)
    }
}

/// The form of a value that carries a text: a string where the dialect has one, otherwise the smallest value that carries
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// A string.
    Plain,
    /// Bedrock, Gemini: blocks of one key.
    Block,
    /// Blocks that say their kind.
    TypedBlock,
    /// LlamaIndex.
    LlamaIndexBlock,
    /// The output of a shell call.
    Shell,
    /// AI SDK: `{type, value}`.
    TypedValue,
    /// Gemini: an object.
    Response,
}

macro_rules! carriers {
    ($text:expr, $carrier:expr) => {
        match $carrier {
            Carrier::Plain => concat!("\"", $text, "\""),
            Carrier::Block => concat!(r#"[{"text":""#, $text, r#""}]"#),
            Carrier::TypedBlock => concat!(r#"[{"type":"text","text":""#, $text, r#""}]"#),
            Carrier::LlamaIndexBlock => {
                concat!(r#"[{"block_type":"text","text":""#, $text, r#""}]"#)
            }
            Carrier::Shell => concat!(r#"[{"stdout":""#, $text, r#""}]"#),
            Carrier::TypedValue => concat!(r#"{"type":"text","value":""#, $text, r#""}"#),
            Carrier::Response => concat!(r#"{"result":""#, $text, r#""}"#),
        }
    };
}

impl Carrier {
    fn of(doc: &Document<'_>, value: NodeId) -> Self {
        // The key of a member precedes its value.
        let key = value.checked_sub(1).and_then(|key| doc.string(key));
        let key = key.unwrap_or_default();
        let has = |object: NodeId, name: &str| {
            doc.members(object)
                .any(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        if doc.is_object(value) {
            return if has(value, "type") && has(value, "value") {
                Self::TypedValue
            } else if key.eq_ignore_ascii_case("response") {
                Self::Response
            } else {
                Self::Plain
            };
        }
        let Some(first) = doc.elements(value).next() else {
            return Self::Plain;
        };
        let untyped = doc.is_object(first) && !has(first, "type");
        match key.to_ascii_lowercase().as_str() {
            "blocks" => Self::LlamaIndexBlock,
            "content" if untyped => Self::Block,
            "output" if has(first, "stdout") => Self::Shell,
            "parts" | "contents" | "items" | "content_blocks" | "contentblocks" if untyped => {
                Self::Block
            }
            "parts" | "contents" | "items" | "content_blocks" | "contentblocks" => Self::TypedBlock,
            _ => Self::Plain,
        }
    }

    /// The value that says that the result was cleared.
    fn placeholder(self) -> &'static str {
        carriers!(placeholder!(), self)
    }

    /// A value that says nothing.
    fn empty(self) -> &'static str {
        match self {
            Self::Block | Self::TypedBlock | Self::LlamaIndexBlock | Self::Shell => "[]",
            Self::Plain | Self::TypedValue | Self::Response => "\"\"",
        }
    }
}
