//! Announcing a change: to WATCH and client-side caches, to replicas and the AOF, and to subscribers of events.

use smallvec::SmallVec;

use super::ffi::context::Context;
use super::ffi::string::{OwnedString, RedisStr};
use crate::codec::{payload, write_header};
use crate::conversation::effect::{Effect, Event};
use crate::conversation::message::trim;

/// A change of the conversation at `key`.
pub struct Announcement<'a> {
    /// The context of the command or timer that made it.
    pub ctx: Context<'a>,
    /// The key.
    pub key: RedisStr<'a>,
    /// Arguments of the command, which are passed on without a copy where the effect borrows from them.
    pub args: &'a [RedisStr<'a>],
    /// Replicas need the command itself instead of the effect.
    pub verbatim: bool,
}

impl Announcement<'_> {
    /// Announces `effect`, which has been applied.
    pub fn make(&self, effect: &Effect<'_>) {
        self.ctx.signal_modified(self.key);
        if self.verbatim {
            self.ctx.replicate_verbatim();
        } else {
            let mut header: SmallVec<[u8; 128]> = SmallVec::new();
            // Writing into memory cannot fail.
            let _ = write_header(effect, &mut header);
            let own = self.copies(effect);
            let strings = self.payload(effect, &own);
            self.ctx.replicate_effect(self.key, &header, &strings);
        }
        notify(self.ctx, self.key, effect.event);
    }

    /// Copies of those parts of the payload that are no argument.
    fn copies(&self, effect: &Effect<'_>) -> Vec<Option<OwnedString>> {
        let mut arguments = self.args.iter();
        payload(effect)
            .filter(|part| !arguments.any(|argument| is_argument(argument.bytes(), part)))
            .map(OwnedString::new)
            .collect()
    }

    /// The payload as Redis strings.
    fn payload<'s>(
        &'s self,
        effect: &Effect<'_>,
        own: &'s [Option<OwnedString>],
    ) -> SmallVec<[RedisStr<'s>; 8]> {
        let (mut arguments, mut own) = (self.args.iter(), own.iter());
        payload(effect)
            .filter_map(|part| {
                match arguments.find(|argument| is_argument(argument.bytes(), part)) {
                    Some(argument) => Some(*argument),
                    None => own.next()?.as_ref().map(OwnedString::as_str),
                }
            })
            .collect()
    }
}

/// True if `part` is `argument`, or `argument` without the white space around it, at the same place in memory. Not true
/// of a part of a session document: the argument would be the whole document.
fn is_argument(argument: &[u8], part: &[u8]) -> bool {
    let (outer, inner) = (argument.as_ptr_range(), part.as_ptr_range());
    outer.start <= inner.start && inner.end <= outer.end && trim(argument).len() <= part.len()
}

/// Emits the keyspace event.
pub fn notify(ctx: Context<'_>, key: RedisStr<'_>, event: Event) {
    if event != Event::None {
        ctx.notify(key, event.c_name());
    }
}
