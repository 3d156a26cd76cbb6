//! A server with 100,000 small conversations.

use fastrand::Rng;

use crate::Setup;
use crate::load::{Shape, cycle, request, send_all};
use crate::measure::used_memory;
use crate::rates::{in_turn, line};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

const KEYS: usize = 100_000;
const EACH: usize = 5;

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    cmd!(server.conn(), "CONV.TOKENS", "load the tables");
    let messages = setup.data.short_messages();
    let fill = |command: &str, key: &str, counted: bool| {
        let mut taken = messages.iter().cycle();
        let requests: Vec<Vec<u8>> = (0..KEYS)
            .map(|number| {
                let key = format!("{key}:{number}");
                let mut args: Vec<&[u8]> = vec![command.as_bytes(), key.as_bytes()];
                for message in taken.by_ref().take(EACH) {
                    if counted {
                        args.extend([&b"TOKENS"[..], b"40"]);
                    }
                    args.push(message);
                }
                request(&args)
            })
            .collect();
        let before = used_memory(&server);
        send_all(&server, requests.iter().map(Vec::as_slice));
        (used_memory(&server) - before) / KEYS as f64
    };
    let ours = fill("CONV.APPEND", "c", true);
    let list = fill("RPUSH", "l", false);
    let raw = messages
        .iter()
        .cycle()
        .take(KEYS * EACH)
        .map(|m| m.len())
        .sum::<usize>()
        / KEYS;
    let memory = Line::new(
        "many",
        format!("Memory of a conversation of {EACH} messages, 100,000 of them"),
        "LIST",
    )
    .unit("B")
    .figures(vec![ours], vec![list])
    .note(format!("messages alone {raw} B; keys included"));
    let mut rng = Rng::with_seed(5);
    let keys: Vec<usize> = (0..KEYS).map(|_| rng.usize(..KEYS)).collect();
    let ask = |ask: fn(&usize) -> Vec<u8>| keys.iter().map(ask).collect::<Vec<_>>();
    let recent = ask(|key| request(&[b"CONV.RECENT", format!("c:{key}").as_bytes(), b"3000"]));
    let range = ask(|key| request(&[b"LRANGE", format!("l:{key}").as_bytes(), b"0", b"-1"]));
    let shape = Shape {
        clients: 50,
        pipeline: 16,
        seconds: setup.seconds,
    };
    let rates = in_turn(
        setup,
        &server,
        shape,
        &mut cycle(&recent),
        &mut cycle(&range),
        &mut |_| {},
    );
    let recent = Line::new(
        "many",
        "RECENT 3000 of random ones, 100,000 conversations, pipeline 16",
        "LRANGE of the same",
    );
    vec![memory, line(recent.goal(Goal::None), &rates)]
}
