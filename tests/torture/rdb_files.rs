//! Scenario: starting from RDB files that are damaged inside the module's values, with a matching, ignored, absent or
//! wrong checksum. The server must either log the reason and exit, or start with consistent conversations.

use std::time::Duration;

use fastrand::Rng;

use crate::payloads::prompt;
use crate::plan::{Plan, Tally};
use crate::samples;
use crate::support::payload::{AFTER_ID, body, crc64};
use crate::support::sound::unsound;
use crate::support::*;

/// Length of the checksum at the end of the file.
const CHECKSUM: usize = 8;

/// The conversations in the file.
const KEYS: [&str; 5] = ["chat", "langchain", "all-set", "summary-upto", "gaps"];

/// Log messages with which Redis reports a damaged file.
const SAID: [&str; 4] = [
    "RDB",
    "conv-list",
    "Internal error in RDB",
    "Fatal error loading the DB",
];

pub fn rdb_files(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let files = ["no", "yes"].map(file);
    let mut number = 0;
    while plan.may_continue(number) {
        let seed = plan.seed.wrapping_add(number);
        let mut rng = Rng::with_seed(seed);
        let (mut rdb, begin) = rng.choice(&files).unwrap().clone();
        // The first file is undamaged, so that at least one start succeeds.
        if number > 0 {
            damage(&mut rng, &mut rdb, begin);
        }
        // The checksum matches, is ignored, is absent (0), or does not match.
        let checked = *rng.choice(&["yes", "no"]).unwrap();
        match rng.usize(..8) {
            0 if number > 0 => {}
            1 => seal(&mut rdb, |_| 0),
            _ => seal(&mut rdb, crc64),
        }
        tally.faults += 1;
        if let Err(what) = start_from(&rdb, checked, &mut tally) {
            tally
                .findings
                .push(format!("file {number} of seed {seed}: {what}"));
        }
        number += 1;
    }
    tally
}

/// An RDB file with conversations of all kinds, and the position of the first type id of the module in it.
fn file(compressed: &str) -> (Vec<u8>, usize) {
    let server = Server::with(&["--rdbcompression", compressed]);
    let mut con = server.conn();
    // Few conversations, so that much of the damage hits the structure rather than the text.
    for key in samples::fill(&mut con) {
        if !KEYS.contains(&&*key) {
            cmd!(con, "DEL", key);
        }
    }
    cmd!(con, "SAVE");
    let rdb = std::fs::read(server.dir().join("dump.rdb")).expect("an RDB file");
    let id = &body(&mut con, "chat")[1..AFTER_ID];
    let begin = rdb.windows(id.len()).position(|w| w == id);
    (rdb, begin.expect("a conversation"))
}

/// Writes the checksum of the file at its end.
fn seal(rdb: &mut Vec<u8>, checksum: fn(&[u8]) -> u64) {
    rdb.truncate(rdb.len().saturating_sub(CHECKSUM));
    let sum = checksum(rdb);
    rdb.extend(sum.to_le_bytes());
}

/// Damages bytes after the first type id of the module.
fn damage(rng: &mut Rng, rdb: &mut Vec<u8>, begin: usize) {
    for _ in 0..=rng.usize(..2) {
        let at = begin + rng.usize(..rdb.len() - begin - CHECKSUM);
        match rng.usize(..8) {
            0 => {
                // Truncates the file, but keeps the checksum at its end.
                let end = rdb.split_off(rdb.len() - CHECKSUM);
                rdb.truncate(at);
                rdb.extend(if rng.usize(..2) == 0 {
                    &[0xff][..]
                } else {
                    &[]
                });
                rdb.extend(end);
                return;
            }
            1..=4 => rdb[at] ^= 1 << rng.usize(..8),
            5 => rdb[at] = *rng.choice(&[0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xff]).unwrap(),
            6 => drop(rdb.remove(at)),
            _ => rdb.insert(at, rng.u8(..)),
        }
    }
}

/// Starts a server from a file and checks what it loaded.
fn start_from(rdb: &[u8], checked: &str, tally: &mut Tally) -> Result<(), String> {
    let mut server = match Server::from_rdb(rdb, &["--rdbchecksum", checked]) {
        Ok(server) => server,
        Err(ended) => {
            let last: Vec<&str> = ended.log.lines().rev().take(4).collect();
            // A process ended by a signal has no exit code. After a failed load Redis runs its own check of the file,
            // and that check may never end if the file ends inside a module's value: it misreads the error as another
            // opcode. The log shows whether it was running.
            let checking = ended.log.contains("Internal error in RDB reading");
            let by_itself = match ended.status {
                Some(status) => status.code().is_some(),
                None => checking,
            };
            if !by_itself || ended.log.contains("internal error, please") {
                tally.crashed += 1;
                return Err(format!("{:?}: {last:?}", ended.status));
            }
            if !SAID.iter().any(|said| ended.log.contains(said)) {
                return Err(format!(
                    "the server exited without logging a reason: {last:?}"
                ));
            }
            return Ok(());
        }
    };
    let mut con = server.conn();
    let keys = strings(&cmd!(con, "KEYS", "*"));
    // Keys whose name was damaged are not checked.
    let keys: Vec<&str> = keys
        .iter()
        .filter_map(|k| std::str::from_utf8(k).ok())
        .collect();
    let keys: Vec<&str> = keys
        .into_iter()
        .filter(|key| text(&cmd!(con, "TYPE", key)) == "conv-list")
        .collect();
    tally.acknowledged += keys.len() as u64;
    let found = unsound(&mut con, &keys, &prompt).map_err(|e| {
        tally.crashed += u64::from(!server.is_alive());
        e.to_string()
    })?;
    match found.first() {
        Some((n, what)) => {
            tally.diverged += found.len() as u64;
            Err(format!("{}: {what}", keys[*n]))
        }
        None => Ok(()),
    }
}

#[test]
fn short() {
    let plan = Plan::short(Duration::from_secs(6), 30);
    let tally = rdb_files(&plan);
    tally.assert_clean();
    assert!(tally.acknowledged >= KEYS.len() as u64, "{tally}");
}

/// A value written by a newer release is rejected, not misread.
#[test]
fn values_of_a_newer_version_are_rejected() {
    let (mut rdb, id) = file("no");
    // The lowest ten bits of the type id are its version.
    rdb[id + 8] = 0xff;
    seal(&mut rdb, crc64);
    let Err(ended) = Server::from_rdb(&rdb, &[]) else {
        panic!("the server loaded a value of a newer version");
    };
    assert!(
        ended.status.is_some_and(|s| s.code().is_some()),
        "{}",
        ended.log
    );
    assert!(
        ended.log.contains("stored form version 255 is newer than"),
        "{}",
        ended.log
    );
}
