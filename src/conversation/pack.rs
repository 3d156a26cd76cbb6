//! Packing the text of old segments: zstd, on a background thread. Unpacking, here, with a small cache.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use zstd::zstd_safe::CParameter;

use super::index::{self, Entry};

/// Level of zstd: beyond this it takes twice the time for a few percent.
const LEVEL: i32 = 6;

/// A text is packed if it becomes at least an eighth smaller ...
const LEAST_GAIN: usize = 8;

/// ... and at most this many times: so that a small payload from outside never unpacks to an absurd size.
pub const MOST_RATIO: usize = 64;

/// Unpacked segments that are kept.
const CACHED: usize = 8;

/// Larger texts are not kept.
const CACHED_BYTES: usize = 128 << 10;

/// A text on its way to be packed. The result: the packed text, or that packing does not pay.
pub type Slot = Arc<OnceLock<Option<Vec<u8>>>>;

/// A text to be packed, on whatever thread.
pub struct Parcel {
    /// The text.
    pub raw: Vec<u8>,
    /// Where the result goes.
    pub slot: Slot,
}

impl Parcel {
    /// Packs the text, unless nobody waits for it any more.
    pub fn pack(self) {
        if Arc::strong_count(&self.slot) > 1 {
            let _ = self.slot.set(pack(&self.raw));
        }
    }
}

/// The packed form of `raw`, if packing pays.
#[must_use]
pub fn pack(raw: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    }
    let packed = COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            let mut new = zstd::bulk::Compressor::new(LEVEL).ok()?;
            // The segment knows its size, and Redis checks the files.
            new.set_parameter(CParameter::ContentSizeFlag(false)).ok()?;
            new.set_parameter(CParameter::ChecksumFlag(false)).ok()?;
            *compressor = Some(new);
        }
        compressor.as_mut()?.compress(raw).ok()
    })?;
    let small = packed.len() + raw.len() / LEAST_GAIN <= raw.len();
    let sane = packed.len().saturating_mul(MOST_RATIO) >= raw.len();
    // The compressor reserves for the worst case.
    (small && sane).then(|| packed.as_slice().to_vec())
}

/// The text of `len` bytes that `packed` holds; nothing if it does not.
#[must_use]
pub fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    if packed.len().saturating_mul(MOST_RATIO) < len {
        return None;
    }
    let mut raw = Vec::new();
    raw.try_reserve_exact(len).ok()?;
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        if decompressor.is_none() {
            *decompressor = zstd::bulk::Decompressor::new().ok();
        }
        decompressor
            .as_mut()?
            .decompress_to_buffer(packed, &mut raw)
            .ok()
    })?;
    (raw.len() == len).then_some(raw)
}

/// Names packed segments, so that what is cached of one is never taken for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(u64);

impl Name {
    /// A name that was never given before.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The newest first.
struct Cache<T: ?Sized>(VecDeque<(Name, Rc<T>)>);

impl<T: ?Sized> Cache<T> {
    const fn new() -> Self {
        Self(VecDeque::new())
    }

    fn get(&mut self, name: Name) -> Option<Rc<T>> {
        let at = self.0.iter().position(|(n, _)| *n == name)?;
        let found = self.0.remove(at)?;
        let value = found.1.clone();
        self.0.push_front(found);
        Some(value)
    }

    fn put(&mut self, name: Name, value: Rc<T>) {
        self.0.truncate(CACHED - 1);
        self.0.push_front((name, value));
    }
}

thread_local! {
    static TEXTS: RefCell<Cache<Vec<u8>>> = const { RefCell::new(Cache::new()) };
    static INDEXES: RefCell<Cache<Vec<Entry>>> = const { RefCell::new(Cache::new()) };
}

/// The text of a packed segment. Whoever packed it knows that it unpacks.
#[must_use]
pub fn text(name: Name, packed: &[u8], len: usize) -> Rc<Vec<u8>> {
    if let Some(text) = TEXTS.with_borrow_mut(|cache| cache.get(name)) {
        return text;
    }
    let text = Rc::new(unpack(packed, len).unwrap_or_default());
    if len <= CACHED_BYTES {
        TEXTS.with_borrow_mut(|cache| cache.put(name, text.clone()));
    }
    text
}

/// The index of a packed segment.
#[must_use]
pub fn entries(name: Name, packed: &[u8]) -> Rc<Vec<Entry>> {
    if let Some(entries) = INDEXES.with_borrow_mut(|cache| cache.get(name)) {
        return entries;
    }
    let entries = Rc::new(index::unpack(packed));
    INDEXES.with_borrow_mut(|cache| cache.put(name, entries.clone()));
    entries
}
