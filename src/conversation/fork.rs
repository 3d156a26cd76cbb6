//! Copying a conversation up to a point.

use super::Conversation;

impl Conversation {
    /// A copy of the messages up to number `upto` (all of them if nothing is given), with attributes and times. The
    /// summary comes along if the copy reaches the last message that it stands for. Numbering goes on behind the copy's
    /// newest message; if there is none, behind `upto`, within the numbers that were given.
    #[must_use]
    pub fn fork(&self, upto: Option<i64>) -> Self {
        let mut fork = self.clone();
        fork.lease = 0;
        let cut = match upto {
            Some(upto) => fork.log.position_of(upto.saturating_add(1)),
            None => fork.log.len(),
        };
        for position in cut..fork.log.len() {
            fork.forget_id(position);
        }
        fork.log.remove(cut..fork.log.len());
        fork.retrack(cut);
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
