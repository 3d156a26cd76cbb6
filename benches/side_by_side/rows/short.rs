//! Memory of short conversations, where the fixed part counts: the growth of `used_memory`, compared with lists.
//!
//! The conversations are cut to their first messages. A cell of the table is a file of the corpus and a number of messages;
//! it has at least [`LEAST`] conversations, some of them repeated. A file with fewer than [`DIFFERENT`] that are long enough
//! is left out, because its average would say little.

use serde_json::json;

use crate::Setup;
use crate::data::Conversation;
use crate::load::{request, send_all};
use crate::measure::{number, rest, settle, used_memory};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

const LENGTHS: [usize; 4] = [3, 15, 20, 25];
const LEAST: usize = 300;
const DIFFERENT: usize = 5;

/// Bytes of a conversation: between two turns, at rest, and as a list.
#[derive(Clone, Copy)]
struct Cell {
    used: f64,
    rest: f64,
    list: f64,
}

pub fn lines(setup: &Setup) -> Vec<Line> {
    // At the same time, because most of it is waiting, and memory does not depend on speed.
    let files: Vec<(&str, [Option<Cell>; LENGTHS.len()])> = std::thread::scope(|scope| {
        let threads: Vec<_> = setup
            .data
            .files()
            .iter()
            .map(|(name, all)| (name, scope.spawn(|| cells(all))))
            .collect();
        threads
            .into_iter()
            .map(|(name, thread)| (name.as_str(), thread.join().expect("its cells")))
            .collect()
    });
    let mut lines = Vec::new();
    for (number, length) in LENGTHS.iter().enumerate() {
        for (state, figure, goal) in [
            ("between two turns", (|c| c.used) as fn(&Cell) -> f64, 1.1),
            ("at rest", |c| c.rest, 0.5),
        ] {
            let what = format!("Memory of a conversation of {length} messages, {state}");
            lines.push(line(&what, &files, number, figure).goal(Goal::AtMost(goal)));
        }
    }
    lines
}

/// The line of one length. Every file has the same weight.
fn line(
    what: &str,
    files: &[(&str, [Option<Cell>; LENGTHS.len()])],
    length: usize,
    figure: fn(&Cell) -> f64,
) -> Line {
    let measured: Vec<(&str, Cell)> = files
        .iter()
        .filter_map(|(name, cells)| Some((*name, cells[length]?)))
        .collect();
    if measured.is_empty() {
        return Line::skipped("short", what, "LIST", "no conversation is long enough");
    }
    let mean = |figure: fn(&Cell) -> f64| {
        let sum: f64 = measured.iter().map(|(_, cell)| figure(cell)).sum();
        vec![sum / measured.len() as f64]
    };
    let by_file: serde_json::Map<_, _> = measured
        .iter()
        .map(|(name, cell)| (name.to_string(), json!(figure(cell) / cell.list)))
        .collect();
    let mut notes: Vec<String> = measured
        .iter()
        .map(|(name, cell)| format!("{name} {:.2}", figure(cell) / cell.list))
        .collect();
    notes.extend(
        files
            .iter()
            .filter(|(_, cells)| cells[length].is_none())
            .map(|(name, _)| format!("{name} left out: fewer than {DIFFERENT} are long enough")),
    );
    Line::new("short", what, "LIST")
        .unit("B")
        .figures(mean(figure), mean(|cell| cell.list))
        .note(notes.join(", "))
        .more(json!({"ratio_by_file": by_file}))
}

/// The cells of a file. `None` for a length that too few conversations have.
fn cells(all: &[Conversation]) -> [Option<Cell>; LENGTHS.len()] {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.TOKENS", "load the tables");
    let cut = LENGTHS.map(|length| cut(all, length));
    // Not measured: the first fill includes one-time costs such as the caches of the tokenizer.
    for conversations in &cut {
        fill(&server, "CONV.APPEND", conversations);
        settle(&server);
        cmd!(con, "FLUSHALL", "SYNC");
    }
    cut.map(|conversations| {
        if conversations.is_empty() {
            return None;
        }
        let each = |bytes: f64| bytes / conversations.len() as f64;
        let now = || number(&server, "memory", "used_memory");
        settle(&server);
        let before = now();
        fill(&server, "CONV.APPEND", &conversations);
        let used = used_memory(&server) - before;
        rest(&server, conversations.len());
        let rest = now() - before;
        cmd!(server.conn(), "FLUSHALL", "SYNC");
        settle(&server);
        let before = now();
        fill(&server, "RPUSH", &conversations);
        let list = now() - before;
        cmd!(server.conn(), "FLUSHALL", "SYNC");
        Some(Cell {
            used: each(used),
            rest: each(rest),
            list: each(list),
        })
    })
}

/// The first `length` messages of each conversation that is long enough. Empty if too few are.
fn cut(all: &[Conversation], length: usize) -> Vec<&[Vec<u8>]> {
    let cut: Vec<&[Vec<u8>]> = all.iter().filter_map(|c| c.get(..length)).collect();
    if cut.len() < DIFFERENT {
        return Vec::new();
    }
    let count = cut.len().max(LEAST);
    cut.into_iter().cycle().take(count).collect()
}

/// Appends message by message, as a service does.
fn fill(server: &Server, command: &str, conversations: &[&[Vec<u8>]]) {
    let mut requests = Vec::new();
    for (number, messages) in conversations.iter().enumerate() {
        let key = format!("key:{number}");
        requests.extend(
            messages
                .iter()
                .map(|message| request(&[command.as_bytes(), key.as_bytes(), message])),
        );
    }
    send_all(server, requests.iter().map(Vec::as_slice));
}
