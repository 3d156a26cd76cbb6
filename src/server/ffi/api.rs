//! The macro that calls Redis's API, and the functions that need nothing else.

use std::ffi::{CStr, CString, c_int};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use redis_module::raw::{self, RedisModuleCtx};

/// What a function returns on success.
pub const OK: c_int = raw::REDISMODULE_OK as c_int;
/// What a function returns on failure.
pub const ERR: c_int = raw::REDISMODULE_ERR as c_int;

/// Calls a function of Redis's API. Returns its result, or `None` if this server does not have the function.
macro_rules! call {
    ($name:ident $(, $arg:expr)* $(,)?) => {
        match redis_module::raw::$name {
            Some(function) => Some(function($($arg),*)),
            None => None,
        }
    };
}
pub(crate) use call;

/// Importance of a line in the server's log.
#[derive(Debug, Clone, Copy)]
pub enum Level {
    /// For operators, always.
    Notice,
    /// Something is wrong.
    Warning,
}

impl Level {
    fn name(self) -> &'static CStr {
        match self {
            Self::Notice => c"notice",
            Self::Warning => c"warning",
        }
    }
}

/// Text for a C function: NUL bytes become `?`.
pub fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "?")).unwrap_or_default()
}

/// A context of the module's own, for timers and the log; null until [`create_own_context`].
static OWN_CONTEXT: AtomicPtr<RedisModuleCtx> = AtomicPtr::new(null_mut());

/// Creates the module's own context, which lives as long as the server. False if the server has none to give.
///
/// # Safety
/// `ctx` is the context of the load under way.
pub unsafe fn create_own_context(ctx: *mut RedisModuleCtx) -> bool {
    // SAFETY: as the caller promises.
    let own = unsafe { call!(RedisModule_GetDetachedThreadSafeContext, ctx) };
    OWN_CONTEXT.store(own.unwrap_or(null_mut()), Relaxed);
    !own_context().is_null()
}

/// The module's own context.
pub fn own_context() -> *mut RedisModuleCtx {
    OWN_CONTEXT.load(Relaxed)
}

/// Writes a line to the server's log.
pub fn log(level: Level, text: &str) {
    let text = c_text(text);
    // SAFETY: logging only reads the module's name from the context, and allows a null one; the strings end in NUL.
    // The text is an argument, never the format.
    unsafe {
        call!(
            RedisModule_Log,
            own_context(),
            level.name().as_ptr(),
            c"%s".as_ptr(),
            text.as_ptr()
        );
    }
}

/// The server's clock, Unix ms.
pub fn now() -> i64 {
    // SAFETY: the function has no conditions.
    unsafe { call!(RedisModule_Milliseconds) }.unwrap_or_default()
}
