//! What messages cost as RECENT returns them: as they were appended, or with old tool results cleared.

use std::ops::Range;

use super::log::Log;
use super::results::{Border, Results, Savings};
use super::search::{Bytes, Visible, VisibleTokens};
use super::segment::Segment;
use super::sums::Measure;

/// Which tool results are cleared.
#[derive(Clone, Copy)]
pub(super) struct Clearing<'a> {
    pub results: &'a Results,
    pub border: Border,
}

/// The tokens of the messages that RECENT may return. Positions are those of the log.
#[derive(Clone, Copy)]
pub(super) struct Costs<'a> {
    log: &'a Log,
    clearing: Option<Clearing<'a>>,
}

impl<'a> Costs<'a> {
    pub fn new(log: &'a Log, clearing: Option<Clearing<'a>>) -> Self {
        Self { log, clearing }
    }

    /// Tokens and number of the messages from `position` to the end.
    pub fn from(&self, position: usize) -> (i64, u64) {
        let (tokens, messages) = self.log.visible_from(position);
        let savings = self.savings_from(position);
        (signed(tokens).saturating_sub(savings.tokens), messages)
    }

    /// Tokens of the messages of a range.
    pub fn of(&self, range: &Range<usize>) -> i64 {
        let (tokens, _) = self.from(range.start);
        let (after, _) = self.from(range.end.max(range.start));
        tokens.saturating_sub(after)
    }

    /// What clearing saves of the messages of a range.
    pub fn savings_of(&self, range: &Range<usize>) -> Savings {
        let after = self.savings_from(range.end.max(range.start));
        self.savings_from(range.start).minus(after)
    }

    fn savings_from(&self, position: usize) -> Savings {
        let Some(clearing) = self.clearing else {
            return Savings::default();
        };
        let stored = self.log.get(position);
        stored.map_or(Savings::default(), |m| {
            clearing.results.savings_from(clearing.border, m.seq)
        })
    }

    /// The first position from which on the messages cost at most `budget`; nothing if the budget is negative.
    pub fn first_fitting(&self, budget: i64) -> Option<usize> {
        if budget < 0 {
            return None;
        }
        if let Some(clearing) = self.clearing {
            return Some(self.first_fitting_cleared(clearing, budget));
        }
        let budget = budget.unsigned_abs();
        let surplus = self.log.total::<VisibleTokens>().saturating_sub(budget);
        self.log.first_reaching::<VisibleTokens>(surplus)
    }

    /// Finds the segment in which the budget is exceeded, and walks through that one from its end.
    fn first_fitting_cleared(&self, clearing: Clearing<'_>, budget: i64) -> usize {
        let log = self.log;
        let total = VisibleTokens::sum(&log.end);
        let cost_from = |segment: &Segment| {
            let tokens = total.wrapping_sub(VisibleTokens::sum(&segment.before));
            let savings = clearing
                .results
                .savings_from(clearing.border, segment.base_seq);
            signed(tokens).saturating_sub(savings.tokens)
        };
        let after = log.segments.partition_point(|s| cost_from(s) > budget);
        let index = after.checked_sub(1);
        let Some((index, segment)) = index.and_then(|i| Some((i, log.segments.get(i)?))) else {
            return 0;
        };
        let next = log.segments.get(index + 1);
        let mut cost = next.map_or(0, cost_from);
        let last = next.map_or(i64::MAX, |next| next.base_seq.saturating_sub(1));
        let newest_first = clearing
            .results
            .newest_first(clearing.border, segment.base_seq..=last);
        let mut savings = newest_first.peekable();
        let entries = segment.entries();
        let mut inner = entries.len();
        for entry in entries.iter().rev() {
            let seq = segment.seq(entry);
            while savings.next_if(|(newer, _)| *newer > seq).is_some() {}
            if !entry.flags.hidden() {
                cost = cost.saturating_add(i64::from(entry.tokens));
            }
            if let Some((_, saved)) = savings.next_if(|(same, _)| *same == seq) {
                cost = cost.saturating_sub(saved);
            }
            if cost > budget {
                break;
            }
            inner -= 1;
        }
        let first = segment.before.messages.wrapping_sub(log.origin().messages);
        first as usize + inner
    }
}

/// The first position from which on there are at most so many messages that RECENT may return.
pub(super) fn first_within(log: &Log, messages: u64) -> Option<usize> {
    match log.total::<Visible>().saturating_sub(messages) {
        0 => Some(0),
        surplus => log.first_reaching::<Visible>(surplus),
    }
}

/// The position from which on there are about so many bytes before `position`.
pub(super) fn bytes_before(log: &Log, position: usize, bytes: u64) -> usize {
    let target = log.before::<Bytes>(position).saturating_sub(bytes);
    let first = log.first_reaching::<Bytes>(target).unwrap_or(0);
    first.min(position.saturating_sub(1))
}

/// Sums are far below the limit.
pub(super) fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
