//! The background threads: what is slow, and not for the main thread, runs here.
//!
//! Three lanes: *urgent* for what a client waits for, *normal* for what will be needed some time, *large* for single
//! pieces of work that take long, of which one runs at a time so that they never hold up the others.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError};

/// A piece of work.
pub type Task = Box<dyn FnOnce() + Send>;

/// How soon a task is due: see the head of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits for it.
    Urgent,
    /// In its turn.
    Normal,
    /// May take long.
    Large,
}

/// One for what is large, and one that is always there for the rest.
const THREADS: usize = 2;

#[derive(Default)]
struct Lanes {
    urgent: VecDeque<Task>,
    normal: VecDeque<Task>,
    large: VecDeque<Task>,
    /// A large task is being done.
    busy: bool,
}

static LANES: Mutex<Lanes> = Mutex::new(Lanes {
    urgent: VecDeque::new(),
    normal: VecDeque::new(),
    large: VecDeque::new(),
    busy: false,
});
static READY: Condvar = Condvar::new();
static START: Once = Once::new();
static HOOK: OnceLock<fn()> = OnceLock::new();

/// Has each background thread call `hook` when it starts; to be called before the first task.
pub fn on_start(hook: fn()) {
    let _ = HOOK.set(hook);
}

/// A task that panicked has not touched the lanes.
fn lanes() -> MutexGuard<'static, Lanes> {
    LANES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `task` done by a background thread.
pub fn submit(lane: Lane, task: Task) {
    START.call_once(|| {
        for _ in 0..THREADS {
            // Should there be no thread, whoever needs a result counts for itself in the end.
            let _ = std::thread::Builder::new()
                .name("conv-background".into())
                .spawn(work);
        }
    });
    {
        let mut lanes = lanes();
        match lane {
            Lane::Urgent => lanes.urgent.push_back(task),
            Lane::Normal => lanes.normal.push_back(task),
            Lane::Large => lanes.large.push_back(task),
        }
    }
    READY.notify_one();
}

impl Lanes {
    /// The next task, and whether it is a large one.
    fn next(&mut self) -> Option<(Task, bool)> {
        if let Some(task) = self.urgent.pop_front().or_else(|| self.normal.pop_front()) {
            return Some((task, false));
        }
        if self.busy {
            return None;
        }
        let task = self.large.pop_front()?;
        self.busy = true;
        Some((task, true))
    }
}

fn work() {
    if let Some(hook) = HOOK.get() {
        hook();
    }
    loop {
        let (task, large) = {
            let mut lanes = lanes();
            loop {
                match lanes.next() {
                    Some(next) => break next,
                    None => lanes = READY.wait(lanes).unwrap_or_else(PoisonError::into_inner),
                }
            }
        };
        // Whoever waits for the result sees that none came.
        let _ = catch_unwind(AssertUnwindSafe(task));
        if large {
            lanes().busy = false;
            READY.notify_one();
        }
    }
}
