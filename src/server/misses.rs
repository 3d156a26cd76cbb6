//! Clients that miss a conversation, as the server sees them: who loads it, who waits, and what wakes them. Who is which
//! is decided in [`crate::misses`].

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redis_module::raw::{
    self, RedisModuleClientInfo, RedisModuleCtx, RedisModuleEvent, RedisModuleString,
};

use super::api::{OK, bytes, call, lock};
use super::guard::guard;
use super::{waiting, words};
use crate::misses::{Misses, Place, Waiter};

static MISSES: Mutex<Option<Misses>> = Mutex::new(None);

/// Somebody loads or waits. Most often nobody does, and nothing below costs anything.
static ANY: AtomicBool = AtomicBool::new(false);

/// After so long at the latest it is looked what has ended.
const HOUR_MS: i64 = 3_600_000;

/// When the next timer is due.
static ARMED: Mutex<Option<Instant>> = Mutex::new(None);

fn with<R>(f: impl FnOnce(&mut Misses) -> R) -> R {
    let mut misses = lock(&MISSES);
    let misses = misses.get_or_insert_default();
    let result = f(misses);
    ANY.store(!misses.is_empty(), Relaxed);
    result
}

/// To be called when the module is loaded.
pub fn register(ctx: *mut RedisModuleCtx) -> bool {
    let event = RedisModuleEvent {
        id: raw::REDISMODULE_EVENT_CLIENT_CHANGE,
        dataver: 1,
    };
    // SAFETY: the context is that of the load under way.
    let subscribed = unsafe {
        [
            call!(
                RedisModule_SubscribeToServerEvent,
                ctx,
                event,
                Some(client_changed)
            ),
            call!(
                RedisModule_SubscribeToKeyspaceEvents,
                ctx,
                raw::REDISMODULE_NOTIFY_GENERIC as c_int,
                Some(key_changed)
            ),
        ]
    };
    subscribed == [Some(OK), Some(OK)]
}

/// The place of the key in the database of the call under way.
pub fn place(ctx: *mut RedisModuleCtx, name: &[u8]) -> Place {
    // SAFETY: the context is that of the call under way.
    let database = unsafe { call!(RedisModule_GetSelectedDb, ctx) };
    (database.unwrap_or_default(), name.to_vec())
}

/// See [`Misses::missed`].
pub fn missed(places: &[Place], client: u64, time: Duration) -> bool {
    let loads = with(|misses| misses.missed(places, client, Instant::now(), time));
    arm();
    loads
}

/// See [`Misses::wait`].
pub fn wait(waiter: Waiter, places: Vec<Place>, until: Instant) {
    with(|misses| misses.wait(waiter, places, until));
    arm();
}

/// See [`Misses::leave`].
pub fn leave(waiter: Waiter) {
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
    wake(with(|misses| {
        if backfilled {
            misses.backfilled(&place)
        } else {
            misses.changed(&place)
        }
    }));
}

fn wake(waiters: Vec<Waiter>) {
    waiters.into_iter().for_each(waiting::wake);
}

/// Sees to it that a timer is due when the next time is over.
fn arm() {
    let Some(next) = with(|misses| misses.next()) else {
        return;
    };
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

unsafe extern "C" fn tick(_ctx: *mut RedisModuleCtx, _data: *mut c_void) {
    guard(null_mut(), (), || {
        *lock(&ARMED) = None;
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

/// A conversation may come by RESTORE, RENAME or COPY as well.
unsafe extern "C" fn key_changed(
    ctx: *mut RedisModuleCtx,
    _kind: c_int,
    _event: *const c_char,
    key: *mut RedisModuleString,
) -> c_int {
    if ANY.load(Relaxed) {
        // SAFETY: the name is valid during the call.
        let name = unsafe { bytes(key) };
        guard(null_mut(), (), || changed(ctx, name, false));
    }
    OK
}
