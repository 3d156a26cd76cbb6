//! A segment: a run of messages, their bytes one after the other, with an index entry each.
//!
//! The bytes are `message,message,...,`: each message is followed by a comma, so that a run of messages is already
//! the inside of a JSON array. A segment in use is uncompressed. Later it is compressed (see [`super::compress`] and
//! [`super::index`]); reading it decompresses a copy, and only a change of the text decompresses the segment itself.

use std::borrow::Cow;
use std::sync::Arc;

use super::body::{Compressed, Held, Shared, Uncompressed};
use super::compress::{CompressJob, Slot, Unreadable};
use super::index::{self, Entry};
use super::sums::Sums;

mod change;
mod views;

pub use views::{Entries, HeapBytes, Readable, StoredText, Text};

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

    /// A segment by what [`Segment::stored_text`] and [`Segment::compressed_index`] have returned.
    #[must_use]
    pub fn stored_as(base_seq: i64, base_time: i64, index: &[u8], text: &StoredText<'_>) -> Self {
        let body =
            match *text {
                StoredText::Uncompressed(bytes) => {
                    Body::from(Uncompressed::new(bytes.to_vec(), index::decode(index)))
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

    /// Does not hand the segment over for compression any more, since that did not pay.
    pub fn leave_uncompressed(&self) {
        if let Body::Uncompressed(body) = &self.body {
            let _ = body.ask();
        }
    }

    /// True if another conversation, or a background thread, holds the same body.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.body {
            Body::Uncompressed(body) => body.is_shared(),
            Body::Compressed(body) => body.is_shared(),
        }
    }

    /// A segment that was stored with this index, which contains `entries`, and this text. It may be compressed later.
    ///
    /// # Errors
    /// Index and text do not fit each other. A compressed text is not decompressed to see that.
    pub fn loaded(
        base_seq: i64,
        base_time: i64,
        index: &[u8],
        entries: Vec<Entry>,
        text: &StoredText<'_>,
    ) -> Result<Self, &'static str> {
        let end = entries.last().ok_or("a segment is empty")?.end as usize;
        let body = match *text {
            StoredText::Uncompressed(bytes) => {
                let comma = |entry: &Entry| bytes.get(entry.end as usize) == Some(&b',');
                if bytes.len() != end + 1 || !entries.iter().all(comma) {
                    return Err("a text and its index differ");
                }
                Body::from(Uncompressed::new(bytes.to_vec(), entries))
            }
            StoredText::Compressed { text, len } => {
                if len != end + 1 {
                    return Err("a text and its index differ");
                }
                Body::Compressed(Shared::new(Compressed::new(
                    text.to_vec(),
                    len,
                    index.to_vec(),
                )))
            }
        };
        Ok(Self {
            base_seq,
            base_time,
            before: Sums::default(),
            body,
        })
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
