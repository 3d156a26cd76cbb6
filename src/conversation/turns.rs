//! Groups: which messages belong together, and which RECENT never returns.
//!
//! A tracker is fed the messages in order and writes flags into the log: *hidden* (RECENT never returns the message),
//! *group start* (a window may begin before it) and *edited* (RECENT returns it without its results). The tracker keeps
//! what can still grow after the newest message, so an append costs nothing that depends on the conversation's length.
//! After a change in the middle, messages are fed again from the last clean point before it to the first one after it
//! (see [`Tracker::retrack`]).
//!
//! Rules, in the order in which they apply:
//! 1. Results that all answer open calls of the turn belong to it, and the last one completes it. If a user message with
//!    text of its own leaves calls open, its results answer nothing.
//! 2. A message with any other result is orphaned. Without text of its own it is hidden, answers nothing and ends
//!    nothing; with text of its own it ends what is open, is a group of its own and is returned without its results.
//! 3. A `reasoning` item waits, hidden, for the next message that is not a hidden orphan. It ends an open turn, unless a
//!    call item opened that turn.
//! 4. Approvals belong to the open turn; so do items of the model, if a call item opened it. The reasoning that waits
//!    within the turn becomes visible with them.
//! 5. Any other message ends an open turn, whose messages are hidden from then on.
//! 6. Items of the model, and assistant messages without `type`, belong to the reasoning group that precedes them.
//! 7. Every other message is a group of its own, and a turn if it opens calls. Reasoning that still waits stays hidden.

mod reading;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::effect::NewMessage;
use super::facts::{Class, Facts};
use super::flags::Flags;
use super::log::Log;
use super::open_calls::OpenCalls;
use reading::facts_at;
pub use reading::{Dialects, Reading, WithFacts};

/// A group to which further messages may belong: calls are open, or it began with reasoning.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Group {
    /// Sequence number of its first message.
    start: i64,
    /// A call item opened the turn, so further items belong to it.
    items: bool,
    /// Without any, only what belongs to a reasoning group joins.
    calls: OpenCalls,
}

/// What may still grow after the last message fed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tracker {
    group: Option<Box<Group>>,
    /// Sequence number of the first reasoning item that waits for what follows it.
    waiting: Option<i64>,
}

/// What a message turned out to be.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    hidden: bool,
    group_start: bool,
    edited: bool,
}

impl Place {
    /// Belongs to the group before it.
    const MEMBER: Self = Self {
        hidden: false,
        group_start: false,
        edited: false,
    };

    const OWN_GROUP: Self = Self {
        hidden: false,
        group_start: true,
        edited: false,
    };

    fn hidden(group_start: bool) -> Self {
        Self {
            hidden: true,
            group_start,
            edited: false,
        }
    }
}

impl Tracker {
    /// Nothing can grow, and no reasoning waits.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.group.is_none() && self.waiting.is_none()
    }

    fn turn(&self) -> Option<&Group> {
        self.group
            .as_deref()
            .filter(|group| !group.calls.is_empty())
    }

    /// True if calls of the newest turn are unanswered.
    #[must_use]
    pub fn has_open_turn(&self) -> bool {
        self.turn().is_some()
    }

    /// Sequence number of the first reasoning item that waits for what follows it.
    #[must_use]
    pub fn waiting_reasoning(&self) -> Option<i64> {
        self.waiting
    }

    /// Sequence number of the first message of the open turn or of the reasoning that waits.
    #[must_use]
    pub fn open_from(&self) -> Option<i64> {
        let turn = self.turn().map(|turn| turn.start);
        turn.into_iter().chain(self.waiting).min()
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.group
            .as_ref()
            .map_or(0, |group| size_of::<Group>() + group.calls.heap_bytes())
    }

    /// Number of the open calls of the newest turn, answered ones included that are still held.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.group.as_ref().map_or(0, |group| group.calls.slots())
    }

    /// True if a message is a group of its own that nothing can join: feeding it would say so and change nothing.
    #[must_use]
    pub fn is_alone(&self, facts: &Facts) -> bool {
        self.is_clean() && facts.calls.is_empty() && facts.results.is_empty() && !facts.reasoning
    }

    /// Appends a message to the log and feeds it.
    pub fn push(
        &mut self,
        log: &mut Log,
        message: &mut NewMessage<'_>,
        tokens: u32,
        mut flags: Flags,
    ) {
        let position = log.len();
        let alone = self.is_alone(&message.facts);
        if alone {
            flags.set_alone();
        }
        let (seq, time) = (message.seq, message.time);
        match message.own.take() {
            Some(text) => log.push_owned(seq, time, tokens, flags, text),
            None => log.push(seq, time, tokens, flags, message.bytes),
        }
        if !alone {
            self.feed(log, position, &message.facts);
        }
    }

    /// Takes the message at `position`, the one after the last fed.
    fn feed(&mut self, log: &mut Log, position: usize, facts: &Facts) {
        let seq = log.get(position).map_or(0, |m| m.seq);
        let place = if !facts.results.is_empty() {
            self.feed_results(log, position, seq, facts)
        } else if facts.reasoning {
            self.feed_reasoning(log, position, seq)
        } else if self.continues_turn(facts) {
            self.join_turn(log, position, facts)
        } else {
            self.feed_other(log, position, seq, facts)
        };
        let clean = self.is_clean();
        log.update_at(position, |e| {
            e.flags
                .set_tracked(place.hidden, place.group_start, place.edited);
            e.flags.set_clean(clean);
        });
    }

    fn feed_results(&mut self, log: &mut Log, position: usize, seq: i64, facts: &Facts) -> Place {
        let must_complete = facts.class == Class::User && facts.own_text;
        let answered = self.group.as_mut().is_some_and(|group| {
            let wanted = |left| !must_complete || left == 0;
            group.calls.take_if(&facts.results, wanted)
        });
        if answered {
            let place = self.join_turn(log, position, facts);
            if !self.has_open_turn() {
                self.group = None;
            }
            return place;
        }
        // A message of role tool is a result itself, also without its result blocks.
        if !facts.own_text || facts.class == Class::Tool {
            return Place::hidden(!self.is_within());
        }
        self.end_turn(log, position);
        self.drop_waiting(log, position);
        if !facts.can_omit_results {
            // With its results it would make the prompt invalid.
            self.group = None;
            return Place::hidden(true);
        }
        self.start_group(seq, facts);
        Place {
            edited: true,
            ..Place::OWN_GROUP
        }
    }

    fn feed_reasoning(&mut self, log: &mut Log, position: usize, seq: i64) -> Place {
        if !self.turn().is_some_and(|turn| turn.items) {
            self.end_turn(log, position);
        }
        let place = Place::hidden(!self.is_within());
        self.waiting.get_or_insert(seq);
        place
    }

    /// True if a message without results belongs to the open turn.
    fn continues_turn(&self, facts: &Facts) -> bool {
        let is_item = facts.item && is_of_model(facts);
        self.turn()
            .is_some_and(|turn| facts.only_approvals || (turn.items && is_item))
    }

    fn join_turn(&mut self, log: &mut Log, position: usize, facts: &Facts) -> Place {
        self.show_waiting(log, position);
        if let Some(group) = &mut self.group {
            group.calls.extend(&facts.calls);
        }
        Place::MEMBER
    }

    fn feed_other(&mut self, log: &mut Log, position: usize, seq: i64, facts: &Facts) -> Place {
        if self.has_open_turn() {
            self.end_turn(log, position);
        }
        if joins_reasoning(facts) {
            if let Some(start) = self.show_waiting(log, position) {
                self.group = Some(Box::new(Group {
                    start,
                    items: false,
                    calls: OpenCalls::default(),
                }));
            }
            if let Some(group) = &mut self.group {
                // Orphans in between were not part of the group as long as it could have ended before them.
                let after = log.last_visible_before(position).map_or(0, |last| last + 1);
                log.update(after..position, |e| e.flags.set_group_start(false));
                group.items = facts.call_item;
                group.calls.extend(&facts.calls);
                return Place::MEMBER;
            }
        }
        self.drop_waiting(log, position);
        self.start_group(seq, facts);
        Place::OWN_GROUP
    }

    /// The message with number `seq` starts a group, which is a turn if it opens calls.
    fn start_group(&mut self, seq: i64, facts: &Facts) {
        self.group = (!facts.calls.is_empty()).then(|| {
            Box::new(Group {
                start: seq,
                items: facts.call_item,
                calls: OpenCalls::new(&facts.calls),
            })
        });
    }

    /// A hidden message would be between messages of one group, or of what may become one.
    fn is_within(&self) -> bool {
        self.has_open_turn() || self.waiting.is_some()
    }

    /// Ends the group that could grow. If calls are open its messages are hidden from now on; those after its last
    /// message, up to `position`, belong to no group.
    fn end_turn(&mut self, log: &mut Log, position: usize) {
        let Some(group) = self.group.take() else {
            return;
        };
        if group.calls.is_empty() {
            return;
        }
        let start = log.position_of(group.start);
        let last = log.last_visible_before(position);
        let after = last.map_or(start, |last| last + 1).max(start);
        log.update(start..after, |e| e.flags.hide());
        log.update(after..position, |e| e.flags.set_group_start(true));
        if let Some(first) = self.waiting {
            // Reasoning items in a row belong together, so only the first of them may be a group start.
            let first = log.position_of(first);
            log.update(first + 1..position, |e| e.flags.set_group_start(false));
        }
    }

    /// The reasoning that waits belongs to the group of the message at `position`. Returns where it begins.
    fn show_waiting(&mut self, log: &mut Log, position: usize) -> Option<i64> {
        let first = self.waiting.take()?;
        log.update(log.position_of(first)..position, |e| {
            if e.flags.reasoning() {
                e.flags.set_hidden(false);
            }
        });
        Some(first)
    }

    /// The reasoning that waits led to nothing.
    fn drop_waiting(&mut self, log: &mut Log, position: usize) {
        if let Some(first) = self.waiting.take() {
            log.update(log.position_of(first)..position, |e| {
                e.flags.set_group_start(true);
            });
        }
    }

    /// Feeds the messages around a change at `changed` again; `self` is the tracker at the end of the log. Returns the
    /// position after the last message that was fed.
    pub fn retrack(&mut self, log: &mut Log, changed: usize, reading: &impl Reading) -> usize {
        let position = clean_before(log, changed);
        self.track_from(Self::default(), log, position, changed, reading)
    }

    /// Feeds the messages from `position` on to `tracker`, as long as that can make a difference after `changed`;
    /// `self` is the tracker at the end of the log. Returns the position after the last message that was fed.
    pub fn track_from(
        &mut self,
        mut tracker: Self,
        log: &mut Log,
        mut position: usize,
        changed: usize,
        reading: &impl Reading,
    ) -> usize {
        while position < log.len() {
            let was_clean = is_clean_after(log, position);
            let facts = facts_at(log, position, reading);
            tracker.feed(log, position, &facts);
            position += 1;
            if position > changed && was_clean && tracker.is_clean() {
                return position;
            }
        }
        *self = tracker;
        position
    }
}

/// The first of the positions `among` whose message belongs to the turn that begins at `start`; the others are orphans. Of a turn
/// without all its results the flags do not tell, because all of it is hidden, so it is tracked again in a copy.
pub fn first_of_turn(log: &Log, start: usize, mut among: Range<usize>) -> Option<usize> {
    let (mut copy, mut tracker) = (log.clone(), Tracker::default());
    for position in start..among.start {
        let facts = facts_at(log, position, &Dialects);
        tracker.feed(&mut copy, position, &facts);
    }
    among.find(|&position| {
        let facts = facts_at(log, position, &Dialects);
        tracker.feed(&mut copy, position, &facts);
        // Reasoning that waits is hidden, too, and no orphan.
        facts.results.is_empty() || copy.get(position).is_some_and(|m| !m.flags.hidden())
    })
}

/// The position at or before `changed` where nothing is open.
pub fn clean_before(log: &Log, changed: usize) -> usize {
    let mut position = changed.min(log.len());
    while let Some(before) = position.checked_sub(1) {
        if is_clean_after(log, before) {
            break;
        }
        position = before;
    }
    position
}

/// The user, or the author of system messages, ends what the model began.
fn is_of_model(facts: &Facts) -> bool {
    !matches!(facts.class, Class::User | Class::System)
}

/// Reasoning groups hold items of the model, and assistant messages without `type`.
fn joins_reasoning(facts: &Facts) -> bool {
    if facts.item {
        is_of_model(facts)
    } else {
        facts.class == Class::Assistant && !facts.typed
    }
}

fn is_clean_after(log: &Log, position: usize) -> bool {
    log.get(position).is_none_or(|m| m.flags.clean())
}

#[cfg(test)]
#[path = "turns_tests/mod.rs"]
mod tests;
