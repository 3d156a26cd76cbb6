//! `CONV.CREATE`, `CONV.ALTER`, `CONV.DEL`, `CONV.POP`, `CONV.TRIM`.

use std::iter::once;

use super::arg_parser::Args;
use super::error::{CommandError, err};
use super::reply::Reply;
use super::{Env, Needs, Outcome, Target};
use crate::conversation::Limit;
use crate::conversation::attributes::{Attributes, MAX_OVERHEAD, MAX_SCALE, MAX_TTL, MIN_SCALE};
use crate::conversation::effect::{Effect, Event};

/// The options of `CONV.CREATE` and `CONV.ALTER`.
const OPTIONS: [&str; 7] = [
    "ENCODING",
    "OVERHEAD",
    "SCALE",
    "MAXMESSAGES",
    "MAXTOKENS",
    "TTL",
    "COMPLETE",
];

/// Takes attributes; those that are not given stay as in `set`.
fn attributes(args: &mut Args<'_>, mut set: Attributes) -> Result<Attributes, CommandError> {
    let between = |args: &mut Args<'_>, name, least: u16, most: u16| {
        let value = args.number(name, i64::from(least), i64::from(most))?;
        Ok::<_, CommandError>(u16::try_from(value).unwrap_or(most))
    };
    while let Some(option) = args.only_options(&OPTIONS)? {
        match option {
            "ENCODING" => set.encoding = args.encoding()?,
            "OVERHEAD" => set.overhead = between(args, "OVERHEAD", 0, MAX_OVERHEAD)?,
            "SCALE" => set.scale = between(args, "SCALE", MIN_SCALE, MAX_SCALE)?,
            "MAXMESSAGES" => set.max_messages = args.unsigned("MAXMESSAGES", 0)?,
            "MAXTOKENS" => set.max_tokens = args.unsigned("MAXTOKENS", 0)?,
            "TTL" => {
                let most = i64::try_from(MAX_TTL).unwrap_or(i64::MAX);
                set.ttl = args.number("TTL", 0, most)?.unsigned_abs();
            }
            _ => set.complete = args.choice("COMPLETE", &["yes", "no"])? == "yes",
        }
    }
    Ok(set)
}

/// `CONV.CREATE key [ENCODING name] [OVERHEAD n] [SCALE percent] [MAXMESSAGES n] [MAXTOKENS n] [TTL seconds]
/// [COMPLETE yes|no]`: creates an empty conversation.
pub fn create<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let attributes = attributes(args, env.settings.attributes())?;
    if target.is_some() {
        return err("the key already exists");
    }
    out.status("OK");
    let mut effect = Effect::new(Event::Create, env.now);
    effect.create = Some(attributes);
    Ok(Outcome::change(effect))
}

/// `CONV.ALTER key [options of CONV.CREATE]`: changes attributes.
pub fn alter<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let old = target.map(|c| *c.attributes());
    let new = attributes(args, old.unwrap_or_else(|| env.settings.attributes()))?;
    let Some(old) = old else {
        return err("no such key");
    };
    out.status("OK");
    if new == old {
        return Ok(Outcome::UNCHANGED);
    }
    let mut effect = Effect::new(Event::Alter, env.now);
    effect.alter = Some(new);
    Ok(Outcome::change(effect))
}

/// Takes `seq [seq ...]` up to the end. The numbers are sorted and distinct.
pub(super) fn seqs(args: &mut Args<'_>) -> Result<Vec<i64>, CommandError> {
    let mut seqs = Vec::with_capacity(args.left());
    while args.left() > 0 {
        seqs.push(args.integer("seq", i64::MIN, i64::MAX)?);
    }
    if seqs.is_empty() {
        return Err(CommandError::Arity);
    }
    seqs.sort_unstable();
    seqs.dedup();
    Ok(seqs)
}

/// `CONV.DEL key seq [seq ...]`: removes messages and returns how many existed.
pub fn del<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let mut seqs = seqs(args)?;
    seqs.retain(|&seq| target.is_some_and(|c| c.log().find(seq).is_some()));
    out.integer(signed(seqs.len()));
    if seqs.is_empty() {
        return Ok(Outcome::UNCHANGED);
    }
    let mut effect = Effect::new(Event::Del, env.now);
    effect.remove = seqs;
    Ok(Outcome::change(effect))
}

/// `CONV.POP key [count]`: removes and returns the newest message, nil if there is none. With `count`, returns an array
/// of up to `count` messages, newest first, nil if there is none, as `RPOP` does.
pub fn pop<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let count = match args.left() {
        0 => None,
        _ => Some(args.integer("count", 0, i64::MAX)?),
    };
    args.finish()?;
    let conversation = target.filter(|conversation| !conversation.log().is_empty());
    let (conversation, most) = match (conversation, count) {
        (Some(conversation), None) => (conversation, 1),
        (Some(conversation), Some(count)) => {
            (conversation, usize::try_from(count).unwrap_or(usize::MAX))
        }
        (None, None) => {
            out.null();
            return Ok(Outcome::UNCHANGED);
        }
        (None, Some(_)) => {
            out.null_array();
            return Ok(Outcome::UNCHANGED);
        }
    };
    let log = conversation.log();
    let held = log.len();
    let from = held.saturating_sub(most);
    if let Some(text) = log.deeper_than(env.decompress_at_once, once(from..held)) {
        return Ok(Outcome::Needs(Needs::Text(text)));
    }
    if count.is_some() {
        out.array(held - from);
    }
    let mut effect = Effect::new(Event::Pop, env.now);
    for position in (from..held).rev() {
        log.with_message(position, |bytes| out.bulk(bytes))?;
        effect
            .remove
            .extend(log.get(position).map(|message| message.seq));
    }
    effect.remove.reverse();
    Ok(Outcome::Done((!effect.remove.is_empty()).then_some(effect)))
}

/// `CONV.TRIM key MAXMESSAGES n | MAXTOKENS n | BEFORE seq`: removes the oldest messages and returns how many are left.
pub fn trim<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    const LIMITS: [&str; 3] = ["MAXMESSAGES", "MAXTOKENS", "BEFORE"];
    let limit = match args.only_options(&LIMITS)? {
        Some("MAXMESSAGES") => Limit::Messages(args.unsigned("MAXMESSAGES", 1)?),
        Some("MAXTOKENS") => Limit::Tokens(args.unsigned("MAXTOKENS", 1)?),
        Some(_) => Limit::Before(args.number("BEFORE", i64::MIN, i64::MAX)?),
        None => return Err(CommandError::Arity),
    };
    args.finish()?;
    let Some(conversation) = target else {
        out.integer(0);
        return Ok(Outcome::UNCHANGED);
    };
    if matches!(limit, Limit::Tokens(_)) {
        let missing = conversation.missing_in_messages();
        if !missing.is_empty() {
            return Ok(Outcome::needs_counts(missing));
        }
    }
    let log = conversation.log();
    let removal = conversation.to_drop(limit);
    let mut ranges = removal.ranges;
    if removal.is_partial {
        // What remains forms other groups, on which the rest depends.
        let (all, done) = conversation.clone().retain(limit, env.now);
        done?;
        ranges = all;
    }
    let removed: usize = ranges
        .iter()
        .map(|&(first, last)| log.position_of(last.saturating_add(1)) - log.position_of(first))
        .sum();
    out.integer(signed(log.len().saturating_sub(removed)));
    if ranges.is_empty() {
        return Ok(Outcome::UNCHANGED);
    }
    let mut effect = Effect::new(Event::Trim, env.now);
    effect.drop = ranges;
    Ok(Outcome::change(effect))
}

pub(super) fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
