//! RECENT: its options, its reply, and how the reply is made of what was selected.

use super::NaiveLog;
use super::select::{Scene, Selection};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Oversize {
    #[default]
    Empty,
    Keep,
    Cut,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecentArgs {
    pub max_tokens: i64,
    pub messages: Option<u64>,
    pub start_user: bool,
    pub oversize: Oversize,
    pub step: Option<u64>,
    pub clear: Option<u64>,
    pub above: Option<u64>,
    pub no_system: bool,
    pub no_summary: bool,
    pub no_pins: bool,
    pub rev: bool,
    pub any: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RecentReply {
    pub messages: Vec<String>,
    pub tokens: i64,
    pub first: i64,
    pub last: i64,
    pub skipped: i64,
    pub summary: bool,
    pub elided: bool,
    pub over: bool,
    pub system: i64,
    pub system_left_out: i64,
    pub pinned: i64,
    pub dropped: i64,
    pub edited: i64,
    pub cleared: i64,
    pub cut: i64,
}

impl NaiveLog {
    /// None is a miss. Where `OVERSIZE CUT` cuts, this is the reply of `EMPTY`: see `cut.rs`.
    pub fn recent(&self, a: &RecentArgs) -> Option<RecentReply> {
        let scene = Scene::new(self, a);
        scene.select().map(|s| scene.reply(&s))
    }
}

impl Scene<'_> {
    pub fn reply(&self, s: &Selection) -> RecentReply {
        let log = self.log;
        // "system messages, summary, then pins and the user message placed before the window in the order of the
        // conversation, window"
        let mut before: Vec<usize> = s.pins.iter().copied().chain(s.user).collect();
        before.sort();
        let held: Vec<usize> = (0..self.system)
            .chain(before)
            .chain(s.window.iter().copied())
            .collect();
        let mut messages: Vec<String> = held.iter().map(|&i| self.shown[i].json.clone()).collect();
        if let Some(summary) = self.summary {
            let message = log.summary_message(&self.reads, summary);
            messages.insert(self.system, message);
        }
        // "tokens of a reply = 3 + sum of T(message); an empty reply counts 0"
        let sum = held.iter().map(|&i| self.shown[i].tokens).sum::<i128>()
            + self.summary.map_or(0, |s| log.summary_tokens(s).into());
        let tokens = if messages.is_empty() { 0 } else { sum + 3 };
        // "`REV` reverses the whole reply"
        if self.a.rev {
            messages.reverse();
        }

        // "`first` and `last` (sequence numbers of the window, 0 if it is empty)"
        let seq = |i: Option<&usize>| i.map_or(0, |&i| log.messages[i].seq);
        // "`skipped` counts the messages before `first` that are not in the reply, for whatever reason.";
        // "`skipped` with an empty window: all messages that are not in the reply."
        let skipped = (0..log.messages.len())
            .filter(|i| !held.contains(i) && s.window.first().is_none_or(|first| i < first))
            .count();
        // "messages between `first` and `last` that are not in the reply"
        let dropped = match (s.window.first(), s.window.last()) {
            (Some(&from), Some(&to)) => (from..=to).filter(|i| !held.contains(i)).count(),
            _ => 0,
        };
        let edited = held.iter().filter(|&&i| self.shown[i].edited).count();
        RecentReply {
            messages,
            tokens: i64::try_from(tokens).unwrap(),
            first: seq(s.window.first()),
            last: seq(s.window.last()),
            skipped: skipped as i64,
            summary: self.summary.is_some(),
            // "`elided` is 1 whenever a user message is placed before the window."
            elided: s.user.is_some(),
            over: s.over,
            system: self.system as i64,
            system_left_out: (self.lead - self.system) as i64,
            // "(messages before the window that are there because of a pin, their groups included)"
            pinned: s.pins.len() as i64,
            dropped: dropped as i64,
            edited: edited as i64,
            cleared: held.iter().map(|&i| self.shown[i].cleared).sum(),
            cut: 0,
        }
    }
}
