//! Small safe pieces around Redis's API.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};

/// What a function returns that worked.
pub const OK: c_int = raw::REDISMODULE_OK as c_int;
/// What a function returns that failed.
pub const ERR: c_int = raw::REDISMODULE_ERR as c_int;

/// Calls a function of Redis's API; its result, or nothing if this server does not have the function.
macro_rules! call {
    ($name:ident $(, $arg:expr)* $(,)?) => {
        match redis_module::raw::$name {
            Some(function) => Some(function($($arg),*)),
            None => None,
        }
    };
}
pub(crate) use call;

/// Locks; whoever panicked while holding it has left nothing half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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

/// Writes a line into the server's log.
pub fn log(ctx: *mut RedisModuleCtx, level: Level, text: &str) {
    let text = c_text(text);
    // SAFETY: the context is that of the call under way, or null, which logging allows; the strings end in NUL. The
    // text is an argument, never the format.
    unsafe {
        call!(
            RedisModule_Log,
            ctx,
            level.name().as_ptr(),
            c"%s".as_ptr(),
            text.as_ptr()
        );
    }
}

/// The bytes of a Redis string, which outlives what it is borrowed for: the arguments of a command live until the
/// command ends.
///
/// # Safety
/// `string` is null or a valid string that is neither freed nor changed during `'a`.
pub unsafe fn bytes<'a>(string: *const RedisModuleString) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the string is valid, as the caller promises.
    let data = unsafe { call!(RedisModule_StringPtrLen, string, &raw mut len) };
    match data.and_then(|data| NonNull::new(data.cast_mut())) {
        // SAFETY: Redis returned the pointer with its length.
        Some(data) => unsafe { std::slice::from_raw_parts(data.as_ptr().cast(), len) },
        None => &[],
    }
}

/// A Redis string of our own, freed when dropped.
pub struct OwnedString(*mut RedisModuleString);

impl OwnedString {
    /// A copy of `bytes`, which may hold any byte.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        // SAFETY: pointer and length belong together; without a context the string is ours alone.
        let string = unsafe {
            call!(
                RedisModule_CreateString,
                std::ptr::null_mut(),
                bytes.as_ptr().cast::<c_char>(),
                bytes.len()
            )
        };
        string.filter(|s| !s.is_null()).map(Self)
    }

    /// The string, for calls that only read it.
    pub fn as_ptr(&self) -> *mut RedisModuleString {
        self.0
    }

    /// Hands the string over to a callee that frees it.
    pub fn into_raw(self) -> *mut RedisModuleString {
        let string = self.0;
        std::mem::forget(self);
        string
    }
}

impl Drop for OwnedString {
    fn drop(&mut self) {
        // SAFETY: the string is ours and was not handed over.
        unsafe { call!(RedisModule_FreeString, std::ptr::null_mut(), self.0) };
    }
}

/// The server's clock, Unix ms.
pub fn now() -> i64 {
    // SAFETY: the function has no conditions.
    unsafe { call!(RedisModule_Milliseconds) }.unwrap_or_default()
}
