//! What is stored at a key: a conversation in use, or at rest.
//!
//! A conversation that nobody has used for `conv.idle-seconds` is compressed as a whole. A short one becomes one piece of
//! memory, see [`super::packed`]; a long one keeps its form, with all segments compressed. It is *cold* then. Both are found
//! by a scan of the keys, which has nothing to do as long as no conversation is in use ([`in_use`]).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::body::opened_bytes;
use super::compress::CompressJob;
use super::packed;
use super::segment::Relocate;
use super::temperature::CoarseTime;
use super::{Conversation, Footprint};

/// Bytes that are handed over for compression at a time: a background thread is busy with them for about 10 ms.
const COMPRESSED_AT_ONCE: usize = 1 << 20;

/// Number of conversations that are neither at rest nor cold.
static IN_USE: AtomicU64 = AtomicU64::new(0);

/// Number of conversations that are in use: the idle scan has something to look for.
#[must_use]
pub fn in_use() -> u64 {
    IN_USE.load(Relaxed)
}

/// A conversation that is counted in [`IN_USE`] unless it is cold.
#[derive(Debug)]
struct Active(Box<Conversation>);

impl Active {
    fn new(conversation: Conversation) -> Self {
        if !conversation.is_cold {
            IN_USE.fetch_add(1, Relaxed);
        }
        Self(Box::new(conversation))
    }

    fn set_cold(&mut self, cold: bool) {
        match (std::mem::replace(&mut self.0.is_cold, cold), cold) {
            (false, true) => IN_USE.fetch_sub(1, Relaxed),
            (true, false) => IN_USE.fetch_add(1, Relaxed),
            _ => 0,
        };
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        if !self.0.is_cold {
            IN_USE.fetch_sub(1, Relaxed);
        }
    }
}

#[derive(Debug)]
enum State {
    Active(Active),
    AtRest(Box<[u8]>),
}

/// What is stored at a key.
#[derive(Debug)]
pub struct Value(State);

/// How far a conversation is on its way to rest.
pub enum Rest {
    /// It is at rest, or cold.
    Done,
    /// Not now: it was used, or background work for it is not done.
    Later,
    /// These segments are to be compressed first.
    Compress(Vec<CompressJob>),
}

impl Value {
    /// A conversation in use.
    #[must_use]
    pub fn new(conversation: Conversation) -> Self {
        Self(State::Active(Active::new(conversation)))
    }

    /// The conversation, to be used. It is used now if `by_client`. Nothing if its form at rest is broken, which is an error
    /// of this module.
    pub fn wake(&mut self, by_client: bool) -> Option<&mut Conversation> {
        if let State::AtRest(bytes) = &self.0 {
            self.0 = State::Active(Active::new(packed::decode(bytes)?));
        }
        let State::Active(active) = &mut self.0 else {
            return None;
        };
        if by_client {
            active.set_cold(false);
            active.0.last_use = CoarseTime::now();
        }
        Some(&mut active.0)
    }

    /// Reads the conversation as it is: at rest it stays so. Nothing if its form at rest is broken.
    pub fn read<R>(&self, read: impl FnOnce(&Conversation) -> R) -> Option<R> {
        match &self.0 {
            State::Active(active) => Some(read(&active.0)),
            State::AtRest(bytes) => packed::decode(bytes).map(|conversation| read(&conversation)),
        }
    }

    /// True if it is at rest, in one piece of memory.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        matches!(self.0, State::AtRest(_))
    }

    /// Brings the conversation to rest if nobody has used it for `conv.idle-seconds`, in two or more calls: what is not
    /// compressed yet must be compressed in between, on another thread. Drops decompressed copies that nobody reads.
    pub fn rest(&mut self) -> Rest {
        let State::Active(active) = &mut self.0 else {
            return Rest::Done;
        };
        let conversation = &mut active.0;
        if opened_bytes() > 0 {
            conversation.log.close_idle();
        }
        if conversation.is_cold {
            return Rest::Done;
        }
        if !conversation.last_use.is_idle() {
            return Rest::Later;
        }
        conversation.collect_all();
        if conversation.expects_results() {
            return Rest::Later;
        }
        let jobs = conversation.log.to_compress_all(COMPRESSED_AT_ONCE);
        if !jobs.is_empty() {
            return Rest::Compress(jobs);
        }
        match packed::encode(conversation) {
            Some(bytes) => self.0 = State::AtRest(bytes),
            None => {
                conversation.results.clear();
                conversation.cut.clear();
                active.set_cold(true);
            }
        }
        Rest::Done
    }

    /// Drops decompressed copies that nobody has read for a while.
    pub fn close_idle(&self) {
        if let State::Active(active) = &self.0 {
            active.0.log.close_idle();
        }
    }

    /// See [`Footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        match &self.0 {
            State::Active(active) => active.0.footprint(),
            State::AtRest(bytes) => packed::footprint(bytes),
        }
    }

    /// Bytes on the heap, this value included.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.0 {
                State::Active(active) => size_of::<Conversation>() + active.0.heap_bytes(),
                State::AtRest(bytes) => bytes.len(),
            }
    }

    /// Allocations to be freed, about.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.0 {
            State::Active(active) => active.0.free_effort(),
            State::AtRest(_) => 1,
        }
    }

    /// Relocates buffers from the segment at `from` on, as long as there is time. Returns the segment to continue at, or
    /// nothing when all are done.
    pub fn relocate(&mut self, from: usize, relocate: &mut impl Relocate) -> Option<usize> {
        match &mut self.0 {
            State::Active(active) => active.0.relocate(from, relocate),
            State::AtRest(bytes) => {
                let bytes_before = std::mem::take(bytes).into_vec();
                *bytes = relocate.relocate(bytes_before).into_boxed_slice();
                None
            }
        }
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            State::Active(active) => State::Active(Active::new((*active.0).clone())),
            State::AtRest(bytes) => State::AtRest(bytes.clone()),
        })
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
