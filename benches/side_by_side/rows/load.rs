//! How long a server with 100,000 conversations takes to load its RDB file when it starts.

use std::fs;
use std::time::Duration;

use crate::Setup;
use crate::load::{request, send_all};
use crate::measure::{rest, settle};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd, info, int, wait_until};

const KEYS: usize = 100_000;
const EACH: usize = 20;

pub fn lines(setup: &Setup) -> Vec<Line> {
    let messages = setup.data.short_messages();
    // Each has a server of its own, which loads nothing else.
    let mut conversations = filled(
        Server::start(),
        b"CONV.APPEND",
        &[b"TOKENS", b"40"],
        &messages,
    );
    let mut lists = filled(Server::plain(&[]), b"RPUSH", &[], &messages);
    save(&lists);
    let mut lines = Vec::new();
    for state in ["in use", "at rest"] {
        if state == "at rest" {
            rest(&conversations, KEYS);
        }
        save(&conversations);
        let sizes = [&conversations, &lists].map(|server| {
            let file = fs::metadata(server.dir().join("dump.rdb")).expect("an RDB file");
            file.len() as f64 / 1e6
        });
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..setup.rounds {
            ours.push(loaded(&mut conversations));
            theirs.push(loaded(&mut lists));
        }
        let what = format!(
            "Load of 100,000 conversations of {EACH} messages from an RDB file, {state} when it was saved"
        );
        lines.push(
            Line::new("load", what, "lists of the same")
                .unit("s")
                .figures(ours, theirs)
                .goal(Goal::AtMost(1.3))
                .note(format!("files of {:.0} / {:.0} MB", sizes[0], sizes[1])),
        );
    }
    lines
}

/// A server whose keys are filled by `command`. `before` is what precedes each message.
fn filled(server: Server, command: &[u8], before: &[&[u8]], messages: &[&[u8]]) -> Server {
    let mut taken = messages.iter().cycle();
    // In portions, because all requests together take as much memory as the server.
    for portion in 0..10 {
        let keys = portion * KEYS / 10..(portion + 1) * KEYS / 10;
        let requests: Vec<Vec<u8>> = keys
            .map(|number| {
                let key = number.to_string();
                let mut args = vec![command, key.as_bytes()];
                for message in taken.by_ref().take(EACH) {
                    args.extend(before);
                    args.push(message);
                }
                request(&args)
            })
            .collect();
        send_all(&server, requests.iter().map(Vec::as_slice));
    }
    settle(&server);
    server
}

/// By a child, as servers save in production.
fn save(server: &Server) {
    let mut con = server.conn();
    cmd!(con, "BGSAVE");
    let saved = wait_until(Duration::from_secs(120), || {
        info(&mut con, "persistence")["rdb_bgsave_in_progress"] == "0"
    });
    assert!(saved, "BGSAVE does not end");
}

/// Starts the server again. Returns the seconds of loading that it logs.
fn loaded(server: &mut Server) -> f64 {
    server.kill9();
    server.start_again();
    assert_eq!(int(&cmd!(server.conn(), "DBSIZE")), KEYS as i64);
    let log = server.log();
    log.rsplit("DB loaded from disk: ")
        .next()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .expect("the time of loading in the log")
}
