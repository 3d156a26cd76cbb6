//! Vocabularies of tokenizer files, from their merges or from the order of their tokens.
//!
//! The tables of [`Vocabulary`] know tokens and ranks, not merges: two adjacent parts merge if their bytes together are a
//! token. This gives the same result as a list of merges, for the following reason. When byte-pair encoding is about
//! to apply a merge of rank `r` to two adjacent parts, all merges of lower ranks have been applied, and none of them
//! crossed the ends of the two parts. So the two parts are what merges below `r` make of their bytes *alone*. That
//! is one sequence of parts for a given string. Hence at most one merge in the list can ever arrive at a token: the first
//! whose two sides are the encoding of the token's bytes by the merges before it. [`Builder::merge`] finds it with the
//! test that also decides whether two tokens may be adjacent, and ignores every other merge. Ranks are given in the order
//! of the list, so ties and precedence stay the same.
//!
//! This supposes that a merge comes after those that make its two sides. Where it comes before, it is never applied if its
//! two sides can never be adjacent once they exist. The others are [`Builder::early`]: see `early_merges.rs`.

use super::{Made, Vocabulary};

/// Adds tokens to a vocabulary in the order of their ranks.
pub(in crate::tokens) struct Builder {
    vocabulary: Vocabulary,
    /// Merges that came before one that makes one of their sides: the bytes, and where the second side begins.
    early: Vec<(Box<[u8]>, usize)>,
}

/// The longest token that the tables can hold, in bytes.
pub(in crate::tokens) const LONGEST_TOKEN: usize = u8::MAX as usize;

impl Builder {
    /// A vocabulary of the 256 single bytes, with room for this many tokens.
    pub fn new(tokens: usize) -> Self {
        let mut vocabulary = Vocabulary::empty(tokens.saturating_add(256));
        vocabulary.made.reserve(tokens.saturating_add(256));
        for byte in 0..=u8::MAX {
            let rank = u32::from(byte);
            vocabulary.insert(&[byte], rank);
            vocabulary.made.push(Made {
                left: rank,
                right: rank,
                length: 1,
            });
        }
        Self {
            vocabulary,
            early: Vec::new(),
        }
    }

    /// The rank of the next token.
    pub fn next_rank(&self) -> u32 {
        u32::try_from(self.vocabulary.made.len()).unwrap_or(super::NONE)
    }

    /// Makes characters the smallest units, instead of bytes: the bytes of each of `characters` merge before all else.
    /// Must be called before any merge is added. A character that is not among them is left as its bytes.
    pub fn characters(&mut self, characters: impl Iterator<Item = char>) {
        let mut partial = Vec::new();
        let mut whole = Vec::new();
        for character in characters {
            let mut buffer = [0; 4];
            let bytes = character.encode_utf8(&mut buffer).as_bytes();
            if bytes.len() > 1 {
                whole.push(bytes.to_vec());
            }
            for length in 2..bytes.len() {
                partial.extend(bytes.get(..length).map(<[u8]>::to_vec));
            }
        }
        // Shorter ones first, as the longer are made of them.
        partial.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        partial.dedup();
        whole.sort_unstable();
        whole.dedup();
        self.vocabulary.partial.0 = self.next_rank();
        for bytes in &partial {
            self.merge(bytes, bytes.len() - 1);
        }
        self.vocabulary.partial.1 = self.next_rank();
        for bytes in &whole {
            self.merge(bytes, bytes.len() - 1);
        }
    }

    /// Adds the merge of the first `split` bytes of `token` with the rest, if byte-pair encoding can ever apply it. The
    /// token must be at most [`LONGEST_TOKEN`] bytes long.
    pub fn merge(&mut self, token: &[u8], split: usize) -> bool {
        let vocabulary = &self.vocabulary;
        let (len, rank) = (token.len(), self.next_rank());
        let Ok(length) = u8::try_from(len) else {
            return false;
        };
        if split == 0 || split >= len || vocabulary.rank(token, 0, len) != super::NONE {
            return false;
        }
        let left = vocabulary.any_rank(token, 0, split);
        let right = vocabulary.any_rank(token, split, len);
        if left == super::NONE || right == super::NONE {
            self.early.push((token.into(), split));
            return false;
        }
        if !vocabulary.fit_below(token, split, left, right, rank) {
            return false;
        }
        self.vocabulary.insert(token, rank);
        self.vocabulary.made.push(Made {
            left,
            right,
            length,
        });
        true
    }

    /// The tokens of merges that came before those that make their sides, and that can be applied. Called after the last
    /// merge.
    pub fn early(&self) -> Vec<Box<[u8]>> {
        let vocabulary = &self.vocabulary;
        let early = self.early.iter().filter(|(token, split)| {
            let left = vocabulary.any_rank(token, 0, *split);
            let right = vocabulary.any_rank(token, *split, token.len());
            // Both sides exist from this rank on.
            let limit = left.max(right).saturating_add(1);
            left != super::NONE
                && right != super::NONE
                && vocabulary.fit_below(token, *split, left, right, limit)
        });
        early.map(|(token, _)| token.clone()).collect()
    }

    /// Adds the next token of a list that is sorted by rank and has no merges. A token that its bytes never merge
    /// into is one token only as a whole piece.
    pub fn token(&mut self, token: &[u8]) {
        if token.len() > 1 && !(1..token.len()).any(|split| self.merge(token, split)) {
            self.whole(token);
        }
    }

    /// Makes a piece that consists of these bytes one token.
    pub fn whole(&mut self, token: &[u8]) {
        let vocabulary = &mut self.vocabulary;
        if token.len() > 1 && vocabulary.rank(token, 0, token.len()) == super::NONE {
            vocabulary.whole.insert(token.into());
        }
    }

    /// The vocabulary.
    pub fn finish(self) -> Vocabulary {
        let mut vocabulary = self.vocabulary;
        vocabulary.sort();
        vocabulary.made.shrink_to_fit();
        vocabulary.whole.shrink_to_fit();
        vocabulary
    }

    /// True if `test` holds for the bytes of every token of two or more bytes that merges arrive at.
    pub fn all(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        let mut keys = self.vocabulary.keys.iter().filter(|key| **key != 0);
        let short = keys.all(|key| {
            let length = (key >> 120 & 0xf) as usize;
            key.to_le_bytes().get(..length).is_none_or(&test)
        });
        let pairs = self.vocabulary.pairs.iter().enumerate();
        short
            && self.vocabulary.long.keys().all(|token| test(token))
            && pairs
                .filter(|(_, rank)| **rank != super::NONE)
                .all(|(pair, _)| test(&(pair as u16).to_le_bytes()))
    }
}
