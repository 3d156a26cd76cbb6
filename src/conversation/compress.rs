//! Compression of segments with zstd, on a background thread, and decompression on whatever thread reads, with a small
//! cache for each.
//!
//! A dictionary stands before every text: without it the first messages, and so most conversations, compress badly. It is
//! part of the stored form. What was compressed without one, by version 4 or earlier, is decompressed with it as well,
//! because such a text refers to nothing before its beginning.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use zstd::zstd_safe::CParameter;

use super::body::{Compressed, Uncompressed};
use super::index::Entry;

/// The beginnings of messages in all dialects, and words that are frequent in conversations; the most frequent last, where
/// references to them are shortest. Written by hand. It never changes: what it has compressed could not be read again. A
/// better one needs a new version of the stored form.
const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");

/// Level of zstd: beyond this it takes twice the time for a few percent.
const LEVEL: i32 = 6;

/// The level for what is compressed while a file is written: half of the time, a tenth larger.
const QUICK_LEVEL: i32 = 1;

/// A text is compressed if it becomes at least an eighth smaller ...
const LEAST_GAIN: usize = 8;

/// ... and is rejected, when it comes from outside, if it decompresses to more than this many times its size: a small
/// payload never becomes an absurd one. What compresses better is filled up to that size.
const MOST_RATIO: usize = 64;

/// The first bytes of a frame that zstd skips; its length follows in four bytes, the lowest first.
const SKIPPABLE: [u8; 4] = 0x184D_2A50_u32.to_le_bytes();

/// Decompressed segments that each thread keeps: several reads of one command often need the same.
const CACHED: usize = 8;

/// Larger texts are not cached.
const CACHED_BYTES: usize = 128 << 10;

/// Where the compressed form of a body will be found: nothing if compression does not pay.
#[derive(Debug)]
pub struct Compressing {
    source: Arc<Uncompressed>,
    result: OnceLock<Option<Arc<Compressed>>>,
}

/// A body that is being compressed.
pub type Slot = Arc<Compressing>;

impl Compressing {
    /// The body that is compressed. As long as it is held here it does not change.
    #[must_use]
    pub fn source(&self) -> &Arc<Uncompressed> {
        &self.source
    }

    /// The result, once there is one.
    #[must_use]
    pub fn result(&self) -> Option<Option<&Arc<Compressed>>> {
        self.result.get().map(Option::as_ref)
    }
}

/// A body to be compressed, on whatever thread.
pub struct CompressJob(Slot);

impl CompressJob {
    /// Of that body.
    #[must_use]
    pub fn new(source: Arc<Uncompressed>) -> Self {
        Self(Arc::new(Compressing {
            source,
            result: OnceLock::new(),
        }))
    }

    /// Where the result will be found.
    #[must_use]
    pub fn slot(&self) -> &Slot {
        &self.0
    }

    /// Bytes of the text.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.source.bytes.len()
    }

    /// Compresses the body, unless nobody waits for it any more.
    pub fn run(self) {
        if Arc::strong_count(&self.0) > 1 {
            let _ = self.0.result.set(self.0.source.compress().map(Arc::new));
        }
    }
}

type Compressor = RefCell<Option<zstd::bulk::Compressor<'static>>>;

thread_local! {
    static COMPRESSOR: Compressor = const { RefCell::new(None) };
    static QUICK_COMPRESSOR: Compressor = const { RefCell::new(None) };
}

/// The compressed form of `raw`, if compression pays.
#[must_use]
pub fn compress(raw: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with(|compressor| compress_with(compressor, LEVEL, raw))
}

/// As [`compress`], in less time and not quite as well.
#[must_use]
pub fn compress_quickly(raw: &[u8]) -> Option<Vec<u8>> {
    QUICK_COMPRESSOR.with(|compressor| compress_with(compressor, QUICK_LEVEL, raw))
}

fn compress_with(compressor: &Compressor, level: i32, raw: &[u8]) -> Option<Vec<u8>> {
    let mut compressor = compressor.borrow_mut();
    if compressor.is_none() {
        let mut new = zstd::bulk::Compressor::with_dictionary(level, DICTIONARY).ok()?;
        // The segment knows its size, and Redis checks the files.
        new.set_parameter(CParameter::ContentSizeFlag(false)).ok()?;
        new.set_parameter(CParameter::ChecksumFlag(false)).ok()?;
        *compressor = Some(new);
    }
    let compressed = compressor.as_mut()?.compress(raw).ok()?;
    if compressed.len() + raw.len() / LEAST_GAIN > raw.len() {
        return None;
    }
    let missing = raw
        .len()
        .div_ceil(MOST_RATIO)
        .saturating_sub(compressed.len());
    // The compressor reserves for the worst case: what is kept is a copy.
    let mut filled = Vec::new();
    filled.reserve_exact(compressed.len() + if missing > 0 { missing.max(8) } else { 0 });
    filled.extend_from_slice(&compressed);
    if missing > 0 {
        let zeros = missing.saturating_sub(8);
        filled.extend_from_slice(&SKIPPABLE);
        filled.extend_from_slice(&u32::try_from(zeros).ok()?.to_le_bytes());
        filled.resize(filled.len() + zeros, 0);
    }
    Some(filled)
}

/// The text of `len` bytes that `compressed` holds; nothing if it does not, or if there is not enough memory.
#[must_use]
pub fn decompress(compressed: &[u8], len: usize) -> Option<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    if compressed.len().saturating_mul(MOST_RATIO) < len {
        return None;
    }
    let mut raw = Vec::new();
    raw.try_reserve_exact(len).ok()?;
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        if decompressor.is_none() {
            *decompressor = zstd::bulk::Decompressor::with_dictionary(DICTIONARY).ok();
        }
        decompressor
            .as_mut()?
            .decompress_to_buffer(compressed, &mut raw)
            .ok()
    })?;
    (raw.len() == len).then_some(raw)
}

/// Identifies a compressed body, so that what is cached of one is never taken for another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentVersion(u64);

impl SegmentVersion {
    /// A version that was never given before.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The most recently used first.
struct Cache(VecDeque<(SegmentVersion, Arc<Uncompressed>)>);

impl Cache {
    const fn new() -> Self {
        Self(VecDeque::new())
    }

    fn get(&mut self, version: SegmentVersion) -> Option<Arc<Uncompressed>> {
        let at = self.0.iter().position(|(held, _)| *held == version)?;
        let found = self.0.remove(at)?;
        let body = found.1.clone();
        self.0.push_front(found);
        Some(body)
    }

    fn put(&mut self, version: SegmentVersion, body: Arc<Uncompressed>) {
        self.0.truncate(CACHED - 1);
        self.0.push_front((version, body));
    }
}

thread_local! {
    static TEXTS: RefCell<Cache> = const { RefCell::new(Cache::new()) };
    static INDEXES: RefCell<Cache> = const { RefCell::new(Cache::new()) };
}

/// Messages cannot be read as there is not enough memory to decompress them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not enough memory to decompress the messages")
    }
}

/// Text and index of a compressed body, from the cache of this thread or by `decompress`; and whether they were
/// decompressed. The body was compressed here, or checked when it was loaded, so only memory can be missing.
///
/// # Errors
/// There is not enough memory.
pub fn cached_text(
    version: SegmentVersion,
    decompress: impl FnOnce() -> Result<Uncompressed, Unreadable>,
) -> Result<(Arc<Uncompressed>, bool), Unreadable> {
    if let Some(body) = TEXTS.with_borrow_mut(|cache| cache.get(version)) {
        return Ok((body, false));
    }
    let body = Arc::new(decompress()?);
    if body.bytes.len() <= CACHED_BYTES {
        TEXTS.with_borrow_mut(|cache| cache.put(version, body.clone()));
    }
    Ok((body, true))
}

/// The index of a compressed body, from the cache of this thread or by `decode`. The text of the result may be empty.
#[must_use]
pub fn cached_entries(
    version: SegmentVersion,
    decode: impl FnOnce() -> Vec<Entry>,
) -> Arc<Uncompressed> {
    let cached = INDEXES
        .with_borrow_mut(|cache| cache.get(version))
        .or_else(|| TEXTS.with_borrow_mut(|cache| cache.get(version)));
    cached.unwrap_or_else(|| {
        let body = Arc::new(Uncompressed::new(Vec::new(), decode()));
        INDEXES.with_borrow_mut(|cache| cache.put(version, body.clone()));
        body
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However well a text compresses, it is compressed, and can be decompressed.
    #[test]
    fn a_text_that_compresses_too_well_is_filled_up() {
        for len in [1 << 10, 2_000, 32 << 10, 33_333, 1 << 20] {
            for period in [1, 2, 100, 700] {
                let raw: Vec<u8> = (0..len).map(|i| (i % period) as u8).collect();
                let compressed = compress(&raw).unwrap_or_else(|| panic!("{len} {period}"));
                assert!(
                    compressed.len() * 2 <= len,
                    "{len} {period}: {}",
                    compressed.len()
                );
                assert!(compressed.len() * MOST_RATIO >= len);
                assert_eq!(compressed.len(), compressed.capacity());
                assert_eq!(decompress(&compressed, len).as_deref(), Some(&raw[..]));
            }
        }
    }

    #[test]
    fn compression_that_does_not_pay_is_omitted() {
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

    /// Conversations that were stored can only be read with the dictionary that compressed them.
    #[test]
    fn the_dictionary_never_changes() {
        let hash = crc32fast::hash(DICTIONARY);
        assert_eq!((DICTIONARY.len(), hash), (6_916, 3_039_509_377));
    }

    #[test]
    fn what_was_compressed_without_a_dictionary_is_read() {
        let raw = br#"{"role":"user","content":"What is the weather like in Paris?"},"#.repeat(3);
        let old = zstd::bulk::compress(&raw, LEVEL).expect("zstd");
        assert_eq!(decompress(&old, raw.len()).as_deref(), Some(&raw[..]));
        let new = compress(&raw).expect("it pays");
        assert!(new.len() * 2 < old.len(), "{} {}", new.len(), old.len());
        assert_eq!(decompress(&new, raw.len()).as_deref(), Some(&raw[..]));
    }

    #[test]
    fn a_text_that_decompresses_to_too_much_is_rejected() {
        let compressed = zstd::bulk::compress(&[0; 100_000], 6).expect("zstd");
        assert!(compressed.len() * MOST_RATIO < 100_000);
        assert_eq!(decompress(&compressed, 100_000), None);
    }
}
