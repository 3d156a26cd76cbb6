//! Changing a conversation: an [`Effect`] that was validated before is applied.

use std::sync::Arc;

use super::attributes::Attributes;
use super::effect::Effect;
use super::segment::Relocate;
use super::session::Session;
use super::{Conversation, MAX_PINS, Summary, SummaryTokens, Unreadable};
use crate::tokens::{Counter, Nobody, Text};

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
            // The server puts it into the key when it opens it.
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
        // Without older messages, those that are prepended are the ones before.
        let mut last = self
            .last_before(*cut)
            .or(front.last().map(|message| message.seq))
            .unwrap_or(i64::MIN);
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
            // The server puts it into the key when it opens it.
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
            self.forget_numbers(first, last);
            self.drop_range(from, to);
        }
        self.debug_check();
    }

    /// As [`Conversation::apply`], for messages that come with their compressed text: they become a compressed
    /// segment of their own, if they fit into one.
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
        if old.encoding != new.encoding {
            self.estimates.take();
        }
        self.results.clear();
        if let Some(summary) = &mut self.summary {
            let known = summary.tokens.known();
            let tokens = known.and_then(|tokens| new.converted(&old, tokens));
            summary.tokens = match (tokens, &summary.tokens) {
                (None, _) => SummaryTokens::Pending,
                (Some(tokens), SummaryTokens::Estimated(_)) => SummaryTokens::Estimated(tokens),
                (Some(tokens), _) => SummaryTokens::Counted(tokens),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::effect::{Count, Event, NewMessage};
    use crate::conversation::message::facts;
    use crate::settings::Settings;

    fn message(seq: i64) -> NewMessage<'static> {
        let bytes = br#"{"role":"user"}"#;
        NewMessage {
            seq,
            time: 7,
            count: Count::Given(1),
            bytes,
            facts: facts(bytes).expect("a message"),
            text: None,
            own: None,
        }
    }

    fn effect(cut: Option<i64>, front: i64, push: i64) -> Effect<'static> {
        Effect {
            cut,
            front: vec![message(front)],
            push: vec![message(push)],
            ..Effect::new(Event::None, 7)
        }
    }

    #[test]
    fn appended_messages_follow_prepended_ones() {
        let mut conversation = Conversation::new(Settings::default().attributes(), 7);
        for push in [-1, 0] {
            assert!(conversation.check(&effect(None, 0, push)).is_err());
        }
        let mut both = effect(None, 0, 1);
        assert_eq!(conversation.check(&both), Ok(()));
        conversation.apply(&mut both, &Nobody);
        // Nothing is left of what was held.
        assert!(conversation.check(&effect(Some(0), -5, -6)).is_err());
        let mut replaced = effect(Some(0), -5, -4);
        assert_eq!(conversation.check(&replaced), Ok(()));
        conversation.apply(&mut replaced, &Nobody);
        conversation.check_invariants().expect("sound");
    }
}
