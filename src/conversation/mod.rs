//! The value: a conversation. Pure Rust that knows no Redis.
//!
//! [`Conversation::apply`] is the only way to change one, by an [`Effect`] that was validated before; reading is
//! selecting a [`window`].

pub mod attributes;
mod counted;
pub mod effect;
mod fields;
mod flags;
mod ids;
pub mod json;
pub mod log;
pub mod message;
mod retention;
mod segment;
mod sums;
mod turns;
pub mod window;

use attributes::Attributes;
use effect::{Count, Effect, NewMessage, Numbering};
use flags::Flags;
use ids::Ids;
use log::{Log, Stored};
use message::{Answers, Facts};
pub use retention::Limit;
pub use segment::Relocate;
pub use sums::Sums;
use turns::Tracker;

use crate::tokens::{Counter, summary_tokens};

/// The summary that stands for older messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its text; never empty.
    pub text: String,
    /// Sequence number of the last message that it stands for; nothing if it only precedes the messages.
    pub upto: Option<i64>,
    /// When it was stored, Unix ms.
    pub updated: i64,
    /// T of the system message that it becomes.
    pub tokens: u32,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct Conversation {
    log: Log,
    tracker: Tracker,
    ids: Ids,
    attributes: Attributes,
    summary: Option<Summary>,
    numbering: Numbering,
    updated: i64,
}

/// What a conversation takes, for sums over all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Messages held.
    pub messages: u64,
    /// Bytes of the messages as they were appended.
    pub raw: u64,
    /// Bytes that hold them, index included.
    pub stored: u64,
    /// Messages not counted yet.
    pub pending: u64,
}

impl Conversation {
    /// An empty conversation, created at `now` (Unix ms).
    #[must_use]
    pub fn new(attributes: Attributes, now: i64) -> Self {
        Self {
            log: Log::default(),
            tracker: Tracker::default(),
            ids: Ids::default(),
            attributes,
            summary: None,
            numbering: Numbering {
                created: now,
                next: 1,
                lowest: 1,
            },
            updated: now,
        }
    }

    /// The message log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The attributes.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The summary.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Where numbering stands.
    #[must_use]
    pub fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Time of the last effective write, Unix ms.
    #[must_use]
    pub fn updated(&self) -> i64 {
        self.updated
    }

    /// True if the calls of the newest turn are unanswered.
    #[must_use]
    pub fn has_open_turn(&self) -> bool {
        self.tracker.has_open_turn()
    }

    /// True if a message with this id is held.
    #[must_use]
    pub fn holds_id(&self, id: &str) -> bool {
        self.ids.candidates(id).any(|seq| {
            self.log
                .find(seq)
                .and_then(|position| self.log.get(position))
                .and_then(|m| message::facts(m.bytes).ok())
                .is_some_and(|facts| facts.id.as_deref() == Some(id))
        })
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.log.heap_bytes()
            + self.ids.heap_bytes()
            + self.tracker.heap_bytes()
            + self.summary.as_ref().map_or(0, |s| s.text.capacity())
    }

    /// Allocations to be freed with the conversation, about.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        1 + 2 * self.log.segments() + self.ids.free_effort()
    }

    /// See [`Footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let totals = self.log.totals();
        Footprint {
            messages: totals.messages,
            raw: totals.bytes,
            stored: self.log.heap_bytes() as u64,
            pending: totals.pending,
        }
    }

    /// Says why an effect from outside cannot be applied. Effects that commands make for this very conversation
    /// always can.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, effect: &Effect<'_>) -> Result<(), String> {
        let mut last = self.log.last_seq().unwrap_or(i64::MIN);
        for message in &effect.push {
            if message.seq <= last || message.seq == i64::MAX {
                return Err(format!("message {} cannot follow {last}", message.seq));
            }
            last = message.seq;
        }
        if let Some(edit) = &effect.edit
            && self.log.find(edit.seq).is_none()
        {
            return Err(format!("no message {} to edit", edit.seq));
        }
        if let Some(numbering) = &effect.numbering
            && (effect.create.is_none() || numbering.lowest > numbering.next)
        {
            // Numbers that are held could be given again.
            return Err("numbering out of order".into());
        }
        Ok(())
    }

    /// Makes the changes that `effect` names; it has been validated. Messages without given tokens are pending
    /// afterwards: see [`Conversation::settle`].
    pub fn apply(&mut self, effect: &Effect<'_>) {
        self.updated = effect.at;
        if let Some(numbering) = effect.numbering {
            self.numbering = numbering;
        }
        if let Some(attributes) = effect.alter {
            self.alter(attributes);
        }
        for message in &effect.push {
            self.push(message);
        }
        if let Some(edit) = &effect.edit {
            self.edit(edit);
        }
        self.remove(&effect.remove);
        if let Some(new) = &effect.summary {
            self.summary = (!new.text.is_empty()).then(|| Summary {
                text: new.text.to_owned(),
                upto: new.upto,
                updated: effect.at,
                tokens: summary_tokens(self.attributes.encoding, new.text),
            });
        }
        for &(first, last) in &effect.drop {
            let from = self.log.position_of(first);
            let to = self.log.position_of(last.saturating_add(1));
            self.drop_range(from, to);
        }
    }

    /// Relocates the buffers of the messages from the segment at `from` on, as long as there is time; where to go on,
    /// or nothing when all are done.
    pub fn relocate(&mut self, from: usize, relocate: &mut impl Relocate) -> Option<usize> {
        self.log.relocate(from, relocate)
    }

    /// Counts what is pending, as far as `counter` knows.
    pub fn settle(&mut self, counter: &impl Counter) {
        let rules = self.attributes.rules();
        let mut behind = 0;
        loop {
            let passed = self.log.sums_before(behind).pending;
            let Some(position) = self
                .log
                .first_where(|s| s.pending > passed)
                .and_then(|p| p.checked_sub(1))
            else {
                return;
            };
            let tokens = self
                .log
                .get(position)
                .and_then(|m| counter.tokens(rules, m.bytes));
            if let Some(tokens) = tokens {
                self.log.update_at(position, |e| {
                    e.tokens = tokens;
                    e.flags.set_pending(false);
                });
            }
            behind = position + 1;
        }
    }

    fn alter(&mut self, attributes: Attributes) {
        let recount = attributes.rules() != self.attributes.rules();
        self.attributes = attributes;
        if recount {
            self.log.update(0..self.log.len(), |e| {
                if !e.flags.explicit() {
                    e.tokens = 0;
                    e.flags.set_pending(true);
                }
            });
            if let Some(summary) = &mut self.summary {
                summary.tokens = summary_tokens(attributes.encoding, &summary.text);
            }
        }
    }

    fn push(&mut self, message: &NewMessage<'_>) {
        let flags = flags(message);
        let position = self.log.len();
        self.log.push(
            message.seq,
            message.time,
            tokens(message.count),
            flags,
            message.bytes,
        );
        self.tracker.feed(&mut self.log, position, &message.facts);
        self.ids.insert(message.facts.id.as_deref(), message.seq);
        self.numbering.next = self.numbering.next.max(message.seq.saturating_add(1));
        self.numbering.lowest = self.numbering.lowest.min(message.seq);
    }

    fn edit(&mut self, message: &NewMessage<'_>) {
        let Some(position) = self.log.find(message.seq) else {
            return;
        };
        self.forget_id(position);
        self.log.replace(
            position,
            tokens(message.count),
            flags(message),
            message.bytes,
        );
        self.ids.insert(message.facts.id.as_deref(), message.seq);
        self.retrack(position);
    }

    fn remove(&mut self, seqs: &[i64]) {
        let mut cuts = Vec::with_capacity(seqs.len());
        for &seq in seqs {
            if let Some(position) = self.log.find(seq) {
                self.forget_id(position);
                self.log.remove(position..position + 1);
                cuts.push(seq);
            }
        }
        cuts.sort_unstable();
        let mut done = None;
        for seq in cuts {
            // The message that stands behind the one removed may have been tracked anew already.
            let position = self.log.position_of(seq);
            if done.is_none_or(|done| position >= done) {
                done = Some(self.retrack(position));
            }
        }
    }

    /// Removes messages that retention chose. They end at a boundary, so tracking anew looks at little; should an
    /// effect from outside end elsewhere, what is left of the turn is tracked as after any other removal.
    fn drop_range(&mut self, from: usize, to: usize) {
        for position in from..to {
            self.forget_id(position);
        }
        self.log.remove(from..to);
        self.retrack(from);
        self.attributes.complete = true;
    }

    fn forget_id(&mut self, position: usize) {
        if let Some(stored) = self.log.get(position)
            && stored.flags.has_id()
            && let Ok(facts) = message::facts(stored.bytes)
        {
            self.ids.remove(facts.id.as_deref(), stored.seq);
        }
    }

    /// Tracks the turn groups anew around a change at `changed`; returns the position behind the last message that
    /// was looked at.
    fn retrack(&mut self, changed: usize) -> usize {
        let len = self.log.len();
        let clean = |log: &Log, position: usize| log.get(position).is_none_or(|m| m.flags.clean());
        let mut position = changed.min(len);
        while let Some(before) = position.checked_sub(1) {
            if clean(&self.log, before) {
                break;
            }
            position = before;
        }
        let mut tracker = Tracker::default();
        while position < len {
            let was_clean = clean(&self.log, position);
            let facts = self.facts_at(position);
            tracker.feed(&mut self.log, position, &facts);
            position += 1;
            if position > changed && was_clean && tracker.is_clean() {
                return position;
            }
        }
        self.tracker = tracker;
        position
    }

    /// What tracking needs to know of the message at `position`: it is only read again if it has to do with calls.
    fn facts_at(&self, position: usize) -> Facts {
        let Some(stored) = self.log.get(position) else {
            return Facts::default();
        };
        if stored.flags.opens() || stored.flags.answers() {
            return message::facts(stored.bytes).unwrap_or_default();
        }
        Facts {
            class: stored.flags.class(),
            langchain: stored.flags.langchain(),
            item: stored.flags.item(),
            reasoning: stored.flags.reasoning(),
            answers: Answers::None,
            ..Facts::default()
        }
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = Stored<'_>> {
        self.log.iter_from(0)
    }
}

fn flags(message: &NewMessage<'_>) -> Flags {
    let mut flags = Flags::of(&message.facts);
    flags.set_pending(message.count == Count::Pending);
    flags.set_explicit(matches!(message.count, Count::Given(_)));
    flags
}

fn tokens(count: Count) -> u32 {
    match count {
        Count::Pending => 0,
        Count::Counted(tokens) | Count::Given(tokens) => tokens,
    }
}
