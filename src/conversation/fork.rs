//! Copying a conversation up to a point.

use super::Conversation;

impl Conversation {
    /// A copy of the messages up to number `upto` (all of them if nothing is given), with attributes and times. The
    /// summary comes along if the copy reaches the last message that it stands for. Numbering goes on behind the copy's
    /// newest message; if there is none, behind `upto`, within the numbers that were given.
    #[must_use]
    pub fn fork(&self, upto: Option<i64>) -> Self {
        let behind = upto.map_or(i64::MAX, |upto| upto.saturating_add(1));
        let cut = self.log.position_of(behind);
        let log = self.log.up_to(cut);
        let tickets = self.tickets.of_held(|seq| log.find(seq).is_some());
        let mut fork = Self {
            log,
            ids: self.ids.before(behind),
            tickets,
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
        let newest = fork.log.last_seq();
        let last = newest.or(upto).unwrap_or(0);
        let numbering = &mut fork.numbering;
        numbering.next = last
            .saturating_add(1)
            .clamp(numbering.lowest, numbering.next);
        let reaches = |upto| newest.is_some_and(|newest| upto <= newest);
        if fork
            .summary
            .as_ref()
            .is_some_and(|s| s.upto.is_some_and(|upto| !reaches(upto)))
        {
            fork.summary = None;
        }
        fork
    }
}
