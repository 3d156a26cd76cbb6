//! Background threads: work that would take too long on the main thread runs here.
//!
//! Tasks wait in four lanes. *Urgent* tasks are short, and a client is blocked until they are done. *Normal* tasks will be
//! needed at some time. *Large* tasks take long one by one. *Client* tasks are large as well, and a client is blocked
//! until they are done: they read its arguments or assemble its reply. Each kind of task has a thread that prefers it, and
//! one thread leaves large tasks and those of clients alone, so none of them holds up the others.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError};

/// A piece of work.
pub type Task = Box<dyn FnOnce() + Send>;

/// Where a task waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A client is blocked until it is done.
    Urgent,
    /// Nobody waits for it yet.
    Normal,
    /// May take long.
    Large,
    /// May take milliseconds, and a client is blocked until it is done.
    Client,
}

/// Which tasks a thread takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thread {
    /// Urgent and normal tasks.
    Short,
    /// Tasks of clients first, then what `Short` takes.
    Client,
    /// Large tasks first, then what the others take.
    Any,
}

/// The threads: one for each kind of task that must not wait for the others.
const THREADS: [Thread; 3] = [Thread::Short, Thread::Client, Thread::Any];

#[derive(Default)]
struct Lanes {
    urgent: VecDeque<Task>,
    normal: VecDeque<Task>,
    large: VecDeque<Task>,
    client: VecDeque<Task>,
}

static LANES: Mutex<Lanes> = Mutex::new(Lanes {
    urgent: VecDeque::new(),
    normal: VecDeque::new(),
    large: VecDeque::new(),
    client: VecDeque::new(),
});
static READY: Condvar = Condvar::new();
static START: Once = Once::new();
static HOOK: OnceLock<fn()> = OnceLock::new();

/// Has each background thread call `hook` when it starts. Called before the first task.
pub fn on_start(hook: fn()) {
    let _ = HOOK.set(hook);
}

/// A task that panicked has not touched the lanes.
fn lanes() -> MutexGuard<'static, Lanes> {
    LANES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a background thread run `task`.
pub fn submit(lane: Lane, task: Task) {
    START.call_once(|| {
        for thread in THREADS {
            // Without threads, commands count what they need themselves.
            let _ = std::thread::Builder::new()
                .name("conv-background".into())
                .spawn(move || work(thread));
        }
    });
    {
        let mut lanes = lanes();
        match lane {
            Lane::Urgent => lanes.urgent.push_back(task),
            Lane::Normal => lanes.normal.push_back(task),
            Lane::Large => lanes.large.push_back(task),
            Lane::Client => lanes.client.push_back(task),
        }
    }
    // One wake-up may reach the thread that does not take this task.
    if matches!(lane, Lane::Large | Lane::Client) {
        READY.notify_all();
    } else {
        READY.notify_one();
    }
}

impl Lanes {
    /// The next task of a thread.
    fn next(&mut self, thread: Thread) -> Option<Task> {
        let first = match thread {
            Thread::Any => self.large.pop_front().or_else(|| self.client.pop_front()),
            Thread::Client => self.client.pop_front(),
            Thread::Short => None,
        };
        first
            .or_else(|| self.urgent.pop_front())
            .or_else(|| self.normal.pop_front())
    }
}

fn work(thread: Thread) {
    if let Some(hook) = HOOK.get() {
        hook();
    }
    loop {
        let task = {
            let mut lanes = lanes();
            loop {
                match lanes.next(thread) {
                    Some(task) => break task,
                    None => lanes = READY.wait(lanes).unwrap_or_else(PoisonError::into_inner),
                }
            }
        };
        // Its owner sees that no result came.
        let _ = catch_unwind(AssertUnwindSafe(task));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lanes: &mut Lanes, thread: Thread) -> Vec<&'static str> {
        // A task cannot be looked at: the lanes get shorter.
        std::iter::from_fn(|| {
            let sizes = |lanes: &Lanes| {
                [&lanes.urgent, &lanes.normal, &lanes.large, &lanes.client].map(VecDeque::len)
            };
            let before = sizes(lanes);
            drop(lanes.next(thread)?);
            let after = sizes(lanes);
            let lane = (0..4).find(|&lane| before[lane] > after[lane])?;
            Some(["urgent", "normal", "large", "client"][lane])
        })
        .collect()
    }

    fn filled() -> Lanes {
        let task = || -> Task { Box::new(|| ()) };
        Lanes {
            urgent: VecDeque::from([task()]),
            normal: VecDeque::from([task(), task()]),
            large: VecDeque::from([task()]),
            client: VecDeque::from([task()]),
        }
    }

    #[test]
    fn each_kind_of_task_has_a_thread_that_prefers_it() {
        let short = taken(&mut filled(), Thread::Short);
        assert_eq!(short, ["urgent", "normal", "normal"]);
        let any = taken(&mut filled(), Thread::Any);
        assert_eq!(any, ["large", "client", "urgent", "normal", "normal"]);
        let client = taken(&mut filled(), Thread::Client);
        assert_eq!(client, ["client", "urgent", "normal", "normal"]);
    }
}
