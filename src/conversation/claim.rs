//! Which messages a summariser is given.

use std::ops::Range;

use super::search::Tokens;
use super::turns::first_of_turn;
use super::{Conversation, MissingCounts};

/// More orphans in a row are not looked at one by one.
const MOST_ORPHANS: usize = 1000;

/// A turn of more bytes is not read again to tell its orphans from its results.
const MOST_BYTES_READ: usize = 64 << 10;

impl Conversation {
    /// Position of the first message that no summary covers: after its `upto`, and after the leading system messages.
    fn unsummarised_from(&self) -> usize {
        let upto = self.summary.as_ref().and_then(|summary| summary.upto);
        let after = upto.map_or(0, |upto| self.log.position_of(upto.saturating_add(1)));
        after.max(self.log.leading())
    }

    /// Positions of the messages that no summary covers, orphans included, without the newest groups that fit into `keep`
    /// tokens, and without what may still grow: an open turn, and reasoning that waits for what follows it.
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
            if fits <= start {
                // Also if a group began before `start`: its rest is kept like a group.
                start
            } else {
                let group = self.log.group_start_from(fits).unwrap_or(len);
                // Orphans that precede the rest of a group are kept one by one.
                match self.rest_of_group(start) {
                    Some(rest) if fits <= rest => fits,
                    _ => group,
                }
            }
        };
        start..kept.min(open).max(start)
    }

    /// Where the rest of a group begins that began before `start`: orphans may precede it.
    fn rest_of_group(&self, start: usize) -> Option<usize> {
        let len = self.log.len();
        let end = self.log.group_start_from(start).unwrap_or(len);
        let visible = self.log.next_visible(start).map_or(end, |p| p.min(end));
        let began = start.checked_sub(1);
        let began = began.and_then(|before| self.log.group_start_until(before));
        if let Some(began) = began
            && self.log.get(began).is_some_and(|m| m.flags.hidden())
            && self.log.bytes_of(&(began..visible)) <= MOST_BYTES_READ
        {
            let first = first_of_turn(&self.log, began, start..visible);
            return first.or(Some(visible).filter(|&visible| visible < end));
        }
        // Messages hidden there are orphans, or what is left of a turn without all its results.
        let mut hidden = (start..visible).take(MOST_ORPHANS);
        hidden
            .find(|&position| {
                let stored = self.log.get(position);
                stored.is_some_and(|m| !m.flags.has_results())
            })
            .or(Some(visible).filter(|&visible| visible < end))
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
            ..MissingCounts::default()
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
