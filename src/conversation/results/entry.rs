//! What clearing a message with results saves, and sums of that.

use super::super::examine::ClearedResult;

/// Running sums over entries. Differences wrap, so that the index may grow at its front too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResultSums {
    /// Results in messages that RECENT may return.
    pub results: u64,
    /// Of messages whose results are cleared, if they are not pinned.
    pub unpinned: Savings,
    /// The same for pinned messages.
    pub pinned: Savings,
}

/// What clearing changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Savings {
    /// Tokens as appended, less tokens when cleared. Negative where TOKENS gave a smaller count.
    pub tokens: i64,
    /// Results that are cleared.
    pub results: u64,
    /// Messages that are edited for that and for nothing else.
    pub messages: u64,
}

impl Savings {
    pub fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.wrapping_add(other.tokens),
            results: self.results.wrapping_add(other.results),
            messages: self.messages.wrapping_add(other.messages),
        }
    }

    /// What is saved without the part `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.wrapping_sub(other.tokens),
            results: self.results.wrapping_sub(other.results),
            messages: self.messages.wrapping_sub(other.messages),
        }
    }
}

impl ResultSums {
    pub fn plus(self, other: Self) -> Self {
        Self {
            results: self.results.wrapping_add(other.results),
            unpinned: self.unpinned.plus(other.unpinned),
            pinned: self.pinned.plus(other.pinned),
        }
    }

    pub fn minus(self, other: Self) -> Self {
        Self {
            results: self.results.wrapping_sub(other.results),
            unpinned: self.unpinned.minus(other.unpinned),
            pinned: self.pinned.minus(other.pinned),
        }
    }

    pub fn savings(self, pins: bool) -> Savings {
        if pins {
            self.unpinned
        } else {
            self.unpinned.plus(self.pinned)
        }
    }
}

/// A message with results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub seq: i64,
    /// T as appended, as all sums of the log contain it.
    pub appended: u32,
    pub hidden: bool,
    /// It is returned without orphaned results.
    pub edited: bool,
    pub pinned: bool,
    pub results: Box<[ClearedResult]>,
    /// Sums of the entries before this one.
    pub before: ResultSums,
}

impl Entry {
    /// What clearing the first `results` saves.
    pub fn savings(&self, results: usize) -> Savings {
        let first = self.results.get(..results).unwrap_or(&self.results);
        let cleared = first.iter().filter(|r| !r.edits.is_empty()).count() as u64;
        if cleared == 0 || self.hidden {
            return Savings::default();
        }
        let tokens = first.last().map_or(self.appended, |r| r.tokens);
        Savings {
            tokens: i64::from(self.appended) - i64::from(tokens),
            results: cleared,
            messages: u64::from(!self.edited),
        }
    }

    pub fn sums(&self) -> ResultSums {
        let all = self.savings(self.results.len());
        let none = Savings::default();
        let (unpinned, pinned) = if self.pinned {
            (none, all)
        } else {
            (all, none)
        };
        ResultSums {
            results: if self.hidden {
                0
            } else {
                self.results.len() as u64
            },
            unpinned,
            pinned,
        }
    }
}
