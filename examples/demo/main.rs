//! `make demo`: one conversation, a server with the module, and on one screen what RECENT makes of it.
//!
//! All figures are measured while it runs. Tokens are counted a second time here, with OpenAI's own tokenizer.

mod conversation;
mod screen;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::time::{Duration, Instant};

use redis::{Connection, Value};
use screen::{Screen, micros, number};
use serde_json::Value as Json;
use support::{Server, cmd, int, map, strings, wait_until};

const KEY: &str = "chat:4711";

fn main() {
    let server = Server::start();
    let mut con = server.conn();
    let out = Screen::new();
    let messages = conversation::messages();
    let tokens: HashMap<&str, i64> = messages
        .iter()
        .map(|m| (m.as_str(), count(&parse(m))))
        .collect();

    let version = support::info(&mut con, "server")["redis_version"].clone();
    out.title(&format!(
        "conv on redis {version}: an afternoon at an airline's support desk"
    ));
    append(&out, &mut con, &messages);
    let info = map(&cmd!(con, "CONV.INFO", KEY));
    let total = int(&info["tokens"]);
    let agree = if total == tokens.values().sum::<i64>() {
        "as OpenAI's tiktoken counts"
    } else {
        "tiktoken differs!"
    };
    out.command(&format!("CONV.INFO {KEY}"));
    out.note(&format!(
        "{} messages, {} bytes, {} tokens ({agree}), {} calls of tools",
        number(int(&info["messages"])),
        number(int(&info["bytes-raw"])),
        number(total),
        messages
            .iter()
            .map(|m| calls_of(&parse(m)).len())
            .sum::<usize>(),
    ));

    show(&out, &mut con, 3000, (2, 2));
    show(&out, &mut con, 300, (2, 1));
    every_budget(&out, &mut con, &tokens, total);
    summarise(&out, &mut con);
    compare(&out, &mut con, &messages);
}

fn append(out: &Screen, con: &mut Connection, messages: &[String]) {
    let mut times = Vec::new();
    for message in messages {
        let start = Instant::now();
        cmd!(*con, "CONV.APPEND", KEY, message);
        times.push(start.elapsed());
    }
    out.command(&format!("CONV.APPEND {KEY} '{}'", messages[0]));
    out.note(&format!(
        "and so on, {} times, {} µs each",
        messages.len(),
        micros(median(times))
    ));
    // Counting goes on in the background; here we want to show its result.
    wait_until(Duration::from_secs(10), || {
        int(&map(&cmd!(*con, "CONV.INFO", KEY))["pending"]) == 0
    });
}

/// What a client gets from RECENT.
struct Reply {
    messages: Vec<String>,
    tokens: i64,
    first: i64,
    last: i64,
    skipped: i64,
}

fn recent(con: &mut Connection, budget: i64) -> Reply {
    let reply = map(&cmd!(*con, "CONV.RECENT", KEY, budget, "WITHINFO"));
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
    let reply = recent(con, budget);
    out.blank();
    out.command(&format!("CONV.RECENT {KEY} {budget} WITHINFO"));
    out.note(&format!(
        "{} messages, {} of {} tokens, numbers {} to {}, {} older ones skipped",
        reply.messages.len(),
        number(reply.tokens),
        number(budget),
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

/// Nobody has to believe that the budget holds and that no call is split: try every budget there is.
fn every_budget(out: &Screen, con: &mut Connection, tokens: &HashMap<&str, i64>, total: i64) {
    let (mut over, mut split) = (0, 0);
    for budget in 0..=total + 3 {
        let reply = recent(con, budget);
        let sum: i64 = reply.messages.iter().map(|m| tokens[m.as_str()]).sum();
        let cost = if reply.messages.is_empty() {
            0
        } else {
            3 + sum
        };
        over += i64::from(cost > budget || cost != reply.tokens);
        let mut open = BTreeSet::new();
        for message in reply.messages.iter().map(|m| parse(m)) {
            open.extend(calls_of(&message).iter().map(|call| call["id"].to_string()));
            split += usize::from(
                message["role"] == "tool" && !open.remove(&message["tool_call_id"].to_string()),
            );
        }
        split += open.len();
    }
    out.blank();
    out.plain(&format!(
        "Every budget from 0 to {} tried: {over} over budget, {split} tool calls split from their results.",
        number(total + 3)
    ));
}

/// What a background worker does: fetch what is due, have a model write the summary, hand it in.
fn summarise(out: &Screen, con: &mut Connection) {
    out.blank();
    out.command(&format!("CONV.CLAIMSUMMARY {KEY} 2000 KEEP 170"));
    let claim = map(&cmd!(*con, "CONV.CLAIMSUMMARY", KEY, 2000, "KEEP", 170));
    let upto = int(&claim["upto"]);
    out.note(&format!(
        "{} messages for the worker's model, up to number {upto}",
        strings(&claim["messages"]).len()
    ));
    let summary = "Mara Lindqvist (8841-2207, silver), booking QX7L2M, 4 people. Outbound moved to 14 June, HA611 07:00, \
                   seats 22D-G, EUR 76 refunded. Cello in the hold (R-90417), meals VGML and CHML. Return unchanged.";
    cmd!(*con, "CONV.SETSUMMARY", KEY, summary, "UPTO", upto);
    out.command(&format!(
        "CONV.SETSUMMARY {KEY} '{}...' UPTO {upto}",
        &summary[..41]
    ));
    let reply = recent(con, 300);
    out.command(&format!("CONV.RECENT {KEY} 300 WITHINFO"));
    out.note(&format!(
        "{} messages, {} of 300 tokens: the summary stands for 1 to {upto}, verbatim from {} on",
        reply.messages.len(),
        reply.tokens,
        reply.first,
    ));
    for message in reply.messages.iter().take(5) {
        out.message(&parse(message));
    }
}

/// RECENT beside what one does with a list: fetch it all, then parse and count from the newest back. Once with this
/// conversation, once with one a hundred times as long.
fn compare(out: &Screen, con: &mut Connection, messages: &[String]) {
    out.blank();
    out.plain(&format!(
        "{:47}{:>11}{:>14}{:>24}",
        "A prompt of 3,000 tokens out of", "bytes", "round trip", "parse, count in client"
    ));
    for (times, calls) in [(1, 500), (100, 100)] {
        let (key, list) = (format!("chat:x{times}"), format!("list:x{times}"));
        for _ in 0..times {
            cmd!(*con, "CONV.APPEND", &key, messages);
            cmd!(*con, "RPUSH", &list, messages);
        }
        let length = number((messages.len() * times) as i64);
        let (reply, time) = measure(calls, || cmd!(*con, "CONV.RECENT", &key, 3000));
        out.row(
            &format!("{length} messages, CONV.RECENT"),
            &texts(&reply),
            time,
            None,
        );
        let (reply, time) = measure(calls, || cmd!(*con, "LRANGE", &list, 0, -1));
        let all = texts(&reply);
        let (_, client) = measure(calls, || {
            let mut left = 3000 - 3;
            let fits = |message: &&String| {
                left -= count(&parse(message));
                left >= 0
            };
            all.iter().rev().take_while(fits).count()
        });
        out.row(
            &format!("{length} messages, LRANGE 0 -1"),
            &all,
            time,
            Some(client),
        );
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
