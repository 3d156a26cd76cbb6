//! Large work for blocked clients, within a limit.
//!
//! What a client has sent or is about to receive counts in bytes from the start of its work to its reply. At most
//! [`MOST_BYTES`] are worked on at a time. The work of further clients waits until others have their reply, so a flood
//! makes clients slower and the server no larger: a client that waits holds nothing but its own arguments.

use std::collections::VecDeque;

use super::ffi::main_thread::MainThread;
use crate::background::{Lane, Task, submit};

/// Bytes worked on at a time. A background thread holds up to three times the bytes of a command: the text, a copy for
/// the conversation, and a copy to be counted.
const MOST_BYTES: usize = 256 << 20;

/// Work that waits.
struct Waiting {
    id: u64,
    bytes: usize,
    task: Task,
}

struct State {
    next_id: u64,
    /// Commands that are worked on, and their bytes.
    commands: usize,
    bytes: usize,
    waiting: VecDeque<Waiting>,
}

static STATE: MainThread<State> = MainThread::new(State {
    next_id: 0,
    commands: 0,
    bytes: 0,
    waiting: VecDeque::new(),
});

/// A command whose work was handed over. Dropped on the main thread once the command has replied or its client has gone.
#[derive(Debug)]
pub struct Lease {
    id: u64,
    bytes: usize,
}

/// Has a background thread run `task`, which works on `bytes`: at once, or after others if that would exceed the limit.
pub fn run(bytes: usize, task: Task) -> Lease {
    let id = STATE.with(|state| {
        state.next_id += 1;
        let id = state.next_id;
        state.waiting.push_back(Waiting { id, bytes, task });
        id
    });
    start();
    Lease { id, bytes }
}

/// As [`run`], for a command that holds earlier work until it has replied. It waits for nobody: that could be itself.
pub fn run_more(bytes: usize, task: Task) -> Lease {
    let id = STATE.with(|state| {
        state.next_id += 1;
        state.commands += 1;
        state.bytes = state.bytes.saturating_add(bytes);
        state.next_id
    });
    submit(Lane::Client, task);
    Lease { id, bytes }
}

/// Starts work in the order in which it came, as far as the limit allows. A single command may exceed it.
fn start() {
    loop {
        let next = STATE.with(|state| {
            let bytes = state.waiting.front()?.bytes;
            if state.commands > 0 && state.bytes.saturating_add(bytes) > MOST_BYTES {
                return None;
            }
            state.commands += 1;
            state.bytes = state.bytes.saturating_add(bytes);
            state.waiting.pop_front()
        });
        match next {
            Some(next) => submit(Lane::Client, next.task),
            None => return,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The task is dropped outside: it may hold what uses this state.
        let abandoned = STATE.with(|state| {
            let position = state.waiting.iter().position(|w| w.id == self.id);
            if position.is_none() {
                state.commands = state.commands.saturating_sub(1);
                state.bytes = state.bytes.saturating_sub(self.bytes);
            }
            position.and_then(|position| state.waiting.remove(position))
        });
        drop(abandoned);
        start();
    }
}

/// Commands that are worked on or wait, those that wait, and the bytes worked on. For INFO.
pub fn counts() -> (u64, u64, u64) {
    STATE.with(|state| {
        let waiting = state.waiting.len() as u64;
        (state.commands as u64 + waiting, waiting, state.bytes as u64)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::ffi::main_thread;
    use super::*;

    /// The numbers of commands that are worked on and that wait, and the bytes worked on.
    fn now() -> (u64, u64, usize) {
        let (all, waiting, bytes) = counts();
        (all - waiting, waiting, bytes as usize)
    }

    #[test]
    fn work_beyond_the_limit_waits_in_order() {
        main_thread::claim();
        let (sender, done) = channel();
        let run = |name: &'static str, bytes| {
            let sender = sender.clone();
            run(bytes, Box::new(move || sender.send(name).expect("sent")))
        };
        // A single command may exceed the limit.
        let huge = run("huge", 2 * MOST_BYTES);
        let (second, gone) = (run("second", 1), run("gone", 1));
        let third = run("third", MOST_BYTES);
        assert_eq!(now(), (1, 3, 2 * MOST_BYTES));
        assert_eq!(done.recv(), Ok("huge"));
        // Work is done, but the command has not replied.
        assert_eq!(now(), (1, 3, 2 * MOST_BYTES));
        // A client that goes is not waited for.
        drop(gone);
        drop(huge);
        assert_eq!(done.recv(), Ok("second"));
        assert_eq!(now(), (1, 1, 1));
        drop(second);
        assert_eq!(done.recv(), Ok("third"));
        assert_eq!(now(), (1, 0, MOST_BYTES));
        drop(third);
        assert_eq!(now(), (0, 0, 0));
    }
}
