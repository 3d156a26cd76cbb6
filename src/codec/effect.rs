//! Effects as arguments of `CONV.EFFECT`, which replicas and the AOF receive.
//!
//! The first argument is a header in JSON, which can be read in MONITOR and in the AOF. The *payload* follows, one
//! argument each: the messages that are prepended, the messages that are appended, the edited message, the summary, the
//! values of session fields, and the document of an import.
//!
//! Most writes only append. They have a short header: `"append":n` means that the payload consists of messages that are
//! appended with the event `conv.append`, numbered from `n` without gaps, that arrived at the time `at` and are pending.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::conversation::attributes::{Attributes, MAX_TTL};
use crate::conversation::document::split;
use crate::conversation::effect::{
    Count, Effect, Event, Imported, NewMessage, NewSummary, Numbering,
};
use crate::conversation::message;
use crate::conversation::session::{History, Name, NewField, read_value};

/// Version of the full header, which lists every change.
const VERSION: u8 = 1;

/// Version of the short header, which contains `append`.
const SHORT_VERSION: u8 = 2;

const INCOMPLETE: &str = "payload incomplete: fewer arguments than the header names";

/// Sequence number, arrival (Unix ms), count.
type MessageHeader = (i64, i64, Count);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectHeader {
    v: u8,
    at: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    event: String,
    #[serde(default, skip_serializing_if = "is_false")]
    replace: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    create: Option<Attributes>,
    /// Created (Unix ms), next number, lowest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numbering: Option<(i64, i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alter: Option<Attributes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    front: Vec<MessageHeader>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    push: Vec<MessageHeader>,
    /// Only in the short header: sequence number of the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edit: Option<MessageHeader>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<SummaryHeader>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    del_state: Vec<Box<str>>,
    /// Names of the fields to set, as JSON strings verbatim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set_state: Vec<Box<RawValue>>,
    /// Name of the field that contains the messages, as above, and the number of fields before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<(Box<RawValue>, usize)>,
    /// The payload contains a document whose messages are appended and whose fields are set. Here is the name of the
    /// field that contains the messages, null if the document is a bare array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    import: Option<(Option<Box<str>>,)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drop: Vec<(i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expire: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SummaryHeader {
    upto: Option<i64>,
}

fn message_header(message: &NewMessage<'_>) -> MessageHeader {
    (message.seq, message.time, message.count)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The name as a JSON string, verbatim. Always valid, because [`Name::key`] returns a JSON string.
fn written(name: &Name) -> Box<RawValue> {
    RawValue::from_string(name.key().into_owned()).unwrap_or_default()
}

/// The header of `effect`, and the arguments that follow it.
#[must_use]
pub fn encode_effect<'a>(effect: &Effect<'a>) -> (Vec<u8>, Vec<&'a [u8]>) {
    let messages = effect.front.len() + effect.push.len();
    let mut header = Vec::with_capacity(64 + 48 * messages.max(2));
    // Serialising plain data into memory cannot fail.
    let _ = write_header(effect, &mut header);
    (header, payload(effect).collect())
}

/// Writes the header of `effect`.
///
/// # Errors
/// `out` fails.
pub fn write_header(effect: &Effect<'_>, out: &mut impl Write) -> io::Result<()> {
    if let Some(first) = appended_from(effect) {
        return write_short_header(effect, first, out);
    }
    // Exhaustive, so that a new field that is not written does not compile.
    let Effect {
        at,
        event,
        replace,
        create,
        numbering,
        alter,
        front,
        push,
        edit,
        remove,
        summary,
        del_state,
        set_state,
        history,
        imported,
        lease,
        drop,
        expire,
    } = effect;
    // The document of an import contains the messages, the session fields and the history.
    let in_document = imported.is_some();
    let push = if in_document { &[] } else { &push[..] };
    let set_state = if in_document { &[] } else { &set_state[..] };
    let history = history.as_ref().filter(|_| !in_document);
    let header = EffectHeader {
        v: VERSION,
        at: *at,
        event: event.name().to_owned(),
        replace: *replace,
        create: *create,
        numbering: numbering.map(|n| (n.created, n.next, n.lowest)),
        alter: *alter,
        front: front.iter().map(message_header).collect(),
        push: push.iter().map(message_header).collect(),
        append: None,
        edit: edit.as_ref().map(message_header),
        remove: remove.clone(),
        summary: summary.as_ref().map(|s| SummaryHeader { upto: s.upto }),
        del_state: del_state.clone(),
        set_state: set_state.iter().map(|f| written(&f.name)).collect(),
        history: history.map(|h| (written(&h.name), h.position)),
        import: imported.as_ref().map(|i| (i.history.clone(),)),
        lease: *lease,
        drop: drop.clone(),
        expire: *expire,
    };
    Ok(serde_json::to_writer(out, &header)?)
}

/// The arguments that follow the header of `effect`.
pub fn payload<'e, 'a>(effect: &'e Effect<'a>) -> impl Iterator<Item = &'a [u8]> + use<'e, 'a> {
    // Exhaustive, so that a new field with a payload is not forgotten. Those named here are in the header alone.
    let Effect {
        at: _,
        event: _,
        replace: _,
        create: _,
        numbering: _,
        alter: _,
        front,
        push,
        edit,
        remove: _,
        summary,
        del_state: _,
        set_state,
        history: _,
        imported,
        lease: _,
        drop: _,
        expire: _,
    } = effect;
    // The document of an import contains the messages and the session fields.
    let in_document = imported.is_some();
    let push = if in_document { &[] } else { &push[..] };
    let set_state = if in_document { &[] } else { &set_state[..] };
    front
        .iter()
        .chain(push)
        .chain(edit)
        .map(|m| m.bytes)
        .chain(summary.iter().map(|s| s.text.as_bytes()))
        .chain(set_state.iter().map(|f| f.value.as_bytes()))
        .chain(imported.iter().map(|i| i.document))
}

/// The sequence number of the first message, if the short header can express `effect`.
fn appended_from(effect: &Effect<'_>) -> Option<i64> {
    // Exhaustive, so that a new field is either written by the short header or rules it out.
    let Effect {
        at,
        event,
        replace,
        create: _,
        numbering,
        alter,
        front,
        push,
        edit,
        remove,
        summary,
        del_state,
        set_state,
        history,
        imported,
        lease,
        drop: _,
        expire: _,
    } = effect;
    let first = push.first()?.seq;
    let plain = |(message, seq): (&NewMessage<'_>, i64)| {
        message.seq == seq && message.time == *at && message.count == Count::Pending
    };
    let short = *event == Event::Append
        && !replace
        && numbering.is_none()
        && alter.is_none()
        && front.is_empty()
        && edit.is_none()
        && remove.is_empty()
        && summary.is_none()
        && del_state.is_empty()
        && set_state.is_empty()
        && history.is_none()
        && imported.is_none()
        && lease.is_none()
        && push.iter().zip(first..).all(plain);
    short.then_some(first)
}

/// Writes the short header. It usually fits into 44 bytes, up to which Redis stores a string in a single allocation.
fn write_short_header(effect: &Effect<'_>, first: i64, out: &mut impl Write) -> io::Result<()> {
    let mut digits = itoa::Buffer::new();
    out.write_all(br#"{"v":2,"at":"#)?;
    out.write_all(digits.format(effect.at).as_bytes())?;
    out.write_all(br#","append":"#)?;
    out.write_all(digits.format(first).as_bytes())?;
    if let Some(create) = &effect.create {
        out.write_all(br#","create":"#)?;
        serde_json::to_writer(&mut *out, create)?;
    }
    if !effect.drop.is_empty() {
        out.write_all(br#","drop":"#)?;
        serde_json::to_writer(&mut *out, &effect.drop)?;
    }
    if let Some(expire) = effect.expire {
        out.write_all(br#","expire":"#)?;
        out.write_all(digits.format(expire).as_bytes())?;
    }
    out.write_all(b"}")
}

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
    if [header.create, header.alter]
        .iter()
        .flatten()
        .any(|a| a.ttl > MAX_TTL)
    {
        return Err(format!("ttl must be from 0 to {MAX_TTL}"));
    }
    let mut payload = payload.iter().copied();
    let mut next = || payload.next().ok_or(INCOMPLETE);
    let read = |(seq, time, count): MessageHeader, bytes: &'a [u8]| {
        let bytes = message::trim(bytes);
        message::read(bytes)
            .map(|(facts, text)| NewMessage {
                seq,
                time,
                count,
                bytes,
                facts,
                text: Some(text),
            })
            .map_err(|e| format!("message {seq}: {}", e.0))
    };
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
        set_state.push(NewField { name, value });
    }
    let history = match header.history {
        Some((key, position)) => Some(History {
            name: Name::of_key(key.get())?,
            position,
        }),
        None => None,
    };
    let mut effect = Effect {
        at: header.at,
        event,
        replace: header.replace,
        create: header.create,
        numbering: header.numbering.map(|(created, next, lowest)| Numbering {
            created,
            next,
            lowest,
        }),
        alter: header.alter,
        front,
        push,
        edit,
        remove: header.remove,
        summary,
        del_state: header.del_state,
        set_state,
        history,
        imported: None,
        lease: header.lease,
        drop: header.drop,
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
        });
    }
    effect.set_state = parts.fields;
    effect.history = parts.history;
    effect.imported = Some(Imported { document, history });
    Ok(())
}

#[cfg(test)]
#[path = "effect_tests.rs"]
mod tests;
