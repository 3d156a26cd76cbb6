//! Effects as arguments of the command that replicas and the AOF receive: a JSON header that a person can read in
//! MONITOR or in the file, then what the header speaks of, one argument each: the messages appended, the message
//! edited, the summary.
//!
//! Nearly all writes append: their header is short. `"append":n` says that all arguments behind the header are messages
//! appended at the time `at`, none of them counted yet, numbered from `n` on without a gap, with the event `conv.append`.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::conversation::attributes::{Attributes, MAX_TTL};
use crate::conversation::effect::{Count, Effect, NewMessage, NewSummary, Numbering};
use crate::conversation::{Conversation, message};

use super::count;

/// Version of a header that names all it does one by one.
const VERSION: u8 = 1;

/// Version of a header that says `append`.
const SHORT_VERSION: u8 = 2;

/// The event of the short header.
const APPENDED: &str = "conv.append";

/// Messages in one effect of [`rebuild`].
const BATCH_MESSAGES: usize = 512;

/// Sequence number, arrival (Unix ms), count.
type StoredMessage = (i64, i64, Count);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    v: u8,
    at: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    create: Option<Attributes>,
    /// Created (Unix ms), next number, lowest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numbering: Option<(i64, i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alter: Option<Attributes>,
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

/// The header of `effect`, and the arguments that follow it.
#[must_use]
pub fn encode_effect<'a>(effect: &Effect<'a>) -> (Vec<u8>, Vec<&'a [u8]>) {
    let mut header = Vec::with_capacity(64 + 48 * effect.push.len().max(2));
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
    let header = Header {
        v: VERSION,
        at: effect.at,
        event: effect.event.to_owned(),
        create: effect.create,
        numbering: effect.numbering.map(|n| (n.created, n.next, n.lowest)),
        alter: effect.alter,
        push: effect.push.iter().map(stored).collect(),
        append: None,
        edit: effect.edit.as_ref().map(stored),
        remove: effect.remove.clone(),
        summary: effect
            .summary
            .as_ref()
            .map(|s| SummaryHeader { upto: s.upto }),
        drop: effect.drop.clone(),
        expire: effect.expire,
    };
    Ok(serde_json::to_writer(out, &header)?)
}

/// The arguments that follow the header of `effect`.
pub fn payload<'e, 'a>(effect: &'e Effect<'a>) -> impl Iterator<Item = &'a [u8]> + use<'e, 'a> {
    effect
        .push
        .iter()
        .chain(&effect.edit)
        .map(|m| m.bytes)
        .chain(effect.summary.iter().map(|s| s.text.as_bytes()))
}

/// The number of the first message, if `effect` is what the short header can say.
fn appended_from(effect: &Effect<'_>) -> Option<i64> {
    let first = effect.push.first()?.seq;
    let plain = |(message, seq): (&NewMessage<'_>, i64)| {
        message.seq == seq && message.time == effect.at && message.count == Count::Pending
    };
    let short = effect.event == APPENDED
        && effect.numbering.is_none()
        && effect.alter.is_none()
        && effect.edit.is_none()
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
        && header.push.is_empty()
        && header.edit.is_none()
        && header.summary.is_none())
    {
        return Err("append stands beside event, push, edit or summary".into());
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
    header.event = APPENDED.to_owned();
    header.push = (first..behind)
        .map(|seq| (seq, header.at, Count::Pending))
        .collect();
    Ok(())
}

/// Reads what [`encode_effect`] made. `events` are the names that an event may have.
///
/// # Errors
/// What is wrong with it.
pub fn decode_effect<'a>(
    header: &[u8],
    payload: &[&'a [u8]],
    events: &[&'static str],
) -> Result<Effect<'a>, String> {
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
    let event = match header.event.as_str() {
        "" => "",
        name => events
            .iter()
            .find(|&&event| event == name)
            .copied()
            .ok_or_else(|| format!("unknown event {name:?}"))?,
    };
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
    let mut push = Vec::with_capacity(header.push.len().min(1024));
    for stored in header.push {
        push.push(read(stored, next()?)?);
    }
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
    if payload.next().is_some() {
        return Err("surplus arguments behind the header".into());
    }
    Ok(Effect {
        at: header.at,
        event,
        create: header.create,
        numbering: header.numbering.map(|(created, next, lowest)| Numbering {
            created,
            next,
            lowest,
        }),
        alter: header.alter,
        push,
        edit,
        remove: header.remove,
        summary,
        drop: header.drop,
        expire: header.expire,
    })
}

/// Effects of bounded size that rebuild `conversation` from nothing, one after the other handed to `sink`.
pub fn rebuild(conversation: &Conversation, mut sink: impl FnMut(&Effect<'_>)) {
    let updated = conversation.updated();
    let mut first = Some(Effect {
        create: Some(*conversation.attributes()),
        numbering: Some(conversation.numbering()),
        ..Effect::new("", updated)
    });
    // A segment is a batch of bounded size; many small messages are several.
    for segment in conversation.log().segments() {
        let (bytes, entries) = (segment.bytes(), segment.entries());
        let mut begin = 0;
        for batch in entries.chunks(BATCH_MESSAGES) {
            let mut effect = first.take().unwrap_or_else(|| Effect::new("", updated));
            for entry in batch {
                let end = entry.end as usize;
                effect.push.push(NewMessage {
                    seq: segment.seq(entry),
                    time: segment.time(entry),
                    count: count(entry),
                    bytes: bytes.get(begin..end).unwrap_or_default(),
                    // Not part of what is written; whoever reads it back reads the message.
                    facts: message::Facts::default(),
                    text: None,
                });
                begin = end + 1;
            }
            sink(&effect);
        }
    }
    if let Some(empty) = first {
        sink(&empty);
    }
    if let Some(summary) = conversation.summary() {
        sink(&Effect {
            summary: Some(NewSummary {
                text: &summary.text,
                upto: summary.upto,
            }),
            ..Effect::new("", summary.updated)
        });
        // The summary may be older than the last write.
        sink(&Effect::new("", updated));
    }
}

#[cfg(test)]
#[path = "effect_tests.rs"]
mod tests;
