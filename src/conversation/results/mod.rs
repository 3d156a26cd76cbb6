//! The tool results of a conversation, for `CONV.RECENT ... CLEAR`: which messages hold some, and what these messages cost
//! when their results are cleared.
//!
//! The index is made when it is first asked for, newest messages first and only as far back as a reply needs it, and kept
//! from then on: a conversation that is never read with CLEAR pays nothing for it. It is not stored; after a load it is
//! made again. Running sums before each entry make all that a selection asks for a binary search.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use super::examine::Examined;
use super::log::Log;
use entry::{Entry, ResultSums};

mod entry;
mod reading;

pub use entry::Savings;
pub use reading::Border;

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
    /// Messages outside of that range that were examined one by one, in ascending order: without and with results.
    plain: Vec<i64>,
    others: Vec<i64>,
    /// What the background threads find.
    incoming: Option<Arc<OnceLock<Findings>>>,
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
    /// remembered one by one.
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
        let mut others: Option<(i64, i64)> = None;
        for index in from..to {
            let Some(entry) = self.entries.get_mut(index) else {
                break;
            };
            let Some(stored) = log.find(entry.seq).and_then(|p| log.get(p)) else {
                continue;
            };
            let flags = stored.flags;
            if flags.edited() != entry.edited {
                // Its results are no longer the same.
                let first = others.map_or(entry.seq, |(first, _)| first);
                others = Some((first, entry.seq));
            }
            let (hidden, pinned) = (flags.hidden(), is_pinned(entry.seq));
            if (hidden, pinned) != (entry.hidden, entry.pinned) {
                (entry.hidden, entry.pinned) = (hidden, pinned);
                changed.get_or_insert(index);
            }
        }
        if let Some(changed) = changed {
            self.sum_up(changed, self.before(changed));
        }
        if let Some((first, last)) = others {
            self.forget(first, last);
        }
    }

    /// Makes the sums from the entry at `index` on again; those before it are `sums`.
    fn sum_up(&mut self, index: usize, mut sums: ResultSums) {
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

    /// The messages with numbers from `first` to `last` are removed: those around them stay examined.
    pub fn remove_range(&mut self, first: i64, last: i64) {
        self.removed(first, last, |_| true);
        let (from, to) = (
            self.first_from(first),
            self.first_from(last.saturating_add(1)),
        );
        if from == 0 {
            // The sums begin elsewhere; their differences stay.
            self.entries.drain(..to);
        } else if from < to {
            let before = self.before(from);
            self.entries.drain(from..to);
            self.sum_up(from, before);
        }
    }

    /// As [`Results::remove_range`], for the messages with these numbers, which ascend.
    pub fn remove(&mut self, seqs: &[i64]) {
        let (first, last) = match seqs {
            [] => return,
            [seq] => return self.remove_range(*seq, *seq),
            [first, .., last] => (*first, *last),
        };
        let is_removed = |seq: i64| seqs.binary_search(&seq).is_ok();
        self.removed(first, last, is_removed);
        let from = self.first_from(first);
        let before = self.before(from);
        self.entries.retain(|entry| !is_removed(entry.seq));
        self.sum_up(from, before);
    }

    /// Forgets what is known of removed messages outside the examined range.
    fn removed(&mut self, first: i64, last: i64, is_removed: impl Fn(i64) -> bool) {
        self.incoming = None;
        let is_removed = |seq: &i64| (first..=last).contains(seq) && is_removed(*seq);
        self.plain.retain(|seq| !is_removed(seq));
        self.others.retain(|seq| !is_removed(seq));
    }

    /// Message `seq` is new. If its number was that of an examined message, which is removed, nothing is known of it.
    pub fn appended(&mut self, seq: i64) {
        if self
            .examined
            .as_ref()
            .is_some_and(|range| range.contains(&seq))
        {
            self.forget(seq, seq);
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
