//! Cache loads: bounds, figures, timers, slots that move away, client-side caches.

use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

fn figure(con: &mut Connection, name: &str) -> u64 {
    info(con, "conv")[name].parse().expect("a number")
}

fn miss(con: &mut Connection, key: &str) {
    assert_eq!(
        cmd!(*con, "CONV.RECENT", key, 9, "WAIT", 60_000),
        Value::Nil
    );
}

#[test]
fn timers_do_not_multiply() {
    // The conversations come to rest, so that the idle scan stops.
    let server = Server::with_module_args(&[], &["idle-seconds", "1"]);
    let mut con = server.conn();
    let mut loader = server.conn();
    miss(&mut loader, "always");
    let mut waiter = server.conn();
    let waits = thread::spawn(move || cmd!(waiter, "CONV.RECENT", "always", 9, "WAIT", 60_000));
    assert!(wait_until(Duration::from_secs(10), || {
        figure(&mut con, "conv_waiting_clients") == 1
    }));
    // Many short loads while one is always under way.
    for number in 0..2200 {
        let key = format!("short:{number}");
        assert_eq!(
            cmd!(con, "CONV.RECENT", &key, 9, "WAIT", 5 + number % 40),
            Value::Nil
        );
        cmd!(con, "CONV.BACKFILL", &key, "COMPLETE");
    }
    assert!(wait_until(Duration::from_secs(30), || {
        figure(&mut con, "conv_conversations_at_rest") == 2200
    }));
    thread::sleep(Duration::from_secs(1));
    let before = figure(&mut con, "conv_timer_rings");
    thread::sleep(Duration::from_secs(2));
    let rings = figure(&mut con, "conv_timer_rings") - before;
    assert!(rings <= 4, "{rings} rings in two idle seconds");
    cmd!(
        con,
        "CONV.BACKFILL",
        "always",
        "COMPLETE",
        says("user", "x")
    );
    assert_eq!(items(&waits.join().unwrap()).len(), 1);
}

/// A backfill was not enough: clients that waited for it get nil, and the next client that misses is the loader.
#[test]
fn who_waited_for_a_backfill_loads_nothing() {
    let server = Server::start();
    let mut con = server.conn();
    let mut loader = server.conn();
    miss(&mut loader, "k");
    let waits: Vec<_> = (0..3)
        .map(|_| {
            let mut waiter = server.conn();
            thread::spawn(move || cmd!(waiter, "CONV.RECENT", "k", 99, "WAIT", 60_000))
        })
        .collect();
    assert!(wait_until(Duration::from_secs(10), || {
        figure(&mut con, "conv_waiting_clients") == 3
    }));
    cmd!(loader, "CONV.BACKFILL", "k", says("user", "x"));
    for wait in waits {
        assert_eq!(wait.join().unwrap(), Value::Nil);
    }
    assert_eq!(figure(&mut con, "conv_loads"), 0);
    miss(&mut con, "k");
    assert_eq!(figure(&mut con, "conv_loads"), 1);
}

#[test]
fn timers_do_not_multiply_while_writes_are_paused() {
    let server = Server::start();
    let mut con = server.conn();
    let long = says("user", &"held while paused ".repeat(4000));
    for number in 0..40 {
        cmd!(con, "CONV.CREATE", format!("k{number}"), "MAXTOKENS", 100);
    }
    cmd!(con, "CLIENT", "PAUSE", 100, "WRITE");
    thread::sleep(Duration::from_millis(150));
    let mut pipe = redis::pipe();
    for number in 0..40 {
        pipe.cmd("CONV.APPEND")
            .arg(format!("k{number}"))
            .arg(&long)
            .arg(&long);
    }
    pipe.cmd("CLIENT").arg("PAUSE").arg(6_000).arg("WRITE");
    pipe.exec(&mut con).expect("appends and a pause");
    // Reads make tasks of their own while those that write are held.
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        for number in 0..40 {
            cmd!(con, "CONV.RECENT", format!("k{number}"), 100_000);
        }
    }
    let before = figure(&mut con, "conv_timer_rings");
    thread::sleep(Duration::from_secs(1));
    let rings = figure(&mut con, "conv_timer_rings") - before;
    // One each 10 ms, as long as something is held.
    assert!(rings <= 130, "{rings} rings in a second");
}

#[test]
fn loads_end_with_their_timeout_and_with_flushall() {
    let server = Server::start();
    let mut con = server.conn();
    let mut loader = server.conn();
    for number in 0..500 {
        miss(&mut loader, &format!("k{number}"));
    }
    assert_eq!(figure(&mut con, "conv_loads"), 500);
    cmd!(con, "FLUSHALL");
    assert_eq!(figure(&mut con, "conv_loads"), 0);
    // A loader that asks for more time than there is.
    assert!(
        error_line(&try_cmd!(con, "CONFIG", "SET", "conv.load-timeout", 0).unwrap_err())
            .contains("between")
    );
    cmd!(con, "CONFIG", "SET", "conv.load-timeout", 200);
    miss(&mut loader, "k");
    let start = Instant::now();
    let mut waiter = server.conn();
    miss(&mut waiter, "k");
    let took = start.elapsed();
    assert!((100..20_000).contains(&took.as_millis()), "{took:?}");
    assert_eq!(figure(&mut con, "conv_waiting_clients"), 0);
}

#[test]
fn loads_are_bounded() {
    let server = Server::start();
    let mut con = server.conn();
    let mut done = 0;
    while done < 66_000 {
        let mut pipe = redis::pipe();
        for number in done..done + 1000 {
            pipe.cmd("CONV.RECENT")
                .arg(number)
                .arg(9)
                .arg("WAIT")
                .arg(60_000);
        }
        done += 1000;
        let replies: Vec<Value> = pipe.query(&mut con).expect("replies");
        assert!(replies.iter().all(|reply| *reply == Value::Nil));
    }
    assert_eq!(figure(&mut con, "conv_loads"), 65_536);
    cmd!(con, "FLUSHDB");
    assert_eq!(figure(&mut con, "conv_loads"), 0);
}

#[test]
fn a_client_that_caches_replies_is_not_blocked() {
    let server = Server::start();
    let mut con = server.conn();
    let mut loader = server.conn();
    miss(&mut loader, "k");
    cmd!(con, "CLIENT", "TRACKING", "ON", "NOLOOP");
    // Its key would not be tracked after waiting. So it gets the miss at once, and counts are made at once.
    let start = Instant::now();
    assert_eq!(cmd!(con, "CONV.RECENT", "k", 9, "WAIT", 60_000), Value::Nil);
    assert!(start.elapsed() < Duration::from_secs(20));
    let long = says("user", &"not counted yet ".repeat(8000));
    cmd!(loader, "CONV.APPEND", "k", &long);
    // The large append itself was blocked while it was read.
    let waits = figure(&mut con, "conv_waits");
    assert_eq!(items(&cmd!(con, "CONV.RECENT", "k", 100_000)).len(), 1);
    assert_eq!(figure(&mut con, "conv_waits"), waits);
}
