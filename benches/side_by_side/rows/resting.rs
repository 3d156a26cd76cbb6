//! Reading conversations at rest, of which a server has a million.
//!
//! Reading wakes a conversation, so each is read once: the rounds are short. The note says what looking for idle
//! conversations costs the main thread while one of them is in use.

use std::ops::Range;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::Setup;
use crate::load::{Shape, cycle, request, send_all};
use crate::measure::{conversations_at_rest, main_thread_seconds, rest, settle};
use crate::rates::{in_turn, line};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

const KEYS: usize = 1_000_000;
const EACH: usize = 3;
/// Conversations that differ. The others are copies of them, because it would take many minutes until a million are at
/// rest: the server spends 1 % of a core on that. A copy of one at rest is at rest.
const ORIGINALS: usize = 10_000;

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    cmd!(server.conn(), "CONV.TOKENS", "load the tables");
    let messages = setup.data.short_messages();
    let message = |number: usize| messages[number % messages.len()];
    fill(&server, 0..ORIGINALS, &|number| {
        let key = format!("c:{number}");
        let mut args = vec![&b"CONV.APPEND"[..], key.as_bytes()];
        for place in 0..EACH {
            args.extend([b"TOKENS", &b"40"[..], message(number * EACH + place)]);
        }
        request(&args)
    });
    rest(&server, ORIGINALS);
    fill(&server, ORIGINALS..KEYS, &|number| {
        let [from, to] = [number % ORIGINALS, number].map(|number| format!("c:{number}"));
        request(&[b"COPY", from.as_bytes(), to.as_bytes()])
    });
    assert_eq!(
        conversations_at_rest(&server),
        KEYS,
        "copies are not at rest"
    );
    let [idle, scan] = [false, true].map(|in_use| main_thread_share(&server, in_use, setup));
    cmd!(server.conn(), "DEL", "used");
    fill(&server, 0..KEYS, &|number| {
        let key = format!("l:{number}");
        let mut args = vec![&b"RPUSH"[..], key.as_bytes()];
        for place in 0..EACH {
            args.push(message(number % ORIGINALS * EACH + place));
        }
        request(&args)
    });
    settle(&server);
    let mut order: Vec<usize> = (0..KEYS).collect();
    Rng::with_seed(5).shuffle(&mut order);
    // Generated in advance, so that the load generator is not slowed down.
    let ask = |ask: fn(&usize) -> Vec<u8>| order.iter().map(ask).collect::<Vec<_>>();
    let recent = ask(|key| request(&[b"CONV.RECENT", format!("c:{key}").as_bytes(), b"3000"]));
    let range = ask(|key| request(&[b"LRANGE", format!("l:{key}").as_bytes(), b"0", b"-1"]));
    let mut read = 0;
    let shape = Shape {
        clients: 50,
        pipeline: 16,
        seconds: setup.seconds / 5.0,
    };
    let rates = in_turn(
        setup,
        &server,
        shape,
        &mut |_, out| {
            out.extend_from_slice(&recent[read % KEYS]);
            read += 1;
        },
        &mut cycle(&range),
        &mut |_| {},
    );
    let mut note = format!(
        "main thread while one is read every 100 ms and the others rest {:.2} % of a core, while all rest {:.2} %",
        100.0 * scan,
        100.0 * idle
    );
    if read > KEYS {
        note += &format!("; {} were read again", read - KEYS);
    }
    let new = Line::new(
        "resting",
        "RECENT 3000 of random ones of 1,000,000 at rest, pipeline 16",
        "LRANGE of the same",
    );
    vec![line(new.goal(Goal::AtLeast(0.7)).note(note), &rates)]
}

/// Sends the request for each key.
fn fill(server: &Server, keys: Range<usize>, asked: &dyn Fn(usize) -> Vec<u8>) {
    // In portions, because all requests together take as much memory as the server.
    const PORTION: usize = 100_000;
    for first in keys.clone().step_by(PORTION) {
        let requests: Vec<Vec<u8>> = (first..keys.end.min(first + PORTION)).map(asked).collect();
        send_all(server, requests.iter().map(Vec::as_slice));
    }
}

/// The part of a core that the main thread takes, with one conversation in use or none.
fn main_thread_share(server: &Server, in_use: bool, setup: &Setup) -> f64 {
    let mut con = server.conn();
    let message = setup.data.messages().next().expect("a message");
    if in_use {
        cmd!(con, "CONV.APPEND", "used", message);
    }
    // Some passes over a part of the keys.
    let length = Duration::from_secs_f64(setup.seconds * 4.0);
    let (start, cpu) = (Instant::now(), main_thread_seconds(server));
    while start.elapsed() < length {
        if in_use {
            cmd!(con, "CONV.RECENT", "used", 3000);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    (main_thread_seconds(server) - cpu) / start.elapsed().as_secs_f64()
}
