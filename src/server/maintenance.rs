//! Keys that are looked at again when background work for them is done: counts are taken in, packed segments installed,
//! and retention acts on counts that came after their append.

use std::ffi::c_int;

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};

use super::announce::{Announcement, summary_due};
use super::execute::measured;
use super::ffi::api::{OK, OwnedString, bytes, call, now};
use super::ffi::open_key::{Found, Key};
use super::main_loop::{Word, leave};
use super::module::settings as config;
use crate::background::{Lane, submit};
use crate::commands::retain_late;
use crate::conversation::Conversation;
use crate::metrics;
use crate::tokens::background::{Background, CompletionGuard, has_room};

/// Bytes of old segments that are handed over to be packed at a time.
const COMPRESS_BYTES: usize = 1 << 20;

/// Bytes of messages that are read again, to be counted, at a time when nobody waits for them.
const COUNT_BYTES: usize = 256 << 10;

/// A key that is looked at again when all has been done for it that was given [`Again::completion`]: once, whatever that is.
/// Were each piece of work to have its own look, and each look to hand over several, their number would grow and grow.
pub struct Again {
    ctx: *mut RedisModuleCtx,
    key: *mut RedisModuleString,
    retain: bool,
    completion: Option<CompletionGuard>,
}

impl Again {
    /// The key of the call or timer under way; with `retain` retention acts when it is looked at.
    pub fn new(ctx: *mut RedisModuleCtx, key: *mut RedisModuleString, retain: bool) -> Self {
        Self {
            ctx,
            key,
            retain,
            completion: None,
        }
    }

    /// What is to be held until a piece of work is done.
    pub fn completion(&mut self) -> CompletionGuard {
        let (ctx, key, retain) = (self.ctx, self.key, self.retain);
        let new = || {
            // SAFETY: context and name are those of the call or timer under way.
            let (database, name) = unsafe {
                (
                    call!(RedisModule_GetSelectedDb, ctx).unwrap_or_default(),
                    bytes(key).to_vec(),
                )
            };
            metrics::to_revisit(1);
            CompletionGuard::new(move || leave(Word::Key(database, name, retain)))
        };
        self.completion.get_or_insert_with(new).clone()
    }

    /// Has old segments packed.
    pub fn pack(&mut self, conversation: &mut Conversation) {
        let settings = config::settings();
        if !settings.compress {
            return;
        }
        let jobs = conversation.to_compress(settings.hot_bytes, COMPRESS_BYTES);
        if jobs.is_empty() {
            return;
        }
        let done = self.completion();
        submit(
            Lane::Normal,
            Box::new(move || {
                for job in jobs {
                    job.run();
                }
                drop(done);
            }),
        );
    }

    /// Has the next of what nobody counts yet counted, the newest first. So a change of the encoding gets through a
    /// conversation of any length, and what was imported is counted.
    pub fn count_on(&mut self, conversation: &mut Conversation) {
        if conversation.footprint().pending == 0 || !has_room(COUNT_BYTES) {
            return;
        }
        let missing = conversation.missing_anywhere();
        let completion = Some(self.completion());
        conversation.count_missing(&missing, COUNT_BYTES, &Background { completion }, || {});
    }
}

/// Takes into a conversation what has become ready for it in the background: counts, packed segments. Retention acts
/// on counts that came after their append.
pub fn look(ctx: *mut RedisModuleCtx, database: c_int, name: &[u8], retain: bool) {
    let Some(name) = OwnedString::new(name) else {
        return;
    };
    // SAFETY: the context is that of this timer.
    if unsafe { call!(RedisModule_SelectDb, ctx, database) } != Some(OK) {
        return;
    }
    // SAFETY: as above.
    let flags = unsafe { call!(RedisModule_GetContextFlags, ctx) }.unwrap_or_default();
    let is_primary = flags & raw::REDISMODULE_CTX_FLAGS_MASTER as c_int != 0;
    // SAFETY: the context is that of this timer, which has no other key open.
    let mut key = unsafe { Key::look(ctx, name.as_ptr()) };
    let Found::Conversation(conversation) = key.get() else {
        return;
    };
    let threshold = config::settings().summary_threshold;
    let (effect, due) = measured(conversation, |c| {
        let mut again = Again::new(ctx, name.as_ptr(), retain);
        if let Some(last) = c.collect_pile() {
            // More were appended since.
            last.hold(&again.completion());
        }
        again.pack(c);
        again.count_on(c);
        if again.completion.is_none() && c.log().is_compressing() && c.is_pending() {
            // Compressed texts wait for counts, which are queued already.
            let completion = again.completion();
            submit(Lane::Normal, Box::new(move || drop(completion)));
        }
        // What replicas drop is what their primary drops.
        let effect = (retain && is_primary)
            .then(|| retain_late(c, now()))
            .flatten();
        (effect, is_primary && c.summary_became_due(threshold))
    });
    drop(key);
    if let Some(effect) = effect {
        let announcement = Announcement {
            ctx,
            key: name.as_ptr(),
            args: &[],
            strings: &[],
            verbatim: false,
        };
        announcement.make(&effect);
    }
    if due {
        summary_due(ctx, name.as_ptr());
    }
}
