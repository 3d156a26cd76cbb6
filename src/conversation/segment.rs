//! A segment: a run of messages, their bytes one after the other, with an index entry each.
//!
//! The bytes are `message,message,...,`: each message is followed by a comma, so that a run of messages is already
//! the inside of a JSON array. A segment in use is uncompressed. Later it is compressed (see [`super::compress`] and
//! [`super::index`]); reading it decompresses a copy, and only a change of the text decompresses the segment itself.

use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::body::{Compressed, Held, Shared, Uncompressed};
use super::compress::{CompressJob, Slot, Unreadable};
use super::flags::Flags;
use super::growth::reserve_for_append;
use super::index::{self, Entry};
use super::sums::Sums;

/// Bytes of a segment's text, unless it is a single larger message: a size that allocators have without waste. Twice as
/// many would compress a tenth better, and take twice the time to decompress.
pub const SEGMENT_BYTES: usize = 32 * 1024;

/// Something that can move a buffer elsewhere in memory, for defragmentation.
pub trait Relocate {
    /// The same buffer, at a better address if there is one.
    fn relocate<T: Copy>(&mut self, buffer: Vec<T>) -> Vec<T>;
    /// True if the time for this round is over.
    fn is_over(&mut self) -> bool;
}

/// Text and index of a segment, readable.
pub enum Readable<'a> {
    /// Those of the segment, which is uncompressed.
    Uncompressed(&'a Uncompressed),
    /// A decompressed copy.
    Copy(Arc<Uncompressed>),
}

impl Deref for Readable<'_> {
    type Target = Uncompressed;

    fn deref(&self) -> &Uncompressed {
        match self {
            Self::Uncompressed(body) => body,
            Self::Copy(body) => body,
        }
    }
}

/// The index of a segment, readable.
pub struct Entries<'a>(Readable<'a>);

impl Deref for Entries<'_> {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.0.entries
    }
}

/// The text of a segment, readable.
pub struct Text<'a>(Readable<'a>);

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

#[derive(Debug, Clone)]
enum Body {
    Uncompressed(Shared<Uncompressed>),
    Compressed(Shared<Compressed>),
}

impl From<Uncompressed> for Body {
    fn from(body: Uncompressed) -> Self {
        Self::Uncompressed(Shared::new(body))
    }
}

/// The text of a segment as it is stored.
pub enum StoredText<'a> {
    /// The messages, each followed by a comma.
    Uncompressed(&'a [u8]),
    /// The compressed text.
    Compressed {
        /// Its bytes.
        text: &'a [u8],
        /// Bytes of the text when decompressed.
        len: usize,
    },
}

/// Bytes on the heap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapBytes {
    /// Of all segments. What several conversations share counts for each of them.
    pub all: usize,
    /// Of the compressed ones.
    pub compressed: usize,
}

impl HeapBytes {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            compressed: self.compressed + other.compressed,
        }
    }

    /// What is left without `other`, which is a part of it.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            all: self.all.saturating_sub(other.all),
            compressed: self.compressed.saturating_sub(other.compressed),
        }
    }
}

/// A run of messages. A clone shares the text and the index until one of the two changes.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Sequence number that the entries count from.
    pub base_seq: i64,
    /// Time (Unix ms) that the entries count from.
    pub base_time: i64,
    /// Running sums over all messages before this segment, from an arbitrary origin.
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
            body: Body::from(Uncompressed::default()),
        }
    }

    /// The index.
    #[must_use]
    pub fn entries(&self) -> Entries<'_> {
        Entries(match &self.body {
            Body::Uncompressed(body) => Readable::Uncompressed(body),
            Body::Compressed(body) => Readable::Copy(body.entries()),
        })
    }

    /// Text and index.
    ///
    /// # Errors
    /// There is not enough memory to decompress them.
    pub fn read(&self) -> Result<Readable<'_>, Unreadable> {
        Ok(match &self.body {
            Body::Uncompressed(body) => Readable::Uncompressed(body),
            Body::Compressed(body) => Readable::Copy(body.read()?),
        })
    }

    /// As [`Segment::read`], for a reader that will not come back, see [`Compressed::read_once`].
    ///
    /// # Errors
    /// There is not enough memory to decompress them.
    pub fn read_once(&self) -> Result<Readable<'_>, Unreadable> {
        Ok(match &self.body {
            Body::Uncompressed(body) => Readable::Uncompressed(body),
            Body::Compressed(body) => Readable::Copy(body.read_once()?),
        })
    }

    /// The messages, each followed by a comma.
    ///
    /// # Errors
    /// There is not enough memory to decompress them.
    pub fn bytes(&self) -> Result<Text<'_>, Unreadable> {
        self.read().map(Text)
    }

    /// Bytes of the text, and the compressed text if it is compressed.
    #[must_use]
    pub fn stored(&self) -> (usize, Option<&[u8]>) {
        match &self.body {
            Body::Uncompressed(body) => (body.bytes.len(), None),
            Body::Compressed(body) => (body.text_len(), Some(&body.text)),
        }
    }

    /// The text as it is stored.
    #[must_use]
    pub fn stored_text(&self) -> StoredText<'_> {
        match &self.body {
            Body::Uncompressed(body) => StoredText::Uncompressed(&body.bytes),
            Body::Compressed(body) => StoredText::Compressed {
                text: &body.text,
                len: body.text_len(),
            },
        }
    }

    /// The index in its compressed form.
    #[must_use]
    pub fn compressed_index(&self) -> Cow<'_, [u8]> {
        match &self.body {
            Body::Uncompressed(body) => Cow::Owned(index::encode(&body.entries)),
            Body::Compressed(body) => Cow::Borrowed(&body.index),
        }
    }

    /// A segment by what [`Segment::stored_text`] and [`Segment::compressed_index`] have returned. It is not handed over
    /// for compression again: if it is uncompressed, that did not pay.
    #[must_use]
    pub fn stored_as(base_seq: i64, base_time: i64, index: &[u8], text: &StoredText<'_>) -> Self {
        let body =
            match *text {
                StoredText::Uncompressed(bytes) => {
                    let body = Uncompressed::new(bytes.to_vec(), index::decode(index));
                    let _ = body.ask();
                    Body::from(body)
                }
                StoredText::Compressed { text, len } => Body::Compressed(Shared::new(
                    Compressed::new(text.to_vec(), len, index.to_vec()),
                )),
            };
        Self {
            base_seq,
            base_time,
            before: Sums::default(),
            body,
        }
    }

    /// Bytes that reading the text must decompress.
    #[must_use]
    pub fn bytes_to_decompress(&self) -> usize {
        match &self.body {
            Body::Compressed(body) if !body.is_open() => body.text_len(),
            _ => 0,
        }
    }

    /// The decompressed text, as long as the caller keeps it; nothing if the segment is uncompressed.
    ///
    /// # Errors
    /// There is not enough memory to decompress it.
    pub(super) fn lend(&self) -> Result<Option<Arc<Uncompressed>>, Unreadable> {
        match &self.body {
            Body::Uncompressed(_) => Ok(None),
            Body::Compressed(body) => body.lend().map(Some),
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
        let Body::Uncompressed(body) = &self.body else {
            return false;
        };
        let bytes = body.bytes.len();
        (bytes == 0 || bytes.saturating_add(len) < SEGMENT_BYTES)
            && seq
                .checked_sub(self.base_seq)
                .is_some_and(|d| u16::try_from(d).is_ok())
            && time
                .checked_sub(self.base_time)
                .is_some_and(|d| i32::try_from(d).is_ok())
    }

    /// Decompresses the segment if a message of that length fits into it.
    pub fn reopen(&mut self, len: usize) {
        if let Body::Compressed(body) = &self.body
            && body.text_len().saturating_add(len) < SEGMENT_BYTES
        {
            // Without the memory, the message begins a segment of its own.
            let _ = self.decompress();
        }
    }

    /// Adds a message at the end, which [`Segment::takes`] allows. Returns what it adds to the sums.
    pub fn push(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, message: &[u8]) -> Sums {
        let time = time.saturating_sub(self.base_time);
        let seq = seq.saturating_sub(self.base_seq);
        let Body::Uncompressed(body) = &mut self.body else {
            return Sums::default();
        };
        let body = body.to_mut();
        body.changes();
        reserve_for_append(&mut body.bytes, message.len() + 1);
        body.bytes.extend_from_slice(message);
        let end = u32::try_from(body.bytes.len()).unwrap_or(u32::MAX);
        body.bytes.push(b',');
        reserve_for_append(&mut body.entries, 1);
        body.entries.push(Entry {
            end,
            tokens,
            time: i32::try_from(time).unwrap_or_default(),
            seq: u16::try_from(seq).unwrap_or_default(),
            flags,
        });
        index::weight(&body.entries, body.entries.len() - 1)
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
        self.body = Body::from(Uncompressed::new(text, entries));
        weight
    }

    /// Releases what was reserved for further messages, unless a copy would have to be made for that.
    pub fn close(&mut self) {
        if let Body::Uncompressed(body) = &mut self.body
            && let Some(body) = body.get_mut()
        {
            body.bytes.shrink_to_fit();
            body.entries.shrink_to_fit();
        }
    }

    /// Changes entries; a compressed index is compressed again. The caller corrects the running sums.
    pub fn change_entries(&mut self, change: impl FnOnce(&mut [Entry])) {
        match &mut self.body {
            Body::Uncompressed(body) => {
                let body = body.to_mut();
                body.changes();
                change(&mut body.entries);
            }
            Body::Compressed(body) => body.to_mut().change_entries(change),
        }
    }

    /// Decompresses the segment, to be changed.
    ///
    /// # Errors
    /// There is not enough memory; nothing is done.
    pub fn decompress(&mut self) -> Result<(), Unreadable> {
        if let Body::Compressed(body) = &self.body {
            self.body = Body::from(body.decompress()?);
        }
        Ok(())
    }

    /// The body, to be changed. Nothing if it must be decompressed and there is not enough memory.
    fn uncompressed(&mut self) -> Option<&mut Uncompressed> {
        self.decompress().ok()?;
        match &mut self.body {
            Body::Uncompressed(body) => {
                let body = body.to_mut();
                body.changes();
                Some(body)
            }
            Body::Compressed(_) => None,
        }
    }

    /// Splits the messages from `at` on off into a segment of their own. Nothing, and nothing done, if there are none,
    /// or if there is not enough memory to decompress the text.
    pub fn split_off(&mut self, at: usize) -> Option<Self> {
        let (base_seq, base_time, mut before) = (self.base_seq, self.base_time, self.before);
        let body = self.uncompressed()?;
        let first = body.entries.get(at).copied()?;
        let begin = index::start(&body.entries, at);
        for inner in 0..at {
            before = before.plus(index::weight(&body.entries, inner));
        }
        let bytes = body.bytes.split_off(begin.min(body.bytes.len()));
        let mut entries = body.entries.split_off(at);
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
            body: Body::from(Uncompressed::new(bytes, entries)),
        })
    }

    /// Removes the messages of the range. False, and nothing done, if there is not enough memory to decompress the text.
    pub fn remove(&mut self, range: Range<usize>) -> bool {
        let Some(body) = self.uncompressed() else {
            return false;
        };
        let begin = index::start(&body.entries, range.start);
        let end = index::start(&body.entries, range.end);
        body.bytes.drain(begin..end);
        body.entries.drain(range.clone());
        let cut = u32::try_from(end - begin).unwrap_or_default();
        for entry in body.entries.iter_mut().skip(range.start) {
            entry.end = entry.end.saturating_sub(cut);
        }
        true
    }

    /// Replaces bytes, tokens and flags of the message at `index`. False, and nothing done, if there is not enough memory
    /// to decompress the text.
    pub fn replace(&mut self, index: usize, tokens: u32, flags: Flags, message: &[u8]) -> bool {
        let Some(body) = self.uncompressed() else {
            return false;
        };
        let begin = index::start(&body.entries, index);
        let end = begin + index::len(&body.entries, index);
        let grown = message.len() as i64 - (end - begin) as i64;
        body.bytes.splice(begin..end, message.iter().copied());
        for entry in body.entries.iter_mut().skip(index) {
            entry.end = u32::try_from(i64::from(entry.end) + grown).unwrap_or(u32::MAX);
        }
        if let Some(entry) = body.entries.get_mut(index) {
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
        self.body = Body::from(Uncompressed::new(text, vec![entry]));
        true
    }

    /// True if it is uncompressed, and has not been handed over for compression since it was last changed.
    #[must_use]
    pub fn may_compress(&self) -> bool {
        matches!(&self.body, Body::Uncompressed(body) if body.may_compress())
    }

    /// True if it is compressed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        matches!(self.body, Body::Compressed(_))
    }

    /// The text, to be compressed; nothing if it is compressed, is being compressed, or if that does not pay.
    #[must_use]
    pub fn compress_job(&self) -> Option<CompressJob> {
        match &self.body {
            Body::Uncompressed(body) if body.ask() => Some(CompressJob::new(body.reader())),
            _ => None,
        }
    }

    /// Takes the compressed form in `slot`, if it was made from this very body, which has not changed since.
    pub fn install(&mut self, slot: &Slot) {
        if let Body::Uncompressed(body) = &self.body
            && body.is(slot.source())
            && let Some(Some(result)) = slot.result()
        {
            self.body = Body::Compressed(Shared::of(result.clone()));
        }
    }

    /// Compresses the segment; `text` is the compressed form of its text.
    pub fn adopt(&mut self, text: Vec<u8>) {
        if let Body::Uncompressed(body) = &self.body {
            self.body = Body::Compressed(Shared::new(body.with_compressed_text(text)));
        }
    }

    /// Drops the decompressed copy if nobody has read it for a while.
    pub fn close_idle(&self) {
        if let Body::Compressed(body) = &self.body {
            body.close_idle();
        }
    }

    /// Lets `relocate` move the two buffers, unless somebody else holds them too.
    pub fn relocate(&mut self, relocate: &mut impl Relocate) {
        match &mut self.body {
            Body::Uncompressed(body) => {
                if let Some(body) = body.get_mut() {
                    body.bytes = relocate.relocate(std::mem::take(&mut body.bytes));
                    body.entries = relocate.relocate(std::mem::take(&mut body.entries));
                }
            }
            Body::Compressed(body) => {
                if let Some(body) = body.get_mut() {
                    body.text = relocate.relocate(std::mem::take(&mut body.text));
                    body.index = relocate.relocate(std::mem::take(&mut body.index));
                }
            }
        }
    }

    /// Bytes on the heap, without a decompressed copy.
    #[must_use]
    pub fn heap_bytes(&self) -> HeapBytes {
        match &self.body {
            Body::Uncompressed(body) => HeapBytes {
                all: body.heap_bytes(),
                compressed: 0,
            },
            Body::Compressed(body) => HeapBytes {
                all: body.heap_bytes(),
                compressed: body.heap_bytes(),
            },
        }
    }

    /// Bytes on the heap of the decompressed copy, if one is kept.
    #[must_use]
    pub fn opened_bytes(&self) -> usize {
        match &self.body {
            Body::Uncompressed(_) => 0,
            Body::Compressed(body) => body.opened_bytes(),
        }
    }
}
