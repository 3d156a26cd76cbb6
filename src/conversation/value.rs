//! What is stored at a key: a conversation, open or packed.
//!
//! A short conversation is packed into one piece of memory one or two seconds after its last use, see [`super::packed`]:
//! between two turns it takes little more than its text. What nobody has used for `conv.idle-seconds` is compressed as a
//! whole: a short conversation is packed again, and is *at rest*; a long one keeps its form, with all segments compressed,
//! and is *cold*. All this is done by a scan of the keys, which has nothing to do as long as no conversation is in use
//! ([`in_use`]).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::body::opened_bytes;
use super::compress::CompressJob;
use super::packed::{Packed, may_be_packed};
use super::segment::Relocate;
use super::temperature::CoarseTime;
use super::{Conversation, Footprint};

/// Bytes that are handed over for compression at a time: a background thread is busy with them for about 10 ms.
const COMPRESSED_AT_ONCE: usize = 1 << 20;

/// A short conversation stays open for this many seconds after its last use, because packing and unpacking take a few µs.
const OPEN_SECONDS: u32 = 1;

/// Number of conversations that are neither at rest nor cold.
static IN_USE: AtomicU64 = AtomicU64::new(0);

/// True if the next pass of the idle scan may find a short conversation to pack.
static IS_SHORT_OPEN: AtomicBool = AtomicBool::new(false);

/// Number of conversations that are in use: the idle scan has something to look for.
#[must_use]
pub fn in_use() -> u64 {
    IN_USE.load(Relaxed)
}

/// True if a conversation that is short enough to be packed was opened, or left open by [`Value::rest`], since
/// [`forget_short_open`] was called: the idle scan will have something to do soon.
#[must_use]
pub fn is_short_open() -> bool {
    IS_SHORT_OPEN.load(Relaxed)
}

/// The idle scan begins a pass, which will find what [`is_short_open`] has told of.
pub fn forget_short_open() {
    IS_SHORT_OPEN.store(false, Relaxed);
}

/// A form of a conversation that may be in use.
trait Form {
    fn is_in_use(&self) -> bool;
}

impl Form for Conversation {
    fn is_in_use(&self) -> bool {
        !self.is_cold
    }
}

impl Form for Packed {
    fn is_in_use(&self) -> bool {
        !self.is_at_rest()
    }
}

impl<T: Form> Form for Box<T> {
    fn is_in_use(&self) -> bool {
        T::is_in_use(self)
    }
}

/// A conversation in one of its forms; counted in [`IN_USE`] if it is in use.
#[derive(Debug)]
struct Counted<T: Form>(T);

impl<T: Form> Counted<T> {
    fn new(form: T) -> Self {
        if form.is_in_use() {
            IN_USE.fetch_add(1, Relaxed);
        }
        Self(form)
    }

    /// Changes whether it is in use.
    fn change(&mut self, change: impl FnOnce(&mut T)) {
        let before = self.0.is_in_use();
        change(&mut self.0);
        match (before, self.0.is_in_use()) {
            (false, true) => IN_USE.fetch_add(1, Relaxed),
            (true, false) => IN_USE.fetch_sub(1, Relaxed),
            _ => 0,
        };
    }
}

impl<T: Form + Clone> Clone for Counted<T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<T: Form> Drop for Counted<T> {
    fn drop(&mut self) {
        if self.0.is_in_use() {
            IN_USE.fetch_sub(1, Relaxed);
        }
    }
}

#[derive(Debug, Clone)]
enum State {
    Open(Counted<Box<Conversation>>),
    Packed(Counted<Packed>),
}

impl State {
    fn open(conversation: Conversation) -> Self {
        Self::Open(Counted::new(Box::new(conversation)))
    }
}

/// What is stored at a key.
#[derive(Debug, Clone)]
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
        Self(State::open(conversation))
    }

    /// The conversation, open, to be used. It is used now if `by_client`. Nothing if its packed form is broken, which is an
    /// error of this module.
    pub fn wake(&mut self, by_client: bool) -> Option<&mut Conversation> {
        if let State::Packed(packed) = &self.0 {
            self.0 = State::open(packed.0.unpack()?);
        }
        let State::Open(open) = &mut self.0 else {
            return None;
        };
        if by_client {
            open.change(|conversation| {
                conversation.is_cold = false;
                conversation.last_use = CoarseTime::now();
            });
            if !IS_SHORT_OPEN.load(Relaxed) && may_be_packed(&open.0) {
                IS_SHORT_OPEN.store(true, Relaxed);
            }
        }
        Some(&mut open.0)
    }

    /// Reads the conversation as it is: packed it stays so. Nothing if its packed form is broken.
    pub fn read<R>(&self, read: impl FnOnce(&Conversation) -> R) -> Option<R> {
        match &self.0 {
            State::Open(open) => Some(read(&open.0)),
            State::Packed(packed) => packed.0.unpack().map(|conversation| read(&conversation)),
        }
    }

    /// True if it is at rest, in one piece of memory.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        matches!(&self.0, State::Packed(packed) if packed.0.is_at_rest())
    }

    /// True if it is in one piece of memory.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        matches!(self.0, State::Packed(_))
    }

    /// Packs the conversation if it is short and has not been used for a second or two. If it may `compress`, brings it to
    /// rest if nobody has used it for `conv.idle-seconds`, in two or more calls: what is not compressed yet must be compressed
    /// in between, on another thread. Drops decompressed copies that nobody reads.
    pub fn rest(&mut self, compress: bool) -> Rest {
        if let State::Packed(packed) = &self.0 {
            if packed.0.is_at_rest() {
                return Rest::Done;
            }
            if !compress || !packed.0.last_use().is_idle() {
                return Rest::Later;
            }
            let Some(conversation) = packed.0.unpack() else {
                return Rest::Done;
            };
            self.0 = State::open(conversation);
        }
        let State::Open(open) = &mut self.0 else {
            return Rest::Done;
        };
        let conversation = &mut open.0;
        if opened_bytes() > 0 {
            conversation.log.close_idle();
        }
        if conversation.is_cold {
            return Rest::Done;
        }
        if !compress || !conversation.last_use.is_idle() {
            if !conversation.last_use.is_within(OPEN_SECONDS) {
                self.pack();
            } else if may_be_packed(conversation) {
                IS_SHORT_OPEN.store(true, Relaxed);
            }
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
        match Packed::at_rest(conversation) {
            Some(packed) => self.0 = State::Packed(Counted::new(packed)),
            None => {
                conversation.results.clear();
                conversation.cut.clear();
                open.change(|conversation| conversation.is_cold = true);
            }
        }
        Rest::Done
    }

    /// Packs the conversation, which is in use, if it is short and background work for it is done. A long one gives back
    /// what it has reserved for further messages.
    pub fn pack(&mut self) {
        if let State::Open(open) = &mut self.0 {
            open.0.collect_all();
            match Packed::in_use(&open.0) {
                Some(packed) => self.0 = State::Packed(Counted::new(packed)),
                None => open.0.log.close_newest(),
            }
        }
    }

    /// See [`Footprint`].
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        match &self.0 {
            State::Open(open) => open.0.footprint(),
            State::Packed(packed) => packed.0.footprint(),
        }
    }

    /// Bytes on the heap, this value included.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.0 {
                State::Open(open) => size_of::<Conversation>() + open.0.heap_bytes(),
                State::Packed(packed) => packed.0.heap_bytes(),
            }
    }

    /// Allocations to be freed, about.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        match &self.0 {
            State::Open(open) => open.0.free_effort(),
            State::Packed(_) => 1,
        }
    }

    /// Relocates buffers from the segment at `from` on, as long as there is time. Returns the segment to continue at, or
    /// nothing when all are done.
    pub fn relocate(&mut self, from: usize, relocate: &mut impl Relocate) -> Option<usize> {
        match &mut self.0 {
            State::Open(open) => open.0.relocate(from, relocate),
            State::Packed(packed) => {
                packed.0.relocate(relocate);
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
