//! What retention and `CONV.TRIM` remove: the oldest messages, in whole groups.
//!
//! They never remove a leading system message or one that becomes leading; a pinned message or the other messages of its
//! group; the newest group and the orphaned results after it; or the newest message if there is no group.

use std::iter;
use std::ops::Range;

use super::effect::Effect;
use super::search::{Others, Systems, Tokens};
use super::{Conversation, Unreadable};
use crate::tokens::Nobody;

/// How much of a conversation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most this many messages, all messages held included.
    Messages(u64),
    /// At most this sum of T(message), over all messages held.
    Tokens(u64),
    /// No message with a smaller sequence number.
    Before(i64),
}

/// Messages to remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Ranges of sequence numbers, both ends included.
    pub ranges: Vec<(i64, i64)>,
    /// There may be more to remove, which depends on the groups that the remaining messages form.
    pub is_partial: bool,
}

/// Most partial removals in a row. Groups that change on each removal are rare, and a removal costs some µs.
const MOST_STEPS: usize = 1000;

impl Conversation {
    /// The limits that the attributes set for each append.
    #[must_use]
    pub fn limits(&self) -> [Option<Limit>; 2] {
        let set = |n: u64| (n > 0).then_some(n);
        [
            set(self.attributes.max_messages).map(Limit::Messages),
            set(self.attributes.max_tokens).map(Limit::Tokens),
        ]
    }

    /// Removes messages so that `limit` is kept as far as it can be. Returns the ranges of sequence numbers that were
    /// removed. Used on a copy, it tells what the removal of the same ranges does to the original.
    ///
    /// # Errors
    /// There is not enough memory to decompress what is changed. What was removed before stays removed.
    pub fn retain(&mut self, limit: Limit, at: i64) -> (Vec<(i64, i64)>, Result<(), Unreadable>) {
        let mut removed = Vec::new();
        for _ in 0..MOST_STEPS {
            let Removal { ranges, is_partial } = self.to_drop(limit);
            if ranges.is_empty() {
                break;
            }
            let mut effect = Effect {
                at,
                drop: ranges,
                ..Effect::default()
            };
            if let Err(why) = self.prepare(&effect) {
                return (removed, Err(why));
            }
            self.apply(&mut effect, &Nobody);
            removed.append(&mut effect.drop);
            if !is_partial {
                break;
            }
        }
        (removed, Ok(()))
    }

    /// What to remove so that `limit` is kept as far as it can be.
    #[must_use]
    pub fn to_drop(&self, limit: Limit) -> Removal {
        let log = &self.log;
        let mut removal = Removal::default();
        let mut from = log.leading();
        let mut end = self.newest_group_start(from);
        let mut surplus = match limit {
            Limit::Messages(most) => (log.len() as u64).saturating_sub(most),
            Limit::Tokens(most) => log.total::<Tokens>().saturating_sub(most),
            Limit::Before(_) => 1,
        };
        if surplus == 0 {
            return removal;
        }
        // Everything before `from` that stays is a leading system message.
        let mut is_leading = true;
        let mut pinned = self.pinned_units(from).peekable();
        while surplus > 0 && from < end {
            if let Some(unit) = pinned.next_if(|unit| unit.start <= from) {
                // Otherwise it is a system message that is a leading one now.
                if unit.end > from {
                    is_leading = false;
                    from = unit.end;
                }
                continue;
            }
            let wanted = self.cut(limit, from, surplus);
            let mut cut = wanted.min(end);
            if let Some(unit) = pinned.peek() {
                cut = cut.min(unit.start);
            }
            // A pinned group that can grow is joined, perhaps, by what follows the next removal.
            let can_grow = !is_leading && !self.is_clean_before(from);
            if can_grow {
                cut = cut.min(log.group_start_from(from + 1).unwrap_or(end));
            }
            // A system message on the way becomes a leading one and stays; removal continues after it.
            let to = if is_leading {
                self.system_from(from).min(cut)
            } else {
                cut
            };
            if from < to
                && let (Some(first), Some(last)) = (log.get(from), log.get(to - 1))
            {
                removal.ranges.push((first.seq, last.seq));
            }
            if to >= wanted {
                break;
            }
            if can_grow {
                removal.is_partial = true;
                break;
            }
            surplus = match limit {
                Limit::Messages(_) => surplus.saturating_sub(to.saturating_sub(from) as u64),
                Limit::Tokens(_) => {
                    let removed = log.before::<Tokens>(to);
                    surplus.saturating_sub(removed.saturating_sub(log.before::<Tokens>(from)))
                }
                Limit::Before(_) => surplus,
            };
            from = to;
            if is_leading {
                from = self.other_from(to);
                // The newest group was a system message, which is a leading one now: no group is left after it.
                if from > end {
                    end = self.newest_group_start(from);
                }
            }
        }
        removal
    }

    /// Positions of pinned messages at or after `from`, each with all messages between the same group starts.
    fn pinned_units(&self, from: usize) -> impl Iterator<Item = Range<usize>> {
        let log = &self.log;
        let mut pins = self.pins().iter();
        let mut after = from;
        iter::from_fn(move || {
            loop {
                let position = log.position_of(*pins.next()?);
                if position < after {
                    continue;
                }
                let start = log.group_start_until(position).unwrap_or(after);
                let end = log.group_start_from(position.saturating_add(1));
                let unit = start.max(after)..end.unwrap_or_else(|| log.len());
                after = unit.end;
                return Some(unit);
            }
        })
    }

    /// True if no group that began before `position` can grow.
    fn is_clean_before(&self, position: usize) -> bool {
        position
            .checked_sub(1)
            .and_then(|last| self.log.get(last))
            .is_none_or(|last| last.flags.clean())
    }

    /// Where to cut after `from` so that at least `surplus` messages or tokens are removed, or what `Before` asks for.
    fn cut(&self, limit: Limit, from: usize, surplus: u64) -> usize {
        let log = &self.log;
        let end = log.len();
        let needed = match limit {
            Limit::Messages(_) => {
                from.saturating_add(usize::try_from(surplus).unwrap_or(usize::MAX))
            }
            Limit::Tokens(_) => {
                let target = log.before::<Tokens>(from).saturating_add(surplus);
                log.first_reaching::<Tokens>(target).unwrap_or(end)
            }
            Limit::Before(seq) => {
                let first_kept = log.position_of(seq);
                if first_kept >= end {
                    return end;
                }
                return log.group_start_until(first_kept).unwrap_or(from);
            }
        };
        if needed >= end {
            return end;
        }
        log.group_start_from(needed).unwrap_or(end)
    }

    /// Position of the first system message at or after `from`.
    fn system_from(&self, from: usize) -> usize {
        self.log
            .next::<Systems>(from)
            .unwrap_or_else(|| self.log.len())
    }

    /// Position of the first other message at or after `from`.
    fn other_from(&self, from: usize) -> usize {
        self.log
            .next::<Others>(from)
            .unwrap_or_else(|| self.log.len())
    }

    /// Where the newest group begins. If there is none: where the reasoning that waits begins, or the newest message.
    fn newest_group_start(&self, leading: usize) -> usize {
        let end = self.log.len();
        match self.log.last_visible_before(end).filter(|&p| p >= leading) {
            Some(visible) => self.log.group_start_until(visible).unwrap_or(leading),
            None => {
                let newest = end.saturating_sub(1).max(leading);
                let waiting = self.tracker.waiting_reasoning();
                waiting.map_or(newest, |seq| self.log.position_of(seq).min(newest))
            }
        }
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
