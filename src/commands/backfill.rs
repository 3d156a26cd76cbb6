//! `CONV.BACKFILL key [COMPLETE] [message [message ...]]`; without messages, `COMPLETE` is mandatory.

use super::append::{explain, read, retain_new};
use super::arg_parser::Args;
use super::error::{CommandError, err};
use super::reply::Reply;
use super::{Env, Outcome, Target};
use crate::conversation::attributes::Attributes;
use crate::conversation::effect::{Count, Effect, Event};
use crate::metrics;

const OPTIONS: [&str; 1] = ["COMPLETE"];

/// Prepends older messages, except those whose id is present. `COMPLETE` without messages states that there are none.
pub fn backfill<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let mut complete = false;
    while args.option(&OPTIONS)?.is_some() {
        complete = true;
    }
    if args.left() == 0 && !complete {
        return Err(CommandError::Arity);
    }
    let mut messages = Vec::with_capacity(args.left());
    while let Some(argument) = args.take() {
        let message = read(env, messages.len() + 1, argument, Count::Pending)
            .map_err(|error| explain(error, args, argument, &OPTIONS))?;
        messages.push(message);
    }
    retain_new(&mut messages, target)?;
    let added = i64::try_from(messages.len()).unwrap_or(i64::MAX);
    let lowest = target.map_or(1, |c| c.numbering().lowest);
    // `i64::MIN` stands for "no number" elsewhere and is never assigned.
    let Some(first) = lowest.checked_sub(added).filter(|&seq| seq > i64::MIN) else {
        return err("the sequence numbers of this conversation are used up");
    };
    for (message, seq) in messages.iter_mut().zip(first..) {
        message.seq = seq;
    }

    out.integer(added);
    metrics::backfilled(added);
    let mut effect = Effect::new(Event::Backfill, env.now);
    effect.front = messages;
    match target {
        None => {
            let attributes = Attributes {
                complete,
                ..env.settings.attributes()
            };
            effect.create = Some(attributes);
            effect.expire = env.expiry(attributes.ttl);
        }
        Some(conversation) => {
            let attributes = *conversation.attributes();
            if complete && !attributes.complete {
                effect.alter = Some(Attributes {
                    complete,
                    ..attributes
                });
            } else if added == 0 {
                return Ok(Outcome::UNCHANGED);
            }
        }
    }
    Ok(Outcome::change(effect))
}
