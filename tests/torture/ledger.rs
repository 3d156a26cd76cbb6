//! What a writer sent, and what it was told: the evidence for the judgement afterwards.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A message as it has to come back.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Without the white space around it.
    pub bytes: Vec<u8>,
    /// What `TOKENS` said.
    pub given: Option<u32>,
}

/// What a command is to do to the messages held.
#[derive(Debug, Clone)]
pub enum Change {
    Append(Vec<Sent>),
    Edit(i64, Vec<u8>),
    Del(Vec<i64>),
    Pop(usize),
    /// Attributes, the summary; or the oldest are dropped.
    Other,
}

/// A conversation as its only writer saw it behind a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub digest: String,
    pub messages: i64,
    pub last: i64,
    /// Unix ms, -1 for never, -2 for no key.
    pub expires: i64,
}

/// How it ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// No reply came: it may have been done, whole, or not.
    Open,
    /// An error came: nothing may have been done.
    Refused,
    /// The reply came.
    Done {
        at: Instant,
        at_ms: i64,
        /// Nothing was to be done, said the reply.
        idle: bool,
        /// The integer, or how many elements there were.
        number: i64,
        /// Only of conversations that nobody else writes to.
        state: Option<State>,
    },
}

/// A command.
#[derive(Debug, Clone)]
pub struct Op {
    pub key: String,
    pub change: Change,
    pub sent: Instant,
    pub sent_ms: i64,
    pub outcome: Outcome,
}

impl Op {
    /// True if it may have changed something.
    pub fn counts(&self) -> bool {
        match self.outcome {
            Outcome::Open => true,
            Outcome::Refused => false,
            Outcome::Done { idle, .. } => !idle,
        }
    }

    /// When the reply came, if one came that said that something was done.
    pub fn acknowledged(&self) -> Option<Instant> {
        match self.outcome {
            Outcome::Done {
                at, idle: false, ..
            } => Some(at),
            _ => None,
        }
    }

    /// The first and the last number that its messages were given.
    pub fn numbers(&self) -> Option<(i64, i64)> {
        match (&self.change, &self.outcome) {
            (
                Change::Append(sent),
                Outcome::Done {
                    idle: false,
                    number,
                    ..
                },
            ) => Some((number - sent.len() as i64 + 1, *number)),
            _ => None,
        }
    }
}

/// All that one writer did, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    pub writer: usize,
    pub ops: Vec<Op>,
    /// Replies that should not have come.
    pub findings: Vec<String>,
}

/// True for conversations that several write to.
pub fn is_shared(key: &str) -> bool {
    key.starts_with("shared")
}

/// True for conversations whose oldest messages are dropped.
pub fn is_cut(key: &str) -> bool {
    key.contains(":cut:")
}

impl Ledger {
    /// True if it is known what became of the last command.
    pub fn is_settled(&self) -> bool {
        let last = self.ops.last();
        last.is_none_or(|op| !matches!(op.outcome, Outcome::Open))
    }

    /// The places of the commands that may have changed something, by conversation of its own.
    pub fn by_key(&self) -> BTreeMap<&str, Vec<usize>> {
        let mut keys: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, op) in self.ops.iter().enumerate() {
            if op.counts() && !is_shared(&op.key) {
                keys.entry(&op.key).or_default().push(place);
            }
        }
        keys
    }
}

/// A message that has to be there.
#[derive(Debug, Clone)]
pub struct Held {
    pub sent: Sent,
    /// It arrived between these, Unix ms.
    pub between: (i64, i64),
}

/// What a conversation has to hold: by sequence number. Of conversations that are cut, all that was ever held.
#[derive(Debug, Clone)]
pub struct Model {
    pub held: BTreeMap<i64, Held>,
    pub next: i64,
}

impl Model {
    /// What these commands, in order, have made.
    pub fn of<'a>(ops: impl Iterator<Item = &'a Op>) -> Self {
        let mut model = Self {
            held: BTreeMap::new(),
            next: 1,
        };
        ops.for_each(|op| model.apply(op));
        model
    }

    fn apply(&mut self, op: &Op) {
        let (until, number) = match op.outcome {
            Outcome::Done { at_ms, number, .. } => (at_ms, Some(number)),
            _ => (now_ms(), None),
        };
        match &op.change {
            Change::Append(sent) => {
                let first = number.map_or(self.next, |last| last - sent.len() as i64 + 1);
                for (seq, sent) in (first..).zip(sent) {
                    let (sent, between) = (sent.clone(), (op.sent_ms, until));
                    self.held.insert(seq, Held { sent, between });
                }
                self.next = first + sent.len() as i64;
            }
            Change::Edit(seq, bytes) => {
                if let Some(held) = self.held.get_mut(seq) {
                    held.sent = Sent {
                        bytes: bytes.clone(),
                        given: None,
                    };
                }
            }
            Change::Del(seqs) => seqs.iter().for_each(|seq| drop(self.held.remove(seq))),
            Change::Pop(count) => {
                for _ in 0..number.unwrap_or(*count as i64) {
                    self.held.pop_last();
                }
            }
            Change::Other => {}
        }
    }
}

/// The clock that arrivals are told by.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |t| t.as_millis() as i64)
}
