//! Telling everyone of a change: WATCH and tracking, replicas and the AOF, and subscribers.

use std::ffi::c_char;

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};

use super::api::{OwnedString, bytes, call};
use super::misses;
use crate::codec::encode_effect;
use crate::conversation::effect::Effect;

/// A change under `key`, in the context of the call or timer that made it.
pub struct Announcement<'a> {
    /// The context.
    pub ctx: *mut RedisModuleCtx,
    /// The key's name.
    pub key: *mut RedisModuleString,
    /// Arguments of the command, with the strings that hold them.
    pub args: &'a [&'a [u8]],
    /// See `args`.
    pub strings: &'a [*mut RedisModuleString],
    /// The command itself is what replicas need.
    pub verbatim: bool,
}

impl Announcement<'_> {
    /// See the head of this file.
    pub fn make(&self, effect: &Effect<'_>) {
        // SAFETY: context and key name are those of this call.
        unsafe { call!(RedisModule_SignalModifiedKey, self.ctx, self.key) };
        if self.verbatim {
            // SAFETY: as above.
            unsafe { call!(RedisModule_ReplicateVerbatim, self.ctx) };
        } else {
            let (header, payload) = encode_effect(effect);
            let mut own = Vec::new();
            let strings = self.strings_of(&payload, &mut own);
            // SAFETY: as above; the format says: a string, a buffer with its length, a vector with its length. The
            // callee takes its own references.
            unsafe {
                call!(
                    RedisModule_Replicate,
                    self.ctx,
                    c"CONV.EFFECT".as_ptr(),
                    c"sbv".as_ptr(),
                    self.key,
                    header.as_ptr().cast::<c_char>(),
                    header.len(),
                    strings.as_ptr(),
                    strings.len()
                )
            };
        }
        // SAFETY: the name is valid during the call.
        let name = unsafe { bytes(self.key) };
        misses::changed(self.ctx, name, effect.event == "conv.backfill");
        if !effect.event.is_empty() {
            // Names of events are short.
            let mut event = [0u8; 64];
            for (to, from) in event.iter_mut().take(63).zip(effect.event.bytes()) {
                *to = from;
            }
            // SAFETY: as above; the event's name ends in NUL.
            unsafe {
                call!(
                    RedisModule_NotifyKeyspaceEvent,
                    self.ctx,
                    raw::REDISMODULE_NOTIFY_MODULE,
                    event.as_ptr().cast::<c_char>(),
                    self.key
                )
            };
        }
    }

    /// The payload as Redis strings: what came as arguments of this call is passed on without a copy.
    fn strings_of(
        &self,
        payload: &[&[u8]],
        own: &mut Vec<OwnedString>,
    ) -> Vec<*mut RedisModuleString> {
        let mut arguments = self.args.iter().zip(self.strings);
        payload
            .iter()
            .filter_map(|part| {
                let within = |argument: &[u8]| {
                    let (outer, inner) = (argument.as_ptr_range(), part.as_ptr_range());
                    outer.start <= inner.start && inner.end <= outer.end
                };
                // The payload is in the order of the arguments.
                match arguments.find(|(argument, _)| within(argument)) {
                    Some((_, string)) => Some(*string),
                    None => {
                        own.push(OwnedString::new(part)?);
                        own.last().map(OwnedString::as_ptr)
                    }
                }
            })
            .collect()
    }
}
