//! Counts that are still to come belong to a message, not to its number.

use crate::samples::*;
use crate::support::*;

/// Ten words: 14 tokens.
const TEN_WORDS: &str =
    r#"{"role":"user","content":"one two three four five six seven eight nine ten"}"#;

/// Removes the message that is being counted, copies the conversation and appends another message to the copy, within
/// one transaction: nothing is counted in between.
fn reuse_number(con: &mut redis::Connection, remove: &[&str], fork: &[&str]) {
    cmd!(*con, "FLUSHALL");
    append(con, "a", &[says("user", "first")]);
    window(con, "a");
    let mut pipe = redis::pipe();
    pipe.atomic();
    pipe.cmd("CONV.APPEND").arg("a").arg(says("user", "x"));
    pipe.cmd(remove[0]).arg(&remove[1..]);
    pipe.cmd("CONV.FORK").arg(fork);
    pipe.cmd("CONV.APPEND").arg("b").arg(TEN_WORDS);
    pipe.exec(con).expect("a transaction");
}

fn window(con: &mut redis::Connection, key: &str) -> i64 {
    let reply = cmd!(*con, "CONV.RECENT", key, 1000, "WITHINFO");
    int(&map(&reply)["tokens"])
}

#[test]
fn a_reused_number_gets_a_count_of_its_own() {
    let server = Server::start();
    let mut con = server.conn();
    for (remove, fork) in [
        (&["CONV.POP", "a"][..], &["a", "b"][..]),
        (&["CONV.DEL", "a", "2"], &["a", "b"]),
        (&["CONV.DEL", "a", "2"], &["a", "b", "UPTO", "2"]),
    ] {
        reuse_number(&mut con, remove, fork);
        let first = 5;
        // One token less than both messages need.
        let reply = map(&cmd!(con, "CONV.RECENT", "b", 3 + first + 13, "WITHINFO"));
        assert_eq!(items(&reply["messages"]).len(), 1, "{remove:?} {fork:?}");
        assert_eq!(window(&mut con, "b"), 3 + first + 14, "{remove:?} {fork:?}");
        cmd!(con, "DEBUG", "RELOAD");
        assert_eq!(window(&mut con, "b"), 3 + first + 14, "{remove:?} {fork:?}");
    }
}

#[test]
fn numbers_of_a_fork_continue_after_its_newest_message_and_its_summary() {
    let server = Server::start();
    let mut con = server.conn();
    append(
        &mut con,
        "a",
        &[says("user", "1"), says("user", "2"), says("user", "3")],
    );
    cmd!(con, "CONV.SETSUMMARY", "a", "of two", "UPTO", 2);
    let mut next = |fork: &[&str]| {
        cmd!(con, "DEL", "b");
        cmd!(con, "CONV.FORK", "a", "b", fork);
        let summary = cmd!(con, "CONV.SUMMARY", "b") != redis::Value::Nil;
        (
            int(&cmd!(con, "CONV.APPEND", "b", says("user", "new"))),
            summary,
        )
    };
    assert_eq!(next(&[]), (4, true));
    assert_eq!(next(&["UPTO", "2"]), (3, true));
    assert_eq!(next(&["UPTO", "1"]), (2, false));
    assert_eq!(next(&["UPTO", "0"]), (1, false));
    // The summary covers more than the copy holds.
    cmd!(con, "CONV.DEL", "a", 2, 3);
    cmd!(con, "DEL", "b");
    cmd!(con, "CONV.FORK", "a", "b");
    assert_eq!(int(&cmd!(con, "CONV.APPEND", "b", says("user", "new"))), 3);
    // Another type is not replaced unless asked for.
    cmd!(con, "SET", "b", "string");
    assert_eq!(int(&cmd!(con, "CONV.FORK", "a", "b")), 0);
    assert_eq!(int(&cmd!(con, "CONV.FORK", "a", "b", "REPLACE")), 1);
}

#[test]
fn an_uncounted_summary_is_pending() {
    let server = Server::start();
    let mut con = server.conn();
    let mut rng = fastrand::Rng::with_seed(5);
    let long: Vec<String> = (0..40_000).map(|_| format!("{:x}", rng.u64(..))).collect();
    append(&mut con, "k", &[says("user", "first")]);
    window(&mut con, "k");
    cmd!(con, "MULTI");
    cmd!(con, "CONV.SETSUMMARY", "k", &long.join(" "));
    cmd!(con, "CONV.INFO", "k");
    let replies = cmd!(con, "EXEC");
    let replies = items(&replies);
    assert_eq!(int(&map(&replies[1])["pending"]), 1);
    let counted = wait_until(std::time::Duration::from_secs(20), || {
        int(&map(&cmd!(con, "CONV.INFO", "k"))["pending"]) == 0
    });
    assert!(counted);
}
