//! A short conversation in one piece of memory: its segments compressed when it is at rest, uncompressed between two turns.
//!
//! Only the process that has made it reads it, so it has no version, and its content is not validated again. What can be
//! derived cheaply is left out: the sums, and what is known of the beginning. Unpacking takes one or two µs and does not
//! decompress the messages.

mod parts;

use std::sync::Arc;

use super::cutting::CutSlot;
use super::effect::Numbering;
use super::estimates::Estimates;
use super::examining::LazyResults;
use super::ids::Ids;
use super::log::Log;
use super::pins::Pins;
use super::segment::{Relocate, Segment};
use super::temperature::CoarseTime;
use super::tickets::Tickets;
use super::turns::Tracker;
use super::{Conversation, Footprint};
use crate::varint::{ByteReader, put_signed, put_unsigned};

/// Larger conversations at rest keep their segments: their fixed part does not matter, and copies share them.
const MOST_BYTES_AT_REST: usize = 16 << 10;

/// As [`MOST_BYTES_AT_REST`], in use: copying so much takes about 1 µs.
const MOST_BYTES_IN_USE: usize = 32 << 10;

/// Estimated bytes of an open call. Adding up the real sizes takes time that grows with their number.
const BYTES_OF_CALL: usize = 100;

/// Optional parts of a packed conversation, one bit each. The common ones have the low bits, so that one byte is enough for
/// most conversations.
mod has {
    /// It is in use: the time of its last use, and the bytes of compressed segments.
    pub const LAST_USE: u64 = 1;
    pub const IDS: u64 = 1 << 1;
    pub const TRACKER: u64 = 1 << 2;
    pub const SUMMARY: u64 = 1 << 3;
    pub const SESSION: u64 = 1 << 4;
    pub const PINS: u64 = 1 << 5;
    /// The lowest number that was given is not 1.
    pub const LOWEST: u64 = 1 << 6;
    pub const PENDING: u64 = 1 << 7;
    pub const UNREAD: u64 = 1 << 8;
    pub const LEASE: u64 = 1 << 9;
    /// Nothing follows.
    pub const DUE: u64 = 1 << 10;
}

/// What a packed conversation begins with.
struct Head {
    has: u64,
    last_use: CoarseTime,
    compressed: u64,
    pending: u64,
    unread: u64,
    messages: u64,
    raw: u64,
}

impl Head {
    fn read(reader: &mut ByteReader<'_>) -> Option<Self> {
        let has = reader.unsigned()?;
        let mut optional = |bit| match has & bit {
            0 => Some(0),
            _ => reader.unsigned(),
        };
        let last_use = CoarseTime::from_number(u32::try_from(optional(has::LAST_USE)?).ok()?);
        let compressed = optional(has::LAST_USE)?;
        let pending = optional(has::PENDING)?;
        let unread = optional(has::UNREAD)?;
        Some(Self {
            has,
            last_use,
            compressed,
            pending,
            unread,
            messages: reader.unsigned()?,
            raw: reader.unsigned()?,
        })
    }

    fn has(&self, bit: u64) -> bool {
        self.has & bit != 0
    }
}

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

/// Bytes of everything but the messages. It counts towards the limits, because opening a packed conversation reads all of it.
fn extra_bytes(conversation: &Conversation) -> usize {
    conversation.summary.as_ref().map_or(0, |s| s.text.len())
        + conversation.session.as_ref().map_or(0, |s| s.bytes())
        + conversation.tracker.open_calls() * BYTES_OF_CALL
        + conversation.ids.heap_bytes()
        + conversation.pins.heap_bytes()
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
        Self::pack(conversation, None)
    }

    /// Packs `conversation`, which is in use, as it is. Nothing if it is too large or background work is not done.
    #[must_use]
    pub fn in_use(conversation: &Conversation) -> Option<Self> {
        if !may_be_packed(conversation) {
            return None;
        }
        Self::pack(conversation, Some(conversation.last_use))
    }

    /// Packs `conversation`, whatever its size: in use, last used at `used`, or at rest. Nothing if background work is not done.
    pub(super) fn pack(conversation: &Conversation, used: Option<CoarseTime>) -> Option<Self> {
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
        let Numbering {
            created,
            next,
            lowest,
        } = *numbering;
        let has = [
            (has::LAST_USE, used.is_some()),
            (has::IDS, !ids.is_empty()),
            (has::TRACKER, !tracker.is_clean()),
            (has::SUMMARY, summary.is_some()),
            (has::SESSION, session.is_some()),
            (has::PINS, !pins.seqs().is_empty()),
            (has::LOWEST, lowest != 1),
            (has::PENDING, pending > 0),
            (has::UNREAD, unread > 0),
            (has::LEASE, *lease != 0),
            (has::DUE, *due),
        ];
        let has = has.iter().filter(|(_, has)| *has);
        let mut out = Vec::with_capacity(log.heap_bytes() + extra_bytes(conversation) + 128);
        put_unsigned(&mut out, has.fold(0, |bits, (bit, _)| bits | bit));
        if let Some(used) = used {
            put_unsigned(&mut out, used.to_number().into());
            put_unsigned(&mut out, compressed);
        }
        for number in [pending, unread].into_iter().filter(|number| *number > 0) {
            put_unsigned(&mut out, number);
        }
        put_unsigned(&mut out, messages);
        put_unsigned(&mut out, raw);
        parts::put_attributes(&mut out, attributes)?;
        for number in [created, updated.wrapping_sub(created), next] {
            put_signed(&mut out, number);
        }
        if lowest != 1 {
            put_signed(&mut out, lowest);
        }
        if *lease != 0 {
            put_signed(&mut out, *lease);
        }
        if !ids.is_empty() {
            parts::put_ids(&mut out, ids);
        }
        if let Some(summary) = summary {
            parts::put_summary(&mut out, summary, created);
        }
        if let Some(session) = session {
            parts::put_session(&mut out, session);
        }
        if !pins.seqs().is_empty() {
            parts::put_pins(&mut out, pins);
        }
        if !tracker.is_clean() {
            parts::put_text(&mut out, &rmp_serde::to_vec(tracker).ok()?);
        }
        put_unsigned(&mut out, log.segments().len() as u64);
        for segment in log.segments() {
            parts::put_segment(&mut out, segment, created)?;
        }
        Some(Self(out.into_boxed_slice()))
    }

    fn head(&self) -> Option<Head> {
        Head::read(&mut ByteReader::new(&self.0))
    }

    /// When it was used last; the default if it is at rest.
    #[must_use]
    pub fn last_use(&self) -> CoarseTime {
        self.head()
            .map_or(CoarseTime::default(), |head| head.last_use)
    }

    /// True if it was packed by [`Packed::at_rest`].
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.head().is_none_or(|head| !head.has(has::LAST_USE))
    }

    /// The conversation. Nothing if what was packed is broken, which is an error of this module.
    #[must_use]
    pub fn unpack(&self) -> Option<Conversation> {
        let mut reader = ByteReader::new(&self.0);
        let reader = &mut reader;
        let head = Head::read(reader)?;
        let attributes = parts::attributes(reader)?;
        let created = reader.signed()?;
        let updated = created.wrapping_add(reader.signed()?);
        let numbering = Numbering {
            created,
            next: reader.signed()?,
            lowest: if head.has(has::LOWEST) {
                reader.signed()?
            } else {
                1
            },
        };
        let lease = if head.has(has::LEASE) {
            reader.signed()?
        } else {
            0
        };
        let ids = if head.has(has::IDS) {
            parts::ids(reader)?
        } else {
            Ids::default()
        };
        let summary = if head.has(has::SUMMARY) {
            Some(Box::new(parts::summary(reader, created)?))
        } else {
            None
        };
        let session = if head.has(has::SESSION) {
            Some(Arc::new(parts::session(reader)?))
        } else {
            None
        };
        let pins = if head.has(has::PINS) {
            parts::pins(reader)?
        } else {
            Pins::default()
        };
        let tracker = if head.has(has::TRACKER) {
            rmp_serde::from_slice(parts::text(reader)?).ok()?
        } else {
            Tracker::default()
        };
        let mut log = Log::default();
        for _ in 0..reader.unsigned()? {
            let segment = parts::take_segment(reader, created)?;
            if !head.has(has::LAST_USE) {
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
            due: head.has(has::DUE),
            last_use: head.last_use,
            is_cold: false,
        })
    }

    /// See [`Footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let stored = self.heap_bytes() as u64;
        let Some(head) = self.head() else {
            return Footprint::default();
        };
        let is_in_use = head.has(has::LAST_USE);
        Footprint {
            messages: head.messages,
            raw: head.raw,
            stored,
            compressed: if is_in_use { head.compressed } else { stored },
            pending: head.pending,
            unread: head.unread,
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
