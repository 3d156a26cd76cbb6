//! Searching the log by running sums, one at a time, so that a walk within a segment adds up nothing else.

use std::ops::Range;

use super::index;
use super::log::Log;
use super::segment::Segment;
use super::sums::Sums;
pub use super::sums::{
    Bytes, Edited, GroupStarts, Measure, Messages, Others, Pending, Systems, Tokens, Unread, Users,
    Visible, VisibleTokens,
};

impl Log {
    /// Running sums after the segment at `index`.
    pub(super) fn sums_after(&self, index: usize) -> &Sums {
        self.segments
            .get(index + 1)
            .map_or(&self.end, |s| &s.before)
    }

    /// The sum of `M` over all messages.
    #[must_use]
    pub fn total<M: Measure>(&self) -> u64 {
        M::sum(&self.end).wrapping_sub(M::sum(self.origin()))
    }

    /// The sum of `M` over the messages before `position`.
    #[must_use]
    pub fn before<M: Measure>(&self, position: usize) -> u64 {
        let Some((segment, index, inner)) = self.segment_at(position) else {
            return if position == 0 { 0 } else { self.total::<M>() };
        };
        let origin = M::sum(self.origin());
        let entries = segment.entries();
        // The nearer end of the segment is summed up.
        let sum = if inner <= entries.len() / 2 {
            (0..inner).fold(M::sum(&segment.before), |sum, i| {
                sum.wrapping_add(M::weight(&entries, i))
            })
        } else {
            (inner..entries.len()).fold(M::sum(self.sums_after(index)), |sum, i| {
                sum.wrapping_sub(M::weight(&entries, i))
            })
        };
        sum.wrapping_sub(origin)
    }

    /// Tokens and number of the messages from `position` on that RECENT may return.
    #[must_use]
    pub fn visible_from(&self, position: usize) -> (u64, u64) {
        if position == self.beginning.messages {
            return (
                self.total::<VisibleTokens>()
                    .saturating_sub(self.beginning.visible_tokens),
                self.total::<Visible>()
                    .saturating_sub(self.beginning.visible),
            );
        }
        let Some((segment, index, inner)) = self.segment_at(position) else {
            return match position {
                0 => (self.total::<VisibleTokens>(), self.total::<Visible>()),
                _ => (0, 0),
            };
        };
        let behind = self.sums_after(index);
        let tokens = VisibleTokens::sum(&self.end).wrapping_sub(VisibleTokens::sum(behind));
        let messages = Visible::sum(&self.end).wrapping_sub(Visible::sum(behind));
        let entries = segment.entries();
        let rest = entries.get(inner..).unwrap_or_default();
        rest.iter()
            .filter(|e| !e.flags.hidden())
            .fold((tokens, messages), |(tokens, messages), e| {
                (tokens + u64::from(e.tokens), messages + 1)
            })
    }

    /// Bytes of the messages of a range, each with the comma after it.
    #[must_use]
    pub fn bytes_of(&self, range: &Range<usize>) -> usize {
        let offset = |position| match self.segment_at(position) {
            Some((segment, _, inner)) => {
                let before = segment.before.bytes.wrapping_add(segment.before.messages);
                before.wrapping_add(index::start(&segment.entries(), inner) as u64)
            }
            None => self.end.bytes.wrapping_add(self.end.messages),
        };
        if range.is_empty() {
            return 0;
        }
        offset(range.end).wrapping_sub(offset(range.start)) as usize
    }

    /// All sums over the messages before `position`.
    #[cfg(test)]
    pub fn sums_before(&self, position: usize) -> Sums {
        let Some((segment, index, inner)) = self.segment_at(position) else {
            return if position == 0 {
                Sums::default()
            } else {
                self.totals()
            };
        };
        let entries = segment.entries();
        let sums = if inner <= entries.len() / 2 {
            (0..inner).fold(segment.before, |sum, i| {
                sum.plus(index::weight(&entries, i))
            })
        } else {
            (inner..entries.len()).fold(*self.sums_after(index), |sum, i| {
                sum.minus(index::weight(&entries, i))
            })
        };
        sums.minus(*self.origin())
    }

    fn segment_at(&self, position: usize) -> Option<(&Segment, usize, usize)> {
        let (index, inner) = self.locate(position)?;
        Some((self.segments.get(index)?, index, inner))
    }

    /// The first position before which the sum of `M` is at least `target`, or nothing if not even the sum over
    /// all messages is.
    #[must_use]
    pub fn first_reaching<M: Measure>(&self, target: u64) -> Option<usize> {
        let origin = M::sum(self.origin());
        let reached = |sum: u64| sum.wrapping_sub(origin) >= target;
        if !reached(M::sum(&self.end)) {
            return None;
        }
        // The segment in which it is reached: the last one that begins before. Most often it is the last of all.
        let misses = |s: &Segment| !reached(M::sum(&s.before));
        let index = if self.segments.back().is_some_and(misses) {
            self.segments.len() - 1
        } else {
            match self.segments.partition_point(misses).checked_sub(1) {
                Some(index) => index,
                None => return Some(0),
            }
        };
        let segment = self.segments.get(index)?;
        let first = segment.before.messages.wrapping_sub(self.origin().messages) as usize;
        let entries = segment.entries();
        let mut sum = M::sum(self.sums_after(index));
        // From the end: what is searched for is most often near the newest message.
        let mut inner = entries.len();
        while inner > 0 {
            sum = sum.wrapping_sub(M::weight(&entries, inner - 1));
            if !reached(sum) {
                break;
            }
            inner -= 1;
        }
        Some(first + inner)
    }

    /// Visits the positions of the messages of a range that are not counted, the newest first, as long as `visit` says so;
    /// false if it said no. Segments without any are not looked into.
    pub fn visit_pending(
        &self,
        range: &Range<usize>,
        mut visit: impl FnMut(usize) -> bool,
    ) -> bool {
        let last = range.end.checked_sub(1).and_then(|last| self.locate(last));
        let behind_last = last.map_or(0, |(index, _)| index + 1);
        let origin = self.origin().messages;
        for (index, segment) in self.segments.range(..behind_last).enumerate().rev() {
            let first = segment.before.messages.wrapping_sub(origin) as usize;
            if self.sums_after(index).pending != segment.before.pending {
                for (inner, entry) in segment.entries().iter().enumerate().rev() {
                    let position = first + inner;
                    let is_wanted = range.contains(&position) && entry.flags.pending();
                    if is_wanted && !visit(position) {
                        return false;
                    }
                }
            }
            if first <= range.start {
                break;
            }
        }
        true
    }

    /// The position of the message with which the sum of `M` becomes `nth`, for sums of messages.
    fn nth<M: Measure>(&self, nth: u64) -> Option<usize> {
        self.first_reaching::<M>(nth)?.checked_sub(1)
    }

    /// The first message at or after `position` that adds to `M`.
    #[must_use]
    pub fn next<M: Measure>(&self, position: usize) -> Option<usize> {
        // Most often it is that very message.
        if let Some((segment, _, inner)) = self.segment_at(position)
            && M::weight(&segment.entries(), inner) > 0
        {
            return Some(position);
        }
        self.nth::<M>(self.before::<M>(position).saturating_add(1))
    }

    /// The last message before `position` that adds to `M`.
    #[must_use]
    pub fn previous<M: Measure>(&self, position: usize) -> Option<usize> {
        match self.before::<M>(position) {
            0 => None,
            nth => self.nth::<M>(nth),
        }
    }

    /// The first group start at or after `position`.
    #[must_use]
    pub fn group_start_from(&self, position: usize) -> Option<usize> {
        self.next::<GroupStarts>(position)
    }

    /// The last group start at or before `position`.
    #[must_use]
    pub fn group_start_until(&self, position: usize) -> Option<usize> {
        self.previous::<GroupStarts>(position.saturating_add(1))
    }

    /// The first message at or after `position` that RECENT may return.
    #[must_use]
    pub fn next_visible(&self, position: usize) -> Option<usize> {
        self.next::<Visible>(position)
    }

    /// The last message before `position` that RECENT may return.
    #[must_use]
    pub fn last_visible_before(&self, position: usize) -> Option<usize> {
        self.previous::<Visible>(position)
    }

    /// The first possible start of `START USER` at or after `position`.
    #[must_use]
    pub fn user_from(&self, position: usize) -> Option<usize> {
        self.next::<Users>(position)
    }

    /// The last possible start of `START USER` before `position`.
    #[must_use]
    pub fn user_before(&self, position: usize) -> Option<usize> {
        self.previous::<Users>(position)
    }
}
