//! What a selection asks the index for: each question is a binary search.

use std::ops::RangeInclusive;

use super::super::dialect::Edit;
use super::Results;
use super::entry::{Entry, Savings};

/// What is cleared: the results before `seq`, and the first `results` of message `seq` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    pub seq: i64,
    pub results: usize,
    /// Pinned messages keep their results.
    pub pins: bool,
}

impl Results {
    /// The border so that the newest `kept` results are not cleared; nothing if there are not more among the messages that
    /// were examined.
    pub fn border(&self, kept: u64, pins: bool) -> Option<Border> {
        let all = self.end.minus(self.origin()).results;
        let cleared = all.checked_sub(kept).filter(|cleared| *cleared > 0)?;
        if kept == 0 {
            return Some(Border {
                seq: i64::MAX,
                results: 0,
                pins,
            });
        }
        let origin = self.origin().results;
        // The message of the oldest result that stays: the last one before which there are no more than those cleared.
        let after = self
            .entries
            .partition_point(|entry| entry.before.results.wrapping_sub(origin) <= cleared);
        // Hidden entries have no results.
        let index = (0..after)
            .rev()
            .find(|&i| self.entries.get(i).is_some_and(|e| !e.hidden))?;
        let entry = self.entries.get(index)?;
        let before = entry.before.results.wrapping_sub(origin);
        Some(Border {
            seq: entry.seq,
            results: usize::try_from(cleared.saturating_sub(before)).unwrap_or(usize::MAX),
            pins,
        })
    }

    /// What clearing saves of the messages with numbers of at least `seq`.
    pub fn savings_from(&self, border: Border, seq: i64) -> Savings {
        let end = self.first_from(border.seq);
        let from = self.first_from(seq).min(end);
        let whole = self
            .before(end)
            .minus(self.before(from))
            .savings(border.pins);
        whole.plus(self.at_border(border, seq))
    }

    /// What is saved of the message at the border, if its number is at least `seq`.
    fn at_border(&self, border: Border, seq: i64) -> Savings {
        let entry = self.entries.get(self.first_from(border.seq));
        let entry = entry.filter(|entry| entry.seq == border.seq && entry.seq >= seq);
        let entry = entry.filter(|entry| !(border.pins && entry.pinned));
        entry.map_or(Savings::default(), |entry| entry.savings(border.results))
    }

    /// What clearing saves of each message with a number in the range, the newest first. Messages without savings may be
    /// left out.
    pub fn newest_first(
        &self,
        border: Border,
        seqs: RangeInclusive<i64>,
    ) -> impl Iterator<Item = (i64, i64)> + '_ {
        let from = self.first_from(*seqs.start());
        let to = self.first_from(seqs.end().saturating_add(1)).max(from);
        self.entries.range(from..to).rev().map(move |entry| {
            let savings = Self::savings_of(border, entry);
            (entry.seq, savings.tokens)
        })
    }

    fn savings_of(border: Border, entry: &Entry) -> Savings {
        let is_kept = entry.seq > border.seq || (border.pins && entry.pinned);
        let results = match entry.seq == border.seq {
            _ if is_kept => 0,
            true => border.results,
            false => entry.results.len(),
        };
        entry.savings(results)
    }

    /// How message `seq` is edited, in any order; nothing if it is not.
    pub fn edits(&self, border: Border, seq: i64) -> Vec<&Edit> {
        let Some(entry) = self.entries.get(self.first_from(seq)) else {
            return Vec::new();
        };
        if entry.seq != seq || seq > border.seq || (border.pins && entry.pinned) {
            return Vec::new();
        }
        let results = if seq == border.seq {
            border.results
        } else {
            entry.results.len()
        };
        let cleared = entry.results.iter().take(results);
        cleared.flat_map(|result| result.edits.iter()).collect()
    }

    /// True if clearing changes a message with a number in the range.
    pub fn changes(&self, border: Border, first: i64, last: i64) -> bool {
        let (from, to) = (
            self.first_from(first),
            self.first_from(last.saturating_add(1)),
        );
        from < to && first <= border.seq
    }
}
