//! A command from arrival to reply: open the key, run the pure command, make the change, tell everyone, reply.

use std::ffi::c_int;
use std::time::Instant;

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};
use smallvec::SmallVec;

use super::announce::{Announcement, summary_due};
use super::blocked_clients as waiting;
use super::cache_loads as misses;
use super::ffi::api::{OK, bytes, call, now};
use super::ffi::client_reply::ClientReply;
use super::ffi::open_key::{Found, Key};
use super::ffi::panic_guard::guard;
use super::maintenance::Again;
use super::module::settings as config;
use super::request::{Wait, Waited};
use crate::background::{Lane, submit};
use crate::commands::arg_parser::Args;
use crate::commands::reply::BufferedReply;
use crate::commands::spec::{COMMANDS, Handler, Key as KeyUse, MultiKey, Spec};
use crate::commands::{CommandError, Env, Target, commit};
use crate::conversation::Conversation;
use crate::conversation::effect::Effect;
use crate::metrics;
use crate::tokens::background::{Background, Urgent};
use crate::tokens::{Inline, Rules, most_inline, preload};

/// A function of the table as C calls it.
pub type Entry =
    unsafe extern "C" fn(*mut RedisModuleCtx, *mut *mut RedisModuleString, c_int) -> c_int;

/// Allocations that are freed at once; Redis draws the line there as well.
const FREE_AT_ONCE: usize = 64;

/// The entry of the command at index `I` of the table.
///
/// # Safety
/// Called by Redis, with a valid context and `argc` valid arguments.
pub unsafe extern "C" fn entry<const I: usize>(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
) -> c_int {
    let len = usize::try_from(argc).unwrap_or_default();
    let strings: &[*mut RedisModuleString] = if argv.is_null() {
        &[]
    } else {
        // SAFETY: as Redis promises.
        unsafe { std::slice::from_raw_parts(argv, len) }
    };
    // SAFETY: as Redis promises; the reply is used within this call only.
    let mut reply = unsafe { ClientReply::new(ctx) };
    let waits = guard(ctx, None, || {
        // SAFETY: the arguments live until the command ends.
        let args: SmallVec<[&[u8]; 12]> = strings.iter().map(|s| unsafe { bytes(*s) }).collect();
        let call = Call {
            ctx,
            strings,
            args: &args,
            counts: None,
            waited: None,
        };
        Some(call.run_and_reply(I, &mut reply))
    });
    let answered = match waits {
        Some(None) => true,
        Some(Some(wait)) => guard(ctx, false, || waiting::block(ctx, I, strings, wait)),
        None => false,
    };
    if !answered {
        reply.internal_error();
    }
    OK
}

/// How a call ended.
pub enum Done {
    Replied,
    Waits(Wait),
}

/// A call under way.
pub struct Call<'a> {
    /// For everything but the reply.
    pub ctx: *mut RedisModuleCtx,
    /// The arguments, the command's name the first.
    pub strings: &'a [*mut RedisModuleString],
    /// Their bytes.
    pub args: &'a [&'a [u8]],
    /// See [`Env::counts`].
    pub counts: Option<&'a [u32]>,
    /// The client is blocked already, by an earlier run.
    pub waited: Option<Waited>,
}

impl Call<'_> {
    /// Runs the command at `index` of the table and replies, errors included; or says what it waits for.
    pub fn run_and_reply(&self, index: usize, reply: &mut ClientReply) -> Option<Wait> {
        let spec = COMMANDS.get(index)?;
        match self.run(spec, reply) {
            Ok(Done::Replied) => None,
            Ok(Done::Waits(wait)) => Some(wait),
            Err(CommandError::Arity) => {
                let name = spec.name;
                reply.error(&format!(
                    "ERR wrong number of arguments for '{name}' command"
                ));
                None
            }
            Err(error) => {
                reply.error(&error.to_string());
                None
            }
        }
    }

    fn run(&self, spec: &'static Spec, reply: &mut ClientReply) -> Result<Done, CommandError> {
        let replayed = matches!(spec.handler, Handler::Replay(_));
        let write = spec.handler.writes();
        let env = Env {
            // What reads asks nobody for the time.
            now: if write { now() } else { 0 },
            settings: config::settings(),
            full: replayed && self.is_refused_memory(),
            counts: self.counts,
            last_try: self.until().is_some_and(|until| until <= Instant::now()),
        };
        if let Handler::MultiKey(command) = spec.handler {
            return match command {
                MultiKey::Recent if self.tells_keys() => Ok(Done::Replied),
                MultiKey::Recent => self.recent_of_several(spec.name, env.last_try, reply),
                MultiKey::Fork => self.fork(spec.name, env.now, reply),
            };
        }
        let name = self.strings.get(1).copied();
        let (key_name, rest) = match (spec.key, name) {
            (KeyUse::None, _) => (None, 1),
            (_, Some(name)) => (Some(name), 2),
            (_, None) => return Err(CommandError::Arity),
        };
        let args = || Args::new(spec.name, self.args.get(rest..).unwrap_or_default());
        let Some(key_name) = key_name else {
            return self.run_without_key(spec, &env, reply);
        };
        // SAFETY: context and name are those of this call, which opens the key once.
        let mut key = unsafe { Key::open(self.ctx, key_name, write) };
        let mut found = match key.get() {
            Found::Missing => None,
            Found::Conversation(conversation) => Some(conversation),
            Found::Other => return Err(CommandError::WrongType),
        };
        if let Some(conversation) = &mut found
            && conversation.expects_results()
        {
            measured(conversation, Conversation::collect);
        }
        let mut answer = BufferedReply::new();
        let effect = loop {
            let target = found.as_deref();
            let missing = match run_pure(spec, &mut args(), target, &env, reply, &mut answer) {
                Err(CommandError::Uncounted(missing)) => missing,
                Err(CommandError::Missed(time)) => {
                    drop(key);
                    return Ok(self.missed(&[key_name], time, reply));
                }
                Err(error) => return Err(error),
                Ok(None) => {
                    if spec.name == "CONV.BACKFILL" {
                        // Nothing was new; yet whoever loads has done so.
                        misses::changed(self.ctx, self.args_name(), true);
                    }
                    reply.play(&answer);
                    return Ok(Done::Replied);
                }
                Ok(Some(effect)) => break effect,
            };
            answer.clear();
            let Some(conversation) = &mut found else {
                return Err(CommandError::Uncounted(missing));
            };
            let wait = measured(conversation, |c| self.count_missing(c, &missing));
            if let Some(wait) = wait {
                return Ok(Done::Waits(wait));
            }
        };
        self.make(key, key_name, effect, replayed)?;
        reply.play(&answer);
        Ok(Done::Replied)
    }

    /// Makes the change under the key, and tells everyone of it.
    fn make(
        &self,
        mut key: Key,
        key_name: *mut RedisModuleString,
        mut effect: Effect<'_>,
        replayed: bool,
    ) -> Result<(), CommandError> {
        if let Some(attributes) = effect.create.or(effect.alter) {
            preload(attributes.encoding);
        }
        if let Found::Conversation(conversation) = key.get() {
            measured(conversation, |c| {
                if let Some(attributes) = effect.create.filter(|_| effect.replace) {
                    let new = Conversation::new(attributes, effect.at);
                    discard(std::mem::replace(c, new));
                }
                self.change(c, &mut effect, replayed, key_name);
            });
            if effect.replace {
                key.persist();
            }
        } else {
            let Some(attributes) = effect.create else {
                return Err(CommandError::Err("no such key".into()));
            };
            let mut conversation = Conversation::new(attributes, effect.at);
            self.change(&mut conversation, &mut effect, replayed, key_name);
            metrics::created(conversation.footprint());
            key.create(conversation);
        }
        if let Some(at) = effect.expire {
            key.expire_at(at);
        }
        let due = match key.get() {
            // Workers listen to the primary.
            Found::Conversation(c) if !replayed => {
                c.summary_became_due(config::settings().summary_threshold)
            }
            _ => false,
        };
        drop(key);
        let announcement = Announcement {
            ctx: self.ctx,
            key: key_name,
            args: self.args,
            strings: self.strings,
            verbatim: replayed,
        };
        announcement.make(&effect);
        if due {
            summary_due(self.ctx, key_name);
        }
        Ok(())
    }

    fn run_without_key(
        &self,
        spec: &Spec,
        env: &Env<'_>,
        reply: &mut ClientReply,
    ) -> Result<Done, CommandError> {
        let Handler::Read(command) = spec.handler else {
            return Err(CommandError::Arity);
        };
        let mut args = Args::new(spec.name, self.args.get(1..).unwrap_or_default());
        let (encoding, texts) = match command(&mut args, None, env, reply) {
            Err(CommandError::UncountedTexts(encoding, texts)) => (encoding, texts),
            other => return other.map(|()| Done::Replied),
        };
        let rules = Rules {
            encoding,
            media_tokens: 0,
        };
        if !self.may_wait() {
            let counts: Vec<u32> = texts.iter().map(|text| text.count(rules)).collect();
            let env = Env {
                counts: Some(&counts),
                ..*env
            };
            let mut args = Args::new(spec.name, self.args.get(1..).unwrap_or_default());
            command(&mut args, None, &env, reply)?;
            return Ok(Done::Replied);
        }
        let (client, completion) = waiting::completion();
        let urgent = Urgent::new(&completion);
        let tickets = texts.into_iter().map(|t| urgent.take(rules, t)).collect();
        drop(urgent);
        Ok(Done::Waits(Wait::Counts {
            completion,
            client,
            tickets,
        }))
    }

    /// Makes the change.
    fn change(
        &self,
        conversation: &mut Conversation,
        effect: &mut Effect<'_>,
        replayed: bool,
        key: *mut RedisModuleString,
    ) {
        let segments = conversation.log().segments().len();
        // Where retention depends on counts, the key is looked at again when they are there.
        let appends = !effect.push.is_empty() && !replayed;
        let limited = appends && conversation.attributes().max_tokens > 0;
        let mut again = Again::new(self.ctx, key, limited);
        // So it is where somebody is to be told when a summary is due. And counts lie apart, each with some 80 bytes, until
        // they are picked up: from a conversation that is only written to they are fetched.
        let watched = !replayed && config::settings().summary_threshold > 0 && effect.grows();
        let piles_up = conversation.piles_up(effect.push.len() + effect.front.len());
        let counter = Background {
            completion: (limited || watched || piles_up).then(|| again.completion()),
        };
        if replayed {
            conversation.apply(effect, &counter);
        } else {
            if limited {
                // At the latest on the next append, retention acts on what was appended before.
                let missing = conversation.missing_in_messages();
                let most = most_inline(conversation.attributes().encoding);
                if conversation.missing_bytes(&missing, most) <= most {
                    conversation.count_missing(&missing, usize::MAX, &Inline, || {});
                }
            }
            commit(conversation, effect, &counter);
        }
        // What comes in one piece is not copied in one piece to be counted.
        if effect.alter.is_some() || effect.imported.is_some() {
            again.count_on(conversation);
        }
        if conversation.log().segments().len() > segments {
            // Retention does not wait for that.
            Again::new(self.ctx, key, false).pack(conversation);
        }
    }

    fn args_name(&self) -> &[u8] {
        self.args.get(1).copied().unwrap_or_default()
    }

    /// True if the server is out of memory, and this is neither its primary's stream nor its own AOF, which must be
    /// taken.
    fn is_refused_memory(&self) -> bool {
        self.has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_OOM])
            && !self.has_any_flag(&[
                raw::REDISMODULE_CTX_FLAGS_REPLICATED,
                raw::REDISMODULE_CTX_FLAGS_LOADING,
            ])
    }

    pub fn has_any_flag(&self, any: &[u32]) -> bool {
        // SAFETY: the context is that of the call.
        let flags = unsafe { call!(RedisModule_GetContextFlags, self.ctx) }.unwrap_or_default();
        any.iter()
            .any(|&flag| c_int::try_from(flag).is_ok_and(|flag| flags & flag != 0))
    }
}

/// Runs a command on its key. What reads replies at once; what a write answers is kept until its change is made.
fn run_pure<'a>(
    spec: &Spec,
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    reply: &mut ClientReply,
    answer: &mut BufferedReply,
) -> Result<Option<Effect<'a>>, CommandError> {
    match spec.handler {
        Handler::Read(command) => command(args, target, env, reply).map(|()| None),
        Handler::Write(command) | Handler::Replay(command) => command(args, target, env, answer),
        // They have gone another way.
        Handler::MultiKey(_) => Err(CommandError::Arity),
    }
}

/// Frees a conversation that was replaced, on another thread if that takes long.
fn discard(conversation: Conversation) {
    if conversation.free_effort() > FREE_AT_ONCE {
        submit(Lane::Large, Box::new(move || drop(conversation)));
    }
}

/// Does something with a conversation, and keeps the server's figures right.
pub fn measured<R>(
    conversation: &mut Conversation,
    something: impl FnOnce(&mut Conversation) -> R,
) -> R {
    let before = conversation.footprint();
    let result = something(conversation);
    let after = conversation.footprint();
    if before != after {
        metrics::resized(before, after);
    }
    result
}
