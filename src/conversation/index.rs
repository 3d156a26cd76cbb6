//! The index of a segment: an entry of 16 bytes a message while the segment is in use, about 7 when it is compressed.
//!
//! Compressed, the entries are columns of variable length: of each message a code (which of the few different flags that
//! a segment has, and whether its number follows the one before), its length, its tokens, its arrival as a difference.

use smallvec::SmallVec;

use super::flags::Flags;
use super::sums::Sums;
use crate::varint::{ByteReader, put_signed, put_unsigned};

/// What is known of one message. 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Offset of the comma after the message.
    pub end: u32,
    /// T(message), or the least that it can be while it is pending.
    pub tokens: u32,
    /// Arrival, in ms after the segment's `base_time`.
    pub time: i32,
    /// Sequence number, counted from the segment's `base_seq`.
    pub seq: u16,
    /// The rest.
    pub flags: Flags,
}

/// Offset of the message at `index`.
#[must_use]
pub fn start(entries: &[Entry], index: usize) -> usize {
    match index.checked_sub(1).and_then(|i| entries.get(i)) {
        Some(before) => before.end as usize + 1,
        None => 0,
    }
}

/// Bytes of the message at `index`.
#[must_use]
pub fn len(entries: &[Entry], index: usize) -> usize {
    entries.get(index).map_or(0, |e| {
        (e.end as usize).saturating_sub(start(entries, index))
    })
}

/// The index of the entry whose number, counted from the segment's `base_seq`, is `seq`. Most often it is one of the newest,
/// which a command touches anyway: the others are not even read then.
#[must_use]
pub fn find(entries: &[Entry], seq: u16) -> Option<usize> {
    let last = entries.last()?.seq;
    let back = usize::from(last.checked_sub(seq)?);
    let guess = entries.len().checked_sub(back + 1);
    let is_there = |&guess: &usize| entries.get(guess).is_some_and(|e| e.seq == seq);
    match guess.filter(is_there) {
        Some(guess) => Some(guess),
        None => entries.binary_search_by_key(&seq, |e| e.seq).ok(),
    }
}

/// What the entry at `index` adds to the sums.
#[must_use]
pub fn weight(entries: &[Entry], index: usize) -> Sums {
    entries.get(index).map_or(Sums::default(), |entry| {
        Sums::of(entry, len(entries, index) as u64)
    })
}

/// The entries in their compressed form.
#[must_use]
pub fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut kinds: Vec<Flags> = Vec::new();
    let mut columns = Vec::with_capacity(entries.len() * 8);
    let (mut end, mut time, mut seq) = (0u64, 0i64, -1i64);
    for (index, entry) in entries.iter().enumerate() {
        let kind = kinds
            .iter()
            .position(|k| *k == entry.flags)
            .unwrap_or_else(|| {
                kinds.push(entry.flags);
                kinds.len() - 1
            });
        let jump = i64::from(entry.seq) - seq - 1;
        put_unsigned(&mut columns, kind as u64 * 2 + u64::from(jump != 0));
        if jump != 0 {
            put_unsigned(&mut columns, jump.unsigned_abs());
        }
        let from = if index == 0 { 0 } else { end + 1 };
        put_unsigned(&mut columns, u64::from(entry.end).saturating_sub(from));
        put_unsigned(&mut columns, u64::from(entry.tokens));
        put_signed(&mut columns, i64::from(entry.time) - time);
        (end, time, seq) = (
            u64::from(entry.end),
            i64::from(entry.time),
            i64::from(entry.seq),
        );
    }
    let mut compressed = Vec::with_capacity(columns.len() + 3 * kinds.len() + 2);
    put_unsigned(&mut compressed, kinds.len() as u64);
    for kind in kinds {
        put_unsigned(&mut compressed, u64::from(kind.bits()));
    }
    compressed.extend_from_slice(&columns);
    compressed.shrink_to_fit();
    compressed
}

/// The entries that [`encode`] compressed, in this process.
#[must_use]
pub fn decode(compressed: &[u8]) -> Vec<Entry> {
    decode_stored(compressed).unwrap_or_default()
}

/// The entries that [`encode`] compressed, maybe in another process: nothing if it did not.
#[must_use]
pub fn decode_stored(compressed: &[u8]) -> Option<Vec<Entry>> {
    let mut reader = ByteReader::new(compressed);
    let mut kinds = SmallVec::<[Flags; 16]>::new();
    for _ in 0..reader.unsigned()? {
        let bits = u16::try_from(reader.unsigned()?).ok()?;
        kinds.push(Flags::from_bits(bits));
    }
    // An entry takes at least four bytes.
    let mut entries = Vec::with_capacity(reader.left() / 4);
    let (mut begin, mut time, mut seq) = (0u64, 0i64, -1i64);
    while !reader.is_empty() {
        let code = reader.unsigned()?;
        let flags = *kinds.get(usize::try_from(code / 2).ok()?)?;
        let jump = if code % 2 == 1 { reader.unsigned()? } else { 0 };
        seq = seq.checked_add(1)?.checked_add_unsigned(jump)?;
        let end = begin.checked_add(reader.unsigned()?)?;
        let tokens = reader.unsigned()?;
        time = time.checked_add(reader.signed()?)?;
        entries.push(Entry {
            end: u32::try_from(end).ok()?,
            tokens: u32::try_from(tokens).ok()?,
            time: i32::try_from(time).ok()?,
            seq: u16::try_from(seq).ok()?,
            flags,
        });
        begin = end + 1;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_reverses_encoding(messages in prop::collection::vec((0u32..100_000, any::<u32>(), any::<i32>(), 1u16..5, any::<u16>()), 0..300)) {
            let (mut end, mut seq) = (0, 0);
            let entries: Vec<Entry> = messages
                .into_iter()
                .enumerate()
                .map(|(i, (len, tokens, time, step, bits))| {
                    end += len + u32::from(i > 0);
                    seq += if i == 0 { step - 1 } else { step };
                    Entry { end, tokens, time, seq, flags: Flags::from_bits(bits & 0x8407) }
                })
                .collect();
            prop_assert_eq!(decode(&encode(&entries)), entries);
        }
    }
}
