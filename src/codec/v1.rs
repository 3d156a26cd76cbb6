//! Version 1 of the stored form: messages one by one, uncompressed. It is still read and no longer written.
//!
//! The first frame is the [`StoredHeader`]. Each further frame contains messages, until the header's number of messages is
//! reached. For each message it contains the state (one byte: 0 pending, 1 counted, 2 given), sequence number and arrival
//! time (as signed differences from the previous message, those of the first from 0), T(message), length, and bytes.
//! Dialects, groups, ids and sums are derived from the messages, so they cannot contradict them.

use super::header::{StoredHeader, count_of, read_message, take};
use super::{DecodeError, invalid};
use crate::conversation::Conversation;
use crate::conversation::effect::{Effect, NewMessage};
use crate::varint::ByteReader;

/// Reads a conversation, see [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    mut next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    let frame = next().ok_or(DecodeError::Truncated)?;
    let header = StoredHeader::read(frame.as_ref(), 1)?;
    drop(frame);
    let mut conversation = header.begin();
    let (mut seq, mut time) = (0i64, 0i64);
    let mut left = header.messages;
    while left > 0 {
        let frame = next().ok_or(DecodeError::Truncated)?;
        let mut reader = ByteReader::new(frame.as_ref());
        if reader.is_empty() {
            return Err(invalid("a frame is empty"));
        }
        while !reader.is_empty() {
            left = left
                .checked_sub(1)
                .ok_or_else(|| invalid("there are more messages than the header announces"))?;
            let new = next_message(&mut reader, seq, time)?;
            header.check_numbered(new.seq)?;
            (seq, time) = (new.seq, new.time);
            let effect = Effect {
                push: vec![new],
                ..Effect::default()
            };
            take(&mut conversation, effect)?;
        }
    }
    header.finish(conversation)
}

fn next_message<'a>(
    reader: &mut ByteReader<'a>,
    seq: i64,
    time: i64,
) -> Result<NewMessage<'a>, DecodeError> {
    let state = reader.byte().ok_or(DecodeError::Truncated)?;
    let seq = seq.wrapping_add(reader.signed().ok_or(DecodeError::Truncated)?);
    let time = time.wrapping_add(reader.signed().ok_or(DecodeError::Truncated)?);
    let tokens = reader.unsigned().ok_or(DecodeError::Truncated)?;
    let count = count_of(seq, state, tokens)?;
    let len = reader.unsigned().and_then(|len| usize::try_from(len).ok());
    let bytes = len
        .and_then(|len| reader.bytes(len))
        .ok_or(DecodeError::Truncated)?;
    read_message(seq, time, count, bytes)
}
