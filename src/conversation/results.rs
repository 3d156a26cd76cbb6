//! The tool results of a conversation, for `CONV.RECENT ... CLEAR`: which messages hold some, and what these messages cost
//! when their results are cleared.
//!
//! The index is made when it is first asked for, newest messages first and only as far back as a reply needs it, and kept
//! from then on: a conversation that is never read with CLEAR pays nothing for it. It is not stored; after a load it is
//! made again. Running sums before each entry make all that a selection asks for a binary search.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use super::dialect::Edit;
use super::examine::{ClearedResult, Examined};
use super::log::Log;

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
    fn plus(self, other: Self) -> Self {
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
    fn plus(self, other: Self) -> Self {
        Self {
            results: self.results.wrapping_add(other.results),
            unpinned: self.unpinned.plus(other.unpinned),
            pinned: self.pinned.plus(other.pinned),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            results: self.results.wrapping_sub(other.results),
            unpinned: self.unpinned.minus(other.unpinned),
            pinned: self.pinned.minus(other.pinned),
        }
    }

    fn savings(self, pins: bool) -> Savings {
        if pins {
            self.unpinned
        } else {
            self.unpinned.plus(self.pinned)
        }
    }
}

/// A message with results.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    seq: i64,
    /// T as appended, as all sums of the log contain it.
    appended: u32,
    hidden: bool,
    /// It is returned without orphaned results.
    edited: bool,
    pinned: bool,
    results: Box<[ClearedResult]>,
    /// Sums of the entries before this one.
    before: ResultSums,
}

impl Entry {
    /// What clearing the first `results` saves.
    fn savings(&self, results: usize) -> Savings {
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

    fn sums(&self) -> ResultSums {
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

/// What was found of a message that was examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub seq: i64,
    /// It was returned without orphaned results then.
    pub edited: bool,
    pub examined: Examined,
}

type Findings = Vec<Finding>;

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Results {
    /// The numbers of the messages that were examined: all that are held between these.
    examined: Option<RangeInclusive<i64>>,
    entries: VecDeque<Entry>,
    /// Sums of all entries.
    end: ResultSums,
    /// Messages outside of that range that were examined by themselves, in ascending order: without and with results.
    plain: Vec<i64>,
    others: Vec<i64>,
    /// What the background threads find.
    incoming: Option<Arc<OnceLock<Findings>>>,
}

/// What is cleared: the results before `seq`, and the first `results` of message `seq` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    pub seq: i64,
    pub results: usize,
    /// Pinned messages keep their results.
    pub pins: bool,
}

impl Results {
    /// The numbers of the messages that were examined.
    pub fn examined(&self) -> Option<&RangeInclusive<i64>> {
        self.examined.as_ref()
    }

    /// Bytes on the heap, about.
    pub fn heap_bytes(&self) -> usize {
        let results = self.entries.iter().map(|entry| {
            let edits = entry.results.iter().map(|r| size_of_val(&*r.edits));
            size_of_val(&*entry.results) + edits.sum::<usize>()
        });
        size_of::<Self>()
            + self.entries.capacity() * size_of::<Entry>()
            + results.sum::<usize>()
            + (self.plain.capacity() + self.others.capacity()) * size_of::<i64>()
    }

    fn first_from(&self, seq: i64) -> usize {
        self.entries.partition_point(|entry| entry.seq < seq)
    }

    /// Sums of the entries before the one at `index`.
    fn before(&self, index: usize) -> ResultSums {
        self.entries
            .get(index)
            .map_or(self.end, |entry| entry.before)
    }

    fn origin(&self) -> ResultSums {
        self.before(0)
    }

    /// The border so that the newest `kept` results are not cleared; nothing if there are not more among the messages that
    /// were examined.
    pub fn border(&self, kept: u64, pins: bool) -> Option<Border> {
        let all = self.end.minus(self.origin()).results;
        let cleared = all.checked_sub(kept).filter(|cleared| *cleared > 0)?;
        if kept == 0 {
            return Some(Border {
                seq: i64::MAX,
                results: 0,
                pins,
            });
        }
        let origin = self.origin().results;
        // The message of the oldest result that stays: the last one before which there are no more than those cleared.
        let after = self
            .entries
            .partition_point(|entry| entry.before.results.wrapping_sub(origin) <= cleared);
        // Hidden entries have no results.
        let index = (0..after)
            .rev()
            .find(|&i| self.entries.get(i).is_some_and(|e| !e.hidden))?;
        let entry = self.entries.get(index)?;
        let before = entry.before.results.wrapping_sub(origin);
        Some(Border {
            seq: entry.seq,
            results: usize::try_from(cleared.saturating_sub(before)).unwrap_or(usize::MAX),
            pins,
        })
    }

    /// What clearing saves of the messages with numbers of at least `seq`.
    pub fn savings_from(&self, border: Border, seq: i64) -> Savings {
        let end = self.first_from(border.seq);
        let from = self.first_from(seq).min(end);
        let whole = self
            .before(end)
            .minus(self.before(from))
            .savings(border.pins);
        whole.plus(self.at_border(border, seq))
    }

    /// What is saved of the message at the border, if its number is at least `seq`.
    fn at_border(&self, border: Border, seq: i64) -> Savings {
        let entry = self.entries.get(self.first_from(border.seq));
        let entry = entry.filter(|entry| entry.seq == border.seq && entry.seq >= seq);
        let entry = entry.filter(|entry| !(border.pins && entry.pinned));
        entry.map_or(Savings::default(), |entry| entry.savings(border.results))
    }

    /// What clearing saves of each message with a number in the range, the newest first. Messages without savings may be
    /// left out.
    pub fn newest_first(
        &self,
        border: Border,
        seqs: RangeInclusive<i64>,
    ) -> impl Iterator<Item = (i64, i64)> + '_ {
        let from = self.first_from(*seqs.start());
        let to = self.first_from(seqs.end().saturating_add(1)).max(from);
        self.entries.range(from..to).rev().map(move |entry| {
            let savings = Self::savings_of(border, entry);
            (entry.seq, savings.tokens)
        })
    }

    fn savings_of(border: Border, entry: &Entry) -> Savings {
        let is_kept = entry.seq > border.seq || (border.pins && entry.pinned);
        let results = match entry.seq == border.seq {
            _ if is_kept => 0,
            true => border.results,
            false => entry.results.len(),
        };
        entry.savings(results)
    }

    /// How message `seq` is edited, in any order; nothing if it is not.
    pub fn edits(&self, border: Border, seq: i64) -> Vec<&Edit> {
        let Some(entry) = self.entries.get(self.first_from(seq)) else {
            return Vec::new();
        };
        if entry.seq != seq || seq > border.seq || (border.pins && entry.pinned) {
            return Vec::new();
        }
        let results = if seq == border.seq {
            border.results
        } else {
            entry.results.len()
        };
        let cleared = entry.results.iter().take(results);
        cleared.flat_map(|result| result.edits.iter()).collect()
    }

    /// True if clearing changes a message with a number in the range.
    pub fn changes(&self, border: Border, first: i64, last: i64) -> bool {
        let (from, to) = (
            self.first_from(first),
            self.first_from(last.saturating_add(1)),
        );
        from < to && first <= border.seq
    }

    /// True if message `seq` was examined: whether it has results. `None` if it was not.
    pub fn has_results(&self, seq: i64) -> Option<bool> {
        if self
            .examined
            .as_ref()
            .is_some_and(|range| range.contains(&seq))
        {
            let entry = self.entries.get(self.first_from(seq));
            return Some(entry.is_some_and(|entry| entry.seq == seq));
        }
        if self.plain.binary_search(&seq).is_ok() {
            return Some(false);
        }
        self.others.binary_search(&seq).is_ok().then_some(true)
    }

    /// Takes in what was found of a message, which is held and counted. Messages that are not next to those examined are
    /// remembered by themselves.
    pub fn insert(&mut self, log: &Log, position: usize, examined: Examined, is_pinned: bool) {
        let Some(stored) = log.get(position) else {
            return;
        };
        let seq = stored.seq;
        if let Some(range) = &self.examined
            && log.position_of(*range.start()) == log.position_of(range.end().saturating_add(1))
        {
            // None of them is held any more.
            self.examined = None;
            self.entries.clear();
        }
        let neighbour = |position: Option<usize>| {
            let seq = position.and_then(|p| log.get(p)).map(|m| m.seq);
            seq.is_some_and(|seq| self.examined.as_ref().is_some_and(|r| r.contains(&seq)))
        };
        let (start, end) = match &self.examined {
            Some(range) if range.contains(&seq) => return,
            Some(range) if neighbour(Some(position + 1)) => (seq, *range.end()),
            Some(range) if neighbour(position.checked_sub(1)) => (*range.start(), seq),
            None => (seq, seq),
            Some(_) => {
                let list = if examined.results.is_empty() {
                    &mut self.plain
                } else {
                    &mut self.others
                };
                if let Err(at) = list.binary_search(&seq) {
                    list.insert(at, seq);
                }
                return;
            }
        };
        self.plain.retain(|other| *other != seq);
        self.others.retain(|other| *other != seq);
        let at_front = self
            .examined
            .as_ref()
            .is_some_and(|range| seq < *range.start());
        self.examined = Some(start..=end);
        if examined.results.is_empty() {
            return;
        }
        let mut entry = Entry {
            seq,
            appended: stored.tokens,
            hidden: stored.flags.hidden(),
            edited: stored.flags.edited(),
            pinned: is_pinned,
            results: examined.results,
            before: self.end,
        };
        if at_front {
            entry.before = self.origin().minus(entry.sums());
            self.entries.push_front(entry);
        } else {
            self.end = self.end.plus(entry.sums());
            self.entries.push_back(entry);
        }
    }

    /// Messages with numbers from `first` to `last` may have become hidden, visible, pinned or unpinned, or may be returned
    /// with or without orphaned results.
    pub fn refresh(&mut self, first: i64, last: i64, log: &Log, is_pinned: impl Fn(i64) -> bool) {
        self.plain.retain(|seq| !(first..=last).contains(seq));
        self.others.retain(|seq| !(first..=last).contains(seq));
        let (from, to) = (
            self.first_from(first),
            self.first_from(last.saturating_add(1)),
        );
        let mut changed = None;
        for index in from..to {
            let Some(entry) = self.entries.get_mut(index) else {
                break;
            };
            let Some(stored) = log.find(entry.seq).and_then(|p| log.get(p)) else {
                continue;
            };
            let flags = stored.flags;
            if flags.edited() != entry.edited {
                // Its results are others.
                let seq = entry.seq;
                self.forget(seq, seq);
                return self.refresh(first, last, log, is_pinned);
            }
            let (hidden, pinned) = (flags.hidden(), is_pinned(entry.seq));
            if (hidden, pinned) != (entry.hidden, entry.pinned) {
                (entry.hidden, entry.pinned) = (hidden, pinned);
                changed.get_or_insert(index);
            }
        }
        if let Some(changed) = changed {
            self.sum_up(changed);
        }
    }

    /// Makes the sums from the entry at `index` on again.
    fn sum_up(&mut self, index: usize) {
        let mut sums = self.before(index);
        for entry in self.entries.range_mut(index.min(self.entries.len())..) {
            entry.before = sums;
            sums = sums.plus(entry.sums());
        }
        self.end = sums;
    }

    /// The messages with these numbers are removed, or have become others. What was examined stays in one piece: the
    /// smaller part of the rest is examined again if they were replaced.
    pub fn forget(&mut self, first: i64, last: i64) {
        self.incoming = None;
        self.plain.retain(|seq| !(first..=last).contains(seq));
        self.others.retain(|seq| !(first..=last).contains(seq));
        let Some(range) = self.examined.clone() else {
            return;
        };
        if last < *range.start() || first > *range.end() {
            return;
        }
        let (from, to) = (
            self.first_from(first),
            self.first_from(last.saturating_add(1)),
        );
        if self.entries.len().saturating_sub(to) >= from && last < *range.end() {
            self.entries.drain(..to);
            self.examined = Some(last.saturating_add(1)..=*range.end());
        } else if first > *range.start() {
            self.end = self.before(from);
            self.entries.truncate(from);
            self.examined = Some(*range.start()..=first.saturating_sub(1));
        } else {
            self.entries.clear();
            self.examined = None;
        }
    }

    /// The messages with these numbers are removed: those around them stay examined.
    pub fn remove(&mut self, first: i64, last: i64) {
        self.incoming = None;
        self.plain.retain(|seq| !(first..=last).contains(seq));
        self.others.retain(|seq| !(first..=last).contains(seq));
        let (from, to) = (
            self.first_from(first),
            self.first_from(last.saturating_add(1)),
        );
        if from < to {
            if from == 0 {
                self.entries.drain(..to);
            } else {
                let before = self.before(from);
                self.entries.drain(from..to);
                if let Some(entry) = self.entries.get_mut(from) {
                    entry.before = before;
                } else {
                    self.end = before;
                }
                self.sum_up(from);
            }
        }
    }

    /// Where the background threads leave what they find.
    pub fn expect(&mut self, findings: Arc<OnceLock<Findings>>) {
        self.incoming = Some(findings);
    }

    /// True if the background threads have been asked for something.
    pub fn expects(&self) -> bool {
        self.incoming.is_some()
    }

    /// What the background threads have found, once they are done.
    pub fn take_findings(&mut self) -> Option<Findings> {
        self.incoming.as_ref()?.get()?;
        let found = self.incoming.take()?;
        Some(Arc::try_unwrap(found).map_or_else(
            |shared| shared.get().cloned().unwrap_or_default(),
            |own| own.into_inner().unwrap_or_default(),
        ))
    }

    /// Checks that the index agrees with the log.
    ///
    /// # Errors
    /// Where it does not.
    pub fn check(&self, log: &Log, is_pinned: impl Fn(i64) -> bool) -> Result<(), String> {
        let mut sums = self.origin();
        for entry in &self.entries {
            let stored = log.find(entry.seq).and_then(|p| log.get(p));
            let Some(stored) = stored else {
                return Err(format!(
                    "results of message {}, which is not held",
                    entry.seq
                ));
            };
            let same = stored.tokens == entry.appended
                && !stored.flags.pending()
                && stored.flags.hidden() == entry.hidden
                && stored.flags.edited() == entry.edited
                && is_pinned(entry.seq) == entry.pinned;
            if !same {
                return Err(format!(
                    "what is known of the results of message {} is old",
                    entry.seq
                ));
            }
            if entry.before != sums {
                return Err(format!(
                    "wrong sums before the results of message {}",
                    entry.seq
                ));
            }
            sums = sums.plus(entry.sums());
        }
        if sums != self.end {
            return Err("wrong sums after the results".into());
        }
        Ok(())
    }
}
