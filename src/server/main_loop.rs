//! The way back from the background threads to the main one.
//!
//! Background threads only leave word of what is done ([`Word`]) and wake the event loop; everything that touches keys
//! or clients happens on the main thread, in a timer, where Redis replicates what is written.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redis_module::raw::{self, RedisModuleCtx, RedisModuleEvent};

use super::blocked_clients::{self as waiting, ClientId};
use super::ffi::api::{OK, call, lock};
use super::ffi::panic_guard::guard;
use super::maintenance as revisit;
use crate::metrics;
use crate::tokens::background::flush;

/// What a background thread leaves word of.
pub enum Word {
    /// What this client waits for is done.
    Client(ClientId),
    /// Something in this key is done: database and name, and whether retention is to act on counts that are there now.
    Key(c_int, Vec<u8>, bool),
}

impl Word {
    /// True if keys may be changed on account of it.
    fn may_write(&self) -> bool {
        match self {
            Self::Client(id) => waiting::writes(*id),
            Self::Key(_, _, retain) => *retain,
        }
    }
}

/// Milliseconds between looks at whether writes are allowed again.
const HOLD_MS: i64 = 10;

/// After so long others have their turn.
const SLICE: Duration = Duration::from_millis(1);

static WORDS: Mutex<Vec<Word>> = Mutex::new(Vec::new());

/// A context of the module's own, for timers.
static CONTEXT: AtomicPtr<RedisModuleCtx> = AtomicPtr::new(null_mut());

/// To be called when the module is loaded.
pub fn register(ctx: *mut RedisModuleCtx) -> bool {
    // SAFETY: the context is that of the load under way.
    let own = unsafe { call!(RedisModule_GetDetachedThreadSafeContext, ctx) };
    CONTEXT.store(own.unwrap_or(null_mut()), Relaxed);
    let event = RedisModuleEvent {
        id: raw::REDISMODULE_EVENT_EVENTLOOP,
        dataver: 1,
    };
    // SAFETY: as above.
    let subscribed = unsafe {
        call!(
            RedisModule_SubscribeToServerEvent,
            ctx,
            event,
            Some(before_sleep)
        )
    };
    subscribed == Some(OK) && !CONTEXT.load(Relaxed).is_null()
}

unsafe extern "C" fn before_sleep(
    _ctx: *mut RedisModuleCtx,
    _event: RedisModuleEvent,
    subevent: u64,
    _data: *mut c_void,
) {
    if subevent == raw::REDISMODULE_SUBEVENT_EVENTLOOP_BEFORE_SLEEP {
        guard(null_mut(), (), flush);
    }
}

/// Leaves word, from any thread.
pub fn leave(word: Word) {
    let first = {
        let mut words = lock(&WORDS);
        words.push(word);
        words.len() == 1
    };
    if first {
        // SAFETY: Redis takes this call from any thread.
        unsafe { call!(RedisModule_EventLoopAddOneShot, Some(woken), null_mut()) };
    }
}

/// On the main thread, but in no context in which Redis would replicate: a timer that is due at once has one.
unsafe extern "C" fn woken(_data: *mut c_void) {
    schedule(0);
}

fn schedule(ms: i64) {
    timer(ms, due);
}

/// Has `callback` called on the main thread in so many milliseconds.
pub fn timer(ms: i64, callback: unsafe extern "C" fn(*mut RedisModuleCtx, *mut c_void)) {
    // SAFETY: the context is the module's own; the callback is a function of the module, and wants no data.
    unsafe {
        call!(
            RedisModule_CreateTimer,
            CONTEXT.load(Relaxed),
            ms,
            Some(callback),
            null_mut()
        )
    };
}

unsafe extern "C" fn due(ctx: *mut RedisModuleCtx, _data: *mut c_void) {
    let mut words = std::mem::take(&mut *lock(&WORDS));
    // While a failover or a shutdown waits for replicas, and during CLIENT PAUSE WRITE, Redis ends by an assertion if
    // anything is replicated.
    // SAFETY: the function takes nothing.
    if unsafe { call!(RedisModule_AvoidReplicaTraffic) }.is_some_and(|avoid| avoid != 0) {
        let (held, rest): (Vec<Word>, Vec<Word>) = words.into_iter().partition(Word::may_write);
        words = rest;
        put_back(held, HOLD_MS);
    }
    let start = Instant::now();
    let mut words = words.into_iter();
    for word in words.by_ref() {
        guard(ctx, (), || match word {
            Word::Client(id) => waiting::go_on(ctx, id),
            Word::Key(database, name, retain) => {
                metrics::to_revisit(-1);
                revisit::look(ctx, database, &name, retain);
            }
        });
        if start.elapsed() > SLICE {
            break;
        }
    }
    put_back(words.collect(), 0);
}

/// What is still to be done is done in so many milliseconds, before all that has come meanwhile. Until then nobody else
/// is woken.
fn put_back(mut rest: Vec<Word>, ms: i64) {
    if !rest.is_empty() {
        let mut words = lock(&WORDS);
        rest.append(&mut words);
        *words = rest;
        drop(words);
        schedule(ms);
    }
}
