//! The commands that read without a token budget: `CONV.RANGE`, `CONV.INDEX`, `CONV.GET`, `CONV.LEN`, `CONV.INFO`, `CONV.TOKENS`.

use std::iter::once;

use super::arg_parser::{Args, broken_encoding, encoding, unknown_encoding};
use super::error::{CommandError, err};
use super::format::{Format, MessageList, Piece};
use super::reply::Reply;
use super::{Env, Needs, Outcome, REPLIED, Target};
use crate::conversation::attributes::Attributes;
use crate::conversation::log::{Log, Stored};
use crate::conversation::{Conversation, MissingCounts};
use crate::tokens::registry::{Listed, Lookup};
use crate::tokens::{self, Text, most_inline};

/// The index that an argument of `CONV.RANGE` or `CONV.INDEX` means. As in `LRANGE`, a negative one counts from the end.
/// `None` if it is before the first message.
fn index(argument: i64, len: usize) -> Option<usize> {
    match usize::try_from(argument) {
        Ok(index) => Some(index),
        Err(_) => len.checked_sub(usize::try_from(argument.unsigned_abs()).unwrap_or(usize::MAX)),
    }
}

/// `CONV.RANGE key start stop [REV] [FORMAT LIST | JSON | MSGPACK]`: returns messages by index, as `LRANGE` does. With
/// `REV`, index 0 is the newest message, and the newest is returned first.
pub fn range(
    args: &mut Args<'_>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let start = args.integer("start", i64::MIN, i64::MAX)?;
    let stop = args.integer("stop", i64::MIN, i64::MAX)?;
    let (mut format, mut reversed) = (Format::List, false);
    while let Some(option) = args.only_options(&["REV", "FORMAT"])? {
        match option {
            "REV" => reversed = true,
            _ => format = Format::take(args)?,
        }
    }
    let empty;
    let conversation = match target {
        Some(conversation) => conversation,
        None => {
            empty = Conversation::new(env.settings.attributes(), env.now);
            &empty
        }
    };
    let len = conversation.log().len();
    // As in LRANGE, the range is clamped to the list.
    let from = index(start, len).unwrap_or(0);
    let end = index(stop, len)
        .map_or(0, |stop| stop.saturating_add(1))
        .min(len);
    let range = match reversed {
        _ if from >= end => 0..0,
        false => from..end,
        true => len.saturating_sub(end)..len.saturating_sub(from),
    };
    let pieces = [Piece::Held(range, false)];
    if let Some(text) = MessageList::to_decompress(conversation, &pieces, env) {
        return Ok(Outcome::Needs(Needs::Text(text)));
    }
    let list = MessageList::read(conversation, pieces)?.in_reverse(reversed);
    match list.converted(format, env.converted, env.decompress_at_once) {
        Ok(done) => list.write(format, done.as_deref(), out),
        Err(list) => return Ok(Outcome::Needs(Needs::MsgPack(vec![list]))),
    }
    Ok(REPLIED)
}

/// `CONV.INDEX key index [REV]`: returns the message at an index, nil if there is none, as `LINDEX` does. With `REV`,
/// index 0 is the newest message.
pub fn index_command(
    args: &mut Args<'_>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let argument = args.integer("index", i64::MIN, i64::MAX)?;
    let reversed = args.only_options(&["REV"])?.is_some();
    args.finish()?;
    let log = target.map(Conversation::log);
    let len = log.map_or(0, Log::len);
    let position = index(argument, len)
        .filter(|index| *index < len)
        .map(|index| if reversed { len - 1 - index } else { index });
    if let Some((log, position)) = log.zip(position)
        && let Some(text) = log.deeper_than(env.decompress_at_once, once(position..position + 1))
    {
        return Ok(Outcome::Needs(Needs::Text(text)));
    }
    let found = match log.zip(position) {
        Some((log, position)) => log.with_message(position, |message| out.bulk(message))?,
        None => None,
    };
    if found.is_none() {
        out.null();
    }
    Ok(REPLIED)
}

/// `CONV.GET key seq [seq ...] [WITHINFO]`: returns messages by sequence number, nil where there is none.
pub fn get(
    args: &mut Args<'_>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let mut seqs = Vec::with_capacity(args.left());
    let mut with_info = false;
    while args.left() > 0 {
        if args.option(&["WITHINFO"])?.is_some() {
            with_info = true;
        } else {
            seqs.push(args.integer("seq", i64::MIN, i64::MAX)?);
        }
    }
    if seqs.is_empty() {
        return Err(CommandError::Arity);
    }
    if with_info && let Some(conversation) = target {
        let positions = seqs.iter().filter_map(|&seq| conversation.log().find(seq));
        let missing = conversation.missing_at(positions);
        if is_counted_first(conversation, &missing) {
            return Ok(Outcome::needs_counts(missing));
        }
    }
    if let Some(log) = target.map(Conversation::log) {
        let positions = seqs.iter().filter_map(|&seq| log.find(seq));
        let ranges = positions.map(|position| position..position + 1);
        if let Some(text) = log.deeper_than(env.decompress_at_once, ranges) {
            return Ok(Outcome::Needs(Needs::Text(text)));
        }
    }
    // Everything is readable before the reply begins.
    let mut found = Vec::with_capacity(seqs.len());
    for seq in seqs {
        found.push(match target.map(Conversation::log) {
            None => None,
            Some(log) => match log.find(seq) {
                None => None,
                Some(position) => Some(log.read(position..position + 1)?),
            },
        });
    }
    out.array(found.len());
    for messages in found {
        match messages {
            None => out.null(),
            Some(messages) => messages.visit(false, |message| {
                if with_info {
                    let pinned = target.is_some_and(|c| c.is_pinned(message.meta.seq));
                    describe(&message, pinned, out);
                } else {
                    out.bulk(message.bytes);
                }
            }),
        }
    }
    Ok(REPLIED)
}

/// True if counts are missing, but so few that they are counted within the command. Otherwise they are reported as
/// pending, also while the tables of the encoding are loading: the client never waits.
pub(super) fn is_counted_first(conversation: &Conversation, missing: &MissingCounts) -> bool {
    if missing.is_empty() {
        return false;
    }
    let most = most_inline(conversation.attributes().encoding);
    conversation.missing_bytes(missing, most) <= most
}

fn describe(stored: &Stored<'_>, pinned: bool, out: &mut dyn Reply) {
    out.map(6);
    out.bulk(b"seq");
    out.integer(stored.meta.seq);
    out.bulk(b"time");
    out.integer(stored.meta.time);
    out.bulk(b"tokens");
    if stored.meta.flags.pending() {
        out.null();
    } else {
        out.integer(i64::from(stored.meta.tokens));
    }
    out.bulk(b"unread");
    out.integer(i64::from(stored.meta.flags.unread()));
    out.bulk(b"pinned");
    out.integer(i64::from(pinned));
    out.bulk(b"message");
    out.bulk(stored.bytes);
}

/// `CONV.LEN key`: returns the number of messages.
pub fn len(
    args: &mut Args<'_>,
    target: Target<'_>,
    _env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    args.finish()?;
    out.integer(target.map_or(0, |c| signed(c.log().len() as u64)));
    Ok(REPLIED)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// `CONV.INFO key`: returns figures and attributes, nil if the key is missing.
pub fn info(
    args: &mut Args<'_>,
    target: Target<'_>,
    _env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    args.finish()?;
    let Some(conversation) = target else {
        out.null();
        return Ok(REPLIED);
    };
    let missing = conversation.missing_anywhere();
    if is_counted_first(conversation, &missing) {
        return Ok(Outcome::needs_counts(missing));
    }
    let log = conversation.log();
    let totals = log.totals();
    let summary = conversation.summary();
    let Attributes {
        encoding,
        overhead,
        scale,
        media_tokens: _,
        max_messages,
        max_tokens,
        ttl,
        complete,
    } = *conversation.attributes();
    out.map(22);
    let number = |out: &mut dyn Reply, name: &str, value: i64| {
        out.bulk(name.as_bytes());
        out.integer(value);
    };
    number(out, "messages", signed(totals.messages));
    // The sums contain the least that pending messages can count, but `tokens` excludes them.
    let pending = totals.pending * u64::from(conversation.least_tokens());
    number(out, "tokens", signed(totals.tokens.saturating_sub(pending)));
    number(out, "first", log.first_seq().unwrap_or(0));
    number(out, "last", log.last_seq().unwrap_or(0));
    number(out, "created", conversation.numbering().created);
    number(out, "updated", conversation.updated());
    out.bulk(b"encoding");
    out.bulk(encoding.name().as_bytes());
    number(out, "overhead", i64::from(overhead));
    number(out, "scale", i64::from(scale));
    let missing = encoding.is_missing();
    number(out, "encoding-missing", i64::from(missing));
    number(out, "max-messages", signed(max_messages));
    number(out, "max-tokens", signed(max_tokens));
    number(out, "ttl", signed(ttl));
    out.bulk(b"complete");
    out.bulk(if complete { b"yes" } else { b"no" });
    number(
        out,
        "summary-tokens",
        summary.and_then(|s| s.tokens.known()).map_or(0, i64::from),
    );
    out.bulk(b"summary-upto");
    match summary.and_then(|s| s.upto) {
        Some(upto) => out.integer(upto),
        None => out.null(),
    }
    number(out, "pins", signed(conversation.pins().len() as u64));
    number(out, "unread", signed(totals.unread));
    let uncounted_summary = summary.is_some_and(|s| s.tokens.known().is_none());
    let pending = totals.pending + u64::from(uncounted_summary);
    number(out, "pending", signed(pending));
    let footprint = conversation.footprint();
    number(out, "bytes-raw", signed(footprint.raw));
    number(out, "bytes-stored", signed(footprint.stored));
    number(out, "segments", signed(log.segments().len() as u64));
    Ok(REPLIED)
}

/// `CONV.TOKENS text [text ...] [ENCODING name]`: returns E(text) of each text.
pub fn tokens(
    args: &mut Args<'_>,
    _target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    let mut wanted = env.settings.encoding;
    // Options come last. ENCODING is a text if it is the last argument, or the first with no encoding after it.
    if let [texts @ .., option, value] = args.rest()
        && option.eq_ignore_ascii_case(b"ENCODING")
    {
        match encoding(value) {
            Ok(encoding) => {
                wanted = encoding;
                args.last();
                args.last();
            }
            Err(_) if texts.is_empty() => {}
            Err(unknown) => return Err(unknown),
        }
    }
    let wanted = match wanted.resolve() {
        Lookup::Ready(encoding) => encoding,
        Lookup::Loading => return Ok(Outcome::Needs(Needs::Encoding(wanted))),
        Lookup::Broken(why) => return err(broken_encoding(wanted.name().as_bytes(), &why)),
        Lookup::Unknown => return err(unknown_encoding(wanted.name().as_bytes())),
    };
    let mut texts = Vec::with_capacity(args.left());
    while let Some(text) = args.take() {
        match std::str::from_utf8(text) {
            Ok(text) => texts.push(text),
            Err(e) => {
                return err(format!(
                    "text {} is not UTF-8: invalid at byte {}",
                    texts.len() + 1,
                    e.valid_up_to()
                ));
            }
        }
    }
    if texts.is_empty() {
        return Err(CommandError::Arity);
    }
    if let Some(counts) = env.counts {
        out.array(counts.len());
        for count in counts {
            out.integer(i64::from(*count));
        }
        return Ok(REPLIED);
    }
    if texts.iter().map(|t| t.len()).sum::<usize>() > most_inline(wanted) {
        let texts = texts.into_iter().map(Text::plain).collect();
        return Ok(Outcome::Needs(Needs::TextCounts(wanted, texts)));
    }
    out.array(texts.len());
    for text in texts {
        out.integer(signed(tokens::count(wanted, text)));
    }
    Ok(REPLIED)
}

/// `CONV.ENCODINGS`: the encodings that this server can count in, or could if their files were not broken.
pub fn encodings(
    args: &mut Args<'_>,
    _target: Target<'_>,
    _env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    args.finish()?;
    let list = tokens::listed();
    out.array(list.len());
    for encoding in list {
        // Exhaustive, so that a new field is returned.
        let Listed {
            name,
            kind,
            vocabulary,
            fingerprint,
            memory,
            state,
            error,
        } = encoding;
        out.map(7);
        out.bulk(b"name");
        out.bulk(name.as_bytes());
        out.bulk(b"kind");
        out.bulk(kind.as_bytes());
        out.bulk(b"vocabulary");
        out.integer(signed(vocabulary as u64));
        out.bulk(b"fingerprint");
        out.bulk(fingerprint.as_bytes());
        out.bulk(b"memory");
        out.integer(signed(memory as u64));
        out.bulk(b"state");
        out.bulk(state.as_bytes());
        out.bulk(b"error");
        match error {
            Some(error) => out.bulk(error.as_bytes()),
            None => out.null(),
        }
    }
    Ok(REPLIED)
}
