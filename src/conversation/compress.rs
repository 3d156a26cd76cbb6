//! Compression the text of old segments: zstd, on a background thread. Unpacking, here, with a small cache.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use zstd::zstd_safe::CParameter;

use super::index::{self, Entry};

/// Level of zstd: beyond this it takes twice the time for a few percent.
const LEVEL: i32 = 6;

/// A text is packed if it becomes at least an eighth smaller ...
const LEAST_GAIN: usize = 8;

/// ... and is refused, when it comes from outside, if it unpacks to more than this many times its size: a small payload
/// never becomes an absurd one. What packs better is filled up to that size.
const MOST_RATIO: usize = 64;

/// The first bytes of a frame that zstd skips; its length follows, as four bytes, the lowest first.
const SKIPPABLE: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

/// Unpacked segments that are kept.
const CACHED: usize = 8;

/// Larger texts are not kept.
const CACHED_BYTES: usize = 128 << 10;

/// A text on its way to be packed. The result: the packed text, or that compression does not pay.
pub type Slot = Arc<OnceLock<Option<Vec<u8>>>>;

/// A text to be packed, on whatever thread.
pub struct CompressJob {
    /// The text.
    pub raw: Vec<u8>,
    /// Where the result goes.
    pub slot: Slot,
}

impl CompressJob {
    /// Packs the text, unless nobody waits for it any more.
    pub fn run(self) {
        if Arc::strong_count(&self.slot) > 1 {
            let _ = self.slot.set(compress(&self.raw));
        }
    }
}

/// The packed form of `raw`, if compression pays.
#[must_use]
pub fn compress(raw: &[u8]) -> Option<Vec<u8>> {
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
    if packed.len() + raw.len() / LEAST_GAIN > raw.len() {
        return None;
    }
    let lacks = raw.len().div_ceil(MOST_RATIO).saturating_sub(packed.len());
    // The compressor reserves for the worst case: what is kept is a copy.
    let mut filled = Vec::new();
    filled.reserve_exact(packed.len() + if lacks > 0 { lacks.max(8) } else { 0 });
    filled.extend_from_slice(&packed);
    if lacks > 0 {
        let zeros = lacks.saturating_sub(8);
        filled.extend_from_slice(&SKIPPABLE);
        filled.extend_from_slice(&u32::try_from(zeros).ok()?.to_le_bytes());
        filled.resize(filled.len() + zeros, 0);
    }
    Some(filled)
}

/// The text of `len` bytes that `packed` holds; nothing if it does not.
#[must_use]
pub fn decompress(packed: &[u8], len: usize) -> Option<Vec<u8>> {
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
pub struct SegmentVersion(u64);

impl SegmentVersion {
    /// A name that was never given before.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The newest first.
struct Cache<T: ?Sized>(VecDeque<(SegmentVersion, Rc<T>)>);

impl<T: ?Sized> Cache<T> {
    const fn new() -> Self {
        Self(VecDeque::new())
    }

    fn get(&mut self, name: SegmentVersion) -> Option<Rc<T>> {
        let at = self.0.iter().position(|(n, _)| *n == name)?;
        let found = self.0.remove(at)?;
        let value = found.1.clone();
        self.0.push_front(found);
        Some(value)
    }

    fn put(&mut self, name: SegmentVersion, value: Rc<T>) {
        self.0.truncate(CACHED - 1);
        self.0.push_front((name, value));
    }
}

thread_local! {
    static TEXTS: RefCell<Cache<Vec<u8>>> = const { RefCell::new(Cache::new()) };
    static INDEXES: RefCell<Cache<Vec<Entry>>> = const { RefCell::new(Cache::new()) };
}

/// Messages cannot be read as there is not enough memory to decompress them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not enough memory to decompress the messages")
    }
}

/// The text of a compressed segment. It was compressed here, or checked when it was loaded, so only memory can be
/// missing.
///
/// # Errors
/// There is not enough memory.
pub fn text(
    name: SegmentVersion,
    compressed: &[u8],
    len: usize,
) -> Result<Rc<Vec<u8>>, Unreadable> {
    if let Some(text) = TEXTS.with_borrow_mut(|cache| cache.get(name)) {
        return Ok(text);
    }
    let text = Rc::new(decompress(compressed, len).ok_or(Unreadable)?);
    if len <= CACHED_BYTES {
        TEXTS.with_borrow_mut(|cache| cache.put(name, text.clone()));
    }
    Ok(text)
}

/// The index of a packed segment.
#[must_use]
pub fn entries(name: SegmentVersion, packed: &[u8]) -> Rc<Vec<Entry>> {
    if let Some(entries) = INDEXES.with_borrow_mut(|cache| cache.get(name)) {
        return entries;
    }
    let entries = Rc::new(index::decode(packed));
    INDEXES.with_borrow_mut(|cache| cache.put(name, entries.clone()));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However well a text packs, it is packed, and whoever gets it takes it.
    #[test]
    fn what_packs_too_well_is_filled_up() {
        for len in [1 << 10, 2_000, 32 << 10, 33_333, 1 << 20] {
            for period in [1, 2, 100, 700] {
                let raw: Vec<u8> = (0..len).map(|i| (i % period) as u8).collect();
                let packed = compress(&raw).unwrap_or_else(|| panic!("{len} {period}"));
                assert!(packed.len() * 2 <= len, "{len} {period}: {}", packed.len());
                assert!(packed.len() * MOST_RATIO >= len);
                assert_eq!(packed.len(), packed.capacity());
                assert_eq!(decompress(&packed, len).as_deref(), Some(&raw[..]));
            }
        }
    }

    #[test]
    fn what_does_not_pay_is_left_alone() {
        let mut state = 1u64;
        let noise: Vec<u8> = (0..10_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(compress(&noise), None);
        assert_eq!(compress(b""), None);
        assert_eq!(compress(b"aaaa"), None);
    }

    #[test]
    fn what_unpacks_to_more_than_it_may_is_refused() {
        let packed = zstd::bulk::compress(&[0; 100_000], 6).expect("zstd");
        assert!(packed.len() * MOST_RATIO < 100_000);
        assert_eq!(decompress(&packed, 100_000), None);
    }
}
