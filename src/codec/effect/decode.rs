//! Reading effects.

use serde_json::value::RawValue;

use super::{EffectHeader, MessageHeader, SHORT_VERSION, SummaryHeader, VERSION};
use crate::conversation::document::split;
use crate::conversation::effect::{
    Count, Effect, Event, Imported, NewMessage, NewSummary, Numbering,
};
use crate::conversation::message;
use crate::conversation::session::{Name, NewField, NewHistory, read_value};

const INCOMPLETE: &str = "payload incomplete: fewer arguments than the header names";

/// Expands a short header to a full one.
fn expand(header: &mut EffectHeader, messages: usize) -> Result<(), String> {
    let Some(first) = header.append else {
        return Ok(());
    };
    if !(header.event.is_empty()
        && header.front.is_empty()
        && header.push.is_empty()
        && header.set_state.is_empty()
        && header.import.is_none()
        && header.edit.is_none()
        && header.summary.is_none())
    {
        return Err("'append' cannot be combined with another payload".into());
    }
    if messages == 0 {
        return Err(INCOMPLETE.into());
    }
    let last = i64::try_from(messages)
        .ok()
        .and_then(|n| first.checked_add(n));
    let Some(end) = last else {
        return Err("the sequence numbers exceed 64 bits".into());
    };
    Event::Append.name().clone_into(&mut header.event);
    header.push = (first..end)
        .map(|seq| (seq, header.at, Count::Pending))
        .collect();
    Ok(())
}

/// Reads the header and the payload of an effect. Validates the form; [`Conversation::check`] validates whether the
/// effect fits.
///
/// [`Conversation::check`]: crate::conversation::Conversation::check
///
/// # Errors
/// The header or the payload is malformed.
pub fn decode_effect<'a>(header: &[u8], payload: &[&'a [u8]]) -> Result<Effect<'a>, String> {
    let mut header: EffectHeader =
        serde_json::from_slice(header).map_err(|e| format!("unreadable header: {e}"))?;
    let expected = match header.append {
        Some(_) => SHORT_VERSION,
        None => VERSION,
    };
    if header.v != expected {
        return Err(format!(
            "header version must be {expected}, got {}",
            header.v
        ));
    }
    expand(&mut header, payload.len())?;
    let event =
        Event::by_name(&header.event).ok_or_else(|| format!("unknown event {:?}", header.event))?;
    for attributes in [header.create, header.alter].iter().flatten() {
        attributes.check()?;
    }
    let mut payload = payload.iter().copied();
    let mut next = || payload.next().ok_or(INCOMPLETE);
    let mut read_all = |stored: Vec<MessageHeader>| {
        let messages = stored.into_iter().map(|stored| read(stored, next()?));
        messages.collect::<Result<Vec<_>, String>>()
    };
    let (front, push) = (read_all(header.front)?, read_all(header.push)?);
    let edit = match header.edit {
        Some(stored) => Some(read(stored, next()?)?),
        None => None,
    };
    let summary = match header.summary {
        Some(SummaryHeader { upto }) => Some(NewSummary {
            text: std::str::from_utf8(next()?).map_err(|_| "the summary is not UTF-8")?,
            upto,
        }),
        None => None,
    };
    let mut set_state = Vec::with_capacity(header.set_state.len().min(1024));
    for key in header.set_state {
        let name = Name::of_key(key.get())?;
        let value = read_value(message::trim(next()?))
            .map_err(|why| format!("session field {}: {why}", key.get()))?;
        set_state.push(NewField::new(name, value));
    }
    let history = match (header.history, header.nested) {
        (Some((key, position)), true) => Some(nested(&key, position, next()?, next()?)?),
        (Some((key, position)), false) => {
            let name = Name::of_key(key.get())?;
            Some(NewHistory::top_level(name, position))
        }
        (None, true) => return Err("nested messages without the name of their field".into()),
        (None, false) => None,
    };
    let mut effect = Effect {
        at: header.at,
        event,
        create: header.create,
        numbering: header.numbering.map(|(created, next, lowest)| Numbering {
            created,
            next,
            lowest,
        }),
        alter: header.alter,
        cut: header.cut,
        front,
        push,
        edit,
        pin: header.pin,
        unpin: header.unpin,
        remove: header.remove,
        summary,
        clear_session: header.clear_session,
        del_state: header.del_state,
        set_state,
        history,
        imported: None,
        built: None,
        lease: header.lease,
        drop: header.drop,
        persist: header.persist,
        expire: header.expire,
    };
    if let Some((history,)) = header.import {
        import(&mut effect, next()?, history)?;
    }
    if payload.next().is_some() {
        return Err("unexpected argument after the payload".into());
    }
    Ok(effect)
}

/// Reads a message of the payload.
fn read((seq, time, count): MessageHeader, bytes: &[u8]) -> Result<NewMessage<'_>, String> {
    let bytes = message::trim(bytes);
    let (facts, text) = message::read(bytes).map_err(|e| format!("message {seq}: {}", e.0))?;
    Ok(NewMessage {
        seq,
        time,
        count,
        bytes,
        facts,
        text: Some(text),
        own: None,
    })
}

/// Where the messages are, if they are in nested objects of the field `key`.
fn nested<'a>(
    key: &RawValue,
    position: usize,
    before: &'a [u8],
    after: &'a [u8],
) -> Result<NewHistory<'a>, String> {
    let name = Name::of_key(key.get())?;
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "invalid UTF-8".to_owned());
    text(before)
        .and_then(|before| NewHistory::nested(name, position, before, text(after)?))
        .map_err(|why| format!("session field {}: {why}", key.get()))
}

/// Adds the messages and the fields of the document to `effect`.
fn import<'a>(
    effect: &mut Effect<'a>,
    document: &'a [u8],
    history: Option<Box<str>>,
) -> Result<(), String> {
    if effect.create.is_none() || !effect.push.is_empty() || !effect.set_state.is_empty() {
        return Err("'import' needs 'create', and neither 'push' nor 'set_state'".into());
    }
    let parts = split(document, history.as_deref())?;
    effect.push.reserve_exact(parts.messages.len());
    for (seq, bytes) in (1..).zip(parts.messages) {
        let facts = message::facts(bytes).map_err(|e| format!("message {seq}: {}", e.0))?;
        effect.push.push(NewMessage {
            seq,
            time: effect.at,
            count: Count::Pending,
            bytes,
            facts,
            text: None,
            own: None,
        });
    }
    effect.set_state = parts.fields;
    effect.history = parts.history;
    effect.imported = Some(Imported { document, history });
    Ok(())
}
