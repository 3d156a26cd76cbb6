//! `CONV.SEARCH key pattern [REGEX] [CASE] [ROLE role] [AFTER seq] [BEFORE seq] [SINCE ms] [UNTIL ms] [LIMIT n]
//! [WITHINFO]`

use super::arg_parser::{Args, quoted};
use super::error::{CommandError, err};
use super::read::is_counted_first;
use super::reply::Reply;
use super::{Env, Outcome, REPLIED, Target};
use crate::conversation::facts::Class;
use crate::conversation::find::{Found, Pattern, Query, Search};
use crate::metrics;

/// Longest pattern, in bytes.
const MOST_BYTES: usize = 1024;

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
            Pattern::regex(pattern, case)
        } else {
            Pattern::literal(pattern, case)
        };
        Ok(Self {
            query: Query {
                pattern: pattern.map_err(CommandError::Err)?,
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

/// Returns the messages with a text that matches the pattern, newest first.
pub fn search(
    args: &mut Args<'_>,
    target: Target<'_>,
    _env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let Options { query, with_info } = Options::take(args)?;
    let found = match target {
        Some(conversation) => Search::all(query, conversation.log())?,
        None => Vec::new(),
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
    for found in &found {
        if with_info {
            describe(found, out);
        } else {
            out.bulk(&found.message);
        }
    }
    Ok(REPLIED)
}

fn describe(found: &Found, out: &mut dyn Reply) {
    out.map(6);
    out.bulk(b"seq");
    out.integer(found.seq);
    out.bulk(b"time");
    out.integer(found.time);
    out.bulk(b"role");
    out.bulk(found.role.as_bytes());
    out.bulk(b"tokens");
    match found.tokens {
        Some(tokens) => out.integer(i64::from(tokens)),
        None => out.null(),
    }
    out.bulk(b"snippet");
    out.bulk(found.snippet.as_bytes());
    out.bulk(b"message");
    out.bulk(&found.message);
}
