//! Reading stored conversations through Redis.

use std::ffi::c_char;

use redis_module::raw::{
    REDISMODULE_CTX_FLAGS_ASYNC_LOADING, REDISMODULE_CTX_FLAGS_LOADING, RedisModuleIO,
};

use super::super::ffi::api::{c_text, call};
use crate::codec::{DecodeError, Source};

/// A string that Redis read from a file or payload.
pub struct Loaded(*mut c_char, usize);

impl AsRef<[u8]> for Loaded {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: Redis returned the pointer with its length.
        unsafe { std::slice::from_raw_parts(self.0.cast(), self.1) }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: Redis allocated it for us.
        unsafe { call!(RedisModule_Free, self.0.cast()) };
    }
}

pub fn load_string(io: *mut RedisModuleIO) -> Option<Loaded> {
    let mut len = 0;
    // SAFETY: the io is that of the load under way.
    let data = unsafe { call!(RedisModule_LoadStringBuffer, io, &raw mut len) }?;
    (!data.is_null()).then(|| Loaded(data, len)).filter(|_| {
        // SAFETY: as above.
        let failed = unsafe { call!(RedisModule_IsIOError, io) };
        failed == Some(0)
    })
}

/// Whether Redis loads a file or a primary's data set, or runs RESTORE.
pub fn source(io: *mut RedisModuleIO) -> Source {
    // SAFETY: the io is that of the load under way, and Redis frees the context with it.
    let flags = unsafe {
        let ctx = call!(RedisModule_GetContextFromIO, io).unwrap_or(std::ptr::null_mut());
        call!(RedisModule_GetContextFlags, ctx).unwrap_or_default()
    };
    let loading = REDISMODULE_CTX_FLAGS_LOADING | REDISMODULE_CTX_FLAGS_ASYNC_LOADING;
    match u32::try_from(flags) {
        Ok(flags) if flags & loading != 0 => Source::File,
        _ => Source::Client,
    }
}

pub fn log_io(io: *mut RedisModuleIO, error: &DecodeError) {
    let text = c_text(&format!("conv-list: {error}"));
    // SAFETY: the io is that of the load under way; the text is an argument, never the format.
    unsafe {
        call!(
            RedisModule_LogIOError,
            io,
            c"warning".as_ptr(),
            c"%s".as_ptr(),
            text.as_ptr()
        );
    }
}
