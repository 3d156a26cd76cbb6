//! Reading the next prompt, compared with commands that return the same bytes without selecting messages.

use crate::Setup;
use crate::load::{Shape, cycle, request, send_all};
use crate::measure::settle;
use crate::rates::{in_turn, line};
use crate::row::{Goal, Line};
use crate::support::{Server, bytes, cmd, strings};

/// Long enough that a window of 3,000 tokens does not reach the first message.
const MESSAGES: usize = 100;

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    let conversations = setup.data.long(MESSAGES);
    for (number, conversation) in conversations.iter().enumerate() {
        cmd!(con, "CONV.APPEND", format!("c:{number}"), &conversation[..]);
    }
    settle(&server);
    let (mut recent, mut get) = (Vec::new(), Vec::new());
    let (mut recent_list, mut range) = (Vec::new(), Vec::new());
    let (mut reply_bytes, mut reply_messages) = (0, 0);
    for number in 0..conversations.len() {
        let key = |what: &str| format!("{what}:{number}");
        let json = bytes(&cmd!(con, "CONV.RECENT", key("c"), 3000, "FORMAT", "JSON"));
        let list = strings(&cmd!(con, "CONV.RECENT", key("c"), 3000));
        reply_bytes += json.len();
        reply_messages += list.len();
        cmd!(con, "SET", key("s"), json);
        // The list has exactly the messages that RECENT returns, so that LRANGE does not search for its start.
        cmd!(con, "RPUSH", key("l"), list);
        recent.push(request(&[
            b"CONV.RECENT",
            key("c").as_bytes(),
            b"3000",
            b"FORMAT",
            b"JSON",
        ]));
        recent_list.push(request(&[
            b"CONV.RECENT",
            key("c").as_bytes(),
            b"3000",
            b"FORMAT",
            b"LIST",
        ]));
        get.push(request(&[b"GET", key("s").as_bytes()]));
        range.push(request(&[b"LRANGE", key("l").as_bytes(), b"0", b"-1"]));
    }
    let keys = conversations.len();
    let size = format!(
        "{keys} conversations of {} messages, replies of {} messages, {:.1} kB",
        conversations.iter().map(Vec::len).sum::<usize>() / keys,
        reply_messages / keys,
        (reply_bytes / keys) as f64 / 1e3
    );
    let mut lines = Vec::new();
    for (format, ours, against, theirs, goals) in [
        ("JSON", &recent, "GET of the same bytes", &get, [0.95, 0.85]),
        (
            "LIST",
            &recent_list,
            "LRANGE of the same messages",
            &range,
            [1.0, 1.3],
        ),
    ] {
        for (pipeline, goal) in [1, 16].into_iter().zip(goals) {
            let shape = Shape {
                clients: 50,
                pipeline,
                seconds: setup.seconds,
            };
            let rates = in_turn(
                setup,
                &server,
                shape,
                &mut cycle(ours),
                &mut cycle(theirs),
                &mut |_| {},
            );
            let what = format!("RECENT 3000 FORMAT {format}, pipeline {pipeline}");
            lines.push(line(
                Line::new("recent", what, against)
                    .goal(Goal::AtLeast(goal))
                    .note(&size),
                &rates,
            ));
        }
    }
    lines.extend(million(setup));
    lines
}

/// The same newest messages in a conversation of 100 and in one of 1,000,000.
fn million(setup: &Setup) -> [Line; 2] {
    let server = Server::start();
    long_and_short(setup, &server);
    // A budget below the size of the short conversation, so that both replies are equal.
    let reply = |key: &[u8]| {
        bytes(&cmd!(
            server.conn(),
            "CONV.RECENT",
            key,
            2000,
            "FORMAT",
            "JSON"
        ))
    };
    assert_eq!(reply(LONG), reply(SHORT), "the replies differ");
    let recent = |key: &[u8]| [request(&[b"CONV.RECENT", key, b"2000", b"FORMAT", b"JSON"])];
    let (long, short) = (recent(LONG), recent(SHORT));
    let shape = |clients, pipeline| Shape {
        clients,
        pipeline,
        seconds: setup.seconds,
    };
    [
        ("one client", shape(1, 1)),
        ("50 clients, pipeline 16", shape(50, 16)),
    ]
    .map(|(who, shape)| {
        let rates = in_turn(
            setup,
            &server,
            shape,
            &mut cycle(&long),
            &mut cycle(&short),
            &mut |_| {},
        );
        let times = line(
            Line::new(
                "recent",
                format!("RECENT 2000 of 1,000,000 messages, {who}"),
                "RECENT 2000 of 100 messages, the same reply",
            ),
            &rates,
        );
        as_times(times).goal(Goal::AtMost(1.1))
    })
}

/// Converts rates to time per request, in µs.
pub fn as_times(mut line: Line) -> Line {
    for rate in line.ours.iter_mut().chain(&mut line.theirs) {
        *rate = 1e6 / *rate;
    }
    line.unit("µs")
}

pub const LONG: &[u8] = b"long";
pub const SHORT: &[u8] = b"short";

/// 1,000,000 messages: those that are appended with their count, because counting them would take minutes, and the newest.
pub fn million_messages(setup: &Setup) -> [Vec<&[u8]>; 2] {
    const COUNTED: usize = 10_000;
    let messages: Vec<&Vec<u8>> = setup
        .data
        .messages()
        .filter(|m| !crate::data::is_system(m) && !has_calls(m))
        .collect();
    let newest: Vec<&[u8]> = messages
        .iter()
        .rev()
        .take(COUNTED)
        .map(|m| m.as_slice())
        .collect();
    let older = messages
        .iter()
        .cycle()
        .take(1_000_000 - newest.len())
        .map(|m| m.as_slice())
        .collect();
    [older, newest]
}

/// Fills conversations of 1,000,000 and of 100 messages with the same end.
pub fn long_and_short(setup: &Setup, server: &Server) {
    let [older, newest] = million_messages(setup);
    let older: Vec<Vec<u8>> = older
        .chunks(100)
        .map(|chunk| {
            let mut args: Vec<&[u8]> = vec![b"CONV.APPEND", LONG];
            let tokens: Vec<String> = chunk.iter().map(|m| (m.len() / 4).to_string()).collect();
            for (message, tokens) in chunk.iter().zip(&tokens) {
                args.extend([&b"TOKENS"[..], tokens.as_bytes(), message]);
            }
            request(&args)
        })
        .collect();
    send_all(server, older.iter().map(Vec::as_slice));
    let mut con = server.conn();
    for chunk in newest.chunks(1000) {
        cmd!(con, "CONV.APPEND", LONG, chunk);
    }
    cmd!(
        con,
        "CONV.APPEND",
        SHORT,
        &newest[newest.len().saturating_sub(100)..]
    );
    for key in [LONG, SHORT] {
        cmd!(
            con,
            "CONV.SETSUMMARY",
            key,
            "What was said before, in short. ".repeat(20)
        );
    }
    settle(server);
}

/// Tool turns are left out of the long conversation, because shuffling would make them invalid.
fn has_calls(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    text.contains("\"tool_calls\"") || text.contains("\"tool_call_id\"")
}
