//! How long a scenario may run, and what it has found.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A scenario: see the head of this test.
pub type Scenario = fn(&Plan) -> Tally;

/// Most findings that are printed.
const SHOWN: usize = 20;

/// What a scenario may take.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Everything random follows from it, as far as real processes allow: `CONV_SEED`, or the clock.
    pub seed: u64,
    /// A round begins only as long as this time is not over; at least one round is made.
    pub time: Duration,
    /// Rounds at most.
    pub rounds: u64,
    start: Instant,
}

impl Plan {
    /// A moment, for `cargo test`.
    pub fn short(time: Duration, rounds: u64) -> Self {
        Self {
            seed: seed(),
            time,
            rounds,
            start: Instant::now(),
        }
    }

    /// `percent` of `MINUTES`.
    pub fn long(percent: u32) -> Self {
        let minutes: u32 = std::env::var("MINUTES")
            .ok()
            .map_or(30, |m| m.parse().expect("MINUTES is a number"));
        let time = Duration::from_secs(60) * minutes * percent / 100;
        Self::short(time, u64::MAX)
    }

    /// True as long as round `number` (from 0) may begin.
    pub fn goes_on(&self, number: u64) -> bool {
        number == 0 || (number < self.rounds && self.start.elapsed() < self.time)
    }
}

/// Runs a round. Should it panic, as the harness does when a server does not start, that is a finding, too.
pub fn guarded(tally: &mut Tally, what: &str, round: impl FnOnce(&mut Tally)) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| round(tally))) {
        let cause = cause
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| cause.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
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

/// What was tried and what went wrong.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Kills, cut connections, damaged payloads, hostile commands, full disks, moved slots ...
    pub faults: u64,
    /// Writes that a server acknowledged, and which therefore have to be there.
    pub acknowledged: u64,
    /// Acknowledged writes that are missing, or not as they were acknowledged.
    pub lost: u64,
    /// Conversations or replies that differ where they have to be equal.
    pub diverged: u64,
    /// Servers that ended by themselves, or did not start again.
    pub crashed: u64,
    /// What went wrong, a line each.
    pub findings: Vec<String>,
}

impl Tally {
    /// Adds what another run found.
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

    /// Panics with the findings unless all is well and something was tried.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.faults > 0, "no fault was injected: {self}");
        assert!(self.is_clean(), "{self}");
    }

    /// The last line of a long run.
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
