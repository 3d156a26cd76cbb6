//! Messages from version 5 on: segments as they are in memory, with their index. While Redis loads a file, they are not
//! read again.
//!
//! Each segment is stored as two frames, until the header's number of messages is reached:
//!
//! 1. The checksum of what follows in this frame and of the text (CRC-32, four bytes, the least significant first). Then
//!    the form of the text (one byte: 0 plain, 1 zstd), the sequence number and the arrival time from which the index
//!    counts (signed), and the [index](crate::conversation::index).
//! 2. The text: the messages, each followed by a comma.
//!
//! If messages have ids, a last frame follows: its checksum, then for each id its hash (four bytes) and the sequence
//! number (a signed difference).
//!
//! A payload of `RESTORE` is not trusted: its messages are read as those of `CONV.APPEND` are, and its index must equal the
//! result.

use std::borrow::Cow;

use super::header::{StoredHeader, read_message, take};
use super::{DecodeError, Source, Texts, count_of_entry, invalid};
use crate::conversation::effect::{Effect, NewMessage};
use crate::conversation::flags::Flags;
use crate::conversation::index::{self, Entry};
use crate::conversation::segment::{Segment, StoredText};
use crate::conversation::{Conversation, compress};
use crate::varint::{ByteReader, put_signed};

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// Bytes of a checksum.
const CHECKSUM: usize = size_of::<u32>();

/// Writes the segments of `conversation`, and its ids.
pub fn encode(conversation: &Conversation, texts: Texts, sink: &mut impl FnMut(&[u8])) {
    let mut frame = Vec::new();
    for segment in conversation.log().segments() {
        frame.clear();
        frame.extend_from_slice(&[0; CHECKSUM]);
        let (form, text) = match segment.stored_text() {
            StoredText::Uncompressed(text) => match texts.compress(text) {
                Some(text) => (ZSTD, Cow::Owned(text)),
                None => (PLAIN, Cow::Borrowed(text)),
            },
            StoredText::Compressed { text, .. } => (ZSTD, Cow::Borrowed(text)),
        };
        frame.push(form);
        put_signed(&mut frame, segment.base_seq);
        put_signed(&mut frame, segment.base_time);
        frame.extend_from_slice(&conversation.stored_index(segment));
        seal(&mut frame, &text);
        sink(&frame);
        sink(&text);
    }
    if conversation.has_ids() {
        frame.clear();
        frame.extend_from_slice(&[0; CHECKSUM]);
        let mut before = 0;
        for (hash, seq) in conversation.id_hashes() {
            frame.extend_from_slice(&hash.to_le_bytes());
            put_signed(&mut frame, seq.wrapping_sub(before));
            before = seq;
        }
        seal(&mut frame, b"");
        sink(&frame);
    }
}

/// Writes the checksum of the frame and of `text` at the beginning of the frame.
fn seal(frame: &mut [u8], text: &[u8]) {
    if let Some((checksum, rest)) = frame.split_first_chunk_mut::<CHECKSUM>() {
        *checksum = checksum_of(rest, text).to_le_bytes();
    }
}

fn checksum_of(frame: &[u8], text: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(frame);
    hasher.update(text);
    hasher.finalize()
}

/// What a frame contains besides its checksum, which must be that of the frame and `text`.
fn unsealed<'a>(frame: &'a [u8], text: &[u8]) -> Result<&'a [u8], DecodeError> {
    let (checksum, rest) = frame
        .split_first_chunk::<CHECKSUM>()
        .ok_or(DecodeError::Truncated)?;
    if checksum_of(rest, text) != u32::from_le_bytes(*checksum) {
        return Err(invalid("a checksum does not match"));
    }
    Ok(rest)
}

/// Reads as many messages as `header` announces and appends them to `conversation`.
pub fn decode<F: AsRef<[u8]>>(
    header: &StoredHeader,
    conversation: &mut Conversation,
    source: Source,
    mut next: impl FnMut() -> Option<F>,
) -> Result<(), DecodeError> {
    let is_known_key = header.id_key().is_none_or(|key| match source {
        Source::File => key.adopt(),
        Source::Client => false,
    });
    let is_trusted = source == Source::File && header.is_same_reading() && is_known_key;
    let mut flags = Vec::new();
    let mut left = header.messages;
    while left > 0 {
        let frame = next().ok_or(DecodeError::Truncated)?;
        let text = next().ok_or(DecodeError::Truncated)?;
        let text = text.as_ref();
        let frame = unsealed(frame.as_ref(), text)?;
        let segment = StoredSegment::read(frame, text)?;
        let messages = if is_trusted {
            segment.load(header, conversation)?
        } else {
            let before = flags.len();
            segment.append(header, conversation, &mut flags)?;
            (flags.len() - before) as u64
        };
        left = left
            .checked_sub(messages)
            .ok_or_else(|| invalid("there are more messages than the header announces"))?;
    }
    let mut ids = Vec::new();
    if header.id_key().is_some() {
        let frame = next().ok_or(DecodeError::Truncated)?;
        ids = read_ids(unsealed(frame.as_ref(), b"")?)?;
    }
    if is_trusted {
        conversation.finish_loading(ids);
    } else if header.is_same_reading() {
        // An AOF may contain this payload, and is loaded as a trusted source.
        check_flags(conversation, &flags)?;
    }
    Ok(())
}

fn read_ids(frame: &[u8]) -> Result<Vec<(u32, i64)>, DecodeError> {
    let mut reader = ByteReader::new(frame);
    let mut ids = Vec::with_capacity(frame.len() / 5);
    let mut seq = 0i64;
    while !reader.is_empty() {
        let hash = reader
            .bytes(size_of::<u32>())
            .ok_or(DecodeError::Truncated)?;
        let hash = hash.try_into().map_or(0, u32::from_le_bytes);
        seq = seq.wrapping_add(reader.signed().ok_or(DecodeError::Truncated)?);
        ids.push((hash, seq));
    }
    Ok(ids)
}

/// Checks that the flags of all messages are those that were stored.
fn check_flags(conversation: &Conversation, flags: &[Flags]) -> Result<(), DecodeError> {
    let held = conversation.log().segments().flat_map(|segment| {
        let entries = segment.entries();
        let flags: Vec<Flags> = entries.iter().map(|entry| entry.flags).collect();
        flags
    });
    if held.eq(flags.iter().copied()) {
        return Ok(());
    }
    Err(invalid("an index differs from its messages"))
}

/// A segment as it was stored.
struct StoredSegment<'a> {
    base_seq: i64,
    base_time: i64,
    is_compressed: bool,
    index: &'a [u8],
    text: &'a [u8],
}

impl<'a> StoredSegment<'a> {
    fn read(frame: &'a [u8], text: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(frame);
        let is_compressed = match reader.byte() {
            Some(PLAIN) => false,
            Some(ZSTD) => true,
            Some(other) => return Err(invalid(format!("a text has the unknown form {other}"))),
            None => return Err(DecodeError::Truncated),
        };
        let truncated = || DecodeError::Truncated;
        Ok(Self {
            base_seq: reader.signed().ok_or_else(truncated)?,
            base_time: reader.signed().ok_or_else(truncated)?,
            is_compressed,
            index: reader.bytes(reader.left()).unwrap_or_default(),
            text,
        })
    }

    /// Adds the segment as it is. Returns the number of its messages.
    fn load(
        &self,
        header: &StoredHeader,
        conversation: &mut Conversation,
    ) -> Result<u64, DecodeError> {
        let entries = self.entries()?;
        let len = entries.last().map_or(0, |last| last.end as usize + 1);
        let text = if self.is_compressed {
            StoredText::Compressed {
                text: self.text,
                len,
            }
        } else {
            StoredText::Uncompressed(self.text)
        };
        let segment = Segment::loaded(self.base_seq, self.base_time, self.index, entries, &text)
            .map_err(invalid)?;
        let messages = segment.entries().len() as u64;
        for entry in segment.entries().iter() {
            header.check_numbered(segment.seq(entry))?;
        }
        conversation.push_stored(segment).map_err(invalid)?;
        Ok(messages)
    }

    fn entries(&self) -> Result<Vec<Entry>, DecodeError> {
        index::decode_stored(self.index).ok_or_else(|| invalid("an index is not readable"))
    }

    /// Appends the messages, which are read as those of a client are. Adds the stored flags to `flags`.
    fn append(
        &self,
        header: &StoredHeader,
        conversation: &mut Conversation,
        flags: &mut Vec<Flags>,
    ) -> Result<(), DecodeError> {
        let entries = self.entries()?;
        let len = entries.last().map_or(0, |last| last.end as usize + 1);
        let decompressed;
        let text = if self.is_compressed {
            decompressed = compress::decompress(self.text, len)
                .ok_or_else(|| invalid("a text cannot be decompressed"))?;
            decompressed.as_slice()
        } else {
            self.text
        };
        if entries.is_empty() || text.len() != len {
            return Err(invalid("a text and its index differ"));
        }
        let mut push = Vec::with_capacity(entries.len());
        let mut begin = 0;
        for entry in &entries {
            push.push(self.message(header, entry, text, begin)?);
            begin = entry.end as usize + 1;
            flags.push(entry.flags);
        }
        let effect = Effect {
            push,
            ..Effect::default()
        };
        if !self.is_compressed {
            return take(conversation, effect);
        }
        let mut effect = effect;
        conversation.check(&effect).map_err(invalid)?;
        conversation.apply_compressed(&mut effect, self.text);
        Ok(())
    }

    fn message<'t>(
        &self,
        header: &StoredHeader,
        entry: &Entry,
        text: &'t [u8],
        begin: usize,
    ) -> Result<NewMessage<'t>, DecodeError> {
        let numbered = || invalid("a sequence number is out of range");
        let seq = self
            .base_seq
            .checked_add(entry.seq.into())
            .ok_or_else(numbered)?;
        let time = self
            .base_time
            .checked_add(entry.time.into())
            .ok_or_else(numbered)?;
        header.check_numbered(seq)?;
        let end = entry.end as usize;
        let bytes = text.get(begin..end);
        match (bytes, text.get(end)) {
            (Some(bytes), Some(b',')) => read_message(seq, time, count_of_entry(entry), bytes),
            _ => Err(invalid(format!("there is no comma after message {seq}"))),
        }
    }
}

#[cfg(test)]
#[path = "indexed_tests.rs"]
mod tests;
