//! A command from its arrival to its reply: open the key, run the pure command, make the change or provide what the
//! command needs.

use std::sync::Arc;

use super::background_work::Lease;
use super::blocked_clients::{self, Again, Resume, Resumption};
use super::cache_loads;
use super::ffi::api::now;
use super::ffi::client_reply::ClientReply;
use super::ffi::context::Context;
use super::ffi::entry::Commands;
use super::ffi::open_key::{Access, Found, Key, measured};
use super::ffi::panic_guard::guard;
use super::ffi::string::{HeldArgs, RedisStr};
use super::in_background::Held;
use super::module::settings;
use super::multi_key;
use super::provide::{count_texts, rules, wait_for_file};
use super::request::{Request, Run};
use super::step::{Command, Step, Wait};
use super::write::Write;
use crate::commands::arg_parser::{Args, broken_encoding, unknown_encoding};
use crate::commands::msgpack::Converted;
use crate::commands::prepared::Prepared;
use crate::commands::reply::{BufferedReply, Reply, replay_to};
use crate::commands::spec::{COMMANDS, Handler, Key as KeyUse};
use crate::commands::{CommandError, DECOMPRESS_AT_ONCE, Env, Needs, Outcome, Target, err};
use crate::conversation::Conversation;
use crate::conversation::effect::Effect;
use crate::conversation::log_snapshot::Decompressed;
use crate::tokens::registry::{self, Lookup};

/// A command runs again as long as its counts come in, [`WAIT_BYTES`](super::provide::WAIT_BYTES) at a time. More often than this (25 GB of text)
/// only if something is wrong.
const MOST_RUNS: u32 = 100_000;

/// After so many runs a command decompresses itself whatever it needs.
const MOST_DEEP_RUNS: u32 = 1000;

/// The commands of the table, as Redis calls them.
pub struct Table;

impl Commands for Table {
    fn run(index: usize, ctx: Context<'_>, args: &[RedisStr<'_>]) {
        let mut reply = ClientReply::new(ctx);
        let request = Request {
            ctx,
            args,
            counts: None,
            found: None,
            converted: &[],
            prepared: None,
            decompress_at_once: DECOMPRESS_AT_ONCE,
            holds_work: false,
            run: Run::First,
        };
        let done = guard(false, || match run(index, &request, &mut reply) {
            Step::Replied | Step::Blocked => true,
            Step::Wait(mut wait) => {
                let held = wait.args.take();
                let held = held.or_else(|| HeldArgs::new(args).map(Arc::new));
                held.is_some_and(|held| {
                    blocked_clients::block(
                        ctx,
                        wait.id,
                        held,
                        run_again(index, wait, 1, Kept::default()),
                    )
                })
            }
        });
        if !done {
            reply.internal_error();
        }
    }
}

/// What was brought for earlier runs of a command, which later ones read too.
#[derive(Default)]
struct Kept {
    texts: Vec<Held<Vec<Decompressed>>>,
    converted: Vec<Held<Vec<Converted>>>,
    input: Option<(Prepared, Lease)>,
}

/// Runs a command that was blocked for background work.
fn run_again(index: usize, wait: Wait, runs: u32, mut kept: Kept) -> Again {
    let Wait {
        id,
        until,
        args: _,
        what,
    } = wait;
    let resume: Resume = Box::new(move |resumption| {
        let Resumption { ctx, args, reply } = resumption;
        let Some(brought) = what.take().filter(|_| runs < MOST_RUNS) else {
            reply.error("ERR internal error, the work in the background failed; nothing was done");
            return None;
        };
        // It is the reply, whatever has become of the key meanwhile.
        if let Some(document) = brought.document.as_ref().and_then(Held::get) {
            reply.bulk(document);
            return None;
        }
        kept.texts.extend(brought.text);
        kept.converted.extend(brought.converted);
        let converted = kept.converted.iter().filter_map(Held::get).flatten();
        let converted: Vec<&Converted> = converted.collect();
        kept.input = brought.input.or(kept.input.take());
        let request = Request {
            ctx,
            args,
            counts: brought.counts.as_deref(),
            found: brought.found.as_ref(),
            converted: &converted,
            prepared: kept.input.as_ref().map(|(prepared, _)| prepared),
            // A conversation that changes all the time would make its reader wait for ever.
            decompress_at_once: match runs {
                ..MOST_DEEP_RUNS => DECOMPRESS_AT_ONCE,
                _ => usize::MAX,
            },
            holds_work: !kept.texts.is_empty()
                || !kept.converted.is_empty()
                || kept.input.is_some(),
            run: Run::Resumed(id),
        };
        match guard(None, || Some(run(index, &request, reply))) {
            Some(Step::Wait(wait)) => Some(run_again(index, wait, runs + 1, kept)),
            Some(Step::Replied) => None,
            // Only a command in its first run is blocked on keys.
            Some(Step::Blocked) | None => {
                reply.internal_error();
                None
            }
        }
    });
    Again { resume, until }
}

/// Runs a command whose client is blocked on keys.
pub fn run_woken(index: usize) -> cache_loads::Resume {
    Box::new(move |ctx, args, waiter| {
        let mut reply = ClientReply::new(ctx);
        let request = Request {
            ctx,
            args,
            counts: None,
            found: None,
            converted: &[],
            prepared: None,
            decompress_at_once: usize::MAX,
            holds_work: false,
            run: Run::Woken(waiter),
        };
        match guard(None, || Some(run(index, &request, &mut reply))) {
            Some(Step::Replied) => true,
            Some(Step::Blocked) => false,
            Some(Step::Wait(_)) | None => {
                reply.internal_error();
                true
            }
        }
    })
}

/// Runs the command at `index` of the table. Errors become replies.
fn run(index: usize, request: &Request<'_>, reply: &mut ClientReply<'_>) -> Step {
    let Some(spec) = COMMANDS.get(index) else {
        reply.internal_error();
        return Step::Replied;
    };
    let command = Command {
        index,
        spec,
        request,
        woken: run_woken,
    };
    command.run(reply).unwrap_or_else(|error| {
        match error {
            CommandError::Arity => reply.error(&format!(
                "ERR wrong number of arguments for '{}' command",
                spec.name
            )),
            error => reply.error(&error.to_string()),
        }
        Step::Replied
    })
}

impl Command<'_> {
    fn run(&self, reply: &mut ClientReply<'_>) -> Result<Step, CommandError> {
        if let Handler::MultiKey(which) = self.spec.handler {
            return multi_key::run(self, which, reply);
        }
        if let Some(step) = self.read_large_input() {
            return Ok(step);
        }
        self.check_again()?;
        let replayed = matches!(self.spec.handler, Handler::Replay(_));
        let env = Env {
            // A command that reads needs no clock.
            now: if self.writes() { now() } else { 0 },
            settings: settings::current(),
            full: replayed && self.request.is_out_of_memory(),
            counts: self.request.counts,
            found: self.request.found,
            converted: self.request.converted,
            prepared: self.request.prepared,
            decompress_at_once: self.request.decompress_at_once,
        };
        match (self.spec.key, self.request.args.get(1)) {
            (KeyUse::None, _) => self.run_without_key(&env, reply),
            (_, Some(&key)) => self.run_on_key(key, &env, replayed, reply),
            (_, None) => Err(CommandError::Arity),
        }
    }

    fn run_on_key(
        &self,
        name: RedisStr<'_>,
        env: &Env<'_>,
        replayed: bool,
        reply: &mut ClientReply<'_>,
    ) -> Result<Step, CommandError> {
        let ctx = self.request.ctx;
        let access = if self.writes() {
            Access::Write
        } else {
            Access::Read
        };
        let mut key = Key::open(ctx, name, access);
        let mut found = match key.get() {
            Found::Missing => {
                self.check_served(name)?;
                None
            }
            Found::Conversation(conversation) => Some(conversation),
            Found::Other => return Err(CommandError::WrongType),
        };
        if let Some(conversation) = &mut found
            && conversation.expects_results()
        {
            measured(conversation, Conversation::collect);
        }
        let bytes = self.request.bytes();
        let mut buffered = BufferedReply::new();
        let mut env = *env;
        let effect = loop {
            let mut args = Args::new(self.spec.name, bytes.get(2..).unwrap_or_default());
            let target = found.as_deref();
            let outcome = self.run_pure(&mut args, target, &env, reply, &mut buffered)?;
            let needs = match outcome {
                Outcome::Done(mut effect) => match self.settle_encoding(name, effect.as_mut())? {
                    Some(step) => return Ok(step),
                    None => break effect,
                },
                Outcome::Needs(needs) => needs,
            };
            buffered.clear();
            match (needs, &mut found) {
                (Needs::Counts { missing, wait }, Some(conversation)) => {
                    let step = measured(conversation, |c| self.count(name, c, &missing, wait))?;
                    if let Some(step) = step {
                        return Ok(step);
                    }
                }
                (Needs::Text(snapshots), _) => match self.decompress(snapshots) {
                    Some(step) => return Ok(step),
                    None => env.decompress_at_once = usize::MAX,
                },
                (Needs::MsgPack(lists), _) => match self.convert(lists) {
                    Some(step) => return Ok(step),
                    None => env.decompress_at_once = usize::MAX,
                },
                (Needs::Document(document), _) => match self.write_document(*document) {
                    Some(step) => return Ok(step),
                    None => env.decompress_at_once = usize::MAX,
                },
                (Needs::Search(query), Some(conversation)) => {
                    match self.search(*query, conversation) {
                        Some(step) => return Ok(step),
                        // The command searches on the main thread.
                        None => env.decompress_at_once = usize::MAX,
                    }
                }
                (Needs::Load(time), _) => {
                    drop(key);
                    return Ok(self.load(&[name], time, reply));
                }
                (
                    Needs::Counts { .. }
                    | Needs::TextCounts(..)
                    | Needs::Encoding(_)
                    | Needs::Search(_),
                    _,
                ) => {
                    return err("internal error, counts that nobody has");
                }
            }
        };
        if let Some(effect) = effect {
            let write = Write {
                ctx,
                key: name,
                args: self.request.args,
                replayed,
            };
            write.make(key, effect)?;
        } else if self.spec.ends_load {
            drop(key);
            cache_loads::backfilled(ctx, name);
        }
        replay_to(&buffered, reply);
        Ok(Step::Replied)
    }

    /// Gives the attributes that an effect sets the fingerprint of the tokenizer file. If that is still being read, the client
    /// waits for it.
    fn settle_encoding(
        &self,
        name: RedisStr<'_>,
        effect: Option<&mut Effect<'_>>,
    ) -> Result<Option<Step>, CommandError> {
        let attributes = effect.and_then(|e| e.create.as_mut().or(e.alter.as_mut()));
        let Some(encoding) = attributes.map(|attributes| &mut attributes.encoding) else {
            return Ok(None);
        };
        loop {
            match encoding.resolve() {
                Lookup::Ready(resolved) => {
                    *encoding = resolved;
                    return Ok(None);
                }
                Lookup::Loading => {}
                Lookup::Broken(why) => {
                    return err(broken_encoding(encoding.name().as_bytes(), &why));
                }
                Lookup::Unknown => return err(unknown_encoding(encoding.name().as_bytes())),
            }
            match self.wait_for_counts(&[name], None) {
                Some((step, until)) => {
                    registry::hold_until_loaded(*encoding, until);
                    return Ok(Some(step));
                }
                None => registry::wait_for_name(*encoding),
            }
        }
    }

    /// Runs the pure command. A command that reads replies at once; the reply of one that writes is buffered until its
    /// change has been made.
    fn run_pure<'a>(
        &self,
        args: &mut Args<'a>,
        target: Target<'_>,
        env: &Env<'_>,
        reply: &mut ClientReply<'_>,
        buffered: &mut BufferedReply,
    ) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
        match self.spec.handler {
            Handler::Read(command) => Ok(match command(args, target, env, reply)? {
                Outcome::Done(()) => Outcome::Done(None),
                Outcome::Needs(needs) => Outcome::Needs(needs),
            }),
            Handler::Write(command)
            | Handler::WriteInput(command, _)
            | Handler::Replay(command) => command(args, target, env, buffered),
            // Multi-key commands are dispatched in `multi_key.rs`.
            Handler::MultiKey(_) => Err(CommandError::Arity),
        }
    }

    /// Runs a command that has no key.
    fn run_without_key(
        &self,
        env: &Env<'_>,
        reply: &mut ClientReply<'_>,
    ) -> Result<Step, CommandError> {
        let Handler::Read(command) = self.spec.handler else {
            return Err(CommandError::Arity);
        };
        let bytes = self.request.bytes();
        let args = || Args::new(self.spec.name, bytes.get(1..).unwrap_or_default());
        let (encoding, texts) = loop {
            match command(&mut args(), None, env, reply)? {
                Outcome::Done(()) => return Ok(Step::Replied),
                Outcome::Needs(Needs::TextCounts(encoding, texts)) => break (encoding, texts),
                Outcome::Needs(Needs::Encoding(encoding)) if self.request.can_block(false) => {
                    return Ok(Step::Wait(wait_for_file(encoding)));
                }
                Outcome::Needs(Needs::Encoding(encoding)) => registry::wait_for_name(encoding),
                Outcome::Needs(_) => {
                    return err("internal error, a command without a key needs one");
                }
            }
        };
        if self.request.can_block(false) {
            return Ok(Step::Wait(count_texts(encoding, texts)));
        }
        let counts: Vec<u32> = texts
            .iter()
            .map(|text| text.count(rules(encoding)).tokens)
            .collect();
        let env = Env {
            counts: Some(&counts),
            ..*env
        };
        command(&mut args(), None, &env, reply)?;
        Ok(Step::Replied)
    }
}
