//! Effects as arguments of the command that replicas and the AOF receive: a JSON header that a person can read in
//! MONITOR or in the file, then what the header speaks of, one argument each: the messages put in front, the
//! messages appended, the message edited, the summary.

use serde::{Deserialize, Serialize};

use crate::conversation::attributes::{Attributes, MAX_TTL};
use crate::conversation::effect::{Count, Effect, NewMessage, NewSummary, Numbering};
use crate::conversation::{Conversation, message};

use super::count;

/// Version of the header.
const VERSION: u8 = 1;

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
    front: Vec<StoredMessage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    push: Vec<StoredMessage>,
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
    let header = Header {
        v: VERSION,
        at: effect.at,
        event: effect.event.to_owned(),
        create: effect.create,
        numbering: effect.numbering.map(|n| (n.created, n.next, n.lowest)),
        alter: effect.alter,
        front: effect.front.iter().map(stored).collect(),
        push: effect.push.iter().map(stored).collect(),
        edit: effect.edit.as_ref().map(stored),
        remove: effect.remove.clone(),
        summary: effect
            .summary
            .as_ref()
            .map(|s| SummaryHeader { upto: s.upto }),
        drop: effect.drop.clone(),
        expire: effect.expire,
    };
    let payload = effect
        .front
        .iter()
        .chain(&effect.push)
        .chain(&effect.edit)
        .map(|m| m.bytes)
        .chain(effect.summary.iter().map(|s| s.text.as_bytes()))
        .collect();
    let messages = effect.front.len() + effect.push.len();
    let mut json = Vec::with_capacity(64 + 48 * messages.max(2));
    // Serialising plain data into memory cannot fail.
    let _ = serde_json::to_writer(&mut json, &header);
    (json, payload)
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
    let header: Header =
        serde_json::from_slice(header).map_err(|e| format!("unreadable header: {e}"))?;
    if header.v != VERSION {
        return Err(format!("header version {}, expected {VERSION}", header.v));
    }
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
        front,
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
