//! Maintenance of keys: taking in finished counts and compressed segments, and retention that had to wait for counts.
//!
//! It starts when the background work for a key is done, in a task of the main loop.

use super::announce::{Announcement, notify};
use super::cache_loads;
use super::ffi::api::now;
use super::ffi::context::Context;
use super::ffi::open_key::{Access, Found, Key, measured};
use super::ffi::string::{OwnedString, RedisStr};
use super::main_loop::{self, Task};
use super::module::settings;
use crate::background::{Lane, submit};
use crate::commands::retain_late;
use crate::conversation::Conversation;
use crate::conversation::effect::Event;
use crate::metrics;
use crate::tokens::background::{Background, CompletionGuard, has_room};

/// Bytes of old segments that are handed over for compression at a time: a background thread is busy with them for
/// about 10 ms.
const COMPRESS_BYTES: usize = 1 << 20;

/// Bytes of messages that are read again to be counted, at a time, when nobody waits for the counts: reading them takes
/// the main thread a fraction of a millisecond.
const COUNT_BYTES: usize = 256 << 10;

/// Maintenance of one key, which starts when the last clone of [`KeyMaintenance::completion`] is dropped: once, however
/// much work holds a clone. If each piece of work started maintenance, and each maintenance submitted several pieces,
/// their number would grow without limit.
pub struct KeyMaintenance<'a> {
    ctx: Context<'a>,
    key: RedisStr<'a>,
    retain: bool,
    completion: Option<CompletionGuard>,
}

impl<'a> KeyMaintenance<'a> {
    /// Maintenance of the key in the selected database. With `retain`, retention acts as well.
    pub fn new(ctx: Context<'a>, key: RedisStr<'a>, retain: bool) -> Self {
        Self {
            ctx,
            key,
            retain,
            completion: None,
        }
    }

    /// Held by background work until it is done.
    pub fn completion(&mut self) -> CompletionGuard {
        let (ctx, key, retain) = (self.ctx, self.key, self.retain);
        let new = || {
            let (database, name) = (ctx.database(), key.bytes().to_vec());
            metrics::to_revisit(1);
            CompletionGuard::new(move || {
                main_loop::post(Task {
                    writes: retain,
                    run: Box::new(move |ctx| {
                        metrics::to_revisit(-1);
                        maintain(ctx, database, &name, retain);
                    }),
                });
            })
        };
        self.completion.get_or_insert_with(new).clone()
    }

    /// Has old segments compressed.
    pub fn compress(&mut self, conversation: &mut Conversation) {
        let settings = settings::current();
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

    /// Has the newest messages counted that nobody counts yet. So a change of the encoding works its way through a
    /// conversation of any length, and so does the counting of an import.
    pub fn count_more(&mut self, conversation: &mut Conversation) {
        if conversation.footprint().pending == 0 || !has_room(COUNT_BYTES) {
            return;
        }
        let missing = conversation.missing_anywhere();
        let completion = Some(self.completion());
        let counter = Background { completion };
        // Whatever cannot be read now is counted when it is needed.
        let _ = conversation.count_missing(&missing, COUNT_BYTES, &counter, || {});
    }
}

/// Takes in what has been done for the key in the background. Retention acts on counts that came after their append.
fn maintain(ctx: Context<'_>, database: i32, name: &[u8], retain: bool) {
    let Some(name) = OwnedString::new(name).filter(|_| ctx.select(database)) else {
        return;
    };
    let name = name.as_str();
    let is_primary = ctx.is_primary();
    let mut key = Key::open(ctx, name, Access::Maintain);
    let Found::Conversation(conversation) = key.get() else {
        return;
    };
    let threshold = settings::current().summary_threshold;
    let (effect, summary_due) = measured(conversation, |c| {
        let mut maintenance = KeyMaintenance::new(ctx, name, retain);
        if let Some(last) = c.collect_pile() {
            // More were appended since.
            last.hold(&maintenance.completion());
        }
        maintenance.compress(c);
        maintenance.count_more(c);
        if maintenance.completion.is_none() && c.log().is_compressing() && c.is_pending() {
            // Compressed texts wait for counts that are queued already.
            let completion = maintenance.completion();
            submit(Lane::Normal, Box::new(move || drop(completion)));
        }
        // Replicas remove what their primary removes.
        let effect = (retain && is_primary)
            .then(|| retain_late(c, now()))
            .flatten();
        (effect, is_primary && c.summary_became_due(threshold))
    });
    drop(key);
    if let Some(effect) = effect {
        let announcement = Announcement {
            ctx,
            key: name,
            args: &[],
            verbatim: false,
        };
        announcement.make(&effect);
        cache_loads::changed(ctx, name);
    }
    if summary_due {
        notify(ctx, name, Event::SummaryDue);
    }
}
