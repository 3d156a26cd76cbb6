//! Changing the log: messages come and go, segments are split and packed, the running sums stay right.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::OnceLock;

use super::compress::Unreadable;
use super::flags::Flags;
use super::index::{Entry, weight};
use super::log::{Head, Log, Place};
use super::search::{Others, Visible, VisibleTokens};
use super::segment::{Relocate, SEGMENT_BYTES, Segment};
use super::sums::Sums;

/// A segment of several messages that an EDIT would make larger than this is split.
const LARGEST_BYTES: usize = 2 * SEGMENT_BYTES;

impl Log {
    /// Adds a message at the end; `seq` is larger than all that are held.
    pub fn push(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, message: &[u8]) {
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
        let at_head = self.head.messages == held;
        if held == 0 {
            self.head.first = Some(seq);
            self.head.summary_form = OnceLock::new();
        }
        if let Some(segment) = self.segments.back_mut() {
            let before = segment.heap_bytes();
            let weight = push(segment);
            self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
            self.end = self.end.plus(weight);
            if at_head && weight.others == 0 {
                self.head.messages += 1;
                self.head.visible += weight.visible;
                self.head.visible_tokens += weight.visible_tokens;
            }
        }
    }

    /// Puts the messages of `front` in front. Small segments at the seam are joined, as long as the one behind it is not
    /// larger than what comes: so many small batches cost no more than a few copies of each message.
    pub fn prepend(&mut self, mut front: Self) {
        while let Some(first) = self.segments.front()
            && let Some(tail) = front.segments.back()
            && first.may_compress()
            && first.stored().0 <= tail.stored().0
            && first.stored().0 + tail.stored().0 <= SEGMENT_BYTES
            && let Some(first) = self.segments.pop_front()
        {
            self.heap = self.heap.saturating_sub(first.heap_bytes());
            let entries = first.entries();
            // What may be compressed is not.
            let Ok(bytes) = first.bytes() else { break };
            let mut begin = 0;
            for entry in entries.iter() {
                let end = entry.end as usize;
                let message = bytes.get(begin..end).unwrap_or_default();
                let (seq, time) = (first.seq(entry), first.time(entry));
                front.push(seq, time, entry.tokens, entry.flags, message);
                begin = end + 1;
            }
        }
        if let Some(tail) = front.segments.back_mut()
            && !self.segments.is_empty()
        {
            let before = tail.heap_bytes();
            tail.close();
            front.heap = (front.heap + tail.heap_bytes()).saturating_sub(before);
        }
        self.heap += front.heap;
        // The sums in front of what is held stay; those of what comes count down from there.
        let shift = self.origin().minus(front.end);
        for mut segment in front.segments.into_iter().rev() {
            segment.before = segment.before.plus(shift);
            self.segments.push_front(segment);
        }
        self.find_head();
    }

    /// The next message begins a segment of its own.
    pub fn start_segment(&mut self, seq: i64, time: i64) {
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

    /// Changes what the index says of the messages of a range, and corrects the running sums.
    pub fn update(&mut self, range: Range<usize>, mut change: impl FnMut(&mut Entry)) {
        let mut left = range.len();
        let Some((first, mut from)) = self.place(range.start).filter(|_| left > 0) else {
            return;
        };
        let mut shift = Sums::default();
        let mut last = first;
        for (index, segment) in self.segments.iter_mut().enumerate().skip(first) {
            segment.before = segment.before.plus(shift);
            last = index;
            let before = segment.heap_bytes();
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
            self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
            from = 0;
            if left == 0 {
                break;
            }
        }
        if shift != Sums::default() {
            self.shift_behind(last, shift);
        }
        if range.start <= self.head.messages {
            self.find_head();
        }
    }

    /// Takes counts of messages by their numbers, which ascend; those that are gone or not pending are passed over. Each
    /// segment is changed once, as what is packed is costly to change.
    pub fn set_counts(&mut self, mut counts: &[(i64, u32)]) {
        let mut first = None;
        while let Some(&(seq, _)) = counts.first() {
            let index = self.segment_of(seq).unwrap_or(0);
            let next = self.segments.get(index + 1).map(|next| next.base_seq);
            let here = next.map_or(counts.len(), |next| counts.partition_point(|c| c.0 < next));
            let (here, behind) = counts.split_at(here);
            counts = behind;
            let origin = self.origin().messages;
            let Some(segment) = self.segments.get_mut(index) else {
                return;
            };
            let (mut shift, base) = (Sums::default(), segment.base_seq);
            let position = segment.before.messages.wrapping_sub(origin) as usize;
            let before = segment.heap_bytes();
            segment.change_entries(|entries| {
                for &(seq, tokens) in here {
                    let seq = seq.checked_sub(base).and_then(|d| u16::try_from(d).ok());
                    let inner =
                        seq.and_then(|seq| entries.binary_search_by_key(&seq, |e| e.seq).ok());
                    let Some(inner) = inner else { continue };
                    let old = weight(entries, inner);
                    if let Some(entry) = entries.get_mut(inner).filter(|e| e.flags.pending()) {
                        entry.tokens = tokens;
                        entry.flags.set_pending(false);
                        shift = shift.plus(weight(entries, inner)).minus(old);
                        first.get_or_insert(position + inner);
                    }
                }
            });
            self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
            self.shift_behind(index, shift);
        }
        if first.is_some_and(|first| first <= self.head.messages) {
            self.find_head();
        }
    }

    /// Changes the entry at `position`.
    pub fn update_at(&mut self, position: usize, change: impl FnMut(&mut Entry)) {
        self.update(position..position + 1, change);
    }

    /// Puts other bytes, tokens and flags in the place of the message at `position`.
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
        let segment = self.place(position).and_then(|p| self.segments.get(p.0));
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
        let Some(segment) = self.segments.get_mut(index) else {
            return;
        };
        let old = weight(&segment.entries(), inner);
        let before = segment.heap_bytes();
        let done = replace(segment, inner);
        self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
        if done {
            let shift = weight(&segment.entries(), inner).minus(old);
            self.shift_behind(index, shift);
        }
        if position == 0 {
            self.head.summary_form = OnceLock::new();
        }
        if position <= self.head.messages {
            self.find_head();
        }
    }

    /// The place of the message at `position`, which is to become `len` bytes long. If that would make its segment far
    /// larger than one may be, the message gets a segment of its own.
    fn isolate(&mut self, position: usize, len: usize) -> Option<Place> {
        let (index, inner) = self.place(position)?;
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
        self.place(position)
    }

    /// Makes two segments of the one at `index`; the second begins with the message at `inner`.
    pub(super) fn split(&mut self, index: usize, inner: usize) {
        if let Some(segment) = self.segments.get_mut(index) {
            let before = segment.heap_bytes();
            let rest = segment.split_off(inner);
            let behind = rest.as_ref().map_or(0, Segment::heap_bytes);
            self.heap = (self.heap + segment.heap_bytes() + behind).saturating_sub(before);
            if let Some(rest) = rest {
                self.segments.insert(index + 1, rest);
            }
        }
    }

    /// A copy of the messages before `position`. It costs what it holds.
    ///
    /// # Errors
    /// There is not enough memory to decompress the segment that is cut.
    pub fn up_to(&self, position: usize) -> Result<Self, Unreadable> {
        let last = position.checked_sub(1);
        let kept = last
            .and_then(|last| self.place(last))
            .map_or(0, |p| p.0 + 1);
        let mut copy = self.first_segments(kept);
        let surplus = position..copy.len();
        copy.decompress_to_remove(&surplus)?;
        copy.remove(surplus);
        copy.find_head();
        Ok(copy)
    }

    /// A copy of so many segments.
    pub(super) fn first_segments(&self, kept: usize) -> Self {
        let segments: VecDeque<Segment> = self.segments.range(..kept).cloned().collect();
        Self {
            // A copied buffer has no room to spare, which its original may have.
            heap: segments.iter().map(Segment::heap_bytes).sum(),
            end: self.segments.get(kept).map_or(self.end, |next| next.before),
            segments,
            // The first message stays, unless none does.
            head: self.head.clone(),
            compression: self.compression.clone(),
        }
    }

    /// Decompresses the segment of the message at `position`, to be changed.
    ///
    /// # Errors
    /// There is not enough memory; nothing is done.
    pub fn decompress_at(&mut self, position: usize) -> Result<(), Unreadable> {
        let place = self.place(position);
        let Some(segment) = place.and_then(|(index, _)| self.segments.get_mut(index)) else {
            return Ok(());
        };
        let before = segment.heap_bytes();
        let done = segment.decompress();
        self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
        done
    }

    /// Decompresses the segments that lose some of their messages if those of `range` are removed.
    ///
    /// # Errors
    /// There is not enough memory; nothing visible is done.
    pub fn decompress_to_remove(&mut self, range: &Range<usize>) -> Result<(), Unreadable> {
        if range.is_empty() {
            return Ok(());
        }
        for position in [range.start, range.end.saturating_sub(1)] {
            let Some((index, inner)) = self.place(position) else {
                continue;
            };
            let Some(segment) = self.segments.get(index) else {
                continue;
            };
            let first = position.saturating_sub(inner);
            let behind = first + segment.entries().len();
            if first < range.start || behind > range.end {
                self.decompress_at(position)?;
            }
        }
        Ok(())
    }

    /// Removes the messages of a range.
    pub fn remove(&mut self, range: Range<usize>) {
        let mut left = range.len().min(self.len().saturating_sub(range.start));
        while left > 0 {
            let Some((index, inner)) = self.place(range.start) else {
                break;
            };
            let Some(segment) = self.segments.get_mut(index) else {
                break;
            };
            let entries = segment.entries();
            let until = (inner + left).min(entries.len());
            let gone = (inner..until).fold(Sums::default(), |sum, i| sum.plus(weight(&entries, i)));
            let all = until - inner == entries.len();
            drop(entries);
            left -= until - inner;
            if all {
                self.heap = self.heap.saturating_sub(segment.heap_bytes());
                self.segments.remove(index);
                // What stood behind has moved to this index. If nothing stood before, the origin moves on by itself.
                if let Some(before) = index.checked_sub(1) {
                    self.shift_behind(before, Sums::default().minus(gone));
                }
            } else {
                let before = segment.heap_bytes();
                let done = segment.remove(inner..until);
                self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
                if !done {
                    break;
                }
                self.shift_behind(index, Sums::default().minus(gone));
            }
        }
        if range.start <= self.head.messages {
            self.find_head();
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

    /// Finds anew how many system messages stand first.
    fn find_head(&mut self) {
        let leading = match self.first_reaching::<Others>(1) {
            Some(behind) => behind.saturating_sub(1),
            None => self.len(),
        };
        let first = self.get(0).map(|first| first.seq);
        if first != self.head.first {
            self.head.summary_form = OnceLock::new();
        }
        self.head = Head {
            first,
            summary_form: std::mem::take(&mut self.head.summary_form),
            messages: leading,
            visible: self.before::<Visible>(leading),
            visible_tokens: self.before::<VisibleTokens>(leading),
        };
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
