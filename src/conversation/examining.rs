//! Examining messages for `CLEAR`: once for each message, newest first, at once or on the background threads.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::examine::examine;
use super::results::{Finding, Results};
use super::{Conversation, Unreadable};
use crate::tokens::Counter;

/// Bytes of messages that are copied and examined at a time.
const BATCH_BYTES: usize = 256 << 10;

/// If more bytes were appended since the last message that was examined, what was examined is forgotten.
const MOST_NEWER_BYTES: usize = 1 << 20;

/// The index of tool results, if there is one. A copy of a conversation has none: it is made when it is needed.
#[derive(Debug, Default)]
pub(super) struct LazyResults(Option<Box<Results>>);

impl Clone for LazyResults {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl LazyResults {
    pub fn get(&self) -> Option<&Results> {
        self.0.as_deref()
    }

    pub fn get_mut(&mut self) -> Option<&mut Results> {
        self.0.as_deref_mut()
    }

    /// All messages are counted in another way: nothing is known any more.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    pub fn heap_bytes(&self) -> usize {
        self.get().map_or(0, Results::heap_bytes)
    }
}

impl Conversation {
    /// The index of tool results, and the positions of the messages that were examined; nothing if there are none.
    pub(super) fn examined(&self) -> Option<(&Results, Range<usize>)> {
        let results = self.results.get()?;
        let seqs = results.examined()?;
        let from = self.log.position_of(*seqs.start());
        let to = self.log.position_of(seqs.end().saturating_add(1));
        (from < to).then_some((results, from..to))
    }

    /// Positions of messages in these ranges that were not examined. What was examined stays in one piece, so it grows from
    /// its ends: newer messages come oldest first, older ones newest first. In a range that touches neither end, messages
    /// that were examined one by one are done.
    fn to_examine<'a>(&'a self, missing: &'a [Range<usize>]) -> impl Iterator<Item = usize> + 'a {
        let examined = self.examined().map_or(0..0, |(_, examined)| examined);
        let end = examined.end;
        let ends = examined.clone();
        let positions = missing.iter().flat_map(move |range| {
            let is_newer = end > 0 && range.end > end;
            let is_apart = range.end < ends.start || range.start > ends.end;
            let (start, last) = (range.start, range.end.saturating_sub(1));
            let ordered = range.clone().map(move |position| {
                if is_newer {
                    position
                } else {
                    last - (position - start)
                }
            });
            ordered.filter(move |position| !(is_apart && self.was_examined(*position)))
        });
        let len = self.log.len();
        positions.filter(move |position| *position < len && !examined.contains(position))
    }

    fn was_examined(&self, position: usize) -> bool {
        let stored = self.log.get(position);
        let known = stored.and_then(|m| self.results.get()?.has_results(m.seq));
        known.is_some()
    }

    /// Forgets what was examined if so much has been appended since that it is of little use: examining begins with the
    /// newest messages then.
    fn forget_old_results(&mut self) {
        let Some((_, examined)) = self.examined() else {
            return;
        };
        let newer = examined.end..self.log.len();
        if self.log.bytes_of(&newer) > MOST_NEWER_BYTES {
            self.results.clear();
        }
    }

    /// Bytes of the messages in these ranges that were not examined, counted up to `most`.
    pub(super) fn bytes_to_examine(&self, missing: &[Range<usize>], most: usize) -> usize {
        let mut bytes = 0;
        for position in self.to_examine(missing) {
            bytes += self.log.get(position).map_or(0, |m| m.len);
            if bytes > most {
                break;
            }
        }
        bytes
    }

    /// Examines messages of these ranges until `most` bytes of them are done or handed over.
    ///
    /// # Errors
    /// There is not enough memory to decompress a message.
    pub(super) fn examine_missing(
        &mut self,
        missing: &[Range<usize>],
        most: usize,
        counter: &impl Counter,
        pause: &mut impl FnMut(),
    ) -> Result<(), Unreadable> {
        if missing.is_empty() {
            return Ok(());
        }
        self.forget_old_results();
        let mut done = 0usize;
        while done < most {
            let (batch, bytes) = self.copies(missing, most - done)?;
            if batch.is_empty() {
                break;
            }
            done = done.saturating_add(bytes);
            let rules = self.attributes.rules();
            let findings = Arc::new(OnceLock::new());
            let results = self.results.0.get_or_insert_default();
            results.expect(Arc::clone(&findings));
            counter.run(Box::new(move || {
                let found = batch.into_iter().map(|(seq, edited, message)| Finding {
                    seq,
                    edited,
                    examined: examine(&message, edited, rules),
                });
                let _ = findings.set(found.collect());
            }));
            self.take_findings();
            if self.results.get().is_some_and(Results::expects) {
                break;
            }
            pause();
        }
        Ok(())
    }

    /// Copies of messages to be examined: number, whether it is returned without orphaned results, bytes.
    #[expect(clippy::type_complexity, reason = "used once")]
    fn copies(
        &self,
        missing: &[Range<usize>],
        most: usize,
    ) -> Result<(Vec<(i64, bool, Box<[u8]>)>, usize), Unreadable> {
        let (mut batch, mut bytes) = (Vec::new(), 0usize);
        for position in self.to_examine(missing) {
            let copy = self.log.with_message(position, |m| Box::<[u8]>::from(m))?;
            if let (Some(stored), Some(copy)) = (self.log.get(position), copy) {
                bytes = bytes.saturating_add(copy.len().max(1));
                batch.push((stored.seq, stored.flags.edited(), copy));
            }
            if bytes >= most.min(BATCH_BYTES) {
                break;
            }
        }
        Ok((batch, bytes))
    }

    /// Takes in what the background threads have found of messages that have not changed since.
    pub(super) fn take_findings(&mut self) {
        let found = self.results.get_mut().and_then(Results::take_findings);
        for finding in found.unwrap_or_default() {
            let Some(position) = self.log.find(finding.seq) else {
                continue;
            };
            let Some(stored) = self.log.get(position) else {
                continue;
            };
            if stored.flags.edited() != finding.edited {
                continue;
            }
            if stored.flags.pending() && !finding.examined.results.is_empty() {
                // It has been counted on the way.
                self.tickets.remove(finding.seq);
                self.log
                    .set_counts(&[(finding.seq, finding.examined.tokens)]);
            }
            let is_pinned = self.is_pinned(finding.seq);
            if let Some(results) = self.results.get_mut() {
                results.insert(&self.log, position, finding.examined, is_pinned);
            }
        }
    }

    /// The messages from `from` to `to` may have become hidden, visible, pinned or unpinned.
    pub(super) fn refresh_results(&mut self, from: usize, to: usize) {
        let Some(results) = self.results.get_mut() else {
            return;
        };
        let log = &self.log;
        let (Some(first), Some(last)) = (log.get(from), to.checked_sub(1).and_then(|p| log.get(p)))
        else {
            return;
        };
        let pins = &self.pins;
        results.refresh(first.seq, last.seq, log, |seq| pins.contains(seq));
    }
}
