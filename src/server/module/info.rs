//! The section `conv` of INFO.

use std::ffi::c_int;

use redis_module::raw::{RedisModuleCtx, RedisModuleInfoCtx};

use super::super::background_work;
use super::super::blocked_clients;
use super::super::cache_loads;
use super::super::ffi::alarm;
use super::super::ffi::api::{OK, call};
use super::super::ffi::panic_guard::guard;
use crate::metrics;

/// Registers the section.
pub fn register(ctx: *mut RedisModuleCtx) -> bool {
    // SAFETY: the context is that of the load under way.
    let registered = unsafe { call!(RedisModule_RegisterInfoFunc, ctx, Some(report)) };
    registered == Some(OK)
}

unsafe extern "C" fn report(info: *mut RedisModuleInfoCtx, for_crash_report: c_int) {
    guard((), || {
        // SAFETY: the context is that of the call under way; an empty name means the module's own.
        if unsafe { call!(RedisModule_InfoAddSection, info, c"".as_ptr()) } != Some(OK) {
            return;
        }
        let mut fields = metrics::all().to_vec();
        // A crash report is written on whichever thread crashed, and main-thread state may be half changed.
        if for_crash_report == 0 {
            let (loads, waiting) = cache_loads::counts();
            let (commands, queued, bytes) = background_work::counts();
            fields.extend([
                (c"loads", loads),
                (c"waiting_clients", waiting + blocked_clients::count()),
                (c"background_commands", commands),
                (c"background_queued", queued),
                (c"background_bytes", bytes),
                (c"timer_rings", alarm::rings()),
            ]);
        }
        for (name, value) in fields {
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
