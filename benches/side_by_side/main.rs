//! Compares conv with the alternatives on a real server: `make bench`.
//!
//! Every figure is the median of several rounds in which both sides take turns, on the same server and with the same
//! messages. Environment variables: `ROWS` (names, see `rows/mod.rs`; default: all), `ROUNDS` (5), `SECONDS` per round
//! (1.5), `CONV_CORPUS` (a directory of real conversations), `REDIS_SERVER`, `CONV_MODULE`, `REJSON_MODULE`,
//! `REJSON_SERVER`, `BENCH_PYTHON`. A run of all rows also writes `docs/bench/results.json` and `results.svg`.

mod data;
mod generated;
mod load;
mod measure;
mod python;
mod rates;
mod report;
mod row;
mod rows;
mod skip;
mod svg;

#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::IsTerminal;

use data::Data;
use row::Line;
use rows::ROWS;

/// Parameters shared by all rows.
pub struct Setup {
    pub rounds: usize,
    /// Duration of a round in seconds.
    pub seconds: f64,
    pub data: Data,
}

fn from_env<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name).as_deref() {
        Ok("") | Err(_) => default,
        Ok(value) => value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value}: not a number")),
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, command, kind] = &args[..]
        && command == rows::memory::HELD
    {
        return rows::memory::print_held(kind);
    }
    skip::self_check();
    let wanted = std::env::var("ROWS").unwrap_or_default();
    let wanted: Vec<&str> = wanted
        .split([',', ' '])
        .filter(|name| !name.is_empty())
        .collect();
    let names = ROWS.map(|(name, _)| name);
    if let Some(name) = wanted.iter().find(|name| !names.contains(name)) {
        eprintln!(
            "ROWS: unknown row {name}; the rows are {}",
            names.join(", ")
        );
        std::process::exit(2);
    }
    let setup = Setup {
        rounds: from_env("ROUNDS", 5),
        seconds: from_env("SECONDS", 1.5),
        data: Data::load(),
    };
    let head = report::head(&setup);
    report::print_head(&head);
    let mut lines: Vec<Line> = Vec::new();
    for (name, row) in ROWS {
        if wanted.is_empty() || wanted.contains(&name) {
            let progress = |text: &str| {
                if std::io::stderr().is_terminal() {
                    eprint!("\r{text:<12}\r");
                }
            };
            progress(name);
            let new = row(&setup);
            progress("");
            new.iter().for_each(report::print_line);
            lines.extend(new);
        }
    }
    report::print_end(&lines);
    if wanted.is_empty() {
        report::write_files(&head, &lines);
    }
}
