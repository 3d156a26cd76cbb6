//! Stored form, version 2: segments as they lie in memory, packed ones packed.
//!
//! The first frame is the [`Header`], a MessagePack map. Then, of each segment, two frames, until the header's number of
//! messages is reached:
//!
//! 1. The form of the text (one byte: 0 plain, 1 zstd), then of each message: state (one byte: 0 pending, 1 counted,
//!    2 given), sequence number and arrival as signed differences to the message before (the first of all: to 0),
//!    T(message), length.
//! 2. The text: the messages, each followed by a comma.
//!
//! Everything else (dialects, turn groups, ids, sums) is derived anew from the messages, and so cannot contradict them.

use serde::{Deserialize, Serialize};

use super::{DecodeError, count};
use crate::conversation::attributes::{Attributes, MAX_TTL};
use crate::conversation::effect::{Count, Effect, NewMessage, NewSummary, Numbering};
use crate::conversation::segment::Segment;
use crate::conversation::{Conversation, message, pack};
use crate::tokens::Nobody;
use crate::varint::{Reader, put_signed, put_unsigned};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// Shorter packed texts are taken, but lie open afterwards: a segment costs more than it would save.
const LEAST_PACKED: usize = 4096;

/// The first frame. Fields may be added with a default; they never change their meaning.
#[derive(Debug, Serialize, Deserialize)]
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

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSummary {
    text: String,
    upto: Option<i64>,
    updated: i64,
    /// T of the message that it becomes, if it is counted.
    tokens: Option<u32>,
}

/// See [`super::encode`].
pub fn encode(conversation: &Conversation, mut sink: impl FnMut(&[u8])) {
    let numbering = conversation.numbering();
    let header = Header {
        attributes: *conversation.attributes(),
        created: numbering.created,
        updated: conversation.updated(),
        next: numbering.next,
        lowest: numbering.lowest,
        messages: conversation.log().totals().messages,
        summary: conversation.summary().map(|s| StoredSummary {
            text: s.text.clone(),
            upto: s.upto,
            updated: s.updated,
            tokens: s.tokens.known(),
        }),
    };
    // Serialising plain data into memory cannot fail; an empty frame would be refused when read.
    sink(&rmp_serde::to_vec_named(&header).unwrap_or_default());
    let mut before = (0, 0);
    let mut frame = Vec::new();
    for segment in conversation.log().segments() {
        frame.clear();
        describe(segment, &mut before, &mut frame);
        sink(&frame);
        match segment.stored() {
            (_, Some(packed)) => sink(packed),
            (_, None) => sink(&segment.bytes()),
        }
    }
}

/// Writes the first frame of a segment. `before` is number and arrival of the message before it.
fn describe(segment: &Segment, before: &mut (i64, i64), frame: &mut Vec<u8>) {
    let (_, packed) = segment.stored();
    frame.push(if packed.is_some() { ZSTD } else { PLAIN });
    let mut begin = 0;
    for entry in segment.entries().iter() {
        let (state, tokens) = match count(entry) {
            Count::Pending => (0, 0),
            Count::Counted(tokens) => (1, tokens),
            Count::Given(tokens) => (2, tokens),
        };
        let (seq, time) = (segment.seq(entry), segment.time(entry));
        frame.push(state);
        put_signed(frame, seq.wrapping_sub(before.0));
        put_signed(frame, time.wrapping_sub(before.1));
        put_unsigned(frame, u64::from(tokens));
        put_unsigned(frame, u64::from(entry.end).saturating_sub(begin));
        begin = u64::from(entry.end) + 1;
        *before = (seq, time);
    }
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
    let mut before = (0, 0);
    let mut left = header.messages;
    while left > 0 {
        let description = next().ok_or(DecodeError::Truncated)?;
        let text = next().ok_or(DecodeError::Truncated)?;
        let described = Described::read(description.as_ref(), &mut before, left)?;
        for message in &described.messages {
            if message.seq < header.lowest || message.seq >= header.next {
                return Err(invalid(format!(
                    "message {} was never numbered",
                    message.seq
                )));
            }
        }
        left -= described.messages.len() as u64;
        described.take(text.as_ref(), &mut conversation)?;
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
        conversation.set_summary_tokens(summary.tokens);
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

/// What the first frame of a segment says.
struct Described {
    packed: bool,
    messages: Vec<StoredMessage>,
    /// Bytes of the text.
    bytes: usize,
}

struct StoredMessage {
    seq: i64,
    time: i64,
    count: Count,
    len: usize,
}

impl Described {
    fn read(frame: &[u8], before: &mut (i64, i64), most: u64) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        let packed = match reader.byte() {
            Some(PLAIN) => false,
            Some(ZSTD) => true,
            Some(other) => return Err(invalid(format!("a text has the form {other}"))),
            None => return Err(DecodeError::Truncated),
        };
        let mut described = Self {
            packed,
            messages: Vec::new(),
            bytes: 0,
        };
        while !reader.is_empty() {
            let (seq, time) = *before;
            let message = read_message(&mut reader, seq, time)?;
            *before = (message.seq, message.time);
            described.bytes = message
                .len
                .checked_add(1)
                .and_then(|len| described.bytes.checked_add(len))
                .ok_or_else(|| invalid("a segment larger than can be"))?;
            described.messages.push(message);
        }
        if described.messages.is_empty() {
            return Err(invalid("an empty segment"));
        }
        if described.messages.len() as u64 > most {
            return Err(invalid("more messages than announced"));
        }
        if u32::try_from(described.bytes).is_err() {
            return Err(invalid("a segment larger than can be"));
        }
        Ok(described)
    }

    /// Adds the messages, whose text is `stored`, to the conversation.
    fn take(&self, stored: &[u8], conversation: &mut Conversation) -> Result<(), DecodeError> {
        let unpacked;
        let text = if self.packed {
            unpacked = pack::unpack(stored, self.bytes)
                .ok_or_else(|| invalid("a packed text does not unpack"))?;
            unpacked.as_slice()
        } else {
            stored
        };
        if text.len() != self.bytes {
            return Err(invalid("a text is not as long as its messages"));
        }
        let mut rest = text;
        let mut push = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            let parts = rest.split_at_checked(message.len);
            let Some((bytes, [b',', behind @ ..])) = parts else {
                return Err(invalid(format!("no comma behind message {}", message.seq)));
            };
            rest = behind;
            push.push(message.read(bytes)?);
        }
        let mut effect = Effect {
            push,
            ..Effect::default()
        };
        conversation.check(&effect).map_err(invalid)?;
        if self.packed && self.bytes >= LEAST_PACKED {
            conversation.apply_packed(&mut effect, stored);
        } else {
            conversation.apply(&mut effect, &Nobody);
        }
        Ok(())
    }
}

impl StoredMessage {
    fn read<'a>(&self, bytes: &'a [u8]) -> Result<NewMessage<'a>, DecodeError> {
        let seq = self.seq;
        if message::trim(bytes).len() != bytes.len() {
            return Err(invalid(format!("message {seq} has white space around it")));
        }
        let facts = message::facts(bytes)
            .map_err(|_| invalid(format!("message {seq} is none that could be appended")))?;
        Ok(NewMessage {
            seq,
            time: self.time,
            count: self.count,
            bytes,
            facts,
            text: None,
        })
    }
}

fn read_message(
    reader: &mut Reader<'_>,
    seq: i64,
    time: i64,
) -> Result<StoredMessage, DecodeError> {
    let truncated = || DecodeError::Truncated;
    let state = reader.byte().ok_or_else(truncated)?;
    let seq = seq.wrapping_add(reader.signed().ok_or_else(truncated)?);
    let time = time.wrapping_add(reader.signed().ok_or_else(truncated)?);
    let tokens = u32::try_from(reader.unsigned().ok_or_else(truncated)?)
        .map_err(|_| invalid(format!("message {seq} counts more tokens than can be")))?;
    let len = reader.unsigned().ok_or_else(truncated)?;
    let len = usize::try_from(len).map_err(|_| invalid(format!("message {seq} is too long")))?;
    let count = match state {
        0 => Count::Pending,
        1 => Count::Counted(tokens),
        2 => Count::Given(tokens),
        other => return Err(invalid(format!("message {seq} has the state {other}"))),
    };
    Ok(StoredMessage {
        seq,
        time,
        count,
        len,
    })
}
