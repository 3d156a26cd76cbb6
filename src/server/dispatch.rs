//! A command from arrival to reply: open the key, run the pure command, make the change, tell everyone.

use std::ffi::{c_char, c_int};

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};

use super::api::{OK, OwnedString, bytes, c_text, call, now};
use super::config;
use super::guard::guard;
use super::key::{Found, Key};
use super::reply::ClientReply;
use crate::codec::encode_effect;
use crate::commands::args::Args;
use crate::commands::spec::{COMMANDS, Handler, Key as KeyUse, Spec};
use crate::commands::{CommandError, Env, commit, replay};
use crate::conversation::Conversation;
use crate::conversation::effect::Effect;
use crate::metrics;
use crate::tokens::{Inline, preload};

/// A function of the table as C calls it.
pub type Entry =
    unsafe extern "C" fn(*mut RedisModuleCtx, *mut *mut RedisModuleString, c_int) -> c_int;

/// The entry of the command at index `I` of the table.
///
/// # Safety
/// Called by Redis, with a valid context and `argc` valid arguments.
pub unsafe extern "C" fn entry<const I: usize>(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
) -> c_int {
    // SAFETY: as Redis promises; the reply is used within this call only.
    let mut reply = unsafe { ClientReply::new(ctx) };
    let done = guard(ctx, false, || {
        let Some(spec) = COMMANDS.get(I) else {
            return false;
        };
        // SAFETY: as Redis promises.
        let call = unsafe { Call::new(ctx, argv, argc) };
        match call.run(spec, &mut reply) {
            Ok(()) => {}
            Err(CommandError::Arity) => reply.error(&format!(
                "ERR wrong number of arguments for '{}' command",
                spec.name.to_ascii_lowercase()
            )),
            Err(error) => reply.error(&error.to_string()),
        }
        true
    });
    if !done {
        reply.error("ERR internal error, nothing was done; the server's log has the details");
    }
    OK
}

/// A call under way.
struct Call<'a> {
    ctx: *mut RedisModuleCtx,
    strings: &'a [*mut RedisModuleString],
    args: Vec<&'a [u8]>,
}

impl Call<'_> {
    /// # Safety
    /// As [`entry`]; the value is not used after the call has ended.
    unsafe fn new(
        ctx: *mut RedisModuleCtx,
        argv: *mut *mut RedisModuleString,
        argc: c_int,
    ) -> Self {
        let len = usize::try_from(argc).unwrap_or_default();
        let strings: &[*mut RedisModuleString] = if argv.is_null() {
            &[]
        } else {
            // SAFETY: as Redis promises.
            unsafe { std::slice::from_raw_parts(argv, len) }
        };
        // SAFETY: the arguments live until the command ends.
        let args = strings.iter().map(|s| unsafe { bytes(*s) }).collect();
        Self { ctx, strings, args }
    }

    fn run(&self, spec: &'static Spec, reply: &mut ClientReply) -> Result<(), CommandError> {
        let replayed = matches!(spec.handler, Handler::Replay(_));
        let env = Env {
            now: now(),
            settings: config::settings(),
            full: replayed && self.is_refused_memory(),
        };
        let name = self.strings.get(1).copied();
        let (key_name, rest) = match (spec.key, name) {
            (KeyUse::None, _) => (None, 1),
            (_, Some(name)) => (Some(name), 2),
            (_, None) => return Err(CommandError::Arity),
        };
        let mut args = Args::new(spec.name, self.args.get(rest..).unwrap_or_default());
        let Some(key_name) = key_name else {
            return match spec.handler {
                Handler::Read(command) => command(&mut args, None, &env, reply),
                Handler::Write(_) | Handler::Replay(_) => Err(CommandError::Arity),
            };
        };
        let write = !matches!(spec.handler, Handler::Read(_));
        // SAFETY: context and name are those of this call, which opens the key once.
        let mut key = unsafe { Key::open(self.ctx, key_name, write) };
        let mut found = match key.get() {
            Found::Missing => None,
            Found::Conversation(conversation) => Some(conversation),
            Found::Other => return Err(CommandError::WrongType),
        };
        if let Some(conversation) = &mut found {
            // What was loaded uncounted is counted before anybody relies on it.
            let before = conversation.footprint();
            if before.pending > 0 {
                conversation.settle(&Inline);
                metrics::resized(before, conversation.footprint());
            }
        }
        let target = found.as_deref();
        let effect = match spec.handler {
            Handler::Read(command) => return command(&mut args, target, &env, reply),
            Handler::Write(command) | Handler::Replay(command) => {
                command(&mut args, target, &env, reply)?
            }
        };
        let Some(mut effect) = effect else {
            return Ok(());
        };
        if let Some(attributes) = effect.create.or(effect.alter) {
            preload(attributes.encoding);
        }
        let make = |conversation: &mut Conversation, effect: &mut Effect<'_>| {
            if replayed {
                replay(conversation, effect, &Inline);
            } else {
                commit(conversation, effect, &Inline);
            }
        };
        match &mut found {
            Some(conversation) => {
                let before = conversation.footprint();
                make(conversation, &mut effect);
                metrics::resized(before, conversation.footprint());
            }
            None => {
                let Some(attributes) = effect.create else {
                    return Ok(());
                };
                let mut conversation = Conversation::new(attributes, effect.at);
                make(&mut conversation, &mut effect);
                metrics::created(conversation.footprint());
                key.create(conversation);
            }
        }
        if let Some(at) = effect.expire {
            key.expire_at(at);
        }
        drop(key);
        self.announce(key_name, &effect, replayed);
        Ok(())
    }

    /// True if the server is out of memory, and this is neither its primary's stream nor its own AOF, which must be
    /// taken.
    fn is_refused_memory(&self) -> bool {
        // SAFETY: the context is that of this call.
        let flags = unsafe { call!(RedisModule_GetContextFlags, self.ctx) }.unwrap_or_default();
        let has = |flag: u32| c_int::try_from(flag).is_ok_and(|flag| flags & flag != 0);
        has(raw::REDISMODULE_CTX_FLAGS_OOM)
            && !has(raw::REDISMODULE_CTX_FLAGS_REPLICATED)
            && !has(raw::REDISMODULE_CTX_FLAGS_LOADING)
    }

    /// Tells WATCH and tracking, replicas and the AOF, and subscribers of the change.
    fn announce(&self, key: *mut RedisModuleString, effect: &Effect<'_>, verbatim: bool) {
        // SAFETY: context and key name are those of this call.
        unsafe { call!(RedisModule_SignalModifiedKey, self.ctx, key) };
        if verbatim {
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
                    key,
                    header.as_ptr().cast::<c_char>(),
                    header.len(),
                    strings.as_ptr(),
                    strings.len()
                )
            };
        }
        if !effect.event.is_empty() {
            let event = c_text(effect.event);
            // SAFETY: as above; the event's name ends in NUL.
            unsafe {
                call!(
                    RedisModule_NotifyKeyspaceEvent,
                    self.ctx,
                    raw::REDISMODULE_NOTIFY_MODULE,
                    event.as_ptr(),
                    key
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
