//! A short conversation in one piece of memory: its segments compressed when it is at rest, uncompressed between two turns.
//!
//! Only the process that has made it reads it, so it has no version, and its content is not validated again. What can be
//! derived cheaply is left out: the sums, and what is known of the beginning. Unpacking takes one or two µs and does not
//! decompress the messages.

use std::sync::{Arc, Mutex, PoisonError};

use super::attributes::Attributes;
use super::counts::SummaryTokens;
use super::cutting::CutSlot;
use super::effect::{Effect, Numbering};
use super::estimates::Estimates;
use super::examining::LazyResults;
use super::ids::Ids;
use super::log::Log;
use super::pins::Pins;
use super::segment::{Relocate, Segment, StoredText};
use super::session::{Name, NewField, NewHistory, Session};
use super::temperature::CoarseTime;
use super::tickets::Tickets;
use super::turns::Tracker;
use super::{Conversation, Footprint, Summary};
use crate::varint::{ByteReader, put_signed, put_unsigned};

/// Larger conversations at rest keep their segments: their fixed part does not matter, and copies share them.
const MOST_BYTES_AT_REST: usize = 16 << 10;

/// As [`MOST_BYTES_AT_REST`], in use: copying so much takes about 1 µs.
const MOST_BYTES_IN_USE: usize = 32 << 10;

/// Different attributes that are kept in a table, because most conversations have the same.
static ATTRIBUTES: Mutex<Vec<Attributes>> = Mutex::new(Vec::new());

/// Most entries of the table. Attributes beyond it are written out.
const MOST_ATTRIBUTES: usize = 64;

/// Stands for attributes that are written out.
const WRITTEN_OUT: u64 = MOST_ATTRIBUTES as u64;

/// When a packed conversation was used last, at its start.
type LastUse = [u8; 4];

/// A packed conversation.
#[derive(Debug, Clone)]
pub struct Packed(Box<[u8]>);

/// True if `conversation` is small enough to be packed between two turns, and shares no segment with a copy.
#[must_use]
pub fn may_be_packed(conversation: &Conversation) -> bool {
    let log = &conversation.log;
    log.heap_bytes().saturating_add(extra_bytes(conversation)) <= MOST_BYTES_IN_USE
        && !log.segments().any(Segment::is_shared)
}

/// Bytes of the summary and the session fields.
fn extra_bytes(conversation: &Conversation) -> usize {
    conversation.summary.as_ref().map_or(0, |s| s.text.len())
        + conversation.session.as_ref().map_or(0, |s| s.bytes())
}

impl Packed {
    /// Packs `conversation`, which is at rest: its segments are compressed as far as that pays. Nothing if it is too large
    /// or background work is not done.
    #[must_use]
    pub fn at_rest(conversation: &Conversation) -> Option<Self> {
        let bytes = conversation.log.heap_bytes();
        if bytes.saturating_add(extra_bytes(conversation)) > MOST_BYTES_AT_REST {
            return None;
        }
        Self::pack(conversation, CoarseTime::default())
    }

    /// Packs `conversation`, which is in use, as it is. Nothing if it is too large or background work is not done.
    #[must_use]
    pub fn in_use(conversation: &Conversation) -> Option<Self> {
        if !may_be_packed(conversation) {
            return None;
        }
        Self::pack(conversation, conversation.last_use)
    }

    /// Packs `conversation`, last used at `used`, whatever its size. Nothing if background work is not done.
    pub(super) fn pack(conversation: &Conversation, used: CoarseTime) -> Option<Self> {
        // Exhaustive, so that a new field is not forgotten.
        let Conversation {
            log,
            tracker,
            ids,
            attributes,
            summary,
            session,
            pins,
            // What is kept of earlier commands can be made again.
            results: _,
            cut: _,
            lease,
            numbering,
            updated,
            tickets: _,
            // None: a conversation with estimates expects results.
            estimates: _,
            collection_requested_at: _,
            due,
            last_use: _,
            is_cold: _,
        } = conversation;
        if conversation.expects_results() {
            return None;
        }
        let Footprint {
            messages,
            raw,
            stored: _,
            compressed,
            pending,
            unread,
        } = conversation.footprint();
        let mut out = Vec::with_capacity(log.heap_bytes() + extra_bytes(conversation) + 128);
        out.extend_from_slice(&used.to_bytes());
        for number in [messages, raw, compressed, pending, unread] {
            put_unsigned(&mut out, number);
        }
        put_attributes(&mut out, attributes)?;
        let Numbering {
            created,
            next,
            lowest,
        } = *numbering;
        for number in [created, updated.wrapping_sub(created), next, lowest, *lease] {
            put_signed(&mut out, number);
        }
        put_unsigned(&mut out, u64::from(*due));
        put_ids(&mut out, ids);
        put_unsigned(&mut out, u64::from(summary.is_some()));
        if let Some(summary) = summary {
            put_summary(&mut out, summary, created);
        }
        put_unsigned(&mut out, u64::from(session.is_some()));
        if let Some(session) = session {
            put_session(&mut out, session);
        }
        put_unsigned(&mut out, pins.seqs().len() as u64);
        for &pin in pins.seqs() {
            put_signed(&mut out, pin);
        }
        put_tracker(&mut out, tracker)?;
        put_unsigned(&mut out, log.segments().len() as u64);
        for segment in log.segments() {
            put_segment(&mut out, segment, created);
        }
        Some(Self(out.into_boxed_slice()))
    }

    /// When it was used last; the default if it is at rest.
    #[must_use]
    pub fn last_use(&self) -> CoarseTime {
        let bytes = self.0.first_chunk().copied().unwrap_or_default();
        CoarseTime::from_bytes(bytes)
    }

    /// True if it was packed by [`Packed::at_rest`].
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.last_use() == CoarseTime::default()
    }

    /// The numbers and texts after the head.
    fn reader(&self) -> ByteReader<'_> {
        ByteReader::new(self.0.get(size_of::<LastUse>()..).unwrap_or_default())
    }

    /// The conversation. Nothing if what was packed is broken, which is an error of this module.
    #[must_use]
    pub fn unpack(&self) -> Option<Conversation> {
        let mut reader = self.reader();
        let reader = &mut reader;
        for _ in 0..5 {
            reader.unsigned()?;
        }
        let attributes = attributes(reader)?;
        let created = reader.signed()?;
        let updated = created.wrapping_add(reader.signed()?);
        let numbering = Numbering {
            created,
            next: reader.signed()?,
            lowest: reader.signed()?,
        };
        let lease = reader.signed()?;
        let due = reader.unsigned()? != 0;
        let ids = ids(reader)?;
        let summary = match reader.unsigned()? {
            0 => None,
            _ => Some(Box::new(summary(reader, created)?)),
        };
        let session = match reader.unsigned()? {
            0 => None,
            _ => Some(Arc::new(session(reader)?)),
        };
        let mut pins = Pins::default();
        let pinned: Option<Vec<i64>> = (0..reader.unsigned()?).map(|_| reader.signed()).collect();
        pins.insert(pinned?.into_iter());
        let tracker = tracker(reader)?;
        let mut log = Log::default();
        for _ in 0..reader.unsigned()? {
            let segment = take_segment(reader, created)?;
            if self.is_at_rest() {
                segment.leave_uncompressed();
            }
            log.push_segment(segment);
        }
        log.update_beginning();
        Some(Conversation {
            log,
            tracker,
            ids,
            attributes,
            summary,
            session,
            pins,
            results: LazyResults::default(),
            cut: CutSlot::default(),
            lease,
            numbering,
            updated,
            tickets: Tickets::default(),
            estimates: Estimates::default(),
            collection_requested_at: CoarseTime::default(),
            due,
            last_use: self.last_use(),
            is_cold: false,
        })
    }

    /// See [`Footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let mut reader = self.reader();
        let mut number = || reader.unsigned().unwrap_or_default();
        let (messages, raw, compressed, pending, unread) =
            (number(), number(), number(), number(), number());
        let stored = self.heap_bytes() as u64;
        Footprint {
            messages,
            raw,
            stored,
            compressed: if self.is_at_rest() {
                stored
            } else {
                compressed
            },
            pending,
            unread,
        }
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.len()
    }

    /// Relocates its memory.
    pub fn relocate(&mut self, relocate: &mut impl Relocate) {
        let bytes = std::mem::take(&mut self.0).into_vec();
        self.0 = relocate.relocate(bytes).into_boxed_slice();
    }
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_unsigned(out, text.len() as u64);
    out.extend_from_slice(text);
}

fn text<'a>(reader: &mut ByteReader<'a>) -> Option<&'a [u8]> {
    let len = usize::try_from(reader.unsigned()?).ok()?;
    reader.bytes(len)
}

fn string<'a>(reader: &mut ByteReader<'a>) -> Option<&'a str> {
    std::str::from_utf8(text(reader)?).ok()
}

fn put_attributes(out: &mut Vec<u8>, attributes: &Attributes) -> Option<()> {
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

fn attributes(reader: &mut ByteReader<'_>) -> Option<Attributes> {
    let index = reader.unsigned()?;
    if index == WRITTEN_OUT {
        return rmp_serde::from_slice(text(reader)?).ok();
    }
    let known = ATTRIBUTES.lock().unwrap_or_else(PoisonError::into_inner);
    known.get(usize::try_from(index).ok()?).copied()
}

/// A byte where nothing is open, as in most conversations that are packed.
fn put_tracker(out: &mut Vec<u8>, tracker: &Tracker) -> Option<()> {
    if tracker.is_clean() {
        put_text(out, b"");
    } else {
        put_text(out, &rmp_serde::to_vec(tracker).ok()?);
    }
    Some(())
}

fn tracker(reader: &mut ByteReader<'_>) -> Option<Tracker> {
    match text(reader)? {
        b"" => Some(Tracker::default()),
        tracker => rmp_serde::from_slice(tracker).ok(),
    }
}

fn put_ids(out: &mut Vec<u8>, ids: &Ids) {
    put_unsigned(out, ids.len() as u64);
    let mut before = 0;
    for (hash, seq) in ids.iter() {
        out.extend_from_slice(&hash.to_le_bytes());
        put_signed(out, seq.wrapping_sub(before));
        before = seq;
    }
}

fn ids(reader: &mut ByteReader<'_>) -> Option<Ids> {
    let mut seq = 0i64;
    let mut held = Vec::new();
    for _ in 0..reader.unsigned()? {
        let hash = reader.bytes(size_of::<u32>())?.try_into().ok()?;
        seq = seq.wrapping_add(reader.signed()?);
        held.push((u32::from_le_bytes(hash), seq));
    }
    Some(Ids::of(held))
}

fn put_summary(out: &mut Vec<u8>, summary: &Summary, created: i64) {
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

fn summary(reader: &mut ByteReader<'_>, created: i64) -> Option<Summary> {
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

fn put_session(out: &mut Vec<u8>, session: &Session) {
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

fn session(reader: &mut ByteReader<'_>) -> Option<Session> {
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

fn put_segment(out: &mut Vec<u8>, segment: &Segment, created: i64) {
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
            put_text(out, text);
        }
    }
}

fn take_segment(reader: &mut ByteReader<'_>, created: i64) -> Option<Segment> {
    let base_seq = reader.signed()?;
    let base_time = created.wrapping_add(reader.signed()?);
    let index = text(reader)?;
    let len = usize::try_from(reader.unsigned()?).ok()?;
    let text = text(reader)?;
    let text = match len {
        0 => StoredText::Uncompressed(text),
        len => StoredText::Compressed { text, len },
    };
    Some(Segment::stored_as(base_seq, base_time, index, &text))
}
