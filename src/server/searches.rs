//! `CONV.SEARCH`: a background thread searches a snapshot while the client is blocked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::blocked_clients::{self, Id};
use crate::background::{Lane, submit};
use crate::conversation::find::{Failure, Found, Query, Search};
use crate::conversation::log_snapshot::Snapshot;
use crate::tokens::background::CompletionGuard;

/// How long a search runs before other large tasks have their turn: a million messages take seconds.
const SLICE: Duration = Duration::from_millis(20);

/// What a search finds.
pub type Result = std::result::Result<Vec<Found>, Failure>;

/// Where the background thread leaves what it has found.
type Slot = Mutex<Option<Result>>;

/// A search for a client.
pub struct Searching(Arc<Slot>);

impl Searching {
    /// What was found. `None` if the background thread has failed.
    pub fn take(self) -> Option<Result> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Has the messages of `snapshot` searched for client `id`, which is about to be blocked. It is resumed when the guard is
/// dropped everywhere.
pub fn search(id: Id, query: Query, snapshot: Snapshot) -> (Searching, CompletionGuard) {
    let until = blocked_clients::completion_guard(id, false);
    let slot: Arc<Slot> = Arc::default();
    let job = Job {
        snapshot,
        slot: slot.clone(),
        done: until.clone(),
    };
    submit(
        Lane::Large,
        Box::new(move || match Search::new(query, job.snapshot.log()) {
            Ok(search) => job.go_on(search),
            Err(why) => job.end(Err(why)),
        }),
    );
    (Searching(slot), until)
}

struct Job {
    snapshot: Snapshot,
    slot: Arc<Slot>,
    done: CompletionGuard,
}

impl Job {
    fn go_on(self, mut search: Search) {
        let begin = Instant::now();
        // Nobody else holds the slot of a client that has gone.
        while Arc::strong_count(&self.slot) > 1 {
            match search.advance(self.snapshot.log()) {
                Ok(true) if begin.elapsed() < SLICE => {}
                Ok(true) => return submit(Lane::Large, Box::new(move || self.go_on(search))),
                Ok(false) => return self.end(Ok(search.found())),
                Err(why) => return self.end(Err(why.into())),
            }
        }
    }

    fn end(self, result: Result) {
        let Self {
            snapshot,
            slot,
            done,
        } = self;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        // Before the client is resumed: the log changes shared segments only by copying them.
        drop(snapshot);
        drop(slot);
        drop(done);
    }
}
