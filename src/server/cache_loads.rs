//! Clients that miss a conversation, as the server sees them. Who loads and who waits is decided in
//! [`crate::cache_loads`].
//!
//! Clients that wait are blocked on the missing keys. So Redis wakes them however the conversation arrives (RESTORE,
//! RENAME, COPY, SWAPDB), and redirects them if the slot moves to another node. Writes of this module to a key that
//! exists signal it themselves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::blocked_clients::next_id;
use super::ffi::alarm::Alarm;
use super::ffi::blocking::{BlockedOnKeys, Handle, block_on_keys};
use super::ffi::client_reply::ClientReply;
use super::ffi::context::Context;
use super::ffi::main_thread::MainThread;
use super::ffi::open_key::{Access, Found, Key};
use super::ffi::string::{OwnedString, RedisStr};
use super::main_loop::{self, Task};
use super::module::settings;
use crate::cache_loads::{CacheLoads, KeyAddress, WaiterId};
use crate::metrics;
use crate::tokens::background::CompletionGuard;

/// Somebody loads or waits. Mostly nobody does, and then nothing below costs anything.
static ANY: AtomicBool = AtomicBool::new(false);

/// A client that is blocked on keys.
#[derive(Debug, Clone, Copy)]
pub struct Waiter {
    /// Its id in this table.
    pub id: WaiterId,
    /// Its id on the server.
    pub client: u64,
    /// It is answered this time, even with a miss.
    pub last: bool,
    /// A backfill has come for what it waits for: a miss is its answer, and it loads nothing.
    pub is_backfilled: bool,
}

/// Runs the command of a waiting client again. True if it has replied; false to stay blocked, never the last time.
pub type Resume = Box<dyn Fn(Context<'_>, &[RedisStr<'_>], Waiter) -> bool>;

struct Entry {
    handle: Handle,
    client: u64,
    resume: Resume,
}

#[derive(Default)]
struct State {
    loads: CacheLoads,
    entries: HashMap<WaiterId, Entry>,
    /// The waiters, and their clients' ids on the server.
    ids: HashMap<Handle, (WaiterId, u64)>,
    /// The same by the client's id: a client is blocked at most once.
    clients: HashMap<u64, Handle>,
    /// What nobody loads any more, and somebody may wait for.
    to_hand_over: Vec<KeyAddress>,
    is_handing_over: bool,
}

static STATE: MainThread<Option<State>> = MainThread::new(None);

static ALARM: Alarm = Alarm::new(end_due_loads);

fn with<R>(f: impl FnOnce(&mut State) -> R) -> R {
    STATE.with(|state| {
        let state = state.get_or_insert_default();
        let result = f(state);
        ANY.store(!state.loads.is_empty(), Relaxed);
        result
    })
}

/// Loads under way, and clients that wait for one, for INFO.
pub fn counts() -> (u64, u64) {
    with(|state| (state.loads.loads() as u64, state.loads.waiting() as u64))
}

/// The address of the key in the selected database.
pub fn address(ctx: Context<'_>, name: RedisStr<'_>) -> KeyAddress {
    (ctx.database(), name.bytes().to_vec())
}

/// `client` misses these conversations and would wait for `time`. True if it is answered at once, see
/// [`CacheLoads::missed`].
pub fn missed(keys: &[KeyAddress], client: u64, waiter: Option<WaiterId>, time: Duration) -> bool {
    let time = time.min(settings::load_timeout());
    let answer = with(|state| {
        state
            .loads
            .missed(keys, client, waiter, Instant::now(), time)
    });
    set_alarm();
    answer
}

/// Blocks the client of the call under way on these keys, for at most `time`. `resume` runs its command again, with
/// the arguments of the call. `None` if it cannot be blocked.
pub fn wait(
    ctx: Context<'_>,
    keys: &[RedisStr<'_>],
    time: Duration,
    resume: Resume,
) -> Option<WaiterId> {
    let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let handle = block_on_keys::<Waiters>(ctx, keys, ms.max(1))?;
    metrics::waited();
    let id = next_id();
    let addresses = keys.iter().map(|key| address(ctx, *key)).collect();
    let client = ctx.client_id();
    with(|state| {
        state.loads.wait(id, addresses);
        state.ids.insert(handle, (id, client));
        state.clients.insert(client, handle);
        let entry = Entry {
            handle,
            client,
            resume,
        };
        state.entries.insert(id, entry);
    });
    Some(id)
}

/// Wakes waiter `id` when its last clone is dropped, on whichever thread: the counts that it needs are there.
pub fn completion_guard(id: WaiterId, key: KeyAddress) -> CompletionGuard {
    CompletionGuard::new(move || {
        main_loop::post(Task {
            writes: false,
            run: Box::new(move |ctx| counted(ctx, id, &key)),
        });
    })
}

fn counted(ctx: Context<'_>, id: WaiterId, key: &KeyAddress) {
    let Some(name) = OwnedString::new(&key.1).filter(|_| ctx.select(key.0)) else {
        return;
    };
    if !is_missing(ctx, key) {
        ctx.signal_ready(name.as_str());
    } else if let Some(handle) = with(|state| state.entries.get(&id).map(|entry| entry.handle)) {
        // Redis wakes nobody for a key that is gone.
        handle.unblock();
    }
}

/// True if there is no such key. Selects its database.
fn is_missing(ctx: Context<'_>, key: &KeyAddress) -> bool {
    OwnedString::new(&key.1)
        .filter(|_| ctx.select(key.0))
        .is_some_and(|name| {
            let mut key = Key::open(ctx, name.as_str(), Access::Maintain);
            matches!(key.get(), Found::Missing)
        })
}

/// The conversation at this key of the selected database has changed.
pub fn changed(ctx: Context<'_>, name: RedisStr<'_>) {
    if !ANY.load(Relaxed) {
        return;
    }
    let key = address(ctx, name);
    if with(|state| state.loads.is_waited_for(&key)) {
        ctx.signal_ready(name);
    }
}

/// A backfill of this key has come, whether or not it added anything.
pub fn backfilled(ctx: Context<'_>, name: RedisStr<'_>) {
    if !ANY.load(Relaxed) {
        return;
    }
    let key = address(ctx, name);
    let is_waited_for = with(|state| {
        state.loads.backfilled(&key);
        state.loads.is_waited_for(&key)
    });
    changed(ctx, name);
    if is_waited_for {
        // Redis wakes nobody if the same transaction removes the key.
        main_loop::post(Task {
            writes: false,
            run: Box::new(move |ctx| {
                if is_missing(ctx, &key) {
                    hand_over(&[key]);
                }
            }),
        });
    }
}

/// A client has disconnected.
pub fn disconnected(client: u64) {
    if ANY.load(Relaxed) {
        // Redis has not told yet that it waits no longer. It must not be called.
        if let Some(handle) = with(|state| state.clients.get(&client).copied()) {
            forget(handle);
        }
        let ended = with(|state| state.loads.disconnected(client));
        hand_over(&ended);
    }
}

/// A database, or all of them, were emptied.
pub fn flushed(database: Option<i32>) {
    if ANY.load(Relaxed) {
        let ended = with(|state| state.loads.flushed(database));
        hand_over(&ended);
    }
}

fn end_due_loads(_ctx: Context<'_>) {
    let ended = with(|state| state.loads.due(Instant::now()));
    hand_over(&ended);
    set_alarm();
}

fn set_alarm() {
    if let Some(deadline) = with(|state| state.loads.next_deadline()) {
        ALARM.ring_at(deadline);
    }
}

/// Nobody loads these conversations any more: the client that has waited longest runs again, and becomes the loader
/// if it still misses. If it does not, the next one runs: once it leaves. Some servers run it before [`Handle::unblock`]
/// returns, and some later.
fn hand_over(keys: &[KeyAddress]) {
    let begins = with(|state| {
        state.to_hand_over.extend_from_slice(keys);
        !std::mem::replace(&mut state.is_handing_over, true)
    });
    // A client that leaves in the loop only adds to the list: thousands of them must not nest.
    if begins {
        while let Some(handle) = with(State::next_to_call) {
            handle.unblock();
        }
        with(|state| state.is_handing_over = false);
    }
}

impl State {
    fn next_to_call(&mut self) -> Option<Handle> {
        while let Some(key) = self.to_hand_over.pop() {
            let Some(id) = self.loads.next_loader(&key) else {
                continue;
            };
            if let Some(entry) = self.entries.get(&id) {
                return Some(entry.handle);
            }
            // It runs just now.
            let left = self.loads.leave(id);
            self.to_hand_over.extend(left);
        }
        None
    }

    /// Takes a client out of the table. Returns what [`hand_over`] is to be called for.
    fn leave(&mut self, handle: Handle) -> Vec<KeyAddress> {
        let Some((id, client)) = self.ids.remove(&handle) else {
            return Vec::new();
        };
        self.clients.remove(&client);
        self.entries.remove(&id);
        self.loads.leave(id)
    }
}

fn forget(handle: Handle) {
    let left = with(|state| state.leave(handle));
    hand_over(&left);
}

/// What Redis calls for clients that wait.
struct Waiters;

impl Waiters {
    /// Runs the command again. The entry is out of the table meanwhile, as the command may use the table.
    fn run(ctx: Context<'_>, args: &[RedisStr<'_>], handle: Handle, last_chance: bool) -> bool {
        let taken = with(|state| {
            let (id, _) = state.ids.get(&handle).copied()?;
            let is_backfilled = state.loads.is_backfilled(id);
            Some((id, is_backfilled, state.entries.remove(&id)?))
        });
        let Some((id, is_backfilled, entry)) = taken else {
            // Only if an earlier run panicked.
            ClientReply::new(ctx).internal_error();
            return true;
        };
        let waiter = Waiter {
            id,
            client: entry.client,
            last: last_chance || is_backfilled,
            is_backfilled,
        };
        if (entry.resume)(ctx, args, waiter) {
            forget(handle);
            return true;
        }
        with(|state| state.entries.insert(id, entry));
        false
    }
}

impl BlockedOnKeys for Waiters {
    fn ready(ctx: Context<'_>, args: &[RedisStr<'_>], handle: Handle) -> bool {
        Self::run(ctx, args, handle, false)
    }

    fn last_chance(ctx: Context<'_>, args: &[RedisStr<'_>], handle: Handle) {
        if !Self::run(ctx, args, handle, true) {
            ClientReply::new(ctx).internal_error();
            forget(handle);
        }
    }

    fn gone(handle: Handle) {
        forget(handle);
    }
}
