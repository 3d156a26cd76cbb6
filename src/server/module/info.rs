//! The section `conv` of INFO.

use std::ffi::c_int;

use redis_module::raw::{RedisModuleCtx, RedisModuleInfoCtx};

use super::super::ffi::api::{OK, call};
use super::super::ffi::panic_guard::guard;
use crate::metrics;

/// Registers the section.
pub fn register(ctx: *mut RedisModuleCtx) -> bool {
    // SAFETY: the context is that of the load under way.
    let registered = unsafe { call!(RedisModule_RegisterInfoFunc, ctx, Some(report)) };
    registered == Some(OK)
}

unsafe extern "C" fn report(info: *mut RedisModuleInfoCtx, _for_crash_report: c_int) {
    guard(std::ptr::null_mut(), (), || {
        // SAFETY: the context is that of the call under way; an empty name means the module's own.
        if unsafe { call!(RedisModule_InfoAddSection, info, c"".as_ptr()) } != Some(OK) {
            return;
        }
        for (name, value) in metrics::all() {
            // SAFETY: as above; the name ends in NUL.
            unsafe {
                call!(
                    RedisModule_InfoAddFieldULongLong,
                    info,
                    name.as_ptr(),
                    value
                )
            };
        }
    });
}
