//! A run of a command, and how it can end: with a reply, or waiting for work that is done in the background.

use std::sync::Arc;

use super::background_work::Lease;
use super::blocked_clients::Id;
use super::cache_loads;
use super::ffi::string::HeldArgs;
use super::in_background::{Held, InBackground};
use super::input::Reading;
use super::request::Request;
use super::searches::{self, Searching};
use crate::commands::msgpack::Converted;
use crate::commands::prepared::Prepared;
use crate::commands::spec::Spec;
use crate::conversation::log_snapshot::Decompressed;
use crate::tokens::Ticket;
use crate::tokens::background::CompletionGuard;

/// How a run of a command ended.
pub enum Step {
    /// It has replied.
    Replied,
    /// Its client is blocked on keys, or stays so.
    Blocked,
    /// It waits for background work, and is to run again then.
    Wait(Wait),
}

/// A command that waits for background work.
pub struct Wait {
    /// Its client among those that are blocked.
    pub id: Id,
    /// Dropped everywhere when the work is done.
    pub until: CompletionGuard,
    /// Its arguments, if the work holds them.
    pub args: Option<Arc<HeldArgs>>,
    /// What it waits for.
    pub what: Awaited,
}

/// What background work brings.
pub enum Awaited {
    /// Counts of messages, which their conversation takes in.
    Counts,
    /// Counts of texts among the arguments.
    TextCounts(Vec<Ticket>),
    /// Large arguments, read.
    Input(Reading),
    /// Messages, decompressed.
    Text(InBackground<Vec<Decompressed>>),
    /// Messages, converted.
    Converted(InBackground<Vec<Converted>>),
    /// A document, in one piece.
    Document(InBackground<Vec<u8>>),
    /// What a search finds.
    Found(Searching),
}

/// What background work has brought.
#[derive(Default)]
pub struct Brought {
    /// Counts of texts among the arguments.
    pub counts: Option<Vec<u32>>,
    /// What was read of the arguments. The work ends with the command.
    pub input: Option<(Prepared, Lease)>,
    /// Held until the command has replied.
    pub text: Option<Held<Vec<Decompressed>>>,
    /// Held until the command has replied.
    pub converted: Option<Held<Vec<Converted>>>,
    /// Held until the command has replied.
    pub document: Option<Held<Vec<u8>>>,
    /// What a search found.
    pub found: Option<searches::Result>,
}

impl Awaited {
    /// What was awaited. `None` if the work has failed.
    pub fn take(self) -> Option<Brought> {
        let mut brought = Brought::default();
        match self {
            Self::Counts => {}
            Self::TextCounts(tickets) => {
                brought.counts = Some(tickets.iter().map(Ticket::count).collect::<Option<_>>()?);
            }
            Self::Input(reading) => brought.input = Some(reading.take()?),
            Self::Text(decompressing) => brought.text = Some(decompressing.take()?),
            Self::Converted(converting) => brought.converted = Some(converting.take()?),
            Self::Document(writing) => brought.document = Some(writing.take()?),
            Self::Found(searching) => brought.found = Some(searching.take()?),
        }
        Some(brought)
    }
}

/// A run of a command.
pub struct Command<'a> {
    /// Its index in the table.
    pub index: usize,
    /// What the table says of it.
    pub spec: &'static Spec,
    /// What was sent.
    pub request: &'a Request<'a>,
    /// How it runs again when its client is woken that was blocked on keys, by its index.
    pub woken: fn(usize) -> cache_loads::Resume,
}

impl Command<'_> {
    /// True if the command may write.
    pub fn writes(&self) -> bool {
        self.spec.handler.writes()
    }
}
