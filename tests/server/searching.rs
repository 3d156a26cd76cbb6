//! CONV.SEARCH: what is searched, conditions, replies.

use std::time::{Duration, Instant};

use redis::{Connection, Value};
use serde_json::json;

use crate::notation::{counted, transcript};
use crate::samples::*;
use crate::support::*;

/// Sequence numbers of the messages that are found.
fn found(con: &mut Connection, key: &str, args: &[&str]) -> Vec<i64> {
    let reply = go(con, &[&["CONV.SEARCH", key], args, &["WITHINFO"]].concat());
    let seqs: Vec<i64> = items(&reply).iter().map(|f| int(&map(f)["seq"])).collect();
    // Without WITHINFO the same messages are returned.
    let plain = go(con, &[&["CONV.SEARCH", key], args].concat());
    let messages: Vec<Value> = items(&reply)
        .iter()
        .map(|found| map(found)["message"].clone())
        .collect();
    assert_eq!(items(&plain), messages, "{args:?}");
    if !seqs.is_empty() {
        assert_eq!(items(&cmd!(*con, "CONV.GET", key, &seqs)), messages);
    }
    seqs
}

#[test]
fn decoded_texts_are_searched() {
    let server = Server::start();
    let mut con = server.conn();
    let result = json!({"role": "tool", "tool_call_id": "x9", "content": "Line one\nLine \"two\""});
    let blocks = json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "y9", "content": [{"type": "text", "text": "22 degrees"}]},
        {"type": "text", "text": "Caf\u{e9}?"}]});
    append(
        &mut con,
        "k",
        &[
            says("developer", "Be BRIEF"),
            says("user", "Where is my order?"),
            calls(&["x9"]),
            result.to_string(),
            r#"{"role":"assistant","content":"Caf\u00e9 \ud83d\ude00"}"#.into(),
            blocks.to_string(),
            langchain("human", "id7", "Stra\u{df}e"),
            r#"{"type":"function_call","call_id":"z","name":"find_hotel","arguments":"{\"stars\": 5}"}"#.into(),
            r#"{"role":"user","name":"Bob","content":"hi"}"#.into(),
        ],
    );
    let mut of = |args: &[&str]| found(&mut con, "k", args);
    assert_eq!(of(&["brief"]), [1]);
    assert_eq!(of(&["ORDER"]), [2]);
    assert_eq!(of(&["order", "CASE"]), [2]);
    assert_eq!(of(&["ORDER", "CASE"]), [0; 0]);
    assert_eq!(of(&["look"]), [3]);
    assert_eq!(of(&["\"at\": 1"]), [3]);
    assert_eq!(of(&["one\nline \"TWO\""]), [4]);
    assert_eq!(of(&["caf\u{c9}"]), [6, 5]);
    assert_eq!(of(&["\u{1f600}"]), [5]);
    assert_eq!(of(&["22 deg"]), [6]);
    assert_eq!(of(&["STRA\u{1e9e}E"]), [7]);
    assert_eq!(of(&["find_hotel"]), [8]);
    assert_eq!(of(&["\"stars\": 5"]), [8]);
    assert_eq!(of(&["bob"]), [9]);
    // Not JSON, ids and roles.
    for none in [
        "content",
        "x9",
        "id7",
        "call_id",
        "u00e9",
        "developer",
        "degreesCaf",
    ] {
        assert_eq!(of(&[none]), [0; 0], "{none}");
    }
    assert_eq!(of(&["^where.*order[?]$", "REGEX"]), [2]);
    assert_eq!(of(&["^Where", "REGEX", "CASE"]), [2]);
    assert_eq!(of(&["^where", "CASE", "REGEX"]), [0; 0]);
    assert_eq!(of(&["where.*"]), [0; 0]);
    assert_eq!(of(&["\\d+ deg|hotel$", "regex"]), [8, 6]);
    assert_eq!(of(&[".", "REGEX", "LIMIT", "1"]), [9]);
}

#[test]
fn conditions_limit_the_search() {
    let server = Server::start();
    let mut con = server.conn();
    for role in [
        "system",
        "developer",
        "user",
        "human",
        "assistant",
        "model",
        "tool",
        "function",
        "critic",
    ] {
        let message =
            json!({"role": role, "content": "same text", "tool_call_id": "a", "name": "f"});
        append(&mut con, "k", &[message.to_string()]);
        std::thread::sleep(Duration::from_millis(3));
    }
    let reply = cmd!(
        con,
        "CONV.GET",
        "k",
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        "WITHINFO"
    );
    let times: Vec<String> = items(&reply)
        .iter()
        .map(|m| text(&map(m)["time"]))
        .collect();
    let mut of = |args: &[&str]| found(&mut con, "k", &[&["same"], args].concat());
    assert_eq!(of(&[]), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(of(&["LIMIT", "2"]), [9, 8]);
    assert_eq!(of(&["AFTER", "7"]), [9, 8]);
    assert_eq!(of(&["BEFORE", "3"]), [2, 1]);
    assert_eq!(of(&["BEFORE", "7", "AFTER", "3", "LIMIT", "2"]), [6, 5]);
    assert_eq!(of(&["AFTER", "9"]), [0; 0]);
    assert_eq!(of(&["BEFORE", "-9223372036854775808"]), [0; 0]);
    assert_eq!(of(&["SINCE", &times[7]]), [9, 8]);
    assert_eq!(of(&["UNTIL", &times[1]]), [2, 1]);
    assert_eq!(of(&["SINCE", &times[3], "UNTIL", &times[4]]), [5, 4]);
    assert_eq!(of(&["ROLE", "system"]), [2, 1]);
    assert_eq!(of(&["role", "User"]), [4, 3]);
    assert_eq!(of(&["ROLE", "ASSISTANT"]), [6, 5]);
    assert_eq!(of(&["ROLE", "tool"]), [8, 7]);
    assert_eq!(of(&["ROLE", "tool", "BEFORE", "8"]), [7]);
    // The role that is returned is the one that was counted.
    let reply = cmd!(
        con,
        "CONV.SEARCH",
        "k",
        "same",
        "WITHINFO",
        "ROLE",
        "system"
    );
    let roles: Vec<String> = items(&reply)
        .iter()
        .map(|f| text(&map(f)["role"]))
        .collect();
    assert_eq!(roles, ["developer", "system"]);
}

#[test]
fn replies_describe_the_messages() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.SEARCH missing x => []
        CONV.SEARCH missing x WITHINFO => []
        CONV.CREATE empty => OK
        CONV.SEARCH empty x => []
        CONV.APPEND k {"role":"user","content":"xylophone"} {"role":"user","content":"other"} => 2
        CONV.SEARCH k xylo => [{"role":"user","content":"xylophone"}]
        CONV.SEARCH k x.l REGEX => [{"role":"user","content":"xylophone"}]
        CONV.SEARCH k nothing => []
        MULTI => OK
        CONV.SEARCH k other => QUEUED
        EXEC => [[{"role":"user","content":"other"}]]"#,
    );
    let mut con = server.conn();
    let text_of = |n: usize| format!("{} needle {}", "\u{e9}".repeat(n), "\u{fc}".repeat(1000));
    cmd!(con, "DEL", "k");
    append(
        &mut con,
        "k",
        &[says("user", &text_of(500)), says("user", &text_of(10))],
    );
    // Few pending messages are counted first, as by GET.
    let reply = cmd!(con, "CONV.SEARCH", "k", "needle", "WITHINFO");
    let got = map(&items(&reply)[0]);
    let want = map(&items(&cmd!(con, "CONV.GET", "k", 2, "WITHINFO"))[0]);
    for field in ["seq", "time", "tokens", "message"] {
        assert_eq!(got[field], want[field], "{field}");
    }
    for (found, n) in items(&reply).iter().zip([10, 500]) {
        let snippet = text(&map(found)["snippet"]);
        assert!((150..=250).contains(&snippet.chars().count()), "{snippet}");
        assert!(text_of(n).contains(&snippet), "{snippet}");
        assert!(snippet.contains("needle"), "{snippet}");
    }
    // Hidden messages are found, too, and full tool results.
    cmd!(con, "DEL", "k");
    append(&mut con, "k", &[answer("orphan"), says("user", "last")]);
    assert_eq!(found(&mut con, "k", &["seen by orphan"]), [1]);
    let script = "return redis.call('CONV.SEARCH', KEYS[1], 'last')";
    let reply = cmd!(con, "EVAL", script, 1, "k");
    assert_eq!(
        items(&reply),
        [Value::BulkString(says("user", "last").into())]
    );
    assert_eq!(info(&mut con, "conv")["conv_searches"], {
        // Those of the transcript in both protocols, and these.
        let n = 2 * 7 + 1 + 2 + 1;
        n.to_string()
    });
}

/// A long conversation is searched while other clients are served.
#[test]
fn long_conversations_are_searched() {
    let server = Server::start();
    let mut con = server.conn();
    let n: usize = std::env::var("CONV_LARGE").map_or(20_000, |n| n.parse().expect("messages"));
    for chunk in (0..n).collect::<Vec<_>>().chunks(1000) {
        let messages: Vec<String> = chunk
            .iter()
            .map(|n| {
                says(
                    "user",
                    &format!("number {n}: {}", "some filling words ".repeat(10)),
                )
            })
            .collect();
        append(&mut con, "k", &messages);
    }
    settled(&mut con);
    let mut beside = server.conn();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pings = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let begin = Instant::now();
                cmd!(beside, "PING");
                slowest = slowest.max(begin.elapsed());
                std::thread::sleep(Duration::from_micros(500));
            }
            slowest
        });
        for args in [
            &["number 17:"][..],
            &["^number 17:", "REGEX"],
            &["no such words"],
        ] {
            let begin = Instant::now();
            let seqs = found(&mut con, "k", args);
            eprintln!(
                "{n} messages, {args:?}: {:?} for two searches",
                begin.elapsed()
            );
            assert_eq!(
                seqs,
                if args[0].contains("17") {
                    vec![18]
                } else {
                    vec![]
                }
            );
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        eprintln!("slowest PING beside: {:?}", pings.join().expect("pings"));
    });
    counted(&mut con, "k");
}
