//! Adding, replacing and removing messages, with all that is kept of them: counts in progress, ids, pins, results, groups.

use super::Conversation;
use super::effect::{Count, NewMessage};
use super::flags::Flags;
use super::log::Log;
use super::message;
use super::turns::{Dialects, Reading, Tracker, WithFacts, clean_before};
use crate::tokens::{Counter, Outcome, Text};

/// Messages of this size are not read on the main thread only to find their ids.
const LARGE_MESSAGE: usize = 16 << 10;

/// Bytes of a message that are read in the time of one comparison of an id: 1 ns a byte, and about 5 ns an id.
const READ_PER_ID: usize = 5;

impl Conversation {
    pub(super) fn push(&mut self, message: &mut NewMessage<'_>, counter: &impl Counter) {
        let (tokens, flags) = self.counted(message, counter);
        let open = self.results.get().and_then(|_| self.tracker.open_from());
        self.tracker.push(&mut self.log, message, tokens, flags);
        self.numbered(message);
        if let Some(open) = open {
            // The message may have ended the turn, which is hidden then.
            let from = self.log.position_of(open);
            if self.log.get(from).is_some_and(|m| m.flags.hidden()) {
                self.refresh_results(from, self.log.len());
            }
        }
    }

    /// Prepends older messages. The cost is theirs, and that of tracking a turn that spans the seam again.
    pub(super) fn push_front(&mut self, messages: &mut [NewMessage<'_>], counter: &impl Counter) {
        if messages.is_empty() {
            return;
        }
        if self.log.is_empty() {
            for message in messages {
                self.push(message, counter);
            }
            return;
        }
        let (mut front, mut tracker) = (Log::default(), Tracker::default());
        for message in messages {
            let (tokens, flags) = self.counted(message, counter);
            tracker.push(&mut front, message, tokens, flags);
            self.numbered(message);
        }
        let seam = front.len();
        self.log.prepend(front);
        // The messages after the seam were tracked as if no call had been open before them.
        if !tracker.is_clean() {
            let end = self
                .tracker
                .track_from(tracker, &mut self.log, seam, seam, &Dialects);
            self.refresh_results(seam, end);
        }
    }

    /// The message, which is stored now, is found by its id, and its number is not given again.
    fn numbered(&mut self, message: &NewMessage<'_>) {
        self.ids.insert(message.facts.id.as_deref(), message.seq);
        if let Some(results) = self.results.get_mut() {
            results.appended(message.seq);
        }
        self.numbering.next = self.numbering.next.max(message.seq.saturating_add(1));
        self.numbering.lowest = self.numbering.lowest.min(message.seq);
    }

    /// T(message) as far as it is known, and the flags that follow from the message itself.
    fn counted(&mut self, message: &mut NewMessage<'_>, counter: &impl Counter) -> (u32, Flags) {
        let mut flags = Flags::of(&message.facts);
        flags.set_explicit(matches!(message.count, Count::Given(_)));
        let known = match message.count {
            Count::Counted(tokens) | Count::Given(tokens) => Some(tokens),
            Count::Pending => match message.text.take().map(|t| self.count(t, counter)) {
                Some(Outcome::Known(tokens)) => Some(tokens),
                Some(Outcome::Estimated(tokens)) => {
                    self.estimates.insert(message.seq);
                    Some(tokens)
                }
                Some(Outcome::Later(ticket)) => {
                    self.tickets.insert(message.seq, ticket);
                    None
                }
                Some(Outcome::Unknown) | None => None,
            },
        };
        flags.set_pending(known.is_none());
        (known.unwrap_or_else(|| self.least_tokens()), flags)
    }

    pub(super) fn count(&self, text: Text, counter: &impl Counter) -> Outcome {
        counter.count(self.attributes.rules(), text)
    }

    pub(super) fn edit(&mut self, message: &mut NewMessage<'_>, counter: &impl Counter) {
        let Some(position) = self.log.find(message.seq) else {
            return;
        };
        self.forget_id(position);
        self.tickets.remove(message.seq);
        if let Some(results) = self.results.get_mut() {
            results.forget(message.seq, message.seq);
        }
        let (tokens, flags) = self.counted(message, counter);
        match message.own.take() {
            Some(text) => self.log.replace_owned(position, tokens, flags, text),
            None if self.log.is_alone(position) => {
                let text = [message.bytes, b","].concat();
                self.log.replace_owned(position, tokens, flags, text);
            }
            None => self.log.replace(position, tokens, flags, message.bytes),
        }
        self.ids.insert(message.facts.id.as_deref(), message.seq);
        let facts = &message.facts;
        let reading = WithFacts { position, facts };
        self.retrack_by(position, &reading);
    }

    pub(super) fn remove(&mut self, seqs: &[i64]) {
        let mut cuts = Vec::with_capacity(seqs.len());
        for &seq in seqs {
            if let Some(position) = self.log.find(seq) {
                self.forget_id(position);
                self.tickets.remove(seq);
                self.log.remove(position..position + 1);
                cuts.push(seq);
            }
        }
        cuts.sort_unstable();
        self.pins.remove(&cuts);
        if let Some(results) = self.results.get_mut() {
            results.remove(&cuts);
        }
        let mut done = None;
        for seq in cuts {
            // The message after the removed one may have been tracked again already.
            let position = self.log.position_of(seq);
            if done.is_none_or(|done| position >= done) {
                done = Some(self.retrack(position));
            }
        }
    }

    /// Removes the messages from number `first` on. Their ids are forgotten without reading the messages.
    pub(super) fn remove_from(&mut self, first: i64) {
        let from = self.log.position_of(first);
        self.ids = self.ids.before(first);
        self.forget_numbers(first, i64::MAX);
        self.log.remove(from..self.log.len());
        self.retrack(from);
    }

    /// The messages with numbers from `first` to `last` are removed: what is held by number goes with them, except for
    /// their ids.
    pub(super) fn forget_numbers(&mut self, first: i64, last: i64) {
        self.tickets.remove_range(first, last);
        self.pins.remove_range(first, last);
        if let Some(results) = self.results.get_mut() {
            results.remove_range(first, last);
        }
    }

    /// Removes messages that retention chose. They end at a group start, so little is tracked again. If a
    /// replayed effect ends elsewhere, the rest of the turn is tracked as after any other removal.
    pub(super) fn drop_range(&mut self, from: usize, to: usize) {
        for position in from..to {
            self.forget_id(position);
        }
        self.log.remove_oldest(from..to);
        self.retrack(from);
        self.attributes.complete = true;
    }

    /// Forgets the id of the message at `position`. Should it not be readable, its id stays among those that may be held:
    /// a lookup compares the id in the message itself.
    pub(super) fn forget_id(&mut self, position: usize) {
        let Some(stored) = self.log.get(position).filter(|m| m.flags.has_id()) else {
            return;
        };
        if stored.len >= LARGE_MESSAGE && self.ids.len() <= stored.len / READ_PER_ID {
            self.ids.remove_all(stored.seq);
        } else if let Ok(Some(Ok(facts))) = self.log.with_message(position, message::facts) {
            self.ids.remove(facts.id.as_deref(), stored.seq);
        }
    }

    /// Tracks the groups again around a change at `changed`; returns the position after the last message
    /// that was tracked.
    pub(super) fn retrack(&mut self, changed: usize) -> usize {
        self.retrack_by(changed, &Dialects)
    }

    fn retrack_by(&mut self, changed: usize, reading: &impl Reading) -> usize {
        let from = clean_before(&self.log, changed);
        let end = self.tracker.retrack(&mut self.log, changed, reading);
        self.refresh_results(from, end);
        end
    }
}
