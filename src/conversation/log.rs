//! The message log: segments in order, with running sums in front of each.
//!
//! A *position* counts the messages held, from 0. Everything that depends on a budget is a search for the first
//! position where a monotone condition on the running sums holds: a binary search over the segments, then a walk
//! within one. Appending and dropping at the front cost nothing that depends on the length; a change in the middle
//! corrects the running sums of the segments behind it (some ns each).

use std::collections::VecDeque;
use std::ops::Range;

use super::flags::Flags;
pub use super::segment::Stored;
use super::segment::{Entry, Relocate, Segment};
use super::sums::Sums;

/// See the head of this file.
#[derive(Debug, Clone, Default)]
pub struct Log {
    segments: VecDeque<Segment>,
    /// Running sums at the end.
    end: Sums,
    /// Bytes that the segments hold on the heap.
    heap: usize,
}

/// Where a position is: segment, index in it.
type Place = (usize, usize);

impl Log {
    /// Running sums in front of the first message.
    fn origin(&self) -> Sums {
        self.segments.front().map_or(self.end, |s| s.before)
    }

    /// Sums over all messages.
    #[must_use]
    pub fn totals(&self) -> Sums {
        self.end.minus(self.origin())
    }

    /// Number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.totals().messages as usize
    }

    /// True if no message is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Number of segments.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.segments.capacity() * size_of::<Segment>() + self.heap
    }

    /// Running sums behind the segment at `index`.
    fn behind(&self, index: usize) -> Sums {
        self.segments.get(index + 1).map_or(self.end, |s| s.before)
    }

    fn place(&self, position: usize) -> Option<Place> {
        let origin = self.origin().messages;
        let target = position as u64;
        let index = self
            .segments
            .partition_point(|s| s.before.messages.wrapping_sub(origin) <= target)
            .checked_sub(1)?;
        let segment = self.segments.get(index)?;
        let inner = usize::try_from(target - segment.before.messages.wrapping_sub(origin)).ok()?;
        (inner < segment.entries().len()).then_some((index, inner))
    }

    /// The message at `position`.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<Stored<'_>> {
        let (index, inner) = self.place(position)?;
        self.segments.get(index)?.get(inner)
    }

    /// Sequence number of the oldest message.
    #[must_use]
    pub fn first_seq(&self) -> Option<i64> {
        self.segments.front().map(|s| s.seq(0))
    }

    /// Sequence number of the newest message.
    #[must_use]
    pub fn last_seq(&self) -> Option<i64> {
        let last = self.segments.back()?;
        last.entries().len().checked_sub(1).map(|i| last.seq(i))
    }

    /// Messages from a position on.
    pub fn iter_from(&self, position: usize) -> impl Iterator<Item = Stored<'_>> {
        let (first, mut skip) = self.place(position).unwrap_or((self.segments.len(), 0));
        self.segments
            .range(first.min(self.segments.len())..)
            .flat_map(move |segment| {
                let from = std::mem::take(&mut skip);
                (from..segment.entries().len()).filter_map(move |inner| segment.get(inner))
            })
    }

    /// Position of the first message whose sequence number is at least `seq` (the length if there is none).
    #[must_use]
    pub fn position_of(&self, seq: i64) -> usize {
        let Some(index) = self
            .segments
            .partition_point(|s| s.base_seq <= seq)
            .checked_sub(1)
        else {
            return 0;
        };
        let Some(segment) = self.segments.get(index) else {
            return 0;
        };
        let inner = segment
            .entries()
            .partition_point(|e| segment.base_seq.saturating_add(i64::from(e.seq)) < seq);
        let before = segment.before.messages.wrapping_sub(self.origin().messages);
        before as usize + inner
    }

    /// Position of the message with exactly this sequence number.
    #[must_use]
    pub fn find(&self, seq: i64) -> Option<usize> {
        let position = self.position_of(seq);
        self.get(position)
            .is_some_and(|m| m.seq == seq)
            .then_some(position)
    }

    /// Sums over the messages in front of `position`.
    #[must_use]
    pub fn sums_before(&self, position: usize) -> Sums {
        let Some((index, inner)) = self.place(position) else {
            return if position == 0 {
                Sums::default()
            } else {
                self.totals()
            };
        };
        let Some(segment) = self.segments.get(index) else {
            return self.totals();
        };
        // The nearer end of the segment is summed up.
        let sums = if inner <= segment.entries().len() / 2 {
            (0..inner).fold(segment.before, |sum, i| sum.plus(segment.weight(i)))
        } else {
            (inner..segment.entries().len())
                .fold(self.behind(index), |sum, i| sum.minus(segment.weight(i)))
        };
        sums.minus(self.origin())
    }

    /// The first position where `reached(sums in front of it)` holds, or nothing if it does not hold at the end
    /// either. `reached` is monotone: once true, it stays true.
    pub fn first_where(&self, reached: impl Fn(&Sums) -> bool) -> Option<usize> {
        let origin = self.origin();
        if !reached(&self.totals()) {
            return None;
        }
        // The segment in which it becomes true: the last one that begins before.
        let index = self
            .segments
            .partition_point(|s| !reached(&s.before.minus(origin)))
            .checked_sub(1);
        let Some((index, segment)) = index.and_then(|i| Some((i, self.segments.get(i)?))) else {
            return Some(0);
        };
        let start = segment.before.minus(origin).messages as usize;
        let mut sums = self.behind(index).minus(origin);
        // From the end: what is searched for is most often near the newest message.
        let mut inner = segment.entries().len();
        while inner > 0 {
            let before = sums.minus(segment.weight(inner - 1));
            if !reached(&before) {
                break;
            }
            sums = before;
            inner -= 1;
        }
        Some(start + inner)
    }

    /// The first boundary between turn groups at or behind `position`.
    #[must_use]
    pub fn boundary_from(&self, position: usize) -> Option<usize> {
        let before = self.sums_before(position).boundaries;
        self.first_where(|s| s.boundaries > before)?.checked_sub(1)
    }

    /// The last boundary at or in front of `position`.
    #[must_use]
    pub fn boundary_until(&self, position: usize) -> Option<usize> {
        let upto = self.sums_before(position + 1).boundaries;
        let wanted = upto.checked_sub(1)?;
        self.first_where(|s| s.boundaries > wanted)?.checked_sub(1)
    }

    /// The first message at or behind `position` that RECENT may return.
    #[must_use]
    pub fn live_from(&self, position: usize) -> Option<usize> {
        let before = self.sums_before(position).live;
        self.first_where(|s| s.live > before)?.checked_sub(1)
    }

    /// The last message in front of `position` that RECENT may return.
    #[must_use]
    pub fn live_before(&self, position: usize) -> Option<usize> {
        let wanted = self.sums_before(position).live.checked_sub(1)?;
        self.first_where(|s| s.live > wanted)?.checked_sub(1)
    }

    /// The first possible start of `START USER` at or behind `position`.
    #[must_use]
    pub fn user_from(&self, position: usize) -> Option<usize> {
        let before = self.sums_before(position).users;
        self.first_where(|s| s.users > before)?.checked_sub(1)
    }

    /// The last possible start of `START USER` in front of `position`.
    #[must_use]
    pub fn user_before(&self, position: usize) -> Option<usize> {
        let wanted = self.sums_before(position).users.checked_sub(1)?;
        self.first_where(|s| s.users > wanted)?.checked_sub(1)
    }

    /// Number of system messages that stand first.
    #[must_use]
    pub fn leading(&self) -> usize {
        match self.first_where(|s| s.others > 0) {
            Some(behind) => behind - 1,
            None => self.len(),
        }
    }

    /// Visits the bytes of the messages of a range, in runs that are as long as they lie side by side, each message
    /// followed by a comma. With `live` only messages that RECENT may return.
    pub fn visit_runs<'a>(
        &'a self,
        range: Range<usize>,
        live: bool,
        mut visit: impl FnMut(&'a [u8]),
    ) {
        let mut left = range.len();
        let Some((first, mut from)) = self.place(range.start).filter(|_| left > 0) else {
            return;
        };
        for segment in self.segments.range(first..) {
            let until = (from + left).min(segment.entries().len());
            left -= until - from;
            if live {
                let mut begin = from;
                for inner in from..until {
                    if segment.entries().get(inner).is_some_and(|e| e.flags.dead()) {
                        if begin < inner {
                            visit(segment.run(begin..inner));
                        }
                        begin = inner + 1;
                    }
                }
                if begin < until {
                    visit(segment.run(begin..until));
                }
            } else {
                visit(segment.run(from..until));
            }
            if left == 0 {
                return;
            }
            from = 0;
        }
    }

    /// Visits the messages of a range one by one. With `live` only those that RECENT may return.
    pub fn visit<'a>(&'a self, range: Range<usize>, live: bool, mut visit: impl FnMut(Stored<'a>)) {
        for stored in self.iter_from(range.start).take(range.len()) {
            if !live || !stored.flags.dead() {
                visit(stored);
            }
        }
    }

    /// Adds a message at the end; `seq` is larger than all that are held.
    pub fn push(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, message: &[u8]) {
        let fits = self.segments.back().is_some_and(|s| s.takes(seq, time));
        if !fits {
            if let Some(full) = self.segments.back_mut() {
                let before = full.heap_bytes();
                full.close();
                self.heap = (self.heap + full.heap_bytes()).saturating_sub(before);
            } else {
                // Most conversations are one segment: no room for more until there is more.
                self.segments.reserve_exact(1);
            }
            self.segments.push_back(Segment::new(seq, time, self.end));
        }
        if let Some(segment) = self.segments.back_mut() {
            let before = segment.heap_bytes();
            segment.push(seq, time, tokens, flags, message);
            self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
            let weight = segment.weight(segment.entries().len() - 1);
            self.end = self.end.plus(weight);
        }
    }

    /// Changes what the index says of the messages of a range, and corrects the running sums.
    pub fn update(&mut self, range: Range<usize>, mut change: impl FnMut(&mut Entry)) {
        let mut left = range.len();
        let Some((first, mut inner)) = self.place(range.start).filter(|_| left > 0) else {
            return;
        };
        let mut shift = Sums::default();
        let mut last = first;
        for (index, segment) in self.segments.iter_mut().enumerate().skip(first) {
            segment.before = segment.before.plus(shift);
            last = index;
            while left > 0 && inner < segment.entries().len() {
                let old = segment.weight(inner);
                if let Some(entry) = segment.entry_mut(inner) {
                    change(entry);
                }
                shift = shift.plus(segment.weight(inner)).minus(old);
                inner += 1;
                left -= 1;
            }
            inner = 0;
            if left == 0 {
                break;
            }
        }
        if shift != Sums::default() {
            self.shift_behind(last, shift);
        }
    }

    /// Changes the entry at `position`.
    pub fn update_at(&mut self, position: usize, change: impl FnMut(&mut Entry)) {
        self.update(position..position + 1, change);
    }

    /// Puts other bytes, tokens and flags in the place of the message at `position`.
    pub fn replace(&mut self, position: usize, tokens: u32, flags: Flags, message: &[u8]) {
        let Some((index, inner)) = self.place(position) else {
            return;
        };
        let Some(segment) = self.segments.get_mut(index) else {
            return;
        };
        let old = segment.weight(inner);
        let before = segment.heap_bytes();
        segment.replace(inner, message);
        self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
        if let Some(entry) = segment.entry_mut(inner) {
            entry.tokens = tokens;
            entry.flags = flags;
        }
        let shift = segment.weight(inner).minus(old);
        self.shift_behind(index, shift);
    }

    /// Removes the messages of a range.
    pub fn remove(&mut self, range: Range<usize>) {
        let mut left = range.len().min(self.len().saturating_sub(range.start));
        while left > 0 {
            let Some((index, inner)) = self.place(range.start) else {
                return;
            };
            let Some(segment) = self.segments.get_mut(index) else {
                return;
            };
            let until = (inner + left).min(segment.entries().len());
            let gone = (inner..until).fold(Sums::default(), |sum, i| sum.plus(segment.weight(i)));
            left -= until - inner;
            if until - inner == segment.entries().len() {
                self.heap = self.heap.saturating_sub(segment.heap_bytes());
                self.segments.remove(index);
                // What stood behind has moved to this index. If nothing stood before, the origin moves on by itself.
                if let Some(before) = index.checked_sub(1) {
                    self.shift_behind(before, Sums::default().minus(gone));
                }
            } else {
                let before = segment.heap_bytes();
                segment.remove(inner..until);
                self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
                self.shift_behind(index, Sums::default().minus(gone));
            }
        }
    }

    /// Relocates buffers from the segment at `from` on, as long as there is time; where to go on, or nothing when all
    /// are done.
    pub fn relocate(&mut self, from: usize, relocate: &mut impl Relocate) -> Option<usize> {
        for (index, segment) in self.segments.iter_mut().enumerate().skip(from) {
            if index > from && relocate.is_over() {
                return Some(index);
            }
            segment.relocate(relocate);
        }
        None
    }

    /// Adds `shift` to the running sums behind the segment at `index`; or, what is the same as their origin is
    /// arbitrary, takes it from those at and before it, whichever are fewer.
    fn shift_behind(&mut self, index: usize, shift: Sums) {
        if index < self.segments.len() / 2 {
            for segment in self.segments.range_mut(..=index) {
                segment.before = segment.before.minus(shift);
            }
        } else {
            let behind = (index + 1).min(self.segments.len());
            for segment in self.segments.range_mut(behind..) {
                segment.before = segment.before.plus(shift);
            }
            self.end = self.end.plus(shift);
        }
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
