//! Changing the log: adding and changing messages, splitting segments, correcting the running sums. Removing messages is
//! in `log_remove.rs`.

use std::ops::Range;
use std::sync::OnceLock;

use super::flags::Flags;
use super::index::{Entry, find, weight};
use super::log::{Beginning, Location, Log};
use super::search::{Measure, Others, Visible, VisibleTokens};
use super::segment::{Relocate, SEGMENT_BYTES, Segment};
use super::sums::Sums;

/// A segment of several messages that an EDIT would make larger than this is split.
const LARGEST_BYTES: usize = 2 * SEGMENT_BYTES;

impl Log {
    /// Changes the segment at `index` and keeps the heap bytes right: all changes of segments go through here.
    pub(super) fn with_segment_mut<R>(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Segment) -> R,
    ) -> Option<R> {
        let segment = self.segments.get_mut(index)?;
        let before = segment.heap_bytes();
        let result = change(segment);
        self.heap = self.heap.plus(segment.heap_bytes()).minus(before);
        Some(result)
    }

    /// Adds a segment at `index`.
    fn insert_segment(&mut self, index: usize, segment: Segment) {
        self.heap = self.heap.plus(segment.heap_bytes());
        self.segments
            .insert(index.min(self.segments.len()), segment);
    }

    /// Adds a segment at the end. The caller updates what is known of the beginning.
    pub(super) fn push_segment(&mut self, mut segment: Segment) {
        segment.before = self.end;
        let entries = segment.entries();
        let sums = (0..entries.len()).map(|inner| weight(&entries, inner));
        let end = sums.fold(self.end, Sums::plus);
        drop(entries);
        if self.segments.is_empty() {
            self.segments.reserve_exact(1);
        }
        self.insert_segment(self.segments.len(), segment);
        self.end = end;
    }

    /// Takes the segment at `index` out. The caller corrects the running sums.
    pub(super) fn take_segment(&mut self, index: usize) -> Option<Segment> {
        let segment = self.segments.remove(index)?;
        self.heap = self.heap.minus(segment.heap_bytes());
        Some(segment)
    }

    /// Adds a message at the end; `seq` is larger than all that are held.
    pub fn push(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, message: &[u8]) {
        if let Some(newest) = self.segments.len().checked_sub(1) {
            // After a rest, the newest segment is compressed although it is not full.
            self.with_segment_mut(newest, |s| s.reopen(message.len()));
        }
        let fits = self
            .segments
            .back()
            .is_some_and(|s| s.takes(seq, time, message.len()));
        if !fits {
            self.start_segment(seq, time);
        }
        self.push_to_last(seq, |last| last.push(seq, time, tokens, flags, message));
    }

    /// As [`Log::push`], in a segment of its own that takes over `text`: the message and a comma.
    pub fn push_owned(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, text: Vec<u8>) {
        self.start_segment(seq, time);
        self.push_to_last(seq, |last| last.push_owned(tokens, flags, text));
    }

    /// Adds message `seq` to the last segment by `push`, which returns what it adds to the sums.
    fn push_to_last(&mut self, seq: i64, push: impl FnOnce(&mut Segment) -> Sums) {
        let held = self.len();
        let is_leading = self.beginning.messages == held;
        if held == 0 {
            self.beginning.first = Some(seq);
            self.beginning.summary_form = OnceLock::new();
        }
        let newest = self.segments.len().saturating_sub(1);
        let pushed = self.with_segment_mut(newest, push);
        let Some(weight) = pushed else { return };
        self.end = self.end.plus(weight);
        if is_leading && weight.others == 0 {
            self.beginning.messages += 1;
            self.beginning.visible += weight.visible;
            self.beginning.visible_tokens += weight.visible_tokens;
        }
    }

    /// Adds the messages of `older` at the beginning. Small segments where the two meet are joined, as long as the later
    /// one is not larger than the earlier one: so many small batches cost no more than a few copies of each message.
    pub fn prepend(&mut self, mut older: Self) {
        while let Some(first) = self.segments.front()
            && let Some(last) = older.segments.back()
            && first.may_compress()
            && first.stored().0 <= last.stored().0
            && first.stored().0 + last.stored().0 <= SEGMENT_BYTES
            && let Some(first) = self.take_segment(0)
        {
            // What may be compressed is uncompressed, so it can be read.
            let Ok(body) = first.read() else { break };
            let mut begin = 0;
            for entry in &body.entries {
                let end = entry.end as usize;
                let message = body.bytes.get(begin..end).unwrap_or_default();
                let (seq, time) = (first.seq(entry), first.time(entry));
                older.push(seq, time, entry.tokens, entry.flags, message);
                begin = end + 1;
            }
        }
        if !self.segments.is_empty() {
            older.close_newest();
        }
        // The sums before what is held stay; those of what is added count down from there.
        let shift = self.origin().minus(older.end);
        for mut segment in older.segments.into_iter().rev() {
            segment.before = segment.before.plus(shift);
            self.insert_segment(0, segment);
        }
        self.update_beginning();
    }

    /// Releases what the newest segment has reserved for further messages.
    pub(super) fn close_newest(&mut self) {
        if let Some(newest) = self.segments.len().checked_sub(1) {
            self.with_segment_mut(newest, Segment::close);
        }
    }

    /// The next message begins a segment of its own.
    pub fn start_segment(&mut self, seq: i64, time: i64) {
        if self.segments.is_empty() {
            // Most conversations are one segment: no room for more until there is more.
            self.segments.reserve_exact(1);
        }
        self.close_newest();
        let end = self.segments.len();
        self.insert_segment(end, Segment::new(seq, time, self.end));
    }

    /// Changes what the index says of the messages of a range, and corrects the running sums.
    pub fn update(&mut self, range: Range<usize>, mut change: impl FnMut(&mut Entry)) {
        let mut left = range.len();
        let Some((first, mut from)) = self.locate(range.start).filter(|_| left > 0) else {
            return;
        };
        let mut shift = Sums::default();
        let mut last = first;
        for index in first..self.segments.len() {
            last = index;
            self.with_segment_mut(index, |segment| {
                segment.before = segment.before.plus(shift);
                segment.change_entries(|entries| {
                    let until = (from + left).min(entries.len());
                    for inner in from..until {
                        let old = weight(entries, inner);
                        if let Some(entry) = entries.get_mut(inner) {
                            change(entry);
                        }
                        shift = shift.plus(weight(entries, inner)).minus(old);
                    }
                    left -= until - from;
                });
            });
            from = 0;
            if left == 0 {
                break;
            }
        }
        if shift != Sums::default() {
            self.shift_after(last, shift);
        }
        if range.start <= self.beginning.messages {
            self.update_beginning();
        }
    }

    /// Takes in counts of messages by their numbers, in ascending order; those of messages that are removed or not pending
    /// are ignored. Each segment is changed once, as a compressed index is costly to change.
    pub fn set_counts(&mut self, mut counts: &[(i64, u32)]) {
        let mut first = None;
        while let Some(&(seq, _)) = counts.first() {
            let index = self.segment_of(seq).unwrap_or(0);
            let next = self.segments.get(index + 1).map(|next| next.base_seq);
            let here = next.map_or(counts.len(), |next| counts.partition_point(|c| c.0 < next));
            let (here, after) = counts.split_at(here);
            counts = after;
            let origin = self.origin().messages;
            let Some(segment) = self.segments.get(index) else {
                return;
            };
            let (mut shift, base) = (Sums::default(), segment.base_seq);
            let position = segment.before.messages.wrapping_sub(origin) as usize;
            let change = |entries: &mut [Entry]| {
                for &(seq, tokens) in here {
                    let seq = seq.checked_sub(base).and_then(|d| u16::try_from(d).ok());
                    let Some(inner) = seq.and_then(|seq| find(entries, seq)) else {
                        continue;
                    };
                    let old = weight(entries, inner);
                    if let Some(entry) = entries.get_mut(inner).filter(|e| e.flags.pending()) {
                        entry.tokens = tokens;
                        entry.flags.set_pending(false);
                        shift = shift.plus(weight(entries, inner)).minus(old);
                        first.get_or_insert(position + inner);
                    }
                }
            };
            self.with_segment_mut(index, |segment| segment.change_entries(change));
            self.shift_after(index, shift);
        }
        if first.is_some_and(|first| first <= self.beginning.messages) {
            self.update_beginning();
        }
    }

    /// Changes the entry at `position`.
    pub fn update_at(&mut self, position: usize, change: impl FnMut(&mut Entry)) {
        self.update(position..position + 1, change);
    }

    /// Replaces bytes, tokens and flags of the message at `position`.
    pub fn replace(&mut self, position: usize, tokens: u32, flags: Flags, message: &[u8]) {
        self.replace_by(position, message.len(), |segment, inner| {
            segment.replace(inner, tokens, flags, message)
        });
    }

    /// As [`Log::replace`], where the message gets a segment of its own that takes over `text`: the message and a comma.
    pub fn replace_owned(&mut self, position: usize, tokens: u32, flags: Flags, text: Vec<u8>) {
        self.replace_by(position, LARGEST_BYTES, |segment, _| {
            segment.replace_owned(tokens, flags, text)
        });
    }

    /// True if the message at `position` is the only one of its segment.
    pub fn is_alone(&self, position: usize) -> bool {
        let location = self.locate(position);
        let segment = location.and_then(|(index, _)| self.segments.get(index));
        segment.is_some_and(|segment| segment.entries().len() == 1)
    }

    /// Replaces the message at `position`, which becomes `len` bytes long, by `replace`: it gets the segment and the
    /// index in it, and returns whether it has done so.
    fn replace_by(
        &mut self,
        position: usize,
        len: usize,
        replace: impl FnOnce(&mut Segment, usize) -> bool,
    ) {
        let Some((index, inner)) = self.isolate(position, len) else {
            return;
        };
        let shift = self.with_segment_mut(index, |segment| {
            let old = weight(&segment.entries(), inner);
            replace(segment, inner);
            weight(&segment.entries(), inner).minus(old)
        });
        self.shift_after(index, shift.unwrap_or_default());
        if position == 0 {
            self.beginning.summary_form = OnceLock::new();
        }
        if position <= self.beginning.messages {
            self.update_beginning();
        }
    }

    /// The location of the message at `position`, which is to become `len` bytes long. If that would make its segment far
    /// larger than one may be, the message gets a segment of its own.
    fn isolate(&mut self, position: usize, len: usize) -> Option<Location> {
        let (index, inner) = self.locate(position)?;
        let segment = self.segments.get(index)?;
        let messages = segment.entries().len();
        if messages == 1 || segment.stored().0.saturating_add(len) <= LARGEST_BYTES {
            return Some((index, inner));
        }
        if inner + 1 < messages {
            self.split(index, inner + 1);
        }
        if inner == 0 {
            return Some((index, 0));
        }
        self.split(index, inner);
        self.locate(position)
    }

    /// Makes two segments of the one at `index`; the second begins with the message at `inner`.
    pub(super) fn split(&mut self, index: usize, inner: usize) {
        let rest = self.with_segment_mut(index, |segment| segment.split_off(inner));
        if let Some(rest) = rest.flatten() {
            self.insert_segment(index + 1, rest);
        }
    }

    /// Relocates buffers from the segment at `from` on, as long as there is time. Returns the segment to continue at,
    /// or nothing when all are done.
    pub fn relocate(&mut self, from: usize, relocate: &mut impl Relocate) -> Option<usize> {
        for (index, segment) in self.segments.iter_mut().enumerate().skip(from) {
            if index > from && relocate.is_over() {
                return Some(index);
            }
            segment.relocate(relocate);
        }
        None
    }

    /// Updates what is known of the beginning.
    pub(super) fn update_beginning(&mut self) {
        let leading = self.count_leading();
        let first = self.get(0).map(|first| first.seq);
        if first != self.beginning.first {
            self.beginning.summary_form = OnceLock::new();
        }
        self.beginning = Beginning {
            first,
            summary_form: std::mem::take(&mut self.beginning.summary_form),
            messages: leading,
            visible: self.before::<Visible>(leading),
            visible_tokens: self.before::<VisibleTokens>(leading),
        };
    }

    /// Number of the messages before the first that is no system message.
    fn count_leading(&self) -> usize {
        let mut leading = 0;
        for (index, segment) in self.segments.iter().enumerate() {
            let entries = segment.entries();
            if self.sums_after(index).others == segment.before.others {
                leading += entries.len();
                continue;
            }
            let is_other = |&inner: &usize| Others::weight(&entries, inner) > 0;
            return leading + (0..entries.len()).find(is_other).unwrap_or(0);
        }
        leading
    }

    /// Adds `shift` to the running sums after the segment at `index`; or subtracts it from those at and before it, which
    /// is the same because their origin is arbitrary, whichever are fewer.
    pub(super) fn shift_after(&mut self, index: usize, shift: Sums) {
        if index < self.segments.len() / 2 {
            for segment in self.segments.range_mut(..=index) {
                segment.before = segment.before.minus(shift);
            }
        } else {
            let after = (index + 1).min(self.segments.len());
            for segment in self.segments.range_mut(after..) {
                segment.before = segment.before.plus(shift);
            }
            self.end = self.end.plus(shift);
        }
    }
}
