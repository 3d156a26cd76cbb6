//! The result of running a command that did not fail.

use std::time::Duration;

use super::export::Document;
use super::msgpack::Unconverted;
use crate::conversation::MissingCounts;
use crate::conversation::effect::Effect;
use crate::conversation::find::Query;
use crate::conversation::log_snapshot::Snapshot;
use crate::tokens::{Encoding, Text};

/// The result of running a command that did not fail.
#[derive(Debug)]
pub enum Outcome<T> {
    /// The command is done. `T` is its effect, if it writes.
    Done(T),
    /// The command has not replied yet. It has to run again when this is provided.
    Needs(Needs),
}

/// What a command needs before it can run.
#[derive(Debug)]
pub enum Needs {
    /// Counts of messages, or of the summary, of its conversation.
    Counts {
        /// Which counts.
        missing: MissingCounts,
        /// How long the client is willing to wait for a cache load, should the conversation then be a miss (`WAIT`).
        wait: Option<Duration>,
    },
    /// Counts of these texts from its arguments. They are provided in [`super::Env::counts`].
    TextCounts(Encoding, Vec<Text>),
    /// The tokenizer file of this encoding, which is being read.
    Encoding(Encoding),
    /// These messages, decompressed: more than [`super::Env::decompress_at_once`].
    Text(Vec<Snapshot>),
    /// These lists of messages in MessagePack: one of them is more than [`super::Env::decompress_at_once`]. They are provided
    /// in [`super::Env::converted`].
    MsgPack(Vec<Unconverted>),
    /// This document in one piece. It is the reply then: the command does not run again.
    Document(Box<Document>),
    /// The messages that this query finds. They are provided in [`super::Env::found`].
    Search(Box<Query>),
    /// Older messages from a database. The client is willing to wait this long for another client to load them.
    Load(Duration),
}

/// The result of a command that only reads, once it has replied.
pub const REPLIED: Outcome<()> = Outcome::Done(());

impl<T> Outcome<T> {
    /// The command needs these counts of its conversation.
    #[must_use]
    pub fn needs_counts(missing: MissingCounts) -> Self {
        Self::Needs(Needs::Counts {
            missing,
            wait: None,
        })
    }
}

impl<'a> Outcome<Option<Effect<'a>>> {
    /// The command has replied and changes nothing.
    pub const UNCHANGED: Self = Self::Done(None);

    /// The command has replied, and this effect is to be applied.
    #[must_use]
    pub fn change(effect: Effect<'a>) -> Self {
        Self::Done(Some(effect))
    }
}
