//! Byte-pair encoding of one piece, from left to right: take the longest token that may follow the previous one, and
//! backtrack where no token fits.
//!
//! A sequence of tokens is the encoding of its bytes if and only if every two adjacent tokens are the encoding of
//! theirs. At most one such sequence ends at a given position, so a position that was abandoned never needs a second
//! try. This is the method of the `bpe` crate (and of the article about it), implemented on tables that fit better
//! into processor caches.

use super::vocabulary::Vocabulary;

/// Buffers and the pair cache, reused from piece to piece.
pub(super) struct Backtrack {
    tokens: Vec<u32>,
    /// One bit per position from which no encoding reaches the end of the piece.
    dead_ends: Vec<u64>,
    /// Pairs of tokens tested before, and whether they may be adjacent. A direct-mapped cache that stores whole pairs,
    /// so a hash collision cannot give a wrong result.
    tried: Box<[u64]>,
}

/// A piece may take this many steps plus two per byte before [`Backtrack::count`] gives up. Ordinary pieces never get
/// there; `merge.rs` handles the others in predictable time.
const EXTRA_STEPS: usize = 1000;

/// Slots of the pair cache, as a power of two: 32,768 slots of 8 bytes.
const TRIED_BITS: u32 = 15;

/// Capacity, in tokens and in words of `dead_ends`, that is kept between pieces.
const KEPT: usize = 1024;

/// The bytes kept between pieces.
pub(super) const MEMORY: usize = (8 << TRIED_BITS) + (4 + 8) * KEPT;

impl Backtrack {
    pub(super) fn new() -> Self {
        Self {
            tokens: Vec::with_capacity(KEPT),
            dead_ends: Vec::with_capacity(KEPT),
            tried: vec![0; 1 << TRIED_BITS].into_boxed_slice(),
        }
    }

    /// Returns the number of tokens of the piece from `start` to `end`, or `None` if it takes unusually many steps, as
    /// long runs of one character do. Use one `Backtrack` with one vocabulary only: the pair cache does not record
    /// which.
    pub(super) fn count(
        &mut self,
        vocabulary: &Vocabulary,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> Option<u64> {
        let count = self.encode(vocabulary, text, start, end);
        self.tokens.clear();
        self.tokens.shrink_to(KEPT);
        self.dead_ends.clear();
        self.dead_ends.shrink_to(KEPT);
        count
    }

    /// As [`Backtrack::count`]: the lengths of the tokens.
    pub(super) fn lengths<'b>(
        &'b mut self,
        vocabulary: &'b Vocabulary,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> Option<impl Iterator<Item = usize> + 'b> {
        self.tokens.clear();
        self.dead_ends.clear();
        self.encode(vocabulary, text, start, end)?;
        Some(self.tokens.iter().map(|token| vocabulary.length(*token)))
    }

    fn encode(
        &mut self,
        vocabulary: &Vocabulary,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> Option<u64> {
        self.dead_ends.resize((end - start) / 64 + 1, 0);
        let (mut steps, mut furthest) = (0, start);
        let (mut at, mut below) = (start, usize::MAX);
        while at < end {
            let before = self.tokens.last().copied();
            // Find the longest token here that fits and was not tried yet.
            let found = loop {
                steps += 1;
                let Some((token, length)) = vocabulary.longest(text, at, end, below) else {
                    break None;
                };
                if !self.is_dead_end(at + length - start)
                    && before.is_none_or(|before| self.fit(vocabulary, text, at, (before, token)))
                {
                    break Some((token, length));
                }
                below = length;
            };
            if let Some((token, length)) = found {
                self.tokens.push(token);
                at += length;
                below = usize::MAX;
                furthest = furthest.max(at);
                if steps > EXTRA_STEPS + 2 * (furthest - start) {
                    return None;
                }
            } else {
                self.mark_dead_end(at - start);
                below = vocabulary.length(self.tokens.pop()?);
                at -= below;
            }
        }
        if vocabulary.is_weighted() {
            return Some(self.tokens.iter().map(|t| vocabulary.weight(*t)).sum());
        }
        Some(self.tokens.len() as u64)
    }

    /// Whether two tokens that meet at `at` may be adjacent.
    #[inline]
    fn fit(&mut self, vocabulary: &Vocabulary, text: &[u8], at: usize, pair: (u32, u32)) -> bool {
        // Ranks are below 2^30, so the top bit is free. Setting it distinguishes a stored pair from an empty slot.
        let key = 1 << 63 | u64::from(pair.0) << 32 | u64::from(pair.1) << 1;
        let slot = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TRIED_BITS);
        match self.tried.get_mut(slot as usize) {
            Some(known) if *known & !1 == key => *known & 1 != 0,
            known => {
                let fit = vocabulary.fit(text, at, pair.0, pair.1);
                if let Some(known) = known {
                    *known = key | u64::from(fit);
                }
                fit
            }
        }
    }

    #[inline]
    fn is_dead_end(&self, at: usize) -> bool {
        let word = self.dead_ends.get(at / 64);
        word.is_some_and(|word| word & 1 << (at % 64) != 0)
    }

    fn mark_dead_end(&mut self, at: usize) {
        if let Some(word) = self.dead_ends.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
}
