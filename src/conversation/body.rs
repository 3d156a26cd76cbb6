//! The body of a segment: the text of its messages and their index, uncompressed or compressed.
//!
//! Bodies are shared: a copy of a conversation holds handles to the same bodies until one of them changes, and so does
//! a snapshot that is read on another thread. A change to a shared body is made to a copy of it ([`Shared::to_mut`]).

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};

use super::compress::{self, SegmentVersion, Unreadable};
use super::index::{self, Entry};
use super::temperature::CoarseTime;

/// Bytes that conversations hold in common, counted once for each holder but one.
static SHARED_BYTES: AtomicU64 = AtomicU64::new(0);

/// Bytes of decompressed copies that are kept because they are read repeatedly.
static OPENED_BYTES: AtomicU64 = AtomicU64::new(0);

/// Bytes of bodies that several conversations share: what their copies would take.
#[must_use]
pub fn shared_bytes() -> u64 {
    SHARED_BYTES.load(Relaxed)
}

/// Bytes of decompressed copies that are kept because they are read repeatedly.
#[must_use]
pub fn opened_bytes() -> u64 {
    OPENED_BYTES.load(Relaxed)
}

/// What a [`Shared`] handle holds.
pub trait Held: Clone {
    /// Number of conversations that hold it.
    fn holders(&self) -> &AtomicU32;
    /// Bytes on the heap, its own allocation included. They stay the same while it is shared.
    fn heap_bytes(&self) -> usize;
}

/// A handle to a body that several conversations may hold.
#[derive(Debug)]
pub struct Shared<T: Held>(Arc<T>);

impl<T: Held> Shared<T> {
    /// A handle to a body that nobody else holds.
    #[must_use]
    pub fn new(body: T) -> Self {
        body.holders().store(1, Relaxed);
        Self(Arc::new(body))
    }

    /// A handle to a body that a background thread has made for several holders.
    #[must_use]
    pub fn of(body: Arc<T>) -> Self {
        if body.holders().fetch_add(1, Relaxed) > 0 {
            SHARED_BYTES.fetch_add(body.heap_bytes() as u64, Relaxed);
        }
        Self(body)
    }

    /// The body, to be changed: a copy of it, if anybody else holds it.
    pub fn to_mut(&mut self) -> &mut T {
        if Arc::strong_count(&self.0) > 1 {
            *self = Self::new(T::clone(&self.0));
        }
        Arc::make_mut(&mut self.0)
    }

    /// The body, to be changed, if nobody else holds it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        Arc::get_mut(&mut self.0)
    }

    /// True if somebody else holds it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// The body, to be read for a while.
    #[must_use]
    pub fn reader(&self) -> Arc<T> {
        self.0.clone()
    }

    /// True if `other` is this very body.
    #[must_use]
    pub fn is(&self, other: &Arc<T>) -> bool {
        Arc::ptr_eq(&self.0, other)
    }
}

impl<T: Held> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self::of(self.0.clone())
    }
}

impl<T: Held> Drop for Shared<T> {
    fn drop(&mut self) {
        if self.0.holders().fetch_sub(1, Relaxed) > 1 {
            SHARED_BYTES.fetch_sub(self.0.heap_bytes() as u64, Relaxed);
        }
    }
}

impl<T: Held> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Bytes of an `Arc` besides its content.
const ARC_BYTES: usize = 2 * size_of::<usize>();

/// Text and index as they are read and changed.
#[derive(Debug, Default)]
pub struct Uncompressed {
    /// The messages, each followed by a comma.
    pub bytes: Vec<u8>,
    /// The index.
    pub entries: Vec<Entry>,
    /// It has been handed over for compression since it was last changed.
    asked: AtomicBool,
    holders: AtomicU32,
}

impl Uncompressed {
    /// Of a text and its index.
    #[must_use]
    pub fn new(bytes: Vec<u8>, entries: Vec<Entry>) -> Self {
        Self {
            bytes,
            entries,
            ..Self::default()
        }
    }

    /// True if it was not handed over for compression since it was last changed.
    #[must_use]
    pub fn may_compress(&self) -> bool {
        !self.asked.load(Relaxed)
    }

    /// It is handed over for compression. False if it was already.
    #[must_use]
    pub fn ask(&self) -> bool {
        !self.asked.swap(true, Relaxed)
    }

    /// It is about to be changed, and may be compressed again then.
    pub fn changes(&mut self) {
        *self.asked.get_mut() = false;
    }

    /// Its compressed form, if compression pays.
    #[must_use]
    pub fn compress(&self) -> Option<Compressed> {
        let text = compress::compress(&self.bytes)?;
        Some(self.with_compressed_text(text))
    }

    /// Its compressed form; `text` is the compressed text.
    #[must_use]
    pub fn with_compressed_text(&self, text: Vec<u8>) -> Compressed {
        Compressed::new(text, self.bytes.len(), index::encode(&self.entries))
    }
}

impl Clone for Uncompressed {
    fn clone(&self) -> Self {
        Self::new(self.bytes.clone(), self.entries.clone())
    }
}

impl Held for Uncompressed {
    fn holders(&self) -> &AtomicU32 {
        &self.holders
    }

    fn heap_bytes(&self) -> usize {
        ARC_BYTES
            + size_of::<Self>()
            + self.bytes.capacity()
            + self.entries.capacity() * size_of::<Entry>()
    }
}

/// The decompressed copy of a body that is read repeatedly.
#[derive(Debug, Default)]
struct Opened {
    body: Option<Arc<Uncompressed>>,
    /// A copy that somebody else keeps, see [`Compressed::lend`].
    lent: Weak<Uncompressed>,
    last_read: CoarseTime,
}

/// Compressed text and index.
#[derive(Debug)]
pub struct Compressed {
    version: SegmentVersion,
    /// The compressed text.
    pub text: Vec<u8>,
    /// The compressed index.
    pub index: Vec<u8>,
    /// Bytes of the text when decompressed.
    len: usize,
    holders: AtomicU32,
    opened: Mutex<Opened>,
}

impl Compressed {
    /// Of a compressed text that has `len` bytes when decompressed, and a compressed index.
    #[must_use]
    pub fn new(text: Vec<u8>, len: usize, index: Vec<u8>) -> Self {
        Self {
            version: SegmentVersion::unique(),
            text,
            index,
            len,
            holders: AtomicU32::new(0),
            opened: Mutex::default(),
        }
    }

    /// Bytes of the text when decompressed.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.len
    }

    /// What is kept of the decompressed copy. Nothing if another thread is at it: a forked child would wait forever for
    /// a thread that it does not have.
    fn opened(&self) -> Option<MutexGuard<'_, Opened>> {
        match self.opened.try_lock() {
            Ok(opened) => Some(opened),
            Err(TryLockError::WouldBlock) => None,
            // It is consistent between any two statements.
            Err(TryLockError::Poisoned(opened)) => Some(opened.into_inner()),
        }
    }

    fn opened_body(&self) -> Option<Arc<Uncompressed>> {
        let opened = self.opened()?;
        opened.body.clone().or_else(|| opened.lent.upgrade())
    }

    /// True if reading it decompresses nothing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opened()
            .is_some_and(|opened| opened.body.is_some() || opened.lent.strong_count() > 0)
    }

    /// Text and index. As long as the caller keeps them, readers on any thread find them decompressed. Counts as a read:
    /// a body that is read again before it is idle stays uncompressed until it is.
    ///
    /// # Errors
    /// There is not enough memory to decompress it.
    pub fn lend(&self) -> Result<Arc<Uncompressed>, Unreadable> {
        if let Some(body) = self.opened_body() {
            return Ok(body);
        }
        let body = Arc::new(self.decompress()?);
        if let Some(mut opened) = self.opened() {
            opened.lent = Arc::downgrade(&body);
            opened.was_read(&body);
        }
        Ok(body)
    }

    /// Text and index, for a reader that will not come back, such as a search. Does not count as a read: a search of a whole
    /// conversation would otherwise leave all of it uncompressed.
    ///
    /// # Errors
    /// There is not enough memory to decompress it.
    pub fn read_once(&self) -> Result<Arc<Uncompressed>, Unreadable> {
        match self.opened_body() {
            Some(body) => Ok(body),
            None => Ok(Arc::new(self.decompress()?)),
        }
    }

    /// The index. The text of the result may be empty.
    #[must_use]
    pub fn entries(&self) -> Arc<Uncompressed> {
        if let Some(body) = self.opened_body() {
            return body;
        }
        compress::cached_entries(self.version, || index::decode(&self.index))
    }

    /// Text and index. A body that is read again before it is idle stays uncompressed until it is.
    ///
    /// # Errors
    /// There is not enough memory to decompress it.
    pub fn read(&self) -> Result<Arc<Uncompressed>, Unreadable> {
        let now = CoarseTime::now();
        if let Some(mut opened) = self.opened() {
            if let Some(body) = opened.body.clone() {
                opened.last_read = now;
                return Ok(body);
            }
            if let Some(body) = opened.lent.upgrade() {
                return Ok(body);
            }
        }
        // Several reads of one command find the text in the cache of the thread, and count as one.
        let (body, is_new) = compress::cached_text(self.version, || self.decompress())?;
        if is_new && let Some(mut opened) = self.opened() {
            opened.was_read(&body);
        }
        Ok(body)
    }

    /// Text and index, decompressed.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn decompress(&self) -> Result<Uncompressed, Unreadable> {
        let bytes = compress::decompress(&self.text, self.len).ok_or(Unreadable)?;
        Ok(Uncompressed::new(bytes, index::decode(&self.index)))
    }

    /// Drops the decompressed copy if nobody has read it for a while.
    pub fn close_idle(&self) {
        if let Some(mut opened) = self.opened()
            && opened.last_read.is_idle()
        {
            opened.close();
        }
    }

    /// Bytes of the decompressed copy, if one is kept.
    #[must_use]
    pub fn opened_bytes(&self) -> usize {
        self.opened_body().map_or(0, |body| body.heap_bytes())
    }

    /// Changes the entries; the index is compressed again.
    pub fn change_entries(&mut self, change: impl FnOnce(&mut [Entry])) {
        let mut entries = index::decode(&self.index);
        change(&mut entries);
        self.index = index::encode(&entries);
        self.version = SegmentVersion::unique();
        if let Some(mut opened) = self.opened() {
            opened.close();
        }
    }
}

impl Opened {
    /// The body was decompressed to be read. Keeps the copy if it was read before and is not idle yet.
    fn was_read(&mut self, body: &Arc<Uncompressed>) {
        if !self.last_read.is_idle() && self.body.is_none() {
            OPENED_BYTES.fetch_add(body.heap_bytes() as u64, Relaxed);
            self.body = Some(body.clone());
        }
        self.last_read = CoarseTime::now();
    }

    fn close(&mut self) {
        if let Some(body) = self.body.take() {
            OPENED_BYTES.fetch_sub(body.heap_bytes() as u64, Relaxed);
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.close();
    }
}

impl Clone for Compressed {
    fn clone(&self) -> Self {
        Self::new(self.text.clone(), self.len, self.index.clone())
    }
}

impl Held for Compressed {
    fn holders(&self) -> &AtomicU32 {
        &self.holders
    }

    fn heap_bytes(&self) -> usize {
        ARC_BYTES + size_of::<Self>() + self.text.capacity() + self.index.capacity()
    }
}
