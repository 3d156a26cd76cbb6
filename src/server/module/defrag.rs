//! Active defragmentation: the buffers of the messages, by far the most of a conversation, are offered to Redis's
//! allocator one by one, and where that takes too long at a time, the next round goes on from a cursor.

use std::ffi::{c_int, c_ulong, c_void};
use std::mem::ManuallyDrop;

use redis_module::raw::{RedisModuleDefragCtx, RedisModuleString};

use super::super::ffi::api::{OK, call};
use super::super::ffi::panic_guard::guard;
use crate::conversation::Relocate;
use crate::conversation::value::Value;

/// A round under way.
struct Round(*mut RedisModuleDefragCtx);

impl Relocate for Round {
    fn relocate<T: Copy>(&mut self, buffer: Vec<T>) -> Vec<T> {
        if buffer.capacity() == 0 {
            return buffer;
        }
        let mut buffer = ManuallyDrop::new(buffer);
        let (data, len, capacity) = (buffer.as_mut_ptr(), buffer.len(), buffer.capacity());
        // SAFETY: the context is that of the round under way; the buffer came from Redis's allocator (see `alloc`),
        // and only `data` points to it. Redis either leaves it, or has copied and freed it.
        let moved = unsafe { call!(RedisModule_DefragAlloc, self.0, data.cast::<c_void>()) };
        let data = match moved {
            Some(moved) if !moved.is_null() => moved.cast::<T>(),
            _ => data,
        };
        // SAFETY: pointer, length and capacity are those of the vector taken apart above, or of its copy of the same
        // size and alignment.
        unsafe { Vec::from_raw_parts(data, len, capacity) }
    }

    fn is_over(&mut self) -> bool {
        // SAFETY: the context is that of the round under way.
        unsafe { call!(RedisModule_DefragShouldStop, self.0) }.unwrap_or(1) != 0
    }
}

/// Called by Redis for a value; 1 if there is more to do, from the cursor on.
///
/// # Safety
/// Called by Redis, with a value of our type.
pub unsafe extern "C" fn defrag(
    ctx: *mut RedisModuleDefragCtx,
    _key: *mut RedisModuleString,
    value: *mut *mut c_void,
) -> c_int {
    guard(0, || {
        // SAFETY: Redis passes a place with a value of our type, which nobody else uses meanwhile.
        let Some(stored) = (unsafe { (*value).cast::<Value>().as_mut() }) else {
            return 0;
        };
        let mut cursor: c_ulong = 0;
        // SAFETY: the context is that of the round under way. Without a cursor, the value begins here.
        let going_on = unsafe { call!(RedisModule_DefragCursorGet, ctx, &raw mut cursor) };
        if going_on != Some(OK) {
            cursor = 0;
        }
        let from = usize::try_from(cursor).unwrap_or_default();
        let Some(next) = stored.relocate(from, &mut Round(ctx)) else {
            return 0;
        };
        let next = c_ulong::try_from(next).unwrap_or_default();
        // SAFETY: as above.
        let kept = unsafe { call!(RedisModule_DefragCursorSet, ctx, next) };
        c_int::from(kept == Some(OK))
    })
}
