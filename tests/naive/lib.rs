//! A deliberately naive model of a conversation, written from the contract alone and used to check the module.
//! It recomputes everything from the whole list on every call; nothing here is meant to be fast.
//! Comments in quotation marks are the contract's own sentences.

pub mod blocks;
pub mod calls;
pub mod claim;
pub mod clear;
pub mod content;
pub mod cut;
pub mod cut_text;
pub mod document;
pub mod generate;
pub mod generate_base;
pub mod generate_dialects;
pub mod generate_mixed;
pub mod generate_ops;
pub mod generate_recent;
pub mod json;
pub mod keys;
pub mod kinds;
pub mod manage;
pub mod message;
pub mod ops;
pub mod place;
pub mod prompt;
pub mod recent;
pub mod results;
pub mod retention;
pub mod search;
pub mod select;
pub mod summary;
pub mod tokens;
pub mod turns;
pub mod unread;
pub mod values;

use std::cell::RefCell;
use std::collections::HashMap;

use document::Session;
use tokens::Counting;

pub use message::{NaiveRead, read};
pub use prompt::check_valid_prompt;
pub use recent::{Oversize, RecentArgs, RecentReply};
pub use summary::NaiveSummary;

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveMessage {
    pub seq: i64,
    /// As appended, trimmed.
    pub json: String,
    /// "`TOKENS n` before a message sets T(message) = n"
    pub set: Option<u64>,
    /// Arrival, Unix ms.
    pub time: i64,
    pub pinned: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveLog {
    pub messages: Vec<NaiveMessage>,
    pub summary: Option<NaiveSummary>,
    pub next_seq: i64,
    /// Lowest number ever given.
    pub lowest: i64,
    pub complete: bool,
    pub counting: Counting,
    /// Attribute `max-messages`; 0: unlimited.
    pub max_messages: u64,
    pub session: Option<Session>,
    pub created: i64,
    pub updated: i64,
    /// The clock: when the next command runs.
    pub now: i64,
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
            counting: Counting::default(),
            max_messages: 0,
            session: None,
            created: 0,
            updated: 0,
            now: 0,
        }
    }
}

impl NaiveLog {
    /// What each held message says. Everything that is held was accepted once, so it can be read.
    pub fn reads(&self) -> Vec<NaiveRead> {
        self.messages.iter().map(|m| must_read(&m.json)).collect()
    }

    /// T(message).
    pub fn tokens(&self, i: usize) -> u64 {
        let m = &self.messages[i];
        m.set
            .unwrap_or_else(|| self.counting.t(&must_read(&m.json)))
    }

    pub fn total_tokens(&self) -> u64 {
        (0..self.messages.len()).map(|i| self.tokens(i)).sum()
    }

    pub fn held(&self, seq: i64) -> Option<usize> {
        self.messages.iter().position(|m| m.seq == seq)
    }
}

thread_local! {
    /// Messages that were read before: only to save time.
    static READ: RefCell<HashMap<String, NaiveRead>> = RefCell::default();
}

pub fn must_read(json: &str) -> NaiveRead {
    if let Some(known) = READ.with_borrow(|known| known.get(json).cloned()) {
        return known;
    }
    let new = read(json).unwrap_or_else(|e| panic!("{e}: {json}"));
    READ.with_borrow_mut(|known| {
        if known.len() > 1000 {
            known.clear();
        }
        known.insert(json.to_string(), new.clone());
    });
    new
}

pub fn trimmed(json: &str) -> String {
    json.trim_matches([' ', '\t', '\r', '\n']).to_string()
}
