//! Redis strings: borrowed from a call, or our own.

use std::ffi::c_char;
use std::marker::PhantomData;
use std::ptr::NonNull;

use redis_module::raw::RedisModuleString;

use super::api::call;

/// A Redis string that lives at least for `'s`, such as an argument of the command that runs.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct RedisStr<'s> {
    raw: *mut RedisModuleString,
    lifetime: PhantomData<&'s ()>,
}

impl<'s> RedisStr<'s> {
    /// Borrows a string from Redis.
    ///
    /// # Safety
    /// `raw` is null or a valid string that is neither freed nor changed during `'s`.
    pub unsafe fn new(raw: *mut RedisModuleString) -> Self {
        Self {
            raw,
            lifetime: PhantomData,
        }
    }

    /// The arguments of a command.
    ///
    /// # Safety
    /// `argv` points to `len` valid strings that live during `'s`.
    pub unsafe fn slice(argv: *mut *mut RedisModuleString, len: usize) -> &'s [Self] {
        if argv.is_null() {
            return &[];
        }
        // SAFETY: as the caller promises; this type is a transparent wrapper of the pointer.
        unsafe { std::slice::from_raw_parts(argv.cast::<Self>(), len) }
    }

    /// The bytes of the string.
    pub fn bytes(self) -> &'s [u8] {
        let mut len = 0;
        // SAFETY: the string is valid for `'s`.
        let data = unsafe { call!(RedisModule_StringPtrLen, self.raw, &raw mut len) };
        match data.and_then(|data| NonNull::new(data.cast_mut())) {
            // SAFETY: Redis returned the pointer with its length.
            Some(data) => unsafe { std::slice::from_raw_parts(data.as_ptr().cast(), len) },
            None => &[],
        }
    }

    /// The pointer, for calls of Redis's API that only read the string.
    pub fn as_ptr(self) -> *mut RedisModuleString {
        self.raw
    }
}

/// A Redis string of our own, freed when dropped.
pub struct OwnedString(*mut RedisModuleString);

// SAFETY: the string belongs to this value alone, and Redis's allocator may be used from any thread.
unsafe impl Send for OwnedString {}

impl OwnedString {
    /// A copy of `bytes`, which may hold any byte. `None` if there is no memory.
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

    /// Borrows it.
    pub fn as_str(&self) -> RedisStr<'_> {
        // SAFETY: the string lives as long as `self`, and is not changed.
        unsafe { RedisStr::new(self.0) }
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
