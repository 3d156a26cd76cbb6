//! Session fields: `CONV.GETSTATE`, `CONV.SETSTATE`, `CONV.DELSTATE`.

use std::collections::{HashMap, HashSet};

use super::arg_parser::{Args, quoted};
use super::error::{CommandError, err};
use super::reply::Reply;
use super::{Env, Outcome, REPLIED, Target};
use crate::conversation::effect::{Effect, Event};
use crate::conversation::message::trim;
use crate::conversation::session::{Name, NewField, read_value};
use crate::conversation::{Conversation, session::Session};

/// Reads an argument as the name of a session field.
pub(super) fn name(argument: &[u8]) -> Result<&str, CommandError> {
    std::str::from_utf8(argument).map_err(|e| {
        CommandError::Err(format!(
            "field name {} is not UTF-8: invalid at byte {}",
            quoted(argument),
            e.valid_up_to()
        ))
    })
}

/// `CONV.GETSTATE key [field ...]`: returns a map of all session fields. With names, returns an array of their values,
/// nil for a missing field, as `HMGET` does.
pub fn get_state(
    args: &mut Args<'_>,
    target: Target<'_>,
    _env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let session = target.and_then(Conversation::session);
    if args.left() == 0 {
        out.map(session.map_or(0, Session::len));
        for (name, value) in session.into_iter().flat_map(Session::fields) {
            out.bulk(name.as_bytes());
            out.bulk(value.as_bytes());
        }
        return Ok(REPLIED);
    }
    out.array(args.left());
    while let Some(argument) = args.take() {
        // Field names are UTF-8, so any other argument names no field.
        let name = std::str::from_utf8(argument).ok();
        match session.zip(name).and_then(|(s, name)| s.get(name)) {
            Some(value) => out.bulk(value.as_bytes()),
            None => out.null(),
        }
    }
    Ok(REPLIED)
}

/// `CONV.SETSTATE key field json [field json ...]`: sets session fields and returns how many were added.
pub fn set_state<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    if args.left() == 0 || args.left() % 2 == 1 {
        return Err(CommandError::Arity);
    }
    let session = target.and_then(Conversation::session);
    let history = session.and_then(Session::history);
    let mut effect = Effect::new(Event::SetState, env.now);
    effect.set_state.reserve_exact(args.left() / 2);
    // Of a field that is named twice, the last value holds.
    let mut last = HashMap::new();
    while let (Some(field), Some(json)) = (args.take(), args.take()) {
        let text = name(field)?;
        let rejected = |why| CommandError::Err(format!("value of field {}: {why}", quoted(field)));
        let name = Name::new(text).map_err(CommandError::Err)?;
        let own = env.prepared.and_then(|p| p.take_value(json));
        let own = own.transpose().map_err(rejected)?;
        let value = match own {
            // It was read, so it is text.
            Some(_) => std::str::from_utf8(trim(json)).unwrap_or_default(),
            None => read_value(trim(json)).map_err(rejected)?,
        };
        if history.is_some_and(|h| h.name.text() == text) {
            return err(format!(
                "field {} holds the messages: add messages with CONV.APPEND",
                quoted(field)
            ));
        }
        last.insert(text, value);
        effect.set_state.push(NewField { name, value, own });
    }
    let held = |text: &str| session.and_then(|s| s.get(text));
    let added = last.keys().filter(|text| held(text).is_none()).count();
    let changed = last.iter().any(|(text, value)| held(text) != Some(*value));
    out.integer(i64::try_from(added).unwrap_or(i64::MAX));
    if target.is_none() {
        effect.create = Some(env.settings.attributes());
    }
    Ok(Outcome::Done(changed.then_some(effect)))
}

/// `CONV.DELSTATE key field [field ...]`: removes session fields and returns how many existed.
pub fn del_state<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    if args.left() == 0 {
        return Err(CommandError::Arity);
    }
    let session = target.and_then(Conversation::session);
    let mut removed = HashSet::new();
    while let Some(argument) = args.take() {
        let name = std::str::from_utf8(argument).ok();
        if let Some((session, name)) = session.zip(name)
            && session.get(name).is_some()
        {
            removed.insert(name);
        }
    }
    out.integer(i64::try_from(removed.len()).unwrap_or(i64::MAX));
    if removed.is_empty() {
        return Ok(Outcome::UNCHANGED);
    }
    let mut removed: Vec<Box<str>> = removed.into_iter().map(Box::from).collect();
    removed.sort_unstable();
    let mut effect = Effect::new(Event::DelState, env.now);
    effect.del_state = removed;
    Ok(Outcome::change(effect))
}
