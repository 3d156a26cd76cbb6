//! A command from its arrival to its reply: open the key, run the pure command, make the change or provide what the
//! command needs.

use std::time::Duration;

use super::blocked_clients::{self, Again, Id, Resume, Resumption};
use super::cache_loads;
use super::ffi::api::now;
use super::ffi::client_reply::ClientReply;
use super::ffi::context::Context;
use super::ffi::entry::Commands;
use super::ffi::open_key::{Access, Found, Key, measured};
use super::ffi::panic_guard::guard;
use super::ffi::string::RedisStr;
use super::module::settings;
use super::multi_key;
use super::request::{Request, Run};
use super::write::Write;
use crate::commands::arg_parser::Args;
use crate::commands::recent::miss;
use crate::commands::reply::{BufferedReply, replay_to};
use crate::commands::spec::{COMMANDS, Handler, Key as KeyUse, Spec};
use crate::commands::{CommandError, Env, Needs, Outcome, Target, err};
use crate::conversation::effect::Effect;
use crate::conversation::{Conversation, MissingCounts, Unreadable};
use crate::tokens::background::{CompletionGuard, Ticket, Urgent};
use crate::tokens::{Encoding, FULL_SCALE, Inline, Rules, Text, most_inline};

/// Bytes of text that are copied and counted for a blocked client at a time, so that neither the copy nor the reading
/// of the messages holds up others.
pub const WAIT_BYTES: usize = 256 << 10;

/// A command runs again as long as its counts come in, [`WAIT_BYTES`] at a time. More often than this (25 GB of text)
/// only if something is wrong.
const MOST_RUNS: u32 = 100_000;

/// How a run of a command ended.
pub enum Step {
    /// It has replied.
    Replied,
    /// Its client is blocked on keys, or stays so.
    Blocked,
    /// It waits for counts, and is to run again then.
    Counts(CountsWait),
}

/// What a command waits for before it runs again.
pub struct CountsWait {
    /// Its client among those that are blocked.
    pub id: Id,
    /// Dropped everywhere when the counts are there.
    pub until: CompletionGuard,
    /// Where the counts of texts among its arguments will be found.
    pub tickets: Vec<Ticket>,
}

/// The commands of the table, as Redis calls them.
pub struct Table;

impl Commands for Table {
    fn run(index: usize, ctx: Context<'_>, args: &[RedisStr<'_>]) {
        let mut reply = ClientReply::new(ctx);
        let request = Request {
            ctx,
            args,
            counts: None,
            run: Run::First,
        };
        let done = guard(false, || match run(index, &request, &mut reply) {
            Step::Replied | Step::Blocked => true,
            Step::Counts(wait) => {
                let id = wait.id;
                blocked_clients::block(ctx, id, args, run_again(index, wait, 1))
            }
        });
        if !done {
            reply.internal_error();
        }
    }
}

/// Runs a command that was blocked for counts.
fn run_again(index: usize, wait: CountsWait, runs: u32) -> Again {
    let CountsWait { id, until, tickets } = wait;
    let resume: Resume = Box::new(move |resumption| {
        let Resumption { ctx, args, reply } = resumption;
        let counts: Option<Vec<u32>> = tickets.iter().map(Ticket::count).collect();
        let Some(counts) = counts.filter(|_| runs < MOST_RUNS) else {
            reply.error("ERR internal error, the tokens cannot be counted");
            return None;
        };
        let request = Request {
            ctx,
            args,
            counts: Some(counts.as_slice()).filter(|counts| !counts.is_empty()),
            run: Run::Resumed(id),
        };
        match guard(None, || Some(run(index, &request, reply))) {
            Some(Step::Counts(wait)) => Some(run_again(index, wait, runs + 1)),
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
fn run_woken(index: usize) -> cache_loads::Resume {
    Box::new(move |ctx, args, waiter| {
        let mut reply = ClientReply::new(ctx);
        let request = Request {
            ctx,
            args,
            counts: None,
            run: Run::Woken(waiter),
        };
        match guard(None, || Some(run(index, &request, &mut reply))) {
            Some(Step::Replied) => true,
            Some(Step::Blocked) => false,
            Some(Step::Counts(_)) | None => {
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

/// A run of a command.
pub struct Command<'a> {
    /// Its index in the table.
    pub index: usize,
    /// What the table says of it.
    pub spec: &'static Spec,
    /// What was sent.
    pub request: &'a Request<'a>,
}

impl Command<'_> {
    fn run(&self, reply: &mut ClientReply<'_>) -> Result<Step, CommandError> {
        if let Handler::MultiKey(which) = self.spec.handler {
            return multi_key::run(self, which, reply);
        }
        let replayed = matches!(self.spec.handler, Handler::Replay(_));
        let env = Env {
            // A command that reads needs no clock.
            now: if self.writes() { now() } else { 0 },
            settings: settings::current(),
            full: replayed && self.request.is_out_of_memory(),
            counts: self.request.counts,
        };
        match (self.spec.key, self.request.args.get(1)) {
            (KeyUse::None, _) => self.run_without_key(&env, reply),
            (_, Some(&key)) => self.run_on_key(key, &env, replayed, reply),
            (_, None) => Err(CommandError::Arity),
        }
    }

    /// True if the command may write.
    pub fn writes(&self) -> bool {
        self.spec.handler.writes()
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
        let effect = loop {
            let mut args = Args::new(self.spec.name, bytes.get(2..).unwrap_or_default());
            let target = found.as_deref();
            let outcome = self.run_pure(&mut args, target, env, reply, &mut buffered)?;
            let needs = match outcome {
                Outcome::Done(effect) => break effect,
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
                (Needs::Load(time), _) => {
                    drop(key);
                    return Ok(self.load(&[name], time, reply));
                }
                (Needs::Counts { .. } | Needs::TextCounts(..), _) => {
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
            Handler::Write(command) | Handler::Replay(command) => {
                command(args, target, env, buffered)
            }
            // Multi-key commands are dispatched in `multi_key.rs`.
            Handler::MultiKey(_) => Err(CommandError::Arity),
        }
    }

    /// A resumed command whose key is gone: if the key's slot has moved away, the client must not take the key for
    /// missing.
    pub fn check_served(&self, name: RedisStr<'_>) -> Result<(), CommandError> {
        let resumed = matches!(self.request.run, Run::Resumed(_));
        if resumed && !self.request.ctx.serves(name) {
            return Err(CommandError::SlotMoved);
        }
        Ok(())
    }

    /// Provides missing counts. Counts them at once if they are few, or if the client cannot be blocked; then `None`.
    /// Otherwise has them counted in the background.
    fn count(
        &self,
        name: RedisStr<'_>,
        conversation: &mut Conversation,
        missing: &MissingCounts,
        wait: Option<Duration>,
    ) -> Result<Option<Step>, Unreadable> {
        let request = self.request;
        conversation.collect_all();
        let most = most_inline(conversation.attributes().encoding);
        if conversation.missing_bytes(missing, most) <= most {
            conversation.count_missing(missing, usize::MAX, &Inline, || {})?;
            return Ok(None);
        }
        let Some((step, until)) = self.wait_for_counts(&[name], wait) else {
            conversation.count_missing(missing, usize::MAX, &Inline, || request.pause())?;
            return Ok(None);
        };
        let handed_over =
            conversation.count_missing(missing, WAIT_BYTES, &Urgent::new(&until), || {});
        match handed_over {
            // A client that was blocked just now cannot be replied to here: the next run tells it.
            Err(why) if !matches!(request.run, Run::First) => Err(why),
            _ => Ok(Some(step)),
        }
    }

    /// How the client waits for counts of these keys, and what is held until they are there. `None` if it cannot.
    pub fn wait_for_counts(
        &self,
        keys: &[RedisStr<'_>],
        wait: Option<Duration>,
    ) -> Option<(Step, CompletionGuard)> {
        let request = self.request;
        if !request.can_block(self.writes()) {
            return None;
        }
        let address = || {
            keys.first()
                .map(|key| cache_loads::address(request.ctx, *key))
        };
        let id = match (request.run, wait.filter(|wait| !wait.is_zero())) {
            (Run::Woken(waiter), _) => {
                let until = cache_loads::completion_guard(waiter.id, address()?);
                return Some((Step::Blocked, until));
            }
            // It may have to wait for a load later, and is blocked for both at once.
            (Run::First, Some(wait)) => {
                let id = cache_loads::wait(request.ctx, keys, wait, run_woken(self.index))?;
                return Some((Step::Blocked, cache_loads::completion_guard(id, address()?)));
            }
            (Run::First, None) => blocked_clients::next_id(),
            (Run::Resumed(id), _) => id,
        };
        let until = blocked_clients::completion_guard(id, self.writes());
        let wait = CountsWait {
            id,
            until: until.clone(),
            tickets: Vec::new(),
        };
        Some((Step::Counts(wait), until))
    }

    /// The client misses these conversations, and would wait for `time`. It gets nil if it is to load one of them, or
    /// cannot wait.
    pub fn load(&self, keys: &[RedisStr<'_>], time: Duration, reply: &mut ClientReply<'_>) -> Step {
        if self.waits_for_load(keys, time) {
            return Step::Blocked;
        }
        miss(reply);
        Step::Replied
    }

    /// True if the client now waits for others to load these conversations.
    pub fn waits_for_load(&self, keys: &[RedisStr<'_>], time: Duration) -> bool {
        if time.is_zero() {
            return false;
        }
        let request = self.request;
        let addresses: Vec<_> = keys
            .iter()
            .map(|key| cache_loads::address(request.ctx, *key))
            .collect();
        let answer = cache_loads::missed(&addresses, request.client(), time);
        if answer || !request.can_block(self.writes()) {
            return false;
        }
        match request.run {
            Run::Woken(_) => true,
            Run::First => {
                cache_loads::wait(request.ctx, keys, time, run_woken(self.index)).is_some()
            }
            Run::Resumed(_) => false,
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
        let (encoding, texts) = match command(&mut args(), None, env, reply)? {
            Outcome::Done(()) => return Ok(Step::Replied),
            Outcome::Needs(Needs::TextCounts(encoding, texts)) => (encoding, texts),
            Outcome::Needs(_) => return err("internal error, a command without a key needs one"),
        };
        if self.request.can_block(false) {
            return Ok(Step::Counts(count_texts(encoding, texts)));
        }
        let counts: Vec<u32> = texts
            .iter()
            .map(|text| text.count(rules(encoding)))
            .collect();
        let env = Env {
            counts: Some(&counts),
            ..*env
        };
        command(&mut args(), None, &env, reply)?;
        Ok(Step::Replied)
    }
}

/// How texts are counted that belong to no conversation.
fn rules(encoding: Encoding) -> Rules {
    Rules {
        encoding,
        media_tokens: 0,
        overhead: 0,
        scale: FULL_SCALE,
    }
}

/// Has the texts counted for a client that is about to be blocked.
fn count_texts(encoding: Encoding, texts: Vec<Text>) -> CountsWait {
    let id = blocked_clients::next_id();
    let until = blocked_clients::completion_guard(id, false);
    let urgent = Urgent::new(&until);
    let tickets = texts
        .into_iter()
        .map(|text| urgent.take(rules(encoding), text))
        .collect();
    drop(urgent);
    CountsWait { id, until, tickets }
}
