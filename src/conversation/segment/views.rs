//! What is read of a segment: its text and index, decompressed or as they are stored, and its size.

use std::ops::Deref;
use std::sync::Arc;

use super::super::body::Uncompressed;
use super::super::index::Entry;

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
pub struct Entries<'a>(pub(super) Readable<'a>);

impl Deref for Entries<'_> {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.0.entries
    }
}

/// The text of a segment, readable.
pub struct Text<'a>(pub(super) Readable<'a>);

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
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
