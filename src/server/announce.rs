//! Telling everyone of a change: WATCH and tracking, replicas and the AOF, and subscribers.

use std::ffi::c_char;

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};
use smallvec::SmallVec;

use super::cache_loads as misses;
use super::ffi::api::{OwnedString, bytes, call};
use crate::codec::{payload, write_header};
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
            let mut header: SmallVec<[u8; 128]> = SmallVec::new();
            // Writing into memory cannot fail.
            let _ = write_header(effect, &mut header);
            let mut own = Vec::new();
            let strings = self.strings_of(effect, &mut own);
            let (text, len) = (header.as_ptr().cast::<c_char>(), header.len());
            // SAFETY: as above; the formats say: a string, a buffer with its length, then another string, or a vector
            // with its length, for which Redis makes room anew. The callee takes its own references.
            unsafe {
                match strings.as_slice() {
                    [one] => call!(
                        RedisModule_Replicate,
                        self.ctx,
                        c"CONV.EFFECT".as_ptr(),
                        c"sbs".as_ptr(),
                        self.key,
                        text,
                        len,
                        *one
                    ),
                    many => call!(
                        RedisModule_Replicate,
                        self.ctx,
                        c"CONV.EFFECT".as_ptr(),
                        c"sbv".as_ptr(),
                        self.key,
                        text,
                        len,
                        many.as_ptr(),
                        many.len()
                    ),
                }
            };
        }
        // SAFETY: the name is valid during the call.
        let name = unsafe { bytes(self.key) };
        misses::changed(self.ctx, name, effect.event == "conv.backfill");
        if !effect.event.is_empty() {
            notify(self.ctx, self.key, effect.event);
        }
    }

    /// The payload as Redis strings: what came as arguments of this call is passed on without a copy.
    fn strings_of(
        &self,
        effect: &Effect<'_>,
        own: &mut Vec<OwnedString>,
    ) -> SmallVec<[*mut RedisModuleString; 8]> {
        let mut arguments = self.args.iter().zip(self.strings);
        payload(effect)
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

/// A keyspace event of class module.
pub fn notify(ctx: *mut RedisModuleCtx, key: *mut RedisModuleString, event: &str) {
    // Names of events are short.
    let mut name = [0u8; 64];
    let event = event.as_bytes();
    if let Some(to) = name.get_mut(..event.len().min(63)) {
        to.copy_from_slice(event.get(..to.len()).unwrap_or_default());
    }
    // SAFETY: context and key name are those of the call under way; the event's name ends in NUL.
    unsafe {
        call!(
            RedisModule_NotifyKeyspaceEvent,
            ctx,
            raw::REDISMODULE_NOTIFY_MODULE,
            name.as_ptr().cast::<c_char>(),
            key
        )
    };
}

/// Tells a worker that a summary is due.
pub fn summary_due(ctx: *mut RedisModuleCtx, key: *mut RedisModuleString) {
    notify(ctx, key, "conv.summarydue");
}
