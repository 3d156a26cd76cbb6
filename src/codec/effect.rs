//! Effects as arguments of the command that replicas and the AOF receive: a JSON header that a person can read in
//! MONITOR or in the file, then what the header speaks of, one argument each: the messages put in front, the
//! messages appended, the message edited, the summary, the values of session fields, the text around nested messages.
//!
//! Nearly all writes append: their header is short. `"append":n` says that all arguments behind the header are messages
//! appended at the time `at`, none of them counted yet, numbered from `n` on without a gap, with the event `conv.append`.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::conversation::attributes::{Attributes, MAX_TTL};
use crate::conversation::document::split;
use crate::conversation::effect::{
    Count, Effect, Event, Imported, NewMessage, NewSummary, Numbering,
};
use crate::conversation::message;
use crate::conversation::session::{Name, NewField, NewHistory, read_value};

/// Version of a header that names all it does one by one.
const VERSION: u8 = 1;

/// Version of a header that says `append`.
const SHORT_VERSION: u8 = 2;

/// Sequence number, arrival (Unix ms), count.
type StoredMessage = (i64, i64, Count);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
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
    front: Vec<StoredMessage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    push: Vec<StoredMessage>,
    /// See the head of this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edit: Option<StoredMessage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<SummaryHeader>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    del_state: Vec<Box<str>>,
    /// Names of the fields set, as they are written in the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set_state: Vec<Box<RawValue>>,
    /// Name of the field that holds the messages, as above, and the number of fields before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<(Box<RawValue>, usize)>,
    /// The messages are in nested objects of that field: two arguments are the text of its value before and after them.
    #[serde(default, skip_serializing_if = "is_false")]
    nested: bool,
    /// The name of the field that holds the messages of the document that follows, or the path to them; null if the
    /// document is an array. What it holds is pushed and set.
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

fn stored(message: &NewMessage<'_>) -> StoredMessage {
    (message.seq, message.time, message.count)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The name as it is written in the document. A key is a JSON string, so that this does not fail.
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
/// Those of `out`.
pub fn write_header(effect: &Effect<'_>, out: &mut impl Write) -> io::Result<()> {
    if let Some(first) = appended_from(effect) {
        return write_short_header(effect, first, out);
    }
    // What was imported stands in the document.
    let imported = effect.imported.as_ref();
    let push = imported.map_or(&effect.push[..], |_| &[]);
    let set_state = imported.map_or(&effect.set_state[..], |_| &[]);
    let history = effect.history.as_ref().filter(|_| imported.is_none());
    let header = Header {
        v: VERSION,
        at: effect.at,
        event: effect.event.name().to_owned(),
        replace: effect.replace,
        create: effect.create,
        numbering: effect.numbering.map(|n| (n.created, n.next, n.lowest)),
        alter: effect.alter,
        front: effect.front.iter().map(stored).collect(),
        push: push.iter().map(stored).collect(),
        append: None,
        edit: effect.edit.as_ref().map(stored),
        remove: effect.remove.clone(),
        summary: effect
            .summary
            .as_ref()
            .map(|s| SummaryHeader { upto: s.upto }),
        del_state: effect.del_state.clone(),
        set_state: set_state.iter().map(|f| written(&f.name)).collect(),
        history: history.map(|h| (written(&h.name), h.position)),
        nested: history.is_some_and(NewHistory::is_nested),
        import: imported.map(|i| (i.history.clone(),)),
        lease: effect.lease,
        drop: effect.drop.clone(),
        expire: effect.expire,
    };
    Ok(serde_json::to_writer(out, &header)?)
}

/// The arguments that follow the header of `effect`.
pub fn payload<'e, 'a>(effect: &'e Effect<'a>) -> impl Iterator<Item = &'a [u8]> + use<'e, 'a> {
    // What was imported stands in the document.
    let imported = effect.imported.as_ref();
    let push = imported.map_or(&effect.push[..], |_| &[]);
    let set_state = imported.map_or(&effect.set_state[..], |_| &[]);
    let history = effect.history.as_ref().filter(|_| imported.is_none());
    let nested = history.filter(|h| h.is_nested());
    effect
        .front
        .iter()
        .chain(push)
        .chain(&effect.edit)
        .map(|m| m.bytes)
        .chain(effect.summary.iter().map(|s| s.text.as_bytes()))
        .chain(set_state.iter().map(|f| f.value.as_bytes()))
        .chain(nested.map(|h| h.before().as_bytes()))
        .chain(nested.map(|h| h.after().as_bytes()))
        .chain(imported.map(|i| i.document))
}

/// The number of the first message, if `effect` is what the short header can say.
fn appended_from(effect: &Effect<'_>) -> Option<i64> {
    let first = effect.push.first()?.seq;
    let plain = |(message, seq): (&NewMessage<'_>, i64)| {
        message.seq == seq && message.time == effect.at && message.count == Count::Pending
    };
    let short = effect.event == Event::Append
        && effect.numbering.is_none()
        && effect.alter.is_none()
        && effect.edit.is_none()
        && effect.front.is_empty()
        && !effect.replace
        && effect.imported.is_none()
        && effect.history.is_none()
        && effect.set_state.is_empty()
        && effect.del_state.is_empty()
        && effect.lease.is_none()
        && effect.remove.is_empty()
        && effect.summary.is_none()
        && effect.push.iter().zip(first..).all(plain);
    short.then_some(first)
}

/// Most often it fits into 44 bytes, which Redis stores in one piece.
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

/// Puts what the short header says into the words of the long one.
fn lengthen(header: &mut Header, messages: usize) -> Result<(), String> {
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
        return Err("append stands beside another payload".into());
    }
    if messages == 0 {
        return Err("too few arguments behind the header".into());
    }
    let last = i64::try_from(messages)
        .ok()
        .and_then(|n| first.checked_add(n));
    let Some(behind) = last else {
        return Err("numbers beyond all that can be given".into());
    };
    Event::Append.name().clone_into(&mut header.event);
    header.push = (first..behind)
        .map(|seq| (seq, header.at, Count::Pending))
        .collect();
    Ok(())
}

/// Reads what [`encode_effect`] wrote.
///
/// # Errors
/// What is wrong with it.
pub fn decode_effect<'a>(header: &[u8], payload: &[&'a [u8]]) -> Result<Effect<'a>, String> {
    let mut header: Header =
        serde_json::from_slice(header).map_err(|e| format!("unreadable header: {e}"))?;
    let expected = match header.append {
        Some(_) => SHORT_VERSION,
        None => VERSION,
    };
    if header.v != expected {
        return Err(format!("header version {}, expected {expected}", header.v));
    }
    lengthen(&mut header, payload.len())?;
    let event =
        Event::by_name(&header.event).ok_or_else(|| format!("unknown event {:?}", header.event))?;
    if [header.create, header.alter]
        .iter()
        .flatten()
        .any(|a| a.ttl > MAX_TTL)
    {
        return Err("a ttl beyond all time".into());
    }
    let mut payload = payload.iter().copied();
    let mut next = || payload.next().ok_or("too few arguments behind the header");
    let read = |(seq, time, count): StoredMessage, bytes: &'a [u8]| {
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
    let mut read_all = |stored: Vec<StoredMessage>| {
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
        return Err("surplus arguments behind the header".into());
    }
    Ok(effect)
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

/// Adds to `effect` what the document holds.
fn import<'a>(
    effect: &mut Effect<'a>,
    document: &'a [u8],
    history: Option<Box<str>>,
) -> Result<(), String> {
    if effect.create.is_none() || !effect.push.is_empty() || !effect.set_state.is_empty() {
        return Err("what is imported makes a conversation of its own".into());
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
