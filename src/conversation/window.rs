//! Selecting: which messages make the prompt for a budget.
//!
//! All sums are differences of the log's running sums, all group starts are found by binary search; nothing here
//! depends on how long the conversation is, but for the logarithm.

use std::iter;
use std::ops::Range;

use super::Conversation;
use super::clearing::Clear;
use super::costs::{Costs, first_within, signed};
use super::cutting::Oversized;
use super::log::Log;
use super::pinned_groups::PinnedGroups;
use super::results::Border;
use super::search::Edited;
use crate::tokens::REPLY_TOKENS;

/// What happens if not even the newest group fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Oversize {
    /// The window is empty.
    #[default]
    Empty,
    /// That group is returned alone.
    Keep,
    /// That group is cut to fit.
    Cut,
}

/// What RECENT is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Largest number of tokens of the reply.
    pub max_tokens: i64,
    /// `MESSAGES`: largest number of messages in the window.
    pub messages: Option<u64>,
    /// `START USER`.
    pub start_user: bool,
    /// `OVERSIZE`.
    pub oversize: Oversize,
    /// `STEP`, in tokens; not 0.
    pub step: Option<u64>,
    /// `NOSYSTEM`.
    pub no_system: bool,
    /// `NOSUMMARY`.
    pub no_summary: bool,
    /// `NOPINS`.
    pub no_pins: bool,
    /// `CLEAR`.
    pub clear: Option<Clear>,
}

/// What was selected, in the order of the reply: system messages, summary, pinned groups and the user message before the
/// window, window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// Number of leading system messages in the reply.
    pub system: usize,
    /// Leading system messages that are not in the reply.
    pub system_left_out: usize,
    /// The reply includes the summary.
    pub summary: bool,
    /// Positions of the pinned groups before the window. Hidden messages in between are not returned.
    pub pinned_groups: Vec<Range<usize>>,
    /// Position of a user message that START USER placed before the window.
    pub user: Option<usize>,
    /// Positions of the window. Hidden messages in it are not returned.
    pub range: Range<usize>,
    /// Tokens of the reply, 0 if it is empty.
    pub tokens: i64,
    /// Sequence number of the window's first message, 0 if it is empty.
    pub first: i64,
    /// Sequence number of the window's last message, 0 if it is empty.
    pub last: i64,
    /// Messages before `first` (if the window is empty: all) that are not in the reply.
    pub skipped: u64,
    /// Messages of the pinned groups before the window.
    pub pinned: u64,
    /// Messages between `first` and `last` that are not in the reply.
    pub dropped: u64,
    /// Messages of the reply that are returned without their orphaned results, or with cleared results.
    pub edited: u64,
    /// Results of the reply that are cleared.
    pub cleared: u64,
    /// Texts of the reply that are cut.
    pub cut: u64,
    /// The messages with texts that are cut, by number.
    pub(super) cut_messages: Vec<(i64, Vec<u8>)>,
    /// Which results are cleared.
    pub(super) border: Option<Border>,
    /// The window is one group that does not fit, and was asked for all the same.
    pub over: bool,
    /// Older messages than those held could not have been part of the reply.
    pub filled: bool,
    /// The counts on which the decisions depended.
    pub(super) basis: Basis,
}

/// The messages on whose counts a selection depends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Basis {
    /// Where the candidates begin.
    pub region: usize,
    /// Where the newest group begins; after all messages if there is none.
    pub newest: usize,
    /// Where the oldest group begins from which on all fits, before STEP and START USER move the start; after all
    /// messages if not even the newest fits. Whatever was decided, it depends on the counts from here on.
    pub fitting: usize,
    /// The user message that START USER considered, whether it was placed before the window or not.
    pub user: Option<usize>,
    /// Pinned groups that were considered, those in the window too.
    pub pinned: Vec<Range<usize>>,
    /// All candidates.
    pub all_counts: bool,
    /// What system messages and summary cost.
    pub spent: i64,
    /// The newest group does not fit, and is to be cut.
    pub oversized: Option<Oversized>,
    /// Messages of which it is not known yet what they cost when their results are cleared.
    pub unexamined: Vec<Range<usize>>,
}

/// The groups that may be in the window.
struct Candidates<'a> {
    log: &'a Log,
    costs: Costs<'a>,
    pinned: PinnedGroups,
    /// Position of the first whose cost is known.
    region: usize,
    /// Start of the newest group.
    newest: usize,
    /// What system messages and summary have left, for pinned groups and window.
    budget: i64,
}

impl Candidates<'_> {
    /// Tokens from `start` to the end without those of pinned groups.
    fn unpinned_from(&self, start: usize) -> i64 {
        let pinned = self.pinned.tokens_from(start);
        self.costs.from(start).0.saturating_sub(pinned)
    }

    /// What the window may cost without the pinned groups in it.
    fn unpinned_budget(&self) -> i64 {
        self.budget.saturating_sub(self.pinned.tokens())
    }

    /// The start of the oldest group from which on the unpinned ones fit, if the newest does.
    fn fitting(&self, budget: i64, messages: u64) -> Option<usize> {
        let by_tokens = self.pinned.first_fitting(&self.costs, budget)?;
        let by_number = first_within(self.log, messages)?;
        let position = by_tokens.max(by_number).max(self.region);
        self.log
            .group_start_from(position)
            .filter(|&start| start <= self.newest)
    }
}

impl Conversation {
    /// Selects the newest messages that fit.
    #[must_use]
    pub fn select(&self, request: &Request) -> Window {
        let log = &self.log;
        let mut budget = request.max_tokens.saturating_sub(REPLY_TOKENS);
        let mut window = Window {
            range: log.len()..log.len(),
            basis: Basis {
                region: log.len(),
                newest: log.len(),
                fitting: log.len(),
                ..Basis::default()
            },
            ..Window::default()
        };
        let mut spent = 0;

        let leading = log.leading();
        let system_tokens = signed(log.leading_tokens());
        if !request.no_system && leading > 0 && system_tokens <= budget {
            window.system = leading;
            spent += system_tokens;
            budget -= system_tokens;
        }
        window.system_left_out = leading - window.system;
        let mut region = leading;
        if let Some(summary) = self.summary().filter(|_| !request.no_summary)
            && let Some(tokens) = self.summary_tokens().map(i64::from)
            && tokens <= budget
        {
            window.summary = true;
            spent += tokens;
            budget -= tokens;
            if let Some(upto) = summary.upto {
                let behind = log.position_of(upto.saturating_add(1));
                if behind > leading {
                    region = log.group_start_from(behind).unwrap_or(log.len());
                }
                window.filled = log.first_seq().is_some_and(|oldest| upto >= oldest);
            }
        }

        window.basis.region = region;
        let plan = self.plan_clearing(request, region);
        window.border = plan.clearing.map(|clearing| clearing.border);
        window.basis.all_counts = plan.all_counts;
        let costs = Costs::new(log, plan.clearing);
        let last = log.last_visible_before(log.len());
        let newest = last
            .filter(|&visible| visible >= region)
            .and_then(|visible| log.group_start_until(visible));
        let mut pinned = PinnedGroups::default();
        if !request.no_pins && !self.pins().is_empty() {
            pinned = PinnedGroups::of(self, &costs);
            // Also if they do not fit: they may when their results have been examined and are cleared.
            window.basis.pinned = pinned.ranges().cloned().collect();
            if !pins_fit(log, &costs, &pinned, newest, request, budget, &mut window) {
                pinned = PinnedGroups::default();
            }
        }
        if let Some(newest) = newest {
            window.basis.newest = newest;
            let candidates = Candidates {
                log,
                costs,
                pinned,
                region: match request.clear {
                    Some(_) => self.first_examined(&plan, region),
                    None => region,
                },
                newest,
                budget,
            };
            let (tokens, messages) = candidates.costs.from(region);
            let all = tokens.saturating_sub(candidates.pinned.tokens_from(region));
            window.filled |= all > candidates.unpinned_budget()
                || request.messages.is_some_and(|n| messages > n);
            fill(&candidates, all, request, &mut window);
            window.pinned_groups = candidates.pinned.before(window.range.start);
        } else {
            window.pinned_groups = pinned.before(log.len());
        }
        window.basis.spent = spent;
        self.describe(&mut window, &costs, last);
        window.basis.unexamined = self.unexamined(request, &plan, &window);
        window
    }

    /// Fills in the figures that follow from what was selected; `last` is the newest message that may be returned.
    pub(super) fn describe(&self, window: &mut Window, costs: &Costs<'_>, last: Option<usize>) {
        let log = &self.log;
        let start = window.range.start;
        let (tokens, visible) = costs.from(start);
        let user = window.user.and_then(|p| log.get(p));
        let (pinned, pinned_edited) = self.returned_of(&window.pinned_groups);
        window.pinned = pinned;
        let any = window.system > 0 || window.summary || pinned > 0 || visible > 0;
        if any {
            let pinned_tokens = window.pinned_groups.iter().map(|range| costs.of(range));
            let user_tokens = window.user.map_or(0, |p| costs.of(&(p..p + 1)));
            window.tokens = pinned_tokens
                .chain([window.basis.spent, user_tokens, tokens])
                .fold(REPLY_TOKENS, i64::saturating_add);
        }
        // What begins with a visible message needs no search.
        let first = match log.get(start) {
            Some(message) if !message.flags.hidden() => Some(start),
            _ => log.next_visible(start),
        };
        // The window may hold no visible message.
        let last = last.filter(|_| first.is_some());
        if let (Some(first), Some(last)) = (first, last)
            && let (Some(oldest), Some(newest)) = (log.get(first), log.get(last))
        {
            window.first = oldest.seq;
            window.last = newest.seq;
            // No message after `last` is visible.
            let held = (last + 1).saturating_sub(first) as u64;
            window.dropped = held.saturating_sub(visible);
        }
        let window_edited = match log.total::<Edited>() {
            // Most often, and then nothing is searched.
            0 => 0,
            all => all.saturating_sub(log.before::<Edited>(start)),
        };
        let user_edited = user.is_some_and(|m| m.flags.edited());
        window.edited = window_edited + pinned_edited + u64::from(user_edited);
        window.cleared = 0;
        if window.border.is_some() {
            let before = window.pinned_groups.iter().cloned();
            let user = window.user.map(|p| p..p + 1);
            for range in before.chain(user).chain(iter::once(start..log.len())) {
                let savings = costs.savings_of(&range);
                window.edited += savings.messages;
                window.cleared += savings.results;
            }
        }
        let older = first.unwrap_or_else(|| log.len()) as u64;
        let in_reply = window.system as u64 + u64::from(window.user.is_some()) + pinned;
        window.skipped = older.saturating_sub(in_reply);
    }
}

/// True if the newest group, under START USER with its user message, fits together with the pinned groups.
fn pins_fit(
    log: &Log,
    costs: &Costs<'_>,
    pinned: &PinnedGroups,
    newest: Option<usize>,
    request: &Request,
    budget: i64,
    window: &mut Window,
) -> bool {
    let mut cost = pinned.tokens();
    if let Some(newest) = newest {
        if !pinned.contain(newest) {
            cost = cost.saturating_add(costs.from(newest).0);
        }
        if request.start_user && log.user_from(newest).is_none() {
            let user = log.user_before(newest);
            window.basis.user = user;
            if let Some(user) = user.filter(|&user| !pinned.contain(user)) {
                cost = cost.saturating_add(costs.of(&(user..user + 1)));
            }
        }
    }
    cost <= budget
}

/// Decides where the window starts. `all_tokens` is what the candidates cost without pinned groups.
fn fill(candidates: &Candidates<'_>, all_tokens: i64, request: &Request, window: &mut Window) {
    let log = candidates.log;
    let newest = candidates.newest;
    let budget = candidates.unpinned_budget();
    let most = request.messages.unwrap_or(u64::MAX);
    let newest_tokens = candidates.unpinned_from(newest);

    let mut start = candidates.fitting(budget, most);
    window.basis.fitting = start.unwrap_or(window.basis.fitting);
    if let Some(step) = request.step
        && all_tokens > budget
    {
        let surplus = all_tokens.saturating_sub(budget).unsigned_abs();
        let offset = surplus.div_ceil(step.max(1)).saturating_mul(step);
        // The first group after so many tokens is the first one from which on there are so many fewer.
        let left = all_tokens.saturating_sub(signed(offset));
        let stepped = candidates.fitting(left, u64::MAX).unwrap_or(newest);
        start = start.map(|start| start.max(stepped));
    }

    if !request.start_user {
        if start.is_none() && newest_tokens > budget {
            oversized(request, None, newest, budget, window);
        }
        if let Some(start) = start {
            window.range.start = start;
        }
        return;
    }

    if let Some(user) = start.and_then(|start| log.user_from(start)) {
        window.range.start = user;
        return;
    }
    // No user message in the window: an earlier one is placed before it, unless the newest group, too large for the
    // window, begins with one itself.
    let in_newest = start.is_none() && log.user_from(newest).is_some();
    let mut user = None;
    if !in_newest {
        user = log.user_before(start.unwrap_or(newest));
        window.basis.user = user;
        let Some(user) = user else {
            return;
        };
        if candidates.pinned.contain(user) {
            // It precedes the window already.
            window.range.start = start.unwrap_or(window.range.start);
            return;
        }
    }
    let user_tokens = user.map_or(0, |p| candidates.costs.of(&(p..p + 1)));
    let left = budget.saturating_sub(user_tokens);
    if newest_tokens > left {
        return oversized(request, user, newest, budget, window);
    }
    if let Some(floor) = start
        && let Some(most) = most.checked_sub(1)
        && let Some(fitting) = candidates.fitting(left, most)
    {
        window.user = user;
        window.range.start = fitting.max(floor);
    }
}

/// Not even the newest group fits, after the user message that START USER places before it.
fn oversized(
    request: &Request,
    user: Option<usize>,
    newest: usize,
    budget: i64,
    window: &mut Window,
) {
    match request.oversize {
        Oversize::Empty => {}
        Oversize::Keep => {
            window.over = true;
            window.user = user;
            window.range.start = newest;
        }
        Oversize::Cut => {
            window.basis.oversized = Some(Oversized {
                user,
                start: newest,
                budget,
            });
        }
    }
}
