//! Faults, injected into real servers under load: what was acknowledged has to be there afterwards.
//!
//! Each room of this house is a scenario: a function from a [`Plan`] (how long, which seed) to a [`Tally`] (what was
//! tried, what went wrong). `cargo test` runs each for a moment; `make torture` runs them for `MINUTES` and ends in
//! one line. What goes wrong is counted and told, not panicked over: a long run has to reach its end.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
#[path = "../server/dice.rs"]
mod dice;
#[path = "../naive/mod.rs"]
mod naive;
#[allow(dead_code)]
#[path = "../server/samples.rs"]
mod samples;

mod commands;
mod crafted;
mod grammar;
mod payloads;
mod plan;
mod rdb_files;

use plan::{Plan, Scenario, Tally};

/// All scenarios: name, share of a long run's time in percent, the function.
const SCENARIOS: &[(&str, u32, Scenario)] = &[
    ("payloads", 17, payloads::payloads),
    ("rdb files", 3, rdb_files::rdb_files),
    ("commands", 15, commands::commands),
];

/// The long form of everything.
#[test]
#[ignore = "runs for MINUTES, 30 unless told: make torture"]
fn long() {
    let mut total = Tally::default();
    for &(name, share, scenario) in SCENARIOS {
        let plan = Plan::long(share);
        println!("{name}: seed {}, {:?}", plan.seed, plan.time);
        let tally = scenario(&plan);
        println!("{name}: {tally}");
        total.add(tally);
    }
    println!("{}", total.line());
    assert!(total.is_clean(), "see the findings above");
}
