//! The way back from background threads to the main thread.
//!
//! Everything that touches keys or clients happens on the main thread. A background thread posts a [`Task`], which
//! runs in a timer: there Redis replicates what is written. Tasks that may write are held while writes are paused.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ffi::alarm::Alarm;
use super::ffi::api::call;
use super::ffi::context::{Context, are_writes_paused};
use super::ffi::main_thread::MainThread;
use super::ffi::panic_guard::guard;

/// Work for the main thread.
pub struct Task {
    /// It may write to keys.
    pub writes: bool,
    /// What is done.
    pub run: Box<dyn FnOnce(Context<'_>) + Send>,
}

/// How often held tasks look whether writes are allowed again: soon enough that nobody notices the difference.
const HOLD: Duration = Duration::from_millis(10);

/// How long tasks run at a time before clients have their turn: the longest that a command may hold up others.
const SLICE: Duration = Duration::from_millis(1);

/// Posted, and not taken by the main thread yet.
static POSTED: Mutex<Vec<Task>> = Mutex::new(Vec::new());

/// What the main thread has taken.
struct Queue {
    ready: VecDeque<Task>,
    /// Tasks that write, while writes are paused.
    held: Vec<Task>,
}

static QUEUE: MainThread<Queue> = MainThread::new(Queue {
    ready: VecDeque::new(),
    held: Vec::new(),
});

static ALARM: Alarm = Alarm::new(run_tasks);

fn posted() -> MutexGuard<'static, Vec<Task>> {
    POSTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `task` run on the main thread. From any thread.
pub fn post(task: Task) {
    let is_first = {
        let mut posted = posted();
        posted.push(task);
        posted.len() == 1
    };
    if is_first {
        wake_event_loop();
    }
}

fn wake_event_loop() {
    // SAFETY: Redis takes this call from any thread.
    unsafe { call!(RedisModule_EventLoopAddOneShot, Some(woken), null_mut()) };
}

/// Runs on the main thread, but not in a context in which Redis replicates: a timer has one.
unsafe extern "C" fn woken(_data: *mut c_void) {
    guard((), || ALARM.ring_now());
}

fn run_tasks(ctx: Context<'_>) {
    let new = std::mem::take(&mut *posted());
    let paused = are_writes_paused();
    QUEUE.with(|queue| {
        if !paused {
            // They are older than what is ready.
            for task in std::mem::take(&mut queue.held).into_iter().rev() {
                queue.ready.push_front(task);
            }
        }
        queue.ready.extend(new);
    });
    let start = Instant::now();
    while start.elapsed() < SLICE {
        let Some(task) = QUEUE.with(|queue| queue.ready.pop_front()) else {
            break;
        };
        if paused && task.writes {
            QUEUE.with(|queue| queue.held.push(task));
        } else {
            guard((), || (task.run)(ctx));
        }
    }
    let (more, held) = QUEUE.with(|queue| (!queue.ready.is_empty(), !queue.held.is_empty()));
    if more {
        ALARM.ring_now();
    } else if held {
        ALARM.ring_at(Instant::now() + HOLD);
    }
}
