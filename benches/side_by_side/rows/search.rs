//! `CONV.SEARCH` in 1,000,000 messages: how long it takes, and what other clients notice of it.
//!
//! Redis has no command to compare with. The patterns occur nowhere, so that every message is searched.

use std::time::{Duration, Instant};

use super::large::slowest_ping_beside;
use super::recent::{LONG, long_and_short};
use crate::Setup;
use crate::row::Line;
use crate::support::{Server, cmd, items};

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    long_and_short(setup, &server);
    let mut lines = Vec::new();
    for (what, pattern, options) in [
        ("a text", "quarterly zebra invoice", &[][..]),
        // Without a fixed text that could be searched first.
        ("a REGEX", r"\b[a-z]{3}\d{5}[a-z]{3}\b", &["REGEX"]),
    ] {
        let (mut seconds, mut pings, mut quiet) = (Vec::new(), Vec::new(), Vec::new());
        // A round takes seconds, and there is no goal to decide.
        for _ in 0..setup.rounds.min(3) {
            let mut taken = Duration::ZERO;
            pings.push(slowest_ping_beside(&server, || {
                let start = Instant::now();
                let found = cmd!(con, "CONV.SEARCH", LONG, pattern, options);
                taken = start.elapsed();
                assert!(items(&found).is_empty(), "{pattern} occurs");
            }));
            seconds.push(taken.as_secs_f64());
            // For as long as the search took.
            quiet.push(slowest_ping_beside(&server, || std::thread::sleep(taken)));
        }
        let time = format!("SEARCH of {what} that occurs nowhere, 1,000,000 messages");
        lines.push(
            Line::new("search", time, "nothing to compare with")
                .unit("s")
                .figures(seconds, Vec::new()),
        );
        let ping = format!("slowest PING beside SEARCH of {what}");
        lines.push(
            Line::new("search", ping, "slowest PING when nothing else runs")
                .unit("ms")
                .figures(pings, quiet),
        );
    }
    lines
}
