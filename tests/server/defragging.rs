//! Active defragmentation moves the memory of conversations in steps. It must not change their content.

use std::time::{Duration, Instant};

use redis::Connection;

use crate::samples::*;
use crate::support::*;
use crate::views::*;

/// Configures the server to defragment as much as possible. Returns false if its allocator does not support it.
fn can_defragment(con: &mut Connection) -> bool {
    for (name, value) in [
        ("active-defrag-ignore-bytes", "1"),
        ("active-defrag-threshold-lower", "0"),
        ("active-defrag-threshold-upper", "1"),
        ("active-defrag-cycle-min", "5"),
        ("active-defrag-cycle-max", "25"),
        // Treat every value as large, so that it is defragmented in steps from a cursor.
        ("active-defrag-max-scan-fields", "1"),
        ("hz", "100"),
    ] {
        cmd!(*con, "CONFIG", "SET", name, value);
    }
    match try_cmd!(*con, "CONFIG", "SET", "activedefrag", "yes") {
        Ok(_) => {
            cmd!(*con, "CONFIG", "SET", "activedefrag", "no");
            true
        }
        Err(error) => {
            eprintln!("skipped: {}", error_line(&error));
            false
        }
    }
}

/// Number of allocations moved so far.
fn moved(con: &mut Connection) -> u64 {
    info(con, "stats")["active_defrag_hits"]
        .parse()
        .expect("a number")
}

/// More allocations than the server moves for itself in this test (names, entries and tables, about 30).
const ENOUGH: u64 = 200;

/// Fills a conversation with many segments and some small ones, in memory fragmented by removed conversations.
fn fragmented(con: &mut Connection) -> Vec<String> {
    let messages: Vec<String> = (0..30)
        .map(|n| says("user", &format!("{n} {}", "word ".repeat(n * 5))))
        .collect();
    // Grow them in turn, so that their allocations are interleaved.
    for n in 0..900 {
        for key in ["large", "also large", &format!("small {}", n % 20)] {
            append(con, key, &messages);
        }
    }
    for n in (0..20).step_by(2) {
        cmd!(*con, "DEL", format!("small {n}"));
    }
    cmd!(*con, "DEL", "also large");
    (1..20)
        .step_by(2)
        .map(|n| format!("small {n}"))
        .chain(["large".to_string()])
        .collect()
}

#[test]
fn content_is_unchanged_by_defragmentation() {
    let server = Server::start();
    let mut con = server.conn();
    if !can_defragment(&mut con) {
        return;
    }
    let kinds = fill(&mut con);
    let seen = views(&mut con, &kinds);
    let keys = fragmented(&mut con);
    let digests: Vec<String> = keys.iter().map(|key| digest(&mut con, key)).collect();
    assert_eq!(moved(&mut con), 0);
    cmd!(con, "CONFIG", "SET", "activedefrag", "yes");
    let worked = wait_until(Duration::from_secs(30), || moved(&mut con) > ENOUGH);
    assert!(worked, "{} buffers moved", moved(&mut con));
    for (key, before) in keys.iter().zip(&digests) {
        assert_eq!(digest(&mut con, key), *before, "{key}");
    }
    assert_same(
        &kinds,
        &seen,
        &views(&mut con, &kinds),
        "while defragmenting",
    );
    cmd!(con, "CONFIG", "SET", "activedefrag", "no");
    go_on(&mut con);
}

#[test]
fn conversations_may_change_between_defragmentation_steps() {
    let server = Server::start();
    let mut con = server.conn();
    if !can_defragment(&mut con) {
        return;
    }
    fragmented(&mut con);
    // The expected result: the same commands on a server without defragmentation.
    let quiet = Server::start();
    let mut other = quiet.conn();
    let payload = bytes(&cmd!(con, "DUMP", "large"));
    cmd!(other, "RESTORE", "large", 0, payload);
    // Use minimal steps, so that commands run between them.
    cmd!(con, "CONFIG", "SET", "active-defrag-cycle-max", "1");
    cmd!(con, "CONFIG", "SET", "active-defrag-cycle-min", "1");
    cmd!(con, "CONFIG", "SET", "activedefrag", "yes");
    let (start, mut n) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(3) {
        n += 1;
        let message = says("user", &format!("{n} {}", "more ".repeat(n % 50)));
        let seq = (n * 37 % 15_000).to_string();
        let commands: [&[&str]; 4] = [
            &["CONV.APPEND", "large", &message],
            &["CONV.EDIT", "large", &seq, &message],
            &["CONV.DEL", "large", &seq],
            &["CONV.TRIM", "large", "BEFORE", &(n / 4).to_string()],
        ];
        // Mostly appends. A message to edit may have been removed.
        let args = commands[if n % 8 < 5 { 0 } else { n % 4 }];
        let [here, there] = [&mut con, &mut other].map(|con| run(con, args).ok());
        assert_eq!(here, there, "{args:?}");
    }
    assert!(
        moved(&mut con) > ENOUGH,
        "{} buffers moved",
        moved(&mut con)
    );
    cmd!(con, "CONFIG", "SET", "activedefrag", "no");
    let [here, there] =
        [&mut con, &mut other].map(|con| strings(&cmd!(*con, "CONV.RANGE", "large", 0, -1)));
    assert_eq!(here.len(), there.len());
    assert!(here == there, "the messages differ");
    assert!(here.len() > 10_000);
}
