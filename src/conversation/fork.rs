//! Copying a conversation up to a point.

use super::Conversation;

impl Conversation {
    /// A copy of the messages up to number `upto` (None: all of them), with attributes and times. The summary is copied
    /// unless it covers messages after `upto`. Numbering continues after the copy's newest message and what its summary
    /// covers; at 1 if it has neither.
    #[must_use]
    pub fn fork(&self, upto: Option<i64>) -> Self {
        let behind = upto.map_or(i64::MAX, |upto| upto.saturating_add(1));
        let cut = self.log.position_of(behind);
        let waiting = self.waiting.iter().filter(|(seq, _)| *seq < behind);
        let mut fork = Self {
            log: self.log.up_to(cut),
            ids: self.ids.before(behind),
            waiting: waiting.cloned().collect(),
            tracker: self.tracker.clone(),
            attributes: self.attributes,
            summary: self.summary.clone(),
            session: self.session.clone(),
            lease: 0,
            numbering: self.numbering,
            updated: self.updated,
            collection_requested_at: None,
            due: false,
        };
        if cut < self.log.len() {
            fork.retrack(cut);
        }
        let covered = fork.summary.as_ref().and_then(|summary| summary.upto);
        if upto.is_some_and(|upto| covered.is_some_and(|covered| upto < covered)) {
            fork.summary = None;
        }
        let covered = fork.summary.as_ref().and_then(|summary| summary.upto);
        let last = fork.log.last_seq().max(covered).unwrap_or(0);
        fork.numbering.next = last.saturating_add(1);
        fork
    }
}
