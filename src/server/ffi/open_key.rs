//! An open key, and the conversation stored at it.

use std::cell::RefCell;
use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use redis_module::raw::{self, RedisModuleKey, RedisModuleType};

use super::api::{Level, OK, call, log};
use super::context::Context;
use super::string::RedisStr;
use crate::conversation::Conversation;
use crate::conversation::value::Value;
use crate::metrics;

/// The registered type; set once, while the module is loaded.
pub static TYPE: AtomicPtr<RedisModuleType> = AtomicPtr::new(std::ptr::null_mut());

/// Called whenever a client uses a conversation; set once, while the module is loaded.
pub static ON_USE: OnceLock<fn()> = OnceLock::new();

thread_local! {
    /// The conversations that open keys have given out. A key that is opened twice gives out its conversation once.
    static BORROWED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Why a key is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A client reads.
    Read,
    /// A client writes.
    Write,
    /// Not for a client: leaves no trace in the key's access time, and in hits and misses. (Opened for writing, as
    /// Redis counts what is read, and has events for misses.)
    Maintain,
}

/// What is stored at a key.
pub enum Found<'k> {
    /// Nothing.
    Missing,
    /// A conversation.
    Conversation(&'k mut Conversation),
    /// A value of another type.
    Other,
}

/// An open key; closed when dropped.
pub struct Key {
    handle: *mut RedisModuleKey,
    by_client: bool,
    /// The address of the conversation, once it was given out.
    borrowed: Option<usize>,
}

impl Key {
    /// Opens the key of that name.
    pub fn open(ctx: Context<'_>, name: RedisStr<'_>, access: Access) -> Self {
        let mode = match access {
            Access::Read => raw::REDISMODULE_READ,
            Access::Write => raw::REDISMODULE_READ | raw::REDISMODULE_WRITE,
            Access::Maintain => {
                raw::REDISMODULE_READ | raw::REDISMODULE_WRITE | raw::REDISMODULE_OPEN_KEY_NOTOUCH
            }
        };
        // SAFETY: context and name are valid.
        let key = unsafe {
            call!(
                RedisModule_OpenKey,
                ctx.as_ptr(),
                name.as_ptr(),
                mode as c_int
            )
        };
        Self {
            handle: key.unwrap_or(std::ptr::null_mut()),
            by_client: access != Access::Maintain,
            borrowed: None,
        }
    }

    /// What is stored at the key.
    ///
    /// # Panics
    /// If the same key is open a second time and has given out its conversation: an error of this module.
    pub fn get(&mut self) -> Found<'_> {
        if self.handle.is_null() {
            return Found::Missing;
        }
        // SAFETY: the key is open.
        let kind = unsafe { call!(RedisModule_KeyType, self.handle) };
        if kind == Some(raw::REDISMODULE_KEYTYPE_EMPTY as c_int) {
            return Found::Missing;
        }
        // SAFETY: the key is open. Nobody else has its value: Redis runs commands one at a time, and `borrow` checks that
        // no other open key has given it out.
        let Some(value) = (unsafe { value_of(self.handle) }) else {
            return Found::Other;
        };
        self.borrow((&raw const *value).addr());
        let was_packed = value.is_packed().then(|| value.footprint());
        if self.by_client
            && let Some(used) = ON_USE.get()
        {
            used();
        }
        let Some(conversation) = value.wake(self.by_client) else {
            log(Level::Warning, "a packed conversation is broken");
            return Found::Other;
        };
        if let Some(before) = was_packed {
            metrics::resized(before, conversation.footprint());
        }
        Found::Conversation(conversation)
    }

    fn borrow(&mut self, address: usize) {
        if self.borrowed == Some(address) {
            return;
        }
        self.release();
        BORROWED.with_borrow_mut(|borrowed| {
            assert!(!borrowed.contains(&address), "a key is open twice");
            borrowed.push(address);
        });
        self.borrowed = Some(address);
    }

    fn release(&mut self) {
        if let Some(address) = self.borrowed.take() {
            BORROWED.with_borrow_mut(|borrowed| borrowed.retain(|other| *other != address));
        }
    }

    /// Stores a conversation at the key, which was opened for writing and is missing.
    pub fn create(&mut self, conversation: Conversation) {
        if let Some(used) = ON_USE.get() {
            used();
        }
        let mut value = Value::new(conversation);
        value.wake(true);
        let value = Box::into_raw(Box::new(value));
        let kind = TYPE.load(Ordering::Relaxed);
        // SAFETY: the key is open for writing; Redis owns the value from here on, and frees it by our callback.
        let set = unsafe {
            call!(
                RedisModule_ModuleTypeSetValue,
                self.handle,
                kind,
                value.cast()
            )
        };
        if set != Some(OK) {
            // SAFETY: Redis did not take it.
            drop(unsafe { Box::from_raw(value) });
        }
    }

    /// Removes what is stored at the key, which was opened for writing.
    pub fn delete(&mut self) {
        self.release();
        // SAFETY: the key is open for writing; nothing borrowed from it is alive.
        unsafe { call!(RedisModule_DeleteKey, self.handle) };
    }

    /// When the key expires, Unix ms; `None` if it does not.
    pub fn expires_at(&self) -> Option<i64> {
        if self.handle.is_null() {
            return None;
        }
        // SAFETY: the key is open.
        let at = unsafe { call!(RedisModule_GetAbsExpire, self.handle) };
        // A key without an expiry has -1.
        at.filter(|&at| at >= 0)
    }

    /// Removes the key's expiry.
    pub fn persist(&mut self) {
        // SAFETY: the key is open for writing. The bindings lack REDISMODULE_NO_EXPIRE, which is -1.
        unsafe { call!(RedisModule_SetAbsExpire, self.handle, -1) };
    }

    /// Sets when the key expires, Unix ms.
    pub fn expire_at(&mut self, at: i64) {
        // SAFETY: the key is open for writing.
        unsafe { call!(RedisModule_SetAbsExpire, self.handle, at) };
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.release();
        if !self.handle.is_null() {
            // SAFETY: the key is open, and nothing borrowed from it is alive.
            unsafe { call!(RedisModule_CloseKey, self.handle) };
        }
    }
}

/// The value of an open key. Nothing if the key is null or missing, or its value of another type.
///
/// # Safety
/// `key` is null or open, and nobody else uses its value during `'a`.
pub unsafe fn value_of<'a>(key: *mut RedisModuleKey) -> Option<&'a mut Value> {
    if key.is_null() {
        return None;
    }
    // SAFETY: the key is open; for missing keys and other types Redis returns null.
    let of = unsafe { call!(RedisModule_ModuleTypeGetType, key) }?;
    if of.is_null() || of != TYPE.load(Ordering::Relaxed) {
        return None;
    }
    // SAFETY: the key is open and holds our type.
    let value = unsafe { call!(RedisModule_ModuleTypeGetValue, key) }?;
    // SAFETY: values of our type are boxed values, and the caller promises that nobody else uses this one.
    unsafe { value.cast::<Value>().as_mut() }
}

/// Does something with a conversation, and keeps the server's figures right.
pub fn measured<R>(
    conversation: &mut Conversation,
    something: impl FnOnce(&mut Conversation) -> R,
) -> R {
    let before = conversation.footprint();
    let result = something(conversation);
    let after = conversation.footprint();
    if before != after {
        metrics::resized(before, after);
    }
    result
}
