//! Clients that miss a conversation, as the server sees them: who loads it, who waits, and what wakes them. Who is which
//! is decided in [`crate::cache_loads`].
//!
//! The module's own writes wake at once. A conversation may also come by RESTORE, RENAME, COPY or SWAPDB: for that the keys
//! that somebody waits for are looked at every few milliseconds. The server's keyspace events would say so as well, but
//! to listen to them has a price on Valkey from 8.1 on, until its change 4024: every MOVE, and every COPY to another
//! database, would leave its client in that database.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redis_module::raw::{self, RedisModuleClientInfo, RedisModuleCtx, RedisModuleEvent};

use super::ffi::api::{OK, OwnedString, call, lock};
use super::ffi::open_key::{Found, Key};
use super::ffi::panic_guard::guard;
use super::{blocked_clients as waiting, main_loop as words};
use crate::cache_loads::{CacheLoads, KeyAddress, WaiterId};
use crate::conversation::Conversation;

static MISSES: Mutex<Option<CacheLoads>> = Mutex::new(None);

/// Somebody loads or waits. Most often nobody does, and nothing below costs anything.
static ANY: AtomicBool = AtomicBool::new(false);

/// After so long at the latest it is looked what has ended.
const HOUR_MS: i64 = 3_600_000;

/// How often the keys are looked at that somebody waits for.
const LOOK: Duration = Duration::from_millis(20);

/// So many of them at a time; some microseconds each.
const LOOK_AT: usize = 256;

/// What was under a key: where in memory, and when it was last written. Nothing if there was no conversation.
type Stamp = Option<(usize, i64)>;

/// What was under the keys that somebody waits for.
static STAMPS: Mutex<Option<HashMap<KeyAddress, Stamp>>> = Mutex::new(None);

/// The last key that was looked at.
static LOOKED_AT: Mutex<Option<KeyAddress>> = Mutex::new(None);

/// When the next timer is due.
static ARMED: Mutex<Option<Instant>> = Mutex::new(None);

fn with<R>(f: impl FnOnce(&mut CacheLoads) -> R) -> R {
    let mut misses = lock(&MISSES);
    let misses = misses.get_or_insert_default();
    let result = f(misses);
    ANY.store(!misses.is_empty(), Relaxed);
    result
}

fn with_stamps<R>(f: impl FnOnce(&mut HashMap<KeyAddress, Stamp>) -> R) -> R {
    f(lock(&STAMPS).get_or_insert_default())
}

/// To be called when the module is loaded.
pub fn register(ctx: *mut RedisModuleCtx) -> bool {
    let event = RedisModuleEvent {
        id: raw::REDISMODULE_EVENT_CLIENT_CHANGE,
        dataver: 1,
    };
    // SAFETY: the context is that of the load under way.
    let subscribed = unsafe {
        call!(
            RedisModule_SubscribeToServerEvent,
            ctx,
            event,
            Some(client_changed)
        )
    };
    subscribed == Some(OK)
}

/// The place of the key in the database of the call under way.
pub fn place(ctx: *mut RedisModuleCtx, name: &[u8]) -> KeyAddress {
    // SAFETY: the context is that of the call under way.
    let database = unsafe { call!(RedisModule_GetSelectedDb, ctx) };
    (database.unwrap_or_default(), name.to_vec())
}

/// See [`CacheLoads::missed`].
pub fn missed(places: &[KeyAddress], client: u64, time: Duration) -> bool {
    let loads = with(|misses| misses.missed(places, client, Instant::now(), time));
    arm();
    loads
}

/// See [`CacheLoads::wait`]; the conversations lie in the database that the context has selected.
pub fn wait(ctx: *mut RedisModuleCtx, waiter: WaiterId, places: Vec<KeyAddress>, until: Instant) {
    for place in &places {
        if !with_stamps(|stamps| stamps.contains_key(place)) {
            let stamp = stamp(ctx, &place.1);
            with_stamps(|stamps| stamps.insert(place.clone(), stamp));
        }
    }
    with(|misses| misses.wait(waiter, places, until));
    arm();
}

/// What is under a key of the database that the context has selected.
fn stamp(ctx: *mut RedisModuleCtx, name: &[u8]) -> Stamp {
    let name = OwnedString::new(name)?;
    // SAFETY: the context is that of the call or timer under way, which has no key open.
    let mut key = unsafe { Key::look(ctx, name.as_ptr()) };
    match key.get() {
        Found::Conversation(conversation) => Some((
            std::ptr::from_ref::<Conversation>(conversation).addr(),
            conversation.updated(),
        )),
        _ => None,
    }
}

/// Looks at the next keys that somebody waits for; who is to look again, as something else is there now.
fn look(ctx: *mut RedisModuleCtx) -> Vec<WaiterId> {
    let after = lock(&LOOKED_AT).take();
    let places = with(|misses| misses.waited_for(after.as_ref(), LOOK_AT));
    // Behind the last one comes the first.
    let is_round_over = places.len() < LOOK_AT;
    *lock(&LOOKED_AT) = places.last().filter(|_| !is_round_over).cloned();
    // No lock is held while keys are open.
    let found: Vec<(KeyAddress, Stamp)> = places
        .into_iter()
        .filter_map(|place| {
            // SAFETY: the context is that of this timer.
            let selected = unsafe { call!(RedisModule_SelectDb, ctx, place.0) };
            let stamp = (selected == Some(OK)).then(|| stamp(ctx, &place.1))?;
            Some((place, stamp))
        })
        .collect();
    with(|misses| {
        with_stamps(|stamps| {
            if is_round_over {
                stamps.retain(|place, _| misses.is_waited_for(place));
            }
            let changed = found.into_iter().filter_map(|(place, now)| {
                let waiters = misses.changed(&place);
                (stamps.insert(place, now) != Some(now)).then_some(waiters)
            });
            changed.flatten().collect()
        })
    })
}

/// See [`CacheLoads::leave`].
pub fn leave(waiter: WaiterId) {
    if ANY.load(Relaxed) {
        with(|misses| misses.leave(waiter));
    }
}

/// The conversation under this key has changed; with `backfilled`, older messages have come.
pub fn changed(ctx: *mut RedisModuleCtx, name: &[u8], backfilled: bool) {
    if !ANY.load(Relaxed) {
        return;
    }
    let place = place(ctx, name);
    if !backfilled {
        return wake(with(|misses| misses.changed(&place)));
    }
    for waiter in with(|misses| misses.backfilled(&place)) {
        // Who waits for others besides waits on for those.
        let answer = with(|misses| misses.waits_for_one(waiter));
        waiting::wake(waiter, answer);
    }
}

fn wake(waiters: Vec<WaiterId>) {
    for waiter in waiters {
        waiting::wake(waiter, false);
    }
}

/// Sees to it that a timer is due when the next time is over, or keys are to be looked at.
fn arm() {
    let (next, waiters) = with(|misses| (misses.next(), misses.has_waiters()));
    let Some(mut next) = next else {
        return;
    };
    if waiters && let Some(look) = Instant::now().checked_add(LOOK) {
        next = next.min(look);
    }
    let mut armed = lock(&ARMED);
    if armed.is_some_and(|armed| armed <= next) {
        return;
    }
    *armed = Some(next);
    let left = next.saturating_duration_since(Instant::now());
    // Not before it is over: a millisecond is begun. Redis does not check that such times end after now: one that does not
    // would keep it busy for ever.
    let ms = left.as_millis().saturating_add(1);
    words::timer(i64::try_from(ms).unwrap_or(i64::MAX).min(HOUR_MS), tick);
}

unsafe extern "C" fn tick(ctx: *mut RedisModuleCtx, _data: *mut c_void) {
    guard(ctx, (), || {
        *lock(&ARMED) = None;
        wake(look(ctx));
        wake(with(|misses| misses.due(Instant::now())));
        arm();
    });
}

unsafe extern "C" fn client_changed(
    _ctx: *mut RedisModuleCtx,
    _event: RedisModuleEvent,
    subevent: u64,
    data: *mut c_void,
) {
    if subevent != raw::REDISMODULE_SUBEVENT_CLIENT_CHANGE_DISCONNECTED
        || data.is_null()
        || !ANY.load(Relaxed)
    {
        return;
    }
    // SAFETY: with this event Redis hands over the client's description.
    let client = unsafe { (*data.cast::<RedisModuleClientInfo>()).id };
    guard(null_mut(), (), || {
        wake(with(|misses| misses.disconnected(client)));
    });
}
