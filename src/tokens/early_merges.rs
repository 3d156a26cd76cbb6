//! Merges that the tables of [`Vocabulary`] cannot describe.
//!
//! Those tables suppose that a merge comes after the merges that make its two sides. In Gemma's files three merges come
//! before, for example that of `▁S` and `SSR`; in Llama 3's file there are 82. Byte-pair encoding applies such an *early* merge as soon as its two sides are
//! adjacent. Then the text contains the bytes of its token. So pieces without any of these tokens are encoded with the tables
//! alone. In the others, this module applies one merge after the other.
//!
//! The tables describe most merges in those pieces, too: the two sides of a merge come from merges inside their own bytes,
//! and without an early merge there they are the same as ever. Only merges whose result contains the token of an early
//! merge have to be listed here.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use aho_corasick::AhoCorasick;

use super::vocabulary::{NONE, Vocabulary};

/// The most early merges of a file. Gemma 3 has three and Llama 3 has 82; with many, most pieces would be slow.
const MOST: usize = 128;

/// The most merges that are listed.
const MOST_LISTED: usize = 10_000;

/// Orders merges: the rank of the next token of the tables, and the place among the listed merges, which come before that
/// token. Lower ones are applied first.
type Order = (u32, u32);

/// What merges begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Units {
    /// Bytes.
    Bytes,
    /// Bytes, but a piece that is a token is not merged: `ignore_merges` of a tokenizer file.
    BytesOfUnknownPieces,
    /// Characters.
    Characters,
}

/// Early merges, and all that depend on them.
pub(super) struct EarlyMerges {
    tokens: AhoCorasick,
    /// The merges whose result contains one of `tokens`, by the result: where the second side begins.
    listed: HashMap<Box<[u8]>, Vec<(usize, Order)>>,
    /// The number of merges in `listed`.
    count: u32,
    /// The shortest key of `listed`.
    shortest: usize,
    units: Units,
}

/// No part.
const NOWHERE: usize = usize::MAX;

/// A character, a byte of a character that is no token, or what merges made of them.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    /// Equal to `start` once it has been merged into the part before it.
    end: usize,
    /// The indexes of the parts before and after it, or [`NOWHERE`].
    before: usize,
    after: usize,
    /// False for a byte that stands for itself.
    merges: bool,
}

impl EarlyMerges {
    /// The early merges that make `tokens`. `None` if they are too many.
    pub(super) fn new(tokens: &[Box<[u8]>], units: Units) -> Option<Self> {
        if tokens.len() > MOST {
            return None;
        }
        Some(Self {
            tokens: AhoCorasick::new(tokens).ok()?,
            listed: HashMap::new(),
            count: 0,
            shortest: usize::MAX,
            units,
        })
    }

    /// Adds a merge if it has to be listed: the bytes of its result, and where the second side begins. `next_rank` is the
    /// rank of the next token of the tables. Merges are added in the order of the file. `None` if they are too many.
    pub(super) fn add(&mut self, token: &[u8], split: usize, next_rank: u32) -> Option<()> {
        if self.tokens.is_match(token) {
            self.shortest = self.shortest.min(token.len());
            let order = (next_rank, self.count);
            self.count += 1;
            let listed = self.listed.entry(token.into()).or_default();
            listed.push((split, order));
        }
        (self.count as usize <= MOST_LISTED).then_some(())
    }

    /// What merges begin with.
    pub(super) fn units(&self) -> Units {
        self.units
    }

    /// True if `test` holds for the results of all listed merges.
    pub(super) fn all(&self, test: impl Fn(&[u8]) -> bool) -> bool {
        self.listed.keys().all(|token| test(token))
    }

    /// Memory in bytes.
    pub(super) fn memory(&self) -> usize {
        let listed = self.listed.iter();
        let keys: usize = listed
            .map(|(token, merges)| token.len() + 24 * merges.capacity())
            .sum();
        self.tokens.memory_usage() + 48 * self.listed.capacity() + keys
    }

    /// True if the text contains the token of an early merge.
    #[inline]
    pub(super) fn occur_in(&self, text: &[u8]) -> bool {
        self.tokens.is_match(text)
    }

    /// Where the tokens of a piece end, relative to its start. The time is O(n log n) in its length.
    pub(super) fn ends(&self, vocabulary: &Vocabulary, piece: &str) -> Vec<usize> {
        let bytes = piece.as_bytes();
        let mut parts = match self.units {
            Units::Characters => characters_of(vocabulary, piece),
            Units::BytesOfUnknownPieces if vocabulary.is_token(bytes) => return vec![bytes.len()],
            Units::Bytes | Units::BytesOfUnknownPieces => bytes_of(bytes),
        };
        let candidate = |parts: &[Part], left: usize| {
            let first = parts.get(left)?;
            let second = parts.get(first.after)?;
            let order = self.order(vocabulary, bytes, first, second)?;
            // Parts only grow: as long as the second one ends there, both are the same.
            Some(Reverse((order, left, second.end)))
        };
        let mut queue: BinaryHeap<_> = (0..parts.len())
            .filter_map(|left| candidate(&parts, left))
            .collect();
        while let Some(Reverse((_, left, end))) = queue.pop() {
            let Some(first) = parts.get(left).copied() else {
                continue;
            };
            let Some(second) = parts
                .get(first.after)
                .copied()
                .filter(|part| part.end == end)
            else {
                continue;
            };
            if let Some(gone) = parts.get_mut(first.after) {
                (gone.end, gone.after) = (gone.start, NOWHERE);
            }
            if let Some(merged) = parts.get_mut(left) {
                (merged.end, merged.after) = (end, second.after);
            }
            if let Some(next) = parts.get_mut(second.after) {
                next.before = left;
            }
            queue.extend(candidate(&parts, left));
            queue.extend(candidate(&parts, first.before));
        }
        let ends = parts.iter().filter(|part| part.start < part.end);
        ends.map(|part| part.end).collect()
    }

    /// The order of the merge of two adjacent parts, if there is one.
    fn order(
        &self,
        vocabulary: &Vocabulary,
        text: &[u8],
        first: &Part,
        second: &Part,
    ) -> Option<Order> {
        let (start, middle, end) = (first.start, second.start, second.end);
        if !first.merges || !second.merges || end - start > usize::from(u8::MAX) {
            return None;
        }
        if end - start >= self.shortest
            && let Some(merges) = self.listed.get(text.get(start..end)?)
        {
            let merge = merges.iter().find(|(split, _)| start + split == middle);
            return merge.map(|(_, order)| *order);
        }
        let rank = vocabulary.rank(text, start, end);
        // Another merge with the same result is never applied.
        (rank != NONE && vocabulary.split(rank) == middle - start).then_some((rank, u32::MAX))
    }
}

fn bytes_of(piece: &[u8]) -> Vec<Part> {
    let part = |start: usize| Part {
        start,
        end: start + 1,
        before: start.checked_sub(1).unwrap_or(NOWHERE),
        after: start + 1,
        merges: true,
    };
    (0..piece.len()).map(part).collect()
}

fn characters_of(vocabulary: &Vocabulary, piece: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::with_capacity(piece.len());
    let mut add = |start, end, merges| {
        let at = parts.len();
        parts.push(Part {
            start,
            end,
            before: at.checked_sub(1).unwrap_or(NOWHERE),
            after: at + 1,
            merges,
        });
    };
    for (start, character) in piece.char_indices() {
        let end = start + character.len_utf8();
        let rank = vocabulary.any_rank(piece.as_bytes(), start, end);
        if rank == NONE || vocabulary.weight(rank) != 1 {
            for byte in start..end {
                add(byte, byte + 1, false);
            }
        } else {
            add(start, end, true);
        }
    }
    parts
}
