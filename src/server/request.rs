//! What a call has to wait for, and whether it can.

use std::ffi::c_int;
use std::time::{Duration, Instant};

use redis_module::raw::{self, RedisModuleString};

use super::blocked_clients::{self as waiting, ClientId};
use super::cache_loads as misses;
use super::execute::{Call, Done};
use super::ffi::api::{bytes, call};
use super::ffi::client_reply::ClientReply;
use crate::cache_loads::KeyAddress;
use crate::commands::recent::miss;
use crate::conversation::{Conversation, MissingCounts};
use crate::tokens::background::{CompletionGuard, Ticket, Urgent};
use crate::tokens::{Inline, most_inline};

/// Bytes of text that a waiting client has copied for it at a time.
pub const WAIT_BYTES: usize = 256 << 10;

/// What a call waits for before it can be run again.
pub enum Wait {
    /// For counts.
    Counts {
        /// Fires when it is to be run again.
        completion: CompletionGuard,
        /// Whom the completion wakes.
        client: ClientId,
        /// Where the counts of its own texts will be found.
        tickets: Vec<Ticket>,
    },
    /// For older messages that somebody else loads.
    Backfill {
        /// Who waits.
        client: ClientId,
        /// The conversations.
        places: Vec<KeyAddress>,
        /// It waits no longer.
        until: Instant,
    },
}

/// What is known of a client that has waited.
#[derive(Clone, Copy)]
pub struct Waited {
    /// Its name among those that wait.
    pub id: ClientId,
    /// The client as the server numbers it.
    pub client: u64,
    /// If it has missed a conversation: how long it waits for that.
    pub until: Option<Instant>,
    /// What it has waited for is there, enough or not.
    pub answer: bool,
}

impl Call<'_> {
    /// Counts what lacks at once if it is little, or this call cannot wait; otherwise has it counted and says what to
    /// wait for.
    pub fn count_missing(
        &self,
        conversation: &mut Conversation,
        missing: &MissingCounts,
    ) -> Option<Wait> {
        conversation.collect_all();
        let most = most_inline(conversation.attributes().encoding);
        let bytes = conversation.missing_bytes(missing, most);
        if bytes <= most {
            conversation.count_missing(missing, usize::MAX, &Inline, || {});
            return None;
        }
        if !self.may_wait() {
            conversation.count_missing(missing, usize::MAX, &Inline, || self.pause());
            return None;
        }
        let (client, completion) = waiting::completion();
        conversation.count_missing(missing, WAIT_BYTES, &Urgent::new(&completion), || {});
        Some(Wait::Counts {
            completion,
            client,
            tickets: Vec::new(),
        })
    }

    /// These conversations are not here, and the client would wait so long for them. It gets nil if it is to load one of
    /// them, or cannot wait.
    pub fn missed(
        &self,
        names: &[*mut RedisModuleString],
        time: Duration,
        reply: &mut ClientReply,
    ) -> Done {
        match self.wait_for_backfill(names, time) {
            Some(wait) => Done::Waits(wait),
            None => {
                miss(reply);
                Done::Replied
            }
        }
    }

    /// What to wait for if these conversations are missed, unless the client is to load one of them, or cannot wait.
    pub fn wait_for_backfill(
        &self,
        names: &[*mut RedisModuleString],
        time: Duration,
    ) -> Option<Wait> {
        if time.is_zero() {
            return None;
        }
        let places: Vec<KeyAddress> = names
            .iter()
            // SAFETY: the names are arguments of this call.
            .map(|name| misses::place(self.ctx, unsafe { bytes(*name) }))
            .collect();
        let client = match self.waited {
            Some(waited) => waited.client,
            // SAFETY: the context is that of the call.
            None => unsafe { call!(RedisModule_GetClientId, self.ctx) }.unwrap_or_default(),
        };
        let loads = misses::missed(&places, client, time);
        let is_over = self.waited.is_some_and(|waited| waited.answer);
        if loads || is_over || !self.may_wait() {
            return None;
        }
        let now = Instant::now();
        let until = self.until().or(now.checked_add(time)).unwrap_or(now);
        Some(Wait::Backfill {
            client: self.waited.map_or_else(waiting::next_id, |w| w.id),
            places,
            until,
        })
    }

    pub fn until(&self) -> Option<Instant> {
        self.waited.and_then(|waited| waited.until)
    }

    /// Lets the server do what must not wait any longer, in the middle of a long count.
    pub fn pause(&self) {
        // SAFETY: the context is that of this call. Meanwhile only commands run that change no data.
        unsafe {
            call!(
                RedisModule_Yield,
                self.ctx,
                raw::REDISMODULE_YIELD_FLAG_CLIENTS as c_int,
                c"conv is counting tokens".as_ptr()
            )
        };
    }

    /// True if the client of this call can be made to wait.
    pub fn may_wait(&self) -> bool {
        self.waited.is_some()
            || !self.has_any_flag(&[
                raw::REDISMODULE_CTX_FLAGS_MULTI,
                raw::REDISMODULE_CTX_FLAGS_LUA,
                raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING,
                raw::REDISMODULE_CTX_FLAGS_REPLICATED,
                raw::REDISMODULE_CTX_FLAGS_LOADING,
            ])
    }
}
