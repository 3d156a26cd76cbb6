//! Fault injection on real servers under load: acknowledged writes must survive.
//!
//! A scenario is a function from a [`Plan`] (duration and seed) to a [`Tally`] (what was tried and what went wrong).
//! `cargo test` runs every scenario of [`SCENARIOS`] briefly; `make torture` runs them for `MINUTES` minutes and
//! prints a summary line. A scenario records failures instead of panicking, so that a long run reaches its end.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
#[path = "../server/random_writes.rs"]
mod random_writes;
#[allow(dead_code)]
#[path = "../server/samples.rs"]
mod samples;

mod allocation;
mod cluster;
mod commands;
mod crafted;
mod crash;
mod disk;
mod durability_check;
mod durability_check_tests;
mod full_disk;
mod grammar;
mod ledger;
mod messages;
mod payloads;
mod plan;
mod rdb_files;
mod replica_reader;
mod replicas;
mod replication_chain;
mod snapshot;
mod workload;
mod writers;

use plan::{Plan, Scenario, Tally};

/// All scenarios: name, share of the time of a long run in percent, function.
const SCENARIOS: &[(&str, u32, Scenario)] = &[
    ("crash", 25, crash::run),
    ("disk", 5, disk::run),
    ("replicas", 20, replicas::run),
    ("cluster", 20, cluster::cluster),
    ("payloads", 14, payloads::payloads),
    ("rdb files", 3, rdb_files::rdb_files),
    ("commands", 13, commands::commands),
];

/// Runs all scenarios for `MINUTES` minutes.
#[test]
#[ignore = "long-running (MINUTES, default 30): make torture"]
fn long() {
    let mut total = Tally::default();
    // `ONLY=name` runs a single scenario for the whole time.
    let only = std::env::var("ONLY").unwrap_or_default();
    for &(name, share, scenario) in SCENARIOS {
        if !only.is_empty() && only != name {
            continue;
        }
        let plan = Plan::long(if only.is_empty() { share } else { 100 });
        println!("{name}: seed {}, {:?}", plan.seed, plan.time);
        let tally = scenario(&plan);
        println!("{name}: {tally}");
        total.add(tally);
    }
    println!("{}", total.line());
    assert!(total.is_clean(), "see the findings above");
}
