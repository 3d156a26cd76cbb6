//! Who loads a conversation after a loader that has not: one client at a time, and nobody waits for nothing.

use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

/// Soon, on a machine that is busy.
const SOON: Duration = Duration::from_secs(2);

fn recent(con: &mut Connection, key: &str, wait: u64) -> Value {
    cmd!(*con, "CONV.RECENT", key, 1000, "WAIT", wait)
}

/// A client that waits for `key`: how long it has waited for which reply, and its connection, which may load now.
fn waiter(
    server: &Server,
    key: &'static str,
    wait: u64,
) -> thread::JoinHandle<(Value, Duration, Connection)> {
    let (mut con, mut other) = (server.conn(), server.conn());
    let waiting = |con: &mut Connection| info(con, "conv")["conv_waiting_clients"].clone();
    let before = waiting(&mut other);
    let waits = thread::spawn(move || {
        let start = Instant::now();
        let reply = recent(&mut con, key, wait);
        (reply, start.elapsed(), con)
    });
    assert!(wait_until(SOON, || waiting(&mut other) != before));
    waits
}

/// As a pool does when a request is cancelled: the connection has loaded, and now waits.
#[test]
fn a_connection_that_is_closed_while_it_waits_does_not_become_the_loader() {
    let server = Server::start();
    let mut loader = server.conn();
    assert_eq!(recent(&mut loader, "k", 60_000), Value::Nil);
    let again = redis::cmd("CONV.RECENT")
        .arg("k")
        .arg(9)
        .arg("WAIT")
        .arg(60_000)
        .get_packed_command();
    loader.send_packed_command(&again).expect("sent");
    let mut con = server.conn();
    assert!(wait_until(SOON, || {
        info(&mut con, "conv")["conv_waiting_clients"] == "1"
    }));
    let waits = waiter(&server, "k", 60_000);
    drop(loader);
    let (reply, took, _con) = waits.join().expect("a reply");
    assert_eq!(reply, Value::Nil);
    assert!(took < 2 * SOON, "{took:?}");
}

/// The next command of the client that ends a load may miss the same conversation.
#[test]
fn there_is_one_loader_at_a_time() {
    let server = Server::start();
    for end in ["kill", "flush"] {
        let mut loader = server.conn();
        let id = int(&cmd!(loader, "CLIENT", "ID"));
        assert_eq!(recent(&mut loader, "k", 60_000), Value::Nil);
        let waits = waiter(&server, "k", 60_000);
        let end = match end {
            "kill" => vec!["CLIENT".into(), "KILL".into(), "ID".into(), id.to_string()],
            _ => vec!["FLUSHALL".into()],
        };
        let misses = ["CONV.RECENT", "k", "1000", "WAIT", "600"].map(String::from);
        let mut con = server.conn();
        let start = Instant::now();
        let replies = pipeline(&mut con, &[end, misses.to_vec()]).expect("replies");
        assert!(start.elapsed() >= Duration::from_millis(500), "two loaders");
        assert_eq!(replies[1], Value::Nil);
        assert_eq!(waits.join().expect("a reply").0, Value::Nil);
        cmd!(con, "FLUSHALL");
    }
}

#[test]
fn a_backfill_that_is_undone_in_the_same_transaction_is_an_answer() {
    let server = Server::start();
    let mut loader = server.conn();
    for undo in [["DEL", "k"].as_slice(), &["RENAME", "k", "other"]] {
        assert_eq!(recent(&mut loader, "k", 60_000), Value::Nil);
        let waiters = [(); 3].map(|()| waiter(&server, "k", 60_000));
        let start = Instant::now();
        cmd!(loader, "MULTI");
        cmd!(loader, "CONV.BACKFILL", "k", "COMPLETE", says("user", "x"));
        run(&mut loader, undo).expect("a command");
        cmd!(loader, "EXEC");
        for waits in waiters {
            assert_eq!(waits.join().expect("a reply").0, Value::Nil);
        }
        assert!(start.elapsed() < SOON, "{undo:?}");
        assert_eq!(info(&mut loader, "conv")["conv_loads"], "0");
    }
}

/// It waits for counts of one conversation, and for the load of another.
#[test]
fn several_conversations_of_one_command_are_waited_for_together() {
    let server = Server::start();
    let mut loader = server.conn();
    assert_eq!(recent(&mut loader, "b", 60_000), Value::Nil);
    let text = "words that are counted in the background ".repeat(1500);
    let mut commands = vec![Vec::new(); 8];
    for command in &mut commands {
        *command = vec!["CONV.APPEND".into(), "a".into(), says("user", &text)];
    }
    let words = ["CONV.MRECENT", "1000000", "2", "a", "b", "WAIT", "60000"];
    commands.push(words.map(String::from).to_vec());
    let mut con = server.conn();
    let waits = thread::spawn(move || {
        let replies = pipeline(&mut con, &commands).expect("replies");
        replies.last().cloned().expect("a reply")
    });
    let mut other = server.conn();
    assert!(wait_until(SOON, || {
        let conv = info(&mut other, "conv");
        conv["conv_waiting_clients"] == "1" && conv["conv_pending"] == "0"
    }));
    thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    cmd!(loader, "CONV.BACKFILL", "b", "COMPLETE", says("user", "x"));
    let reply = waits.join().expect("a reply");
    assert!(start.elapsed() < SOON);
    let lengths: Vec<usize> = items(&reply).iter().map(|r| items(r).len()).collect();
    assert_eq!(lengths, [8, 1]);
}
