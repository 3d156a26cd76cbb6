//! The commands as pure functions, without Redis. [`spec::COMMANDS`] is the table of all commands.
//!
//! A command that reads takes its arguments and a conversation and writes a [`Reply`]. A command that writes also
//! returns an [`Effect`], which [`commit`] applies. A command that fails changes nothing, because it never gets mutable
//! access to the conversation.

mod append;
mod arg_docs;
pub mod arg_parser;
mod backfill;
mod error;
pub mod export;
pub mod fork;
mod format;
mod import;
mod manage;
pub mod msgpack;
mod outcome;
mod pins;
pub mod prepared;
mod read;
pub mod recent;
mod replay;
pub mod reply;
mod search;
mod session;
pub mod spec;
pub mod suggest;
mod summary;
pub mod syntax;
mod table;

pub use error::{CommandError, err};
use msgpack::Converted;
pub use outcome::{Needs, Outcome, REPLIED};
use prepared::Prepared;
use reply::Reply;

use crate::conversation::effect::{Effect, Event};
use crate::conversation::find::{Failure, Found};
use crate::conversation::{Conversation, Limit};
use crate::settings::Settings;
use crate::tokens::Counter;

/// The input of a command apart from its arguments and the conversation.
#[derive(Debug, Clone, Copy)]
pub struct Env<'e> {
    /// The time of the command, Unix ms; 0 for commands that only read.
    pub now: i64,
    /// The settings of the server.
    pub settings: Settings,
    /// The server is at its memory limit, so an effect that makes the conversation grow is rejected. True for
    /// `CONV.EFFECT` only: Redis itself rejects the deny-oom commands of clients.
    pub full: bool,
    /// The counts that this command requested in an earlier run, see [`Needs::TextCounts`].
    pub counts: Option<&'e [u32]>,
    /// Bytes of messages that the command may decompress, or convert to MessagePack, itself. For more it needs
    /// [`Needs::Text`], [`Needs::MsgPack`] or [`Needs::Document`].
    pub decompress_at_once: usize,
    /// What a search has found that this command requested in an earlier run, see [`Needs::Search`].
    pub found: Option<&'e Result<Vec<Found>, Failure>>,
    /// What was converted for this command after an earlier run, see [`Needs::MsgPack`].
    pub converted: &'e [&'e Converted],
    /// Arguments that were read in advance.
    pub prepared: Option<&'e Prepared>,
}

/// Bytes of messages that the main thread decompresses for a command: 50 to 100 us of work.
pub const DECOMPRESS_AT_ONCE: usize = 64 << 10;

impl Env<'_> {
    /// When a key with this `ttl` in seconds expires, Unix ms. `None` if `ttl` is 0.
    fn expiry(&self, ttl: u64) -> Option<i64> {
        let ms = i64::try_from(ttl).ok()?.checked_mul(1000)?;
        (ms > 0).then(|| self.now.saturating_add(ms))
    }
}

/// The conversation at the key. `None` if the key is missing or the command has no key.
pub type Target<'c> = Option<&'c Conversation>;

/// A command that only reads.
pub type Read = fn(
    &mut arg_parser::Args<'_>,
    Target<'_>,
    &Env<'_>,
    &mut dyn Reply,
) -> Result<Outcome<()>, CommandError>;

/// A command that may change the conversation.
pub type Write = for<'a> fn(
    &mut arg_parser::Args<'a>,
    Target<'_>,
    &Env<'_>,
    &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError>;

/// Applies `effect`, hands new texts to `counter`, and enforces retention. Afterwards `effect` includes what retention
/// removed and is what replicas apply.
pub fn commit(conversation: &mut Conversation, effect: &mut Effect<'_>, counter: &impl Counter) {
    if effect.only_expires() {
        return;
    }
    conversation.apply(effect, counter);
    if is_retained(effect) {
        let limits = conversation.limits();
        effect.drop = retain(conversation, &limits, effect.at);
    }
}

/// True if retention acts on what `effect` appends. A session document is the whole state, so an import keeps all of it.
#[must_use]
pub fn is_retained(effect: &Effect<'_>) -> bool {
    !effect.push.is_empty() && effect.event != Event::Import
}

/// Removes the messages that exceed `limits`, as far as their counts are known. Returns the ranges of sequence numbers
/// that were removed.
fn retain(conversation: &mut Conversation, limits: &[Option<Limit>], at: i64) -> Vec<(i64, i64)> {
    let mut removed = Vec::new();
    for &limit in limits.iter().flatten() {
        // Where memory is short, the next append tries again.
        let (ranges, _) = conversation.retain(limit, at);
        removed.extend(ranges);
    }
    removed
}

/// Enforces the token limit once counts have arrived after an append. Returns the effect that was applied, `None` if
/// nothing was removed. The message limit does not depend on counts and was enforced on append.
pub fn retain_late(conversation: &mut Conversation, now: i64) -> Option<Effect<'static>> {
    let [_, tokens] = conversation.limits();
    let drop = retain(conversation, &[tokens], now);
    (!drop.is_empty()).then(|| Effect {
        drop,
        ..Effect::new(Event::Trim, now)
    })
}

#[cfg(test)]
#[path = "unreadable_tests.rs"]
mod unreadable_tests;
