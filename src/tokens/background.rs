//! Counting on the background threads.
//!
//! Texts gather in an outbox of the main thread, which hands them over once per turn of its event loop ([`flush`]),
//! so that appending takes no lock. Each text has a [`Ticket`], by which the count is picked up: one atomic read.
//! What is queued is bounded ([`MOST_QUEUED`]); beyond that texts are not taken, and their messages are counted when
//! somebody needs them.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::registry::{self, Available};
use super::{Counted, Counter, Outcome, Rules, Text, most_inline};
use crate::background::{Lane, submit};

/// Bytes of text that may wait to be counted; what comes beyond is counted when it is needed.
pub const MOST_QUEUED: usize = 64 << 20;

/// An outbox of this many bytes is handed over at once.
const BATCH_BYTES: usize = 128 << 10;

/// Bytes that are handed over at a time of texts that a client waits for.
const URGENT_BYTES: usize = 16 << 10;
const URGENT_TEXTS: usize = 256;

/// A text of this many bytes is a large piece of work.
const LARGE_BYTES: usize = 128 << 10;

/// A queue of this many bytes is short.
const SHORT_BYTES: usize = 8 << 20;

/// Bytes and number of texts that wait or are being counted, without those of the outbox.
static QUEUED_BYTES: AtomicUsize = AtomicUsize::new(0);
static QUEUED: AtomicU64 = AtomicU64::new(0);

/// Where a count will be found.
#[derive(Clone, Default)]
pub struct Ticket(Arc<Slot>);

/// Bit of a [`Slot`]: bytes were counted, because the tokenizer file is missing. Above all counts.
const ESTIMATED: u64 = 1 << 40;

#[derive(Default)]
struct Slot {
    /// 0 as long as the count is not known, then one more than the count, and [`ESTIMATED`].
    value: AtomicU64,
    /// The waiters that run once this count is known.
    guards: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    guards: Vec<CompletionGuard>,
    over: bool,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.count()).finish()
    }
}

impl Ticket {
    /// Bytes on the heap: the count, and the two counters of an `Arc`.
    pub const HEAP_BYTES: usize = size_of::<Slot>() + 2 * size_of::<usize>();

    /// The number of tokens, as soon as it is known.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.counted().map(|counted| counted.tokens)
    }

    /// The count, as soon as it is known.
    #[must_use]
    pub fn counted(&self) -> Option<Counted> {
        let value = self.0.value.load(Ordering::Acquire);
        let tokens = (value & !ESTIMATED).checked_sub(1)?;
        Some(Counted {
            tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            estimated: value & ESTIMATED != 0,
        })
    }

    /// Sets the count.
    pub fn set(&self, counted: Counted) {
        let estimated = if counted.estimated { ESTIMATED } else { 0 };
        let value = (u64::from(counted.tokens) + 1) | estimated;
        self.0.value.store(value, Ordering::Release);
    }

    /// Holds `completion` until the text is out of the queue, counted or not.
    pub fn hold(&self, completion: &CompletionGuard) {
        let mut waiters = self.waiters();
        if !waiters.over {
            waiters.guards.push(completion.clone());
        }
    }

    /// True until the text is out of the queue, counted or not.
    #[must_use]
    pub fn is_queued(&self) -> bool {
        !self.waiters().over
    }

    /// The text is out of the queue.
    fn release(&self) {
        let mut waiters = self.waiters();
        waiters.over = true;
        let guards = std::mem::take(&mut waiters.guards);
        drop(waiters);
        drop(guards);
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.0.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if nobody else holds the ticket: its message is gone.
    fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// Called when all that was submitted with it is counted: when the last clone is dropped.
#[derive(Clone)]
pub struct CompletionGuard {
    _done: Arc<OnDrop>,
}

struct OnDrop(Option<Box<dyn FnOnce() + Send + Sync>>);

impl CompletionGuard {
    /// `done` is called once, on whichever thread finishes last.
    #[must_use]
    pub fn new(done: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self {
            _done: Arc::new(OnDrop(Some(Box::new(done)))),
        }
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done();
        }
    }
}

/// A queued text. Dropping it takes it out of the queue figures, whether it was counted or not.
struct Job {
    rules: Rules,
    text: Text,
    ticket: Ticket,
    _completion: Option<CompletionGuard>,
}

/// Adds texts to the queue figures; dropping a text subtracts it again.
fn enqueued(texts: usize, bytes: usize) {
    QUEUED_BYTES.fetch_add(bytes, Ordering::Relaxed);
    QUEUED.fetch_add(texts as u64, Ordering::Relaxed);
}

impl Job {
    /// Not in the queue figures yet: [`enqueued`] adds them.
    fn new(rules: Rules, text: Text, completion: Option<CompletionGuard>) -> Self {
        Self {
            rules,
            text,
            ticket: Ticket::default(),
            _completion: completion,
        }
    }

    fn run(self, lane: Lane) {
        if self.ticket.is_abandoned() {
            return;
        }
        let encoding = self.rules.encoding;
        if !encoding.is_builtin()
            && matches!(registry::available(encoding, true), Available::Loading)
        {
            // The thread counts in other encodings meanwhile.
            registry::when_loaded(encoding, lane, Box::new(move || self.run(lane)));
            return;
        }
        self.ticket.set(self.text.count(self.rules));
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.ticket.release();
        QUEUED_BYTES.fetch_sub(self.text.len(), Ordering::Relaxed);
        QUEUED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gathers jobs. They enter the queue figures together, because the counting threads write to these all the time.
#[derive(Default)]
struct Outbox {
    jobs: Vec<Job>,
    bytes: usize,
    /// There is room for so many more bytes at least.
    room: usize,
}

impl Outbox {
    fn has_room(&mut self, bytes: usize) -> bool {
        if self.room < bytes {
            let queued = QUEUED_BYTES.load(Ordering::Relaxed);
            self.room = MOST_QUEUED.saturating_sub(queued.saturating_add(self.bytes));
        }
        self.room >= bytes
    }

    /// What has gathered, which is queued from now on.
    fn take(&mut self) -> Vec<Job> {
        enqueued(self.jobs.len(), std::mem::take(&mut self.bytes));
        // As many may be the next time.
        let next = Vec::with_capacity(self.jobs.len().min(256));
        std::mem::replace(&mut self.jobs, next)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        enqueued(self.jobs.len(), self.bytes);
    }
}

thread_local! {
    static OUTBOX: RefCell<Outbox> = RefCell::new(Outbox::default());
}

/// Hands over what has gathered.
pub fn flush() {
    let jobs = OUTBOX.with_borrow_mut(|outbox| {
        if outbox.jobs.is_empty() {
            return Vec::new();
        }
        outbox.take()
    });
    hand_over(Lane::Normal, jobs);
}

fn hand_over(lane: Lane, jobs: Vec<Job>) {
    if !jobs.is_empty() {
        submit(
            lane,
            Box::new(move || {
                for job in jobs {
                    job.run(lane);
                }
            }),
        );
    }
}

/// Number of texts that wait or are being counted; those of the outbox too on the main thread.
#[must_use]
pub fn queued() -> u64 {
    let gathered = OUTBOX.with_borrow(|outbox| outbox.jobs.len());
    QUEUED.load(Ordering::Relaxed) + gathered as u64
}

/// True if the queue is so short that a new text is counted soon without preference.
#[must_use]
pub fn is_short() -> bool {
    queued_bytes() <= SHORT_BYTES
}

/// True if so many more bytes of text would be taken.
#[must_use]
pub fn has_room(bytes: usize) -> bool {
    queued_bytes().saturating_add(bytes) <= MOST_QUEUED
}

fn queued_bytes() -> usize {
    QUEUED_BYTES.load(Ordering::Relaxed) + OUTBOX.with_borrow(|outbox| outbox.bytes)
}

/// Counts on the background threads. For the main thread, which calls [`flush`] once per turn of its event loop.
#[derive(Default)]
pub struct Background {
    /// Held until all is counted.
    pub completion: Option<CompletionGuard>,
}

impl Counter for Background {
    fn count(&self, rules: Rules, text: Text) -> Outcome {
        let len = text.len();
        let (outcome, full) = OUTBOX.with_borrow_mut(|outbox| {
            if !outbox.has_room(len) {
                return (Outcome::Unknown, false);
            }
            outbox.room -= len;
            let job = Job::new(rules, text, self.completion.clone());
            let ticket = job.ticket.clone();
            if len > LARGE_BYTES {
                enqueued(1, len);
                submit(Lane::Large, Box::new(move || job.run(Lane::Large)));
            } else {
                outbox.jobs.push(job);
                outbox.bytes += len;
            }
            (Outcome::Later(ticket), outbox.bytes > BATCH_BYTES)
        });
        if full {
            flush();
        }
        outcome
    }

    /// Little is counted at once.
    fn count_soon(&self, rules: Rules, text: Text) -> Outcome {
        if text.len() <= most_inline(rules.encoding) {
            return text.count(rules).into();
        }
        self.count(rules, text)
    }
}

/// Counts on the background threads what a client waits for, before all other texts. Not bounded by [`MOST_QUEUED`], so
/// the caller bounds it. The rest is handed over when this is dropped.
pub struct Urgent<'f> {
    completion: &'f CompletionGuard,
    gathered: RefCell<Outbox>,
}

impl<'f> Urgent<'f> {
    /// Holds `completion` until all is counted.
    #[must_use]
    pub fn new(completion: &'f CompletionGuard) -> Self {
        Self {
            completion,
            gathered: RefCell::new(Outbox::default()),
        }
    }

    /// Has `text` counted.
    #[must_use]
    pub fn take(&self, rules: Rules, text: Text) -> Ticket {
        let mut gathered = self.gathered.borrow_mut();
        gathered.bytes += text.len();
        let job = Job::new(rules, text, Some(self.completion.clone()));
        let ticket = job.ticket.clone();
        gathered.jobs.push(job);
        // Few enough bytes that every thread soon has work, many enough that locking does not dominate.
        if gathered.bytes > URGENT_BYTES || gathered.jobs.len() > URGENT_TEXTS {
            hand_over(Lane::Urgent, gathered.take());
        }
        ticket
    }
}

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        hand_over(Lane::Urgent, self.gathered.get_mut().take());
    }
}

impl Counter for Urgent<'_> {
    fn count(&self, rules: Rules, text: Text) -> Outcome {
        Outcome::Later(self.take(rules, text))
    }

    fn run(&self, work: crate::background::Task) {
        let completion = self.completion.clone();
        submit(
            Lane::Urgent,
            Box::new(move || {
                work();
                drop(completion);
            }),
        );
    }

    /// In a long queue they would wait for long: then they are handed over once more, before all others.
    fn completion(&self) -> Option<&CompletionGuard> {
        is_short().then_some(self.completion)
    }
}
