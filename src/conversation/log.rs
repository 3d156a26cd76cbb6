//! The message log: segments in order, with running sums before each.
//!
//! A *position* counts the messages held, from 0. Everything that depends on a budget is a search for the first
//! position before which a sum is reached: a binary search over the segments, then a walk within one (see
//! [`super::search`]). The cost of appending, and of removing the oldest messages, does not depend on the length; a
//! change in the middle corrects the running sums of the segments after it (a few ns each).
//!
//! A clone shares the segments with its original until one of the two changes them.

use std::collections::VecDeque;
use std::sync::OnceLock;

use thin_vec::ThinVec;

use super::compress::Slot;
use super::facts::SummaryForm;
use super::flags::Flags;
use super::index::{self, Entry};
use super::message;
use super::segment::{HeapBytes, Segment};
use super::sums::Sums;

/// A message in the log.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What the index knows of it.
    pub meta: Meta,
}

/// What the index knows of a message.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    /// Sequence number.
    pub seq: i64,
    /// Arrival, Unix ms.
    pub time: i64,
    /// T(message), or the least that it can be while it is pending.
    pub tokens: u32,
    /// What is known of it.
    pub flags: Flags,
    /// Its length in bytes.
    pub len: usize,
}

/// What is known of the beginning without reading its segment, which may be compressed.
#[derive(Debug, Clone, Default)]
pub(super) struct Beginning {
    /// Sequence number of the first message.
    pub first: Option<i64>,
    /// How a summary is written beside the first message. It is read when it is asked for: most conversations have no
    /// summary, and with MAXMESSAGES every append changes the first message.
    pub summary_form: OnceLock<SummaryForm>,
    /// Number of leading system messages.
    pub messages: usize,
    /// How many of them RECENT may return, and their tokens.
    pub visible: u64,
    pub visible_tokens: u64,
}

/// The messages of a conversation, in order.
#[derive(Debug, Default)]
pub struct Log {
    pub(super) segments: VecDeque<Segment>,
    /// Running sums at the end.
    pub(super) end: Sums,
    /// What the segments take on the heap.
    pub(super) heap: HeapBytes,
    pub(super) beginning: Beginning,
    /// Segments that are being compressed, by their `base_seq`.
    pub(super) compression: ThinVec<(i64, Slot)>,
}

/// The location of a position: number of the segment, index in it.
pub(super) type Location = (usize, usize);

impl Clone for Log {
    fn clone(&self) -> Self {
        self.first_segments(self.segments.len())
    }
}

impl Log {
    /// Running sums before the first message.
    pub(super) fn origin(&self) -> &Sums {
        self.segments.front().map_or(&self.end, |s| &s.before)
    }

    /// Sums over all messages.
    #[must_use]
    pub fn totals(&self) -> Sums {
        self.end.minus(*self.origin())
    }

    /// Number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end.messages.wrapping_sub(self.origin().messages) as usize
    }

    /// True if no message is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The segments, in order.
    #[must_use]
    pub fn segments(&self) -> impl ExactSizeIterator<Item = &Segment> {
        self.segments.iter()
    }

    /// Bytes on the heap, without decompressed copies.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.segments.capacity() * size_of::<Segment>() + self.heap.all
    }

    /// Bytes of compressed segments on the heap.
    #[must_use]
    pub fn compressed_bytes(&self) -> usize {
        self.heap.compressed
    }

    /// Bytes on the heap of the decompressed copies that are kept. Visits all segments.
    #[must_use]
    pub fn opened_bytes(&self) -> usize {
        self.segments.iter().map(Segment::opened_bytes).sum()
    }

    pub(super) fn locate(&self, position: usize) -> Option<Location> {
        let origin = self.origin().messages;
        let target = position as u64;
        if position >= self.len() {
            return None;
        }
        // Most often it is near the end.
        let is_in_last = |s: &Segment| s.before.messages.wrapping_sub(origin) <= target;
        let index = if self.segments.back().is_some_and(is_in_last) {
            self.segments.len() - 1
        } else {
            self.segments.partition_point(is_in_last).checked_sub(1)?
        };
        let segment = self.segments.get(index)?;
        let inner = target - segment.before.messages.wrapping_sub(origin);
        Some((index, inner as usize))
    }

    /// What the index knows of the message at `position`.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<Meta> {
        let (index, inner) = self.locate(position)?;
        let segment = self.segments.get(index)?;
        meta(segment, &segment.entries(), inner)
    }

    /// Sequence number of the oldest message.
    #[must_use]
    pub fn first_seq(&self) -> Option<i64> {
        self.beginning.first
    }

    /// How a summary is written, in the form of the oldest message.
    #[must_use]
    pub fn summary_form(&self) -> SummaryForm {
        if let Some(form) = self.beginning.summary_form.get() {
            return *form;
        }
        let Ok(first) = self.with_message(0, message::facts) else {
            // It is read again the next time.
            return SummaryForm::default();
        };
        let form = first.and_then(Result::ok).map(|facts| facts.summary_form);
        *self
            .beginning
            .summary_form
            .get_or_init(|| form.unwrap_or_default())
    }

    /// Sequence number of the newest message.
    #[must_use]
    pub fn last_seq(&self) -> Option<i64> {
        let last = self.segments.back()?;
        last.entries().last().map(|e| last.seq(e))
    }

    /// Position of the first message whose sequence number is at least `seq` (the length if there is none).
    #[must_use]
    pub fn position_of(&self, seq: i64) -> usize {
        // Most often it is the newest.
        if self.last_seq() == Some(seq) {
            return self.len().saturating_sub(1);
        }
        let Some(index) = self.segment_of(seq) else {
            return 0;
        };
        let Some(segment) = self.segments.get(index) else {
            return 0;
        };
        let inner = segment.entries().partition_point(|e| segment.seq(e) < seq);
        let before = segment.before.messages.wrapping_sub(self.origin().messages);
        before as usize + inner
    }

    /// The segment that holds `seq`, if any does.
    pub(super) fn segment_of(&self, seq: i64) -> Option<usize> {
        if self.segments.back().is_some_and(|s| s.base_seq <= seq) {
            return self.segments.len().checked_sub(1);
        }
        self.segments
            .partition_point(|s| s.base_seq <= seq)
            .checked_sub(1)
    }

    /// Position of the message with exactly this sequence number.
    #[must_use]
    pub fn find(&self, seq: i64) -> Option<usize> {
        let position = self.position_of(seq);
        self.get(position)
            .is_some_and(|m| m.seq == seq)
            .then_some(position)
    }

    /// Number of leading system messages.
    #[must_use]
    pub fn leading(&self) -> usize {
        self.beginning.messages
    }

    /// Tokens of the leading system messages.
    #[must_use]
    pub fn leading_tokens(&self) -> u64 {
        self.beginning.visible_tokens
    }
}

fn meta(segment: &Segment, entries: &[Entry], inner: usize) -> Option<Meta> {
    let entry = entries.get(inner)?;
    Some(meta_of(segment, entry, index::len(entries, inner)))
}

pub(super) fn meta_of(segment: &Segment, entry: &Entry, len: usize) -> Meta {
    Meta {
        seq: segment.seq(entry),
        time: segment.time(entry),
        tokens: entry.tokens,
        flags: entry.flags,
        len,
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
