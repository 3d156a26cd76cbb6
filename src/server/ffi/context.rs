//! The context in which Redis calls the module.

use std::ffi::{c_char, c_int};
use std::marker::PhantomData;

use redis_module::raw::{self, RedisModuleClientInfo, RedisModuleCtx, RedisModuleString};

use super::api::{OK, call};
use super::string::RedisStr;

/// A context that is valid during `'c`: of a command, a timer or a callback.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    raw: *mut RedisModuleCtx,
    lifetime: PhantomData<&'c ()>,
}

impl Context<'_> {
    /// Wraps a context from Redis.
    ///
    /// # Safety
    /// `raw` is valid during `'c`, and the calling thread is the main thread.
    pub unsafe fn new(raw: *mut RedisModuleCtx) -> Self {
        Self {
            raw,
            lifetime: PhantomData,
        }
    }

    /// The pointer, for calls of Redis's API.
    pub fn as_ptr(self) -> *mut RedisModuleCtx {
        self.raw
    }

    /// The number of the selected database.
    pub fn database(self) -> i32 {
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_GetSelectedDb, self.raw) }.unwrap_or_default()
    }

    /// Selects a database. False if there is none of that number.
    pub fn select(self, database: i32) -> bool {
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_SelectDb, self.raw, database) == Some(OK) }
    }

    /// The id of the client that sent the command.
    pub fn client_id(self) -> u64 {
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_GetClientId, self.raw) }.unwrap_or_default()
    }

    /// True if any of these `REDISMODULE_CTX_FLAGS_...` is set.
    pub fn has_any_flag(self, any: &[u32]) -> bool {
        // SAFETY: the context is valid.
        let flags = unsafe { call!(RedisModule_GetContextFlags, self.raw) }.unwrap_or_default();
        any.iter()
            .any(|&flag| c_int::try_from(flag).is_ok_and(|flag| flags & flag != 0))
    }

    /// True while a forked child saves or rewrites.
    pub fn has_child(self) -> bool {
        self.has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_ACTIVE_CHILD])
    }

    /// True on a primary.
    pub fn is_primary(self) -> bool {
        self.has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_MASTER])
    }

    /// True if the client of this call uses client-side caching (CLIENT TRACKING).
    pub fn is_client_tracked(self) -> bool {
        // SAFETY: all fields of the structure may be zero.
        let mut info: RedisModuleClientInfo = unsafe { std::mem::zeroed() };
        info.version = 1;
        let id = self.client_id();
        // SAFETY: the structure has the version that it names.
        let found = unsafe { call!(RedisModule_GetClientInfoById, (&raw mut info).cast(), id) };
        // The bindings lack REDISMODULE_CLIENTINFO_FLAG_TRACKING, which is bit 3.
        found == Some(OK) && info.flags & (1 << 3) != 0
    }

    /// Lets the server run commands that change no data, in the middle of a long count.
    pub fn pause(self) {
        // SAFETY: the context is valid.
        unsafe {
            call!(
                RedisModule_Yield,
                self.raw,
                raw::REDISMODULE_YIELD_FLAG_CLIENTS as c_int,
                c"conv is counting tokens".as_ptr()
            )
        };
    }

    /// Tells WATCH and client-side caches that the key was changed.
    pub fn signal_modified(self, key: RedisStr<'_>) {
        // SAFETY: context and key name are valid.
        unsafe { call!(RedisModule_SignalModifiedKey, self.raw, key.as_ptr()) };
    }

    /// Wakes the clients that are blocked on the key.
    pub fn signal_ready(self, key: RedisStr<'_>) {
        // SAFETY: context and key name are valid.
        unsafe { call!(RedisModule_SignalKeyAsReady, self.raw, key.as_ptr()) };
    }

    /// Sends the command that runs to replicas and the AOF as it is.
    pub fn replicate_verbatim(self) {
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_ReplicateVerbatim, self.raw) };
    }

    /// Sends `CONV.EFFECT key header payload...` to replicas and the AOF.
    pub fn replicate_effect(self, key: RedisStr<'_>, header: &[u8], payload: &[RedisStr<'_>]) {
        let (text, len) = (header.as_ptr().cast::<c_char>(), header.len());
        // SAFETY: the context is valid. The formats say: a string, a buffer with its length, then another string, or
        // a vector of strings with its length, for which Redis allocates. The callee takes references of its own.
        unsafe {
            match payload {
                [one] => call!(
                    RedisModule_Replicate,
                    self.raw,
                    c"CONV.EFFECT".as_ptr(),
                    c"sbs".as_ptr(),
                    key.as_ptr(),
                    text,
                    len,
                    one.as_ptr()
                ),
                many => call!(
                    RedisModule_Replicate,
                    self.raw,
                    c"CONV.EFFECT".as_ptr(),
                    c"sbv".as_ptr(),
                    key.as_ptr(),
                    text,
                    len,
                    many.as_ptr().cast::<*mut RedisModuleString>(),
                    many.len()
                ),
            }
        };
    }

    /// Sends to replicas and the AOF when the key expires, Unix ms; `None` if it does not.
    pub fn replicate_expiry(self, key: RedisStr<'_>, at: Option<i64>) {
        // SAFETY: the context is valid. The formats say: a string, then a 64-bit integer. The callee takes references of
        // its own.
        unsafe {
            match at {
                Some(at) => call!(
                    RedisModule_Replicate,
                    self.raw,
                    c"PEXPIREAT".as_ptr(),
                    c"sl".as_ptr(),
                    key.as_ptr(),
                    at
                ),
                None => call!(
                    RedisModule_Replicate,
                    self.raw,
                    c"PERSIST".as_ptr(),
                    c"s".as_ptr(),
                    key.as_ptr()
                ),
            }
        };
    }

    /// Emits a keyspace event of class module.
    pub fn notify(self, key: RedisStr<'_>, event: &std::ffi::CStr) {
        // SAFETY: context and key name are valid; the name ends in NUL.
        unsafe {
            call!(
                RedisModule_NotifyKeyspaceEvent,
                self.raw,
                raw::REDISMODULE_NOTIFY_MODULE,
                event.as_ptr(),
                key.as_ptr()
            )
        };
    }

    /// True if the server asks where the keys of the command are, instead of running it.
    pub fn asks_for_keys(self) -> bool {
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_IsKeysPositionRequest, self.raw) }.unwrap_or_default() != 0
    }

    /// Tells the server that the argument at this position is a key.
    pub fn key_at(self, position: usize) {
        let position = c_int::try_from(position).unwrap_or_default();
        // SAFETY: the context is valid, and the server has asked.
        unsafe { call!(RedisModule_KeyAtPos, self.raw, position) };
    }

    /// True if this server serves the key: false if it is a cluster node and the key's slot has moved away.
    pub fn serves(self, key: RedisStr<'_>) -> bool {
        if !self.has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_CLUSTER]) {
            return true;
        }
        // Redis checks the slot of what a module calls. EXISTS changes nothing; `E` returns errors as replies.
        // SAFETY: the context is valid; the format says: errors as replies, one string.
        let reply = unsafe {
            let Some(call) = raw::RedisModule_Call else {
                return true;
            };
            call(self.raw, c"EXISTS".as_ptr(), c"Es".as_ptr(), key.as_ptr())
        };
        if reply.is_null() {
            return false;
        }
        // SAFETY: the reply is valid until it is freed here.
        unsafe {
            let kind = call!(RedisModule_CallReplyType, reply);
            call!(RedisModule_FreeCallReply, reply);
            kind != Some(raw::REDISMODULE_REPLY_ERROR as c_int)
        }
    }
}

/// True while a failover or a shutdown waits for replicas, and during CLIENT PAUSE WRITE: Redis ends by an assertion
/// if anything is replicated meanwhile.
pub fn are_writes_paused() -> bool {
    // SAFETY: the function takes nothing.
    unsafe { call!(RedisModule_AvoidReplicaTraffic) }.is_some_and(|avoid| avoid != 0)
}
