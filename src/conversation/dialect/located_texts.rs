//! The texts of a message that may be cut, with the places where they are.

use std::collections::HashMap;

use super::shape::Shape;
use super::walk::walk;
use super::{Counted, FoundCall, FoundResult, Visitor};
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

/// The texts of a message that may be cut, and what the message counts.
pub struct ReadTexts {
    /// In the order in which they are read.
    pub texts: Vec<LocatedText>,
    /// What the whole message counts, without overhead.
    pub counted: u64,
}

/// Finds the texts of tool results and, in a user message, the user's own. JSON text is not among them, as it cannot be cut
/// and stay what it is. `count` says what a part of the message counts.
pub fn texts(shape: &Shape<'_, '_>, count: impl FnMut(Counted<'_>) -> u64) -> ReadTexts {
    let mut reader = Reader {
        count,
        strings: strings(shape.doc),
        is_user: shape.role.class == Class::User,
        open: Vec::new(),
        read: ReadTexts {
            texts: Vec::new(),
            counted: 0,
        },
        settled: Vec::new(),
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

struct Reader<C> {
    count: C,
    strings: HashMap<*const u8, NodeId>,
    is_user: bool,
    /// What may be a result: how many of its values are being read, and how many texts there were when it began.
    open: Vec<(u32, usize)>,
    read: ReadTexts,
    /// For each text: it is in something that turned out to be a result.
    settled: Vec<bool>,
}

impl<'a, C: FnMut(Counted<'_>) -> u64> Visitor<'a> for Reader<C> {
    const TEXTS: bool = true;

    fn counted(&mut self, part: Counted<'_>) {
        self.read.counted = self.read.counted.saturating_add((self.count)(part));
        let Counted::Text(text) = part else {
            return;
        };
        let Some(&node) = self.strings.get(&text.as_ptr()) else {
            return;
        };
        let of_result = self.open.iter().any(|(inside, _)| *inside > 0);
        // Beside the values of a result there is only its name.
        if of_result || (self.is_user && self.open.is_empty()) {
            self.read.texts.push(LocatedText { node, of_result });
            self.settled.push(false);
        }
    }

    fn call(&mut self, _: FoundCall<'a>) {}

    fn result(&mut self, _: FoundResult<'a>) {}

    fn begin_result(&mut self) {
        self.open.push((0, self.read.texts.len()));
    }

    fn begin_value(&mut self, _: NodeId) {
        if let Some((inside, _)) = self.open.last_mut() {
            *inside += 1;
        }
    }

    fn end_value(&mut self) {
        if let Some((inside, _)) = self.open.last_mut() {
            *inside = inside.saturating_sub(1);
        }
    }

    fn end_result(&mut self, is_result: bool) {
        let Some((_, begin)) = self.open.pop() else {
            return;
        };
        if is_result {
            self.settled.iter_mut().skip(begin).for_each(|s| *s = true);
            return;
        }
        // What is no result belongs to what it is in. A message of role tool that only holds results is none itself.
        if self.open.iter().any(|(inside, _)| *inside > 0) {
            return;
        }
        let is_own = self.is_user && self.open.is_empty();
        let texts = self.read.texts.split_off(begin.min(self.read.texts.len()));
        let settled = self.settled.split_off(begin.min(self.settled.len()));
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
