//! Appending real messages, compared with RPUSH of the same messages.
//!
//! Both send dialogues message by message, each dialogue to a key of its own. An append includes counting. Background
//! counting competes with everything else for the cores of the machine; the note reports how long it continued after
//! the round.

use crate::Setup;
use crate::load::{Shape, request};
use crate::measure::{median, settle};
use crate::rates::{in_turn, line};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

/// The position of a connection in the dialogues.
#[derive(Clone, Copy, Default)]
struct Position {
    dialogue: usize,
    message: usize,
    pass: u32,
}

/// The dialogues as requests. The keys contain the number of the pass, so that every pass fills new conversations.
struct Appends {
    dialogues: Vec<Vec<Vec<u8>>>,
    /// The position of the pass number in each request.
    pass_at: usize,
    places: Vec<Position>,
}

const CLIENTS: usize = 50;

impl Appends {
    fn new(setup: &Setup, command: &str) -> Self {
        let dialogues = setup
            .data
            .dialogues()
            .enumerate()
            .map(|(number, messages)| {
                let key = format!("a:0000:{number:05}");
                messages
                    .iter()
                    .map(|m| request(&[command.as_bytes(), key.as_bytes(), m]))
                    .collect()
            })
            .collect();
        let pass_at = request(&[command.as_bytes()]).len() + "$12\r\na:".len();
        Self {
            dialogues,
            pass_at,
            places: starts(),
        }
    }

    fn next(&mut self, connection: usize, out: &mut Vec<u8>) {
        let place = &mut self.places[connection];
        let begin = out.len() + self.pass_at;
        out.extend_from_slice(&self.dialogues[place.dialogue][place.message]);
        let pass = place.pass % 10_000;
        for (digit, by) in out[begin..].iter_mut().zip([1000, 100, 10, 1]) {
            *digit = b'0' + (pass / by % 10) as u8;
        }
        place.message += 1;
        if place.message == self.dialogues[place.dialogue].len() {
            place.message = 0;
            place.dialogue += CLIENTS;
            if place.dialogue >= self.dialogues.len() {
                place.dialogue = connection;
                place.pass += 1;
            }
        }
    }
}

/// Each connection starts with a different dialogue and then takes every fiftieth.
fn starts() -> Vec<Position> {
    (0..CLIENTS)
        .map(|dialogue| Position {
            dialogue,
            ..Position::default()
        })
        .collect()
}

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.TOKENS", "load the tables");
    let (mut append, mut push) = (
        Appends::new(setup, "CONV.APPEND"),
        Appends::new(setup, "RPUSH"),
    );
    let mut lines = Vec::new();
    for (pipeline, goal) in [(1, 0.9), (16, 0.7)] {
        let shape = Shape {
            clients: CLIENTS,
            pipeline,
            seconds: setup.seconds,
        };
        let mut settled = Vec::new();
        let rates = in_turn(
            setup,
            &server,
            shape,
            &mut |c, out| append.next(c, out),
            &mut |c, out| push.next(c, out),
            &mut |ours| {
                if ours {
                    settled.push(settle(&server).as_secs_f64());
                }
                cmd!(con, "FLUSHALL", "SYNC");
            },
        );
        let what = format!("APPEND of real messages, 50 clients, pipeline {pipeline}");
        let note = format!("counted {:.1} s after the round", median(&settled));
        let new = Line::new("append", what, "RPUSH of the same")
            .goal(Goal::AtLeast(goal))
            .note(note);
        lines.push(line(new, &rates));
    }
    lines
}
