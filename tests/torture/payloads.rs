//! Scenario: RESTORE of payloads that were damaged or made up, with right checksums, by the thousand. Each is refused,
//! or becomes a conversation that is sound; the server lives, and takes no memory out of proportion.

use std::fs;
use std::time::Duration;

use redis::{Connection, Value};

use crate::plan::{Plan, Tally};
use crate::support::payload::*;
use crate::support::sound::unsound;
use crate::support::*;
use crate::{crafted, naive, samples};

/// Payloads that are sent at once.
const BATCH: u64 = 250;

/// Bytes that a conversation may take for a byte of its payload: an index entry, a segment of its own for a message
/// whose number or time lies far from the last one's.
const FOLD: i64 = 24;

/// What may come and go beside: replies, query buffers, lists of the harness's own commands.
const SLACK: i64 = 4 << 20;

/// The short form, as `make test` runs it.
const SHORT: u64 = 20_000;

pub fn payloads(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let mut server = Server::start();
    let mut con = server.conn();
    let sources = Sources::gather(&mut con);
    let start = warm(&mut con, &sources);
    let mut batch = 0;
    while plan.goes_on(batch) {
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
        tally
            .findings
            .push(format!("{start} bytes at first, {held} when all was gone"));
    }
    tally
}

/// The last lines of a log that say what happened.
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

/// True payloads, and what all have in common.
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
        // What is large takes long to read and is no different.
        bodies.retain(|body| body.len() < 6000);
        assert!(bodies.len() > 40, "{} small conversations", bodies.len());
        cmd!(*con, "FLUSHALL");
        Self {
            head: bodies[0][..BEHIND_ID].to_vec(),
            bodies,
            version,
        }
    }

    /// A payload that is most likely refused, but not always.
    fn payload(&self, dice: &mut Dice) -> Vec<u8> {
        let mut body = if dice.below(2) == 0 {
            crafted::body(dice, &self.head)
        } else {
            dice.pick(&self.bodies).clone()
        };
        let times = match dice.below(4) {
            0 => 0,
            n => n - 1 + usize::from(body[..BEHIND_ID] != self.head[..]),
        };
        for _ in 0..times {
            let other = dice.below(self.bodies.len());
            damage(dice, &mut body, &self.bodies[other]);
        }
        sealed(&body, self.version)
    }
}

/// Loads the tables of all encodings and grows what only grows once; what is used then.
fn warm(con: &mut Connection, sources: &Sources) -> i64 {
    for encoding in ["o200k_base", "cl100k_base", "p50k_base", "r50k_base"] {
        cmd!(*con, "CONV.TOKENS", "hello", "ENCODING", encoding);
    }
    for body in &sources.bodies {
        let payload = sealed(body, sources.version);
        cmd!(*con, "RESTORE", "warm", 0, payload, "REPLACE");
        let found = unsound(con, &["warm"], &prompt).expect("a server");
        assert_eq!(found, [], "what was not damaged");
    }
    cmd!(*con, "FLUSHALL");
    used(con)
}

/// Guarantee 2, as far as the naive reader can read the messages.
pub fn prompt(messages: &[String]) -> Result<(), String> {
    if messages.iter().any(|m| naive::read(m).is_err()) {
        return Ok(());
    }
    naive::check_valid_prompt(messages)
}

fn round(
    server: &Server,
    con: &mut Connection,
    sources: &Sources,
    seed: u64,
    tally: &mut Tally,
) -> redis::RedisResult<()> {
    let mut dice = Dice(seed);
    let mut sent = 0;
    let mut keys = Vec::new();
    let commands: Vec<Vec<Vec<u8>>> = (0..BATCH)
        .map(|n| {
            let payload = sources.payload(&mut dice);
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

/// How much more memory a process has touched, at its peak, than it had in use at the beginning.
struct Peak {
    pid: u32,
    before: i64,
}

impl Peak {
    fn begin(pid: u32) -> Self {
        // Sets the peak to what is in use now.
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

/// A figure of the process, in bytes; 0 where there is none, as on other systems.
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
    // Neither is all refused, nor is all taken.
    assert_eq!(tally.faults, SHORT);
    let taken = tally.acknowledged;
    assert!((SHORT / 50..SHORT / 2).contains(&taken), "{taken} taken");
}
