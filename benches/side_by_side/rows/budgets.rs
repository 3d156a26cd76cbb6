//! Reading with budgets up to a million tokens: what a reply costs when the window of the model is large.
//!
//! One client, which reads each reply completely before it asks again. Against `LRANGE` the time of the main thread is
//! compared, because both replies are arrays, and how fast a client parses them is not the server's affair. Against `GET`
//! the round trip is.

use super::recent::as_times;
use super::session::{RULES, history};
use crate::Setup;
use crate::load::{Shape, request, run, send_all};
use crate::measure::settle;
use crate::rates::{in_turn, line, main_thread_line};
use crate::report::figure;
use crate::row::{Goal, Line};
use crate::support::{Server, bytes, cmd, strings};
use conv::conversation::message;
use conv::tokens::Text;

/// More than the largest budget, so that all windows begin within the conversation.
const TOKENS: u32 = 1_100_000;

const BUDGETS: [&str; 6] = ["3000", "16000", "64000", "128000", "400000", "1000000"];

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    fill(setup, &server);
    // There are many lines.
    let shape = Shape {
        clients: 1,
        pipeline: 1,
        seconds: setup.seconds / 5.0,
    };
    let mut lines = Vec::new();
    for budget in BUDGETS {
        let recent = |format: &str| {
            request(&[
                b"CONV.RECENT",
                b"c",
                budget.as_bytes(),
                b"FORMAT",
                format.as_bytes(),
            ])
        };
        // What was compressed stays open for later reads when it has been read. Both formats read the same.
        run(&server, shape, &mut |_, out| out.extend(recent("JSON")));
        let list = strings(&cmd!(con, "CONV.RECENT", "c", budget));
        let json = bytes(&cmd!(con, "CONV.RECENT", "c", budget, "FORMAT", "JSON"));
        let size = format!(
            "replies of {} messages, {:.1} kB",
            figure(list.len() as f64),
            json.len() as f64 / 1e3
        );
        // Exactly the messages that RECENT returns, so that LRANGE does not search for its start.
        cmd!(con, "DEL", "l", "s");
        for chunk in list.chunks(1000) {
            cmd!(con, "RPUSH", "l", chunk);
        }
        cmd!(con, "SET", "s", json);
        let compare = |format: &str, theirs: Vec<u8>| {
            let ours = recent(format);
            in_turn(
                setup,
                &server,
                shape,
                &mut |_, out| out.extend_from_slice(&ours),
                &mut |_, out| out.extend_from_slice(&theirs),
                &mut |_| {},
            )
        };
        let tokens = figure(budget.parse().expect("a number"));
        let rates = compare("LIST", request(&[b"LRANGE", b"l", b"0", b"-1"]));
        let what = format!("RECENT {tokens}, main thread");
        lines.push(main_thread_line(
            Line::new("budgets", what, "LRANGE of the same messages")
                .goal(Goal::AtMost(1.1))
                .note(&size),
            &rates,
        ));
        let rates = compare("JSON", request(&[b"GET", b"s"]));
        let what = format!("RECENT {tokens} FORMAT JSON, round trip");
        let new = Line::new("budgets", what, "GET of the same bytes").note(&size);
        lines.push(as_times(line(new, &rates)).goal(Goal::AtMost(1.15)));
    }
    lines
}

/// Fills the conversation `c`.
fn fill(setup: &Setup, server: &Server) {
    let mut tokens = 0;
    let messages: Vec<&[u8]> = history(setup)
        .take_while(|message| {
            let enough = tokens >= TOKENS;
            tokens += message::with_message(message, |m| Text::of(m).count(RULES).tokens)
                .expect("a message");
            !enough
        })
        .map(Vec::as_slice)
        .collect();
    let appends: Vec<Vec<u8>> = messages
        .chunks(100)
        .map(|chunk| request(&[&[&b"CONV.APPEND"[..], b"c"], chunk].concat()))
        .collect();
    send_all(server, appends.iter().map(Vec::as_slice));
    settle(server);
}
