//! A segment: a run of messages, their bytes side by side, an index entry each.
//!
//! The bytes are `message,message,...,`: each message is followed by a comma, so that a run of messages is already
//! the inside of a JSON array. While a segment is in use both lie open; later they are packed (see [`super::pack`] and
//! [`super::index`]), and only opened again to change the text.

use std::ops::{Deref, Range};
use std::rc::Rc;
use std::sync::Arc;

use super::compress::{self, CompressJob, SegmentVersion, Slot, Unreadable};
use super::flags::Flags;
use super::growth::reserve_for_append;
use super::index::{self, Entry};
use super::sums::Sums;

/// Bytes of a segment's text, unless it is a single larger message: a size that allocators have without waste. Twice
/// of it would pack a tenth smaller, and take twice the time to unpack.
pub const SEGMENT_BYTES: usize = 32 * 1024;

/// Something that can put a buffer elsewhere in memory, for defragmentation.
pub trait Relocate {
    /// The same buffer, in a better place if there is one.
    fn relocate<T: Copy>(&mut self, buffer: Vec<T>) -> Vec<T>;
    /// True if the time for this round is over.
    fn is_over(&mut self) -> bool;
}

/// Bytes or entries of a segment: lying open, or unpacked for the moment.
pub enum View<'a, T> {
    /// They lie open.
    Uncompressed(&'a [T]),
    /// They are packed; this is a copy.
    Decompressed(Rc<Vec<T>>),
}

impl<T> Deref for View<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::Uncompressed(open) => open,
            Self::Decompressed(unpacked) => unpacked,
        }
    }
}

#[derive(Debug, Clone)]
enum Body {
    Uncompressed {
        bytes: Vec<u8>,
        entries: Vec<Entry>,
        compression: Compression,
    },
    Compressed(Box<Compressed>),
}

/// What is known of compression an open segment's text as it is now.
#[derive(Debug, Clone)]
enum Compression {
    /// Nobody has been asked.
    None,
    /// The result will be found there.
    Asked(Slot),
    /// It does not pay.
    Useless,
}

#[derive(Debug, Clone)]
struct Compressed {
    name: SegmentVersion,
    text: Vec<u8>,
    /// Bytes of the text when unpacked.
    len: usize,
    index: Vec<u8>,
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
    body: Body,
}

impl Segment {
    /// An empty segment for messages from `seq` on.
    #[must_use]
    pub fn new(seq: i64, time: i64, before: Sums) -> Self {
        Self {
            base_seq: seq,
            base_time: time,
            before,
            body: Body::Uncompressed {
                bytes: Vec::new(),
                entries: Vec::new(),
                compression: Compression::None,
            },
        }
    }

    /// The index.
    #[must_use]
    pub fn entries(&self) -> View<'_, Entry> {
        match &self.body {
            Body::Uncompressed { entries, .. } => View::Uncompressed(entries),
            Body::Compressed(packed) => {
                View::Decompressed(compress::entries(packed.name, &packed.index))
            }
        }
    }

    /// The messages, each followed by a comma.
    ///
    /// # Errors
    /// There is not enough memory to decompress them.
    pub fn bytes(&self) -> Result<View<'_, u8>, Unreadable> {
        Ok(match &self.body {
            Body::Uncompressed { bytes, .. } => View::Uncompressed(bytes),
            Body::Compressed(packed) => {
                View::Decompressed(compress::text(packed.name, &packed.text, packed.len)?)
            }
        })
    }

    /// Decompresses the segment, to be changed.
    ///
    /// # Errors
    /// There is not enough memory; nothing is done.
    pub fn decompress(&mut self) -> Result<(), Unreadable> {
        self.open().map(|_| ()).ok_or(Unreadable)
    }

    /// Bytes of the text, and the packed text if it is packed.
    #[must_use]
    pub fn stored(&self) -> (usize, Option<&[u8]>) {
        match &self.body {
            Body::Uncompressed { bytes, .. } => (bytes.len(), None),
            Body::Compressed(packed) => (packed.len, Some(&packed.text)),
        }
    }

    /// Sequence number of `entry`.
    #[must_use]
    pub fn seq(&self, entry: &Entry) -> i64 {
        self.base_seq.saturating_add(i64::from(entry.seq))
    }

    /// Arrival of the message of `entry`, Unix ms.
    #[must_use]
    pub fn time(&self, entry: &Entry) -> i64 {
        self.base_time.saturating_add(i64::from(entry.time))
    }

    /// True if a message of that number, time and length can be added at the end.
    #[must_use]
    pub fn takes(&self, seq: i64, time: i64, len: usize) -> bool {
        let Body::Uncompressed { bytes, .. } = &self.body else {
            return false;
        };
        (bytes.is_empty() || bytes.len().saturating_add(len) < SEGMENT_BYTES)
            && seq
                .checked_sub(self.base_seq)
                .is_some_and(|d| u16::try_from(d).is_ok())
            && time
                .checked_sub(self.base_time)
                .is_some_and(|d| i32::try_from(d).is_ok())
    }

    /// Adds a message at the end; [`Segment::takes`] has been asked. Returns what it adds to the sums.
    pub fn push(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, message: &[u8]) -> Sums {
        let time = time.saturating_sub(self.base_time);
        let seq = seq.saturating_sub(self.base_seq);
        let Body::Uncompressed {
            bytes,
            entries,
            compression,
        } = &mut self.body
        else {
            return Sums::default();
        };
        *compression = Compression::None;
        reserve_for_append(bytes, message.len() + 1);
        bytes.extend_from_slice(message);
        let end = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes.push(b',');
        reserve_for_append(entries, 1);
        entries.push(Entry {
            end,
            tokens,
            time: i32::try_from(time).unwrap_or_default(),
            seq: u16::try_from(seq).unwrap_or_default(),
            flags,
        });
        index::weight(entries, entries.len() - 1)
    }

    /// Adds the first and only message, as [`Segment::push`]. Takes over `text`: the message and a comma.
    pub fn push_owned(&mut self, tokens: u32, flags: Flags, text: Vec<u8>) -> Sums {
        let entries = vec![Entry {
            end: u32::try_from(text.len().saturating_sub(1)).unwrap_or(u32::MAX),
            tokens,
            time: 0,
            seq: 0,
            flags,
        }];
        let weight = index::weight(&entries, 0);
        self.body = Body::Uncompressed {
            bytes: text,
            entries,
            compression: Compression::None,
        };
        weight
    }

    /// Gives back what was reserved for further messages.
    pub fn close(&mut self) {
        if let Body::Uncompressed { bytes, entries, .. } = &mut self.body {
            bytes.shrink_to_fit();
            entries.shrink_to_fit();
        }
    }

    /// Changes entries; a packed index is packed again. Whoever changes what is summed corrects the running sums.
    pub fn change_entries(&mut self, change: impl FnOnce(&mut [Entry])) {
        match &mut self.body {
            Body::Uncompressed { entries, .. } => change(entries),
            Body::Compressed(packed) => {
                let mut entries = index::decode(&packed.index);
                change(&mut entries);
                packed.index = index::encode(&entries);
                packed.name = SegmentVersion::unique();
            }
        }
    }

    /// Bytes and entries, to be changed: what is packed is unpacked.
    fn open(&mut self) -> Option<(&mut Vec<u8>, &mut Vec<Entry>)> {
        if let Body::Compressed(packed) = &self.body {
            self.body = Body::Uncompressed {
                bytes: compress::decompress(&packed.text, packed.len)?,
                entries: index::decode(&packed.index),
                compression: Compression::None,
            };
        }
        match &mut self.body {
            Body::Uncompressed {
                bytes,
                entries,
                compression,
            } => {
                *compression = Compression::None;
                Some((bytes, entries))
            }
            Body::Compressed(_) => None,
        }
    }

    /// Takes the messages from `at` on out of the segment into one of their own. Nothing, and nothing done, if there are
    /// none, or no memory to unpack the text.
    pub fn split_off(&mut self, at: usize) -> Option<Self> {
        let (base_seq, base_time, mut before) = (self.base_seq, self.base_time, self.before);
        let (bytes, entries) = self.open()?;
        let first = entries.get(at).copied()?;
        let begin = index::start(entries, at);
        for inner in 0..at {
            before = before.plus(index::weight(entries, inner));
        }
        let bytes = bytes.split_off(begin.min(bytes.len()));
        let mut entries = entries.split_off(at);
        let cut = u32::try_from(begin).unwrap_or_default();
        for entry in &mut entries {
            entry.end = entry.end.saturating_sub(cut);
            entry.seq = entry.seq.saturating_sub(first.seq);
        }
        self.close();
        Some(Self {
            base_seq: base_seq.saturating_add(i64::from(first.seq)),
            base_time,
            before,
            body: Body::Uncompressed {
                bytes,
                entries,
                compression: Compression::None,
            },
        })
    }

    /// Removes the messages of the range. False, and nothing done, if there is no memory to unpack the text.
    pub fn remove(&mut self, range: Range<usize>) -> bool {
        let Some((bytes, entries)) = self.open() else {
            return false;
        };
        let begin = index::start(entries, range.start);
        let end = index::start(entries, range.end);
        bytes.drain(begin..end);
        entries.drain(range.clone());
        let cut = u32::try_from(end - begin).unwrap_or_default();
        for entry in entries.iter_mut().skip(range.start) {
            entry.end = entry.end.saturating_sub(cut);
        }
        true
    }

    /// Puts other bytes, tokens and flags in the place of the message at `index`. False, and nothing done, if there is
    /// no memory to unpack the text.
    pub fn replace(&mut self, index: usize, tokens: u32, flags: Flags, message: &[u8]) -> bool {
        let Some((bytes, entries)) = self.open() else {
            return false;
        };
        let begin = index::start(entries, index);
        let end = begin + index::len(entries, index);
        let grown = message.len() as i64 - (end - begin) as i64;
        bytes.splice(begin..end, message.iter().copied());
        for entry in entries.iter_mut().skip(index) {
            entry.end = u32::try_from(i64::from(entry.end) + grown).unwrap_or(u32::MAX);
        }
        if let Some(entry) = entries.get_mut(index) {
            entry.tokens = tokens;
            entry.flags = flags;
        }
        true
    }

    /// As [`Segment::replace`], for the only message of a segment. Takes over `text`: the message and a comma. False, and
    /// nothing done, if there are other messages.
    pub fn replace_owned(&mut self, tokens: u32, flags: Flags, text: Vec<u8>) -> bool {
        let &[mut entry] = &*self.entries() else {
            return false;
        };
        entry.end = u32::try_from(text.len().saturating_sub(1)).unwrap_or(u32::MAX);
        entry.tokens = tokens;
        entry.flags = flags;
        self.body = Body::Uncompressed {
            bytes: text,
            entries: vec![entry],
            compression: Compression::None,
        };
        true
    }

    /// True if it lies open, and nobody has been asked to pack it yet.
    #[must_use]
    pub fn may_compress(&self) -> bool {
        matches!(
            self.body,
            Body::Uncompressed {
                compression: Compression::None,
                ..
            }
        )
    }

    /// True if it is packed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        matches!(self.body, Body::Compressed(_))
    }

    /// The text, to be packed by whoever takes it; nothing if it is packed or that does not pay.
    pub fn ask(&mut self) -> Option<CompressJob> {
        let Body::Uncompressed {
            bytes, compression, ..
        } = &mut self.body
        else {
            return None;
        };
        if !matches!(compression, Compression::None) {
            return None;
        }
        let slot = Slot::default();
        *compression = Compression::Asked(slot.clone());
        Some(CompressJob {
            raw: bytes.clone(),
            slot,
        })
    }

    /// Packs the segment with the text that is found in `slot`, if it is the one asked for and the text has not changed
    /// since.
    pub fn install(&mut self, slot: &Slot) {
        if let Body::Uncompressed { compression, .. } = &mut self.body
            && let Compression::Asked(asked) = compression
            && Arc::ptr_eq(asked, slot)
            && let Some(result) = slot.get()
        {
            match result {
                Some(text) => self.adopt(text.clone()),
                None => *compression = Compression::Useless,
            }
        }
    }

    /// Packs the segment; `text` is the packed form of its text.
    pub fn adopt(&mut self, text: Vec<u8>) {
        if let Body::Uncompressed { bytes, entries, .. } = &self.body {
            self.body = Body::Compressed(Box::new(Compressed {
                name: SegmentVersion::unique(),
                text,
                len: bytes.len(),
                index: index::encode(entries),
            }));
        }
    }

    /// Lets `relocate` put the two buffers elsewhere in memory.
    pub fn relocate(&mut self, relocate: &mut impl Relocate) {
        match &mut self.body {
            Body::Uncompressed { bytes, entries, .. } => {
                *bytes = relocate.relocate(std::mem::take(bytes));
                *entries = relocate.relocate(std::mem::take(entries));
            }
            Body::Compressed(packed) => {
                packed.text = relocate.relocate(std::mem::take(&mut packed.text));
                packed.index = relocate.relocate(std::mem::take(&mut packed.index));
            }
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match &self.body {
            Body::Uncompressed { bytes, entries, .. } => {
                bytes.capacity() + entries.capacity() * size_of::<Entry>()
            }
            Body::Compressed(packed) => {
                size_of::<Compressed>() + packed.text.capacity() + packed.index.capacity()
            }
        }
    }
}
