//! `make demo`: one conversation, a server with the module, and on one screen what RECENT makes of it.
//!
//! All figures are measured while it runs. Tokens are counted a second time here, with tiktoken-rs.

mod conversation;
mod screen;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::time::{Duration, Instant};

use redis::{Connection, Value};
use screen::{Screen, micros, number};
use serde_json::Value as Json;
use support::{Server, cmd, int, map, strings};

const KEY: &str = "chat:4711";

fn main() {
    let server = Server::start();
    let mut con = server.conn();
    let out = Screen::new();
    let messages = conversation::messages();

    let version = support::info(&mut con, "server")["redis_version"].clone();
    out.title(&format!(
        "conv on redis {version}: an afternoon at an airline's support desk, in OpenAI's message format"
    ));
    append(&out, &mut con, &messages);
    show(&out, &mut con, 3000, (2, 2));
    show(&out, &mut con, 300, (2, 1));
    summarise(&out, &mut con);
    check(&out, &mut con, &messages);
    compare(&out, &mut con, &messages);
}

fn append(out: &Screen, con: &mut Connection, messages: &[String]) {
    let mut times = Vec::new();
    for message in messages {
        let start = Instant::now();
        cmd!(*con, "CONV.APPEND", KEY, message);
        times.push(start.elapsed());
    }
    support::settled(con);
    let info = map(&cmd!(*con, "CONV.INFO", KEY));
    let calls: usize = messages.iter().map(|m| calls_of(&parse(m)).len()).sum();
    out.command(&format!("CONV.APPEND {KEY} '{}'", messages[0]));
    out.note(&format!(
        "and so on: {} messages with {calls} tool calls, {} bytes, {} tokens; {} µs an append",
        number(int(&info["messages"])),
        number(int(&info["bytes-raw"])),
        number(int(&info["tokens"])),
        micros(median(times))
    ));
}

/// What a client gets from RECENT.
struct Reply {
    messages: Vec<String>,
    tokens: i64,
    first: i64,
    last: i64,
    skipped: i64,
}

fn recent(con: &mut Connection, budget: i64, options: &[&str]) -> Reply {
    let reply = map(&cmd!(*con, "CONV.RECENT", KEY, budget, "WITHINFO", options));
    Reply {
        messages: texts(&reply["messages"]),
        tokens: int(&reply["tokens"]),
        first: int(&reply["first"]),
        last: int(&reply["last"]),
        skipped: int(&reply["skipped"]),
    }
}

/// A reply: its figures, and the beginning and the end of its messages.
fn show(out: &Screen, con: &mut Connection, budget: i64, (head, tail): (usize, usize)) {
    let reply = recent(con, budget, &[]);
    out.blank();
    out.command(&format!("CONV.RECENT {KEY} {budget} WITHINFO"));
    out.note(&format!(
        "{} tokens, {} messages: {} system, then numbers {} to {}; {} older ones left out",
        number(reply.tokens),
        reply.messages.len(),
        systems(&reply.messages),
        reply.first,
        reply.last,
        reply.skipped,
    ));
    let end = reply.messages.len().saturating_sub(tail).max(head);
    for (i, message) in reply.messages.iter().enumerate() {
        if i < head || i >= end {
            out.message(&parse(message));
        } else if i == head {
            out.detail(&format!("{:9} {} more", "...", end - head));
        }
    }
}

/// A summary takes the place of what a smaller budget leaves out; the window then goes on where it ends.
fn summarise(out: &Screen, con: &mut Connection) {
    // What is left of 300 tokens if the summary takes 100. A window never starts inside a turn, so before its first
    // message a summary may end. A model would write it.
    const ROOM: i64 = 200;
    let upto = recent(con, ROOM, &[]).first - 1;
    let summary = "Mara Lindqvist (8841-2207, silver), booking QX7L2M, 4 people. Outbound moved to 14 June, HA611 07:00, \
                   seats 22D-G, EUR 76 refunded. Cello in the hold (R-90417), meals VGML and CHML. Return unchanged.";
    out.blank();
    out.plain(&format!(
        "A summary of what a window of {ROOM} tokens leaves out. RECENT then reserves its tokens first:"
    ));
    cmd!(*con, "CONV.SETSUMMARY", KEY, summary, "UPTO", upto);
    out.command(&format!(
        "CONV.SETSUMMARY {KEY} '{}...' UPTO {upto}",
        &summary[..55]
    ));
    let reply = recent(con, 300, &[]);
    out.command(&format!("CONV.RECENT {KEY} 300 WITHINFO"));
    out.note(&format!(
        "{} tokens, {} messages: {} system, then numbers {} to {}",
        number(reply.tokens),
        reply.messages.len(),
        systems(&reply.messages),
        reply.first,
        reply.last,
    ));
    for message in reply.messages.iter().take(3) {
        out.message(&parse(message));
    }
    out.detail(&format!("{:9} {} more", "...", reply.messages.len() - 3));
}

fn systems(messages: &[String]) -> usize {
    let system = |message: &&String| parse(message)["role"] == "system";
    messages.iter().filter(system).count()
}

/// What a message counts, and the ids of calls that it opens and answers.
struct Facts {
    tokens: i64,
    opens: Vec<String>,
    answers: Option<String>,
}

impl Facts {
    fn of(message: &str) -> Self {
        let message = parse(message);
        Self {
            tokens: count(&message),
            opens: calls_of(&message)
                .iter()
                .map(|call| call["id"].to_string())
                .collect(),
            answers: (message["role"] == "tool").then(|| message["tool_call_id"].to_string()),
        }
    }
}

/// Nobody has to believe that the budget holds and that no call is split: try every budget there is.
fn check(out: &Screen, con: &mut Connection, messages: &[String]) {
    let mut known: HashMap<String, Facts> =
        messages.iter().map(|m| (m.clone(), Facts::of(m))).collect();
    let tokens = int(&map(&cmd!(*con, "CONV.INFO", KEY))["tokens"]);
    let differ = messages
        .iter()
        .zip(1..)
        .filter(|(message, seq)| {
            let reply = cmd!(*con, "CONV.GET", KEY, *seq, "WITHINFO");
            int(&map(&support::items(&reply)[0])["tokens"]) != known[*message].tokens
        })
        .count();
    let (mut replies, mut over, mut wrong, mut split) = (0, 0, 0, 0);
    for options in [&[][..], &["NOSUMMARY"]] {
        for budget in 0..=tokens + 3 {
            let reply = recent(con, budget, options);
            let (mut sum, mut open) = (0, BTreeSet::new());
            for message in reply.messages {
                let facts = known
                    .entry(message)
                    .or_insert_with_key(|message| Facts::of(message));
                sum += facts.tokens;
                open.extend(facts.opens.iter().cloned());
                split += usize::from(facts.answers.as_ref().is_some_and(|id| !open.remove(id)));
            }
            split += open.len();
            let cost = if sum == 0 { 0 } else { 3 + sum };
            replies += 1;
            over += usize::from(cost > budget);
            wrong += usize::from(cost != reply.tokens);
        }
    }
    out.blank();
    out.plain(&format!(
        "Every budget from 0 to {}, with and without the summary, counted again with tiktoken-rs:",
        number(tokens + 3)
    ));
    out.note(&format!(
        "{} replies: {over} over budget, {wrong} miscounted, {split} calls without result or results without call",
        number(replies)
    ));
    out.note(&format!(
        "{} messages: {differ} counted otherwise than CONV.APPEND counted them",
        messages.len()
    ));
}

/// RECENT beside what one does with a list: fetch it all, then parse, and count from the newest back. Once with this
/// conversation, once with one a hundred times as long.
fn compare(out: &Screen, con: &mut Connection, messages: &[String]) {
    out.blank();
    out.plain(&format!(
        "{:40}{:>11}{:>15}{:>15}{:>15}",
        "A prompt of 3,000 tokens, for a client:",
        "bytes read",
        "round trip",
        "parse JSON",
        "count tokens"
    ));
    for (times, calls) in [(1, 500), (100, 50)] {
        let (key, list) = (format!("chat:x{times}"), format!("list:x{times}"));
        for _ in 0..times {
            cmd!(*con, "CONV.APPEND", &key, messages);
            cmd!(*con, "RPUSH", &list, messages);
        }
        let length = number((messages.len() * times) as i64);
        let (reply, trip) = measure(calls, || cmd!(*con, "LRANGE", &list, 0, -1));
        let all = texts(&reply);
        let (parsed, parsing) = measure(calls, || parse_all(&all));
        let (_, counting) = measure(calls, || {
            let mut left = 3000 - 3;
            let fits = |message: &&Json| {
                left -= count(message);
                left >= 0
            };
            parsed.iter().rev().take_while(fits).count()
        });
        let times = [Some(trip), Some(parsing), Some(counting)];
        out.row(&format!("{length} messages, LRANGE 0 -1"), &all, times);

        let (reply, trip) = measure(calls, || cmd!(*con, "CONV.RECENT", &key, 3000));
        let newest = texts(&reply);
        let (_, parsing) = measure(calls, || parse_all(&newest));
        let times = [Some(trip), Some(parsing), None];
        out.row(&format!("{length} messages, CONV.RECENT"), &newest, times);
    }
}

/// What a call returns, and the median of its time after a few calls to warm up.
fn measure<T>(calls: usize, mut call: impl FnMut() -> T) -> (T, Duration) {
    let mut times = Vec::with_capacity(calls);
    let mut reply = call();
    for i in 0..calls + 10 {
        let start = Instant::now();
        reply = black_box(call());
        if i >= 10 {
            times.push(start.elapsed());
        }
    }
    (reply, median(times))
}

/// The messages of a reply.
fn texts(reply: &Value) -> Vec<String> {
    let utf8 = |message| String::from_utf8(message).expect("messages in UTF-8");
    strings(reply).into_iter().map(utf8).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn parse(message: &str) -> Json {
    serde_json::from_str(message).expect("JSON")
}

fn parse_all(messages: &[String]) -> Vec<Json> {
    messages.iter().map(|message| parse(message)).collect()
}

fn calls_of(message: &Json) -> &[Json] {
    message["tool_calls"].as_array().map_or(&[], Vec::as_slice)
}

/// The tokens of one OpenAI message, after OpenAI's cookbook.
fn count(message: &Json) -> i64 {
    let tokenizer = tiktoken_rs::o200k_base_singleton();
    let len = |value: &Json| {
        value
            .as_str()
            .map_or(0, |text| tokenizer.encode_ordinary(text).len() as i64)
    };
    let call =
        |call: &Json| len(&call["function"]["name"]) + len(&call["function"]["arguments"]) + 1;
    3 + len(&message["role"])
        + len(&message["content"])
        + calls_of(message).iter().map(call).sum::<i64>()
}
