//! The time limit of a scenario, and its results.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A scenario; see the documentation of this test.
pub type Scenario = fn(&Plan) -> Tally;

/// Maximum number of findings to print.
const SHOWN: usize = 20;

/// Limits of a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Seed of all random choices: `CONV_SEED`, or else the clock. Timing of processes remains random.
    pub seed: u64,
    /// No round starts after this time. At least one round runs.
    pub time: Duration,
    /// Maximum number of rounds.
    pub rounds: u64,
    start: Instant,
}

impl Plan {
    /// A short run, for `cargo test`.
    pub fn short(time: Duration, rounds: u64) -> Self {
        Self {
            seed: seed(),
            time,
            rounds,
            start: Instant::now(),
        }
    }

    /// A run of `percent` percent of `MINUTES` minutes.
    pub fn long(percent: u32) -> Self {
        let minutes: u32 = std::env::var("MINUTES")
            .ok()
            .map_or(30, |m| m.parse().expect("MINUTES is a number"));
        let time = Duration::from_secs(60) * minutes * percent / 100;
        Self::short(time, u64::MAX)
    }

    /// True if round `number` (from 0) may start.
    pub fn may_continue(&self, number: u64) -> bool {
        number == 0 || (number < self.rounds && self.start.elapsed() < self.time)
    }
}

/// Runs a round and records a panic as a finding. The harness panics when a server does not start, for example.
pub fn guarded(tally: &mut Tally, what: &str, round: impl FnOnce(&mut Tally)) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| round(tally))) {
        let cause = cause
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| cause.downcast_ref::<&str>().copied())
            .unwrap_or("panicked without a message");
        tally.crashed += 1;
        tally.findings.push(format!("{what}: {cause}"));
    }
}

fn seed() -> u64 {
    match std::env::var("CONV_SEED") {
        Ok(seed) => seed.parse().expect("CONV_SEED is a number"),
        Err(_) => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |t| t.as_nanos() as u64),
    }
}

/// What a run tried, and what went wrong.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Number of faults: kills, closed connections, damaged payloads, invalid commands, full disks, moved slots and so
    /// on.
    pub faults: u64,
    /// Acknowledged writes, which must therefore be present.
    pub acknowledged: u64,
    /// Acknowledged writes that are missing or different.
    pub lost: u64,
    /// Conversations or replies that differ although they must be equal.
    pub diverged: u64,
    /// Servers that crashed, or that did not start again.
    pub crashed: u64,
    /// Descriptions of what went wrong, one line each.
    pub findings: Vec<String>,
}

impl Tally {
    /// Adds the results of another run.
    pub fn add(&mut self, other: Self) {
        self.faults += other.faults;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.diverged += other.diverged;
        self.crashed += other.crashed;
        self.findings.extend(other.findings);
    }

    /// True if nothing went wrong.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.diverged == 0 && self.crashed == 0 && self.findings.is_empty()
    }

    /// Panics with the findings if something went wrong, or if nothing was tried.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.faults > 0, "no fault was injected: {self}");
        assert!(self.is_clean(), "{self}");
    }

    /// The summary line of a long run.
    pub fn line(&self) -> String {
        format!(
            "faults injected {}, acknowledged writes {}, lost {}, diverged {}, crashed {}",
            self.faults, self.acknowledged, self.lost, self.diverged, self.crashed
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())?;
        for finding in self.findings.iter().take(SHOWN) {
            write!(f, "\n  {finding}")?;
        }
        Ok(())
    }
}
