//! Commands on several keys: `CONV.MRECENT` and `CONV.FORK`.

use std::ffi::c_int;

use super::announce::Announcement;
use super::blocked_clients as waiting;
use super::execute::{Call, Done, measured};
use super::ffi::api::call;
use super::ffi::client_reply::ClientReply;
use super::ffi::open_key::{Found, Key};
use super::request::{WAIT_BYTES, Wait};
use crate::commands::arg_parser::Args;
use crate::commands::fork::fork;
use crate::commands::recent::{Options, Seen, look, miss, multi_key, write};
use crate::commands::reply::Reply;
use crate::commands::{CommandError, err};
use crate::conversation::Conversation;
use crate::conversation::effect::Effect;
use crate::metrics;
use crate::tokens::background::{CompletionGuard, Urgent};
use crate::tokens::{Inline, MOST_INLINE, most_inline};

/// What is not counted yet of several conversations.
struct Counting {
    /// Bytes that may still be counted at once.
    left: usize,
    /// The client, and what wakes it, if something is counted for it in the background.
    waits: Option<(waiting::ClientId, CompletionGuard)>,
}

impl Call<'_> {
    /// Tells a server that asks for them where the keys are. False if this call is a command to be run.
    pub fn tells_keys(&self) -> bool {
        // SAFETY: the context is that of the call.
        let asked = unsafe { call!(RedisModule_IsKeysPositionRequest, self.ctx) };
        if asked.unwrap_or_default() == 0 {
            return false;
        }
        let number = self.args.get(2).and_then(|n| std::str::from_utf8(n).ok());
        let keys = number.and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
        for position in (3..self.args.len()).take(keys) {
            let position = c_int::try_from(position).unwrap_or_default();
            // SAFETY: as above; the position is that of an argument.
            unsafe { call!(RedisModule_KeyAtPos, self.ctx, position) };
        }
        true
    }

    /// `CONV.MRECENT max_tokens numkeys key [key ...] [options of RECENT]`
    pub fn recent_of_several(
        &self,
        name: &'static str,
        last_try: bool,
        reply: &mut ClientReply,
    ) -> Result<Done, CommandError> {
        let mut args = Args::new(name, self.args.get(1..).unwrap_or_default());
        let (options, keys) = multi_key(&mut args)?;
        let names = self.strings.get(3..3 + keys).unwrap_or_default();
        // Nothing is replied before all can be.
        let mut missed = Vec::new();
        let mut counting = Counting {
            left: MOST_INLINE,
            waits: None,
        };
        for &name in names {
            // SAFETY: context and name are those of this call; each key is closed before the next is opened.
            let mut key = unsafe { Key::open(self.ctx, name, false) };
            match key.get() {
                Found::Missing => missed.push(name),
                Found::Other => return Err(CommandError::WrongType),
                Found::Conversation(conversation) => {
                    if measured(conversation, |c| self.is_missed(&options, c, &mut counting)) {
                        missed.push(name);
                    }
                }
            }
        }
        if let Some((client, completion)) = counting.waits {
            return Ok(Done::Waits(Wait::Counts {
                completion,
                client,
                tickets: Vec::new(),
            }));
        }
        if let Some(time) = options.wait
            && !last_try
            && !missed.is_empty()
            && let Some(wait) = self.wait_for_backfill(&missed, time)
        {
            return Ok(Done::Waits(wait));
        }
        reply.array(names.len());
        for &name in names {
            // SAFETY: as above.
            let mut key = unsafe { Key::open(self.ctx, name, false) };
            match key.get() {
                Found::Conversation(conversation) => match look(&options, Some(conversation)) {
                    Ok(Seen::Hit(window)) => write(&options, conversation, &window, reply),
                    // All counts are there, see above.
                    Ok(Seen::Miss) | Err(_) => miss(reply),
                },
                Found::Missing | Found::Other => miss(reply),
            }
        }
        Ok(Done::Replied)
    }

    /// True if RECENT would miss. What it must count for that is counted: at once if it is little, or the call cannot
    /// wait.
    fn is_missed(
        &self,
        options: &Options,
        conversation: &mut Conversation,
        counting: &mut Counting,
    ) -> bool {
        conversation.collect_all();
        loop {
            let missing = match look(options, Some(conversation)) {
                Err(CommandError::Uncounted(missing)) => missing,
                seen => return matches!(seen, Ok(Seen::Miss)),
            };
            let most = most_inline(conversation.attributes().encoding).min(counting.left);
            let bytes = conversation.missing_bytes(&missing, most);
            if bytes <= most {
                counting.left -= bytes;
                conversation.count_missing(&missing, usize::MAX, &Inline, || {});
            } else if self.may_wait() {
                let (_, completion) = counting.waits.get_or_insert_with(waiting::completion);
                conversation.count_missing(&missing, WAIT_BYTES, &Urgent::new(completion), || {});
                return false;
            } else {
                conversation.count_missing(&missing, usize::MAX, &Inline, || self.pause());
            }
        }
    }

    /// `CONV.FORK key newkey [UPTO seq] [REPLACE]`. Nothing in the copy depends on the clock, so the command itself is
    /// what replicas need.
    pub fn fork(
        &self,
        name: &'static str,
        now: i64,
        reply: &mut ClientReply,
    ) -> Result<Done, CommandError> {
        let mut args = Args::new(name, self.args.get(2..).unwrap_or_default());
        let options = fork(&mut args)?;
        let (Some(&from), Some(&to)) = (self.strings.get(1), self.strings.get(2)) else {
            return Err(CommandError::Arity);
        };
        if self.args.get(1) == self.args.get(2) {
            return err("source and destination are the same key");
        }
        // SAFETY: context and names are those of this call; the keys differ.
        let mut source = unsafe { Key::open(self.ctx, from, false) };
        let conversation = match source.get() {
            Found::Missing => {
                reply.integer(0);
                return Ok(Done::Replied);
            }
            Found::Other => return Err(CommandError::WrongType),
            Found::Conversation(conversation) => conversation,
        };
        // SAFETY: as above.
        let mut target = unsafe { Key::open(self.ctx, to, true) };
        if !matches!(target.get(), Found::Missing) {
            if !options.replace {
                reply.integer(0);
                return Ok(Done::Replied);
            }
            target.delete();
        }
        if conversation.expects_results() {
            measured(conversation, Conversation::collect);
        }
        let copy = conversation.fork(options.upto);
        metrics::created(copy.footprint());
        target.create(copy);
        if let Some(at) = source.expires_at() {
            target.expire_at(at);
        }
        drop((source, target));
        let announcement = Announcement {
            ctx: self.ctx,
            key: to,
            args: self.args,
            strings: self.strings,
            verbatim: true,
        };
        announcement.make(&Effect::new("conv.fork", now));
        reply.integer(1);
        Ok(Done::Replied)
    }
}
