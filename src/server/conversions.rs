//! Replies in MessagePack that are large: a background thread converts the messages while the client is blocked, then the
//! command runs again, selects again and finds them converted.
//!
//! If a few messages have changed in the meantime, the command converts those itself; if many, it waits again.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use super::background_work::{self, Lease};
use super::blocked_clients::{self, Id};
use crate::background::{Lane, submit};
use crate::commands::msgpack::{Converted, Unconverted};
use crate::tokens::background::CompletionGuard;

/// Where the background thread leaves what it has converted.
type Slot = Mutex<Option<Vec<Converted>>>;

/// Messages that are being converted for a client.
pub struct Converting {
    slot: Arc<Slot>,
    lease: Lease,
}

/// Messages that were converted for a client, until its command has replied.
pub struct ConvertedLists {
    lists: Vec<Converted>,
    _lease: Lease,
}

impl Deref for ConvertedLists {
    type Target = [Converted];

    fn deref(&self) -> &[Converted] {
        &self.lists
    }
}

impl Drop for ConvertedLists {
    fn drop(&mut self) {
        // Megabytes go back to the system, which takes its time.
        let lists = std::mem::take(&mut self.lists);
        submit(Lane::Normal, Box::new(move || drop(lists)));
    }
}

impl Converting {
    /// What was converted. `None` if the background thread has failed.
    pub fn take(self) -> Option<ConvertedLists> {
        let lists = self
            .slot
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()?;
        Some(ConvertedLists {
            lists,
            _lease: self.lease,
        })
    }
}

/// Has messages converted for client `id`, which is blocked or about to be. It is resumed when the guard is dropped
/// everywhere. `holds_work`: its command holds what was brought before.
pub fn convert(id: Id, lists: Vec<Unconverted>, holds_work: bool) -> (Converting, CompletionGuard) {
    let until = blocked_clients::completion_guard(id, false);
    let slot: Arc<Slot> = Arc::default();
    let bytes = lists.iter().map(Unconverted::bytes).sum();
    let (to, done) = (slot.clone(), until.clone());
    let task = move || {
        // Nobody else holds the slot of a client that has gone.
        if Arc::strong_count(&to) > 1 {
            let lists = lists.into_iter().map(Unconverted::convert).collect();
            *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(lists);
        }
        drop(to);
        drop(done);
    };
    let lease = if holds_work {
        background_work::run_more(bytes, Box::new(task))
    } else {
        background_work::run(bytes, Box::new(task))
    };
    (Converting { slot, lease }, until)
}
