//! Reading one message: what must be known of it ([`Facts`]), and the text that counts.
//!
//! Messages are read in the shapes that LLM frameworks write, see [`super::dialect`]. What is kept of a message is small; its
//! counted text is visited again whenever it is to be counted ([`Message::visit_counted`]).

use std::ops::Range;

pub use super::dialect::Counted;
use super::dialect::{self, FoundCall, FoundResult, Pairs, Shape, Visitor};
pub use super::facts::{Call, CallKind, Class, Facts, SummaryForm, ToolResult};
use super::json::{self, JsonError, NodeId};
use crate::tokens::Text;

/// Longest role, in bytes.
pub const MAX_ROLE_BYTES: usize = 64;

/// Why a message is rejected; worded to follow `message N: `.
pub type Refusal = JsonError;

/// A message being read; borrows from the parser's buffers.
pub struct Message<'s, 'a>(&'s Shape<'s, 'a>);

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
    json::with_document(source, |doc| Shape::with(doc, |shape| f(&Message(shape))))?
}

/// Reads `source` as a message and returns what must be known of it.
///
/// # Errors
/// As [`with_message`].
pub fn facts(source: &[u8]) -> Result<Facts, Refusal> {
    // Filled where they are: handed out of the closures, they would be copied several times.
    let mut facts = Facts::default();
    with_message(source, |message| message.add_facts(&mut facts))?;
    Ok(facts)
}

/// Reads `source` as a message and returns what must be known of it, and what is to be counted.
///
/// # Errors
/// As [`with_message`].
pub fn read(source: &[u8]) -> Result<(Facts, Text), Refusal> {
    let (mut facts, mut text) = (Facts::default(), counted_text(source.len()));
    with_message(source, |message| {
        message.walk(|part: Counted<'_>| add(&mut text, part), &mut facts);
    })?;
    text.shrink();
    Ok((facts, text))
}

/// The message as valid JSON, byte for byte as it was except that the results in its content are taken out, with the commas
/// that separated them. Results of calls in the same message stay. `None` if there is no such result, or if one is not a
/// block of the content.
#[must_use]
pub fn without_results(source: &[u8]) -> Option<Vec<u8>> {
    with_message(source, |message| dialect::without_results(message.0))
        .ok()
        .flatten()
}

impl<'a> Message<'_, 'a> {
    /// What must be known of the message for as long as it is held.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        self.add_facts(&mut facts);
        facts
    }

    fn add_facts(&self, facts: &mut Facts) {
        self.walk(Nothing, facts);
    }

    /// The tool results of the message; `count` says what a part of it counts.
    pub(super) fn results(&self, count: impl FnMut(Counted<'_>) -> u64) -> dialect::ReadResults {
        dialect::results(self.0, count)
    }

    /// How to clear each of its results: see [`dialect::clear`].
    pub(super) fn clear_results(
        &self,
        results: &[dialect::ResultValue],
    ) -> Vec<Option<Vec<dialect::Edit>>> {
        let results = results.iter();
        results.map(|r| dialect::clear(self.0.doc, r)).collect()
    }

    /// The texts of the message that may be cut; `count` says what a part of it counts.
    pub(super) fn texts(&self, count: impl FnMut(Counted<'_>) -> u64) -> dialect::ReadTexts {
        dialect::texts(self.0, count)
    }

    /// A string of the message, and where it is.
    pub(super) fn string(&self, node: NodeId) -> Option<(&'a str, Range<usize>)> {
        let doc = self.0.doc;
        Some((doc.string(node)?, doc.span(node)?))
    }

    /// Visits all that costs tokens.
    pub fn visit_counted(&self, visit: &mut impl FnMut(Counted<'_>)) {
        dialect::walk(self.0, &mut Counting(visit));
    }

    /// Walks through the message once and notes what must be known of it in `facts`, which are empty.
    #[inline]
    fn walk(&self, count: impl Count, facts: &mut Facts) {
        let shape = self.0;
        let mut reading = Reading {
            pairs: Pairs::default(),
            count,
        };
        let seen = dialect::walk(shape, &mut reading);
        let pairs = &mut reading.pairs;
        if !pairs.is_empty() {
            pairs.close();
            if pairs.calls().len() > 0 {
                facts.calls = pairs.calls().map(Call::from).collect();
            }
            if pairs.results().len() > 0 {
                facts.results = pairs.results().map(ToolResult::from).collect();
                facts.can_omit_results = pairs.are_blocks() && shape.content_array().is_some();
            }
        }
        facts.class = shape.role.class;
        facts.summary_form = shape.form;
        facts.item = shape.is_item;
        facts.call_item = shape.is_item && shape.item.calls();
        facts.reasoning = shape.is_item && shape.item.is_reasoning();
        facts.typed = shape.typed;
        facts.id = shape.id().map(Box::from);
        facts.own_text = seen.own_text;
        facts.approvals = seen.approvals;
        facts.only_approvals = seen.approvals && !seen.calls && !seen.own_text;
        facts.unread = seen.unread;
    }
}

impl From<&FoundCall<'_>> for Call {
    #[inline]
    fn from(call: &FoundCall<'_>) -> Self {
        Self {
            kind: call.kind,
            id: call.id.map(Box::from),
            item_id: call.item_id.map(Box::from),
            name: call.name.map(Box::from),
        }
    }
}

impl From<&FoundResult<'_>> for ToolResult {
    #[inline]
    fn from(result: &FoundResult<'_>) -> Self {
        Self {
            kind: result.kind,
            id: result.id.map(Box::from),
            by_item_id: result.by_item_id,
            name: result.name.filter(|_| result.id.is_none()).map(Box::from),
        }
    }
}

/// What is done with the counted parts while the facts are collected.
trait Count {
    const TEXTS: bool;
    fn count(&mut self, part: Counted<'_>);
}

/// They are not needed.
struct Nothing;

impl Count for Nothing {
    const TEXTS: bool = false;
    fn count(&mut self, _: Counted<'_>) {}
}

impl<F: FnMut(Counted<'_>)> Count for F {
    const TEXTS: bool = true;
    fn count(&mut self, part: Counted<'_>) {
        self(part);
    }
}

/// Collects the facts.
struct Reading<'a, C> {
    pairs: Pairs<'a>,
    count: C,
}

impl<'a, C: Count> Visitor<'a> for Reading<'a, C> {
    const TEXTS: bool = C::TEXTS;

    fn counted(&mut self, part: Counted<'_>) {
        self.count.count(part);
    }

    fn call(&mut self, call: FoundCall<'a>) {
        self.pairs.call(call);
    }

    fn result(&mut self, result: FoundResult<'a>) {
        self.pairs.result(result);
    }
}

/// Only visits what counts.
struct Counting<'v, F>(&'v mut F);

impl<'a, F: FnMut(Counted<'_>)> Visitor<'a> for Counting<'_, F> {
    const TEXTS: bool = true;

    fn counted(&mut self, part: Counted<'_>) {
        (self.0)(part);
    }

    fn call(&mut self, _: FoundCall<'a>) {}

    fn result(&mut self, _: FoundResult<'a>) {}
}

impl Text {
    /// The counted text of `message`.
    #[must_use]
    pub fn of(message: &Message<'_, '_>) -> Self {
        let mut text = counted_text(message.0.doc.source_len());
        message.visit_counted(&mut |part| add(&mut text, part));
        text.shrink();
        text
    }
}

/// Room for the counted text of a message of `source` bytes: rarely too little, and cut to size in the end.
fn counted_text(source: usize) -> Text {
    Text::message(source)
}

/// Adds a part to what is to be counted.
fn add(text: &mut Text, part: Counted<'_>) {
    match part {
        Counted::Role(string) | Counted::Text(string) => text.add(string, 0),
        Counted::Name(name) => text.add(name, 1),
        Counted::Call(name, arguments) => {
            text.add(name, 1);
            text.add(arguments, 0);
        }
        Counted::Media => text.add_media(),
    }
}
