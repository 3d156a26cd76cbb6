//! Stored form, version 1: read for ever, no longer written. Messages stood there one by one, uncompressed.
//!
//! The first frame is the [`Header`], a MessagePack map. Each further frame holds messages, as long as the header's
//! number is not reached; of each message: state (one byte: 0 pending, 1 counted, 2 given), sequence number and
//! arrival as signed differences to the message before (the first: to 0), T(message), length, bytes. Everything else
//! (dialects, turn groups, ids, sums) is derived anew from the messages, and so cannot contradict them.

use serde::Deserialize;

use super::DecodeError;
use crate::conversation::attributes::{Attributes, MAX_TTL};
use crate::conversation::effect::{Count, Effect, NewMessage, NewSummary, Numbering};
use crate::conversation::{Conversation, message};
use crate::tokens::Nobody;
use crate::varint::Reader;

/// The first frame. Fields may be added with a default; they never change their meaning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    attributes: Attributes,
    created: i64,
    updated: i64,
    next: i64,
    lowest: i64,
    messages: u64,
    summary: Option<StoredSummary>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSummary {
    text: String,
    upto: Option<i64>,
    updated: i64,
}

fn invalid(why: impl Into<String>) -> DecodeError {
    DecodeError::Invalid(why.into())
}

/// See [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    mut next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    let frame = next().ok_or(DecodeError::Truncated)?;
    let header: Header = rmp_serde::from_slice(frame.as_ref())
        // Why not, could tell of what is stored; the log is no place for that.
        .map_err(|_| invalid("the header is not readable"))?;
    drop(frame);
    if header.attributes.ttl > MAX_TTL {
        return Err(invalid("the ttl lies beyond all time"));
    }
    if header.next < header.lowest {
        return Err(invalid("the numbering is out of order"));
    }
    let mut conversation = Conversation::new(header.attributes, header.created);
    let (mut seq, mut time) = (0i64, 0i64);
    let mut left = header.messages;
    while left > 0 {
        let frame = next().ok_or(DecodeError::Truncated)?;
        let mut reader = Reader::new(frame.as_ref());
        if reader.is_empty() {
            return Err(invalid("an empty frame"));
        }
        while !reader.is_empty() {
            left = left
                .checked_sub(1)
                .ok_or_else(|| invalid("more messages than announced"))?;
            let new = read_message(&mut reader, seq, time)?;
            if new.seq < header.lowest || new.seq >= header.next {
                return Err(invalid(format!("message {} was never numbered", new.seq)));
            }
            (seq, time) = (new.seq, new.time);
            let mut effect = Effect {
                push: vec![new],
                ..Effect::default()
            };
            conversation.check(&effect).map_err(invalid)?;
            conversation.apply(&mut effect, &Nobody);
        }
    }
    if let Some(summary) = &header.summary {
        if summary.text.is_empty() {
            return Err(invalid("an empty summary"));
        }
        let mut effect = Effect {
            at: summary.updated,
            summary: Some(NewSummary {
                text: &summary.text,
                upto: summary.upto,
            }),
            ..Effect::default()
        };
        conversation.apply(&mut effect, &Nobody);
    }
    let mut effect = Effect {
        at: header.updated,
        numbering: Some(Numbering {
            created: header.created,
            next: header.next,
            lowest: header.lowest,
        }),
        ..Effect::default()
    };
    conversation.apply(&mut effect, &Nobody);
    Ok(conversation)
}

fn read_message<'a>(
    reader: &mut Reader<'a>,
    seq: i64,
    time: i64,
) -> Result<NewMessage<'a>, DecodeError> {
    let state = reader.byte().ok_or(DecodeError::Truncated)?;
    let seq = seq.wrapping_add(reader.signed().ok_or(DecodeError::Truncated)?);
    let time = time.wrapping_add(reader.signed().ok_or(DecodeError::Truncated)?);
    let tokens = u32::try_from(reader.unsigned().ok_or(DecodeError::Truncated)?)
        .map_err(|_| invalid(format!("message {seq} counts more tokens than can be")))?;
    let count = match state {
        0 => Count::Pending,
        1 => Count::Counted(tokens),
        2 => Count::Given(tokens),
        other => return Err(invalid(format!("message {seq} has the state {other}"))),
    };
    let len = reader.unsigned().and_then(|len| usize::try_from(len).ok());
    let bytes = len
        .and_then(|len| reader.bytes(len))
        .ok_or(DecodeError::Truncated)?;
    if message::trim(bytes).len() != bytes.len() {
        return Err(invalid(format!("message {seq} has white space around it")));
    }
    let facts = message::facts(bytes)
        .map_err(|_| invalid(format!("message {seq} is none that could be appended")))?;
    Ok(NewMessage {
        seq,
        time,
        count,
        bytes,
        facts,
        text: None,
    })
}
