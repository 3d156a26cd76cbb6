//! A copy of a conversation of 1,000,000 messages: `CONV.FORK` shares what both hold, `COPY` of a list duplicates it.

use std::time::Instant;

use super::recent::{LONG, long_and_short, million_messages};
use crate::Setup;
use crate::load::{request, send_all};
use crate::measure::{number, settle};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd, int};

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    long_and_short(setup, &server);
    let pushes: Vec<Vec<u8>> = million_messages(setup)
        .concat()
        .chunks(100)
        .map(|chunk| request(&[&[&b"RPUSH"[..], b"list"], chunk].concat()))
        .collect();
    send_all(&server, pushes.iter().map(Vec::as_slice));
    drop(pushes);
    let held = ["CONV.LEN", "LLEN"];
    let held = [cmd!(con, held[0], LONG), cmd!(con, held[1], "list")];
    assert_eq!(int(&held[0]), int(&held[1]), "the messages differ");
    // Milliseconds, and bytes.
    let mut copied = |command: &str, from: &[u8]| {
        settle(&server);
        let before = number(&server, "memory", "used_memory");
        let start = Instant::now();
        let done = cmd!(con, command, from, "copy");
        let time = start.elapsed().as_secs_f64() * 1e3;
        assert_eq!(int(&done), 1, "{command} did not copy");
        settle(&server);
        let memory = number(&server, "memory", "used_memory") - before;
        cmd!(con, "DEL", "copy");
        (time, memory / 1e6)
    };
    let (mut ours, mut theirs) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for _ in 0..setup.rounds {
        for (command, from, side) in [
            ("CONV.FORK", LONG, &mut ours),
            ("COPY", &b"list"[..], &mut theirs),
        ] {
            let (time, memory) = copied(command, from);
            side.0.push(time);
            side.1.push(memory);
        }
    }
    [
        ("time", "ms", ours.0, theirs.0),
        ("memory", "MB", ours.1, theirs.1),
    ]
    .map(|(what, unit, ours, theirs)| {
        let what = format!("FORK of a conversation of 1,000,000 messages: {what}");
        Line::new("fork", what, "COPY of a list of the same")
            .unit(unit)
            .figures(ours, theirs)
            .goal(Goal::AtMost(0.01))
    })
    .into()
}
