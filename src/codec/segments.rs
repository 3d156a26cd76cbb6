//! Messages in versions 2 to 4: segments as they are in memory, compressed ones compressed.
//!
//! Each segment is stored as two frames, until the header's number of messages is reached:
//!
//! 1. The description: the form of the text (one byte: 0 plain, 1 zstd), then for each message its state (one byte: 0
//!    pending, 1 counted, 2 given), sequence number and arrival time (as signed differences from the previous message,
//!    those of the very first from 0), T(message), and length.
//! 2. The text: the messages, each followed by a comma.
//!
//! Dialects, groups, ids and sums are derived from the messages, so they cannot contradict them.

use super::header::{StoredHeader, count_of, read_message};
use super::{DecodeError, invalid};
use crate::conversation::effect::{Count, Effect};
use crate::conversation::{Conversation, compress};
use crate::tokens::Nobody;
use crate::varint::ByteReader;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// Reads as many messages as `header` announces and appends them to `conversation`.
pub fn decode<F: AsRef<[u8]>>(
    header: &StoredHeader,
    conversation: &mut Conversation,
    mut next: impl FnMut() -> Option<F>,
) -> Result<(), DecodeError> {
    let mut before = (0, 0);
    let mut left = header.messages;
    while left > 0 {
        let description = next().ok_or(DecodeError::Truncated)?;
        let text = next().ok_or(DecodeError::Truncated)?;
        let described = DescribedSegment::read(description.as_ref(), &mut before, left)?;
        for message in &described.messages {
            header.check_numbered(message.seq)?;
        }
        left -= described.messages.len() as u64;
        described.take(text.as_ref(), conversation)?;
    }
    Ok(())
}

/// The description of a segment.
struct DescribedSegment {
    compressed: bool,
    messages: Vec<DescribedMessage>,
    /// Bytes of the text.
    bytes: usize,
}

struct DescribedMessage {
    seq: i64,
    time: i64,
    count: Count,
    len: usize,
}

impl DescribedSegment {
    fn read(frame: &[u8], before: &mut (i64, i64), most: u64) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(frame);
        let compressed = match reader.byte() {
            Some(PLAIN) => false,
            Some(ZSTD) => true,
            Some(other) => return Err(invalid(format!("a text has the unknown form {other}"))),
            None => return Err(DecodeError::Truncated),
        };
        let mut described = Self {
            compressed,
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
                .ok_or_else(|| invalid("a segment is too large"))?;
            described.messages.push(message);
        }
        if described.messages.is_empty() {
            return Err(invalid("a segment is empty"));
        }
        if described.messages.len() as u64 > most {
            return Err(invalid("there are more messages than the header announces"));
        }
        if u32::try_from(described.bytes).is_err() {
            return Err(invalid("a segment is too large"));
        }
        Ok(described)
    }

    /// Appends the messages, whose text is `stored`, to the conversation.
    fn take(&self, stored: &[u8], conversation: &mut Conversation) -> Result<(), DecodeError> {
        let decompressed;
        let text = if self.compressed {
            decompressed = compress::decompress(stored, self.bytes)
                .ok_or_else(|| invalid("a text cannot be decompressed"))?;
            decompressed.as_slice()
        } else {
            stored
        };
        if text.len() != self.bytes {
            return Err(invalid("a text and its messages differ in length"));
        }
        let mut rest = text;
        let mut push = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            let parts = rest.split_at_checked(message.len);
            let Some((bytes, [b',', after @ ..])) = parts else {
                return Err(invalid(format!(
                    "there is no comma after message {}",
                    message.seq
                )));
            };
            rest = after;
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
        if self.compressed {
            conversation.apply_compressed(&mut effect, stored);
        } else {
            conversation.apply(&mut effect, &Nobody);
        }
        Ok(())
    }
}

fn next_message(
    reader: &mut ByteReader<'_>,
    seq: i64,
    time: i64,
) -> Result<DescribedMessage, DecodeError> {
    let truncated = || DecodeError::Truncated;
    let state = reader.byte().ok_or_else(truncated)?;
    let seq = seq.wrapping_add(reader.signed().ok_or_else(truncated)?);
    let time = time.wrapping_add(reader.signed().ok_or_else(truncated)?);
    let tokens = reader.unsigned().ok_or_else(truncated)?;
    let len = reader.unsigned().ok_or_else(truncated)?;
    let len = usize::try_from(len).map_err(|_| invalid(format!("message {seq} is too long")))?;
    let count = count_of(seq, state, tokens)?;
    Ok(DescribedMessage {
        seq,
        time,
        count,
        len,
    })
}
