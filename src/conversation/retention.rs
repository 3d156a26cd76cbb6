//! What retention and TRIM remove: the oldest messages, in whole groups. Never leading system messages, nor those that
//! become leading; never the newest group nor the orphans after it, or the newest message if there is no group.

use super::Conversation;
use super::search::{Others, Systems, Tokens};

/// How much of a conversation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most so many messages, all held counted.
    Messages(u64),
    /// At most this sum of T(message), over all held.
    Tokens(u64),
    /// No message with a smaller sequence number.
    Before(i64),
}

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

    /// Ranges of sequence numbers to drop, both ends included, so that `limit` is kept as far as it can be.
    #[must_use]
    pub fn to_drop(&self, limit: Limit) -> Vec<(i64, i64)> {
        let log = &self.log;
        let mut ranges = Vec::new();
        let mut from = log.leading();
        let mut end = self.newest_group_start(from);
        let mut surplus = match limit {
            Limit::Messages(most) => (log.len() as u64).saturating_sub(most),
            Limit::Tokens(most) => log.total::<Tokens>().saturating_sub(most),
            Limit::Before(_) => 1,
        };
        while surplus > 0 && from < end {
            let wanted = self.cut(limit, from, surplus);
            let cut = wanted.min(end);
            // A system message on the way becomes a leading one and stays; removal continues after it.
            let system = self.system_from(from).min(cut);
            if let (Some(first), Some(last)) = (
                log.get(from),
                system.checked_sub(1).and_then(|last| log.get(last)),
            ) && first.seq <= last.seq
            {
                ranges.push((first.seq, last.seq));
            }
            if system >= wanted {
                break;
            }
            surplus = match limit {
                Limit::Messages(_) => surplus.saturating_sub(system.saturating_sub(from) as u64),
                Limit::Tokens(_) => {
                    let gone = log.before::<Tokens>(system);
                    surplus.saturating_sub(gone.saturating_sub(log.before::<Tokens>(from)))
                }
                Limit::Before(_) => surplus,
            };
            from = self.other_from(system);
            // The newest group was a system message, which is a leading one now: no group is left after it.
            if from > end {
                end = self.newest_group_start(from);
            }
        }
        ranges
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
                let behind = log.position_of(seq);
                if behind >= end {
                    return end;
                }
                return log.group_start_until(behind).unwrap_or(from);
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
