//! A session of 10 MB: how long a Python service takes to build its next prompt.

use serde_json::Value;

use crate::Setup;
use crate::load::{request, send_all};
use conv::conversation::message;
use conv::tokens::Text;

use crate::measure::settle;
use crate::python;
use crate::row::{Goal, Line};
use crate::support::{Server, bytes, cmd};

const BYTES: usize = 10_000_000;

/// One long conversation of real messages. Only the first may be a system message.
pub fn history(setup: &Setup) -> impl Iterator<Item = &Vec<u8>> {
    let files = setup.data.files().iter().cycle();
    files
        .flat_map(|(_, dialogues)| dialogues)
        .enumerate()
        .flat_map(|(number, dialogue)| {
            dialogue
                .iter()
                .filter(move |m| number == 0 || !crate::data::is_system(m))
        })
}

/// Stores the session under three keys: `c` as a conversation, `plain` as JSON, and `cached` as JSON that includes the
/// counts. Returns the number of messages.
pub fn fill(setup: &Setup, server: &Server) -> usize {
    let mut con = server.conn();
    let mut size = 0;
    let messages: Vec<&Vec<u8>> = history(setup)
        .take_while(|message| {
            size += message.len() + 1;
            size < BYTES
        })
        .collect();
    let appends: Vec<Vec<u8>> = messages
        .chunks(100)
        .map(|chunk| {
            let args: Vec<&[u8]> = [&b"CONV.APPEND"[..], b"c"]
                .into_iter()
                .chain(chunk.iter().map(|m| m.as_slice()))
                .collect();
            request(&args)
        })
        .collect();
    send_all(server, appends.iter().map(Vec::as_slice));
    settle(server);
    let cached: Vec<Value> = messages
        .iter()
        .map(|message| {
            let tokens = message::with_message(message, |m| Text::of(m).count(RULES).tokens).ok();
            let mut message: Value = serde_json::from_slice(message).expect("JSON");
            message["tokens"] = tokens.into();
            message
        })
        .collect();
    let cached = serde_json::to_vec(&cached).expect("JSON");
    cmd!(con, "SET", "cached", cached);
    let all = messages.iter().map(|m| m.as_slice()).collect::<Vec<_>>();
    let plain: Vec<u8> = [&b"["[..], &all.join(&b','), b"]"].concat();
    cmd!(con, "SET", "plain", &plain);
    messages.len()
}

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    let messages = fill(setup, &server);
    let window = bytes(&cmd!(con, "CONV.RECENT", "c", 3000, "FORMAT", "JSON"));
    let what = "Next prompt of a 10 MB session in Python: RECENT + json.loads";
    let results = python::run(&[
        "session",
        &server.port().to_string(),
        &setup.rounds.to_string(),
    ]);
    let results = match results {
        Ok(results) => results,
        Err(why) => {
            return vec![Line::skipped(
                "session",
                what,
                "GET + json.loads + trimming",
                why,
            )];
        }
    };
    let figures = |name: &str| -> Vec<f64> {
        results[name]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect()
    };
    [
        (
            "cached",
            "GET + json.loads of all, trimming by counts kept in the session",
        ),
        (
            "recount",
            "GET + json.loads of all, trimming with tiktoken from the newest back",
        ),
        (
            "recount_all",
            "GET + json.loads of all, counting every message with tiktoken, trimming",
        ),
    ]
    .into_iter()
    .map(|(name, against)| {
        Line::new("session", what, against)
            .unit("ms")
            // Compared as times: 500 times faster is a ratio of 1/500.
            .figures(figures("conv"), figures(name))
            .goal(if name != "recount_all" {
                Goal::AtMost(1.0 / 500.0)
            } else {
                Goal::None
            })
            .note(format!(
                "{} messages, {} returned in {:.1} kB",
                messages,
                results["returned"],
                window.len() as f64 / 1e3
            ))
    })
    .collect()
}

/// How conversations count that are created without attributes.
pub const RULES: conv::tokens::Rules = conv::tokens::Rules {
    encoding: conv::tokens::Encoding::O200K_BASE,
    media_tokens: 85,
    overhead: 3,
    scale: 100,
};
