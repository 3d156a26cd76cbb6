//! The texts of a message that may be cut, with the places where they are.

use std::collections::HashMap;

use super::shape::Shape;
use super::walk::walk;
use super::{Counted, FoundCall, FoundResult, ResultValue, Visitor};
use crate::conversation::facts::Class;
use crate::conversation::json::{Document, NodeId};

/// A text that is a string of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocatedText {
    /// The string.
    pub node: NodeId,
    /// It is in the value of a tool result. Otherwise it is the user's.
    pub of_result: bool,
}

/// A tool result of which something counts that is no string of the message, such as the JSON text of an object. It can only
/// be cut as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeResult {
    /// Where it is.
    pub value: ResultValue,
    /// The texts that count, each on a line of its own.
    pub text: String,
}

/// The texts of a message that may be cut, and what the message counts.
pub struct ReadTexts {
    /// In the order in which they are read.
    pub texts: Vec<LocatedText>,
    /// None of their strings are among the texts.
    pub results: Vec<WholeResult>,
    /// What the whole message counts, without overhead.
    pub counted: u64,
}

/// Finds the texts of tool results and, in a user message, the user's own. The user's JSON text is not among them, as it
/// cannot be cut and stay what it is. `count` says what a part of the message counts.
pub fn texts(shape: &Shape<'_, '_>, count: impl FnMut(Counted<'_>) -> u64) -> ReadTexts {
    let mut reader = Reader {
        count,
        strings: strings(shape.doc),
        is_user: shape.role.class == Class::User,
        open: Vec::new(),
        read: ReadTexts {
            texts: Vec::new(),
            results: Vec::new(),
            counted: 0,
        },
        settled: Vec::new(),
        complete: 0,
    };
    walk(shape, &mut reader);
    reader.read
}

/// The strings of the document, by where their text is in memory.
fn strings(doc: &Document<'_>) -> HashMap<*const u8, NodeId> {
    let nodes = (0..).take_while(|&id| doc.node(id).is_some());
    nodes
        .filter_map(|id| Some((doc.string(id).filter(|s| !s.is_empty())?.as_ptr(), id)))
        .collect()
}

/// What may be a result.
struct Open {
    /// How many of its values are being read.
    inside: u32,
    /// How many texts there were when it began.
    texts: usize,
    /// How many results were complete when it began.
    complete: usize,
    value: ResultValue,
    /// Its texts, located or not.
    parts: Vec<String>,
    /// One of them is no string of the message.
    is_whole: bool,
}

struct Reader<C> {
    count: C,
    strings: HashMap<*const u8, NodeId>,
    is_user: bool,
    open: Vec<Open>,
    read: ReadTexts,
    /// For each text: it is in something that turned out to be a result.
    settled: Vec<bool>,
    /// How many results are complete.
    complete: usize,
}

impl<'a, C: FnMut(Counted<'_>) -> u64> Visitor<'a> for Reader<C> {
    const TEXTS: bool = true;

    fn counted(&mut self, part: Counted<'_>) {
        let counted = (self.count)(part);
        self.read.counted = self.read.counted.saturating_add(counted);
        let text = match part {
            // An empty one says nothing, and is not located.
            Counted::Text(text) => Some(text).filter(|text| !text.is_empty()),
            Counted::Role(_) | Counted::Name(_) | Counted::Call(..) | Counted::Media => None,
        };
        let found = text.and_then(|text| self.strings.get(&text.as_ptr()).copied());
        if let Some(open) = self.open.last_mut().filter(|open| open.inside > 0) {
            open.value.counted = open.value.counted.saturating_add(counted);
            if let Some(text) = text {
                open.parts.push(text.to_owned());
                open.is_whole |= found.is_none();
            }
        }
        let Some(node) = found else {
            return;
        };
        let of_result = self.open.iter().any(|open| open.inside > 0);
        // Beside the values of a result there is only its name.
        if of_result || (self.is_user && self.open.is_empty()) {
            self.read.texts.push(LocatedText { node, of_result });
            self.settled.push(false);
        }
    }

    fn call(&mut self, _: FoundCall<'a>) {}

    fn result(&mut self, _: FoundResult<'a>) {}

    fn begin_result(&mut self) {
        self.open.push(Open {
            inside: 0,
            texts: self.read.texts.len(),
            complete: self.complete,
            value: ResultValue::default(),
            parts: Vec::new(),
            is_whole: false,
        });
    }

    fn begin_value(&mut self, id: NodeId) {
        if let Some(open) = self.open.last_mut() {
            if open.inside == 0 {
                open.value.values.push(id);
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
        let Some(open) = self.open.pop() else {
            return;
        };
        if is_result {
            // Of a message that is a result and holds others, it cannot be told which part is its own.
            let holds_others = self.complete > open.complete;
            self.complete += 1;
            if open.is_whole && !holds_others {
                self.read.texts.truncate(open.texts);
                self.settled.truncate(open.texts);
                self.read.results.push(WholeResult {
                    value: open.value,
                    text: open.parts.join("\n"),
                });
            }
            let settled = self.settled.iter_mut().skip(open.texts);
            settled.for_each(|s| *s = true);
            return;
        }
        // What is no result belongs to what it is in. A message of role tool that only holds results is none itself.
        if self.open.iter().any(|outer| outer.inside > 0) {
            if let Some(outer) = self.open.last_mut().filter(|outer| outer.inside > 0) {
                let counted = open.value.counted;
                outer.value.counted = outer.value.counted.saturating_add(counted);
                outer.parts.extend(open.parts);
                outer.is_whole |= open.is_whole;
            }
            return;
        }
        let is_own = self.is_user && self.open.is_empty();
        let texts = self
            .read
            .texts
            .split_off(open.texts.min(self.read.texts.len()));
        let settled = self.settled.split_off(open.texts.min(self.settled.len()));
        for (text, settled) in texts.into_iter().zip(settled) {
            if settled || is_own {
                self.read.texts.push(LocatedText {
                    of_result: settled,
                    ..text
                });
                self.settled.push(settled);
            }
        }
    }
}
