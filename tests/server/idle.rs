//! Conversations that nobody uses are compressed, and clients see no difference.

use std::time::{Duration, Instant};

use redis::Connection;

use crate::samples::*;
use crate::support::*;
use crate::views::*;

/// A server whose conversations come to rest after a second.
fn server() -> Server {
    Server::with_module_args(&[], &["idle-seconds", "1"])
}

fn figure(con: &mut Connection, name: &str) -> i64 {
    let figures = info(con, "conv");
    figures[&format!("conv_{name}")].parse().expect("a number")
}

/// Waits until all conversations are at rest.
fn at_rest(con: &mut Connection) {
    let rests = wait_until(Duration::from_secs(20), || {
        figure(con, "conversations_at_rest") == figure(con, "conversations")
    });
    assert!(rests, "{:?}", info(con, "conv"));
}

fn messages(n: usize) -> Vec<String> {
    (0..n)
        .map(|n| {
            let text = format!("In sentence {n} somebody asks for a train. ");
            says(["user", "assistant"][n % 2], &text.repeat(1 + n % 5))
        })
        .collect()
}

#[test]
fn clients_see_no_difference() {
    let server = server();
    let mut con = server.conn();
    let keys = fill(&mut con);
    append(&mut con, "twenty", &messages(20));
    append(&mut con, "many", &messages(5000));
    let keys: Vec<String> = keys
        .into_iter()
        .chain(["twenty".into(), "many".into()])
        .collect();
    settled(&mut con);
    let seen = views(&mut con, &keys);
    let digests: Vec<String> = keys.iter().map(|key| digest(&mut con, key)).collect();
    for _ in 0..2 {
        at_rest(&mut con);
        for (key, before) in keys.iter().zip(&digests) {
            assert_eq!(digest(&mut con, key), *before, "{key}");
        }
        // Neither digest nor DUMP wakes a conversation.
        for key in &keys {
            cmd!(con, "DUMP", key);
        }
        at_rest(&mut con);
        assert_same(&keys, &seen, &views(&mut con, &keys), "after a rest");
    }
    at_rest(&mut con);
    cmd!(con, "DEBUG", "RELOAD");
    assert_same(&keys, &seen, &views(&mut con, &keys), "after a reload");
    at_rest(&mut con);
    for key in &keys {
        cmd!(con, "COPY", key, format!("{key} again"));
        cmd!(con, "RENAME", format!("{key} again"), key);
    }
    assert_same(&keys, &seen, &views(&mut con, &keys), "copied at rest");
    at_rest(&mut con);
    go_on(&mut con);
}

/// Rest changes neither the access time nor the version of a key, and nothing is replicated.
#[test]
fn rest_leaves_no_trace() {
    let server = server();
    let (mut con, mut other) = (server.conn(), server.conn());
    append(&mut con, "k", &messages(20));
    cmd!(con, "PEXPIRE", "k", 1_000_000);
    settled(&mut con);
    cmd!(con, "WATCH", "k");
    let written = info(&mut other, "replication")["master_repl_offset"].clone();
    at_rest(&mut other);
    assert_eq!(
        info(&mut other, "replication")["master_repl_offset"],
        written
    );
    assert!(int(&cmd!(other, "OBJECT", "IDLETIME", "k")) >= 1);
    cmd!(con, "MULTI");
    cmd!(con, "CONV.LEN", "k");
    let done = cmd!(con, "EXEC");
    assert_eq!(ints(&done), [20], "WATCH saw a change");
    assert!(int(&cmd!(other, "PTTL", "k")) > 900_000);
}

#[test]
fn memory_at_rest_is_at_most_half_of_a_list() {
    let server = server();
    let mut con = server.conn();
    const KEYS: usize = 300;
    let each: Vec<Vec<String>> = (0..KEYS).map(|n| messages(3 + n % 20)).collect();
    let start = used(&mut con);
    for (n, messages) in each.iter().enumerate() {
        cmd!(con, "RPUSH", format!("list {n}"), messages);
    }
    let lists = used(&mut con) - start;
    for n in 0..KEYS {
        cmd!(con, "DEL", format!("list {n}"));
    }
    // One-time costs such as the tokenizer's tables.
    append(&mut con, "first", &messages(2));
    at_rest(&mut con);
    let start = used(&mut con);
    for (n, messages) in each.iter().enumerate() {
        append(&mut con, &format!("chat {n}"), messages);
    }
    at_rest(&mut con);
    let mut rests = 0;
    let small = wait_until(Duration::from_secs(5), || {
        rests = used(&mut con) - start;
        rests * 2 <= lists
    });
    assert!(small, "{rests} at rest, lists {lists}");
    assert!(figure(&mut con, "bytes_open") < rests / 20);
}

#[test]
fn without_compression_nothing_rests() {
    let server = server();
    let mut con = server.conn();
    cmd!(con, "CONFIG", "SET", "conv.compress", "no");
    append(&mut con, "k", &messages(20));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(figure(&mut con, "conversations_at_rest"), 0);
    assert_eq!(figure(&mut con, "bytes_compressed"), 0);
    cmd!(con, "CONFIG", "SET", "conv.compress", "yes");
    at_rest(&mut con);
}

/// A conversation that is read all the time does not come to rest, and the scan does not run while all rest.
#[test]
fn the_scan_runs_only_while_something_is_in_use() {
    let server = server();
    let mut con = server.conn();
    append(&mut con, "used", &messages(20));
    append(&mut con, "unused", &messages(20));
    let rested = wait_until(Duration::from_secs(20), || {
        cmd!(con, "CONV.RECENT", "used", 1000);
        figure(&mut con, "conversations_at_rest") > 0
    });
    assert!(rested);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        cmd!(con, "CONV.RECENT", "used", 1000);
        std::thread::sleep(Duration::from_millis(20));
    }
    // The one that is read is never compressed: the first loop ended by the other.
    assert_eq!(figure(&mut con, "conversations_at_rest"), 1);
    at_rest(&mut con);
    std::thread::sleep(Duration::from_millis(1000));
    let rings = figure(&mut con, "timer_rings");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(figure(&mut con, "timer_rings"), rings);
}
