//! A segment: a run of messages, their bytes side by side, an index entry of 16 bytes each.
//!
//! The bytes are `message,message,...,`: each message is followed by a comma, so that a run of messages is already
//! the inside of a JSON array.

use super::flags::Flags;
use super::message::Class;
use super::sums::Sums;

/// A segment is closed to further messages when it holds this many bytes.
pub const SEGMENT_BYTES: usize = 16 * 1024;

/// Something that can put a buffer elsewhere in memory, for defragmentation.
pub trait Relocate {
    /// The same buffer, in a better place if there is one.
    fn relocate<T: Copy>(&mut self, buffer: Vec<T>) -> Vec<T>;
    /// True if the time for this round is over.
    fn is_over(&mut self) -> bool;
}

/// The index entry of one message. 16 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Offset of the comma behind the message.
    pub end: u32,
    /// T(message), 0 while it is pending.
    pub tokens: u32,
    /// Arrival, in ms after the segment's `base_time`.
    pub time: i32,
    /// Sequence number, counted from the segment's `base_seq`.
    pub seq: u16,
    /// The rest.
    pub flags: Flags,
}

/// A message in the log.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Sequence number.
    pub seq: i64,
    /// Arrival, Unix ms.
    pub time: i64,
    /// T(message), 0 while pending.
    pub tokens: u32,
    /// What is known of it.
    pub flags: Flags,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Sequence number that the entries count from.
    pub base_seq: i64,
    /// Time (Unix ms) that the entries count from.
    pub base_time: i64,
    /// Running sums of all that stands before this segment, from an arbitrary origin.
    pub before: Sums,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Segment {
    /// An empty segment for messages from `seq` on.
    #[must_use]
    pub fn new(seq: i64, time: i64, before: Sums) -> Self {
        Self {
            base_seq: seq,
            base_time: time,
            before,
            bytes: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// The index.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry at `index`, to be changed. Whoever changes what is summed corrects the log's running sums.
    pub fn entry_mut(&mut self, index: usize) -> Option<&mut Entry> {
        self.entries.get_mut(index)
    }

    fn start(&self, index: usize) -> usize {
        match index.checked_sub(1).and_then(|i| self.entries.get(i)) {
            Some(before) => before.end as usize + 1,
            None => 0,
        }
    }

    /// The message at `index`.
    #[must_use]
    pub fn message(&self, index: usize) -> &[u8] {
        let end = self.entries.get(index).map_or(0, |e| e.end as usize);
        self.bytes.get(self.start(index)..end).unwrap_or_default()
    }

    /// All that is held of the message at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Stored<'_>> {
        let entry = self.entries.get(index)?;
        Some(Stored {
            bytes: self.message(index),
            seq: self.seq(index),
            time: self.time(index),
            tokens: entry.tokens,
            flags: entry.flags,
        })
    }

    /// The messages of the range, each followed by a comma.
    #[must_use]
    pub fn run(&self, range: std::ops::Range<usize>) -> &[u8] {
        let begin = self.start(range.start);
        let end = self.start(range.end);
        self.bytes.get(begin..end).unwrap_or_default()
    }

    /// Sequence number of the message at `index`.
    #[must_use]
    pub fn seq(&self, index: usize) -> i64 {
        let delta = self.entries.get(index).map_or(0, |e| e.seq);
        self.base_seq.saturating_add(i64::from(delta))
    }

    /// Arrival of the message at `index`, Unix ms.
    #[must_use]
    pub fn time(&self, index: usize) -> i64 {
        let delta = self.entries.get(index).map_or(0, |e| e.time);
        self.base_time.saturating_add(i64::from(delta))
    }

    /// What the entry at `index` adds to the sums.
    #[must_use]
    pub fn weight(&self, index: usize) -> Sums {
        let Some(entry) = self.entries.get(index) else {
            return Sums::default();
        };
        let flags = entry.flags;
        let live = u64::from(!flags.dead());
        Sums {
            messages: 1,
            others: u64::from(flags.class() != Class::System),
            tokens: u64::from(entry.tokens),
            live,
            live_tokens: live * u64::from(entry.tokens),
            boundaries: u64::from(flags.boundary()),
            users: u64::from(flags.user_start()),
            pending: u64::from(flags.pending()),
            bytes: (entry.end as usize - self.start(index).min(entry.end as usize)) as u64,
        }
    }

    /// True if a message of that number and time can be added at the end and still be indexed.
    #[must_use]
    pub fn takes(&self, seq: i64, time: i64) -> bool {
        self.bytes.len() < SEGMENT_BYTES
            && seq
                .checked_sub(self.base_seq)
                .is_some_and(|d| u16::try_from(d).is_ok())
            && time
                .checked_sub(self.base_time)
                .is_some_and(|d| i32::try_from(d).is_ok())
    }

    /// Adds a message at the end; [`Segment::takes`] has been asked.
    pub fn push(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, message: &[u8]) {
        self.bytes.reserve(message.len() + 1);
        self.bytes.extend_from_slice(message);
        let end = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.push(b',');
        self.entries.push(Entry {
            end,
            tokens,
            time: i32::try_from(time.saturating_sub(self.base_time)).unwrap_or_default(),
            seq: u16::try_from(seq.saturating_sub(self.base_seq)).unwrap_or_default(),
            flags,
        });
    }

    /// Gives back what was reserved for further messages.
    pub fn close(&mut self) {
        self.bytes.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Removes the messages of the range.
    pub fn remove(&mut self, range: std::ops::Range<usize>) {
        let begin = self.start(range.start);
        let end = self.start(range.end);
        self.bytes.drain(begin..end);
        self.entries.drain(range.clone());
        let cut = u32::try_from(end - begin).unwrap_or_default();
        for entry in self.entries.iter_mut().skip(range.start) {
            entry.end = entry.end.saturating_sub(cut);
        }
    }

    /// Puts other bytes in the place of the message at `index`.
    pub fn replace(&mut self, index: usize, message: &[u8]) {
        let begin = self.start(index);
        let end = self.start(index + 1).saturating_sub(1).max(begin);
        let grown = message.len() as i64 - (end - begin) as i64;
        self.bytes.splice(begin..end, message.iter().copied());
        for entry in self.entries.iter_mut().skip(index) {
            entry.end = u32::try_from(i64::from(entry.end) + grown).unwrap_or(u32::MAX);
        }
    }

    /// Lets `relocate` put the two buffers elsewhere in memory.
    pub fn relocate(&mut self, relocate: &mut impl Relocate) {
        self.bytes = relocate.relocate(std::mem::take(&mut self.bytes));
        self.entries = relocate.relocate(std::mem::take(&mut self.entries));
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }
}
