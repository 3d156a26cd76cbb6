//! Visiting all conversations of a database step by step.

use std::ffi::c_void;
use std::ptr::NonNull;

use redis_module::raw::{RedisModuleCtx, RedisModuleKey, RedisModuleScanCursor, RedisModuleString};

use super::api::call;
use super::context::Context;
use super::open_key::value_of;
use super::panic_guard::guard;
use crate::conversation::value::Value;

/// A scan of the keys of a database, like SCAN: a key that is there all the time is visited, maybe more than once.
pub struct KeyScan(NonNull<RedisModuleScanCursor>);

// SAFETY: the cursor is a structure on the heap that belongs to nobody else; it is used on the main thread.
unsafe impl Send for KeyScan {}

/// What visits the values.
type Visit<'v> = &'v mut dyn FnMut(&mut Value);

impl KeyScan {
    /// A scan that begins. Nothing if this server has no scans for modules.
    pub fn new() -> Option<Self> {
        // SAFETY: the function takes nothing.
        NonNull::new(unsafe { call!(RedisModule_ScanCursorCreate) }?).map(Self)
    }

    /// Visits the conversations in the next few keys of the selected database. They may be changed in ways that clients do
    /// not see; access times, hits and expiries are left alone. False if the scan is over.
    pub fn step(&mut self, ctx: Context<'_>, mut visit: Visit<'_>) -> bool {
        let data = (&raw mut visit).cast::<c_void>();
        // SAFETY: context and cursor are valid; the data is alive until the call returns, and of the type that
        // `visit_key` expects.
        let more = unsafe {
            call!(
                RedisModule_Scan,
                ctx.as_ptr(),
                self.0.as_ptr(),
                Some(visit_key),
                data
            )
        };
        more.unwrap_or_default() != 0
    }
}

impl Drop for KeyScan {
    fn drop(&mut self) {
        // SAFETY: the cursor is valid, and not used again.
        unsafe { call!(RedisModule_ScanCursorDestroy, self.0.as_ptr()) };
    }
}

unsafe extern "C" fn visit_key(
    _ctx: *mut RedisModuleCtx,
    _name: *mut RedisModuleString,
    key: *mut RedisModuleKey,
    data: *mut c_void,
) {
    guard((), || {
        // SAFETY: the data is what `step` has passed.
        let Some(visit) = (unsafe { data.cast::<Visit<'_>>().as_mut() }) else {
            return;
        };
        // SAFETY: Redis passes an open key, or null. No command runs, so nobody else has its value.
        if let Some(value) = unsafe { value_of(key) } {
            visit(value);
        }
    });
}
