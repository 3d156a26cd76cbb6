//! Messages as all versions from 2 on store them: segments as they lie in memory, packed ones packed.
//!
//! Of each segment two frames, until the header's number of messages is reached:
//!
//! 1. The form of the text (one byte: 0 plain, 1 zstd), then of each message: state (one byte: 0 pending, 1 counted,
//!    2 given), sequence number and arrival as signed differences to the message before (the first of all: to 0),
//!    T(message), length.
//! 2. The text: the messages, each followed by a comma.
//!
//! Everything else (dialects, turn groups, ids, sums) is derived anew from the messages, and so cannot contradict them.

use super::header::{Header, count_of, read_message};
use super::{DecodeError, count, invalid};
use crate::conversation::effect::{Count, Effect};
use crate::conversation::segment::Segment;
use crate::conversation::{Conversation, compress};
use crate::tokens::Nobody;
use crate::varint::{Reader, put_signed, put_unsigned};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// Shorter packed texts are taken, but lie open afterwards: a segment costs more than it would save.
const LEAST_COMPRESSED: usize = 4096;

/// Writes the segments of `conversation`.
pub fn encode(conversation: &Conversation, sink: &mut impl FnMut(&[u8])) {
    let mut before = (0, 0);
    let mut frame = Vec::new();
    for segment in conversation.log().segments() {
        frame.clear();
        describe(segment, &mut before, &mut frame);
        sink(&frame);
        match segment.stored() {
            (_, Some(packed)) => sink(packed),
            // What is not compressed can be read.
            (_, None) => {
                if let Ok(bytes) = segment.bytes() {
                    sink(&bytes);
                }
            }
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

/// Reads the segments that `header` announces into `conversation`.
pub fn decode<F: AsRef<[u8]>>(
    header: &Header,
    conversation: &mut Conversation,
    mut next: impl FnMut() -> Option<F>,
) -> Result<(), DecodeError> {
    let mut before = (0, 0);
    let mut left = header.messages;
    while left > 0 {
        let description = next().ok_or(DecodeError::Truncated)?;
        let text = next().ok_or(DecodeError::Truncated)?;
        let described = Described::read(description.as_ref(), &mut before, left)?;
        for message in &described.messages {
            header.check_numbered(message.seq)?;
        }
        left -= described.messages.len() as u64;
        described.take(text.as_ref(), conversation)?;
    }
    Ok(())
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
            let message = next_message(&mut reader, seq, time)?;
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
            unpacked = compress::decompress(stored, self.bytes)
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
            push.push(read_message(
                message.seq,
                message.time,
                message.count,
                bytes,
            )?);
        }
        let mut effect = Effect {
            push,
            ..Effect::default()
        };
        conversation.check(&effect).map_err(invalid)?;
        if self.packed && self.bytes >= LEAST_COMPRESSED {
            conversation.apply_compressed(&mut effect, stored);
        } else {
            conversation.apply(&mut effect, &Nobody);
        }
        Ok(())
    }
}

fn next_message(
    reader: &mut Reader<'_>,
    seq: i64,
    time: i64,
) -> Result<StoredMessage, DecodeError> {
    let truncated = || DecodeError::Truncated;
    let state = reader.byte().ok_or_else(truncated)?;
    let seq = seq.wrapping_add(reader.signed().ok_or_else(truncated)?);
    let time = time.wrapping_add(reader.signed().ok_or_else(truncated)?);
    let tokens = reader.unsigned().ok_or_else(truncated)?;
    let len = reader.unsigned().ok_or_else(truncated)?;
    let len = usize::try_from(len).map_err(|_| invalid(format!("message {seq} is too long")))?;
    let count = count_of(seq, state, tokens)?;
    Ok(StoredMessage {
        seq,
        time,
        count,
        len,
    })
}
