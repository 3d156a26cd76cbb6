//! The commands: parse, look, and either reply or say what is to change. Pure; no Redis.
//!
//! A reading command is a function of its arguments and the conversation to a [`Reply`]. A writing command also
//! returns the [`Effect`] to be made, which [`commit`] then makes; a command that fails has changed nothing, as it
//! never had the means to. [`spec::COMMANDS`] lists them all.

mod append;
mod arg_docs;
pub mod arg_parser;
mod backfill;
mod error;
pub mod fork;
mod format;
mod manage;
mod outcome;
mod read;
pub mod recent;
mod replay;
pub mod reply;
mod session;
pub mod spec;
pub mod suggest;
mod summary;
pub mod syntax;
mod table;

pub use error::{CommandError, err};
pub use outcome::{Needs, Outcome, REPLIED};
use reply::Reply;

use crate::conversation::effect::{Effect, Event};
use crate::conversation::{Conversation, Limit};
use crate::settings::Settings;
use crate::tokens::{Counter, Nobody};

/// What a command may know beside its arguments and the conversation.
#[derive(Debug, Clone, Copy)]
pub struct Env<'e> {
    /// Unix ms; 0 for a command that only reads.
    pub now: i64,
    /// The server's settings.
    pub settings: Settings,
    /// The server has no memory left for an effect that makes the conversation grow. (Commands of clients never get
    /// here then: Redis itself refuses them.)
    pub full: bool,
    /// Counts of the texts that this command has asked for when it was run before.
    pub counts: Option<&'e [u32]>,
}

impl Env<'_> {
    /// When a key with this `ttl` (seconds; 0 for none) expires, Unix ms.
    fn expiry(&self, ttl: u64) -> Option<i64> {
        let ms = i64::try_from(ttl).ok()?.checked_mul(1000)?;
        (ms > 0).then(|| self.now.saturating_add(ms))
    }
}

/// The conversation under the key; nothing if the key is missing, or the command has none.
pub type Target<'c> = Option<&'c Conversation>;

/// A command that changes nothing.
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

/// Makes the change, hands what came with it to `counter`, and drops what retention no longer keeps; `effect` then says all of
/// it, and is what replicas apply.
pub fn commit(conversation: &mut Conversation, effect: &mut Effect<'_>, counter: &impl Counter) {
    conversation.apply(effect, counter);
    if !effect.push.is_empty() {
        let limits = conversation.limits();
        effect.drop = retain(conversation, &limits, effect.event, effect.at);
    }
}

/// Drops what retention no longer keeps, as far as it is counted; the ranges of sequence numbers dropped.
fn retain(
    conversation: &mut Conversation,
    limits: &[Option<Limit>],
    event: Event,
    at: i64,
) -> Vec<(i64, i64)> {
    let mut dropped = Vec::new();
    for &limit in limits.iter().flatten() {
        let drop = conversation.to_drop(limit);
        if drop.is_empty() {
            continue;
        }
        let mut retention = Effect {
            drop,
            ..Effect::new(event, at)
        };
        conversation.apply(&mut retention, &Nobody);
        dropped.extend(retention.drop);
    }
    dropped
}

/// What retention drops when counts have come in after the append: by the limit that depends on counts, and no other.
/// Nothing if it keeps all.
pub fn retain_late(conversation: &mut Conversation, now: i64) -> Option<Effect<'static>> {
    let [_, tokens] = conversation.limits();
    let drop = retain(conversation, &[tokens], Event::Trim, now);
    (!drop.is_empty()).then(|| Effect {
        drop,
        ..Effect::new(Event::Trim, now)
    })
}
