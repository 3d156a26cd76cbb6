//! Byte-pair encoding of one piece: of all adjacent parts whose union is a token, those of the lowest rank are
//! merged, the leftmost first, until there are none.
//!
//! The ranks of all unions are kept in a tree whose nodes are the least of 16, so a merge costs a few steps however
//! long the piece is. Very long pieces are cut into windows, so that memory is bounded; see [`Merger::count`].

use super::vocabulary::{NONE, Vocabulary};

/// Children of a node.
const FAN: usize = 16;

/// Bytes that are merged at once.
const WINDOW: usize = 16 * 1024;

/// Room to work in.
#[derive(Default)]
pub(super) struct Merger {
    /// For each part, by its start, the rank of its union with the next; [`NONE`] where no part starts. Then, level
    /// by level, the least of 16 of the level before. All are filled up to a multiple of 16.
    levels: Vec<Vec<u32>>,
    /// Levels in use.
    height: usize,
    /// By the start of each part, its end.
    ends: Vec<u32>,
    /// By the start of each part, the start of the one before.
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
    /// The number of tokens of a piece.
    ///
    /// A piece longer than a window is encoded window by window. Each window is cut well before its end, between two
    /// tokens, and the next begins there. Tokens in a row are the encoding of their bytes exactly if each two
    /// neighbours are the encoding of theirs; in a window that is so by itself, and where two windows meet it is
    /// tried. Should it fail, all is done again with windows twice as long.
    pub(super) fn count(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> u64 {
        let mut window = WINDOW;
        loop {
            if let Some(count) = self.count_by(vocabulary, piece, window) {
                return count;
            }
            window *= 2;
        }
    }

    /// The same with windows of some length; nothing if two of them do not meet well.
    pub(super) fn count_by(
        &mut self,
        vocabulary: &Vocabulary,
        piece: &[u8],
        window: usize,
    ) -> Option<u64> {
        // Where the window starts, where the token before it starts, and the number of tokens before it.
        let (mut start, mut before, mut tokens) = (0, 0, 0);
        loop {
            let rest = piece.get(start..)?;
            let text = rest.get(..window).unwrap_or(rest);
            let parts = self.merge(vocabulary, text) as u64;
            let first = start + get(&self.ends, 0) as usize;
            // The first end of a token in the last quarter of the window.
            let (mut end, mut last, mut taken) = (0, 0, 0);
            while end < text.len() - text.len() / 4 {
                (last, end) = (end, get(&self.ends, end) as usize);
                taken += 1;
            }
            if start > 0 {
                let meeting = self.merge(vocabulary, piece.get(before..first)?);
                if meeting != 2 || before + get(&self.ends, 0) as usize != start {
                    return None;
                }
            }
            if text.len() == rest.len() {
                return Some(tokens + parts);
            }
            (start, before, tokens) = (start + end, start + last, tokens + taken);
        }
    }

    /// Merges a text; returns the number of parts, which start at 0, `ends[0]`, `ends[ends[0]]`, ...
    fn merge(&mut self, vocabulary: &Vocabulary, text: &[u8]) -> usize {
        let length = text.len();
        let count = u32::try_from(length).unwrap_or(NONE);
        self.ends.clear();
        self.ends.extend(1..=count);
        self.befores.clear();
        self.befores.push(NONE);
        self.befores.extend(0..count);
        self.plant(vocabulary, text);
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

    /// Makes the tree for a text of which each byte is a part.
    fn plant(&mut self, vocabulary: &Vocabulary, text: &[u8]) {
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

    /// The first part whose union with the next has the least rank.
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
