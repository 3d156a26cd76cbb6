//! Loading the module.

use std::ffi::{c_int, c_void};

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};

use super::super::cache_loads;
use super::super::ffi::api::{ERR, Level, OK, call, create_own_context, log};
use super::super::ffi::main_thread;
use super::super::ffi::open_key::ON_USE;
use super::super::ffi::panic_guard::{guard, log_panics};
use super::super::ffi::server_events::{Listener, subscribe};
use super::super::ffi::string::{RedisStr, free_released};
use super::super::idle_scan;
use super::{command_registration, data_type, info, settings};
use crate::background;
use crate::tokens::background::flush;
use crate::tokens::registry;

/// Version in MODULE LIST, that of Cargo.toml: 10000 * major + 100 * minor + patch.
const VERSION: c_int = 10_000 * number(env!("CARGO_PKG_VERSION_MAJOR"))
    + 100 * below_100(number(env!("CARGO_PKG_VERSION_MINOR")))
    + below_100(number(env!("CARGO_PKG_VERSION_PATCH")));

/// One number of the version.
#[expect(clippy::panic, reason = "only the compiler runs this")]
const fn number(text: &str) -> c_int {
    match c_int::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version is three numbers"),
    }
}

/// Two digits are all that MODULE LIST has for it.
const fn below_100(number: c_int) -> c_int {
    assert!(number < 100, "MODULE LIST has two digits for it");
    number
}

/// `VALKEYMODULE_OPTIONS_HANDLE_ATOMIC_SLOT_MIGRATION` of Valkey 9, which redis-module does not know. A module says
/// with it that it copes with keys which arrive before their slot does; without it Valkey refuses `CLUSTER
/// MIGRATESLOTS`. Valkey sends them as it rewrites an AOF, then as to a replica, and nothing is kept beside the keys.
const VALKEY_HANDLE_ATOMIC_SLOT_MIGRATION: u32 = 1 << 5;

/// Called by Redis when the module is loaded.
///
/// # Safety
/// Called by Redis, with a valid context and `argc` valid arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn RedisModule_OnLoad(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
) -> c_int {
    // Until this call has set Redis's functions, nothing may be allocated: see `alloc`.
    // SAFETY: the context is valid; the name ends in NUL.
    let init = unsafe {
        raw::Export_RedisModule_Init(
            ctx,
            c"conv".as_ptr(),
            VERSION,
            raw::REDISMODULE_APIVER_1 as c_int,
        )
    };
    if init != OK {
        return ERR;
    }
    guard(ERR, || {
        let len = usize::try_from(argc).unwrap_or_default();
        // SAFETY: as Redis promises, for the time of this call.
        let args = unsafe { RedisStr::slice(argv, len) };
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.bytes()).collect();
        match load(ctx, &args) {
            Ok(()) => OK,
            Err(why) => {
                log(Level::Warning, &format!("cannot be loaded: {why}"));
                ERR
            }
        }
    })
}

/// Where cores are few, background threads yield to the main thread and to clients on the same machine.
///
/// Not under a filter of system calls: that of Debian's redis-server.service ends the whole server for this one.
fn step_back() {
    const NICE: c_int = 10;
    if !system_calls_are_free() {
        return;
    }
    // SAFETY: no pointers; on Linux 0 is the calling thread. Should it fail, the thread runs as the others do.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}

/// True if no filter of system calls (seccomp) is on this thread; false too if the kernel does not tell.
fn system_calls_are_free() -> bool {
    std::fs::read_to_string("/proc/thread-self/status").is_ok_and(|status| {
        status
            .lines()
            .filter_map(|line| line.strip_prefix("Seccomp:"))
            .any(|mode| mode.trim() == "0")
    })
}

fn load(ctx: *mut RedisModuleCtx, args: &[&[u8]]) -> Result<(), String> {
    // SAFETY: the API pointers are only written by the call above.
    let (describe, configs) = unsafe {
        (
            raw::RedisModule_SetCommandInfo,
            raw::RedisModule_LoadConfigs,
        )
    };
    if describe.is_none() || configs.is_none() {
        return Err("it needs Redis 7.0 or Valkey".into());
    }
    main_thread::claim();
    log_panics();
    // SAFETY: the context is that of the load under way.
    if !unsafe { create_own_context(ctx) } {
        return Err("the server gave it no context".into());
    }
    let mut options = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS
        | raw::REDISMODULE_OPTIONS_HANDLE_REPL_ASYNC_LOAD
        | raw::REDISMODULE_OPTION_NO_IMPLICIT_SIGNAL_MODIFIED;
    // An older Valkey ignores the bit; to a later Redis it may mean something else.
    if is_valkey() {
        options |= VALKEY_HANDLE_ATOMIC_SLOT_MIGRATION;
    }
    // SAFETY: the context is that of the load under way.
    unsafe {
        call!(
            RedisModule_SetModuleOptions,
            ctx,
            c_int::try_from(options).unwrap_or_default()
        );
    }
    if !data_type::register(ctx) {
        return Err("the server refused the type conv-list".into());
    }
    command_registration::register(ctx)?;
    if !info::register(ctx) {
        return Err("the server refused the INFO section".into());
    }
    settings::take_arguments(args)?;
    if !settings::register(ctx) {
        return Err("the server refused the settings; see the line above".into());
    }
    // SAFETY: as above.
    if !unsafe { subscribe::<Events>(ctx) } {
        return Err("the server refused to report its events".into());
    }
    background::on_start(step_back);
    registry::on_warning(|text| log(Level::Warning, text));
    let _ = ON_USE.set(idle_scan::used);
    Ok(())
}

/// What the module does at events of the server.
struct Events;

impl Listener for Events {
    fn before_sleep() {
        settings::server_runs();
        free_released();
        flush();
    }

    fn disconnected(client: u64) {
        cache_loads::disconnected(client);
    }

    fn flushed(database: Option<i32>) {
        cache_loads::flushed(database);
    }
}

/// True on Valkey, which has its functions under its own name as well.
fn is_valkey() -> bool {
    let mut function: *mut c_void = std::ptr::null_mut();
    // SAFETY: the name ends in NUL; the callee writes one pointer, if it knows the name.
    let found = unsafe {
        call!(
            RedisModule_GetApi,
            c"ValkeyModule_SetModuleOptions".as_ptr(),
            (&raw mut function).cast::<c_void>()
        )
    };
    found == Some(OK) && !function.is_null()
}
