//! `CONV.APPEND key [NX | XX] [UNIQUE] [IFLAST seq] [TOKENS n] message [[TOKENS n] message ...]`
//! and `CONV.EDIT key seq message`.

use std::collections::HashSet;

use super::arg_parser::Args;
use super::error::{CommandError, err};
use super::reply::Reply;
use super::{Env, Outcome, Target};
use crate::conversation::effect::{Count, Effect, Event, NewMessage};
use crate::conversation::message;

const OPTIONS: [&str; 5] = ["NX", "XX", "UNIQUE", "IFLAST", "TOKENS"];

/// The largest value of `TOKENS`: counts are stored in 32 bits.
const MOST_TOKENS: i64 = u32::MAX as i64;

/// Trims the argument that is message `number` (from 1), and rejects it if it is too large.
fn bounded<'a>(env: &Env<'_>, number: usize, argument: &'a [u8]) -> Result<&'a [u8], CommandError> {
    let bytes = message::trim(argument);
    let most = env.settings.max_message_bytes;
    if bytes.len() > most {
        return Err(CommandError::BadMessage(
            number,
            format!(
                "{} bytes exceed conv.max-message-bytes ({most})",
                bytes.len()
            ),
        ));
    }
    Ok(bytes)
}

/// As [`read`], without the counted text. The counter reads it from the stored message later.
pub(super) fn read_uncounted<'a>(
    env: &Env<'_>,
    number: usize,
    argument: &'a [u8],
) -> Result<NewMessage<'a>, CommandError> {
    let bytes = bounded(env, number, argument)?;
    let facts =
        message::facts(bytes).map_err(|refusal| CommandError::BadMessage(number, refusal.0))?;
    Ok(NewMessage {
        seq: 0,
        time: env.now,
        count: Count::Pending,
        bytes,
        facts,
        text: None,
        own: None,
    })
}

/// Reads an argument as message `number` (from 1). The caller assigns the sequence number.
pub(super) fn read<'a>(
    env: &Env<'_>,
    number: usize,
    argument: &'a [u8],
    count: Count,
) -> Result<NewMessage<'a>, CommandError> {
    let bytes = bounded(env, number, argument)?;
    let rejected = |refusal: message::Refusal| CommandError::BadMessage(number, refusal.0);
    let mut own = None;
    let (facts, text) = if let Some(ready) = env.prepared.and_then(|p| p.take_message(argument)) {
        let (facts, text) = ready.read.map_err(rejected)?;
        own = ready.own;
        (facts, Some(text).filter(|_| count == Count::Pending))
    } else if count == Count::Pending {
        let (facts, text) = message::read(bytes).map_err(rejected)?;
        (facts, Some(text))
    } else {
        (message::facts(bytes).map_err(rejected)?, None)
    };
    Ok(NewMessage {
        seq: 0,
        time: env.now,
        count,
        bytes,
        facts,
        text,
        own,
    })
}

/// Removes the messages whose id is held or was seen before among them.
pub(super) fn retain_new(
    messages: &mut Vec<NewMessage<'_>>,
    target: Target<'_>,
) -> Result<(), CommandError> {
    let mut ids: HashSet<Box<str>> = HashSet::new();
    let mut keep = Vec::with_capacity(messages.len());
    for message in messages.iter() {
        keep.push(match &message.facts.id {
            None => true,
            Some(id) => {
                let is_held = match target {
                    Some(conversation) => conversation.holds_id(id, message.bytes)?,
                    None => false,
                };
                !is_held && ids.insert(id.clone())
            }
        });
    }
    let mut keep = keep.into_iter();
    messages.retain(|_| keep.next().unwrap_or(true));
    Ok(())
}

/// The error for an argument that is not a message. If it looks like an option of the command, the error says so.
pub(super) fn explain(
    error: CommandError,
    args: &Args<'_>,
    argument: &[u8],
    options: &[&'static str],
) -> CommandError {
    match error {
        CommandError::BadMessage(number, reason) => {
            let hint = args.misplaced_option(argument, options, number == 1);
            CommandError::BadMessage(number, hint.unwrap_or(reason))
        }
        error => error,
    }
}

/// Takes the value of `TOKENS`.
fn token_count(args: &mut Args<'_>) -> Result<Count, CommandError> {
    let tokens = args.number("TOKENS", 0, MOST_TOKENS)?;
    Ok(Count::Given(u32::try_from(tokens).unwrap_or(u32::MAX)))
}

/// Takes `message [[TOKENS n] message ...]` up to the end. `count` is that of the first message.
fn messages<'a>(
    args: &mut Args<'a>,
    env: &Env<'_>,
    mut count: Count,
) -> Result<Vec<NewMessage<'a>>, CommandError> {
    let mut messages = Vec::with_capacity(args.left());
    while let Some(argument) = args.take() {
        if argument.eq_ignore_ascii_case(b"TOKENS") {
            if count != Count::Pending {
                let number = messages.len() + 1;
                return err(format!("option TOKENS given twice for message {number}"));
            }
            count = token_count(args)?;
            continue;
        }
        let message = read(env, messages.len() + 1, argument, count)
            .map_err(|error| explain(error, args, argument, &OPTIONS))?;
        messages.push(message);
        count = Count::Pending;
    }
    if let Count::Given(tokens) = count {
        return err(format!("TOKENS {tokens} must be followed by a message"));
    }
    if messages.is_empty() {
        return Err(CommandError::Arity);
    }
    Ok(messages)
}

/// `CONV.APPEND`: appends messages. Replies with the sequence number of the last one, or nil if a condition does not hold.
///
/// # Errors
/// An argument is invalid, or the sequence numbers are used up.
pub fn append<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let (mut create_only, mut extend_only, mut unique, mut newest) = (false, false, false, None);
    let mut count = Count::Pending;
    while let Some(option) = args.option(&OPTIONS)? {
        match option {
            "NX" => create_only = true,
            "XX" => extend_only = true,
            "UNIQUE" => unique = true,
            "IFLAST" => newest = Some(args.number("IFLAST", i64::MIN, i64::MAX)?),
            _ => count = token_count(args)?,
        }
    }
    if create_only && extend_only {
        return err("options NX and XX cannot be combined");
    }
    let mut messages = messages(args, env, count)?;

    let held = target.and_then(|c| c.log().last_seq()).unwrap_or(0);
    if (create_only && target.is_some())
        || (extend_only && target.is_none())
        || newest.is_some_and(|seq| seq != held)
    {
        out.null();
        return Ok(Outcome::UNCHANGED);
    }

    let mut effect = Effect::new(Event::Append, env.now);
    let mut seq = target.map_or(1, |c| c.numbering().next);
    if unique {
        retain_new(&mut messages, target)?;
    }
    for message in &mut messages {
        message.seq = seq;
        seq = match seq.checked_add(1) {
            Some(next) => next,
            None => return err("the sequence numbers of this conversation are used up"),
        };
    }
    effect.push = messages;
    let Some(last) = effect.push.last() else {
        out.integer(held);
        return Ok(Outcome::UNCHANGED);
    };
    out.integer(last.seq);
    let attributes = match target {
        Some(conversation) => *conversation.attributes(),
        None => {
            let attributes = env.settings.attributes();
            effect.create = Some(attributes);
            attributes
        }
    };
    effect.expire = env.expiry(attributes.ttl);
    Ok(Outcome::change(effect))
}

/// `CONV.EDIT`: replaces a message. Its sequence number and time stay.
///
/// # Errors
/// An argument is invalid, or there is no such key or message.
pub fn edit<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let seq = args.integer("seq", i64::MIN, i64::MAX)?;
    let argument = args.required()?;
    args.finish()?;
    let mut new = read(env, 1, argument, Count::Pending)?;
    let Some(conversation) = target else {
        return err("no such key");
    };
    let log = conversation.log();
    let Some((position, old)) = log.find(seq).and_then(|p| Some((p, log.get(p)?))) else {
        return err("no such message");
    };
    out.status("OK");
    // A message of another length need not be decompressed to be compared.
    let same = old.len == new.bytes.len()
        && log.with_message(position, |bytes| bytes == new.bytes)? == Some(true);
    if same && !old.flags.explicit() {
        return Ok(Outcome::UNCHANGED);
    }
    new.seq = seq;
    new.time = old.time;
    let mut effect = Effect::new(Event::Edit, env.now);
    effect.edit = Some(new);
    Ok(Outcome::change(effect))
}
