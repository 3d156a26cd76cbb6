//! Redis as a cache of a database: CONV.BACKFILL, and cache loads with RECENT ... WAIT.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

fn numbered(from: usize, to: usize) -> Vec<String> {
    (from..=to)
        .map(|n| format!(r#"{{"role":"user","content":"message {n}","id":"m{n}"}}"#))
        .collect()
}

fn backfill(con: &mut Connection, key: &str, messages: &[String]) -> i64 {
    int(&cmd!(*con, "CONV.BACKFILL", key, messages))
}

fn contents(con: &mut Connection, key: &str) -> Vec<String> {
    let all = cmd!(*con, "CONV.RANGE", key, 0, -1);
    items(&all).iter().map(text).collect()
}

fn complete(con: &mut Connection, key: &str) -> String {
    text(&map(&cmd!(*con, "CONV.INFO", key))["complete"])
}

#[test]
fn backfill_prepends_older_messages() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    // A message appended before the backfill does not count as history.
    cmd!(con, "CONFIG", "SET", "conv.assume-complete", "no");
    append(&mut con, "k", &numbered(9, 9));
    assert_eq!(cmd!(con, "CONV.RECENT", "k", 1000), Value::Nil);
    assert_eq!(items(&cmd!(con, "CONV.RECENT", "k", 1000, "ANY")).len(), 1);
    // Backfill in batches, with appends in between, repeated, and overlapping.
    assert_eq!(backfill(&mut con, "k", &numbered(5, 8)), 4);
    append(&mut con, "k", &numbered(10, 10));
    assert_eq!(backfill(&mut con, "k", &numbered(5, 8)), 0);
    assert_eq!(backfill(&mut con, "k", &numbered(3, 6)), 2);
    let twice = [numbered(2, 2), numbered(2, 2)].concat();
    assert_eq!(backfill(&mut con, "k", &twice), 1);
    assert_eq!(contents(&mut con, "k"), numbered(2, 10));
    let info = map(&cmd!(con, "CONV.INFO", "k"));
    assert_eq!((int(&info["first"]), int(&info["last"])), (-6, 2));
    // A filled budget is a hit, otherwise it is a miss.
    assert_eq!(items(&cmd!(con, "CONV.RECENT", "k", 40)).len(), 5);
    assert_eq!(cmd!(con, "CONV.RECENT", "k", 1000), Value::Nil);
    assert_eq!(
        items(&cmd!(con, "CONV.RECENT", "k", 1000, "MESSAGES", 8)).len(),
        8
    );
    let last = cmd!(con, "CONV.BACKFILL", "k", "COMPLETE", numbered(1, 1));
    assert_eq!(int(&last), 1);
    assert_eq!(
        strings(&cmd!(con, "CONV.RECENT", "k", 1000)),
        numbered(1, 10)
            .into_iter()
            .map(String::into_bytes)
            .collect::<Vec<_>>()
    );
    // Sequence numbers are not reused.
    cmd!(con, "CONV.DEL", "k", -7);
    assert_eq!(backfill(&mut con, "k", &numbered(0, 0)), 1);
    assert_eq!(int(&map(&cmd!(con, "CONV.INFO", "k"))["first"]), -8);
    settled(&mut con);
    caught_up(&replica, &server);
    let before = digest(&mut con, "k");
    assert_eq!(digest(&mut replica.conn(), "k"), before);
    for reload in ["RELOAD", "LOADAOF"] {
        cmd!(con, "DEBUG", reload);
        assert_eq!(digest(&mut con, "k"), before, "{reload}");
    }
    let figures = info_of_conv(&mut con);
    assert_eq!(figures, "9");
}

fn info_of_conv(con: &mut Connection) -> String {
    info(con, "conv")["conv_backfilled_messages"].clone()
}

#[test]
fn backfill_creates_an_incomplete_conversation() {
    let server = Server::with_module_args(&[], &["ttl", "500"]);
    let mut con = server.conn();
    assert_eq!(backfill(&mut con, "k", &numbered(1, 3)), 3);
    assert_eq!(complete(&mut con, "k"), "no");
    assert!(int(&cmd!(con, "TTL", "k")) > 400);
    let info = map(&cmd!(con, "CONV.INFO", "k"));
    assert_eq!((int(&info["first"]), int(&info["last"])), (-2, 0));
    // The first appended message gets number 1.
    assert_eq!(append(&mut con, "k", &numbered(4, 4)), 1);
    assert_eq!(int(&cmd!(con, "CONV.BACKFILL", "k", "COMPLETE")), 0);
    assert_eq!(complete(&mut con, "k"), "yes");
    // A backfill from a database without messages.
    assert_eq!(int(&cmd!(con, "CONV.BACKFILL", "new", "complete")), 0);
    assert_eq!(cmd!(con, "CONV.RECENT", "new", 100), Value::Array(vec![]));
}

/// Groups that span the boundary between backfilled and appended messages are joined.
#[test]
fn groups_across_backfilled_and_appended_messages_are_joined() {
    let server = Server::start();
    let mut con = server.conn();
    append(
        &mut con,
        "k",
        &[answer("b"), says("assistant", "done"), answer("b")],
    );
    let all = |con: &mut Connection| items(&cmd!(*con, "CONV.RECENT", "k", 10_000, "ANY")).len();
    assert_eq!(all(&mut con), 1);
    backfill(&mut con, "k", &[answer("a")]);
    assert_eq!(all(&mut con), 1);
    backfill(&mut con, "k", &[says("user", "q"), calls(&["a", "b"])]);
    assert_eq!(all(&mut con), 5);
    // The group is returned completely or not at all.
    let whole = cmd!(con, "CONV.RECENT", "k", 10_000, "ANY", "MESSAGES", 3);
    assert_eq!(items(&whole).len(), 1);
}

/// Sends RECENT ... WAIT on a new connection, and returns the connection: a loader that disconnects loses its role.
fn asks(server: &Server, args: &str) -> JoinHandle<(Value, Duration, Connection)> {
    let mut con = server.conn();
    let args: Vec<String> = args.split(' ').map(String::from).collect();
    thread::spawn(move || {
        let start = Instant::now();
        let reply = run(&mut con, &args).expect("a reply");
        (reply, start.elapsed(), con)
    })
}

#[track_caller]
fn blocked(server: &Server, clients: usize) {
    let mut con = server.conn();
    let there = wait_until(Duration::from_secs(20), || {
        info(&mut con, "clients")["blocked_clients"] == clients.to_string()
    });
    assert!(there, "not {clients} blocked");
}

const ASK: &str = "CONV.RECENT k 1000 WAIT 30000";

#[test]
fn a_thousand_misses_cause_one_load() {
    let server = Server::start();
    let mut con = server.conn();
    let others: Vec<Connection> = (0..1000).map(|_| server.conn()).collect();
    let asked = Instant::now();
    let threads: Vec<_> = others
        .into_iter()
        .map(|mut con| {
            thread::spawn(move || {
                let reply = cmd!(con, "CONV.RECENT", "k", 1000, "WAIT", 60_000);
                if reply == Value::Nil {
                    // The first client becomes the loader, while the others are blocked.
                    thread::sleep(Duration::from_secs(3));
                    cmd!(con, "CONV.BACKFILL", "k", numbered(1, 200));
                    return (1, cmd!(con, "CONV.RECENT", "k", 1000, "WAIT", 60_000));
                }
                (0, reply)
            })
        })
        .collect();
    // The server serves other clients in the meantime.
    blocked(&server, 999);
    for _ in 0..100 {
        cmd!(con, "PING");
    }
    blocked(&server, 999);
    let (loads, replies): (Vec<i32>, Vec<Value>) =
        threads.into_iter().map(|t| t.join().unwrap()).unzip();
    assert_eq!(loads.iter().sum::<i32>(), 1);
    assert!(replies.iter().all(|reply| reply == &replies[0]));
    assert!(items(&replies[0]).len() > 50);
    assert!(asked.elapsed() < Duration::from_secs(50));
}

#[test]
fn waiting_clients_resume_as_soon_as_their_window_is_complete() {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONFIG", "SET", "conv.assume-complete", "no");
    let mut loader = server.conn();
    for key in ["k", "other"] {
        assert_eq!(
            cmd!(loader, "CONV.RECENT", key, 1000, "WAIT", 30_000),
            Value::Nil
        );
    }
    // Other writes than BACKFILL resume the clients, too. Writes that do not complete the window do not.
    for (n, help) in [
        "CONV.ALTER k COMPLETE yes",
        "COPY whole k REPLACE",
        "RENAME whole k",
    ]
    .iter()
    .enumerate()
    {
        cmd!(con, "DEL", "k", "whole");
        cmd!(con, "CONV.CREATE", "whole", "COMPLETE", "yes");
        append(&mut con, "whole", &numbered(1, 2));
        append(&mut con, "k", &numbered(1, 2));
        let waits = asks(&server, ASK);
        blocked(&server, 1);
        append(&mut con, "k", &numbered(3, 3));
        append(&mut con, "other", &numbered(3, 3));
        thread::sleep(Duration::from_millis(100));
        assert!(!waits.is_finished(), "{help}");
        run(&mut con, &help.split(' ').collect::<Vec<_>>()).unwrap();
        let (reply, ..) = waits.join().unwrap();
        assert_eq!(items(&reply).len(), if n == 0 { 3 } else { 2 }, "{help}");
    }
    // The timeout expired: the reply is nil, and later writes do not concern the client.
    cmd!(con, "DEL", "k");
    let (reply, took, _) = asks(&server, "CONV.RECENT k 1000 WAIT 200").join().unwrap();
    assert_eq!(reply, Value::Nil);
    assert!((200..5000).contains(&took.as_millis()), "{took:?}");
    blocked(&server, 0);
    // The backfill fills one budget but not the others. Those clients get nil. The next one that misses is the loader: it
    // may be the same as before, which loads page by page.
    let small = asks(&server, "CONV.RECENT k 30 WAIT 30000");
    blocked(&server, 1);
    let large = asks(&server, ASK);
    blocked(&server, 2);
    let larger = asks(&server, "CONV.RECENT k 2000 WAIT 9223372036854775807");
    blocked(&server, 3);
    backfill(&mut con, "k", &numbered(5, 9));
    assert_eq!(items(&small.join().unwrap().0).len(), 3);
    let (large, larger) = (large.join().unwrap(), larger.join().unwrap());
    assert_eq!((&large.0, &larger.0), (&Value::Nil, &Value::Nil));
    assert_eq!(
        run(&mut loader, &["CONV.RECENT", "k", "2000", "WAIT", "30000"]).unwrap(),
        Value::Nil
    );
    let next = asks(&server, "CONV.RECENT k 2000 WAIT 30000");
    blocked(&server, 1);
    cmd!(con, "CONV.BACKFILL", "k", "COMPLETE", numbered(1, 4));
    assert_eq!(items(&next.join().unwrap().0).len(), 9);
    // Another request on the loader's connection, as from a connection pool, is blocked like any other.
    cmd!(con, "DEL", "k");
    assert_eq!(
        run(&mut loader, &["CONV.RECENT", "k", "9", "WAIT", "30000"]).unwrap(),
        Value::Nil
    );
    let again =
        thread::spawn(move || run(&mut loader, &["CONV.RECENT", "k", "9", "WAIT", "30000"]));
    blocked(&server, 1);
    cmd!(con, "CONV.BACKFILL", "k", "COMPLETE");
    assert!(items(&again.join().unwrap().unwrap()).is_empty());
}

#[test]
fn another_client_becomes_loader_when_the_loader_is_gone() {
    let server = Server::start();
    let mut con = server.conn();
    let loader = {
        let mut loader = server.conn();
        assert_eq!(
            cmd!(loader, "CONV.RECENT", "k", 1000, "WAIT", 60_000),
            Value::Nil
        );
        loader
    };
    let first = asks(&server, ASK);
    blocked(&server, 1);
    let second = asks(&server, ASK);
    blocked(&server, 2);
    // The loader disconnects, and the client that has waited longest becomes the loader.
    drop(loader);
    let first = first.join().unwrap();
    assert_eq!(first.0, Value::Nil);
    blocked(&server, 1);
    drop(first);
    assert_eq!(second.join().unwrap().0, Value::Nil);
    // The timeout of the loader expires.
    let mut slow = server.conn();
    assert_eq!(
        cmd!(slow, "CONV.RECENT", "k", 1000, "WAIT", 300),
        Value::Nil
    );
    let (reply, took, _) = asks(&server, ASK).join().unwrap();
    assert_eq!(reply, Value::Nil);
    assert!((100..5000).contains(&took.as_millis()), "{took:?}");
    // FLUSHALL ends the load: the client that has waited longest loads next. A client that disconnects is forgotten.
    assert_eq!(
        cmd!(slow, "CONV.RECENT", "k", 1000, "WAIT", 60_000),
        Value::Nil
    );
    let loads = asks(&server, ASK);
    blocked(&server, 1);
    let stays = asks(&server, ASK);
    blocked(&server, 2);
    let goes = asks(&server, ASK);
    blocked(&server, 3);
    cmd!(con, "FLUSHALL");
    let loads = loads.join().unwrap();
    assert_eq!(loads.0, Value::Nil);
    blocked(&server, 2);
    cmd!(con, "CLIENT", "KILL", "TYPE", "pubsub");
    let list = text(&cmd!(con, "CLIENT", "LIST"));
    let newest = list
        .lines()
        .filter(|line| line.to_lowercase().contains("cmd=conv.recent"))
        .filter_map(|line| {
            line.split("id=")
                .nth(1)?
                .split(' ')
                .next()?
                .parse::<i64>()
                .ok()
        })
        .max()
        .expect("a blocked client");
    cmd!(con, "CLIENT", "KILL", "ID", newest);
    assert!(goes.join().is_err());
    blocked(&server, 1);
    backfill(&mut con, "k", &numbered(1, 300));
    assert!(items(&stays.join().unwrap().0).len() > 50);
    drop(loads);
}

#[test]
fn clients_that_cannot_block_get_nil() {
    let server = Server::start();
    let mut con = server.conn();
    let mut loader = server.conn();
    assert_eq!(
        cmd!(loader, "CONV.RECENT", "k", 9, "WAIT", 60_000),
        Value::Nil
    );
    // A loader with the maximum timeout costs nothing while it waits.
    assert_eq!(
        cmd!(loader, "CONV.RECENT", "other", 9, "WAIT", i64::MAX),
        Value::Nil
    );
    let start = Instant::now();
    cmd!(con, "MULTI");
    cmd!(con, "CONV.RECENT", "k", 1000, "WAIT", 30_000);
    assert_eq!(items(&cmd!(con, "EXEC")), [Value::Nil]);
    let script = "return redis.call('CONV.RECENT', KEYS[1], 1000, 'WAIT', 30000)";
    assert_eq!(cmd!(con, "EVAL", script, 1, "k"), Value::Nil);
    assert_eq!(cmd!(con, "CONV.RECENT", "k", 1000, "WAIT", 0), Value::Nil);
    assert!(start.elapsed() < Duration::from_secs(10));
    // A failover ends the wait with Redis's own error.
    let mut waiter = server.conn();
    let waits = thread::spawn(move || {
        try_cmd!(waiter, "CONV.RECENT", "k", 1000, "WAIT", 60_000).map_err(|e| error_line(&e))
    });
    blocked(&server, 1);
    let other = Server::start();
    replicate(&server, &other);
    let ended = waits.join().unwrap();
    assert!(ended.is_err(), "{ended:?}");
    blocked(&server, 0);
}
