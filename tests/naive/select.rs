//! What RECENT selects, and when that is a miss.

use super::clear::Shown;
use super::message::NaiveRead;
use super::recent::{Oversize, RecentArgs};
use super::turns::{Groups, Kind, group, leading_system};
use super::{NaiveLog, NaiveSummary};

/// A group that may be returned; members are positions in the whole list.
#[derive(Debug, Clone)]
pub struct Unit {
    pub members: Vec<usize>,
    pub is_user: bool,
    /// Neither a leading system message nor covered by a summary in the reply.
    pub is_candidate: bool,
    /// It holds a pinned message.
    pub is_pinned: bool,
}

/// The conversation as one RECENT sees it.
pub struct Scene<'a> {
    pub log: &'a NaiveLog,
    pub a: &'a RecentArgs,
    pub reads: Vec<NaiveRead>,
    /// Leading system messages: how many there are, and how many are in the reply.
    pub lead: usize,
    pub system: usize,
    /// The summary, if it is in the reply.
    pub summary: Option<&'a NaiveSummary>,
    pub groups: Groups,
    /// The groups that may be returned, in order.
    pub units: Vec<Unit>,
    /// Each message as it would be returned.
    pub shown: Vec<Shown>,
    /// What is left for pins and window.
    pub budget: i128,
}

/// Positions of messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Pinned messages before the window, with their groups.
    pub pins: Vec<usize>,
    /// The user message placed before the window.
    pub user: Option<usize>,
    pub window: Vec<usize>,
    pub over: bool,
    /// What OVERSIZE is about: the newest group that does not fit, after its user message.
    pub oversized: Vec<usize>,
}

impl<'a> Scene<'a> {
    pub fn new(log: &'a NaiveLog, a: &'a RecentArgs) -> Self {
        let reads = log.reads();
        // "`B = max_tokens - 3`"
        let mut budget = i128::from(a.max_tokens) - 3;

        // "System messages at the start of the conversation [...]: included if they fit together; their cost is deducted
        // from `B`. `NOSYSTEM` leaves them out, pinned ones too. Either way they are not candidates for the window."
        let lead = leading_system(&reads);
        let cost: i128 = (0..lead).map(|i| i128::from(log.tokens(i))).sum();
        let fits = !a.no_system && cost <= budget;
        let system = if fits { lead } else { 0 };
        if system > 0 {
            budget -= cost;
        }

        // "Summary [...]: included if it fits."; "`NOSUMMARY` leaves it out, and they are candidates."
        let cost = |s: &NaiveSummary| i128::from(log.summary_tokens(s));
        let summary = log
            .summary
            .as_ref()
            .filter(|s| !a.no_summary && cost(s) <= budget);
        budget -= summary.map_or(0, cost);

        // "If it is, messages up to its `upto` are no candidates."
        let covered = |i: usize| {
            let upto = summary.and_then(|s| s.upto);
            upto.is_some_and(|upto| log.messages[i].seq <= upto)
        };
        // "The remaining messages form *groups*."; "Groups are formed of the messages that are held.": a group that the
        // summary covers in part has members that are no candidates, and groups are included whole or not at all.
        let mut groups = group(&reads[lead..]);
        groups.shift(lead);
        let units = groups
            .groups
            .iter()
            .filter(|g| g.kind != Kind::Dangling)
            .map(|g| Unit {
                members: g.members.clone(),
                is_user: g.is_user,
                is_candidate: !g.members.iter().any(|&i| covered(i)),
                // "`NOPINS` treats pinned messages like any other."
                is_pinned: !a.no_pins && g.members.iter().any(|&i| log.messages[i].pinned),
            })
            .collect();
        let mut scene = Scene {
            log,
            a,
            reads,
            lead,
            system,
            summary,
            groups,
            units,
            shown: vec![],
            budget,
        };
        scene.shown = scene.all_shown();
        scene
    }

    fn cost_of(&self, members: &[usize]) -> i128 {
        members.iter().map(|&i| self.shown[i].tokens).sum()
    }

    fn tokens<'u>(&self, units: impl IntoIterator<Item = &'u Unit>) -> i128 {
        units.into_iter().map(|u| self.cost_of(&u.members)).sum()
    }

    /// "the nearest earlier user message, covered by a summary or not"
    fn user_before(&self, unit: &Unit) -> Option<usize> {
        let users = self.groups.users.iter().rev();
        users.copied().find(|&i| i < unit.members[0])
    }

    /// None is a miss.
    pub fn select(&self) -> Option<Selection> {
        let (a, b) = (self.a, self.budget);
        let candidates: Vec<&Unit> = self.units.iter().filter(|u| u.is_candidate).collect();
        let end = candidates.len();
        let pinned: Vec<&Unit> = match self.pins_fit(&candidates) {
            true => self.units.iter().filter(|u| u.is_pinned).collect(),
            false => vec![],
        };
        // "Pinned messages before the window (each with its whole group)", if the window starts at this candidate.
        let pins_before = |from: usize| {
            let in_window =
                |pin: &Unit| candidates[from..].iter().any(|u| u.members == pin.members);
            let pins = pinned.iter().copied().filter(move |pin| !in_window(pin));
            pins.collect::<Vec<&Unit>>()
        };
        let is_pin = |i: usize| pinned.iter().any(|u| u.members.contains(&i));
        let total = |from: usize| {
            self.tokens(candidates[from..].iter().copied()) + self.tokens(pins_before(from))
        };
        let messages = |from: usize| -> u64 {
            let list = candidates[from..].iter();
            list.map(|u| u.members.len() as u64).sum()
        };

        // "a **hit** only if the budget is filled (some candidate did not fit), if `MESSAGES` limited the window, if an
        // included summary has an `upto` of at least the oldest number held"; "`ANY` returns what is present."
        let limit = a.messages.unwrap_or(u64::MAX);
        let filled = end > 0 && total(0) > b;
        let limited = messages(0) > limit;
        let oldest = self.log.messages.first().map(|m| m.seq);
        let upto = self.summary.and_then(|s| s.upto);
        let covered = matches!((upto, oldest), (Some(upto), Some(oldest)) if upto >= oldest);
        if !self.log.complete && !a.any && !filled && !limited && !covered {
            return None;
        }

        // "`STEP` [...] is decided before `START USER`."
        let step_start = match a.step {
            Some(n) if end > 0 => self.step_start(i128::from(n), &candidates, &pinned),
            _ => 0,
        };
        // "the longest run of newest groups that fits together with the pinned groups before it"; "newest first, while they
        // fit; the first that does not fit ends the window. Exactly fitting fits. `MESSAGES n`: at most `n` messages in the
        // window."
        let longest = |earliest: usize, budget: i128, limit: u64| {
            let fits = |from: &usize| total(*from) <= budget && messages(*from) <= limit;
            let runs = (earliest..end).rev().take_while(fits);
            runs.last().unwrap_or(end)
        };
        let mut from = longest(step_start, b, limit);
        let mut user: Option<usize> = None;
        let mut over = false;

        if a.start_user && from < end {
            if let Some(k) = (from..end).find(|&k| candidates[k].is_user) {
                // "moves the start of the window forward to its first user message"
                from = k;
            } else {
                match self.user_before(candidates[from]) {
                    // "If that message is among the pins, nothing is placed and `elided` is 0."
                    Some(i) if is_pin(i) => {}
                    // "is placed before the window, followed by as many of the newest groups as still fit [...]; it counts
                    // for `MESSAGES`"; "After `STEP`, the groups that follow it are at most those of `STEP`'s window."
                    Some(i) => {
                        from = longest(from, b - self.cost_of(&[i]), limit.saturating_sub(1));
                        // "If user message and newest group do not both fit [...], the window is empty."
                        user = Some(i).filter(|_| from < end);
                    }
                    // "or there is no user message"
                    None => from = end,
                }
            }
        }

        // "if not even the newest group fits (under `START USER`: with its user message), the window is empty (`EMPTY`,
        // default); or with `KEEP` that group alone is returned (under `START USER` after its user message), `over` 1,
        // ignoring `MESSAGES`"; "`KEEP` does not apply to a group that fits but exceeds `MESSAGES`."
        let mut oversized = vec![];
        if let Some(newest) = candidates.last()
            && from == end
        {
            let needs_user = a.start_user && !newest.is_user;
            let placed = needs_user.then(|| self.user_before(newest)).flatten();
            let cost = self.cost_of(&newest.members) + self.cost_of(placed.as_slice());
            // "Without any user message `START USER` is empty, also with `KEEP`."
            if cost > b && (placed.is_some() || !needs_user) {
                oversized = placed.into_iter().chain(newest.members.clone()).collect();
                if a.oversize == Oversize::Keep {
                    (from, user, over) = (end - 1, placed, true);
                }
            }
        }
        let members = |list: Vec<&Unit>| list.iter().flat_map(|u| u.members.clone()).collect();
        Some(Selection {
            pins: members(pins_before(from)),
            user,
            window: members(candidates[from..].to_vec()),
            over,
            oversized,
        })
    }

    /// "If the newest group (under `START USER`: with its user message) does not fit together with the pins before it, no
    /// pin is included (`pinned` 0) and the window is chosen without them."; "Pins may be all that is returned."
    fn pins_fit(&self, candidates: &[&Unit]) -> bool {
        let pinned: Vec<&Unit> = self.units.iter().filter(|u| u.is_pinned).collect();
        let mut cost = self.tokens(pinned.iter().copied());
        if let Some(newest) = candidates.last() {
            if !newest.is_pinned {
                cost += self.cost_of(&newest.members);
            }
            if self.a.start_user && !newest.is_user {
                let user = self.user_before(newest);
                let user = user.filter(|i| !pinned.iter().any(|u| u.members.contains(i)));
                cost += self.cost_of(user.as_slice());
            }
        }
        cost <= self.budget
    }

    /// "With C the candidates' total, if C > B, the window starts at the first group whose offset (tokens of the candidate
    /// groups before it) is at least `ceil((C - B) / n) * n`"; "With pins, C and the offsets count only groups without
    /// pins, and B is reduced by the tokens of all pinned groups."
    fn step_start(&self, n: i128, candidates: &[&Unit], pinned: &[&Unit]) -> usize {
        let is_pinned = |unit: &Unit| pinned.iter().any(|pin| pin.members == unit.members);
        let sum = |list: &[&Unit]| {
            let list = list.iter().copied().filter(|u| !is_pinned(u));
            self.tokens(list)
        };
        let c = sum(candidates);
        let b = self.budget - self.tokens(pinned.iter().copied());
        if c <= b {
            return 0;
        }
        let at_least = (c - b + n - 1) / n * n;
        // "If no group starts there: the newest group, if it fits."
        let mut starts = 0..candidates.len();
        starts
            .find(|&k| sum(&candidates[..k]) >= at_least)
            .unwrap_or(candidates.len() - 1)
    }
}
