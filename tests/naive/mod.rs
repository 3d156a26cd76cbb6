//! A deliberately naive model of a conversation, written from the contract alone and used to check the module.
//! It recomputes everything from the whole list on every call; nothing here is meant to be fast.
//! Comments in quotation marks are the contract's own sentences.
#![allow(dead_code)]

pub mod blocks;
pub mod calls;
pub mod claim;
pub mod content;
pub mod generate;
pub mod generate_dialects;
pub mod generate_mixed;
pub mod json;
pub mod kinds;
pub mod message;
pub mod ops;
pub mod place;
pub mod prompt;
pub mod retention;
pub mod turns;
pub mod unread;
pub mod window;

#[allow(unused_imports)]
pub use message::{NaiveRead, read};
#[allow(unused_imports)]
pub use prompt::check_valid_prompt;

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveMessage {
    pub seq: i64,
    /// As appended, trimmed.
    pub json: String,
    pub tokens: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveSummary {
    pub text: String,
    pub upto: Option<i64>,
    /// T of the message it becomes.
    pub tokens: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveLog {
    pub messages: Vec<NaiveMessage>,
    pub summary: Option<NaiveSummary>,
    pub next_seq: i64,
    /// Lowest number ever given.
    pub lowest: i64,
    pub complete: bool,
}

/// "New conversations are complete"; "the first appended message is 1".
impl Default for NaiveLog {
    fn default() -> Self {
        NaiveLog {
            messages: Vec::new(),
            summary: None,
            next_seq: 1,
            lowest: 1,
            complete: true,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecentArgs {
    pub max_tokens: i64,
    pub messages: Option<u64>,
    pub start_user: bool,
    pub keep: bool,
    pub step: Option<u64>,
    pub no_system: bool,
    pub no_summary: bool,
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
    /// What each held message says. Everything that is held was accepted once, so it can be read.
    pub fn reads(&self) -> Vec<NaiveRead> {
        self.messages
            .iter()
            .map(|m| read(&m.json).unwrap_or_else(|e| panic!("{e}: {}", m.json)))
            .collect()
    }

    pub fn total_tokens(&self) -> u64 {
        self.messages.iter().map(|m| m.tokens).sum()
    }

    /// "each further message is one higher, numbers are never reused"
    pub fn append(&mut self, json: &str, tokens: u64) -> i64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let json = json.trim_matches([' ', '\t', '\r', '\n']).to_string();
        self.messages.push(NaiveMessage { seq, json, tokens });
        seq
    }

    /// "adds older messages, oldest first, before the existing ones (sequence numbers count down from the lowest ever used:
    /// 0, -1, ...)", "with `COMPLETE` marks it complete"
    pub fn backfill(&mut self, list: &[(String, u64)], complete: bool) {
        for (json, tokens) in list.iter().rev() {
            self.lowest -= 1;
            let json = json.trim_matches([' ', '\t', '\r', '\n']).to_string();
            let (seq, tokens) = (self.lowest, *tokens);
            self.messages.insert(0, NaiveMessage { seq, json, tokens });
        }
        self.complete |= complete;
    }

    pub fn edit(&mut self, seq: i64, json: &str, tokens: u64) -> bool {
        match self.messages.iter_mut().find(|m| m.seq == seq) {
            None => false,
            Some(m) => {
                m.json = json.trim_matches([' ', '\t', '\r', '\n']).to_string();
                m.tokens = tokens;
                true
            }
        }
    }

    /// "`CONV.DEL key seq [seq ...]`": "how many existed".
    pub fn del(&mut self, seqs: &[i64]) -> usize {
        let before = self.messages.len();
        self.messages.retain(|m| !seqs.contains(&m.seq));
        before - self.messages.len()
    }

    /// "removes and returns the newest, like `RPOP`"; "newest first"
    pub fn pop(&mut self, n: usize) -> Vec<String> {
        let mut popped = Vec::new();
        while popped.len() < n {
            match self.messages.pop() {
                None => break,
                Some(m) => popped.push(m.json),
            }
        }
        popped
    }

    /// The rules of SETSUMMARY without MINCHANGE; the reply (1 or 0) as a bool.
    pub fn set_summary(&mut self, text: &str, upto: Option<i64>, tokens: u64) -> bool {
        // "Empty text removes the summary and its `upto` (0 if there was none [...])", "removes also where other text
        // would return 0"
        if text.is_empty() {
            return self.summary.take().is_some();
        }
        let stored = self.summary.as_ref().and_then(|s| s.upto);
        // "0 with no effect if the stored summary already covers more than `seq`"
        if let (Some(stored), Some(new)) = (stored, upto)
            && stored > new
        {
            return false;
        }
        // "without `UPTO` the stored `upto` is kept (initially nil [...])"
        self.summary = Some(NaiveSummary {
            text: text.to_string(),
            upto: upto.or(stored),
            tokens,
        });
        true
    }
}
