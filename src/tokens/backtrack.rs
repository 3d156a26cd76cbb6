//! Byte-pair encoding of one piece, token by token from the left: the longest token that may stand beside the one
//! before, and back where none may.
//!
//! Tokens in a row are the encoding of their bytes exactly if each two neighbours are the encoding of theirs; and of
//! all ways to reach a place, one at most is made of such neighbours. So a place that was left by going back need
//! not be tried again. This is the method of the `bpe` crate (and of the article on it), here on tables that fit
//! processor caches better.

use super::vocabulary::Vocabulary;

/// Room to work in, kept from piece to piece.
pub(super) struct Backtrack {
    tokens: Vec<u32>,
    /// A bit for each place that led nowhere.
    dead: Vec<u64>,
    /// Pairs of tokens tried before, and whether they fit: a direct-mapped table of whole pairs, so what it says is
    /// certain.
    tried: Box<[u64]>,
}

/// Steps that a piece may take, beside two for each byte.
const PATIENCE: usize = 1000;

/// Pairs that are kept, as a power of two.
const TRIED_BITS: u32 = 15;

/// Tokens, and words of `dead`, that room is kept for.
const KEPT: usize = 1024;

/// The bytes that are kept.
pub(super) const MEMORY: usize = (8 << TRIED_BITS) + (4 + 8) * KEPT;

impl Backtrack {
    pub(super) fn new() -> Self {
        Self {
            tokens: Vec::with_capacity(KEPT),
            dead: Vec::with_capacity(KEPT),
            tried: vec![0; 1 << TRIED_BITS].into_boxed_slice(),
        }
    }

    /// The number of tokens of the piece from `start` to `end`; nothing if that takes unusually many steps, as long
    /// rows of one character do. One room is for one vocabulary.
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
        self.dead.clear();
        self.dead.shrink_to(KEPT);
        count
    }

    fn encode(
        &mut self,
        vocabulary: &Vocabulary,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> Option<u64> {
        self.dead.resize((end - start) / 64 + 1, 0);
        let (mut steps, mut furthest) = (0, start);
        let (mut at, mut below) = (start, usize::MAX);
        while at < end {
            let before = self.tokens.last().copied();
            // The longest token here that fits and that has not been tried.
            let found = loop {
                steps += 1;
                let Some((token, length)) = vocabulary.longest(text, at, end, below) else {
                    break None;
                };
                if !self.is_dead(at + length - start)
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
                if steps > PATIENCE + 2 * (furthest - start) {
                    return None;
                }
            } else {
                self.kill(at - start);
                below = vocabulary.length(self.tokens.pop()?);
                at -= below;
            }
        }
        Some(self.tokens.len() as u64)
    }

    /// Whether two tokens that meet at a place fit.
    #[inline]
    fn fit(&mut self, vocabulary: &Vocabulary, text: &[u8], at: usize, pair: (u32, u32)) -> bool {
        // Ranks are below 2^30, and no pair is 0 with the uppermost bit.
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
    fn is_dead(&self, at: usize) -> bool {
        let word = self.dead.get(at / 64);
        word.is_some_and(|word| word & 1 << (at % 64) != 0)
    }

    fn kill(&mut self, at: usize) {
        if let Some(word) = self.dead.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
}
