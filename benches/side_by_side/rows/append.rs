//! Appending real messages: against RPUSH of the same.
//!
//! Both send dialogues as they were held, message by message, each dialogue to a key of its own. Counting is part of
//! an append; where it happens in the background, it competes with everything else for the machine's cores, and what
//! is left of it after a round is waited for and told.

use crate::Setup;
use crate::load::{Shape, request};
use crate::measure::{median, settle};
use crate::rates::{in_turn, line};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

/// A connection's place in the dialogues.
#[derive(Clone, Copy, Default)]
struct Place {
    dialogue: usize,
    message: usize,
    pass: u32,
}

/// Dialogues as requests, with room for the number of a pass in their keys, so that every pass fills new ones.
struct Appends {
    dialogues: Vec<Vec<Vec<u8>>>,
    /// Where in each request the pass stands.
    pass_at: usize,
    places: Vec<Place>,
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

/// Each connection has dialogues of its own: this one, and every fiftieth from there.
fn starts() -> Vec<Place> {
    (0..CLIENTS)
        .map(|dialogue| Place {
            dialogue,
            ..Place::default()
        })
        .collect()
}

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.TOKENS", "loads the tables");
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
