//! Commands on more than one key: `CONV.MRECENT` and `CONV.FORK`.

use super::announce::Announcement;
use super::cache_loads;
use super::ffi::api::now;
use super::ffi::client_reply::ClientReply;
use super::ffi::open_key::{Access, Found, Key, measured};
use super::ffi::string::RedisStr;
use super::module::settings;
use super::provide::WAIT_BYTES;
use super::step::{Command, Step};
use crate::commands::arg_parser::Args;
use crate::commands::fork::fork;
use crate::commands::msgpack::Unconverted;
use crate::commands::recent::{
    Lookup, Options, look, miss, missing_key, multi_key, to_convert, to_decompress, write,
};
use crate::commands::reply::Reply;
use crate::commands::spec::MultiKey;
use crate::commands::{CommandError, err};
use crate::conversation::effect::{Effect, Event};
use crate::conversation::log_snapshot::Snapshot;
use crate::conversation::{Conversation, Unreadable};
use crate::metrics;
use crate::tokens::background::{CompletionGuard, Urgent};
use crate::tokens::{Inline, MOST_INLINE, most_inline};

/// Runs a command on more than one key.
///
/// # Errors
/// Those of the command.
pub fn run(
    command: &Command<'_>,
    which: MultiKey,
    reply: &mut ClientReply<'_>,
) -> Result<Step, CommandError> {
    match which {
        MultiKey::Recent if command.request.ctx.asks_for_keys() => {
            tell_keys(command);
            Ok(Step::Replied)
        }
        MultiKey::Recent => recent(command, reply),
        MultiKey::Fork => copy(command, reply),
    }
}

/// Tells the server where the keys are.
fn tell_keys(command: &Command<'_>) {
    let args = command.request.args;
    let number = args
        .get(2)
        .and_then(|n| std::str::from_utf8(n.bytes()).ok());
    let keys = number.and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    for position in (3..args.len()).take(keys) {
        command.request.ctx.key_at(position);
    }
}

/// Counts that are missing in the conversations.
struct Counting {
    /// Bytes that may still be counted at once.
    left: usize,
    /// How the client waits, and what is held until the counts are there, if some are counted in the background.
    wait: Option<(Step, CompletionGuard)>,
    /// Messages that are to be decompressed in the background.
    text: Vec<Snapshot>,
    /// Messages that are to be converted there.
    unconverted: Vec<Unconverted>,
}

/// `CONV.MRECENT max_tokens numkeys key [key ...] [options of RECENT]`
fn recent(command: &Command<'_>, reply: &mut ClientReply<'_>) -> Result<Step, CommandError> {
    let request = command.request;
    let bytes = request.bytes();
    let mut args = Args::new(command.spec.name, bytes.get(1..).unwrap_or_default());
    let (options, keys) = multi_key(&mut args)?;
    let names = request.args.get(3..3 + keys).unwrap_or_default();
    // Nothing is replied before everything can be.
    let mut missed: Vec<RedisStr<'_>> = Vec::new();
    let mut counting = Counting {
        left: MOST_INLINE,
        wait: None,
        text: Vec::new(),
        unconverted: Vec::new(),
    };
    for &name in names {
        let mut key = Key::open(request.ctx, name, Access::Read);
        match key.get() {
            Found::Missing => {
                command.check_served(name)?;
                missed.push(name);
            }
            Found::Other => return Err(CommandError::WrongType),
            Found::Conversation(conversation) => {
                let is_missed = measured(conversation, |c| {
                    is_missed(command, &options, (name, names), c, &mut counting)
                })?;
                if is_missed {
                    missed.push(name);
                }
            }
        }
    }
    if let Some((step, _)) = counting.wait {
        return Ok(step);
    }
    if !counting.text.is_empty()
        && let Some(step) = command.decompress(counting.text)
    {
        return Ok(step);
    }
    if !counting.unconverted.is_empty()
        && let Some(step) = command.convert(counting.unconverted)
    {
        return Ok(step);
    }
    if let Some(time) = options.wait
        && !missed.is_empty()
        && command.waits_for_load(&missed, time)
    {
        return Ok(Step::Blocked);
    }
    reply.array(names.len());
    for &name in names {
        let mut key = Key::open(request.ctx, name, Access::Read);
        match key.get() {
            Found::Conversation(conversation) => {
                let written = look(&options, conversation).and_then(|found| match found {
                    Lookup::Hit(window) => {
                        let (done, most) = (request.converted, usize::MAX);
                        write(&options, conversation, &window, done, most, reply).map(|_| ())
                    }
                    // All counts are there, see above.
                    Lookup::Miss | Lookup::Uncounted(_) => {
                        miss(reply);
                        Ok(())
                    }
                });
                if let Err(why) = written {
                    reply.error_element(&CommandError::from(why).to_string());
                }
            }
            Found::Missing | Found::Other => missing_key(&options, &settings::current(), reply),
        }
    }
    Ok(Step::Replied)
}

/// True if RECENT would miss. Provides the counts that this depends on: at once if they are few or the client cannot be
/// blocked. `names`: of all keys of the command, for which it waits together.
fn is_missed(
    command: &Command<'_>,
    options: &Options,
    (name, names): (RedisStr<'_>, &[RedisStr<'_>]),
    conversation: &mut Conversation,
    counting: &mut Counting,
) -> Result<bool, Unreadable> {
    conversation.collect_all();
    loop {
        let missing = match look(options, conversation)? {
            Lookup::Uncounted(missing) => missing,
            Lookup::Miss => return Ok(true),
            Lookup::Hit(window) => {
                let most = command.request.decompress_at_once;
                let converted = command.request.converted;
                match to_decompress(conversation, &window, most) {
                    Some(text) => counting.text.extend(text),
                    None => counting.unconverted.extend(to_convert(
                        options,
                        conversation,
                        &window,
                        converted,
                        most,
                    )?),
                }
                return Ok(false);
            }
        };
        let most = most_inline(conversation.attributes().encoding).min(counting.left);
        let bytes = conversation.missing_bytes(&missing, most);
        if bytes <= most {
            counting.left -= bytes;
            conversation.count_missing(&missing, usize::MAX, &Inline, || {})?;
            continue;
        }
        if counting.wait.is_none() {
            // It may be the others that somebody loads.
            let others = names.iter().filter(|other| other.bytes() != name.bytes());
            let keys: Vec<RedisStr<'_>> = [name].iter().chain(others).copied().collect();
            counting.wait = command.wait_for_counts(&keys, options.wait);
        }
        let Some((_, until)) = &counting.wait else {
            let pause = || command.request.pause();
            conversation.count_missing(&missing, usize::MAX, &Inline, pause)?;
            continue;
        };
        // A client that was blocked just now cannot be replied to here: the next run tells it.
        let _ = conversation.count_missing(&missing, WAIT_BYTES, &Urgent::new(until), || {});
        return Ok(false);
    }
}

/// `CONV.FORK key newkey [UPTO seq] [REPLACE]`. Nothing in the copy depends on the clock, so replicas receive the
/// command itself.
fn copy(command: &Command<'_>, reply: &mut ClientReply<'_>) -> Result<Step, CommandError> {
    let request = command.request;
    let bytes = request.bytes();
    let mut args = Args::new(command.spec.name, bytes.get(2..).unwrap_or_default());
    let options = fork(&mut args)?;
    let (Some(&from), Some(&to)) = (request.args.get(1), request.args.get(2)) else {
        return Err(CommandError::Arity);
    };
    if from.bytes() == to.bytes() {
        return err("source and destination are the same key");
    }
    let mut source = Key::open(request.ctx, from, Access::Read);
    let conversation = match source.get() {
        Found::Missing => {
            reply.integer(0);
            return Ok(Step::Replied);
        }
        Found::Other => return Err(CommandError::WrongType),
        Found::Conversation(conversation) => conversation,
    };
    let mut target = Key::open(request.ctx, to, Access::Write);
    let exists = !matches!(target.get(), Found::Missing);
    if exists && !options.replace {
        reply.integer(0);
        return Ok(Step::Replied);
    }
    if conversation.expects_results() {
        measured(conversation, Conversation::collect);
    }
    let copy = conversation.fork(options.upto)?;
    if exists {
        target.delete();
    }
    metrics::created(copy.footprint());
    target.create(copy);
    if let Some(at) = source.expires_at() {
        target.expire_at(at);
    }
    drop((source, target));
    let announcement = Announcement {
        ctx: request.ctx,
        key: to,
        args: request.args,
        verbatim: true,
    };
    announcement.make(&Effect::new(Event::Fork, now()));
    cache_loads::changed(request.ctx, to);
    reply.integer(1);
    Ok(Step::Replied)
}
