//! Commands with large arguments: a background thread reads them while the client is blocked, then the command runs.
//!
//! The client's own strings are read, not copies. The command runs on the main thread as if it arrived at that moment;
//! only that its arguments are read already. If the client disconnects first, nothing happens.

use std::sync::{Arc, Mutex, PoisonError};

use super::background_work::{self, Lease};
use super::blocked_clients::{self, Id};
use super::ffi::string::HeldArgs;
use crate::commands::Env;
use crate::commands::prepared::{Input, Prepared};
use crate::settings::Settings;
use crate::tokens::background::CompletionGuard;

/// Arguments that are being read for a client.
pub struct Reading {
    slot: Arc<Slot>,
    lease: Lease,
}

/// Where the background thread leaves what it has read.
type Slot = Mutex<Option<Prepared>>;

impl Reading {
    /// What was read. `None` if the background thread has failed.
    pub fn take(self) -> Option<(Prepared, Lease)> {
        let prepared = lock(&self.slot).take()?;
        Some((prepared, self.lease))
    }
}

fn lock(slot: &Slot) -> std::sync::MutexGuard<'_, Option<Prepared>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the arguments of a command read for client `id`, which is about to be blocked. It is resumed when the guard is
/// dropped everywhere.
pub fn read(
    id: Id,
    input: Input,
    command: &'static str,
    args: &Arc<HeldArgs>,
    settings: Settings,
    now: i64,
) -> (Reading, CompletionGuard) {
    let until = blocked_clients::completion_guard(id, true);
    let slot: Arc<Slot> = Arc::default();
    let bytes = args.as_slice().iter().map(|arg| arg.bytes().len()).sum();
    let (to, args, done) = (slot.clone(), args.clone(), until.clone());
    let task = move || {
        // Nobody else holds the slot of a client that has gone.
        if Arc::strong_count(&to) > 1 {
            let env = Env {
                now,
                settings,
                full: false,
                counts: None,
                found: None,
                prepared: None,
                decompress_at_once: usize::MAX,
                converted: &[],
            };
            let bytes: Vec<&[u8]> = args.as_slice().iter().map(|arg| arg.bytes()).collect();
            let prepared = input.prepare(command, bytes.get(2..).unwrap_or_default(), &env);
            *lock(&to) = Some(prepared);
        }
        // In this order: the main thread is to hold the last reference to the arguments.
        drop(args);
        drop(done);
    };
    let lease = background_work::run(bytes, Box::new(task));
    (Reading { slot, lease }, until)
}
