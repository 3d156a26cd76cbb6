//! Byte-pair encoding of one piece as it is defined: repeatedly merge the two adjacent parts whose union is the token
//! of the lowest rank, the leftmost first, until no union is a token.
//!
//! A tree in which each node is the minimum of 16 children holds the ranks of all unions, so a merge costs a few steps
//! for any length. Very long pieces are encoded in windows, which bounds memory; see [`Merger::count`].

use super::vocabulary::{NONE, Vocabulary};

/// Children per node.
const FAN: usize = 16;

/// Initial window length in bytes. The buffers of a window take about 12 bytes per byte of text, 200 kB.
const WINDOW: usize = 16 * 1024;

/// Buffers for one encoding.
#[derive(Default)]
pub(super) struct Merger {
    /// Level 0 holds, at the start of each part, the rank of its union with the next part, and [`NONE`] where no part
    /// starts. Each further level holds the minimum of 16 entries of the level below. Every level is padded to a
    /// multiple of 16.
    levels: Vec<Vec<u32>>,
    /// Number of levels in use.
    height: usize,
    /// The end of each part, indexed by its start.
    ends: Vec<u32>,
    /// The start of the previous part, indexed by the start of each part.
    befores: Vec<u32>,
}

#[inline]
fn get(list: &[u32], at: usize) -> u32 {
    list.get(at).copied().unwrap_or(NONE)
}

#[inline]
fn set(list: &mut [u32], at: usize, value: u32) {
    if let Some(entry) = list.get_mut(at) {
        *entry = value;
    }
}

#[inline]
fn least(level: &[u32], block: usize) -> u32 {
    let block: Option<&[u32; FAN]> = level.get(block * FAN..).and_then(<[u32]>::first_chunk);
    block.map_or(NONE, |block| block.iter().copied().fold(NONE, u32::min))
}

impl Merger {
    /// Returns the number of tokens of a piece.
    ///
    /// A piece longer than a window is encoded window by window. Each window ends between two tokens, well before the
    /// end of the text that was merged for it, and the next window begins there. A sequence of tokens is the encoding
    /// of its bytes if and only if every two adjacent tokens are the encoding of theirs. Within a window this holds by
    /// construction. Where two windows meet it is tested; if the test fails, everything is repeated with windows of
    /// twice the length.
    pub(super) fn count(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
        let mut window = WINDOW;
        loop {
            if let Some(count) = self.count_by(vocabulary, piece, window) {
                return count;
            }
            window *= 2;
        }
    }

    /// As [`Merger::count`]: where the tokens end.
    pub(super) fn ends(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> Vec<usize> {
        let mut window = WINDOW;
        loop {
            let mut ends = Vec::new();
            if self
                .walk_by(vocabulary, piece, window, Some(&mut ends))
                .is_some()
            {
                return ends;
            }
            window *= 2;
        }
    }

    /// The same with a given window length, or `None` if two windows do not fit together.
    pub(super) fn count_by(
        &mut self,
        vocabulary: &Vocabulary,
        piece: &[u8],
        window: usize,
    ) -> Option<u64> {
        self.walk_by(vocabulary, piece, window, None)
    }

    /// The same, with the ends of the tokens if they are asked for.
    fn walk_by(
        &mut self,
        vocabulary: &Vocabulary,
        piece: &[u8],
        window: usize,
        mut ends: Option<&mut Vec<usize>>,
    ) -> Option<u64> {
        // The start of the window, the start of the token before it, and the number of tokens before the window.
        let (mut start, mut before, mut tokens) = (0, 0, 0);
        loop {
            let rest = piece.get(start..)?;
            let text = rest.get(..window).unwrap_or(rest);
            let parts = self.merge(vocabulary, text) as u64;
            let first = start + get(&self.ends, 0) as usize;
            let is_last = text.len() == rest.len();
            if let Some(ends) = &mut ends {
                let until = if is_last {
                    text.len()
                } else {
                    text.len() - text.len() / 4
                };
                let mut end = 0;
                while end < until {
                    end = get(&self.ends, end) as usize;
                    ends.push(start + end);
                }
            }
            // Cut at the first token that ends in the last quarter of the window.
            let (mut end, mut last, mut taken) = (0, 0, 0);
            while end < text.len() - text.len() / 4 {
                (last, end) = (end, get(&self.ends, end) as usize);
                taken += Self::weight(vocabulary, text, last, end);
            }
            let parts = if vocabulary.is_weighted() {
                let (mut sum, mut from) = (0, 0);
                while from < text.len() {
                    let to = get(&self.ends, from) as usize;
                    sum += Self::weight(vocabulary, text, from, to);
                    from = to;
                }
                sum
            } else {
                parts
            };
            if start > 0 {
                let meeting = self.merge(vocabulary, piece.get(before..first)?);
                if meeting != 2 || before + get(&self.ends, 0) as usize != start {
                    return None;
                }
            }
            if is_last {
                return Some(tokens + parts);
            }
            (start, before, tokens) = (start + end, start + last, tokens + taken);
        }
    }

    /// The number of tokens that the part from `start` to `end` stands for.
    #[inline]
    fn weight(vocabulary: &Vocabulary, text: &[u8], start: usize, end: usize) -> u64 {
        if vocabulary.is_weighted() {
            vocabulary.weight(vocabulary.any_rank(text, start, end))
        } else {
            1
        }
    }

    /// Merges a text. Returns the number of parts; they start at 0, `ends[0]`, `ends[ends[0]]`, ...
    fn merge(&mut self, vocabulary: &Vocabulary, text: &[u8]) -> usize {
        let length = text.len();
        let count = u32::try_from(length).unwrap_or(NONE);
        self.ends.clear();
        self.ends.extend(1..=count);
        self.befores.clear();
        self.befores.push(NONE);
        self.befores.extend(0..count);
        self.build_tree(vocabulary, text);
        let mut parts = length;
        while let Some(left) = self.first() {
            let right = get(&self.ends, left) as usize;
            let end = get(&self.ends, right) as usize;
            set(&mut self.ends, left, end as u32);
            set(&mut self.befores, end, left as u32);
            parts -= 1;
            self.update(right, NONE);
            let rank = if end < length {
                vocabulary.rank(text, left, get(&self.ends, end) as usize)
            } else {
                NONE
            };
            self.update(left, rank);
            let before = get(&self.befores, left);
            if before != NONE {
                let before = before as usize;
                self.update(before, vocabulary.rank(text, before, end));
            }
        }
        parts
    }

    /// Builds the tree for a text in which every byte is a part.
    fn build_tree(&mut self, vocabulary: &Vocabulary, text: &[u8]) {
        self.height = 1;
        if self.levels.is_empty() {
            self.levels.push(Vec::new());
        }
        if let Some(level) = self.levels.first_mut() {
            level.clear();
            level.extend((0..text.len()).map(|at| vocabulary.pair(text, at)));
            level.resize(text.len().next_multiple_of(FAN), NONE);
        }
        loop {
            if self.levels.len() == self.height {
                self.levels.push(Vec::new());
            }
            let (below, above) = self.levels.split_at_mut(self.height);
            let (Some(below), Some(level)) = (below.last(), above.first_mut()) else {
                return;
            };
            if below.len() <= FAN {
                return;
            }
            level.clear();
            level.extend((0..below.len() / FAN).map(|block| least(below, block)));
            level.resize(level.len().next_multiple_of(FAN), NONE);
            self.height += 1;
        }
    }

    /// The first part whose union with the next has the lowest rank.
    #[inline]
    fn first(&self) -> Option<usize> {
        let levels = self.levels.get(..self.height)?;
        let rank = least(levels.last()?, 0);
        if rank == NONE {
            return None;
        }
        let mut at = 0;
        for level in levels.iter().rev() {
            let block: &[u32; FAN] = level.get(at * FAN..)?.first_chunk()?;
            at = at * FAN + block.iter().position(|entry| *entry == rank)?;
        }
        Some(at)
    }

    #[inline]
    fn update(&mut self, mut at: usize, mut rank: u32) {
        let Some(levels) = self.levels.get_mut(..self.height) else {
            return;
        };
        let mut levels = levels.iter_mut();
        while let Some(level) = levels.next() {
            if get(level, at) == rank {
                return;
            }
            set(level, at, rank);
            at /= FAN;
            if levels.len() > 0 {
                rank = least(level, at);
            }
        }
    }
}
