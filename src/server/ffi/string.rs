//! Redis strings: borrowed from a call, or our own.

use std::ffi::c_char;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use redis_module::raw::RedisModuleString;

use super::api::call;
use super::main_thread;

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

/// Arguments of a command that are kept beyond its call: references to the client's own strings, not copies. Their bytes
/// may be read on any thread.
pub struct HeldArgs(Vec<*mut RedisModuleString>);

// SAFETY: other threads only read the bytes (`as_slice`), which nobody changes: `new` has trimmed them, so Redis does not
// reallocate them. References are counted on the main thread only, see `drop`.
unsafe impl Send for HeldArgs {}
// SAFETY: as above.
unsafe impl Sync for HeldArgs {}

impl HeldArgs {
    /// Holds `args`. `None` if there is no memory.
    pub fn new(args: &[RedisStr<'_>]) -> Option<Self> {
        let mut held = Self(Vec::new());
        held.0.try_reserve_exact(args.len()).ok()?;
        for arg in args {
            // SAFETY: the string is valid; without a context the reference is ours.
            let own = unsafe { call!(RedisModule_HoldString, std::ptr::null_mut(), arg.raw) };
            let own = own.filter(|s| !s.is_null())?;
            // After the command Redis trims the strings that a module holds, which moves them. Trimmed now, they stay.
            // SAFETY: the string is ours, on the main thread, and no slice of it is used any more.
            unsafe { call!(RedisModule_TrimStringAllocation, own) };
            held.0.push(own);
        }
        Some(held)
    }

    /// Borrows the arguments.
    pub fn as_slice(&self) -> &[RedisStr<'_>] {
        // SAFETY: the strings live as long as `self`; `RedisStr` is a transparent wrapper of the pointer.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len()) }
    }
}

impl Drop for HeldArgs {
    fn drop(&mut self) {
        let strings = std::mem::take(&mut self.0);
        if main_thread::is_current() {
            release(strings);
        } else {
            let mut released = RELEASED.lock().unwrap_or_else(PoisonError::into_inner);
            released.push(Released(strings));
            ANY_RELEASED.store(true, Relaxed);
        }
    }
}

/// Strings that a background thread has let go of. Redis does not count references atomically.
static RELEASED: Mutex<Vec<Released>> = Mutex::new(Vec::new());

/// Spares the main thread the lock as long as there is nothing.
static ANY_RELEASED: AtomicBool = AtomicBool::new(false);

struct Released(Vec<*mut RedisModuleString>);

// SAFETY: the strings are only used on the main thread.
unsafe impl Send for Released {}

/// Frees what background threads have let go of. On the main thread, now and then.
pub fn free_released() {
    if !ANY_RELEASED.swap(false, Relaxed) {
        return;
    }
    let released = std::mem::take(&mut *RELEASED.lock().unwrap_or_else(PoisonError::into_inner));
    for strings in released {
        release(strings.0);
    }
}

fn release(strings: Vec<*mut RedisModuleString>) {
    for string in strings {
        // SAFETY: the reference is ours, and this is the main thread.
        unsafe { call!(RedisModule_FreeString, std::ptr::null_mut(), string) };
    }
}
