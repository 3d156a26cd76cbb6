//! `CONV.SEARCH key pattern [REGEX] [CASE] [ROLE role] [AFTER seq] [BEFORE seq] [SINCE ms] [UNTIL ms] [LIMIT n]
//! [WITHINFO]`

use super::arg_parser::{Args, quoted};
use super::error::{CommandError, err};
use super::read::is_counted_first;
use super::reply::Reply;
use super::{Env, Needs, Outcome, REPLIED, Target};
use crate::conversation::Conversation;
use crate::conversation::facts::Class;
use crate::conversation::find::{Failure, Found, Pattern, Query, Search};
use crate::conversation::search::Bytes;
use crate::metrics;

/// Longest pattern, in bytes.
const MOST_BYTES: usize = 1024;

/// Bytes of messages that the main thread searches itself: 20 to 100 us of work.
const MOST_BYTES_AT_ONCE: u64 = 16 << 10;

/// Messages that are returned without `LIMIT`.
const LIMIT: usize = 10;

const OPTIONS: [&str; 9] = [
    "REGEX", "CASE", "ROLE", "AFTER", "BEFORE", "SINCE", "UNTIL", "LIMIT", "WITHINFO",
];

/// The arguments of a search.
struct Options {
    query: Query,
    with_info: bool,
}

impl Options {
    fn take(args: &mut Args<'_>) -> Result<Self, CommandError> {
        let pattern = pattern(args.required()?)?;
        let (mut regex, mut case, mut with_info) = (false, false, false);
        let (mut class, mut limit) = (None, LIMIT);
        let (mut after, mut before, mut since, mut until) = (None, None, None, None);
        while let Some(option) = args.only_options(&OPTIONS)? {
            let mut number = |least| args.number(option, least, i64::MAX);
            match option {
                "REGEX" => regex = true,
                "CASE" => case = true,
                "ROLE" => class = Some(role(args)?),
                "AFTER" => after = Some(number(i64::MIN)?),
                "BEFORE" => before = Some(number(i64::MIN)?),
                "SINCE" => since = Some(number(i64::MIN)?),
                "UNTIL" => until = Some(number(i64::MIN)?),
                "LIMIT" => limit = usize::try_from(number(1)?).unwrap_or(usize::MAX),
                _ => with_info = true,
            }
        }
        let pattern = if regex {
            Pattern::regex(pattern, case).map_err(CommandError::Err)?
        } else {
            Pattern::literal(pattern, case)
        };
        Ok(Self {
            query: Query {
                pattern,
                class,
                after,
                before,
                since,
                until,
                limit,
            },
            with_info,
        })
    }
}

fn pattern(argument: &[u8]) -> Result<&str, CommandError> {
    if argument.is_empty() {
        return err("the pattern is empty");
    }
    if argument.len() > MOST_BYTES {
        return err(format!(
            "the pattern has {} bytes, at most {MOST_BYTES} are allowed",
            argument.len()
        ));
    }
    std::str::from_utf8(argument).map_err(|e| {
        CommandError::Err(format!(
            "pattern {} is not UTF-8: invalid at byte {}",
            quoted(argument),
            e.valid_up_to()
        ))
    })
}

/// Takes the value of `ROLE`.
fn role(args: &mut Args<'_>) -> Result<Class, CommandError> {
    let role = args.choice("ROLE", &["system", "user", "assistant", "tool"])?;
    Ok(match role {
        "system" => Class::System,
        "user" => Class::User,
        "assistant" => Class::Assistant,
        _ => Class::Tool,
    })
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Pattern(why) => Self::Err(why),
            Failure::Unreadable => Self::Unreadable,
        }
    }
}

/// True if the main thread searches the conversation itself: that takes no longer than to hand it over.
fn is_quick(query: &Query, conversation: &Conversation, env: &Env<'_>) -> bool {
    let cannot_wait = env.decompress_at_once == usize::MAX;
    let bytes = conversation.log().total::<Bytes>();
    cannot_wait || (!query.pattern.is_regex() && bytes <= MOST_BYTES_AT_ONCE)
}

/// Returns the messages with a text that matches the pattern, newest first.
pub fn search(
    args: &mut Args<'_>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let Options { query, with_info } = Options::take(args)?;
    let own;
    let found: &[Found] = match (env.found, target) {
        (Some(found), _) => found.as_ref().map_err(Clone::clone)?,
        (None, None) => &[],
        (None, Some(conversation)) if is_quick(&query, conversation, env) => {
            own = Search::all(query, conversation.log())?;
            &own
        }
        (None, Some(_)) => return Ok(Outcome::Needs(Needs::Search(Box::new(query)))),
    };
    if with_info && let Some(conversation) = target {
        let pending = found.iter().filter(|found| found.tokens.is_none());
        let positions = pending.filter_map(|found| conversation.log().find(found.seq));
        let missing = conversation.missing_at(positions);
        if is_counted_first(conversation, &missing) {
            return Ok(Outcome::needs_counts(missing));
        }
    }
    metrics::searched();
    out.array(found.len());
    for found in found {
        if with_info {
            describe(found, target, out);
        } else {
            out.bulk(&found.message);
        }
    }
    Ok(REPLIED)
}

/// The count of a message that was pending when it was found, and has been counted since.
fn counted_since(found: &Found, target: Target<'_>) -> Option<u32> {
    let log = target?.log();
    let position = log.find(found.seq)?;
    let meta = log.get(position)?;
    // Another message may have this number now.
    let is_same = log.with_message(position, |bytes| *bytes == *found.message);
    (!meta.flags.pending() && is_same == Ok(Some(true))).then_some(meta.tokens)
}

fn describe(found: &Found, target: Target<'_>, out: &mut dyn Reply) {
    out.map(6);
    out.bulk(b"seq");
    out.integer(found.seq);
    out.bulk(b"time");
    out.integer(found.time);
    out.bulk(b"role");
    out.bulk(found.role.as_bytes());
    out.bulk(b"tokens");
    match found.tokens.or_else(|| counted_since(found, target)) {
        Some(tokens) => out.integer(i64::from(tokens)),
        None => out.null(),
    }
    out.bulk(b"snippet");
    out.bulk(found.snippet.as_bytes());
    out.bulk(b"message");
    out.bulk(&found.message);
}
