//! What must hold of a conversation after every change, checked by property tests and, for short conversations, after
//! every change in debug builds.

use super::index::weight;
use super::log::Log;
use super::segment::HeapBytes;
use super::sums::Sums;
use super::turns::{Dialects, Tracker};
use super::{Conversation, MAX_PINS};

/// Longer conversations are not checked after every change: a check costs as much as all of their messages.
#[cfg(debug_assertions)]
const CHECKED_MESSAGES: usize = 48;

impl Conversation {
    /// Checks all invariants.
    ///
    /// # Errors
    /// Which one does not hold, and where.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.log.check_sums()?;
        self.check_tickets()?;
        self.check_pins()?;
        if let Some(results) = self.results.get() {
            results.check(&self.log, |seq| self.is_pinned(seq))?;
        }
        self.check_groups()
    }

    /// In debug builds, checks the invariants of a short conversation.
    ///
    /// # Panics
    /// In debug builds, if one does not hold.
    #[cfg_attr(debug_assertions, expect(clippy::panic, reason = "debug builds only"))]
    pub(super) fn debug_check(&self) {
        #[cfg(debug_assertions)]
        if self.log.len() <= CHECKED_MESSAGES
            && let Err(why) = self.check_invariants()
        {
            panic!("invariant broken: {why}");
        }
    }

    /// Each ticket is that of a held message that is pending; what is pending stands in the sums with the least that it
    /// can be.
    fn check_tickets(&self) -> Result<(), String> {
        let mut last = i64::MIN;
        for seq in self.tickets.seqs() {
            if seq <= last {
                return Err(format!("ticket {seq} follows {last}"));
            }
            last = seq;
            let held = self
                .log
                .find(seq)
                .and_then(|position| self.log.get(position));
            match held {
                None => return Err(format!("a ticket of message {seq}, which is not held")),
                Some(held) if !held.flags.pending() => {
                    return Err(format!("a ticket of message {seq}, which is counted"));
                }
                Some(_) => {}
            }
        }
        let least = self.least_tokens();
        for position in 0..self.log.len() {
            let held = self.log.get(position);
            if held.is_some_and(|m| m.flags.pending() && m.tokens != least) {
                return Err(format!("the pending message at {position} has a count"));
            }
        }
        Ok(())
    }

    /// Pins ascend, are not too many, and are those of held messages.
    fn check_pins(&self) -> Result<(), String> {
        let pins = self.pins();
        if pins.len() > MAX_PINS || !pins.is_sorted_by(|one, next| one < next) {
            return Err(format!("{} pins: {pins:?}", pins.len()));
        }
        match pins.iter().find(|&&seq| self.log.find(seq).is_none()) {
            Some(seq) => Err(format!("a pin of message {seq}, which is not held")),
            None => Ok(()),
        }
    }

    /// The flags of all messages are those that tracking from the beginning gives.
    fn check_groups(&self) -> Result<(), String> {
        let mut fresh = self.log.clone();
        let mut tracker = Tracker::default();
        tracker.track_from(Tracker::default(), &mut fresh, 0, usize::MAX, &Dialects);
        for position in 0..self.log.len() {
            let flags = |log: &Log| log.get(position).map(|m| m.flags);
            if flags(&fresh) != flags(&self.log) {
                return Err(format!(
                    "message at {position}: {:?}, tracked from the beginning {:?}",
                    flags(&self.log),
                    flags(&fresh)
                ));
            }
        }
        Ok(())
    }
}

impl Log {
    /// The sums before each segment and at the end, the heap bytes and what is known of the beginning are those that
    /// the messages give; sequence numbers ascend.
    pub(super) fn check_sums(&self) -> Result<(), String> {
        let origin = *self.origin();
        let (mut sums, mut heap, mut last) = (Sums::default(), HeapBytes::default(), None);
        for (number, segment) in self.segments.iter().enumerate() {
            if segment.before.minus(origin) != sums {
                return Err(format!("the sums before segment {number} are wrong"));
            }
            let entries = segment.entries();
            if entries.is_empty() {
                return Err(format!("segment {number} is empty"));
            }
            for inner in 0..entries.len() {
                sums = sums.plus(weight(&entries, inner));
            }
            for entry in entries.iter() {
                let seq = segment.seq(entry);
                if last.is_some_and(|last| seq <= last) {
                    return Err(format!("message {seq} follows {last:?}"));
                }
                last = Some(seq);
            }
            heap = heap.plus(segment.heap_bytes());
        }
        if self.totals() != sums {
            return Err("the sums at the end are wrong".into());
        }
        if self.heap != heap {
            return Err(format!("{:?}, counted {heap:?}", self.heap));
        }
        let leading = (0..self.len())
            .take_while(|&position| self.get(position).is_some_and(|m| m.flags.system()))
            .count();
        if leading != self.leading() {
            return Err(format!(
                "{} leading system messages, counted {leading}",
                self.leading()
            ));
        }
        let first = self.get(0).map(|m| m.seq);
        if first != self.first_seq() {
            return Err(format!("first {:?}, found {first:?}", self.first_seq()));
        }
        Ok(())
    }
}
