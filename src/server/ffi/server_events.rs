//! Events of the server that the module listens to.
//!
//! Keyspace events are not among them: on Valkey from 8.1 on, until its change 4024, listening to them left the client
//! of a MOVE or of a COPY to another database in that database.

use std::ffi::c_void;

use redis_module::raw::{
    self, RedisModuleClientInfo, RedisModuleCtx, RedisModuleEvent, RedisModuleEventCallback,
    RedisModuleFlushInfo,
};

use super::api::{OK, call};
use super::panic_guard::guard;

/// Who is told of events.
pub trait Listener {
    /// The event loop is about to wait for input.
    fn before_sleep();
    /// A client has disconnected.
    fn disconnected(client: u64);
    /// A database, or all of them, were emptied.
    fn flushed(database: Option<i32>);
}

/// Subscribes `L`. False if the server refuses.
///
/// # Safety
/// `ctx` is the context of the load under way.
pub unsafe fn subscribe<L: Listener>(ctx: *mut RedisModuleCtx) -> bool {
    let events: [(u64, RedisModuleEventCallback); 3] = [
        (raw::REDISMODULE_EVENT_EVENTLOOP, Some(event_loop::<L>)),
        (
            raw::REDISMODULE_EVENT_CLIENT_CHANGE,
            Some(client_changed::<L>),
        ),
        (raw::REDISMODULE_EVENT_FLUSHDB, Some(flushed::<L>)),
    ];
    events.into_iter().all(|(id, callback)| {
        let event = RedisModuleEvent { id, dataver: 1 };
        // SAFETY: as the caller promises.
        unsafe { call!(RedisModule_SubscribeToServerEvent, ctx, event, callback) == Some(OK) }
    })
}

unsafe extern "C" fn event_loop<L: Listener>(
    _ctx: *mut RedisModuleCtx,
    _event: RedisModuleEvent,
    subevent: u64,
    _data: *mut c_void,
) {
    if subevent == raw::REDISMODULE_SUBEVENT_EVENTLOOP_BEFORE_SLEEP {
        guard((), L::before_sleep);
    }
}

unsafe extern "C" fn client_changed<L: Listener>(
    _ctx: *mut RedisModuleCtx,
    _event: RedisModuleEvent,
    subevent: u64,
    data: *mut c_void,
) {
    if subevent != raw::REDISMODULE_SUBEVENT_CLIENT_CHANGE_DISCONNECTED || data.is_null() {
        return;
    }
    // SAFETY: with this event Redis passes the client's description.
    let client = unsafe { (*data.cast::<RedisModuleClientInfo>()).id };
    guard((), || L::disconnected(client));
}

unsafe extern "C" fn flushed<L: Listener>(
    _ctx: *mut RedisModuleCtx,
    _event: RedisModuleEvent,
    subevent: u64,
    data: *mut c_void,
) {
    if subevent != raw::REDISMODULE_SUBEVENT_FLUSHDB_END || data.is_null() {
        return;
    }
    // SAFETY: with this event Redis passes what was emptied.
    let database = unsafe { (*data.cast::<RedisModuleFlushInfo>()).dbnum };
    // -1 stands for all databases.
    guard((), || L::flushed(Some(database).filter(|&db| db >= 0)));
}
