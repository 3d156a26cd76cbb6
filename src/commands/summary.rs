//! `CONV.SUMMARY key [WITHINFO]`, `CONV.SETSUMMARY key text [UPTO seq] [MINCHANGE n]` and `CONV.CLAIMSUMMARY key
//! min_tokens [KEEP tokens] [LEASE ms]`.

use std::iter::once;

use super::arg_parser::{Args, quoted};
use super::error::{CommandError, err};
use super::reply::Reply;
use super::{Env, Needs, Outcome, REPLIED, Target};
use crate::conversation::Conversation;
use crate::conversation::effect::{Effect, Event, NewSummary};

/// `CONV.SUMMARY`: returns the summary, nil if there is none.
///
/// # Errors
/// There is an unexpected argument. The error names `CONV.SETSUMMARY`, which stores a summary.
pub fn summary(
    args: &mut Args<'_>,
    target: Target<'_>,
    _env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let mut with_info = false;
    while let Some(argument) = args.peek() {
        if args.option(&["WITHINFO"])?.is_none() {
            return err(format!(
                "unexpected argument {} for CONV.SUMMARY; to store a summary, use CONV.SETSUMMARY key text",
                quoted(argument)
            ));
        }
        with_info = true;
    }
    let Some(summary) = target.and_then(|c| c.summary()) else {
        out.null();
        return Ok(REPLIED);
    };
    if !with_info {
        out.bulk(summary.text.as_bytes());
        return Ok(REPLIED);
    }
    let Some(tokens) = summary.tokens.known() else {
        let missing = target.map(Conversation::missing_summary);
        return Ok(Outcome::needs_counts(missing.unwrap_or_default()));
    };
    out.map(4);
    out.bulk(b"text");
    out.bulk(summary.text.as_bytes());
    out.bulk(b"tokens");
    out.integer(i64::from(tokens));
    out.bulk(b"upto");
    match summary.upto {
        Some(upto) => out.integer(upto),
        None => out.null(),
    }
    out.bulk(b"updated");
    out.integer(summary.updated);
    Ok(REPLIED)
}

/// `CONV.SETSUMMARY`: stores or removes the summary. Returns 1, or 0 if nothing changed because the stored summary covers
/// more messages or is too similar.
///
/// # Errors
/// An argument is invalid.
pub fn set_summary<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let text = args.required()?;
    let (mut upto, mut min_change) = (None, None);
    while let Some(option) = args.only_options(&["UPTO", "MINCHANGE"])? {
        match option {
            "UPTO" => upto = Some(args.number("UPTO", i64::MIN, i64::MAX)?),
            _ => min_change = Some(args.unsigned("MINCHANGE", 0)?),
        }
    }
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(e) => {
            return err(format!(
                "the summary is not UTF-8: invalid at byte {}",
                e.valid_up_to()
            ));
        }
    };
    let newest = target.and_then(|c| c.log().last_seq()).unwrap_or(0);
    if let Some(upto) = upto
        && upto > newest
    {
        return err(format!(
            "UPTO must be at most {newest}, the newest message, got {upto}"
        ));
    }

    let stored = target.and_then(|c| c.summary());
    let stored_upto = stored.and_then(|s| s.upto);
    let mut effect = Effect::new(Event::SetSummary, env.now);
    if text.is_empty() {
        out.integer(i64::from(stored.is_some()));
        if stored.is_none() {
            return Ok(Outcome::UNCHANGED);
        }
        effect.summary = Some(NewSummary { text, upto: None });
        return Ok(Outcome::change(effect));
    }
    let stale = matches!((upto, stored_upto), (Some(new), Some(held)) if held > new);
    let grows = match (upto, stored_upto) {
        (Some(new), Some(held)) => new > held,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let too_similar = match (min_change, stored) {
        (Some(least), Some(stored)) if !grows => {
            let difference = stored.text.chars().count().abs_diff(text.chars().count());
            (difference as u64) < least
        }
        _ => false,
    };
    if stale || too_similar {
        out.integer(0);
        return Ok(Outcome::UNCHANGED);
    }
    out.integer(1);
    if target.is_none() {
        effect.create = Some(env.settings.attributes());
    }
    effect.summary = Some(NewSummary {
        text,
        upto: upto.or(stored_upto),
    });
    Ok(Outcome::change(effect))
}

/// `CONV.CLAIMSUMMARY`: returns the messages to summarise if they count at least `min_tokens` and nobody holds a lease,
/// otherwise nil.
///
/// # Errors
/// An argument is invalid.
pub fn claim_summary<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let least = args.integer("min_tokens", 0, i64::MAX)?.unsigned_abs();
    let (mut keep, mut lease) = (0, 0);
    while let Some(option) = args.only_options(&["KEEP", "LEASE"])? {
        match option {
            "KEEP" => keep = args.unsigned("KEEP", 0)?,
            _ => lease = args.number("LEASE", 0, i64::MAX)?,
        }
    }
    let Some(conversation) = target.filter(|c| c.lease() <= env.now) else {
        out.null();
        return Ok(Outcome::UNCHANGED);
    };
    let missing = conversation.missing_unsummarised();
    if !missing.is_empty() {
        return Ok(Outcome::needs_counts(missing));
    }
    let range = conversation.unsummarised(keep);
    let log = conversation.log();
    let last = range.end.checked_sub(1).and_then(|last| log.get(last));
    let Some(last) = last.filter(|_| !range.is_empty() && conversation.tokens_in(&range) >= least)
    else {
        out.null();
        return Ok(Outcome::UNCHANGED);
    };
    if let Some(text) = log.deeper_than(env.decompress_at_once, once(range.clone())) {
        return Ok(Outcome::Needs(Needs::Text(text)));
    }
    let messages = log.read(range.clone())?;
    out.map(3);
    out.bulk(b"upto");
    out.integer(last.seq);
    out.bulk(b"summary");
    match conversation.summary() {
        Some(summary) => out.bulk(summary.text.as_bytes()),
        None => out.null(),
    }
    out.bulk(b"messages");
    out.array(range.len());
    messages.visit(false, |message| out.bulk(message.bytes));
    if lease == 0 {
        return Ok(Outcome::UNCHANGED);
    }
    let mut effect = Effect::new(Event::ClaimSummary, env.now);
    effect.lease = Some(env.now.saturating_add(lease));
    Ok(Outcome::change(effect))
}
