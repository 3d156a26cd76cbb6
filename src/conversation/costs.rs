//! What messages cost as RECENT returns them.

use std::ops::Range;

use super::log::Log;
use super::search::{Visible, VisibleTokens};

/// The tokens of the messages that RECENT may return. Positions are those of the log.
#[derive(Clone, Copy)]
pub(super) struct Costs<'a> {
    log: &'a Log,
}

impl<'a> Costs<'a> {
    /// What the messages cost as they were appended.
    pub fn as_appended(log: &'a Log) -> Self {
        Self { log }
    }

    /// Tokens and number of the messages from `position` to the end.
    pub fn from(&self, position: usize) -> (i64, u64) {
        let (tokens, messages) = self.log.visible_from(position);
        (signed(tokens), messages)
    }

    /// Tokens of the messages of a range.
    pub fn of(&self, range: &Range<usize>) -> i64 {
        let (tokens, _) = self.from(range.start);
        let (after, _) = self.from(range.end.max(range.start));
        tokens.saturating_sub(after)
    }

    /// The first position from which on the messages cost at most `budget`; nothing if the budget is negative.
    pub fn first_fitting(&self, budget: i64) -> Option<usize> {
        let budget = u64::try_from(budget).ok()?;
        let surplus = self.log.total::<VisibleTokens>().saturating_sub(budget);
        self.log.first_reaching::<VisibleTokens>(surplus)
    }
}

/// The first position from which on there are at most so many messages that RECENT may return.
pub(super) fn first_within(log: &Log, messages: u64) -> Option<usize> {
    match log.total::<Visible>().saturating_sub(messages) {
        0 => Some(0),
        surplus => log.first_reaching::<Visible>(surplus),
    }
}

/// Sums are far below the limit.
pub(super) fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
