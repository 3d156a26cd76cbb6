//! `CONV.RECENT key max_tokens [FORMAT LIST | JSON | MSGPACK] [MESSAGES n] [START USER] [OVERSIZE EMPTY | KEEP | CUT]
//! [STEP n] [CLEAR n [ABOVE tokens]] [NOSYSTEM] [NOSUMMARY] [NOPINS] [REV] [ANY | WAIT ms] [WITHINFO]`, and the parts of it that `CONV.MRECENT` uses for several
//! conversations.

use std::iter;
use std::ops::Range;
use std::time::Duration;

use smallvec::SmallVec;

use super::arg_parser::Args;
use super::error::{CommandError, err};
use super::format::{Format, MessageList, Piece};
use super::msgpack::{Converted, Unconverted};
use super::reply::Reply;
use super::{Env, Needs, Outcome, REPLIED, Target};
use crate::conversation::clearing::Clear;
use crate::conversation::facts::SummaryForm;
use crate::conversation::log_snapshot::Snapshot;
use crate::conversation::window::{Oversize, Request, Window};
use crate::conversation::{Conversation, MissingCounts, Unreadable};
use crate::metrics;
use crate::settings::Settings;

/// Longer waits are shortened to this: 34 years, which `Instant` can still represent.
const MOST_WAIT_MS: u64 = 1 << 40;

/// The options of `CONV.RECENT`.
#[derive(Debug)]
pub struct Options {
    request: Request,
    format: Format,
    /// The newest message comes first.
    reversed: bool,
    any: bool,
    with_info: bool,
    /// How long the client is willing to wait on a miss; `None` without `WAIT`.
    pub wait: Option<Duration>,
}

/// The result of looking for a window.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one on the stack, rather than an allocation in every RECENT"
)]
pub enum Lookup {
    /// This window can be returned.
    Hit(Window),
    /// Older messages that only a database holds might belong to the window.
    Miss,
    /// These counts are needed first.
    Uncounted(MissingCounts),
}

/// Takes `max_tokens`.
fn budget(args: &mut Args<'_>) -> Result<i64, CommandError> {
    args.integer("max_tokens", 0, i64::MAX)
}

/// Takes the options up to the end.
fn options(args: &mut Args<'_>, max_tokens: i64) -> Result<Options, CommandError> {
    let mut options = Options {
        request: Request {
            max_tokens,
            ..Request::default()
        },
        format: Format::List,
        reversed: false,
        any: false,
        with_info: false,
        wait: None,
    };
    let request = &mut options.request;
    let mut above = None;
    while let Some(option) = args.only_options(&[
        "FORMAT",
        "MESSAGES",
        "START",
        "OVERSIZE",
        "STEP",
        "CLEAR",
        "ABOVE",
        "NOSYSTEM",
        "NOSUMMARY",
        "NOPINS",
        "REV",
        "ANY",
        "WAIT",
        "WITHINFO",
    ])? {
        match option {
            "FORMAT" => options.format = Format::take(args)?,
            "MESSAGES" => request.messages = Some(args.unsigned("MESSAGES", 0)?),
            "START" => {
                args.choice("START", &["USER"])?;
                request.start_user = true;
            }
            "OVERSIZE" => {
                request.oversize = match args.choice("OVERSIZE", &["EMPTY", "KEEP", "CUT"])? {
                    "KEEP" => Oversize::Keep,
                    "CUT" => Oversize::Cut,
                    _ => Oversize::Empty,
                }
            }
            "CLEAR" => {
                let kept = args.unsigned("CLEAR", 0)?;
                request.clear = Some(Clear { kept, above: None });
            }
            "ABOVE" => above = Some(args.unsigned("ABOVE", 0)?),
            "STEP" => request.step = Some(args.unsigned("STEP", 1)?),
            "NOSYSTEM" => request.no_system = true,
            "NOSUMMARY" => request.no_summary = true,
            "NOPINS" => request.no_pins = true,
            "REV" => options.reversed = true,
            "ANY" => options.any = true,
            "WAIT" => {
                let ms = args.unsigned("WAIT", 0)?.min(MOST_WAIT_MS);
                options.wait = Some(Duration::from_millis(ms));
            }
            _ => options.with_info = true,
        }
    }
    match &mut request.clear {
        Some(clear) => clear.above = above,
        None if above.is_some() => return err("option ABOVE needs CLEAR: CLEAR n ABOVE tokens"),
        None => {}
    }
    if options.any && options.wait.is_some() {
        return err("options ANY and WAIT cannot be combined");
    }
    Ok(options)
}

/// Parses `CONV.MRECENT max_tokens numkeys key [key ...] [options of RECENT]`. Returns the options and the number of
/// keys.
///
/// # Errors
/// An argument is missing or invalid.
pub fn multi_key(args: &mut Args<'_>) -> Result<(Options, usize), CommandError> {
    let max_tokens = budget(args)?;
    let keys = args.integer("numkeys", 1, i64::MAX)?;
    let keys = usize::try_from(keys).unwrap_or(usize::MAX);
    if keys > args.left() {
        return err(format!(
            "numkeys must be at most {}, the number of arguments that follow, got {keys}",
            args.left()
        ));
    }
    for _ in 0..keys {
        args.take();
    }
    Ok((options(args, max_tokens)?, keys))
}

/// `CONV.RECENT`: returns the newest messages that fit the token budget, or nil on a miss.
///
/// # Errors
/// An argument is missing or invalid.
pub fn recent(
    args: &mut Args<'_>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let max_tokens = budget(args)?;
    let options = options(args, max_tokens)?;
    let Some(conversation) = target else {
        match options.wait {
            Some(time) => return Ok(Outcome::Needs(Needs::Load(time))),
            None => missing_key(&options, &env.settings, out),
        }
        return Ok(REPLIED);
    };
    match look(&options, conversation)? {
        Lookup::Hit(window) => match to_decompress(conversation, &window, env.decompress_at_once) {
            Some(text) => return Ok(Outcome::Needs(Needs::Text(text))),
            None => {
                let (converted, most) = (env.converted, env.decompress_at_once);
                if let Some(list) = write(&options, conversation, &window, converted, most, out)? {
                    return Ok(Outcome::Needs(Needs::MsgPack(vec![list])));
                }
            }
        },
        Lookup::Uncounted(missing) => {
            return Ok(Outcome::Needs(Needs::Counts {
                missing,
                wait: options.wait,
            }));
        }
        Lookup::Miss => match options.wait {
            Some(time) => return Ok(Outcome::Needs(Needs::Load(time))),
            None => miss(out),
        },
    }
    Ok(REPLIED)
}

/// The messages of the window that must be decompressed first, if those are more than `most` bytes, which the command may
/// decompress itself.
#[must_use]
pub fn to_decompress(
    conversation: &Conversation,
    window: &Window,
    most: usize,
) -> Option<Vec<Snapshot>> {
    let user = window.user.map(|position| position..position + 1);
    let ranges = [0..window.system, window.range.clone()];
    let before = window.pinned_groups.iter().cloned().chain(user);
    conversation
        .log()
        .deeper_than(most, ranges.into_iter().chain(before))
}

/// Looks for the window in the conversation.
///
/// # Errors
/// There is not enough memory to decompress messages that are to be cut.
pub fn look(options: &Options, conversation: &Conversation) -> Result<Lookup, Unreadable> {
    let window = conversation.select(&options.request);
    let missing = conversation.missing_counts(&options.request, &window);
    if !missing.is_empty() {
        return Ok(Lookup::Uncounted(missing));
    }
    if !conversation.attributes().complete && !options.any && !window.filled {
        return Ok(Lookup::Miss);
    }
    Ok(match conversation.with_cut(window)? {
        Ok(window) => Lookup::Hit(window),
        Err(request) => Lookup::Uncounted(MissingCounts {
            cut: Some(Box::new(request)),
            ..MissingCounts::default()
        }),
    })
}

/// Replies to a miss: nil.
pub fn miss(out: &mut dyn Reply) {
    metrics::missed();
    out.null();
}

/// The reply for a missing key. As for `LRANGE` it is empty, unless a database may hold the conversation: a miss then.
pub fn missing_key(options: &Options, settings: &Settings, out: &mut dyn Reply) {
    let is_miss = options.wait.is_some() || !(settings.assume_complete || options.any);
    if is_miss {
        return miss(out);
    }
    let window = Window::default();
    reply_with(options, &MessageList::default(), None, &window, out);
}

/// The reply to a hit: what [`look`] has found. Returns the messages if they must be converted first, see
/// [`MessageList::converted`]; nothing is written then.
///
/// # Errors
/// There is not enough memory to decompress the messages; nothing is written then.
pub fn write(
    options: &Options,
    conversation: &Conversation,
    window: &Window,
    converted: &[&Converted],
    most: usize,
    out: &mut dyn Reply,
) -> Result<Option<Unconverted>, Unreadable> {
    with_list(options, conversation, window, |list| {
        match list.converted(options.format, converted, most) {
            Ok(done) => {
                reply_with(options, list, done.as_deref(), window, out);
                None
            }
            Err(list) => Some(list),
        }
    })
}

/// The messages of a hit, if they must be converted first, see [`MessageList::converted`].
///
/// # Errors
/// There is not enough memory to decompress the messages.
pub fn to_convert(
    options: &Options,
    conversation: &Conversation,
    window: &Window,
    converted: &[&Converted],
    most: usize,
) -> Result<Option<Unconverted>, Unreadable> {
    if options.format != Format::MsgPack {
        return Ok(None);
    }
    with_list(options, conversation, window, |list| {
        list.converted(options.format, converted, most).err()
    })
}

/// Calls `f` with the messages of a hit.
fn with_list<R>(
    options: &Options,
    conversation: &Conversation,
    window: &Window,
    f: impl FnOnce(&MessageList<'_>) -> R,
) -> Result<R, Unreadable> {
    let summary = match conversation.summary() {
        Some(summary) if window.summary => Some(as_message(conversation, &summary.text)),
        _ => None,
    };
    let rendering = conversation.rendering(window);
    let system = Piece::Held(0..window.system, false);
    let summary = summary.as_deref().map(|m| Piece::One(m.as_bytes()));
    // Most often there is nothing before the window.
    let mut before: SmallVec<[Range<usize>; 1]> = SmallVec::from_vec(window.pinned_groups.clone());
    if let Some(user) = window.user {
        let place = before.partition_point(|range| range.start < user);
        before.insert(place, user..user + 1);
    }
    let held = before.into_iter().chain([window.range.clone()]);
    let pieces = iter::once(system)
        .chain(summary)
        .chain(held.map(|range| Piece::Rendered(range, rendering)));
    let list = MessageList::read(conversation, pieces)?;
    Ok(f(&list.in_reverse(options.reversed)))
}

/// The reply of a hit. `done`: the messages in MessagePack, if they were converted.
fn reply_with(
    options: &Options,
    messages: &MessageList<'_>,
    done: Option<&[u8]>,
    window: &Window,
    out: &mut dyn Reply,
) {
    metrics::hit(window.tokens);
    if !options.with_info {
        return messages.write(options.format, done, out);
    }
    out.map(15);
    out.bulk(b"messages");
    messages.write(options.format, done, out);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    for (name, value) in [
        ("tokens", window.tokens),
        ("first", window.first),
        ("last", window.last),
        ("skipped", number(window.skipped)),
        ("summary", i64::from(window.summary)),
        ("elided", i64::from(window.user.is_some())),
        ("over", i64::from(window.over)),
        ("system", number(window.system as u64)),
        ("system-left-out", number(window.system_left_out as u64)),
        ("pinned", number(window.pinned)),
        ("dropped", number(window.dropped)),
        ("edited", number(window.edited)),
        ("cleared", number(window.cleared)),
        ("cut", number(window.cut)),
    ] {
        out.bulk(name.as_bytes());
        out.integer(value);
    }
}

/// The summary as a system message in the dialect of the first message.
fn as_message(conversation: &Conversation, text: &str) -> String {
    let text = serde_json::Value::from(text);
    match conversation.log().summary_form() {
        SummaryForm::Base => format!(r#"{{"role":"system","content":{text}}}"#),
        SummaryForm::LangChainDict => {
            format!(r#"{{"type":"system","data":{{"content":{text}}}}}"#)
        }
        SummaryForm::LangChainFlat => format!(r#"{{"type":"system","content":{text}}}"#),
        SummaryForm::LangChainConstructor => {
            let id = r#"["langchain","schema","messages","SystemMessage"]"#;
            format!(
                r#"{{"lc":1,"type":"constructor","id":{id},"kwargs":{{"content":{text},"type":"system"}}}}"#
            )
        }
    }
}

#[cfg(test)]
#[path = "clear_tests.rs"]
mod clear_tests;
#[cfg(test)]
#[path = "cut_tests.rs"]
mod cut_tests;
#[cfg(test)]
#[path = "pinned_tests.rs"]
mod pinned_tests;
#[cfg(test)]
#[path = "recent_tests.rs"]
mod tests;
