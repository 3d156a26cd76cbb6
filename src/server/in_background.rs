//! Work on a background thread for a client that is blocked meanwhile: decompressing, converting. Its result is held until
//! the command has replied.
//!
//! If messages have changed in the meantime, the command may need more, and waits again.

use std::sync::{Arc, Mutex, PoisonError};

use super::background_work::{self, Lease};
use super::blocked_clients::{self, Id};
use crate::background::{Lane, submit};
use crate::tokens::background::CompletionGuard;

/// Work that is being done for a client.
pub struct InBackground<T> {
    /// Where the background thread leaves the result.
    slot: Arc<Mutex<Option<T>>>,
    lease: Lease,
}

/// The result of work for a client, until its command has replied.
pub struct Held<T: Send + 'static> {
    result: Option<T>,
    _lease: Lease,
}

impl<T: Send> Held<T> {
    /// The result.
    pub fn get(&self) -> Option<&T> {
        self.result.as_ref()
    }
}

impl<T: Send> Drop for Held<T> {
    fn drop(&mut self) {
        // Megabytes go back to the system, which takes its time.
        if let Some(result) = self.result.take() {
            submit(Lane::Normal, Box::new(move || drop(result)));
        }
    }
}

impl<T: Send> InBackground<T> {
    /// The result. `None` if the background thread has failed, mostly for want of memory.
    pub fn take(self) -> Option<Held<T>> {
        let result = self
            .slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        Some(Held {
            result: Some(result),
            _lease: self.lease,
        })
    }
}

/// The client that work is for.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Its id among blocked clients. It is blocked or about to be.
    pub id: Id,
    /// Its command may write.
    pub writes: bool,
    /// Its command holds what was brought before, so it waits for no other command: that could be itself.
    pub holds_work: bool,
}

/// Has `work` on `bytes` done for a client. It is resumed when the guard is dropped everywhere.
pub fn run<T: Send + 'static>(
    client: Waiting,
    bytes: usize,
    work: impl FnOnce() -> Option<T> + Send + 'static,
) -> (InBackground<T>, CompletionGuard) {
    let until = blocked_clients::completion_guard(client.id, client.writes);
    let slot: Arc<Mutex<Option<T>>> = Arc::default();
    let (to, done) = (slot.clone(), until.clone());
    let task = Box::new(move || {
        // Nobody else holds the slot of a client that has gone. What `work` has read is dropped before the client is resumed:
        // the log changes shared segments only by copying them.
        if Arc::strong_count(&to) > 1 {
            let result = work();
            *to.lock().unwrap_or_else(PoisonError::into_inner) = result;
        } else {
            drop(work);
        }
        drop(to);
        drop(done);
    });
    let lease = if client.holds_work {
        background_work::run_more(bytes, task)
    } else {
        background_work::run(bytes, task)
    };
    (InBackground { slot, lease }, until)
}
