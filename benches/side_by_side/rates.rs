//! Compares the rates of two loads.

use serde_json::{Value, json};

use crate::Setup;
use crate::load::{Rate, Shape, run};
use crate::measure::median;
use crate::row::Line;
use crate::support::Server;

/// A load: appends the next request of a connection to the buffer.
pub type Source<'a> = &'a mut dyn FnMut(usize, &mut Vec<u8>);

/// Runs both loads alternately for a number of rounds, and calls `between` after each.
pub fn in_turn(
    setup: &Setup,
    server: &Server,
    shape: Shape,
    ours: Source<'_>,
    theirs: Source<'_>,
    between: &mut dyn FnMut(bool),
) -> [Vec<Rate>; 2] {
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..setup.rounds {
        rates[0].push(run(server, shape, ours));
        between(true);
        rates[1].push(run(server, shape, theirs));
        between(false);
    }
    rates
}

/// Main-thread time per request of both loads, in µs. With large replies the rate of one client depends on how fast the
/// client reads; the time that the server spends does not.
pub fn main_thread_line(line: Line, rates: &[Vec<Rate>; 2]) -> Line {
    let all = |side: &[Rate], figure: fn(&Rate) -> f64| side.iter().map(figure).collect::<Vec<_>>();
    let [ours, theirs] = rates.each_ref().map(|side| all(side, |r| r.server_us));
    let round_trip = rates
        .each_ref()
        .map(|side| median(&all(side, |r| 1e6 / r.per_second)));
    let note = format!(
        "round trip {:.0} / {:.0} µs{}{}",
        round_trip[0],
        round_trip[1],
        if line.note.is_empty() { "" } else { "; " },
        line.note
    );
    line.unit("µs")
        .figures(ours, theirs)
        .note(note)
        .more(json!({"round_trip_us": round_trip}))
}

/// Requests per second of both loads, with the main thread time per request. The ratio of the times is also valid on a
/// machine that has other work to do.
pub fn line(line: Line, rates: &[Vec<Rate>; 2]) -> Line {
    let all = |side: &[Rate], figure: fn(&Rate) -> f64| side.iter().map(figure).collect::<Vec<_>>();
    let [ours, theirs] = rates;
    let us = |side: &[Rate]| median(&all(side, |rate| rate.server_us));
    let busy = |side: &[Rate]| median(&all(side, |rate| rate.busy));
    let note = format!(
        "main thread {:.2} / {:.2} µs each (ratio {:.2}), {:.0} / {:.0} % busy{}",
        us(ours),
        us(theirs),
        us(theirs) / us(ours),
        100.0 * busy(ours),
        100.0 * busy(theirs),
        if line.note.is_empty() {
            String::new()
        } else {
            format!("; {}", line.note)
        },
    );
    let more: Value = json!({
        "main_thread_us": [us(ours), us(theirs)], "main_thread_busy": [busy(ours), busy(theirs)],
    });
    line.figures(
        all(ours, |rate| rate.per_second),
        all(theirs, |rate| rate.per_second),
    )
    .note(note)
    .more(more)
}
