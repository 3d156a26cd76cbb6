//! Blocking a client, and what Redis calls while it is blocked.

use std::ffi::{c_int, c_longlong};
use std::ptr::null_mut;

use redis_module::raw::{RedisModuleBlockedClient, RedisModuleCtx, RedisModuleString};

use super::api::{ERR, OK, call};
use super::context::Context;
use super::panic_guard::guard;
use super::string::RedisStr;

/// A blocked client, as Redis names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(*mut RedisModuleBlockedClient);

/// What happens to clients that are blocked until [`Handle::unblock`].
pub trait Blocked {
    /// Somebody used CLIENT UNBLOCK: replies. The handle is still to be unblocked.
    fn cancelled(ctx: Context<'_>, handle: Handle);
    /// The client has gone. The handle is still to be unblocked.
    fn disconnected(handle: Handle);
}

/// What happens to clients that are blocked on keys. Redis redirects them if the slot of a key moves away.
pub trait BlockedOnKeys {
    /// One of the keys was created or signalled. True if it replied; false to stay blocked.
    fn ready(ctx: Context<'_>, args: &[RedisStr<'_>], handle: Handle) -> bool;
    /// The time is over, somebody used CLIENT UNBLOCK, or [`Handle::unblock`] was called: replies.
    fn last_chance(ctx: Context<'_>, args: &[RedisStr<'_>], handle: Handle);
    /// The client has gone, or was redirected to another node.
    fn gone(handle: Handle);
}

/// Blocks the client of the call under way. `None` if it cannot be blocked.
pub fn block<B: Blocked>(ctx: Context<'_>) -> Option<Handle> {
    // SAFETY: the context is valid. Without a time limit the timeout callback is for CLIENT UNBLOCK.
    let blocked = unsafe {
        call!(
            RedisModule_BlockClient,
            ctx.as_ptr(),
            None,
            Some(cancelled::<B>),
            None,
            0
        )
    };
    let blocked = blocked.filter(|b| !b.is_null())?;
    // SAFETY: the client was blocked above.
    unsafe {
        call!(
            RedisModule_SetDisconnectCallback,
            blocked,
            Some(disconnected::<B>)
        )
    };
    Some(Handle(blocked))
}

/// Blocks the client of the call under way on these keys, for at most `ms`. `None` if it cannot be blocked.
pub fn block_on_keys<B: BlockedOnKeys>(
    ctx: Context<'_>,
    keys: &[RedisStr<'_>],
    ms: i64,
) -> Option<Handle> {
    let number = c_int::try_from(keys.len()).ok()?;
    // SAFETY: context and keys are valid; Redis copies what it keeps, and only reads the array.
    let blocked = unsafe {
        call!(
            RedisModule_BlockClientOnKeys,
            ctx.as_ptr(),
            Some(ready::<B>),
            Some(last_chance::<B>),
            None,
            ms as c_longlong,
            keys.as_ptr().cast::<*mut RedisModuleString>().cast_mut(),
            number,
            null_mut()
        )
    };
    let blocked = blocked.filter(|b| !b.is_null())?;
    // SAFETY: the client was blocked above.
    unsafe { call!(RedisModule_SetDisconnectCallback, blocked, Some(gone::<B>)) };
    Some(Handle(blocked))
}

impl Handle {
    /// Unblocks the client. Called once for each handle of [`block`]. A client that is blocked on keys gets its last
    /// chance to be answered: on Redis 7.0 before this returns, on later ones when the server next looks after its blocked
    /// clients.
    pub fn unblock(self) {
        // SAFETY: the handle was not unblocked before; for clients on keys Redis checks that itself.
        unsafe { call!(RedisModule_UnblockClient, self.0, null_mut()) };
    }

    /// Gives `f` a context in which it replies to the client, which stays blocked. `None` if there is no such context.
    pub fn reply<R>(self, f: impl FnOnce(Context<'_>) -> R) -> Option<R> {
        // SAFETY: the client is blocked; the context is freed below.
        let context = unsafe { call!(RedisModule_GetThreadSafeContext, self.0) };
        let context = context.filter(|c| !c.is_null())?;
        // SAFETY: the context is valid until it is freed.
        let result = f(unsafe { Context::new(context) });
        // SAFETY: the context was made above, and nothing borrows it any more.
        unsafe { call!(RedisModule_FreeThreadSafeContext, context) };
        Some(result)
    }
}

/// The blocked client whose callback runs.
fn handle_of(ctx: Context<'_>) -> Handle {
    // SAFETY: the context is that of a callback of a blocked client.
    let handle = unsafe { call!(RedisModule_GetBlockedClientHandle, ctx.as_ptr()) };
    Handle(handle.unwrap_or(null_mut()))
}

unsafe extern "C" fn cancelled<B: Blocked>(
    ctx: *mut RedisModuleCtx,
    _argv: *mut *mut RedisModuleString,
    _argc: c_int,
) -> c_int {
    // SAFETY: as Redis promises.
    let ctx = unsafe { Context::new(ctx) };
    guard((), || B::cancelled(ctx, handle_of(ctx)));
    OK
}

unsafe extern "C" fn disconnected<B: Blocked>(
    _ctx: *mut RedisModuleCtx,
    blocked: *mut RedisModuleBlockedClient,
) {
    guard((), || B::disconnected(Handle(blocked)));
}

unsafe extern "C" fn ready<B: BlockedOnKeys>(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
) -> c_int {
    let len = usize::try_from(argc).unwrap_or_default();
    // SAFETY: as Redis promises; both are used within this call only.
    let (ctx, args) = unsafe { (Context::new(ctx), RedisStr::slice(argv, len)) };
    if guard(false, || B::ready(ctx, args, handle_of(ctx))) {
        OK
    } else {
        ERR
    }
}

unsafe extern "C" fn last_chance<B: BlockedOnKeys>(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
) -> c_int {
    let len = usize::try_from(argc).unwrap_or_default();
    // SAFETY: as Redis promises; both are used within this call only.
    let (ctx, args) = unsafe { (Context::new(ctx), RedisStr::slice(argv, len)) };
    guard((), || B::last_chance(ctx, args, handle_of(ctx)));
    OK
}

unsafe extern "C" fn gone<B: BlockedOnKeys>(
    _ctx: *mut RedisModuleCtx,
    blocked: *mut RedisModuleBlockedClient,
) {
    guard((), || B::gone(Handle(blocked)));
}
