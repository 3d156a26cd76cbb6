//! Effects: what a write does, decided once.
//!
//! A command is turned into an effect on the server it was sent to. The same effect is applied there, written to the
//! AOF and sent to replicas; whatever depends on the clock, on settings or on counts is fixed in it.

use serde::{Deserialize, Serialize};

use super::Conversation;
use super::attributes::Attributes;
pub use super::event::Event;
use super::message::Facts;
use super::session::{NewField, NewHistory};
use crate::tokens::Text;

/// What is known of T(message) when a message is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Nothing yet.
    #[default]
    Pending,
    /// It has been counted.
    Counted(u32),
    /// The caller gave it, with `TOKENS`: it is never counted.
    Given(u32),
}

/// A message to be stored, read already.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// Its sequence number: larger than any held (appended), smaller than any ever given (prepended), or that of the
    /// message it replaces (edited).
    pub seq: i64,
    /// Arrival, Unix ms.
    pub time: i64,
    /// What is known of T(message).
    pub count: Count,
    /// The message, without the white space around it.
    pub bytes: &'a [u8],
    /// What was read of it.
    pub facts: Facts,
    /// What is to be counted of it, unless its count is known.
    pub text: Option<Text>,
    /// `bytes` and a comma, in a buffer that the log takes over instead of copying `bytes`. Only for messages that get a
    /// segment of their own.
    pub own: Option<Vec<u8>>,
}

/// How the summary changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSummary<'a> {
    /// The text; empty to remove the summary.
    pub text: &'a str,
    /// The last message that it stands for.
    pub upto: Option<i64>,
}

/// A session document, imported into a new conversation: message 1 is its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported<'a> {
    /// The document.
    pub document: &'a [u8],
    /// The field that holds the messages, or the path to them; nothing if the document is a bare array.
    pub history: Option<Box<str>>,
}

/// Where numbering stands; only for a conversation that is rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbering {
    /// When the conversation was created, Unix ms.
    pub created: i64,
    /// Number of the next message to be appended.
    pub next: i64,
    /// Lowest number ever given.
    pub lowest: i64,
}

/// Changes, made in the order of the fields.
#[derive(Debug, Clone, Default)]
pub struct Effect<'a> {
    /// When, Unix ms.
    pub at: i64,
    /// The keyspace event.
    pub event: Event,
    /// Creates the conversation with these attributes.
    pub create: Option<Attributes>,
    /// Sets where numbering stands.
    pub numbering: Option<Numbering>,
    /// Replaces the attributes.
    pub alter: Option<Attributes>,
    /// Removes the messages from this number on, before others are appended.
    pub cut: Option<i64>,
    /// Prepends these older messages, the oldest first; their numbers are below all that were ever given.
    pub front: Vec<NewMessage<'a>>,
    /// Appends these messages.
    pub push: Vec<NewMessage<'a>>,
    /// Replaces a message.
    pub edit: Option<NewMessage<'a>>,
    /// Pins the messages with these numbers, as far as they are held.
    pub pin: Vec<i64>,
    /// Removes the pins of the messages with these numbers, which ascend.
    pub unpin: Vec<i64>,
    /// Removes the messages with these numbers.
    pub remove: Vec<i64>,
    /// Sets or removes the summary.
    pub summary: Option<NewSummary<'a>>,
    /// Removes all session fields, and where in the document the messages are.
    pub clear_session: bool,
    /// Removes these session fields.
    pub del_state: Vec<Box<str>>,
    /// Sets these session fields.
    pub set_state: Vec<NewField<'a>>,
    /// Sets where in the document the messages are.
    pub history: Option<NewHistory<'a>>,
    /// The document that `push`, `set_state` and `history` came from: it is what replicas receive instead of them.
    pub imported: Option<Imported<'a>>,
    /// The conversation that `create` and the document make, if it was built in advance; `push`, `set_state` and `history`
    /// are empty then.
    pub built: Option<Box<Conversation>>,
    /// When the lease of the summary ends, Unix ms; 0 to end it now.
    pub lease: Option<i64>,
    /// Removes the messages whose numbers are in these ranges, both ends included: retention chose them.
    pub drop: Vec<(i64, i64)>,
    /// The key no longer expires.
    pub persist: bool,
    /// When the key expires, Unix ms; nothing to leave it as it is.
    pub expire: Option<i64>,
}

impl Effect<'_> {
    /// An effect that changes nothing yet.
    #[must_use]
    pub fn new(event: Event, now: i64) -> Self {
        Self {
            at: now,
            event,
            ..Self::default()
        }
    }

    /// True if the conversation may take more memory afterwards.
    #[must_use]
    pub fn grows(&self) -> bool {
        // Exhaustive, so that a new field that takes memory is not forgotten.
        let Self {
            at: _,
            event: _,
            create,
            numbering: _,
            alter: _,
            cut: _,
            front,
            push,
            edit,
            pin,
            unpin: _,
            remove: _,
            summary,
            clear_session: _,
            del_state: _,
            set_state,
            history,
            // What an import contains is in `push` and `set_state`.
            imported: _,
            built: _,
            lease: _,
            drop: _,
            persist: _,
            expire: _,
        } = self;
        create.is_some()
            || !front.is_empty()
            || !push.is_empty()
            || edit.is_some()
            || !pin.is_empty()
            || !set_state.is_empty()
            || history.as_ref().is_some_and(NewHistory::is_nested)
            || summary.as_ref().is_some_and(|s| !s.text.is_empty())
    }

    /// True if nothing changes but when the key expires. That is no change of the conversation.
    #[must_use]
    pub fn only_expires(&self) -> bool {
        // Exhaustive, so that a new field is not taken for nothing.
        let Self {
            at: _,
            event,
            create,
            numbering,
            alter,
            cut,
            front,
            push,
            edit,
            pin,
            unpin,
            remove,
            summary,
            clear_session,
            del_state,
            set_state,
            history,
            imported,
            built,
            lease,
            drop,
            persist: _,
            expire: _,
        } = self;
        // Effects of almost all commands have an event.
        *event == Event::None
            && create.is_none()
            && numbering.is_none()
            && alter.is_none()
            && cut.is_none()
            && front.is_empty()
            && push.is_empty()
            && edit.is_none()
            && pin.is_empty()
            && unpin.is_empty()
            && remove.is_empty()
            && summary.is_none()
            && !clear_session
            && del_state.is_empty()
            && set_state.is_empty()
            && history.is_none()
            && imported.is_none()
            && built.is_none()
            && lease.is_none()
            && drop.is_empty()
    }
}
