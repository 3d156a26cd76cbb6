//! Conversations that nobody uses for a second or two are packed, and later compressed; clients see no difference.

use std::time::{Duration, Instant};

use redis::Connection;

use crate::samples::*;
use crate::support::*;
use crate::views::*;

/// A server whose conversations come to rest after a second.
fn server() -> Server {
    Server::with_module_args(&[], &["idle-seconds", "1"])
}

/// A server whose conversations stay in use, so that short ones are packed but not compressed.
fn server_in_use() -> Server {
    Server::with_module_args(&[], &["idle-seconds", "3600"])
}

/// Uses the conversation at `key`, and waits until it and those that were used before are packed again, which is seen by the
/// memory that this one takes.
fn packed(mut con: &mut Connection, key: &str) {
    cmd!(con, "CONV.LEN", key);
    let open = memory(con, key);
    let packed = wait_until(Duration::from_secs(20), || memory(con, key) + 300 < open);
    assert!(packed, "{key} takes {open} bytes");
}

fn memory(mut con: &mut Connection, key: &str) -> i64 {
    int(&cmd!(con, "MEMORY", "USAGE", key))
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
    check_views(&server(), at_rest);
}

#[test]
fn clients_see_no_difference_between_turns() {
    let server = server_in_use();
    check_views(&server, |con| packed(con, "twenty"));
    assert_eq!(figure(&mut server.conn(), "conversations_at_rest"), 0);
}

/// Compares what clients see before and after `rest`, which waits until conversations are in another form.
fn check_views(server: &Server, rest: impl Fn(&mut Connection)) {
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
        rest(&mut con);
        let used = memory(&mut con, "twenty");
        for (key, before) in keys.iter().zip(&digests) {
            assert_eq!(digest(&mut con, key), *before, "{key}");
        }
        // Neither digest nor DUMP wakes a conversation.
        for key in &keys {
            cmd!(con, "DUMP", key);
        }
        assert_eq!(memory(&mut con, "twenty"), used);
        rest(&mut con);
        assert_same(&keys, &seen, &views(&mut con, &keys), "after a rest");
    }
    rest(&mut con);
    cmd!(con, "DEBUG", "RELOAD");
    assert_same(&keys, &seen, &views(&mut con, &keys), "after a reload");
    rest(&mut con);
    for key in &keys {
        cmd!(con, "COPY", key, format!("{key} again"));
        cmd!(con, "RENAME", format!("{key} again"), key);
    }
    assert_same(&keys, &seen, &views(&mut con, &keys), "copied at rest");
    rest(&mut con);
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
    let (rests, lists) = memory_against_lists(&mut con, 2, at_rest);
    assert!(rests * 2 <= lists, "{rests} at rest, lists {lists}");
    assert!(figure(&mut con, "bytes_open") < rests / 20);
}

#[test]
fn memory_between_turns_is_little_more_than_that_of_a_list() {
    let server = server_in_use();
    let mut con = server.conn();
    let (packed, lists) = memory_against_lists(&mut con, 1, |con| packed(con, "chat 7"));
    assert!(packed * 10 <= lists * 11, "{packed} packed, lists {lists}");
}

/// Memory of short conversations after `rest`, and of lists with the same messages. Waits some time until it is `1 / part` of
/// theirs, because memory is also used for other things for a while.
fn memory_against_lists(
    mut con: &mut Connection,
    part: i64,
    rest: impl Fn(&mut Connection),
) -> (i64, i64) {
    const KEYS: usize = 300;
    let each: Vec<Vec<String>> = (0..KEYS).map(|n| messages(3 + n % 20)).collect();
    let start = used(con);
    for (n, messages) in each.iter().enumerate() {
        cmd!(con, "RPUSH", format!("list {n}"), messages);
    }
    let lists = used(con) - start;
    for n in 0..KEYS {
        cmd!(con, "DEL", format!("list {n}"));
    }
    // One-time costs such as the tokenizer's tables.
    append(con, "chat 7", &messages(20));
    settled(con);
    rest(con);
    cmd!(con, "DEL", "chat 7");
    let start = used(con);
    for (n, messages) in each.iter().enumerate() {
        append(con, &format!("chat {n}"), messages);
    }
    rest(con);
    let mut uses = 0;
    wait_until(Duration::from_secs(5), || {
        uses = used(con) - start;
        uses * part <= lists
    });
    (uses, lists)
}

/// A long conversation gives back what it has reserved for further messages.
#[test]
fn nothing_is_reserved_between_turns() {
    let server = server_in_use();
    let mut con = server.conn();
    for message in messages(500) {
        append(&mut con, "k", &[message]);
    }
    settled(&mut con);
    packed(&mut con, "k");
}

#[test]
fn without_compression_nothing_rests() {
    let server = server();
    let mut con = server.conn();
    cmd!(con, "CONFIG", "SET", "conv.compress", "no");
    append(&mut con, "k", &messages(20));
    std::thread::sleep(Duration::from_millis(2500));
    packed(&mut con, "k");
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
