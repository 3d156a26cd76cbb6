//! The effect of commands of 10 MB on other clients: the slowest PING while one runs.
//!
//! Another client sends a PING every 250 µs. SET and GET of the same bytes, one after the other, are what a command may
//! cost: promise 5 of the contract allows 1.5 times their slowest PING, and a millisecond.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Setup;
use crate::load::{Raw, request};
use crate::measure::settle;
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

const BYTES: usize = 10_000_000;
const EVERY: Duration = Duration::from_micros(250);

/// A command of 10 MB, and what is sent before it, which is not measured.
struct Large {
    name: &'static str,
    before: Vec<Vec<u8>>,
    command: Vec<u8>,
}

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.TOKENS", "load the tables");
    let message = |first: &str| {
        let text = "several words of a long message, and more. ".repeat(BYTES / 43);
        format!(r#"{{"role":"user","content":"{first} {text}"}}"#).into_bytes()
    };
    let document = document();
    let (one, two) = (message("one"), message("two"));
    let ours = [
        Large {
            name: "APPEND",
            before: vec![request(&[b"DEL", b"a"])],
            command: request(&[b"CONV.APPEND", b"a", &one]),
        },
        Large {
            name: "EDIT",
            before: vec![
                request(&[b"DEL", b"e"]),
                request(&[b"CONV.APPEND", b"e", &one]),
            ],
            command: request(&[b"CONV.EDIT", b"e", b"1", &two]),
        },
        Large {
            name: "IMPORT",
            before: vec![request(&[b"DEL", b"i"])],
            command: request(&[b"CONV.IMPORT", b"i", &document]),
        },
        Large {
            name: "EXPORT",
            // It is compressed by the time it is read.
            before: Vec::new(),
            command: request(&[b"CONV.EXPORT", b"i"]),
        },
    ];
    let plain = |value: &[u8]| [request(&[b"SET", b"s", value]), request(&[b"GET", b"s"])].concat();
    ours.iter()
        .map(|large| {
            let bytes = if matches!(large.name, "IMPORT" | "EXPORT") {
                &document
            } else {
                &one
            };
            let set_and_get = plain(bytes);
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..setup.rounds {
                for before in &large.before {
                    send(&server, before, 1);
                }
                settle(&server);
                // The contract grants a millisecond.
                ours.push((slowest_ping(&server, &large.command, 1) - 1.0).max(0.0));
                settle(&server);
                theirs.push(slowest_ping(&server, &set_and_get, 2));
            }
            Line::new(
                "large",
                format!("slowest PING beside {} of 10 MB, less 1 ms", large.name),
                "slowest PING beside SET and GET of the same",
            )
            .unit("ms")
            .figures(ours, theirs)
            .goal(Goal::AtMost(1.5))
        })
        .collect()
}

/// A session document of messages of about 2 kB.
fn document() -> Vec<u8> {
    let text = "several words of a message, and more. ".repeat(50);
    let messages: Vec<String> = (0..BYTES / 2000)
        .map(|number| format!(r#"{{"role":"user","content":"{number} {text}"}}"#))
        .collect();
    format!(r#"{{"history":[{}]}}"#, messages.join(",")).into_bytes()
}

fn send(server: &Server, requests: &[u8], replies: u64) {
    let mut connection = Raw::connect(server);
    connection.send(requests);
    connection.receive(replies);
}

/// The slowest PING in ms while the requests are sent and answered.
fn slowest_ping(server: &Server, requests: &[u8], replies: u64) -> f64 {
    slowest_ping_beside(server, || send(server, requests, replies))
}

/// The slowest PING in ms while `work` is done.
pub fn slowest_ping_beside(server: &Server, work: impl FnOnce()) -> f64 {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pings = scope.spawn(|| {
            let mut connection = Raw::connect(server);
            let ping = request(&[b"PING"]);
            let mut slowest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let start = Instant::now();
                connection.send(&ping);
                connection.receive(1);
                let taken = start.elapsed();
                slowest = slowest.max(taken);
                std::thread::sleep(EVERY.saturating_sub(taken));
            }
            slowest.as_secs_f64() * 1e3
        });
        std::thread::sleep(Duration::from_millis(20));
        work();
        // What the command has left for the main thread, such as freeing memory, counts too.
        std::thread::sleep(Duration::from_millis(50));
        stop.store(true, Ordering::Relaxed);
        pings.join().expect("the slowest PING")
    })
}
