//! Appending to conversations that keep their newest 100 messages and expire an hour after the last one.
//!
//! With a list this takes three commands per message. Both sides are counted by the message, and both have 16 messages in
//! flight.

use crate::Setup;
use crate::data::is_system;
use crate::load::{Rate, Shape, request, run, send_all};
use crate::measure::settle;
use crate::rates::line;
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

const CLIENTS: usize = 50;
/// Keys that a connection appends to in turn.
const KEYS: usize = 20;
const KEPT: usize = 100;
const PIPELINE: usize = 16;

/// One side: endless appends, each to the next key of the connection.
struct Appends {
    /// The beginning of the command for each key, and what follows the append.
    heads: Vec<Vec<u8>>,
    after: Vec<Vec<Vec<u8>>>,
    /// The next message of each key.
    next: Vec<usize>,
    /// For each connection the key, and the command for it.
    places: Vec<(usize, usize)>,
}

impl Appends {
    fn new(command: &str, messages: usize, after: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Self {
        let keys = || (0..CLIENTS * KEYS).map(|number| format!("{command}:{number:04}"));
        Self {
            // Three arguments, of which the last is added by the message.
            heads: keys()
                .map(|key| {
                    let two = request(&[command.as_bytes(), key.as_bytes()]);
                    [&b"*3"[..], &two[2..]].concat()
                })
                .collect(),
            after: keys().map(|key| after(key.as_bytes())).collect(),
            // Conversations that differ: each begins elsewhere.
            next: (0..CLIENTS * KEYS)
                .map(|key| key * messages / (CLIENTS * KEYS))
                .collect(),
            places: (0..CLIENTS).map(|client| (client * KEYS, 0)).collect(),
        }
    }

    fn append(&mut self, key: usize, messages: &[Vec<u8>], out: &mut Vec<u8>) {
        let next = &mut self.next[key];
        out.extend_from_slice(&self.heads[key]);
        out.extend_from_slice(&messages[*next]);
        *next = (*next + 1) % messages.len();
    }

    fn next(&mut self, client: usize, messages: &[Vec<u8>], out: &mut Vec<u8>) {
        let (key, step) = self.places[client];
        match step {
            0 => self.append(key, messages, out),
            _ => out.extend_from_slice(&self.after[key][step - 1]),
        }
        self.places[client] = if step < self.after[key].len() {
            (key, step + 1)
        } else {
            (client * KEYS + (key + 1) % KEYS, 0)
        };
    }

    /// Fills each key up to its limit, so that the next message removes one.
    fn fill(&mut self, server: &Server, messages: &[Vec<u8>]) {
        let mut requests = vec![Vec::new(); self.heads.len() * KEPT];
        for (number, request) in requests.iter_mut().enumerate() {
            self.append(number / KEPT, messages, request);
        }
        send_all(server, requests.iter().map(Vec::as_slice));
    }
}

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.TOKENS", "load the tables");
    // As an argument of a command.
    let messages: Vec<Vec<u8>> = setup
        .data
        .messages()
        .filter(|m| !is_system(m))
        .map(|m| [format!("${}\r\n", m.len()).as_bytes(), m, b"\r\n"].concat())
        .collect();
    let mut ours = Appends::new("CONV.APPEND", messages.len(), |_| Vec::new());
    let mut theirs = Appends::new("RPUSH", messages.len(), |key| {
        vec![
            request(&[b"LTRIM", key, format!("-{KEPT}").as_bytes(), b"-1"]),
            request(&[b"EXPIRE", key, b"3600"]),
        ]
    });
    for number in 0..CLIENTS * KEYS {
        let key = format!("CONV.APPEND:{number:04}");
        cmd!(con, "CONV.CREATE", key, "MAXMESSAGES", KEPT, "TTL", 3600);
    }
    ours.fill(&server, &messages);
    theirs.fill(&server, &messages);
    settle(&server);
    let shape = |commands| Shape {
        clients: CLIENTS,
        pipeline: PIPELINE * commands,
        seconds: setup.seconds,
    };
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..setup.rounds {
        rates[0].push(run(&server, shape(1), &mut |client, out| {
            ours.next(client, &messages, out);
        }));
        settle(&server);
        let rate = run(&server, shape(3), &mut |client, out| {
            theirs.next(client, &messages, out);
        });
        rates[1].push(Rate {
            per_second: rate.per_second / 3.0,
            server_us: rate.server_us * 3.0,
            ..rate
        });
    }
    let what = format!("APPEND, MAXMESSAGES {KEPT} TTL 3600, pipeline {PIPELINE}, messages");
    let new = Line::new("limited", what, "RPUSH, LTRIM, EXPIRE of each message");
    vec![line(new.goal(Goal::AtLeast(1.3)), &rates)]
}
