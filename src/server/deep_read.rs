//! Commands that read much compressed text: a background thread decompresses it from a snapshot while the client is
//! blocked, then the command runs again and finds it decompressed.
//!
//! What was decompressed is kept until the command has replied. If messages have changed in the meantime, the command
//! may need others, and waits again.

use std::sync::{Arc, Mutex, PoisonError};

use super::background_work::{self, Lease};
use super::blocked_clients::{self, Id};
use crate::background::{Lane, submit};
use crate::conversation::Unreadable;
use crate::conversation::log_snapshot::{Decompressed, Snapshot};
use crate::tokens::background::CompletionGuard;

/// Where the background thread leaves what it has decompressed.
type Slot = Mutex<Option<Result<Vec<Decompressed>, Unreadable>>>;

/// Text that is being decompressed for a client.
pub struct Decompressing {
    slot: Arc<Slot>,
    lease: Lease,
}

/// Text that was decompressed for a client, until its command has replied.
pub struct Text {
    bodies: Option<Vec<Decompressed>>,
    _lease: Lease,
}

impl Drop for Text {
    fn drop(&mut self) {
        // Megabytes go back to the system, which takes its time.
        if let Some(bodies) = self.bodies.take() {
            submit(Lane::Normal, Box::new(move || drop(bodies)));
        }
    }
}

impl Decompressing {
    /// What was decompressed. `None` if the background thread has failed, mostly for want of memory.
    pub fn take(self) -> Option<Text> {
        let done = lock(&self.slot).take()?.ok()?;
        Some(Text {
            bodies: Some(done),
            _lease: self.lease,
        })
    }
}

fn lock(slot: &Slot) -> std::sync::MutexGuard<'_, Option<Result<Vec<Decompressed>, Unreadable>>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the messages of `snapshots` decompressed for client `id`, which is blocked or about to be. It is resumed when the
/// guard is dropped everywhere. `writes`: its command may write. `holds_work`: it holds what was brought before.
pub fn decompress(
    id: Id,
    snapshots: Vec<Snapshot>,
    writes: bool,
    holds_work: bool,
) -> (Decompressing, CompletionGuard) {
    let until = blocked_clients::completion_guard(id, writes);
    let slot: Arc<Slot> = Arc::default();
    let bytes = snapshots.iter().map(Snapshot::bytes_to_decompress).sum();
    let (to, done) = (slot.clone(), until.clone());
    let task = move || {
        // Nobody else holds the slot of a client that has gone.
        if Arc::strong_count(&to) > 1 {
            let bodies = snapshots.iter().map(Snapshot::decompress).collect();
            *lock(&to) = Some(bodies);
        }
        // Before the client is resumed: the log changes shared segments only by copying them.
        drop(snapshots);
        drop(to);
        drop(done);
    };
    let lease = if holds_work {
        background_work::run_more(bytes, Box::new(task))
    } else {
        background_work::run(bytes, Box::new(task))
    };
    (Decompressing { slot, lease }, until)
}
