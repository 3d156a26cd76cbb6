//! `CONV.RECENT key max_tokens [FORMAT LIST | JSON | MSGPACK] [MESSAGES n] [START USER] [OVERSIZE EMPTY | KEEP]
//! [STEP n] [NOSYSTEM] [NOSUMMARY] [ANY] [WITHINFO]`

use super::args::{Args, integer};
use super::error::CommandError;
use super::format::{Format, Piece, write_messages};
use super::reply::Reply;
use super::{Env, Target};
use crate::conversation::Conversation;
use crate::conversation::window::Request;
use crate::metrics;

/// The options, as they are given.
struct Options {
    request: Request,
    format: Format,
    any: bool,
    with_info: bool,
}

fn parse(args: &mut Args<'_>) -> Result<Options, CommandError> {
    let mut options = Options {
        request: Request {
            max_tokens: integer("max_tokens", args.required()?, 0, i64::MAX)?,
            ..Request::default()
        },
        format: Format::List,
        any: false,
        with_info: false,
    };
    let request = &mut options.request;
    while let Some(option) = args.only_options(&[
        "FORMAT",
        "MESSAGES",
        "START",
        "OVERSIZE",
        "STEP",
        "NOSYSTEM",
        "NOSUMMARY",
        "ANY",
        "WITHINFO",
    ])? {
        match option {
            "FORMAT" => options.format = Format::take(args)?,
            "MESSAGES" => request.messages = Some(args.unsigned("MESSAGES", 0)?),
            "START" => {
                args.choice("START", &["USER"])?;
                request.start_user = true;
            }
            "OVERSIZE" => request.keep = args.choice("OVERSIZE", &["EMPTY", "KEEP"])? == "KEEP",
            "STEP" => request.step = Some(args.unsigned("STEP", 1)?),
            "NOSYSTEM" => request.no_system = true,
            "NOSUMMARY" => request.no_summary = true,
            "ANY" => options.any = true,
            _ => options.with_info = true,
        }
    }
    Ok(options)
}

/// See the head of this file.
pub fn recent(
    args: &mut Args<'_>,
    target: Target<'_>,
    _env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<(), CommandError> {
    let options = parse(args)?;
    let Some(conversation) = target else {
        metrics::missed();
        out.null();
        return Ok(());
    };
    let window = conversation.select(&options.request);
    let lacking = conversation.lacking(&options.request, &window);
    if !lacking.is_empty() {
        return Err(CommandError::Uncounted(lacking));
    }
    if !conversation.attributes().complete && !options.any && !window.filled {
        // Older messages, not held here, might have been part of it.
        metrics::missed();
        out.null();
        return Ok(());
    }
    metrics::hit(window.tokens);
    let summary = match conversation.summary() {
        Some(summary) if window.summary => Some(as_message(conversation, &summary.text)),
        _ => None,
    };
    let mut pieces = vec![Piece::Held(0..window.system, false)];
    pieces.extend(summary.as_deref().map(|m| Piece::One(m.as_bytes())));
    pieces.extend(window.front.map(|p| Piece::Held(p..p + 1, false)));
    pieces.push(Piece::Held(window.range.clone(), true));
    if !options.with_info {
        write_messages(options.format, conversation, &pieces, out);
        return Ok(());
    }
    out.map(8);
    out.bulk(b"messages");
    write_messages(options.format, conversation, &pieces, out);
    let skipped = i64::try_from(window.skipped).unwrap_or(i64::MAX);
    for (name, value) in [
        ("tokens", window.tokens),
        ("first", window.first),
        ("last", window.last),
        ("skipped", skipped),
        ("summary", i64::from(window.summary)),
        ("elided", i64::from(window.front.is_some())),
        ("over", i64::from(window.over)),
    ] {
        out.bulk(name.as_bytes());
        out.integer(value);
    }
    Ok(())
}

/// The system message that a summary becomes, in the dialect of the conversation.
fn as_message(conversation: &Conversation, text: &str) -> String {
    let text = serde_json::Value::from(text);
    let langchain = conversation
        .log()
        .get(0)
        .is_some_and(|m| m.flags.langchain());
    if langchain {
        format!(r#"{{"type":"system","data":{{"content":{text}}}}}"#)
    } else {
        format!(r#"{{"role":"system","content":{text}}}"#)
    }
}
