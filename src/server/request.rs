//! A command to be run: its context and arguments, and whether its client can be blocked.

use redis_module::raw;
use smallvec::SmallVec;

use super::blocked_clients::Id;
use super::cache_loads::Waiter;
use super::ffi::context::Context;
use super::ffi::string::RedisStr;
use super::searches;
use crate::commands::msgpack::Converted;
use crate::commands::prepared::Prepared;

/// How a command came to run.
#[derive(Debug, Clone, Copy)]
pub enum Run {
    /// For the first time.
    First,
    /// Again; its client is blocked until counts are there.
    Resumed(Id),
    /// Again; its client is blocked on keys.
    Woken(Waiter),
}

/// A command to be run.
pub struct Request<'a> {
    /// Where keys are opened and changed.
    pub ctx: Context<'a>,
    /// The arguments, the command's name first.
    pub args: &'a [RedisStr<'a>],
    /// Counts that it has asked for, see [`crate::commands::Env::counts`].
    pub counts: Option<&'a [u32]>,
    /// What a search has found, see [`crate::commands::Env::found`].
    pub found: Option<&'a searches::Result>,
    /// Arguments that were read in advance, see [`crate::commands::Env::prepared`].
    pub prepared: Option<&'a Prepared>,
    /// What was converted for it, see [`crate::commands::Env::converted`].
    pub converted: &'a [&'a Converted],
    /// Bytes of messages that it may decompress or convert itself, see [`crate::commands::Env::decompress_at_once`].
    pub decompress_at_once: usize,
    /// It holds what background work has brought, until it has replied.
    pub holds_work: bool,
    /// How it came to run.
    pub run: Run,
}

impl<'a> Request<'a> {
    /// The bytes of the arguments.
    pub fn bytes(&self) -> SmallVec<[&'a [u8]; 12]> {
        self.args.iter().map(|arg| arg.bytes()).collect()
    }

    /// True if the client can be blocked until background work is done. Of a command that reads, not if the client
    /// caches replies: Redis would not track the key of a reply that comes after blocking, and modules cannot.
    pub fn can_block(&self, writes: bool) -> bool {
        match self.run {
            Run::First => {
                !self.ctx.has_any_flag(&[
                    raw::REDISMODULE_CTX_FLAGS_MULTI,
                    raw::REDISMODULE_CTX_FLAGS_LUA,
                    raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING,
                    raw::REDISMODULE_CTX_FLAGS_REPLICATED,
                    raw::REDISMODULE_CTX_FLAGS_LOADING,
                ]) && (writes || !self.ctx.is_client_tracked())
            }
            Run::Resumed(_) => true,
            Run::Woken(waiter) => !waiter.last,
        }
    }

    /// The client's id on the server.
    pub fn client(&self) -> u64 {
        match self.run {
            Run::Woken(waiter) => waiter.client,
            Run::First | Run::Resumed(_) => self.ctx.client_id(),
        }
    }

    /// Lets the server run other commands in the middle of a long count. Not in a transaction or script: Redis 7.0 ends
    /// by an assertion if another client's command runs there.
    pub fn pause(&self) {
        let atomic = [
            raw::REDISMODULE_CTX_FLAGS_MULTI,
            raw::REDISMODULE_CTX_FLAGS_LUA,
        ];
        if matches!(self.run, Run::First) && !self.ctx.has_any_flag(&atomic) {
            self.ctx.pause();
        }
    }

    /// True if the server takes writes from its primary only.
    pub fn is_read_only(&self) -> bool {
        self.ctx
            .has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_READONLY])
    }

    /// True if the server is out of memory and does not evict keys: with an eviction policy the next command of any
    /// client makes room.
    pub fn must_not_grow(&self) -> bool {
        self.ctx.has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_OOM])
            && !self.ctx.has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_EVICT])
    }

    /// True if the server is out of memory, and this is neither its primary's stream nor its own AOF, which must be
    /// applied.
    pub fn is_out_of_memory(&self) -> bool {
        self.ctx.has_any_flag(&[raw::REDISMODULE_CTX_FLAGS_OOM])
            && !self.ctx.has_any_flag(&[
                raw::REDISMODULE_CTX_FLAGS_REPLICATED,
                raw::REDISMODULE_CTX_FLAGS_LOADING,
            ])
    }
}
