//! What a summariser may be given.

use std::ops::Range;

use super::search::Tokens;
use super::{Conversation, MissingCounts};

impl Conversation {
    /// Where the messages begin that no summary stands for: behind its `upto`, and behind the leading system messages.
    fn unsummarised_from(&self) -> usize {
        let upto = self.summary.as_ref().and_then(|summary| summary.upto);
        let behind = upto.map_or(0, |upto| self.log.position_of(upto.saturating_add(1)));
        behind.max(self.log.leading())
    }

    /// Positions of the messages that no summary stands for, without the newest groups that fit into `keep` tokens, and
    /// without what may still grow: an open turn, reasoning that waits for its successor. Orphans are among them.
    #[must_use]
    pub fn unsummarised(&self, keep: u64) -> Range<usize> {
        let (start, len) = (self.unsummarised_from(), self.log.len());
        let open = self.tracker.open_from();
        let open = open.map_or(len, |seq| self.log.position_of(seq));
        let kept = if keep == 0 {
            len
        } else {
            let rest = self.log.total::<Tokens>().saturating_sub(keep);
            let fits = self.log.first_reaching::<Tokens>(rest).unwrap_or(len);
            // Of a turn that `upto` cuts, the rest counts like a group of its own.
            if fits <= start {
                start
            } else {
                self.log.group_start_from(fits).unwrap_or(len)
            }
        };
        start..kept.min(open).max(start)
    }

    /// Sum of T(message) over a range of positions.
    #[must_use]
    pub fn tokens_in(&self, range: &Range<usize>) -> u64 {
        let before = |position| self.log.before::<Tokens>(position);
        before(range.end).saturating_sub(before(range.start))
    }

    /// What must be counted before [`Conversation::unsummarised`] holds.
    #[must_use]
    pub fn missing_unsummarised(&self) -> MissingCounts {
        let range = self.unsummarised_from()..self.log.len();
        MissingCounts {
            ranges: Some(range)
                .filter(|range| self.has_pending(range))
                .into_iter()
                .collect(),
            summary: false,
        }
    }

    /// True once each time when the tokens that no summary stands for, as far as they are counted, come to reach
    /// `threshold` (0: never).
    pub fn summary_became_due(&mut self, threshold: u64) -> bool {
        let due = threshold > 0 && self.tokens_in(&self.unsummarised(0)) >= threshold;
        let was_due = std::mem::replace(&mut self.due, due);
        due && !was_due
    }
}
