//! Copying a conversation up to a point.

use super::cutting::CutSlot;
use super::examining::LazyResults;
use super::temperature::CoarseTime;
use super::{Conversation, Unreadable};

impl Conversation {
    /// A copy of the messages up to number `upto` (of all if it is not given), with attributes, times and pins. The summary
    /// comes along unless it stands for messages after `upto`. Numbering continues after the larger of the copy's newest
    /// message and its summary's `upto`, at 1 if it has neither.
    ///
    /// # Errors
    /// There is not enough memory to decompress the segment that is cut.
    pub fn fork(&self, upto: Option<i64>) -> Result<Self, Unreadable> {
        let behind = upto.map_or(i64::MAX, |upto| upto.saturating_add(1));
        let cut = self.log.position_of(behind);
        let log = self.log.up_to(cut)?;
        let tickets = self.tickets.of_held(|seq| log.find(seq).is_some());
        let mut fork = Self {
            log,
            ids: self.ids.before(behind),
            tickets,
            estimates: self.estimates.clone(),
            tracker: self.tracker.clone(),
            attributes: self.attributes,
            summary: self.summary.clone(),
            session: self.session.clone(),
            pins: self.pins.before(behind),
            results: LazyResults::default(),
            cut: CutSlot::default(),
            lease: 0,
            numbering: self.numbering,
            updated: self.updated,
            collection_requested_at: CoarseTime::default(),
            due: false,
            last_use: CoarseTime::default(),
            is_cold: false,
        };
        if cut < self.log.len() {
            fork.retrack(cut);
        }
        let summarised = fork.summary.as_ref().and_then(|summary| summary.upto);
        if upto.is_some_and(|upto| summarised.is_some_and(|summarised| upto < summarised)) {
            fork.summary = None;
        }
        let summarised = fork.summary.as_ref().and_then(|summary| summary.upto);
        let last = fork.log.last_seq().max(summarised).unwrap_or(0);
        fork.numbering.next = last.saturating_add(1);
        fork.numbering.lowest = fork.numbering.lowest.min(fork.numbering.next);
        Ok(fork)
    }
}
