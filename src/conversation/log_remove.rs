//! Removing messages from a log, and copying its beginning.

use std::collections::VecDeque;
use std::ops::Range;

use super::compress::Unreadable;
use super::index::{self, weight};
use super::log::Log;
use super::segment::{HeapBytes, Segment};
use super::sums::Sums;

/// About how many bytes of messages are moved at most when older ones are removed.
const MOVED_BYTES: usize = 4 << 10;

impl Log {
    /// A copy of the messages before `position`. It shares all segments but the one that is cut.
    ///
    /// # Errors
    /// There is not enough memory to decompress the segment that is cut.
    pub fn up_to(&self, position: usize) -> Result<Self, Unreadable> {
        let last = position.checked_sub(1);
        let last = last.and_then(|last| self.locate(last));
        let mut copy = self.first_segments(last.map_or(0, |(index, _)| index + 1));
        let surplus = position..copy.len();
        copy.decompress_to_remove(&surplus)?;
        copy.remove(surplus);
        copy.update_beginning();
        Ok(copy)
    }

    /// A copy of the first `kept` segments, which shares them.
    pub(super) fn first_segments(&self, kept: usize) -> Self {
        let segments: VecDeque<Segment> = self.segments.range(..kept).cloned().collect();
        let heap = segments.iter().map(Segment::heap_bytes);
        Self {
            heap: heap.fold(HeapBytes::default(), HeapBytes::plus),
            end: self.segments.get(kept).map_or(self.end, |next| next.before),
            segments,
            // The first message stays, unless none does.
            beginning: self.beginning.clone(),
            compression: self.compression.clone(),
        }
    }

    /// Decompresses the segment of the message at `position`, to be changed.
    ///
    /// # Errors
    /// There is not enough memory; nothing is done.
    pub fn decompress_at(&mut self, position: usize) -> Result<(), Unreadable> {
        let location = self.locate(position);
        let done =
            location.and_then(|(index, _)| self.with_segment_mut(index, Segment::decompress));
        done.unwrap_or(Ok(()))
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
            let Some((index, inner)) = self.locate(position) else {
                continue;
            };
            let Some(segment) = self.segments.get(index) else {
                continue;
            };
            let first = position.saturating_sub(inner);
            let after = first + segment.entries().len();
            if first < range.start || after > range.end {
                self.decompress_at(position)?;
            }
        }
        Ok(())
    }

    /// Removes the oldest messages, or the oldest after leading system messages. Retention does so with every append: the
    /// messages after them in the same segment would be moved each time. So a large segment is split first, and only the
    /// messages of its smaller part are moved.
    pub fn remove_oldest(&mut self, range: Range<usize>) {
        if let Some((index, inner)) = self.locate(range.end)
            && let Some(segment) = self.segments.get(index)
            && !segment.is_compressed()
        {
            let entries = segment.entries();
            let begin = index::start(&entries, inner);
            let stays = segment.stored().0.saturating_sub(begin);
            let at = entries.partition_point(|e| e.end as usize <= begin + MOVED_BYTES);
            drop(entries);
            if inner > 0 && stays > 2 * MOVED_BYTES && at > inner {
                self.split(index, at);
            }
        }
        self.remove(range);
    }

    /// Removes the messages of a range.
    pub fn remove(&mut self, range: Range<usize>) {
        let mut left = range.len().min(self.len().saturating_sub(range.start));
        while left > 0 {
            let Some((index, inner)) = self.locate(range.start) else {
                break;
            };
            let Some(segment) = self.segments.get(index) else {
                break;
            };
            let entries = segment.entries();
            let until = (inner + left).min(entries.len());
            let removed =
                (inner..until).fold(Sums::default(), |sum, i| sum.plus(weight(&entries, i)));
            let all = until - inner == entries.len();
            drop(entries);
            left -= until - inner;
            if all {
                self.take_segment(index);
                // The next segment has moved to this index. If this one was the first, the origin follows from the next.
                if let Some(before) = index.checked_sub(1) {
                    self.shift_after(before, Sums::default().minus(removed));
                }
            } else {
                if self.with_segment_mut(index, |s| s.remove(inner..until)) != Some(true) {
                    break;
                }
                self.shift_after(index, Sums::default().minus(removed));
            }
        }
        if range.start <= self.beginning.messages {
            self.update_beginning();
        }
    }
}
