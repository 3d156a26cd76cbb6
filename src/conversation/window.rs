//! Selecting: which messages make the prompt for a budget.
//!
//! All sums are differences of the log's running sums, all group starts are found by binary search; nothing here
//! depends on how long the conversation is, but for the logarithm.

use std::ops::Range;

use super::Conversation;
use super::log::Log;
use super::search::{Edited, Visible, VisibleTokens};
use crate::tokens::REPLY_TOKENS;

/// What RECENT is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Largest number of tokens of the reply.
    pub max_tokens: i64,
    /// `MESSAGES`: largest number of messages in the window.
    pub messages: Option<u64>,
    /// `START USER`.
    pub start_user: bool,
    /// `OVERSIZE KEEP`.
    pub keep: bool,
    /// `STEP`, in tokens; not 0.
    pub step: Option<u64>,
    /// `NOSYSTEM`.
    pub no_system: bool,
    /// `NOSUMMARY`.
    pub no_summary: bool,
}

/// What was selected, in the order of the reply: system messages, summary, user message before the window, window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// Number of leading system messages in the reply.
    pub system: usize,
    /// Leading system messages that are not in the reply.
    pub system_left_out: usize,
    /// The summary is taken.
    pub summary: bool,
    /// Position of a user message that is placed before the window.
    pub front: Option<usize>,
    /// Positions of the window; hidden messages in it are left out.
    pub range: Range<usize>,
    /// Tokens of the reply, 0 if it is empty.
    pub tokens: i64,
    /// Sequence number of the window's first message, 0 if it is empty.
    pub first: i64,
    /// Sequence number of the window's last message, 0 if it is empty.
    pub last: i64,
    /// Messages before `first` (if the window is empty: all) that are not in the reply.
    pub skipped: u64,
    /// Messages between `first` and `last` that are not in the reply.
    pub dropped: u64,
    /// Messages of the reply that are returned without their orphaned results.
    pub edited: u64,
    /// The window's only group does not fit, and was asked for all the same.
    pub over: bool,
    /// Older messages than those held could not have been part of the reply.
    pub filled: bool,
    /// Where the candidates begin.
    pub(super) region: usize,
    /// Where the newest group begins; after all messages if there is none.
    pub(super) newest: usize,
    /// Where the oldest group begins from which on all fits, before STEP and START USER move the start; after all
    /// messages if not even the newest fits. Whatever was decided, it depends on the counts from here on.
    pub(super) fitting: usize,
    /// The user message that START USER looked at, whether it was placed before the window or not.
    pub(super) looked_at: Option<usize>,
}

/// The groups that may be taken.
struct Candidates<'a> {
    log: &'a Log,
    /// Position of the first.
    region: usize,
    /// Start of the newest group.
    newest: usize,
}

impl Candidates<'_> {
    fn from(&self, start: usize) -> (i64, u64) {
        from(self.log, start)
    }

    /// The start of the oldest group from which on all fits, if the newest does.
    fn fitting(&self, budget: i64, messages: u64) -> Option<usize> {
        let budget = u64::try_from(budget).ok()?;
        let log = self.log;
        let tokens = log.total::<VisibleTokens>().saturating_sub(budget);
        let mut position = log.first_reaching::<VisibleTokens>(tokens)?;
        let surplus = log.total::<Visible>().saturating_sub(messages);
        if surplus > 0 {
            position = position.max(log.first_reaching::<Visible>(surplus)?);
        }
        self.group_from(position)
    }

    /// The start of the first group after at least `offset` tokens of candidates.
    fn behind(&self, offset: u64) -> Option<usize> {
        let base = self.log.before::<VisibleTokens>(self.region);
        let target = base.saturating_add(offset);
        self.group_from(self.log.first_reaching::<VisibleTokens>(target)?)
    }

    fn group_from(&self, position: usize) -> Option<usize> {
        self.log
            .group_start_from(position.max(self.region))
            .filter(|&start| start <= self.newest)
    }
}

/// Tokens and messages from `start` to the end, of those that may be returned.
fn from(log: &Log, start: usize) -> (i64, u64) {
    let (tokens, messages) = log.visible_from(start);
    (signed(tokens), messages)
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

impl Conversation {
    /// Selects the newest messages that fit.
    #[must_use]
    pub fn select(&self, request: &Request) -> Window {
        let log = &self.log;
        let mut budget = request.max_tokens.saturating_sub(REPLY_TOKENS);
        let mut window = Window {
            range: log.len()..log.len(),
            region: log.len(),
            newest: log.len(),
            fitting: log.len(),
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

        window.region = region;
        let last = log.last_visible_before(log.len());
        if let Some(newest) = last
            .filter(|&visible| visible >= region)
            .and_then(|visible| log.group_start_until(visible))
        {
            let candidates = Candidates {
                log,
                region,
                newest,
            };
            window.newest = newest;
            let (tokens, messages) = candidates.from(region);
            window.filled |= tokens > budget || request.messages.is_some_and(|n| messages > n);
            fill(&candidates, request, budget, &mut window);
        }
        self.describe(&mut window, spent, last);
        window
    }

    /// Fills in the figures that follow from what was taken; `spent` is what system messages and summary cost, `last`
    /// the newest message that may be returned.
    fn describe(&self, window: &mut Window, spent: i64, last: Option<usize>) {
        let log = &self.log;
        let start = window.range.start;
        let (tokens, visible) = from(log, start);
        let front = window.front.and_then(|p| log.get(p));
        let front_tokens = front.map_or(0, |m| m.tokens);
        let any = window.system > 0 || window.summary || visible > 0;
        if any {
            window.tokens = REPLY_TOKENS
                .saturating_add(spent)
                .saturating_add(i64::from(front_tokens))
                .saturating_add(tokens);
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
        let front_edited = front.is_some_and(|m| m.flags.edited());
        window.edited = window_edited + u64::from(front_edited);
        let in_reply = window.system + usize::from(window.front.is_some());
        let older = first.unwrap_or_else(|| log.len());
        window.skipped = older.saturating_sub(in_reply) as u64;
    }
}

/// Decides where the window starts. `budget` is what system messages and summary have left.
fn fill(candidates: &Candidates<'_>, request: &Request, budget: i64, window: &mut Window) {
    let log = candidates.log;
    let newest = candidates.newest;
    let most = request.messages.unwrap_or(u64::MAX);
    let (newest_tokens, _) = candidates.from(newest);
    let (all_tokens, _) = candidates.from(candidates.region);

    let mut start = candidates.fitting(budget, most);
    window.fitting = start.unwrap_or(window.fitting);
    if let Some(step) = request.step
        && all_tokens > budget
    {
        let surplus = all_tokens.saturating_sub(budget).unsigned_abs();
        let offset = surplus.div_ceil(step.max(1)).saturating_mul(step);
        let stepped = candidates.behind(offset).unwrap_or(newest);
        start = start.map(|start| start.max(stepped));
    }

    if !request.start_user {
        if start.is_none() && request.keep && newest_tokens > budget {
            window.over = true;
            start = Some(newest);
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
    let front = if in_newest {
        None
    } else {
        match log.user_before(start.unwrap_or(newest)) {
            None => return,
            user => user,
        }
    };
    window.looked_at = front;
    let front_tokens = front
        .and_then(|p| log.get(p))
        .map_or(0, |m| i64::from(m.tokens));
    let left = budget.saturating_sub(front_tokens);
    if newest_tokens > left {
        if request.keep {
            window.over = true;
            window.front = front;
            window.range.start = newest;
        }
        return;
    }
    if let Some(floor) = start
        && let Some(most) = most.checked_sub(1)
        && let Some(fitting) = candidates.fitting(left, most)
    {
        window.front = front;
        window.range.start = fitting.max(floor);
    }
}
