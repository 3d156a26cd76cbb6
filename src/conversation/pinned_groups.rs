//! The groups with pinned messages, which RECENT returns before the window.

use std::ops::Range;

use super::Conversation;
use super::costs::Costs;
use super::search::{Edited, Visible};

/// A group with a pinned message that RECENT may return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PinnedGroup {
    /// Where it is. Hidden messages in between are not part of it.
    pub range: Range<usize>,
    /// Tokens of this group and of the pinned groups after it.
    pub tokens_from: i64,
}

/// Groups with pinned messages, in order. Leading system messages are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PinnedGroups(Vec<PinnedGroup>);

impl PinnedGroups {
    /// Those of `conversation`. Takes O(log n) for each pin.
    pub fn of(conversation: &Conversation, costs: &Costs<'_>) -> Self {
        let log = &conversation.log;
        let mut groups: Vec<PinnedGroup> = Vec::new();
        for &seq in conversation.pins() {
            let Some(position) = log.find(seq).filter(|&p| p >= log.leading()) else {
                continue;
            };
            let is_known = groups.last().is_some_and(|g| position < g.range.end);
            if is_known || log.get(position).is_none_or(|m| m.flags.hidden()) {
                continue;
            }
            let start = log.group_start_until(position).unwrap_or(position);
            let end = log.group_start_from(position + 1);
            groups.push(PinnedGroup {
                range: start..end.unwrap_or_else(|| log.len()),
                tokens_from: 0,
            });
        }
        let mut tokens_from = 0i64;
        for group in groups.iter_mut().rev() {
            tokens_from = tokens_from.saturating_add(costs.of(&group.range));
            group.tokens_from = tokens_from;
        }
        Self(groups)
    }

    /// Where the groups are.
    pub fn ranges(&self) -> impl Iterator<Item = &Range<usize>> {
        self.0.iter().map(|group| &group.range)
    }

    /// Tokens of all groups.
    pub fn tokens(&self) -> i64 {
        self.tokens_from(0)
    }

    /// Tokens of the groups that begin at or after `position`.
    pub fn tokens_from(&self, position: usize) -> i64 {
        let first = self.0.partition_point(|g| g.range.start < position);
        self.0.get(first).map_or(0, |g| g.tokens_from)
    }

    /// True if the message at `position` is in one of the groups.
    pub fn contain(&self, position: usize) -> bool {
        let after = self.0.partition_point(|g| g.range.start <= position);
        let group = after.checked_sub(1).and_then(|at| self.0.get(at));
        group.is_some_and(|g| position < g.range.end)
    }

    /// The groups that begin before `position`.
    pub fn before(&self, position: usize) -> Vec<Range<usize>> {
        let ranges = self.ranges().take_while(|range| range.start < position);
        ranges.cloned().collect()
    }

    /// The first position from which on the messages without those of pinned groups cost at most `budget`; nothing if the
    /// budget is negative.
    pub fn first_fitting(&self, costs: &Costs<'_>, budget: i64) -> Option<usize> {
        // A window that begins at a pinned group may cost the budget and all pinned groups from there on. Between the last
        // pinned group where that is too little and the next one, what pinned groups cost does not change.
        let next = self.0.partition_point(|group| {
            costs.from(group.range.start).0 > budget.saturating_add(group.tokens_from)
        });
        let pinned = self.0.get(next).map_or(0, |group| group.tokens_from);
        if budget < 0 {
            return None;
        }
        costs.first_fitting(budget.saturating_add(pinned))
    }
}

impl Conversation {
    /// How many messages of these groups RECENT returns, and how many of them without their orphaned results.
    pub(super) fn returned_of(&self, groups: &[Range<usize>]) -> (u64, u64) {
        let log = &self.log;
        groups.iter().fold((0, 0), |(messages, edited), range| {
            let visible = log.before::<Visible>(range.end) - log.before::<Visible>(range.start);
            let without = match log.total::<Edited>() {
                0 => 0,
                _ => log.before::<Edited>(range.end) - log.before::<Edited>(range.start),
            };
            (messages + visible, edited + without)
        })
    }
}
