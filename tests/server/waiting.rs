//! Counting runs in the background. Clients that need the counts are blocked, other clients are not.

use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

/// A text without repetitions, which takes long to count.
fn megabytes(seed: u64) -> String {
    let mut rng = Rng::with_seed(seed);
    let words: Vec<String> = (0..250_000).map(|_| format!("{:x}", rng.u64(..))).collect();
    says("user", &words.join(" "))
}

/// The count of the message in a separate conversation.
fn count(con: &mut Connection, message: &str) -> i64 {
    cmd!(*con, "CONV.APPEND", "counted apart", message);
    let tokens = window_tokens(con, "counted apart");
    cmd!(*con, "DEL", "counted apart");
    tokens - 3
}

fn window_tokens(con: &mut Connection, key: &str) -> i64 {
    let reply = cmd!(*con, "CONV.RECENT", key, i64::MAX, "WITHINFO");
    int(&map(&reply)["tokens"])
}

/// The slowest PING in milliseconds while `busy` returns true.
fn slowest_ping(con: &mut Connection, busy: impl Fn() -> bool) -> u128 {
    let mut slowest = 0;
    while busy() {
        let start = Instant::now();
        cmd!(*con, "PING");
        slowest = slowest.max(start.elapsed().as_millis());
    }
    slowest
}

#[test]
fn only_clients_that_need_counts_are_blocked() {
    let server = Server::start();
    let mut con = server.conn();
    let long = megabytes(1);
    let expected = count(&mut con, &long);
    append(&mut con, "k", &[says("user", "before"), long.clone()]);
    // The messages are pending. Commands that do not need the counts return at once.
    assert!(int(&map(&cmd!(con, "CONV.INFO", "k"))["pending"]) >= 1);
    let entry = cmd!(con, "CONV.GET", "k", 2, "WITHINFO");
    assert_eq!(map(&items(&entry)[0])["tokens"], Value::Nil);
    assert_eq!(items(&cmd!(con, "CONV.RANGE", "k", 0, -1)).len(), 2);
    for mut waiting in [server.conn(), server.conn3()] {
        append(&mut con, "k", &[says("user", "more")]);
        cmd!(con, "CONV.EDIT", "k", 2, &long);
        cmd!(con, "CONV.ALTER", "k", "ENCODING", "cl100k_base");
        cmd!(con, "CONV.ALTER", "k", "ENCODING", "o200k_base");
        let answer = thread::spawn(move || {
            let reply = cmd!(waiting, "CONV.RECENT", "k", expected + 50, "WITHINFO");
            (map(&reply), waiting)
        });
        let slowest = slowest_ping(&mut con, || !answer.is_finished());
        let (reply, _) = answer.join().expect("an answer");
        assert!(int(&reply["tokens"]) > expected, "{:?}", reply["tokens"]);
        assert!(items(&reply["messages"]).len() >= 3);
        assert!(slowest < 400, "a PING took {slowest} ms");
    }
    let waits: u64 = info(&mut con, "conv")["conv_waits"]
        .parse()
        .expect("a number");
    assert!(waits >= 3, "{waits} clients have waited");
}

#[test]
fn clients_that_cannot_block_get_a_reply_at_once() {
    let server = Server::start();
    let mut con = server.conn();
    let long = says("user", &"What a long story this is! ".repeat(4000));
    let expected = count(&mut con, &long) + 3;
    let script = "return redis.call('CONV.RECENT', KEYS[1], ARGV[1], 'WITHINFO')[4]";
    for key in ["multi", "lua"] {
        append(&mut con, key, std::slice::from_ref(&long));
        let tokens = if key == "lua" {
            int(&cmd!(con, "EVAL", script, 1, key, expected))
        } else {
            cmd!(con, "MULTI");
            cmd!(con, "CONV.RECENT", key, expected, "WITHINFO");
            int(&map(&items(&cmd!(con, "EXEC"))[0])["tokens"])
        };
        assert_eq!(tokens, expected, "{key}");
    }
    // Texts and summaries wait, too.
    let text = "What a long story this is! ".repeat(4000);
    let alone = ints(&cmd!(con, "CONV.TOKENS", &text, "hello"));
    cmd!(con, "MULTI");
    cmd!(con, "CONV.TOKENS", &text, "hello");
    assert_eq!(ints(&items(&cmd!(con, "EXEC"))[0]), alone);
    assert_eq!(alone[1], 1);
    cmd!(con, "CONV.SETSUMMARY", "k", &text);
    let summary = map(&cmd!(con, "CONV.SUMMARY", "k", "WITHINFO"));
    assert_eq!(int(&summary["tokens"]), alone[0] + 4);
}

#[test]
fn writes_that_need_counts_are_blocked_too() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let long = megabytes(2);
    append(
        &mut con,
        "k",
        &[long, says("user", "short"), says("user", "last")],
    );
    assert_eq!(int(&cmd!(con, "CONV.TRIM", "k", "MAXTOKENS", 100)), 2);
    assert_eq!(window_tokens(&mut con, "k"), 3 + 5 + 5);
    caught_up(&replica, &server);
    assert_eq!(digest(&mut replica.conn(), "k"), digest(&mut con, "k"));
}

#[test]
fn retention_applies_once_messages_are_counted() {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONFIG", "SET", "notify-keyspace-events", "Kd");
    let mut events = server.conn();
    let mut events = events.as_pubsub();
    events.psubscribe("*").expect("subscribed");
    events
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time limit");
    let mut next = || -> String {
        let event = events.get_message().expect("an event");
        event.get_payload().expect("text")
    };
    cmd!(con, "CONV.CREATE", "k", "MAXTOKENS", 50);
    append(&mut con, "k", &[megabytes(3), says("user", "short")]);
    let seen = [next(), next(), next()];
    assert_eq!(seen, ["conv.create", "conv.append", "conv.trim"]);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 1);
}

#[test]
fn keys_and_clients_may_disappear_while_a_client_waits() {
    let mut server = Server::start();
    let mut con = server.conn();
    for (n, fate) in [
        "DEL k",
        "FLUSHALL",
        "FLUSHALL ASYNC",
        "SET k x",
        "DEBUG RELOAD",
    ]
    .into_iter()
    .enumerate()
    {
        append(&mut con, "k", &[megabytes(10 + n as u64)]);
        let mut waiting = server.conn();
        let answer =
            thread::spawn(move || try_cmd!(waiting, "CONV.RECENT", "k", 5, "OVERSIZE", "KEEP"));
        blocked(&mut con, 1);
        go(&mut con, &fate.split(' ').collect::<Vec<_>>());
        let answer = answer.join().expect("an answer");
        match fate {
            "SET k x" => assert!(err(answer).starts_with("WRONGTYPE ")),
            "DEBUG RELOAD" => assert_eq!(items(&answer.expect("a window")).len(), 1),
            _ => assert!(items(&answer.expect("a reply")).is_empty(), "{fate}"),
        }
        cmd!(con, "DEL", "k");
    }
    // The client itself may disconnect or be unblocked.
    append(&mut con, "k", &[megabytes(20)]);
    let mut waiting = server.conn();
    let id = int(&cmd!(waiting, "CLIENT", "ID"));
    let answer = thread::spawn(move || try_cmd!(waiting, "CONV.RECENT", "k", 5));
    blocked(&mut con, 1);
    assert_eq!(int(&cmd!(con, "CLIENT", "UNBLOCK", id)), 1);
    assert_eq!(answer.join().expect("an answer"), Ok(Value::Nil));
    cmd!(con, "CONV.EDIT", "k", 1, megabytes(21));
    let mut waiting = server.conn();
    let id = int(&cmd!(waiting, "CLIENT", "ID"));
    let answer = thread::spawn(move || try_cmd!(waiting, "CONV.RECENT", "k", 5));
    blocked(&mut con, 1);
    assert_eq!(int(&cmd!(con, "CLIENT", "KILL", "ID", id)), 1);
    assert!(answer.join().expect("an end").is_err());
    settled(&mut con);
    blocked(&mut con, 0);
    assert!(server.is_alive());
}

/// Waits until this many clients are blocked.
fn blocked(con: &mut Connection, clients: u32) {
    let seen = wait_until(Duration::from_secs(20), || {
        info(con, "clients")["blocked_clients"] == clients.to_string()
    });
    assert!(seen, "not {clients} blocked");
}

#[test]
fn a_new_encoding_recounts_a_long_conversation() {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = (0..3000)
        .map(|n| {
            says(
                "user",
                &format!("{n}: {}", "a word and another. ".repeat(n % 60)),
            )
        })
        .collect();
    for batch in messages.chunks(300) {
        append(&mut con, "k", batch);
        append(&mut con, "other", batch);
    }
    cmd!(con, "CONV.ALTER", "other", "ENCODING", "r50k_base");
    cmd!(con, "CONV.ALTER", "k", "ENCODING", "r50k_base");
    // The messages that a client waits for are counted first.
    let early = cmd!(con, "CONV.RECENT", "k", 2000, "WITHINFO");
    settled(&mut con);
    let totals = |con: &mut Connection, key: &str| {
        let info = map(&cmd!(*con, "CONV.INFO", key));
        (int(&info["tokens"]), int(&info["pending"]))
    };
    assert_eq!(totals(&mut con, "k"), totals(&mut con, "other"));
    assert_eq!(totals(&mut con, "k").1, 0);
    assert_eq!(cmd!(con, "CONV.RECENT", "k", 2000, "WITHINFO"), early);
}

/// Retention only runs for an append, at once or later. Counts that were requested for another reason remove nothing.
#[test]
fn counts_alone_remove_nothing() {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = (0..200)
        .map(|n| says("user", &format!("{n}: {}", "words and words. ".repeat(n))))
        .collect();
    append(&mut con, "k", &messages);
    settled(&mut con);
    cmd!(
        con,
        "CONV.ALTER",
        "k",
        "MAXMESSAGES",
        3,
        "MAXTOKENS",
        100,
        "ENCODING",
        "r50k_base"
    );
    settled(&mut con);
    cmd!(con, "CONV.RECENT", "k", 100_000);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 200);
    append(&mut con, "k", &[says("user", "last")]);
    settled(&mut con);
    assert!(int(&cmd!(con, "CONV.LEN", "k")) <= 3);
}

/// During a failover a server pauses writes, so that its replicas can catch up. Nothing may be written in that time,
/// including by maintenance.
#[test]
fn nothing_is_written_while_writes_are_paused() {
    // Without PINGs of the replication, which would move its offset.
    let server = Server::with(&["--appendonly", "yes", "--repl-ping-replica-period", "3600"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let long = megabytes(3);
    cmd!(con, "CONV.CREATE", "late", "MAXTOKENS", 100);
    append(&mut con, "trimmed", &[long.clone(), says("user", "last")]);
    let mut waiting = server.conn();
    let trim = thread::spawn(move || int(&cmd!(waiting, "CONV.TRIM", "trimmed", "MAXTOKENS", 100)));
    let waits = || info(&mut server.conn(), "conv")["conv_waits"] != "0";
    assert!(wait_until(Duration::from_secs(10), waits), "nobody waits");
    // In one pipeline, so that nothing is counted in between.
    let mut pipe = redis::pipe();
    pipe.cmd("CONV.APPEND").arg("late").arg(&long).arg(&long);
    pipe.cmd("CLIENT").arg("PAUSE").arg(60_000).arg("WRITE");
    pipe.exec(&mut con).expect("an append and a pause");
    let offset = |con: &mut Connection| info(con, "replication")["master_repl_offset"].clone();
    let before = offset(&mut con);
    // Messages are counted in the meantime, and reads are served.
    let counted = wait_until(Duration::from_secs(60), || {
        let read = cmd!(con, "CONV.RECENT", "late", i64::MAX, "WITHINFO");
        items(&map(&read)["messages"]).len() == 2 && info(&mut con, "conv")["conv_pending"] == "0"
    });
    assert!(counted, "counting does not go on");
    thread::sleep(Duration::from_millis(300));
    assert!(!trim.is_finished());
    assert_eq!(offset(&mut con), before);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "late")), 2);
    cmd!(con, "CLIENT", "UNPAUSE");
    assert_eq!(trim.join().expect("an answer"), 1);
    settled(&mut con);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "late")), 1);
    caught_up(&replica, &server);
    for key in ["late", "trimmed"] {
        assert_eq!(digest(&mut replica.conn(), key), digest(&mut con, key));
    }
}

/// Loading the tables of an encoding takes about 0.2 s, and must not delay other clients. A busy machine may delay a
/// PING once, but hardly on three servers in a row.
#[test]
fn loading_an_encoding_does_not_delay_other_clients() {
    let mut slowest = Vec::new();
    while slowest.len() < 3 {
        slowest.push(slowest_while_tables_load());
        if slowest.last().is_some_and(|(ms, _)| *ms < 60) {
            return;
        }
    }
    panic!("a PING took so many ms: {slowest:?}");
}

fn slowest_while_tables_load() -> (u128, &'static str) {
    let mut slowest = (0, "");
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.TOKENS", "warm up");
    let questions = [
        &["CONV.TOKENS", "hello world", "ENCODING", "cl100k_base"][..],
        &["CONV.RECENT", "k", "100", "WITHINFO"],
        &["CONV.INFO", "p"],
    ];
    let hello = says("user", "hello world");
    for (key, encoding) in [("k", "p50k_base"), ("p", "r50k_base")] {
        cmd!(con, "CONV.CREATE", key);
        append(&mut con, key, std::slice::from_ref(&hello));
        settled(&mut con);
        // The command as a replica receives it.
        let header = format!(
            r#"{{"v":1,"at":1,"alter":{{"encoding":"{encoding}","media-tokens":85,"max-messages":0,"max-tokens":0,"ttl":0,"complete":true}}}}"#
        );
        cmd!(con, "CONV.EFFECT", key, header);
    }
    for question in questions {
        let mut asks = server.conn();
        let answer = thread::spawn(move || run(&mut asks, question).expect("an answer"));
        slowest = slowest.max((
            slowest_ping(&mut con, || !answer.is_finished()),
            question[0],
        ));
        assert_ne!(answer.join().expect("an answer"), Value::Nil);
    }
    let tokens = ints(&cmd!(
        con,
        "CONV.TOKENS",
        "hello world",
        "ENCODING",
        "gpt-4"
    ));
    assert_eq!(tokens, [2]);
    slowest
}
