//! Arguments that were read before their command runs, on a background thread: large messages, session documents and
//! values of session fields.
//!
//! Only what does not depend on the conversation is done in advance. The command itself runs on the main thread as
//! always, and takes over what is prepared here instead of reading and copying the arguments. So its conditions hold at
//! the moment at which it takes effect.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::arg_parser::Args;
use super::error::CommandError;
use super::reply::BufferedReply;
use super::{Env, Outcome, import};
use crate::conversation::Conversation;
use crate::conversation::attributes::Attributes;
use crate::conversation::document::places::Places;
use crate::conversation::effect::Effect;
use crate::conversation::message::{self, Facts, Refusal, trim};
use crate::conversation::segment::SEGMENT_BYTES;
use crate::conversation::session::read_value;
use crate::tokens::{Nobody, Text};

/// A command that has more bytes of messages or values among its arguments is prepared: reading them takes the main
/// thread 0.1 ms.
const LARGE_BYTES: usize = 64 << 10;

/// As [`LARGE_BYTES`], for a document, which is split into messages.
const LARGE_DOCUMENT_BYTES: usize = 256 << 10;

/// What a command's large arguments are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Messages.
    Messages,
    /// A session document, which becomes a conversation.
    Document,
    /// A session document for a conversation that exists. Little of it is new, so its messages are not read.
    Replacement,
    /// Values of session fields.
    Values,
}

impl Input {
    /// True if arguments of these lengths are to be prepared.
    #[must_use]
    pub fn is_large(self, lengths: impl Iterator<Item = usize>) -> bool {
        let limit = match self {
            Self::Messages | Self::Values => LARGE_BYTES,
            Self::Document | Self::Replacement => LARGE_DOCUMENT_BYTES,
        };
        lengths.sum::<usize>() > limit
    }

    /// Reads the arguments of `command`, which follow its key.
    #[must_use]
    pub fn prepare(self, command: &'static str, args: &[&[u8]], env: &Env<'_>) -> Prepared {
        let mut prepared = Prepared::default();
        match self {
            Self::Messages => {
                let messages = args.iter().filter_map(|argument| read(argument, env));
                prepared.messages = RefCell::new(messages.collect());
            }
            Self::Document => {
                prepared.document = RefCell::new(Some(build(command, args, env)));
            }
            Self::Replacement => {
                prepared.places = import::places(command, args, env).ok();
            }
            Self::Values => {
                let values = args
                    .iter()
                    .map(|argument| (Place::of(argument), value(argument)));
                prepared.values = RefCell::new(values.collect());
            }
        }
        prepared
    }
}

/// Where an argument is. The arguments stay in their places while a command is prepared and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(usize, usize);

impl Place {
    fn of(argument: &[u8]) -> Self {
        Self(argument.as_ptr().addr(), argument.len())
    }
}

/// A message that was read.
#[derive(Debug)]
pub struct ReadMessage {
    /// What must be known of it, and what is to be counted.
    pub read: Result<(Facts, Text), Refusal>,
    /// The message and a comma, if it gets a segment of its own.
    pub own: Option<Vec<u8>>,
}

/// A conversation that was made of a document.
#[derive(Debug)]
pub struct Built {
    /// The conversation.
    pub conversation: Box<Conversation>,
    /// Its attributes.
    pub attributes: Attributes,
    /// When it was created, Unix ms.
    pub at: i64,
    /// The field that holds the messages, or the path to them; `None` if the document is a bare array.
    pub history: Option<Box<str>>,
}

/// The value of a session field that was read.
pub type ReadValue = Result<Box<str>, String>;

/// What was read of a command's arguments. Each part is taken once.
#[derive(Debug, Default)]
pub struct Prepared {
    messages: RefCell<VecDeque<(Place, ReadMessage)>>,
    values: RefCell<VecDeque<(Place, ReadValue)>>,
    document: RefCell<Option<Result<Built, CommandError>>>,
    places: Option<Places>,
}

impl Prepared {
    /// Takes the message that was read from `argument`. Commands ask in the order of their arguments.
    pub fn take_message(&self, argument: &[u8]) -> Option<ReadMessage> {
        take(&self.messages, argument)
    }

    /// Takes the value that was read from `argument`. Commands ask in the order of their arguments.
    pub fn take_value(&self, argument: &[u8]) -> Option<ReadValue> {
        take(&self.values, argument)
    }

    /// The places of the parts of a document. `None` also if it is invalid: the command finds out why.
    pub fn places(&self) -> Option<&Places> {
        self.places.as_ref()
    }

    /// Takes the conversation.
    pub fn take_document(&self) -> Option<Result<Built, CommandError>> {
        self.document.borrow_mut().take()
    }
}

/// Takes what was read from `argument`, and passes over what nobody has asked for.
fn take<T>(parts: &RefCell<VecDeque<(Place, T)>>, argument: &[u8]) -> Option<T> {
    let mut parts = parts.borrow_mut();
    let place = Place::of(argument);
    let position = parts.iter().position(|(of, _)| *of == place)?;
    let part = parts.drain(..=position).next_back()?;
    Some(part.1)
}

/// Reads an argument that may be a message. `None` for options, and for what the command rejects by its size.
fn read(argument: &[u8], env: &Env<'_>) -> Option<(Place, ReadMessage)> {
    let bytes = trim(argument);
    let is_message = bytes.first() == Some(&b'{') || bytes.len() > LARGE_BYTES;
    if !is_message || bytes.len() > env.settings.max_message_bytes {
        return None;
    }
    let read = message::read(bytes);
    let mut own = None;
    if read.is_ok() && bytes.len() > SEGMENT_BYTES {
        let mut copy = Vec::new();
        // Without the memory the command tries to copy it itself.
        if copy.try_reserve_exact(bytes.len() + 1).is_ok() {
            copy.extend_from_slice(bytes);
            copy.push(b',');
            own = Some(copy);
        }
    }
    Some((Place::of(argument), ReadMessage { read, own }))
}

/// Reads an argument as the value of a session field.
fn value(argument: &[u8]) -> ReadValue {
    read_value(trim(argument)).map(Box::from)
}

/// Makes a conversation of the document among the arguments.
fn build(command: &'static str, args: &[&[u8]], env: &Env<'_>) -> Result<Built, CommandError> {
    let mut args = Args::new(command, args);
    let outcome = import::import(&mut args, None, env, &mut BufferedReply::new())?;
    let Outcome::Done(Some(mut effect)) = outcome else {
        return super::err("internal error, a document that makes no conversation");
    };
    let attributes = effect.create.unwrap_or_else(|| env.settings.attributes());
    let mut conversation = Conversation::new(attributes, effect.at);
    conversation.apply(&mut effect, &Nobody);
    let Effect { at, imported, .. } = effect;
    Ok(Built {
        conversation: Box::new(conversation),
        attributes,
        at,
        history: imported.and_then(|imported| imported.history),
    })
}
