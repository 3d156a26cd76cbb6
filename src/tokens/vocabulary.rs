//! The tokens of a vocabulary and their ranks, with lookup of any byte range of a text.
//!
//! The rank of a token is its position in the merge order of byte-pair encoding: lower ranks merge first. The ranks of
//! the built-in encodings come from tiktoken's tables in `tiktoken-rs`, read when the module is built (`build.rs`), those of
//! tokenizer files from their merges or from the order of their tokens (`vocabulary_builder.rs`).

use std::collections::{HashMap, HashSet};

use super::piece_cache::{LONGEST, PieceKey, load};

/// The rank of a byte sequence that is not a token. Higher than every rank.
pub(super) const NONE: u32 = u32::MAX;

/// Bits of the filter per slot of the hash table, as a power of two.
const FILTER_BITS: u32 = 3;

/// The tokens of a vocabulary, stored by length.
pub(super) struct Vocabulary {
    /// Ranks of the two-byte tokens, indexed by the two bytes.
    pairs: Vec<u32>,
    /// The tokens of 3 to 15 bytes: a hash table of whole keys with linear probing.
    keys: Vec<u128>,
    /// The ranks of `keys`.
    ranks: Vec<u32>,
    /// One bit per hash that occurs. Most byte ranges that are looked up are not tokens, and the filter rejects them
    /// without touching the table.
    filter: Vec<u64>,
    /// Number of slots of the hash table, as a power of two.
    bits: u32,
    /// Tokens longer than 15 bytes.
    long: HashMap<Box<[u8]>, u32>,
    /// Indexed by a hash of three bytes: the lengths of the tokens that start with them, one bit per length. Bit 0
    /// stands for all lengths above 15.
    lengths: Vec<u16>,
    /// The lengths of tokens above 15 bytes, by their first 15 bytes, longest first.
    long_lengths: HashMap<u128, Vec<u8>>,
    /// Ranks of the single-byte tokens, indexed by the byte.
    singles: Vec<u32>,
    /// How each token is merged, indexed by rank.
    made: Vec<Made>,
    /// Byte sequences that are one token as a whole piece but are never merged from their bytes.
    whole: HashSet<Box<[u8]>>,
    /// The ranks from this to the other are no tokens but the first bytes of characters; see
    /// [`Vocabulary::weight`].
    partial: (u32, u32),
}

/// The last merge by which byte-pair encoding arrives at a token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Made {
    /// The ranks of the two tokens merged last. A single byte has its own rank in both.
    left: u32,
    right: u32,
    length: u8,
}

/// The tokens of a table that `build.rs` has written. What is left is not empty if it is cut short.
struct Stored<'t> {
    rest: &'t [u8],
}

/// A token of such a table. Without bytes: no token has this rank.
struct StoredToken<'t> {
    bytes: &'t [u8],
    /// The ranks of the two tokens merged last.
    sides: [u32; 2],
}

impl<'t> Iterator for Stored<'t> {
    type Item = StoredToken<'t>;

    fn next(&mut self) -> Option<StoredToken<'t>> {
        let (length, rest) = self.rest.split_first()?;
        let (bytes, rest) = rest.split_at_checked(usize::from(*length))?;
        if bytes.is_empty() {
            self.rest = rest;
            return Some(StoredToken {
                bytes,
                sides: [0; 2],
            });
        }
        let (left, rest) = rest.split_first_chunk()?;
        let (right, rest) = rest.split_first_chunk()?;
        self.rest = rest;
        let sides = [left, right].map(|side| u32::from_le_bytes(*side));
        Some(StoredToken { bytes, sides })
    }
}

/// Number of entries of `lengths`, as a power of two.
const LENGTHS_BITS: u32 = 16;

#[path = "vocabulary_builder.rs"]
mod builder;

pub(super) use builder::{Builder, LONGEST_TOKEN};

/// A hash of the first three bytes of the result of [`load`].
#[inline]
fn start(bytes: u128) -> usize {
    let bytes = bytes as u32 & 0xff_ffff;
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - LENGTHS_BITS)) as usize
}

fn set(list: &mut [u32], at: usize, value: u32) {
    if let Some(entry) = list.get_mut(at) {
        *entry = value;
    }
}

impl Vocabulary {
    /// Takes the tokens of a table that `build.rs` has written. Nothing if it is cut short.
    pub(super) fn of_table(table: &[u8]) -> Option<Self> {
        let mut stored = Stored { rest: table };
        let (mut ids, mut tokens) = (0, 0);
        for token in stored.by_ref() {
            ids += 1;
            tokens += usize::from(!token.bytes.is_empty());
        }
        if !stored.rest.is_empty() {
            return None;
        }
        let mut new = Self::empty(tokens);
        new.made.reserve_exact(ids);
        for (token, rank) in (Stored { rest: table }).zip(0..) {
            let mut made = Made::default();
            if !token.bytes.is_empty() {
                new.insert(token.bytes, rank);
                let length = u8::try_from(token.bytes.len()).ok()?;
                let [left, right] = token.sides;
                made = Made {
                    left,
                    right,
                    length,
                };
            }
            new.made.push(made);
        }
        new.sort();
        Some(new)
    }

    /// A vocabulary without tokens, with room for this many.
    fn empty(tokens: usize) -> Self {
        // Keeps the load factor of the hash table at or below 0.8.
        let bits = (tokens * 5 / 4).next_power_of_two().ilog2().max(8);
        Self {
            pairs: vec![NONE; 1 << 16],
            keys: vec![0; 1 << bits],
            ranks: vec![NONE; 1 << bits],
            filter: vec![0; 1 << (bits + FILTER_BITS - 6)],
            bits,
            long: HashMap::new(),
            lengths: vec![0; 1 << LENGTHS_BITS],
            long_lengths: HashMap::new(),
            singles: vec![NONE; 256],
            made: Vec::new(),
            whole: HashSet::new(),
            partial: (0, 0),
        }
    }

    /// Sorts the lengths of long tokens, once all are inserted.
    fn sort(&mut self) {
        for lengths in self.long_lengths.values_mut() {
            lengths.sort_unstable_by(|a, b| b.cmp(a));
        }
    }

    fn insert(&mut self, token: &[u8], rank: u32) {
        if let [byte] = token {
            set(&mut self.singles, usize::from(*byte), rank);
            return;
        }
        if let Some(lengths) = self.lengths.get_mut(start(load(token, 0))) {
            *lengths |= if token.len() > LONGEST {
                1
            } else {
                1 << token.len()
            };
        }
        if token.len() == 2 {
            set(&mut self.pairs, load(token, 0) as usize, rank);
        } else if let Some(key) = PieceKey::new(token, 0, token.len()) {
            let (word, bit) = self.filtered(key.hash());
            if let Some(word) = self.filter.get_mut(word) {
                *word |= bit;
            }
            let mut slot = (key.hash() >> (64 - self.bits)) as usize;
            let last = self.keys.len() - 1;
            while self.keys.get(slot).is_some_and(|taken| *taken != 0) {
                slot = (slot + 1) & last;
            }
            if let (Some(k), Some(r)) = (self.keys.get_mut(slot), self.ranks.get_mut(slot)) {
                (*k, *r) = (key.0, rank);
            }
        } else {
            self.long.insert(token.into(), rank);
            if let Some(key) = PieceKey::new(token, 0, LONGEST) {
                self.long_lengths
                    .entry(key.0)
                    .or_default()
                    .extend(u8::try_from(token.len()));
            }
        }
    }

    fn made(&self, rank: u32) -> Made {
        self.made.get(rank as usize).copied().unwrap_or_default()
    }

    /// True if the piece from `start` to `end` is one token although it is never merged from its bytes.
    pub(super) fn is_whole(&self, text: &[u8], start: usize, end: usize) -> bool {
        !self.whole.is_empty()
            && text
                .get(start..end)
                .is_some_and(|piece| self.whole.contains(piece))
    }

    /// True if the piece is one token.
    pub(super) fn is_token(&self, piece: &[u8]) -> bool {
        self.rank(piece, 0, piece.len()) != NONE || self.is_whole(piece, 0, piece.len())
    }

    /// True if [`Self::weight`] is not 1 for all ranks.
    #[inline]
    pub(super) fn is_weighted(&self) -> bool {
        self.partial.0 < self.partial.1
    }

    /// The number of tokens that a part of this rank stands for. In a vocabulary of characters, the bytes of a
    /// character that is a token are merged first, by ranks of their own. A character that is no token counts one
    /// token per byte, also where its first bytes were merged because another character starts with them.
    #[inline]
    pub(super) fn weight(&self, rank: u32) -> u64 {
        if rank >= self.partial.0 && rank < self.partial.1 {
            self.length(rank) as u64
        } else {
            1
        }
    }

    /// The length of a token in bytes.
    #[inline]
    pub(super) fn length(&self, rank: u32) -> usize {
        usize::from(self.made(rank).length)
    }

    /// Where the second side of the merge that makes a token begins, in bytes.
    pub(super) fn split(&self, rank: u32) -> usize {
        self.length(self.made(rank).left)
    }

    /// Like [`Self::rank`], for one byte too.
    pub(super) fn any_rank(&self, text: &[u8], start: usize, end: usize) -> u32 {
        if end - start == 1 {
            return text.get(start).map_or(NONE, |byte| self.single(*byte));
        }
        self.rank(text, start, end)
    }

    fn single(&self, byte: u8) -> u32 {
        self.singles.get(usize::from(byte)).copied().unwrap_or(NONE)
    }

    /// The longest token that starts at `at`, ends at or before `end` and is shorter than `below`: its rank and its
    /// length.
    #[inline]
    pub(super) fn longest(
        &self,
        text: &[u8],
        at: usize,
        end: usize,
        below: usize,
    ) -> Option<(u32, usize)> {
        let most = (end - at).min(below - 1);
        let bytes = load(text, at);
        if most > 2 {
            let lengths = self.lengths.get(start(bytes)).copied().unwrap_or(0);
            if lengths & 1 != 0
                && most > LONGEST
                && let Some(found) = self.longest_long(text, at, most)
            {
                return Some(found);
            }
            // The bits of the candidate lengths; the highest bit is the longest.
            let mut left = u32::from(lengths) & ((2u32 << most.min(LONGEST)) - 1) & !7;
            while left != 0 {
                let length = left.ilog2() as usize;
                let rank = self.short(PieceKey::cut(bytes, length));
                if rank != NONE {
                    return Some((rank, length));
                }
                left ^= 1 << length;
            }
        }
        if most >= 2 {
            let rank = self.pair_of(bytes as u16);
            if rank != NONE {
                return Some((rank, 2));
            }
        }
        (most >= 1).then(|| (self.single(bytes as u8), 1))
    }

    #[cold]
    fn longest_long(&self, text: &[u8], at: usize, most: usize) -> Option<(u32, usize)> {
        let key = PieceKey::new(text, at, at + LONGEST)?;
        self.long_lengths.get(&key.0)?.iter().find_map(|length| {
            let length = usize::from(*length);
            if length > most {
                return None;
            }
            let rank = self.long(text, at, at + length);
            (rank != NONE).then_some((rank, length))
        })
    }

    /// Whether two tokens that meet at `at` are together the encoding of their bytes.
    #[inline]
    pub(super) fn fit(&self, text: &[u8], at: usize, left: u32, right: u32) -> bool {
        self.fit_below(text, at, left, right, NONE)
    }

    /// Like [`Self::fit`], for merges of a rank below `limit`. Undoes the merges that made the two tokens, latest
    /// first. If the parts that then meet form a token of a lower rank, byte-pair encoding would have merged them
    /// instead, and the tokens do not fit.
    #[inline]
    fn fit_below(&self, text: &[u8], at: usize, left: u32, right: u32, mut limit: u32) -> bool {
        let (mut left, mut right) = ((left, self.made(left)), (right, self.made(right)));
        loop {
            let start = at - usize::from(left.1.length);
            let end = at + usize::from(right.1.length);
            if self.rank(text, start, end) < limit {
                return false;
            }
            // A single byte has no merge to undo.
            let (left_is, right_is) = (left.1.length > 1, right.1.length > 1);
            if left_is && (left.0 > right.0 || !right_is) {
                limit = left.0;
                left = (left.1.right, self.made(left.1.right));
            } else if right_is {
                // Of two equal ranks the left one is merged first.
                limit = right.0.saturating_add(1);
                right = (right.1.left, self.made(right.1.left));
            } else {
                return true;
            }
        }
    }

    /// The word and the bit of the filter that belong to a hash.
    #[inline]
    fn filtered(&self, hash: u64) -> (usize, u64) {
        let bit = hash >> (64 - self.bits - FILTER_BITS);
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    /// The rank of the bytes from `start` to `end`, of which there must be at least two, or [`NONE`].
    #[inline]
    pub(super) fn rank(&self, text: &[u8], start: usize, end: usize) -> u32 {
        if end - start == 2 {
            return self.pair(text, start);
        }
        match PieceKey::new(text, start, end) {
            Some(key) => self.short(key),
            None => self.long(text, start, end),
        }
    }

    /// The rank of the two bytes at `at`, or [`NONE`].
    #[inline]
    pub(super) fn pair(&self, text: &[u8], at: usize) -> u32 {
        let pair: Option<&[u8; 2]> = text.get(at..).and_then(<[u8]>::first_chunk);
        pair.map_or(NONE, |pair| self.pair_of(u16::from_le_bytes(*pair)))
    }

    #[inline]
    fn pair_of(&self, pair: u16) -> u32 {
        self.pairs.get(usize::from(pair)).copied().unwrap_or(NONE)
    }

    #[inline]
    fn short(&self, key: PieceKey) -> u32 {
        let hash = key.hash();
        let (word, bit) = self.filtered(hash);
        if self.filter.get(word).is_none_or(|word| word & bit == 0) {
            return NONE;
        }
        let mut slot = (hash >> (64 - self.bits)) as usize;
        loop {
            match self.keys.get(slot) {
                Some(found) if *found == key.0 => {
                    return self.ranks.get(slot).copied().unwrap_or(NONE);
                }
                Some(0) | None => return NONE,
                Some(_) => slot = (slot + 1) & (self.keys.len() - 1),
            }
        }
    }

    #[cold]
    fn long(&self, text: &[u8], start: usize, end: usize) -> u32 {
        if end - start > usize::from(u8::MAX) {
            return NONE;
        }
        let rank = text.get(start..end).and_then(|token| self.long.get(token));
        rank.copied().unwrap_or(NONE)
    }

    /// Memory used by the vocabulary, in bytes.
    pub(super) fn memory(&self) -> usize {
        let long: usize = self.long.keys().map(|token| token.len()).sum();
        let lengths: usize = self.long_lengths.values().map(Vec::capacity).sum();
        size_of::<Self>()
            + 4 * (self.pairs.capacity() + self.ranks.capacity() + self.singles.capacity())
            + 16 * self.keys.capacity()
            + 8 * self.filter.capacity()
            + 2 * self.lengths.capacity()
            + self.made.capacity() * size_of::<Made>()
            + table(self.long.capacity(), size_of::<(Box<[u8]>, u32)>())
            + long
            + table(self.long_lengths.capacity(), size_of::<(u128, Vec<u8>)>())
            + lengths
            + table(self.whole.capacity(), size_of::<Box<[u8]>>())
            + self.whole.iter().map(|token| token.len()).sum::<usize>()
    }
}

/// Estimated memory of a standard hash table in bytes: one control byte and one entry per slot, at a load factor of at
/// most 7/8.
fn table(capacity: usize, entry: usize) -> usize {
    (capacity * 8 / 7).next_power_of_two() * (1 + entry)
}

#[cfg(test)]
#[path = "vocabulary_tests.rs"]
mod tests;
