//! Scenario: RESTORE of thousands of damaged and crafted payloads with valid checksums. The server must reject each
//! one or load a consistent conversation. It must not crash, and its memory must stay in proportion to the payload.

use std::fs;
use std::time::Duration;

use fastrand::Rng;
use redis::{Connection, Value};

use crate::plan::{Plan, Tally};
use crate::support::payload::*;
use crate::support::sound::unsound;
use crate::support::*;
use crate::{crafted, samples};

/// Payloads sent in one pipeline.
const BATCH: u64 = 250;

/// Limit of the memory of a conversation per byte of its payload. The worst legitimate case is a short message with an
/// index entry and a segment of its own, because its number or time is far from the previous one.
const FOLD: i64 = 24;

/// Allowance for memory that is unrelated to the payloads: replies, query buffers, command lists of the harness.
const SLACK: i64 = 4 << 20;

/// Number of payloads in the short run of `make test`.
const SHORT: u64 = 20_000;

pub fn payloads(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let mut server = Server::start();
    let mut con = server.conn();
    let sources = Sources::gather(&mut con);
    let start = warm(&mut con, &sources);
    let mut batch = 0;
    while plan.may_continue(batch) {
        let seed = plan.seed.wrapping_add(batch);
        if let Err(e) = round(&server, &mut con, &sources, seed, &mut tally) {
            tally.crashed += u64::from(!server.is_alive());
            tally.findings.push(format!("batch of seed {seed}: {e}"));
            tally.findings.extend(end_of(&server.log()));
            if !server.is_alive() {
                server.start_again();
            }
            con = server.conn();
        }
        batch += 1;
    }
    let log = server.log();
    if let Some(line) = log.lines().find(|line| line.contains("internal error")) {
        tally.findings.push(line.to_string());
    }
    cmd!(con, "FLUSHALL");
    let held = used(&mut con);
    if held - start > SLACK {
        tally.findings.push(format!(
            "memory leak: {start} bytes at the start, {held} after removing all keys"
        ));
    }
    tally
}

/// The lines at the end of a log that describe the failure.
fn end_of(log: &str) -> impl Iterator<Item = String> {
    let lines: Vec<&str> = log
        .lines()
        .filter(|l| !l.contains("<conv> conv-list:"))
        .collect();
    let from = lines.len().saturating_sub(15);
    lines[from..]
        .iter()
        .map(|l| (*l).to_string())
        .collect::<Vec<_>>()
        .into_iter()
}

/// Valid payloads to damage, and what all payloads have in common.
struct Sources {
    bodies: Vec<Vec<u8>>,
    head: Vec<u8>,
    version: [u8; 2],
}

impl Sources {
    fn gather(con: &mut Connection) -> Self {
        let keys = samples::fill(con);
        let version = rdb_version(con, "chat");
        let mut bodies = Vec::new();
        for compressed in ["no", "yes"] {
            cmd!(*con, "CONFIG", "SET", "rdbcompression", compressed);
            bodies.extend(keys.iter().map(|key| body(con, key)));
        }
        // Large payloads take long to load and exercise the same code.
        bodies.retain(|body| body.len() < 6000);
        assert!(bodies.len() > 40, "{} small conversations", bodies.len());
        cmd!(*con, "FLUSHALL");
        Self {
            head: bodies[0][..AFTER_ID].to_vec(),
            bodies,
            version,
        }
    }

    /// A damaged or crafted payload. The server rejects most of them.
    fn payload(&self, rng: &mut Rng) -> Vec<u8> {
        let mut body = if rng.usize(..2) == 0 {
            crafted::body(rng, &self.head)
        } else {
            rng.choice(&self.bodies).unwrap().clone()
        };
        let times = match rng.usize(..4) {
            0 => 0,
            n => n - 1 + usize::from(body[..AFTER_ID] != self.head[..]),
        };
        for _ in 0..times {
            let other = rng.usize(..self.bodies.len());
            damage(rng, &mut body, &self.bodies[other]);
        }
        sealed(&body, self.version)
    }
}

/// Loads the tables of all encodings and fills all caches that grow once. Returns the memory in use afterwards.
fn warm(con: &mut Connection, sources: &Sources) -> i64 {
    for encoding in ["o200k_base", "cl100k_base", "p50k_base", "r50k_base"] {
        cmd!(*con, "CONV.TOKENS", "hello", "ENCODING", encoding);
    }
    for body in &sources.bodies {
        let payload = sealed(body, sources.version);
        cmd!(*con, "RESTORE", "warm", 0, payload, "REPLACE");
        let found = unsound(con, &["warm"], &prompt).expect("the server replies");
        assert_eq!(found, [], "the undamaged payloads are inconsistent");
    }
    cmd!(*con, "FLUSHALL");
    used(con)
}

/// Checks the guarantee on valid prompts for the messages that the naive model can parse; it does not accept unpaired
/// surrogates.
pub fn prompt(messages: &[String]) -> Result<(), String> {
    if messages.iter().any(|m| naive::read(m).is_err()) {
        return Ok(());
    }
    naive::check_valid_prompt(messages).map_err(|why| format!("{why}: {messages:?}"))
}

fn round(
    server: &Server,
    con: &mut Connection,
    sources: &Sources,
    seed: u64,
    tally: &mut Tally,
) -> redis::RedisResult<()> {
    let mut rng = Rng::with_seed(seed);
    let mut sent = 0;
    let mut keys = Vec::new();
    let commands: Vec<Vec<Vec<u8>>> = (0..BATCH)
        .map(|n| {
            let payload = sources.payload(&mut rng);
            sent += payload.len() as i64;
            let key = format!("p{n}");
            keys.push(key.clone());
            vec![b"RESTORE".to_vec(), key.into(), b"0".to_vec(), payload]
        })
        .collect();
    let (before, peak) = (used(con), Peak::begin(server.pid()));
    let replies = pipeline(con, &commands)?;
    let (taken_memory, peak) = (used(con) - before, peak.end());
    tally.faults += BATCH;
    for (what, bytes) in [("held", taken_memory), ("touched at the peak", peak)] {
        if bytes > FOLD * sent + SLACK {
            tally
                .findings
                .push(format!("seed {seed}: {sent} bytes sent, {bytes} {what}"));
        }
    }
    let mut taken = Vec::new();
    for (key, reply) in keys.iter().zip(&replies) {
        match error_in(reply) {
            None if *reply == Value::Okay => taken.push(key.as_str()),
            Some(e) if e == "ERR Bad data format" => {}
            other => tally
                .findings
                .push(format!("seed {seed}, {key}: {other:?}, {reply:?}")),
        }
    }
    tally.acknowledged += taken.len() as u64;
    for (n, what) in unsound(con, &taken, &prompt)? {
        tally.diverged += 1;
        tally
            .findings
            .push(format!("seed {seed}, {}: {what}", taken[n]));
    }
    cmd!(*con, "FLUSHALL");
    Ok(())
}

/// Measures the peak memory of a process above its memory at the start.
struct Peak {
    pid: u32,
    before: i64,
}

impl Peak {
    fn begin(pid: u32) -> Self {
        // Writing 5 resets the peak (VmHWM) to the current memory.
        let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        Self {
            pid,
            before: status(pid, "VmRSS:"),
        }
    }

    fn end(self) -> i64 {
        status(self.pid, "VmHWM:") - self.before
    }
}

/// A field of `/proc/PID/status` in bytes, or 0 on systems without it.
fn status(pid: u32, name: &str) -> i64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<i64>().ok())
        .map_or(0, |kib| kib << 10)
}

#[test]
fn short() {
    let plan = Plan::short(Duration::from_secs(60), SHORT / BATCH);
    let tally = payloads(&plan);
    tally.assert_clean();
    // The run is meaningful only if some payloads are accepted and some rejected.
    assert_eq!(tally.faults, SHORT);
    let taken = tally.acknowledged;
    assert!((SHORT / 50..SHORT / 2).contains(&taken), "{taken} taken");
}
