//! Memory: accounting, limits, eviction, release.

use std::time::Duration;

use redis::Connection;

use crate::samples::*;
use crate::support::{self, *};
use crate::writes::*;

fn used(con: &mut Connection) -> i64 {
    settled(con);
    support::used(con)
}

#[test]
fn memory_usage_grows_with_the_content() {
    // Nothing is compressed here, because how much would be depends on timing.
    let server = Server::with_module_args(&[], &["hot-bytes", "16mb"]);
    let mut con = server.conn();
    let mut raw = 0;
    for n in 0..1000 {
        let message = says(
            "user",
            &format!("message {n}: {}", "some words of a chat ".repeat(n % 20)),
        );
        raw += message.len() as i64;
        append(&mut con, "k", &[message]);
    }
    // What is still being counted takes memory of its own, which ends at a time of its own.
    settled(&mut con);
    let usage = int(&cmd!(con, "MEMORY", "USAGE", "k", "SAMPLES", 0));
    assert!((raw..=3 * raw).contains(&usage), "{usage} for {raw} bytes");
    append(&mut con, "small", &[says("user", "hello")]);
    settled(&mut con);
    let small = int(&cmd!(con, "MEMORY", "USAGE", "small"));
    assert!(
        (100..=2500).contains(&small),
        "{small} for one short message"
    );
    cmd!(con, "CONV.SETSUMMARY", "small", "x".repeat(100_000));
    let with_summary = int(&cmd!(con, "MEMORY", "USAGE", "small"));
    // In the meantime it may have been packed, which saves some hundred bytes.
    assert!(
        (99_000..=150_000).contains(&(with_summary - small)),
        "{with_summary} with a summary, {small} without"
    );
    cmd!(con, "CONV.TRIM", "k", "MAXMESSAGES", 10);
    let trimmed = int(&cmd!(con, "MEMORY", "USAGE", "k"));
    assert!(trimmed < usage / 4, "{trimmed} of {usage} after a TRIM");
}

#[test]
fn memory_usage_matches_the_allocated_memory() {
    let server = Server::start();
    let mut con = server.conn();
    let batch: Vec<String> = (0..100).map(|n| says("user", &"text ".repeat(n))).collect();
    let fill = |con: &mut Connection| {
        for _ in 0..100 {
            append(con, "k", &batch);
        }
    };
    // Tokenizer tables and buffers of the background threads do not belong to a conversation.
    fill(&mut con);
    settled(&mut con);
    cmd!(con, "FLUSHALL", "SYNC");
    let start = used(&mut con);
    fill(&mut con);
    let (taken, usage) = (
        used(&mut con) - start,
        int(&cmd!(con, "MEMORY", "USAGE", "k")),
    );
    assert!(
        (taken * 7 / 10..=taken * 13 / 10).contains(&usage),
        "MEMORY USAGE {usage}, taken {taken}"
    );
}

/// A replicated effect that appends.
const GROWS: &str = r#"{"v":1,"at":1,"push":[[999,1,"pending"]]}"#;

#[test]
fn at_the_memory_limit_only_growing_commands_are_rejected() {
    let server = Server::start();
    let mut con = server.conn();
    prepare(&mut con);
    cmd!(con, "CONFIG", "SET", "maxmemory", "1");
    let m = &*says("user", "open, sesame");
    let grow: [&[&str]; 6] = [
        &["CONV.APPEND", "k", m],
        &["CONV.APPEND", "new", m],
        &["CONV.SETSUMMARY", "k", "A longer summary."],
        &["CONV.CREATE", "new"],
        &["CONV.EDIT", "k", "1", m],
        &["CONV.EFFECT", "k", GROWS, m],
    ];
    let refused = |con: &mut Connection, args: &[&str]| err(run(con, args)).starts_with("OOM ");
    for args in grow {
        assert!(refused(&mut con, args), "{args:?}");
    }
    let work: [&[&str]; 13] = [
        &["CONV.RECENT", "k", "1000"],
        &["CONV.RANGE", "k", "0", "-1"],
        &["CONV.GET", "k", "1"],
        &["CONV.LEN", "k"],
        &["CONV.INFO", "k"],
        &["CONV.SUMMARY", "k"],
        &["CONV.TOKENS", "hello"],
        &["CONV.DEL", "k", "1"],
        &["CONV.POP", "k"],
        &["CONV.TRIM", "t", "MAXMESSAGES", "3"],
        &["CONV.EFFECT", "k", r#"{"v":1,"at":1,"remove":[2]}"#],
        &["DUMP", "k"],
        &["UNLINK", "k"],
    ];
    for args in work {
        go(&mut con, args);
    }
    assert_eq!(int(&cmd!(con, "CONV.LEN", "t")), 3);
    // Scripts obey the limit, too.
    let script = "return redis.call('CONV.APPEND', KEYS[1], ARGV[1])";
    assert!(try_cmd!(con, "EVAL", script, 1, "t", m).is_err());
    cmd!(con, "CONFIG", "SET", "maxmemory", "0");
    assert_eq!(append(&mut con, "t", &[m.to_string()]), 13);
}

#[test]
fn a_replica_at_its_memory_limit_applies_all_writes() {
    let [primary, replica] = [Server::start(), Server::start()];
    replicate(&replica, &primary);
    let (mut con, mut there) = (primary.conn(), replica.conn());
    prepare(&mut con);
    caught_up(&replica, &primary);
    cmd!(there, "CONFIG", "SET", "maxmemory", "1");
    for args in effective() {
        go(&mut con, &args);
    }
    caught_up(&replica, &primary);
    for key in ["k", "t", "new", "new4"] {
        assert_eq!(digest(&mut con, key), digest(&mut there, key), "{key}");
    }
}

/// A replica at its own limit still applies writes that free memory.
#[test]
fn a_replica_with_its_own_limit_applies_writes_that_free_memory() {
    let [primary, replica] = [Server::start(), Server::start()];
    replicate(&replica, &primary);
    let (mut con, mut there) = (primary.conn(), replica.conn());
    append(
        &mut con,
        "k",
        &[says("user", "a"), says("user", "b"), says("user", "c")],
    );
    caught_up(&replica, &primary);
    cmd!(there, "CONFIG", "SET", "replica-ignore-maxmemory", "no");
    cmd!(there, "CONFIG", "SET", "maxmemory", "1");
    cmd!(con, "CONV.POP", "k");
    cmd!(con, "CONV.DEL", "k", 1);
    caught_up(&replica, &primary);
    assert_eq!(int(&cmd!(there, "CONV.LEN", "k")), 1);
    assert_eq!(digest(&mut con, "k"), digest(&mut there, "k"));
}

#[test]
fn conversations_are_evicted_at_the_memory_limit() {
    let server = Server::start();
    let mut con = server.conn();
    append(
        &mut con,
        "first",
        &[says("user", "what counting keeps is there")],
    );
    // The total this time, because the limit applies to the total.
    let used = |con: &mut Connection| {
        settled(con);
        let used = &info(con, "memory")["used_memory"];
        used.parse::<i64>().expect("a number")
    };
    settled(&mut con);
    cmd!(con, "DEL", "first");
    let limit = used(&mut con) + (8 << 20);
    cmd!(con, "CONFIG", "SET", "maxmemory", limit);
    cmd!(con, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    let messages: Vec<String> = (0..50)
        .map(|n| says("user", &format!("{n} {}", "word ".repeat(200))))
        .collect();
    for n in 0..600 {
        append(&mut con, &format!("key {n}"), &messages);
        assert!(used(&mut con) < limit + (1 << 20));
    }
    // No command evicts keys after this point.
    cmd!(con, "CONFIG", "SET", "maxmemory", 0);
    // No new work while the figures are read.
    cmd!(con, "CONFIG", "SET", "maxmemory", 0);
    let evicted: i64 = info(&mut con, "stats")["evicted_keys"]
        .parse()
        .expect("a number");
    assert!(evicted > 200, "{evicted} evicted");
    assert_eq!(int(&cmd!(con, "DBSIZE")), 600 - evicted);
    assert_eq!(
        info(&mut con, "conv")["conv_conversations"],
        (600 - evicted).to_string()
    );
    assert_eq!(
        int(&cmd!(con, "CONV.LEN", "key 599")),
        50,
        "the newest are here"
    );
}

#[test]
fn memory_is_released_when_keys_are_removed() {
    let server = Server::start();
    let mut con = server.conn();
    let round = |con: &mut Connection, flush: &str| {
        fill(con);
        let batch: Vec<String> = (0..100)
            .map(|n| langchain("human", &format!("id {n}"), &"text ".repeat(n)))
            .collect();
        for n in 0..100 {
            append(con, &format!("batch {}", n % 10), &batch);
        }
        // From here on all encodings are loaded and all buffers have been used once.
        let full = used(con);
        go(con, &flush.split(' ').collect::<Vec<_>>());
        full
    };
    let given_back = |con: &mut Connection| {
        let idle = wait_until(Duration::from_secs(10), || {
            info(con, "memory")["lazyfree_pending_objects"] == "0"
        });
        assert!(idle);
        std::thread::sleep(Duration::from_millis(50));
        used(con)
    };
    for encoding in ["o200k_base", "cl100k_base", "p50k_base", "r50k_base"] {
        cmd!(con, "CONV.TOKENS", "hello", "ENCODING", encoding);
    }
    round(&mut con, "FLUSHALL");
    given_back(&mut con);
    // The client's query buffer does not belong to the module.
    let start = (0..30)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            used(&mut con)
        })
        .min()
        .expect("a figure");
    for flush in ["FLUSHALL", "FLUSHALL ASYNC", "FLUSHALL SYNC"] {
        let full = round(&mut con, flush);
        assert!(full - start > 2 << 20, "{full} held, {start} at first");
        // Redis keeps the query buffer of a client for some seconds.
        let mut end = given_back(&mut con);
        let returned = wait_until(Duration::from_secs(10), || {
            end = used(&mut con);
            end - start < 256 << 10
        });
        assert!(returned, "{flush}: {end} held after it, {start} before");
    }
}

/// Old messages are compressed without loss, and INFO reports the correct sizes.
#[test]
fn old_messages_are_compressed() {
    take_little((0..4000).map(|n| {
        let text = format!("In sentence {n} somebody asks for a train, somebody answers. ");
        says("user", &text.repeat(1 + n % 7))
    }));
}

/// Texts that compress by a factor of a hundred.
#[test]
fn identical_old_messages_are_compressed() {
    take_little((0..4000).map(|n| says("user", &format!("{}{}", n % 2, "word ".repeat(40)))));
}

fn take_little(messages: impl Iterator<Item = String>) {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = messages.collect();
    let append_all = |con: &mut Connection, key: &str| {
        for batch in messages.chunks(50) {
            append(con, key, batch);
            settled(con);
        }
    };
    cmd!(con, "CONFIG", "SET", "conv.compress", "no");
    append_all(&mut con, "plain");
    cmd!(con, "CONFIG", "SET", "conv.compress", "yes");
    append_all(&mut con, "packed");
    let usage = |con: &mut Connection, key: &str| int(&cmd!(*con, "MEMORY", "USAGE", key));
    let (plain, packed) = (usage(&mut con, "plain"), usage(&mut con, "packed"));
    assert!(packed * 3 < plain, "{packed} compressed, {plain} as it was");
    let bytes = |con: &mut Connection, key: &str| {
        let info = map(&cmd!(*con, "CONV.INFO", key));
        (int(&info["bytes-raw"]), int(&info["bytes-stored"]))
    };
    let (raw, stored) = bytes(&mut con, "packed");
    assert_eq!(raw, messages.iter().map(|m| m.len() as i64).sum::<i64>());
    assert!(stored < raw / 2 && stored <= packed, "{stored} of {raw}");
    assert_eq!(raw, bytes(&mut con, "plain").0);
    // Reads return the same, whatever the storage state.
    for range in [(0, -1), (10, 20), (3000, 3100), (-5, -1)] {
        let read =
            |con: &mut Connection, key: &str| cmd!(*con, "CONV.RANGE", key, range.0, range.1);
        assert_eq!(read(&mut con, "packed"), read(&mut con, "plain"));
    }
    // A change in the middle decompresses only the segments it needs.
    for key in ["packed", "plain"] {
        cmd!(con, "CONV.EDIT", key, 100, says("user", "something else"));
        cmd!(con, "CONV.DEL", key, 1, 50, 51, 2000);
    }
    let all = |con: &mut Connection, key: &str| strings(&cmd!(*con, "CONV.RANGE", key, 0, -1));
    assert_eq!(all(&mut con, "packed"), all(&mut con, "plain"));
    let before = digest(&mut con, "packed");
    cmd!(con, "DEBUG", "RELOAD");
    assert_eq!(digest(&mut con, "packed"), before);
    let reloaded = usage(&mut con, "packed");
    assert!(reloaded < plain / 2, "{reloaded} after a reload");
}

/// Parser buffers are released, even after a message with very many small parts.
#[test]
fn parser_buffers_are_released_after_a_dense_message() {
    let server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    cmd!(con, "CONV.TOKENS", "hello"); // waits until the tables are loaded
    let start = used(&mut con);
    let dense = format!(r#"{{"role":"user","x":[{}0]}}"#, "0,".repeat(200_000));
    append(&mut con, "dense", &[dense]);
    cmd!(con, "DEL", "dense");
    // Redis keeps the query buffer of a client for some seconds.
    let mut held = 0;
    let returned = wait_until(Duration::from_secs(15), || {
        held = used(&mut con) - start;
        held < 3 << 20
    });
    assert!(returned, "{held} bytes held");
}

/// Counts of conversations that no command reads, as on a replica, are taken in by maintenance. Left waiting, each
/// would use more memory than the message it belongs to.
#[test]
fn finished_counts_are_taken_in_without_reads() {
    const KEYS: i64 = 300;
    const MESSAGES: i64 = 40;
    let [primary, replica] = [Server::start(), Server::start()];
    replicate(&replica, &primary);
    let (mut con, mut there) = (primary.conn(), replica.conn());
    for n in 0..MESSAGES {
        for key in 0..KEYS {
            cmd!(
                con,
                "CONV.APPEND",
                key,
                says("user", &format!("number {n}"))
            );
        }
    }
    caught_up(&replica, &primary);
    for con in [&mut con, &mut there] {
        let before = used(con);
        for key in 0..KEYS {
            assert_eq!(int(&cmd!(*con, "CONV.LEN", key)), MESSAGES);
        }
        let picked_up = before - used(con);
        assert!(
            picked_up < KEYS * 8 * 90,
            "{picked_up} bytes; {} if none had been picked up",
            KEYS * MESSAGES * 87
        );
    }
}
