//! Changing a conversation: an [`Effect`] that was validated before is applied.

use std::sync::Arc;

use super::attributes::Attributes;
use super::effect::{Count, Effect, NewMessage};
use super::flags::Flags;
use super::log::Log;
use super::message;
use super::segment::Relocate;
use super::session::Session;
use super::turns::{Dialects, Reading, Tracker, WithFacts, clean_before};
use super::{Conversation, MAX_PINS, Summary, SummaryTokens, Unreadable};
use crate::tokens::{Counter, Nobody, Outcome, Text};

/// Messages of this size are not read on the main thread only to find their ids.
const LARGE_MESSAGE: usize = 16 << 10;

/// So many bytes of a message are read in the time that it takes to look at one id: 1 ns a byte, and about 5 ns an id.
const READ_PER_ID: usize = 5;

impl Conversation {
    /// Checks that an effect from outside can be applied. Effects that commands make for this conversation always can.
    ///
    /// # Errors
    /// Why it cannot be applied.
    pub fn check(&self, effect: &Effect<'_>) -> Result<(), String> {
        // Exhaustive, so that a new field is checked. Those not bound here fit any conversation, or are checked by
        // the session or, as `create` is, where the key is opened.
        let Effect {
            at: _,
            event: _,
            create,
            numbering,
            alter: _,
            cut,
            front,
            push,
            edit,
            pin,
            unpin,
            remove: _,
            summary: _,
            clear_session: _,
            del_state: _,
            set_state: _,
            history: _,
            imported: _,
            // Whoever opens the key puts it there.
            built: _,
            lease,
            drop: _,
            persist: _,
            expire: _,
        } = effect;
        let mut last = i64::MIN;
        for message in front {
            if message.seq <= last || message.seq >= self.numbering.lowest {
                return Err(format!("message {} cannot be prepended", message.seq));
            }
            last = message.seq;
        }
        let mut last = self.last_before(*cut).unwrap_or(i64::MIN);
        for message in push {
            if message.seq <= last || message.seq == i64::MAX {
                return Err(format!("message {} cannot follow {last}", message.seq));
            }
            last = message.seq;
        }
        if let Some(edit) = edit
            && self.log.find(edit.seq).is_none()
        {
            return Err(format!("no message {} to edit", edit.seq));
        }
        if self.pins.most_with(pin) > MAX_PINS {
            return Err(format!("more than {MAX_PINS} pinned messages"));
        }
        if !unpin.is_sorted() {
            return Err("pins to remove out of order".into());
        }
        if let Some(numbering) = numbering
            && (create.is_none() || numbering.lowest > numbering.next)
        {
            // Numbers that are held could be given again.
            return Err("numbering out of order".into());
        }
        if lease.is_some_and(|until| until < 0) {
            return Err("a lease that ends before all time".into());
        }
        match &self.session {
            Some(session) => session.check(effect),
            None => Session::default().check(effect),
        }
    }

    /// Number of the newest message that stays if those from `cut` on are removed.
    fn last_before(&self, cut: Option<i64>) -> Option<i64> {
        let Some(cut) = cut else {
            return self.log.last_seq();
        };
        let position = self.log.position_of(cut).checked_sub(1)?;
        self.log.get(position).map(|last| last.seq)
    }

    /// Decompresses what `effect` changes, so that [`Conversation::apply`] cannot fail halfway. The content does not change.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn prepare(&mut self, effect: &Effect<'_>) -> Result<(), Unreadable> {
        let edited = effect.edit.iter().map(|edit| edit.seq);
        for seq in edited.chain(effect.remove.iter().copied()) {
            // A segment that is replaced or removed as a whole is not decompressed.
            if let Some(position) = self.log.find(seq)
                && !self.log.is_alone(position)
            {
                self.log.decompress_at(position)?;
            }
        }
        let cut = effect.cut.map(|first| (first, i64::MAX));
        for (first, last) in effect.drop.iter().copied().chain(cut) {
            let from = self.log.position_of(first);
            let to = self.log.position_of(last.saturating_add(1));
            self.log.decompress_to_remove(&(from..to))?;
        }
        Ok(())
    }

    /// Makes the changes that `effect` names; it has been validated, and [`Conversation::prepare`] has succeeded. New texts go to `counter`.
    pub fn apply(&mut self, effect: &mut Effect<'_>, counter: &impl Counter) {
        // The session takes what concerns it from the effect as a whole.
        self.change_session(effect);
        // Exhaustive, so that a new field is applied.
        let Effect {
            at,
            event: _,
            // The server creates the value of the key and sets its expiry.
            create: _,
            numbering,
            alter,
            cut,
            front,
            push,
            edit,
            pin,
            unpin,
            remove,
            summary,
            clear_session: _,
            del_state: _,
            set_state: _,
            history: _,
            imported: _,
            // Whoever opens the key puts it there.
            built: _,
            lease,
            drop,
            persist: _,
            expire: _,
        } = effect;
        self.updated = *at;
        self.cut.clear();
        if let Some(numbering) = *numbering {
            self.numbering = numbering;
        }
        if let Some(attributes) = *alter {
            self.alter(attributes);
        }
        if let Some(first) = *cut {
            self.remove_from(first);
        }
        self.push_front(front, counter);
        for message in push {
            self.push(message, counter);
        }
        if let Some(edit) = edit {
            self.edit(edit, counter);
        }
        if !pin.is_empty() {
            let held = pin.iter().copied();
            self.pins
                .insert(held.filter(|&seq| self.log.find(seq).is_some()));
        }
        self.pins.remove(unpin);
        if !pin.is_empty() || !unpin.is_empty() {
            self.refresh_results(0, self.log.len());
        }
        self.remove(remove);
        if let Some(new) = summary {
            // The leased work is done, by the holder of the lease or by another client.
            self.lease = 0;
            self.summary = (!new.text.is_empty()).then(|| {
                let text = Text::of_summary(new.text);
                let outcome = counter.count_soon(self.attributes.rules(), text);
                Box::new(Summary {
                    text: new.text.to_owned(),
                    upto: new.upto,
                    updated: *at,
                    tokens: SummaryTokens::from(outcome),
                })
            });
        }
        if let Some(until) = *lease {
            self.lease = until;
        }
        for &(first, last) in &*drop {
            let from = self.log.position_of(first);
            let to = self.log.position_of(last.saturating_add(1));
            self.tickets.remove_range(first, last);
            self.pins.remove_range(first, last);
            if let Some(results) = self.results.get_mut() {
                results.remove(first, last);
            }
            self.drop_range(from, to);
        }
        self.debug_check();
    }

    /// As [`Conversation::apply`], for messages that come with their packed text: they become a packed segment of their
    /// own, if they fit into one.
    pub fn apply_compressed(&mut self, effect: &mut Effect<'_>, text: &[u8]) {
        let Some(first) = effect.push.first() else {
            return;
        };
        self.log.start_segment(first.seq, first.time);
        let (segments, messages) = (self.log.segments().len(), effect.push.len());
        self.apply(effect, &Nobody);
        let newest = self.log.segments().last();
        if self.log.segments().len() == segments
            && newest.is_some_and(|s| s.entries().len() == messages)
        {
            self.log.adopt(text.to_vec());
        }
    }

    /// Sets the summary's count, if there is a summary whose count is pending.
    pub fn set_summary_tokens(&mut self, tokens: Option<u32>) {
        if let (Some(summary), Some(tokens)) = (&mut self.summary, tokens)
            && summary.tokens.known().is_none()
        {
            summary.tokens = SummaryTokens::Counted(tokens);
        }
    }

    /// Relocates the buffers of the messages from the segment at `from` on, as long as there is time; where to go on,
    /// or nothing when all are done.
    pub fn relocate(&mut self, from: usize, relocate: &mut impl Relocate) -> Option<usize> {
        self.log.relocate(from, relocate)
    }

    fn change_session(&mut self, effect: &mut Effect<'_>) {
        if effect.clear_session
            || !effect.del_state.is_empty()
            || !effect.set_state.is_empty()
            || effect.history.is_some()
        {
            let mut session = self.session.take().unwrap_or_default();
            Arc::make_mut(&mut session).apply(effect);
            let is_nothing = session.is_empty() && session.history().is_none();
            self.session = Some(session).filter(|_| !is_nothing);
        }
    }

    fn alter(&mut self, attributes: Attributes) {
        let (old, new) = (self.attributes.rules(), attributes.rules());
        self.attributes = attributes;
        if old == new {
            return;
        }
        let least = new.least();
        self.log.update(0..self.log.len(), |e| {
            if !e.flags.explicit() {
                let known = Some(e.tokens).filter(|_| !e.flags.pending());
                let tokens = known.and_then(|tokens| new.converted(&old, tokens));
                e.tokens = tokens.unwrap_or(least);
                e.flags.set_pending(tokens.is_none());
            }
        });
        // The texts that are being counted are counted by the old rules.
        self.tickets.clear();
        self.results.clear();
        if let Some(summary) = &mut self.summary {
            let known = summary.tokens.known();
            let tokens = known.and_then(|tokens| new.converted(&old, tokens));
            summary.tokens = tokens.map_or(SummaryTokens::Pending, SummaryTokens::Counted);
        }
    }

    fn push(&mut self, message: &mut NewMessage<'_>, counter: &impl Counter) {
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
    fn push_front(&mut self, messages: &mut [NewMessage<'_>], counter: &impl Counter) {
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

    fn count(&self, text: Text, counter: &impl Counter) -> Outcome {
        counter.count(self.attributes.rules(), text)
    }

    fn edit(&mut self, message: &mut NewMessage<'_>, counter: &impl Counter) {
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

    fn remove(&mut self, seqs: &[i64]) {
        let mut cuts = Vec::with_capacity(seqs.len());
        for &seq in seqs {
            if let Some(position) = self.log.find(seq) {
                self.forget_id(position);
                self.tickets.remove(seq);
                if let Some(results) = self.results.get_mut() {
                    results.remove(seq, seq);
                }
                self.log.remove(position..position + 1);
                cuts.push(seq);
            }
        }
        cuts.sort_unstable();
        self.pins.remove(&cuts);
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
    fn remove_from(&mut self, first: i64) {
        let from = self.log.position_of(first);
        self.ids = self.ids.before(first);
        self.tickets.remove_range(first, i64::MAX);
        self.pins.remove_range(first, i64::MAX);
        if let Some(results) = self.results.get_mut() {
            results.remove(first, i64::MAX);
        }
        self.log.remove(from..self.log.len());
        self.retrack(from);
    }

    /// Removes messages that retention chose. They end at a group start, so little is tracked again. If a
    /// replayed effect ends elsewhere, the rest of the turn is tracked as after any other removal.
    fn drop_range(&mut self, from: usize, to: usize) {
        for position in from..to {
            self.forget_id(position);
        }
        self.log.remove(from..to);
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

    /// Tracks the groups again around a change at `changed`; returns the position after the last message that was looked
    /// at.
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
