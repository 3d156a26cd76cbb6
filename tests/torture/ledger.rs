//! Records what a writer sent and which replies it received. `durability_check.rs` compares the records with the
//! server.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A message as the server has to return it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Without surrounding white space.
    pub bytes: Vec<u8>,
    /// The count given with `TOKENS`.
    pub given: Option<u32>,
}

/// The expected effect of a command on the messages.
#[derive(Debug, Clone)]
pub enum Change {
    Append(Vec<Sent>),
    Edit(i64, Vec<u8>),
    Del(Vec<i64>),
    Pop(usize),
    /// Attributes, the summary, or removal of the oldest messages.
    Other,
}

/// The state of a conversation after a command, as read by its only writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub digest: String,
    pub messages: i64,
    pub last: i64,
    /// Unix time in ms; -1 if the key does not expire, -2 if it does not exist.
    pub expires: i64,
}

/// The outcome of a command.
#[derive(Debug, Clone)]
pub enum CommandOutcome {
    /// No reply arrived. The command was executed completely or not at all.
    Open,
    /// An error reply. The command must not have changed anything.
    Rejected,
    /// A reply other than an error.
    Done {
        at: Instant,
        at_ms: i64,
        /// The reply says that the command changed nothing.
        idle: bool,
        /// The integer reply, or the number of elements of an array reply.
        number: i64,
        /// Only recorded for conversations with a single writer.
        state: Option<State>,
    },
}

/// A command that was sent.
#[derive(Debug, Clone)]
pub struct SentCommand {
    pub key: String,
    pub change: Change,
    pub sent: Instant,
    pub sent_ms: i64,
    pub outcome: CommandOutcome,
}

impl SentCommand {
    /// True if the command may have changed something.
    pub fn counts(&self) -> bool {
        match self.outcome {
            CommandOutcome::Open => true,
            CommandOutcome::Rejected => false,
            CommandOutcome::Done { idle, .. } => !idle,
        }
    }

    /// The time of the reply, if it says that the command changed something.
    pub fn acknowledged(&self) -> Option<Instant> {
        match self.outcome {
            CommandOutcome::Done {
                at, idle: false, ..
            } => Some(at),
            _ => None,
        }
    }

    /// The first and last sequence number that its messages were given.
    pub fn numbers(&self) -> Option<(i64, i64)> {
        match (&self.change, &self.outcome) {
            (
                Change::Append(sent),
                CommandOutcome::Done {
                    idle: false,
                    number,
                    ..
                },
            ) => Some((number - sent.len() as i64 + 1, *number)),
            _ => None,
        }
    }
}

/// All commands of a writer, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    pub writer: usize,
    pub ops: Vec<SentCommand>,
    /// Unexpected replies.
    pub findings: Vec<String>,
}

/// True for conversations that several writers use.
pub fn is_shared(key: &str) -> bool {
    key.starts_with("shared")
}

/// True for conversations whose oldest messages are removed.
pub fn is_cut(key: &str) -> bool {
    key.contains(":cut:")
}

impl Ledger {
    /// True if the outcome of the last command is known.
    pub fn is_settled(&self) -> bool {
        let last = self.ops.last();
        last.is_none_or(|op| !matches!(op.outcome, CommandOutcome::Open))
    }

    /// The positions of the commands that may have changed something, grouped by conversation. Conversations with
    /// several writers are left out.
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

/// A message that the server must return.
#[derive(Debug, Clone)]
pub struct ExpectedMessage {
    pub sent: Sent,
    /// The message arrived between these two times (Unix ms).
    pub between: (i64, i64),
}

/// The expected messages of a conversation, by sequence number. For conversations whose oldest messages are removed,
/// all messages that it ever held.
#[derive(Debug, Clone)]
pub struct Model {
    pub held: BTreeMap<i64, ExpectedMessage>,
    pub next: i64,
}

impl Model {
    /// The state after these commands, in order.
    pub fn of<'a>(ops: impl Iterator<Item = &'a SentCommand>) -> Self {
        let mut model = Self {
            held: BTreeMap::new(),
            next: 1,
        };
        ops.for_each(|op| model.apply(op));
        model
    }

    fn apply(&mut self, op: &SentCommand) {
        let (until, number) = match op.outcome {
            CommandOutcome::Done { at_ms, number, .. } => (at_ms, Some(number)),
            _ => (now_ms(), None),
        };
        match &op.change {
            Change::Append(sent) => {
                let first = number.map_or(self.next, |last| last - sent.len() as i64 + 1);
                for (seq, sent) in (first..).zip(sent) {
                    let (sent, between) = (sent.clone(), (op.sent_ms, until));
                    self.held.insert(seq, ExpectedMessage { sent, between });
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

/// The clock that arrival times are compared with, in Unix ms.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |t| t.as_millis() as i64)
}
