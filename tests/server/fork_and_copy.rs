//! FORK and COPY share memory with the original.

use crate::samples::*;
use crate::support::*;

fn figure(con: &mut redis::Connection, name: &str) -> i64 {
    let figures = info(con, "conv");
    figures[&format!("conv_{name}")].parse().expect("a number")
}

#[test]
fn copies_take_memory_only_for_what_differs() {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = (0..200)
        .map(|n| says("user", &format!("{n} and so on and on. ").repeat(20)))
        .collect();
    for _ in 0..50 {
        append(&mut con, "k", &messages);
    }
    settled(&mut con);
    let usage = |con: &mut redis::Connection, key: &str| int(&cmd!(*con, "MEMORY", "USAGE", key));
    let whole = usage(&mut con, "k");
    assert_eq!(figure(&mut con, "bytes_shared"), 0);
    let before = used(&mut con);
    for n in 0..20 {
        cmd!(con, "COPY", "k", format!("copy {n}"));
        cmd!(con, "CONV.FORK", "k", format!("fork {n}"), "UPTO", 9000);
    }
    let taken = used(&mut con) - before;
    // Each has a list of its own of the segments, and half of them a part of one.
    assert!(taken < 8 * whole, "{taken} for 40 copies of {whole} bytes");
    assert!(figure(&mut con, "bytes_shared") > 30 * whole * 8 / 10);
    // Each can reach all of it.
    assert!(usage(&mut con, "copy 7") > whole * 9 / 10);
    let digests: Vec<String> = (0..20)
        .map(|n| digest(&mut con, &format!("copy {n}")))
        .collect();
    assert!(digests.iter().all(|d| *d == digests[0]));
    assert_eq!(digests[0], digest(&mut con, "k"));
    // Changes of one are not seen in another.
    cmd!(con, "CONV.EDIT", "k", 5000, says("user", "something else"));
    cmd!(con, "CONV.DEL", "copy 1", 1, 4000, 10_000);
    append(&mut con, "copy 2", &[says("user", "one more")]);
    cmd!(con, "CONV.ALTER", "copy 3", "ENCODING", "cl100k_base");
    settled(&mut con);
    for n in [0, 4, 19] {
        assert_eq!(digest(&mut con, &format!("copy {n}")), digests[0]);
    }
    assert_eq!(int(&cmd!(con, "CONV.LEN", "copy 1")), 9997);
    cmd!(con, "DEBUG", "RELOAD");
    assert_eq!(digest(&mut con, "copy 4"), digests[0]);
    assert_eq!(figure(&mut con, "bytes_shared"), 0);
    cmd!(con, "FLUSHALL", "ASYNC");
    let empty = wait_until(std::time::Duration::from_secs(10), || {
        [
            "bytes_shared",
            "bytes_stored",
            "bytes_compressed",
            "bytes_open",
        ]
        .iter()
        .all(|name| figure(&mut con, name) == 0)
    });
    assert!(empty, "{:?}", info(&mut con, "conv"));
}

#[test]
fn originals_and_copies_are_freed_in_any_order() {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = (0..2000)
        .map(|n| says("user", &format!("{n} and so on")))
        .collect();
    for round in 0..6 {
        append(&mut con, "a", &messages);
        cmd!(con, "COPY", "a", "b");
        cmd!(con, "CONV.FORK", "b", "c");
        let digest_of_copy = digest(&mut con, "b");
        let (first, second) = [("a", "c"), ("c", "a")][round % 2];
        cmd!(con, ["DEL", "UNLINK"][round % 2], first);
        assert_eq!(digest(&mut con, "b"), digest_of_copy);
        cmd!(con, "UNLINK", second);
        assert_eq!(digest(&mut con, "b"), digest_of_copy);
        append(&mut con, "b", &messages);
        cmd!(con, "DEL", "b");
    }
    let none = wait_until(std::time::Duration::from_secs(10), || {
        figure(&mut con, "bytes_shared") == 0 && figure(&mut con, "bytes_stored") == 0
    });
    assert!(none, "{:?}", info(&mut con, "conv"));
}
