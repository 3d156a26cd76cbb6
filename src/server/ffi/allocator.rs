//! The allocator: Redis's own, so that MEMORY and maxmemory see what is held; the system's where there is no Redis,
//! as in `cargo test`.

use std::alloc::{GlobalAlloc, Layout, System};

use redis_module::raw;

/// The largest alignment that Redis's allocator is asked for.
const REDIS_ALIGN: usize = 16;

/// What to ask Redis for. The jemalloc that Redis and Valkey bring along has size classes 8 bytes apart, so 16 bytes'
/// alignment is only to be had for sizes that are multiples of 16.
fn redis_size(size: usize, layout: Layout) -> usize {
    size.next_multiple_of(layout.align())
}

/// See the head of this file.
pub struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Redis's functions are set once, while the module is loaded and before it allocates; so memory is always freed
/// where it came from. What wants a larger alignment never goes to Redis.
fn is_for_redis(layout: Layout) -> bool {
    layout.align() <= REDIS_ALIGN
}

// SAFETY: each function hands to one of two allocators, which one depends on the layout and on a pointer that does
// not change once memory has been allocated.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(test)]
        if fails::fails(layout.size()) {
            return std::ptr::null_mut();
        }
        // The one that may say no: whoever asks by `try_reserve` is told, everybody else ends the server, as Redis's
        // other one would.
        // SAFETY: the API pointers are only written while the module is loaded.
        match unsafe { raw::RedisModule_TryAlloc.or(raw::RedisModule_Alloc) } {
            // SAFETY: any size may be asked for.
            Some(alloc) if is_for_redis(layout) => unsafe {
                alloc(redis_size(layout.size(), layout)).cast()
            },
            // SAFETY: as the caller promises.
            _ => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        match unsafe { raw::RedisModule_Calloc } {
            // SAFETY: any size may be asked for.
            Some(calloc) if is_for_redis(layout) => unsafe {
                calloc(1, redis_size(layout.size(), layout)).cast()
            },
            // SAFETY: as the caller promises.
            _ => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        match unsafe { raw::RedisModule_Free } {
            // SAFETY: `ptr` came from Redis's allocator, by the same conditions.
            Some(free) if is_for_redis(layout) => unsafe { free(ptr.cast()) },
            // SAFETY: `ptr` came from the system's allocator, by the same conditions.
            _ => unsafe { System.dealloc(ptr, layout) },
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        match unsafe { raw::RedisModule_Realloc } {
            // SAFETY: `ptr` came from Redis's allocator, by the same conditions.
            Some(realloc) if is_for_redis(layout) => unsafe {
                realloc(ptr.cast(), redis_size(size, layout)).cast()
            },
            // SAFETY: `ptr` came from the system's allocator, by the same conditions.
            _ => unsafe { System.realloc(ptr, layout, size) },
        }
    }
}

/// Allocations that fail, for tests of what happens then.
#[cfg(test)]
pub mod fails {
    use std::cell::Cell;

    thread_local! {
        static FROM_BYTES: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    /// Runs `f` while this thread gets no allocation of `bytes` or more.
    pub fn from_bytes<R>(bytes: usize, f: impl FnOnce() -> R) -> R {
        FROM_BYTES.set(bytes);
        let result = f();
        FROM_BYTES.set(usize::MAX);
        result
    }

    pub(super) fn fails(size: usize) -> bool {
        FROM_BYTES
            .try_with(|from| size >= from.get())
            .unwrap_or(false)
    }
}

#[cfg(test)]
#[path = "allocator_tests.rs"]
mod tests;
