//! Counts of short pieces that came by before, so that a word is counted by its bytes only once.
//!
//! A table of 32,768 slots of 16 bytes, two for each hash, of which the one used last stays. A slot holds a whole piece of up to 15 bytes, its length and
//! its count, so a hit is certain, never a matter of hashes alone. Each thread has its own, one for each vocabulary
//! that it counts with.

/// The longest piece that is kept.
pub(super) const LONGEST: usize = 15;

/// Pairs of slots, as a power of two.
const PAIR_BITS: u32 = 14;

/// The bytes that a table takes.
pub(super) const MEMORY: usize = 32 << PAIR_BITS;

/// A piece and its length: the bytes from the lowest up, then zeros, the length in bits 120 to 123. The uppermost
/// four bits are zero; in a slot they are the count, which is no larger than the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PieceKey(pub(super) u128);

const COUNT_SHIFT: u32 = 124;
const LENGTH_SHIFT: u32 = 120;

/// The 16 bytes at a place, the first the lowest; zeros beyond the end of the text.
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
    /// The key of the piece from `start` to `end`; nothing if it is empty or too long.
    #[inline]
    pub(super) fn new(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let length = end.wrapping_sub(start);
        if length.wrapping_sub(1) >= LONGEST {
            return None;
        }
        Some(Self::cut(load(text, start), length))
    }

    /// The key of the first bytes, at most 15, of those that [`load`] gave.
    #[inline]
    pub(super) fn cut(bytes: u128, length: usize) -> Self {
        let kept = bytes & ((1 << (8 * length)) - 1);
        Self(kept | (length as u128) << LENGTH_SHIFT)
    }

    /// A hash, of which the upper bits are the best.
    #[inline]
    pub(super) fn hash(self) -> u64 {
        let (low, high) = (self.0 as u64, (self.0 >> 64) as u64);
        (low ^ high.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
            .wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

/// The table; see the head of this file.
pub(super) struct PieceCache {
    pairs: Box<[[u128; 2]]>,
}

impl PieceCache {
    pub(super) fn new() -> Self {
        Self {
            pairs: vec![[0; 2]; 1 << PAIR_BITS].into_boxed_slice(),
        }
    }

    /// The count of a piece: the one kept, or else the one that `count` finds.
    #[inline]
    pub(super) fn count(&mut self, key: PieceKey, count: impl FnOnce() -> u64) -> u64 {
        let Some([newer, older]) = self
            .pairs
            .get_mut((key.hash() >> (64 - PAIR_BITS)) as usize)
        else {
            return count();
        };
        if let Some(counted) = kept(*newer, key) {
            return counted;
        }
        if let Some(counted) = kept(*older, key) {
            std::mem::swap(newer, older);
            return counted;
        }
        let counted = count();
        *older = *newer;
        *newer = key.0 | u128::from(counted) << COUNT_SHIFT;
        counted
    }
}

/// The count in a slot, if it is that of a piece. A key has no bits where the count is, and no count is 0.
#[inline]
fn kept(slot: u128, key: PieceKey) -> Option<u64> {
    let count = slot ^ key.0;
    (count << 4 == 0).then_some((count >> COUNT_SHIFT) as u64)
}
