//! What a command needs before it can run: counts, a cache load, or large arguments that were read.

use std::sync::Arc;
use std::time::Duration;

use super::blocked_clients::{self, Id};
use super::cache_loads;
use super::ffi::api::now;
use super::ffi::open_key::{Access, Found, Key};
use super::ffi::string::{HeldArgs, RedisStr};
use super::in_background::{self, InBackground, Waiting};
use super::input;
use super::module::settings;
use super::request::Run;
use super::searches;
use super::step::{Awaited, Command, Step, Wait};
use crate::commands::CommandError;
use crate::commands::export::Document;
use crate::commands::msgpack::Unconverted;
use crate::commands::prepared::Input;
use crate::commands::recent::miss;
use crate::commands::reply::Reply;
use crate::commands::spec::Handler;
use crate::conversation::find::Query;
use crate::conversation::log_snapshot::Snapshot;
use crate::conversation::{Conversation, MissingCounts, Unreadable};
use crate::tokens::background::{CompletionGuard, Urgent};
use crate::tokens::registry::{self, Lookup};
use crate::tokens::{Encoding, FULL_SCALE, Inline, Rules, Text, most_inline};

/// Bytes of text that are copied and counted for a blocked client at a time, so that neither the copy nor the reading
/// of the messages holds up others.
pub const WAIT_BYTES: usize = 256 << 10;

impl Command<'_> {
    /// A resumed command whose key is gone: if the key's slot has moved away, the client must not take the key for
    /// missing.
    pub fn check_served(&self, name: RedisStr<'_>) -> Result<(), CommandError> {
        let resumed = matches!(self.request.run, Run::Resumed(_));
        if resumed && !self.request.ctx.serves(name) {
            return Err(CommandError::SlotMoved);
        }
        Ok(())
    }

    /// Has large arguments read in the background before the command runs. `None` if they are not large, or the client
    /// cannot be blocked.
    pub fn read_large_input(&self) -> Option<Step> {
        let Handler::WriteInput(_, input) = self.spec.handler else {
            return None;
        };
        let request = self.request;
        let settings = settings::current();
        // Until the file of the default encoding has been read, attributes of new conversations are not complete.
        if !matches!(settings.encoding.resolve(), Lookup::Ready(_)) {
            return None;
        }
        let lengths = request.args.iter().skip(2).map(|arg| arg.bytes().len());
        if !matches!(request.run, Run::First)
            || !input.is_large(lengths)
            || !request.can_block(true)
        {
            return None;
        }
        let input = match input {
            Input::Document if self.has_conversation() => Input::Replacement,
            input => input,
        };
        let args = Arc::new(HeldArgs::new(request.args)?);
        let id = blocked_clients::next_id();
        let (reading, until) = input::read(id, input, self.spec.name, &args, settings, now());
        Some(Step::Wait(Wait {
            id,
            until,
            args: Some(args),
            what: Awaited::Input(reading),
        }))
    }

    /// Has the conversation searched in the background. `None` if the client cannot be blocked.
    pub fn search(&self, query: Query, conversation: &Conversation) -> Option<Step> {
        let id = self.id_to_block()?;
        let log = conversation.log();
        let (searching, until) = searches::search(id, query, log.snapshot(0..log.len()));
        Some(waiting(id, until, Awaited::Found(searching)))
    }

    /// True if there is a conversation at the key, as far as can be said before the command runs.
    fn has_conversation(&self) -> bool {
        self.request.args.get(1).is_some_and(|&name| {
            let mut key = Key::open(self.request.ctx, name, Access::Maintain);
            matches!(key.get(), Found::Conversation(_))
        })
    }

    /// Has messages decompressed in the background before the command runs again. `None` if the client cannot be blocked.
    pub fn decompress(&self, snapshots: Vec<Snapshot>) -> Option<Step> {
        let bytes = snapshots.iter().map(Snapshot::bytes_to_decompress).sum();
        // Without memory for all of them there is no result.
        let work = move || snapshots.iter().map(|s| s.decompress().ok()).collect();
        self.in_background(bytes, work, Awaited::Text)
    }

    /// Has messages converted to MessagePack in the background before the command runs again. `None` if the client cannot be
    /// blocked.
    pub fn convert(&self, lists: Vec<Unconverted>) -> Option<Step> {
        let bytes = lists.iter().map(Unconverted::bytes).sum();
        let work = move || Some(lists.into_iter().map(Unconverted::convert).collect());
        self.in_background(bytes, work, Awaited::Converted)
    }

    /// Has a document written in the background before the command runs again. `None` if the client cannot be blocked.
    pub fn write_document(&self, document: Document) -> Option<Step> {
        let bytes = document.bytes();
        let work = move || document.write().ok();
        self.in_background(bytes, work, Awaited::Document)
    }

    /// Has `work` on `bytes` done in the background. `None` if the client cannot be blocked.
    fn in_background<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Option<T> + Send + 'static,
        what: impl FnOnce(InBackground<T>) -> Awaited,
    ) -> Option<Step> {
        let client = Waiting {
            id: self.id_to_block()?,
            writes: self.writes(),
            holds_work: self.request.holds_work,
        };
        let (result, until) = in_background::run(client, bytes, work);
        Some(waiting(client.id, until, what(result)))
    }

    /// The id of the client among those that are blocked for background work. `None` if it cannot be blocked for it.
    fn id_to_block(&self) -> Option<Id> {
        let id = match self.request.run {
            Run::First => blocked_clients::next_id(),
            Run::Resumed(id) => id,
            Run::Woken(_) => return None,
        };
        self.request.can_block(self.writes()).then_some(id)
    }

    /// What Redis has checked when the command arrived, and may no longer hold when it runs later.
    ///
    /// # Errors
    /// The server has become a replica, or has reached its memory limit.
    pub fn check_again(&self) -> Result<(), CommandError> {
        let request = self.request;
        if !self.writes() || !matches!(request.run, Run::Resumed(_)) {
            return Ok(());
        }
        if request.is_read_only() {
            return Err(CommandError::ReadOnly);
        }
        if request.must_not_grow() && self.spec.flags.split(' ').any(|flag| flag == "deny-oom") {
            return Err(CommandError::OutOfMemory);
        }
        Ok(())
    }

    /// Provides missing counts. Counts them at once if they are few, or if the client cannot be blocked; then `None`.
    /// Otherwise has them counted in the background.
    pub fn count(
        &self,
        name: RedisStr<'_>,
        conversation: &mut Conversation,
        missing: &MissingCounts,
        wait: Option<Duration>,
    ) -> Result<Option<Step>, Unreadable> {
        let request = self.request;
        conversation.collect_all();
        let most = most_inline(conversation.attributes().encoding);
        if conversation.missing_bytes(missing, most) <= most {
            conversation.count_missing(missing, usize::MAX, &Inline, || {})?;
            return Ok(None);
        }
        let Some((step, until)) = self.wait_for_counts(&[name], wait) else {
            conversation.count_missing(missing, usize::MAX, &Inline, || request.pause())?;
            return Ok(None);
        };
        let handed_over =
            conversation.count_missing(missing, WAIT_BYTES, &Urgent::new(&until), || {});
        match handed_over {
            // A client that was blocked just now cannot be replied to here: the next run tells it.
            Err(why) if !matches!(request.run, Run::First) => Err(why),
            _ => Ok(Some(step)),
        }
    }

    /// How the client waits for counts of the first of these keys, and what is held until they are there. `None` if it cannot. With
    /// `wait` a load of the others wakes it too.
    pub fn wait_for_counts(
        &self,
        keys: &[RedisStr<'_>],
        wait: Option<Duration>,
    ) -> Option<(Step, CompletionGuard)> {
        let request = self.request;
        if !request.can_block(self.writes()) {
            return None;
        }
        let address = || {
            keys.first()
                .map(|key| cache_loads::address(request.ctx, *key))
        };
        let id = match (request.run, wait.filter(|wait| !wait.is_zero())) {
            (Run::Woken(waiter), _) => {
                let until = cache_loads::completion_guard(waiter.id, address()?);
                return Some((Step::Blocked, until));
            }
            // It may have to wait for a load later, and is blocked for both at once.
            (Run::First, Some(wait)) => {
                let id = cache_loads::wait(request.ctx, keys, wait, (self.woken)(self.index))?;
                return Some((Step::Blocked, cache_loads::completion_guard(id, address()?)));
            }
            (Run::First, None) => blocked_clients::next_id(),
            (Run::Resumed(id), _) => id,
        };
        let until = blocked_clients::completion_guard(id, self.writes());
        let wait = Wait {
            id,
            until: until.clone(),
            args: None,
            what: Awaited::Counts,
        };
        Some((Step::Wait(wait), until))
    }

    /// The client misses these conversations, and would wait for `time`. It gets nil if it is to load one of them, or
    /// cannot wait.
    pub fn load(&self, keys: &[RedisStr<'_>], time: Duration, reply: &mut dyn Reply) -> Step {
        if self.waits_for_load(keys, time) {
            return Step::Blocked;
        }
        miss(reply);
        Step::Replied
    }

    /// True if the client now waits for others to load these conversations.
    pub fn waits_for_load(&self, keys: &[RedisStr<'_>], time: Duration) -> bool {
        if time.is_zero() {
            return false;
        }
        let request = self.request;
        if matches!(request.run, Run::Woken(waiter) if waiter.is_backfilled) {
            return false;
        }
        let addresses: Vec<_> = keys
            .iter()
            .map(|key| cache_loads::address(request.ctx, *key))
            .collect();
        let waiter = match request.run {
            Run::Woken(waiter) => Some(waiter.id),
            Run::First | Run::Resumed(_) => None,
        };
        let answer = cache_loads::missed(&addresses, request.client(), waiter, time);
        if answer || !request.can_block(self.writes()) {
            return false;
        }
        match request.run {
            Run::Woken(_) => true,
            Run::First => {
                cache_loads::wait(request.ctx, keys, time, (self.woken)(self.index)).is_some()
            }
            Run::Resumed(_) => false,
        }
    }
}

/// The client waits for background work, and holds no arguments for it.
fn waiting(id: Id, until: CompletionGuard, what: Awaited) -> Step {
    Step::Wait(Wait {
        id,
        until,
        args: None,
        what,
    })
}

/// How texts are counted that belong to no conversation.
pub fn rules(encoding: Encoding) -> Rules {
    Rules {
        encoding,
        media_tokens: 0,
        overhead: 0,
        scale: FULL_SCALE,
    }
}

/// Has a client that is about to be blocked wait for the file of an encoding.
pub fn wait_for_file(encoding: Encoding) -> Wait {
    let id = blocked_clients::next_id();
    let until = blocked_clients::completion_guard(id, false);
    registry::hold_until_loaded(encoding, until.clone());
    Wait {
        id,
        until,
        args: None,
        what: Awaited::Counts,
    }
}

/// Has the texts counted for a client that is about to be blocked.
pub fn count_texts(encoding: Encoding, texts: Vec<Text>) -> Wait {
    let id = blocked_clients::next_id();
    let until = blocked_clients::completion_guard(id, false);
    let urgent = Urgent::new(&until);
    let tickets = texts
        .into_iter()
        .map(|text| urgent.take(rules(encoding), text))
        .collect();
    drop(urgent);
    Wait {
        id,
        until,
        args: None,
        what: Awaited::TextCounts(tickets),
    }
}
