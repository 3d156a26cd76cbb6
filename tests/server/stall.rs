//! Freeing a large conversation does not delay other clients if it is done asynchronously.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use crate::samples::*;
use crate::support::*;

/// Number of messages in the conversation.
const MESSAGES: usize = 1_000_000;

/// Sends a command. Returns its time on the server's main thread, and the longest delay of another client in the
/// meantime.
fn cost(server: &Server, args: &[&str]) -> (Duration, Duration) {
    let (mut con, mut other) = (server.conn(), server.conn());
    cmd!(con, "CONFIG", "RESETSTAT");
    let (started, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let longest = scope(|scope| {
        let pings = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !done.load(Ordering::SeqCst) {
                let start = Instant::now();
                cmd!(other, "PING");
                longest = longest.max(start.elapsed());
                started.store(true, Ordering::SeqCst);
            }
            longest
        });
        while !started.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        go(&mut con, args);
        // UNLINK frees the memory in a thread, which may delay others, too.
        let idle = wait_until(Duration::from_secs(20), || {
            info(&mut con, "memory")["lazyfree_pending_objects"] == "0"
        });
        done.store(true, Ordering::SeqCst);
        assert!(idle, "still freeing");
        pings.join().expect("pings")
    });
    let stats = info(&mut con, "commandstats");
    let name = format!("cmdstat_{}", args[0].to_lowercase());
    let micros = stats[&name]
        .split(',')
        .find_map(|field| field.strip_prefix("usec="))
        .and_then(|micros| micros.parse().ok())
        .expect("a time");
    (Duration::from_micros(micros), longest)
}

#[test]
fn unlink_of_a_million_messages() {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONFIG", "SET", "lazyfree-lazy-user-del", "no");
    // Every message has an id, which the conversation indexes. The counts are given, so that nothing has to be
    // counted.
    // Copies would share their memory, and nothing would be freed.
    for key in ["unlinked", "deleted"] {
        for thousand in 0..MESSAGES / 1000 {
            let mut command = redis::cmd("CONV.APPEND");
            command.arg(key);
            for n in 0..1000 {
                let message =
                    format!("{{\"role\":\"user\",\"content\":\"hi\",\"id\":\"{thousand}-{n}\"}}");
                command.arg("TOKENS").arg(5).arg(message);
            }
            command.query::<i64>(&mut con).expect("an append");
        }
    }
    let (unlink, waited_for_unlink) = cost(&server, &["UNLINK", "unlinked"]);
    let (del, waited_for_del) = cost(&server, &["DEL", "deleted"]);
    println!(
        "DEL {del:?}, others waited {waited_for_del:?}; UNLINK {unlink:?}, {waited_for_unlink:?}"
    );
    assert!(unlink * 4 < del, "UNLINK {unlink:?}, DEL {del:?}");
    assert!(
        waited_for_unlink < waited_for_del + Duration::from_millis(100),
        "others waited {waited_for_unlink:?} for UNLINK, {waited_for_del:?} for DEL"
    );
    let held = info(&mut con, "conv");
    assert_eq!(held["conv_messages"], "0");
}
