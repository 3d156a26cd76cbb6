//! The value: a conversation. Pure Rust that knows no Redis.
//!
//! [`Conversation::apply`] is the only way to change one, by an [`effect::Effect`] that was validated before; reading is
//! selecting a [`window`].

pub mod attributes;
pub mod body;
mod change;
mod claim;
pub mod clearing;
pub mod compress;
mod costs;
mod counts;
mod cut;
pub mod cutting;
mod dialect;
pub mod document;
pub mod effect;
mod estimates;
mod event;
mod examine;
mod examining;
pub mod facts;
pub mod find;
pub mod flags;
mod fork;
mod growth;
pub mod history;
pub mod ids;
pub mod index;
mod invariants;
pub mod json;
pub mod log;
mod log_change;
mod log_compress;
pub mod log_read;
mod log_remove;
pub mod log_snapshot;
pub mod message;
mod message_changes;
mod open_calls;
mod packed;
mod pinned_groups;
mod pins;
pub mod rendering;
mod results;
mod retention;
pub mod search;
pub mod segment;
pub mod session;
pub mod session_difference;
pub mod stored;
mod sums;
pub mod temperature;
mod tickets;
mod turns;
pub mod value;
pub mod window;

use std::sync::Arc;

use attributes::Attributes;
pub use compress::Unreadable;
pub use counts::{MissingCounts, SummaryTokens};
use cutting::CutSlot;
use effect::Numbering;
use estimates::Estimates;
use examining::LazyResults;
use ids::Ids;
use log::{Log, Stored};
pub use pins::MAX_PINS;
use pins::Pins;
pub use retention::{Limit, Removal};
pub use segment::Relocate;
use session::Session;
pub use sums::Sums;
use temperature::CoarseTime;
use tickets::Tickets;
use turns::Tracker;

/// The summary that stands for older messages.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its text; never empty.
    pub text: String,
    /// Sequence number of the last message that it stands for; nothing if it only precedes the messages.
    pub upto: Option<i64>,
    /// When it was stored, Unix ms.
    pub updated: i64,
    /// T of the system message that it becomes.
    pub tokens: SummaryTokens,
}

/// See the head of this file.
#[derive(Debug, Clone)]
pub struct Conversation {
    log: Log,
    tracker: Tracker,
    ids: Ids,
    attributes: Attributes,
    summary: Option<Box<Summary>>,
    /// Nothing if there is nothing in it.
    session: Option<Arc<Session>>,
    pins: Pins,
    results: LazyResults,
    cut: CutSlot,
    lease: i64,
    numbering: Numbering,
    updated: i64,
    /// Where the counts of messages that are being counted will be found.
    tickets: Tickets,
    /// Messages whose bytes were counted because the tokenizer file is missing.
    estimates: Estimates,
    /// When somebody was told that counts pile up, as they still do; see [`Conversation::piles_up`].
    collection_requested_at: CoarseTime,
    /// Somebody was told that a summary is due; see [`Conversation::summary_became_due`].
    due: bool,
    /// When a client used it.
    last_use: CoarseTime,
    /// It has not been used since it was compressed as a whole, see [`value`].
    is_cold: bool,
}

/// What a conversation takes, for sums over all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Messages held.
    pub messages: u64,
    /// Bytes of the messages and session fields as they came.
    pub raw: u64,
    /// Bytes that hold them, index included; session fields too. What several conversations share counts for each.
    pub stored: u64,
    /// Bytes of compressed segments among them.
    pub compressed: u64,
    /// Messages, and a summary, that are neither counted nor being counted.
    pub pending: u64,
    /// Messages of which some content counted as JSON text.
    pub unread: u64,
}

impl Conversation {
    /// An empty conversation, created at `now` (Unix ms).
    #[must_use]
    pub fn new(attributes: Attributes, now: i64) -> Self {
        Self {
            log: Log::default(),
            tracker: Tracker::default(),
            ids: Ids::default(),
            attributes,
            summary: None,
            session: None,
            pins: Pins::default(),
            results: LazyResults::default(),
            cut: CutSlot::default(),
            lease: 0,
            numbering: Numbering {
                created: now,
                next: 1,
                lowest: 1,
            },
            updated: now,
            tickets: Tickets::default(),
            estimates: Estimates::default(),
            collection_requested_at: CoarseTime::default(),
            due: false,
            last_use: CoarseTime::default(),
            is_cold: false,
        }
    }

    /// The message log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The attributes.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The summary.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_deref()
    }

    /// The session fields, and where the messages stand among them; nothing for a bare array without fields.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Its session, to be read on another thread.
    #[must_use]
    pub fn shared_session(&self) -> Option<Arc<Session>> {
        self.session.clone()
    }

    /// Sequence numbers of the pinned messages, in ascending order; at most [`MAX_PINS`], all of them held.
    #[must_use]
    pub fn pins(&self) -> &[i64] {
        self.pins.seqs()
    }

    /// True if message `seq` is pinned.
    #[must_use]
    pub fn is_pinned(&self, seq: i64) -> bool {
        self.pins.contains(seq)
    }

    /// What all sums contain for a message, or a summary, as long as it is pending: the least that it can count.
    #[must_use]
    pub fn least_tokens(&self) -> u32 {
        self.attributes.rules().least()
    }

    /// Tokens of the summary, or the least that they can be; nothing if there is no summary.
    #[must_use]
    pub fn summary_tokens(&self) -> Option<u32> {
        let summary = self.summary()?;
        Some(
            summary
                .tokens
                .known()
                .unwrap_or_else(|| self.least_tokens()),
        )
    }

    /// Until when the summary is leased to somebody, Unix ms; 0 if it is not.
    #[must_use]
    pub fn lease(&self) -> i64 {
        self.lease
    }

    /// Where numbering stands.
    #[must_use]
    pub fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Time of the last effective write, Unix ms.
    #[must_use]
    pub fn updated(&self) -> i64 {
        self.updated
    }

    /// True if the calls of the newest turn are unanswered.
    #[must_use]
    pub fn has_open_turn(&self) -> bool {
        self.tracker.has_open_turn()
    }

    /// True if a message with this id is held. `message` is the one that has the id: if it is held as it is, which
    /// happens where a client sends it again, the held one is not read.
    ///
    /// # Errors
    /// There is not enough memory to decompress the messages that may have this id.
    pub fn holds_id(&self, id: &str, message: &[u8]) -> Result<bool, Unreadable> {
        for seq in self.ids.candidates(id) {
            let Some(position) = self.log.find(seq) else {
                continue;
            };
            let has_id = |held: &[u8]| {
                held == message
                    || message::facts(held).is_ok_and(|facts| facts.id.as_deref() == Some(id))
            };
            if self.log.with_message(position, has_id)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Bytes on the heap, about: everything that the conversation can reach, shared or not.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.log.heap_bytes()
            + self.log.opened_bytes()
            + self.ids.heap_bytes()
            + self.tracker.heap_bytes()
            + self.tickets.heap_bytes()
            + self.estimates.heap_bytes()
            + self.pins.heap_bytes()
            + self.results.heap_bytes()
            + self.cut.heap_bytes()
            + self
                .summary
                .as_ref()
                .map_or(0, |s| size_of::<Summary>() + s.text.capacity())
            + self.session.as_ref().map_or(0, |s| s.heap_bytes())
    }

    /// Allocations to be freed with the conversation, about.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        1 + 2 * self.log.segments().len()
            + self.ids.free_effort()
            + 2 * self.tracker.open_calls()
            + self.session.as_ref().map_or(0, |s| s.free_effort())
    }

    /// See [`Footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let pending = self.log.total::<search::Pending>();
        let uncounted_summary = self
            .summary
            .as_ref()
            .is_some_and(|s| matches!(s.tokens, SummaryTokens::Pending));
        let uncounted_summary = u64::from(uncounted_summary);
        let (raw, stored) = self
            .session
            .as_ref()
            .map_or((0, 0), |s| (s.bytes() as u64, s.heap_bytes() as u64));
        Footprint {
            messages: self.log.len() as u64,
            raw: self.log.total::<search::Bytes>() + raw,
            stored: self.log.heap_bytes() as u64 + stored,
            compressed: self.log.compressed_bytes() as u64,
            pending: pending.saturating_sub(self.tickets.len() as u64) + uncounted_summary,
            unread: self.log.total::<search::Unread>(),
        }
    }

    /// Visits the messages, oldest first. Only one segment is decompressed at a time.
    ///
    /// # Errors
    /// There is not enough memory to decompress a segment; those before it were visited.
    pub fn visit(&self, mut visit: impl FnMut(Stored<'_>)) -> Result<(), Unreadable> {
        let mut position = 0;
        for segment in self.log.segments() {
            let after = position + segment.entries().len();
            self.log.read(position..after)?.visit(false, &mut visit);
            position = after;
        }
        Ok(())
    }

    /// How many messages, from the first on, are as long as those of `messages`. Decompresses nothing.
    #[must_use]
    pub fn as_long(&self, messages: &[&[u8]]) -> usize {
        let mut same = 0;
        for segment in self.log.segments() {
            let entries = segment.entries();
            for inner in 0..entries.len() {
                let other = messages.get(same).map(|other| other.len());
                if other != Some(index::len(&entries, inner)) {
                    return same;
                }
                same += 1;
            }
        }
        same
    }

    /// How many messages, from the first on, are those of `messages`, byte for byte. Decompresses one segment at a time.
    ///
    /// # Errors
    /// There is not enough memory to decompress a segment.
    pub fn common_prefix(&self, messages: &[&[u8]]) -> Result<usize, Unreadable> {
        // Of messages that differ, most have different lengths, and are not decompressed to be compared.
        let most = self.as_long(messages);
        let mut same = 0;
        for segment in self.log.segments() {
            let (begin, end) = (same, (same + segment.entries().len()).min(most));
            let mut others = messages.iter().skip(begin);
            let mut differs = false;
            self.log.read(begin..end)?.visit(false, |message| {
                differs |= others.next() != Some(&message.bytes);
                same += usize::from(!differs);
            });
            if differs || end == most {
                break;
            }
        }
        Ok(same)
    }

    /// Old segments to be compressed; [`Conversation::collect`] takes the results.
    pub fn to_compress(&mut self, hot_bytes: usize, most: usize) -> Vec<compress::CompressJob> {
        self.log.to_compress(hot_bytes, most)
    }
}
