//! Counts of short pieces seen before, so that a repeated word is encoded only once.
//!
//! A table of 16,384 sets with two slots of 16 bytes each (512 kB). The less recently used slot of a set is replaced.
//! A slot holds the whole piece (up to 15 bytes), its length and its count, so a hash collision cannot give a wrong
//! count. Each thread has one cache per vocabulary.

/// The longest piece that is cached, in bytes. With the length it fills 16 bytes.
pub(super) const LONGEST: usize = 15;

/// Number of two-slot sets, as a power of two.
const PAIR_BITS: u32 = 14;

/// Memory of one table in bytes.
pub(super) const MEMORY: usize = 32 << PAIR_BITS;

/// A piece and its length: the bytes from the lowest up, then zeros, the length in bits 120 to 123. The top four bits
/// are zero. A slot stores the count there, which always fits because it is at most the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PieceKey(pub(super) u128);

const COUNT_SHIFT: u32 = 124;
const LENGTH_SHIFT: u32 = 120;

/// Loads 16 bytes from position `at`, the first as the lowest byte. Bytes past the end of the text are zero.
#[inline]
pub(super) fn load(text: &[u8], at: usize) -> u128 {
    match text.get(at..).and_then(<[u8]>::first_chunk) {
        Some(chunk) => u128::from_le_bytes(*chunk),
        None => load_last(text, at),
    }
}

fn load_last(text: &[u8], at: usize) -> u128 {
    let mut chunk = [0; 16];
    for (to, from) in chunk.iter_mut().zip(text.iter().skip(at)) {
        *to = *from;
    }
    u128::from_le_bytes(chunk)
}

impl PieceKey {
    /// The key of the piece from `start` to `end`, or `None` if it is empty or too long.
    #[inline]
    pub(super) fn new(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let length = end.wrapping_sub(start);
        if length.wrapping_sub(1) >= LONGEST {
            return None;
        }
        Some(Self::cut(load(text, start), length))
    }

    /// The key of the first `length` bytes (at most 15) of the result of [`load`].
    #[inline]
    pub(super) fn cut(bytes: u128, length: usize) -> Self {
        let kept = bytes & ((1 << (8 * length)) - 1);
        Self(kept | (length as u128) << LENGTH_SHIFT)
    }

    /// A hash whose upper bits are the best mixed.
    #[inline]
    pub(super) fn hash(self) -> u64 {
        let (low, high) = (self.0 as u64, (self.0 >> 64) as u64);
        (low ^ high.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
            .wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

/// The two-way set-associative cache described in the module documentation.
pub(super) struct PieceCache {
    pairs: Box<[[u128; 2]]>,
}

impl PieceCache {
    pub(super) fn new() -> Self {
        Self {
            pairs: vec![[0; 2]; 1 << PAIR_BITS].into_boxed_slice(),
        }
    }

    /// Returns the cached count of a piece, or calls `count` and caches the result.
    #[inline]
    pub(super) fn count(&mut self, key: PieceKey, count: impl FnOnce() -> u64) -> u64 {
        let Some([newer, older]) = self
            .pairs
            .get_mut((key.hash() >> (64 - PAIR_BITS)) as usize)
        else {
            return count();
        };
        if let Some(counted) = cached(*newer, key) {
            return counted;
        }
        if let Some(counted) = cached(*older, key) {
            std::mem::swap(newer, older);
            return counted;
        }
        let counted = count();
        *older = *newer;
        *newer = key.0 | u128::from(counted) << COUNT_SHIFT;
        counted
    }
}

/// The count in `slot` if it holds the piece `key`. A key has zeros where the count is, and no count is 0.
#[inline]
fn cached(slot: u128, key: PieceKey) -> Option<u64> {
    let count = slot ^ key.0;
    (count << 4 == 0).then_some((count >> COUNT_SHIFT) as u64)
}
