//! `CONV.IMPORT key json [HISTORY path] [REPLACE] [EX seconds | PX ms | EXAT seconds | PXAT ms | KEEPTTL]`

use std::iter::once;

use super::append::read_uncounted;
use super::arg_parser::Args;
use super::error::{CommandError, err};
use super::prepared::{Built, Prepared};
use super::reply::Reply;
use super::session::name;
use super::{Env, Needs, Outcome, Target};
use crate::conversation::Conversation;
use crate::conversation::document::places::Places;
use crate::conversation::document::{Parts, split};
use crate::conversation::effect::{Effect, Event, Imported, NewMessage, NewSummary};
use crate::conversation::session_difference::Difference;

/// When the key expires after the import.
#[derive(Debug, Clone, Copy)]
enum Expiry {
    /// As the attribute `ttl` says; never if it is 0.
    Ttl,
    /// As before.
    Keep,
    /// At this time, Unix ms.
    At(i64),
}

impl Expiry {
    /// Takes the value of an option.
    fn take(option: &'static str, args: &mut Args<'_>, now: i64) -> Result<Self, CommandError> {
        // The latest time that Redis can store is i64::MAX ms.
        let left = i64::MAX.saturating_sub(now.max(0));
        let (unit, from, most) = match option {
            "EX" => (1000, now, left / 1000),
            "PX" => (1, now, left),
            "EXAT" => (1000, 0, i64::MAX / 1000),
            "PXAT" => (1, 0, i64::MAX),
            _ => return Ok(Self::Keep),
        };
        let value = args.number(option, 1, most)?;
        Ok(Self::At(value.saturating_mul(unit).saturating_add(from)))
    }

    /// Sets it in the effect of an import, whose conversation has this `ttl`.
    fn set(self, effect: &mut Effect<'_>, ttl: u64, env: &Env<'_>) {
        effect.expire = match self {
            Self::Ttl => env.expiry(ttl),
            Self::Keep => None,
            Self::At(at) => Some(at),
        };
        effect.persist = effect.expire.is_none() && !matches!(self, Self::Keep);
    }
}

struct Options<'a> {
    history: Option<&'a str>,
    replace: bool,
    expiry: Expiry,
}

impl<'a> Options<'a> {
    fn take(args: &mut Args<'a>, env: &Env<'_>) -> Result<Self, CommandError> {
        let mut options = Self {
            history: None,
            replace: false,
            expiry: Expiry::Ttl,
        };
        let mut expiry = None;
        while let Some(option) =
            args.only_options(&["HISTORY", "REPLACE", "EX", "PX", "EXAT", "PXAT", "KEEPTTL"])?
        {
            match option {
                "HISTORY" => options.history = Some(name(args.value("HISTORY")?)?),
                "REPLACE" => options.replace = true,
                option => {
                    if let Some(other) = expiry.replace(option) {
                        return err(format!("options {other} and {option} cannot be combined"));
                    }
                    options.expiry = Expiry::take(option, args, env.now)?;
                }
            }
        }
        Ok(options)
    }
}

/// Stores a session document and returns the number of messages. With `REPLACE`, a conversation that exists becomes that
/// of the document, and only what differs is changed.
pub fn import<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let json = args.required()?;
    let options = Options::take(args, env)?;
    if target.is_some() && !options.replace {
        return err("the key already exists: use REPLACE to replace its contents");
    }
    let split = || split(json, options.history).map_err(CommandError::Err);
    let (messages, effect) = match target {
        None => {
            let (messages, mut effect) = match env.prepared.and_then(Prepared::take_document) {
                Some(built) => attach(json, built?),
                None => {
                    let parts = split()?;
                    (parts.messages.len(), create(env, json, &options, parts)?)
                }
            };
            let ttl = env.settings.attributes().ttl;
            // There is no expiry that KEEPTTL could keep.
            let expiry = match options.expiry {
                Expiry::Keep => Expiry::Ttl,
                expiry => expiry,
            };
            expiry.set(&mut effect, ttl, env);
            effect.persist = false;
            (messages, effect)
        }
        Some(conversation) => {
            let places = env.prepared.and_then(Prepared::places);
            let parts = match places.and_then(|places| places.parts(json)) {
                Some(parts) => parts,
                None => split()?,
            };
            // To compare messages takes little time, to decompress them takes more.
            let compared = once(0..conversation.as_long(&parts.messages));
            let log = conversation.log();
            if let Some(text) = log.deeper_than(env.decompress_at_once, compared) {
                return Ok(Outcome::Needs(Needs::Text(text)));
            }
            let messages = parts.messages.len();
            let mut effect = replace(env, conversation, parts)?;
            options
                .expiry
                .set(&mut effect, conversation.attributes().ttl, env);
            (messages, effect)
        }
    };
    out.integer(i64::try_from(messages).unwrap_or(i64::MAX));
    let changes_nothing = effect.only_expires() && effect.expire.is_none() && !effect.persist;
    Ok(Outcome::Done((!changes_nothing).then_some(effect)))
}

/// Splits the document among the arguments, in advance.
///
/// # Errors
/// An argument is invalid.
pub(super) fn places(
    command: &'static str,
    args: &[&[u8]],
    env: &Env<'_>,
) -> Result<Places, CommandError> {
    let mut args = Args::new(command, args);
    let json = args.required()?;
    let options = Options::take(&mut args, env)?;
    Places::of(json, options.history).map_err(CommandError::Err)
}

/// Reads messages, which are numbered from `seq` on. The first is message `number` of the document.
fn read<'a>(
    env: &Env<'_>,
    messages: &[&'a [u8]],
    mut number: usize,
    mut seq: i64,
) -> Result<Vec<NewMessage<'a>>, CommandError> {
    let mut read = Vec::with_capacity(messages.len());
    for message in messages {
        let mut new = read_uncounted(env, number, message)?;
        new.seq = seq;
        read.push(new);
        number += 1;
        seq = match seq.checked_add(1) {
            Some(next) => next,
            None => return err("the sequence numbers of this conversation are used up"),
        };
    }
    Ok(read)
}

/// The effect that creates a conversation.
fn create<'a>(
    env: &Env<'_>,
    json: &'a [u8],
    options: &Options<'_>,
    parts: Parts<'a>,
) -> Result<Effect<'a>, CommandError> {
    let mut effect = Effect::new(Event::Import, env.now);
    effect.push = read(env, &parts.messages, 1, 1)?;
    effect.create = Some(env.settings.attributes());
    let history = parts.history.as_ref();
    effect.imported = Some(Imported {
        document: json,
        history: history.map(|h| options.history.unwrap_or(h.name.text()).into()),
    });
    effect.set_state = parts.fields;
    effect.history = parts.history;
    Ok(effect)
}

/// The effect that creates the conversation which was made of the document in advance, and the number of its messages.
fn attach(document: &[u8], built: Built) -> (usize, Effect<'_>) {
    let Built {
        conversation,
        attributes,
        at,
        history,
    } = built;
    let messages = conversation.log().len();
    let mut effect = Effect::new(Event::Import, at);
    effect.create = Some(attributes);
    effect.imported = Some(Imported { document, history });
    effect.built = Some(conversation);
    (messages, effect)
}

/// The effect that makes `conversation` that of a document. Messages that it holds, from its first on, keep their number,
/// time and count. Has no event if nothing differs.
fn replace<'a>(
    env: &Env<'_>,
    conversation: &Conversation,
    parts: Parts<'a>,
) -> Result<Effect<'a>, CommandError> {
    let kept = conversation.common_prefix(&parts.messages)?;
    let log = conversation.log();
    let mut effect = Effect::new(Event::None, env.now);
    // No number is used again, so the messages that are removed leave a gap.
    let next = conversation.numbering().next;
    let new = parts.messages.get(kept..).unwrap_or_default();
    effect.push = read(env, new, kept + 1, next)?;
    effect.cut = log.get(kept).map(|first| first.seq);
    let newest = kept
        .checked_sub(1)
        .and_then(|newest| log.get(newest))
        .map(|newest| newest.seq);
    // A summary of messages that are no longer held is of no use.
    let is_stale = |upto: i64| newest.is_none_or(|newest| upto > newest);
    if let Some(summary) = conversation.summary()
        && summary.upto.is_some_and(is_stale)
    {
        effect.summary = Some(NewSummary {
            text: "",
            upto: None,
        });
        // Only SETSUMMARY ends a lease.
        effect.lease = Some(conversation.lease()).filter(|until| *until != 0);
    }
    let Difference {
        clear,
        remove,
        set,
        history,
    } = Difference::new(conversation.session(), parts.fields, parts.history);
    effect.clear_session = clear;
    effect.del_state = remove;
    effect.set_state = set;
    effect.history = history;
    if !effect.only_expires() {
        effect.event = Event::Import;
    }
    Ok(effect)
}
