//! The parts of a packed conversation, each with what writes it and what reads it.

use std::sync::{Mutex, PoisonError};

use super::super::Summary;
use super::super::attributes::Attributes;
use super::super::counts::SummaryTokens;
use super::super::effect::Effect;
use super::super::ids::Ids;
use super::super::pins::Pins;
use super::super::segment::{Segment, StoredText};
use super::super::session::{Name, NewField, NewHistory, Session};
use crate::varint::{ByteReader, put_signed, put_unsigned};

/// Different attributes that are kept in a table, because most conversations have the same.
static ATTRIBUTES: Mutex<Vec<Attributes>> = Mutex::new(Vec::new());

/// Most entries of the table. Attributes beyond it are written out.
const MOST_ATTRIBUTES: usize = 64;

/// What every compressed text begins with. It is left out.
const ZSTD_MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Stands for attributes that are written out.
const WRITTEN_OUT: u64 = MOST_ATTRIBUTES as u64;

pub fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_unsigned(out, text.len() as u64);
    out.extend_from_slice(text);
}

pub fn text<'a>(reader: &mut ByteReader<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(reader.unsigned()?).ok()?;
    reader.bytes(len)
}

pub fn string<'a>(reader: &mut ByteReader<'a>) -> Option<&'a str> {
    std::str::from_utf8(text(reader)?).ok()
}

pub fn put_attributes(out: &mut Vec<u8>, attributes: &Attributes) -> Option<()> {
    let mut known = ATTRIBUTES.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.iter().position(|known| known == attributes);
    let index = found.or_else(|| {
        (known.len() < MOST_ATTRIBUTES).then(|| {
            known.push(*attributes);
            known.len() - 1
        })
    });
    match index {
        Some(index) => put_unsigned(out, index as u64),
        None => {
            put_unsigned(out, WRITTEN_OUT);
            put_text(out, &rmp_serde::to_vec(attributes).ok()?);
        }
    }
    Some(())
}

pub fn attributes(reader: &mut ByteReader<'_>) -> Option<Attributes> {
    let index = reader.unsigned()?;
    if index == WRITTEN_OUT {
        return rmp_serde::from_slice(text(reader)?).ok();
    }
    let known = ATTRIBUTES.lock().unwrap_or_else(PoisonError::into_inner);
    known.get(usize::try_from(index).ok()?).copied()
}

pub fn put_pins(out: &mut Vec<u8>, pins: &Pins) {
    put_unsigned(out, pins.seqs().len() as u64);
    for &pin in pins.seqs() {
        put_signed(out, pin);
    }
}

pub fn pins(reader: &mut ByteReader<'_>) -> Option<Pins> {
    let seqs: Option<Vec<i64>> = (0..reader.unsigned()?).map(|_| reader.signed()).collect();
    let mut pins = Pins::default();
    pins.insert(seqs?.into_iter());
    Some(pins)
}

pub fn put_ids(out: &mut Vec<u8>, ids: &Ids) {
    put_unsigned(out, ids.len() as u64);
    let mut before = 0;
    for (hash, seq) in ids.iter() {
        out.extend_from_slice(&hash.to_le_bytes());
        put_signed(out, seq.wrapping_sub(before));
        before = seq;
    }
}

pub fn ids(reader: &mut ByteReader<'_>) -> Option<Ids> {
    let mut seq = 0i64;
    let mut held = Vec::new();
    for _ in 0..reader.unsigned()? {
        let hash = reader.bytes(size_of::<u32>())?.try_into().ok()?;
        seq = seq.wrapping_add(reader.signed()?);
        held.push((u32::from_le_bytes(hash), seq));
    }
    Some(Ids::of(held))
}

pub fn put_summary(out: &mut Vec<u8>, summary: &Summary, created: i64) {
    let Summary {
        text,
        upto,
        updated,
        tokens,
    } = summary;
    put_text(out, text.as_bytes());
    put_signed(out, updated.wrapping_sub(created));
    put_unsigned(out, u64::from(upto.is_some()));
    put_signed(out, upto.unwrap_or_default());
    put_unsigned(
        out,
        tokens.known().map_or(0, |tokens| u64::from(tokens) + 1),
    );
}

pub fn summary(reader: &mut ByteReader<'_>, created: i64) -> Option<Summary> {
    let text = string(reader)?.to_owned();
    let updated = created.wrapping_add(reader.signed()?);
    let has_upto = reader.unsigned()? != 0;
    let upto = Some(reader.signed()?).filter(|_| has_upto);
    let tokens = reader.unsigned()?.checked_sub(1);
    Some(Summary {
        text,
        upto,
        updated,
        tokens: match tokens.and_then(|tokens| u32::try_from(tokens).ok()) {
            Some(tokens) => SummaryTokens::Counted(tokens),
            None => SummaryTokens::Pending,
        },
    })
}

pub fn put_session(out: &mut Vec<u8>, session: &Session) {
    put_unsigned(out, session.len() as u64);
    for (key, value) in session.members() {
        put_text(out, key.as_bytes());
        put_text(out, value.as_bytes());
    }
    let Some(history) = session.history() else {
        // No key is empty: it includes the quotes.
        put_text(out, b"");
        return;
    };
    put_text(out, history.name.key().as_bytes());
    put_unsigned(out, history.position as u64);
    put_text(out, history.before().as_bytes());
    put_text(out, history.after().as_bytes());
}

pub fn session(reader: &mut ByteReader<'_>) -> Option<Session> {
    let mut effect = Effect::default();
    for _ in 0..reader.unsigned()? {
        let name = Name::of_key(string(reader)?).ok()?;
        let value = string(reader)?;
        effect.set_state.push(NewField {
            name,
            value,
            own: None,
        });
    }
    let key = string(reader)?;
    if !key.is_empty() {
        let name = Name::of_key(key).ok()?;
        let position = usize::try_from(reader.unsigned()?).ok()?;
        let (before, after) = (string(reader)?, string(reader)?);
        effect.history = Some(match before {
            "" => NewHistory::top_level(name, position),
            before => NewHistory::nested(name, position, before, after).ok()?,
        });
    }
    let mut session = Session::default();
    session.apply(&mut effect);
    Some(session)
}

/// Nothing if the text is compressed in a form that does not begin with [`ZSTD_MAGIC`], which only came from outside.
pub fn put_segment(out: &mut Vec<u8>, segment: &Segment, created: i64) -> Option<()> {
    put_signed(out, segment.base_seq);
    put_signed(out, segment.base_time.wrapping_sub(created));
    let index = segment.compressed_index();
    put_text(out, &index);
    match segment.stored_text() {
        StoredText::Uncompressed(bytes) => {
            put_unsigned(out, 0);
            put_text(out, bytes);
        }
        StoredText::Compressed { text, len } => {
            // An uncompressed text has no length of its own here, and no message is empty.
            put_unsigned(out, len as u64);
            put_text(out, text.strip_prefix(&ZSTD_MAGIC)?);
        }
    }
    Some(())
}

pub fn take_segment(reader: &mut ByteReader<'_>, created: i64) -> Option<Segment> {
    let base_seq = reader.signed()?;
    let base_time = created.wrapping_add(reader.signed()?);
    let index = text(reader)?;
    let len = usize::try_from(reader.unsigned()?).ok()?;
    let text = text(reader)?;
    let compressed;
    let text = if len == 0 {
        StoredText::Uncompressed(text)
    } else {
        compressed = [&ZSTD_MAGIC, text].concat();
        let text = &compressed;
        StoredText::Compressed { text, len }
    };
    Some(Segment::stored_as(base_seq, base_time, index, &text))
}
