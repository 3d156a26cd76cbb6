//! A key that is open, and the conversation under it.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use redis_module::raw::{self, RedisModuleCtx, RedisModuleKey, RedisModuleString, RedisModuleType};

use super::api::{OK, call};
use crate::conversation::Conversation;

/// The registered type; set once, while the module is loaded.
pub static TYPE: AtomicPtr<RedisModuleType> = AtomicPtr::new(std::ptr::null_mut());

/// What is under a key.
pub enum Found<'k> {
    /// Nothing.
    Missing,
    /// A conversation.
    Conversation(&'k mut Conversation),
    /// Another type.
    Other,
}

/// An open key; closed when dropped.
pub struct Key {
    key: *mut RedisModuleKey,
}

impl Key {
    /// Opens the key of that name.
    ///
    /// # Safety
    /// `ctx` and `name` are those of the call under way, and the key is not opened twice at a time.
    pub unsafe fn open(
        ctx: *mut RedisModuleCtx,
        name: *mut RedisModuleString,
        write: bool,
    ) -> Self {
        let mut mode = raw::REDISMODULE_READ as c_int;
        if write {
            mode |= raw::REDISMODULE_WRITE as c_int;
        }
        // SAFETY: as the caller promises.
        let key = unsafe { call!(RedisModule_OpenKey, ctx, name, mode) };
        Self {
            key: key.unwrap_or(std::ptr::null_mut()),
        }
    }

    /// Opens the key of that name without leaving a trace: not for a client. (For writing, as Redis counts hits and
    /// misses of what is read, and has events for the latter.)
    ///
    /// # Safety
    /// As [`Key::open`].
    pub unsafe fn look(ctx: *mut RedisModuleCtx, name: *mut RedisModuleString) -> Self {
        let mode = (raw::REDISMODULE_READ
            | raw::REDISMODULE_WRITE
            | raw::REDISMODULE_OPEN_KEY_NOTOUCH) as c_int;
        // SAFETY: as the caller promises.
        let key = unsafe { call!(RedisModule_OpenKey, ctx, name, mode) };
        Self {
            key: key.unwrap_or(std::ptr::null_mut()),
        }
    }

    /// What is under the key. The value is borrowed as long as this is: nobody else can change it meanwhile, as Redis
    /// runs commands one at a time and the key is open only here.
    pub fn get(&mut self) -> Found<'_> {
        if self.key.is_null() {
            return Found::Missing;
        }
        // SAFETY: the key is open.
        let kind = unsafe { call!(RedisModule_KeyType, self.key) };
        if kind == Some(raw::REDISMODULE_KEYTYPE_EMPTY as c_int) {
            return Found::Missing;
        }
        // SAFETY: the key is open; for other types Redis returns null.
        let of = unsafe { call!(RedisModule_ModuleTypeGetType, self.key) };
        if of != Some(TYPE.load(Ordering::Relaxed)) {
            return Found::Other;
        }
        // SAFETY: the key is open and holds our type.
        let value = unsafe { call!(RedisModule_ModuleTypeGetValue, self.key) };
        match value.map(<*mut c_void>::cast::<Conversation>) {
            // SAFETY: values of our type are boxed conversations; see above for the borrow.
            Some(value) if !value.is_null() => Found::Conversation(unsafe { &mut *value }),
            _ => Found::Other,
        }
    }

    /// Puts a conversation under the key, which was opened for writing and is missing.
    pub fn create(&mut self, conversation: Conversation) {
        let value = Box::into_raw(Box::new(conversation));
        let kind = TYPE.load(Ordering::Relaxed);
        // SAFETY: the key is open for writing; Redis owns the value from here on, and frees it by our callback.
        let set = unsafe { call!(RedisModule_ModuleTypeSetValue, self.key, kind, value.cast()) };
        if set != Some(OK) {
            // SAFETY: Redis did not take it.
            drop(unsafe { Box::from_raw(value) });
        }
    }

    /// Removes what is under the key, which was opened for writing.
    pub fn delete(&mut self) {
        // SAFETY: the key is open for writing; nothing borrowed from it is alive.
        unsafe { call!(RedisModule_DeleteKey, self.key) };
    }

    /// When the key expires, Unix ms; nothing if it does not.
    pub fn expires_at(&self) -> Option<i64> {
        if self.key.is_null() {
            return None;
        }
        // SAFETY: the key is open.
        let at = unsafe { call!(RedisModule_GetAbsExpire, self.key) };
        // What has no time of expiry has -1.
        at.filter(|&at| at >= 0)
    }

    /// Lets the key live for ever.
    pub fn persist(&mut self) {
        // SAFETY: the key is open for writing. The bindings lack REDISMODULE_NO_EXPIRE, which is -1.
        unsafe { call!(RedisModule_SetAbsExpire, self.key, -1) };
    }

    /// Sets when the key expires, Unix ms.
    pub fn expire_at(&mut self, at: i64) {
        // SAFETY: the key is open for writing.
        unsafe { call!(RedisModule_SetAbsExpire, self.key, at) };
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if !self.key.is_null() {
            // SAFETY: the key is open, and nothing borrowed from it is alive.
            unsafe { call!(RedisModule_CloseKey, self.key) };
        }
    }
}
