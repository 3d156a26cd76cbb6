//! What `CLEAR` costs: the time of the main thread, compared with a reply of as many messages that are returned as they
//! are. Runs of an agent, whose tool results are what is cleared.

use crate::Setup;
use crate::data::join;
use crate::load::{Shape, cycle, request};
use crate::measure::settle;
use crate::rates::{in_turn, main_thread_line};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd, int, items, map};

const MESSAGES: usize = 300;
const BUDGET: u64 = 8000;
const KEPT: &str = "3";

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    let files = setup.data.files();
    let runs = files
        .iter()
        .find(|(name, _)| name == "tau_airline")
        .or(files.first());
    let (name, runs) = runs.expect("conversations");
    let runs = join(runs, MESSAGES);
    for (number, run) in runs.iter().enumerate() {
        cmd!(con, "CONV.APPEND", number, &run[..]);
    }
    settle(&server);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut messages, mut plain, mut cleared, mut budgets) = (0, 0, 0, 0);
    for number in 0..runs.len() {
        let key = number.to_string();
        let mut recent = |budget: u64, options: &[&str]| {
            let reply = map(&cmd!(con, "CONV.RECENT", &key, budget, options, "WITHINFO"));
            (
                items(&reply["messages"]).len(),
                int(&reply["cleared"]) as u64,
            )
        };
        let (wanted, results) = recent(BUDGET, &["CLEAR", KEPT]);
        // The least budget with which as many messages fit. They come in groups, so there may be one or two more.
        let (mut low, mut high) = (BUDGET, 100 * BUDGET);
        while low < high {
            let middle = low.midpoint(high);
            if recent(middle, &[]).0 < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        messages += wanted;
        plain += recent(low, &[]).0;
        cleared += results;
        budgets += low;
        let (key, budget) = (key.as_bytes(), BUDGET.to_string());
        ours.push(request(&[
            b"CONV.RECENT",
            key,
            budget.as_bytes(),
            b"CLEAR",
            KEPT.as_bytes(),
        ]));
        theirs.push(request(&[b"CONV.RECENT", key, low.to_string().as_bytes()]));
    }
    let shape = Shape {
        clients: 1,
        pipeline: 1,
        seconds: setup.seconds,
    };
    let rates = in_turn(
        setup,
        &server,
        shape,
        &mut cycle(&ours),
        &mut cycle(&theirs),
        &mut |_| {},
    );
    let mean = |sum: f64| sum / runs.len() as f64;
    let note = format!(
        "{name}, {} conversations; {:.1} / {:.1} messages, {:.1} results cleared, mean budget of the other {:.0}",
        runs.len(),
        mean(messages as f64),
        mean(plain as f64),
        mean(cleared as f64),
        mean(budgets as f64)
    );
    let what = format!("RECENT {BUDGET} CLEAR {KEPT}, main thread");
    let new = Line::new("clear", what, "RECENT of as many messages, nothing cleared");
    vec![main_thread_line(
        new.goal(Goal::AtMost(1.5)).note(note),
        &rates,
    )]
}
