//! Scenario: RDB files that were damaged within our values, with and without a checksum that tells. A server that is
//! started from one either says in its log why it does not, and exits; or it runs, and what it has loaded is sound.

use fastrand::Rng;
use std::time::Duration;

use crate::payloads::prompt;
use crate::plan::{Plan, Tally};
use crate::samples;
use crate::support::payload::{BEHIND_ID, body, crc64};
use crate::support::sound::unsound;
use crate::support::*;

/// The checksum at the end of a file.
const CHECKSUM: usize = 8;

/// The conversations in a file.
const KEYS: [&str; 5] = ["chat", "langchain", "all-set", "summary-upto", "gaps"];

/// How a file says what is wrong with it.
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
    while plan.goes_on(number) {
        let seed = plan.seed.wrapping_add(number);
        let mut rng = Rng::with_seed(seed);
        let (mut rdb, begin) = rng.choice(&files).unwrap().clone();
        // The first is whole, so that something is loaded for certain.
        if number > 0 {
            damage(&mut rng, &mut rdb, begin);
        }
        // A checksum that fits, one that is not looked at, none (0), or one that tells.
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

/// A file with conversations of all kinds, and where the id of our type stands in it first.
fn file(compressed: &str) -> (Vec<u8>, usize) {
    let server = Server::with(&["--rdbcompression", compressed]);
    let mut con = server.conn();
    // A few, so that much of what is damaged is what says how to read the rest.
    for key in samples::fill(&mut con) {
        if !KEYS.contains(&&*key) {
            cmd!(con, "DEL", key);
        }
    }
    cmd!(con, "SAVE");
    let rdb = std::fs::read(server.dir().join("dump.rdb")).expect("an RDB file");
    let id = &body(&mut con, "chat")[1..BEHIND_ID];
    let begin = rdb.windows(id.len()).position(|w| w == id);
    (rdb, begin.expect("a conversation"))
}

/// Puts the checksum of all before it at the end.
fn seal(rdb: &mut Vec<u8>, checksum: fn(&[u8]) -> u64) {
    rdb.truncate(rdb.len().saturating_sub(CHECKSUM));
    let sum = checksum(rdb);
    rdb.extend(sum.to_le_bytes());
}

/// Damages bytes from the first of our values on.
fn damage(rng: &mut Rng, rdb: &mut Vec<u8>, begin: usize) {
    for _ in 0..=rng.usize(..2) {
        let at = begin + rng.usize(..rdb.len() - begin - CHECKSUM);
        match rng.usize(..8) {
            0 => {
                // Cut off; what stood at the end stands there again.
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

/// Starts a server and looks at what it has loaded.
fn start_from(rdb: &[u8], checked: &str, tally: &mut Tally) -> Result<(), String> {
    let mut server = match Server::from_rdb(rdb, &["--rdbchecksum", checked]) {
        Ok(server) => server,
        Err(ended) => {
            let last: Vec<&str> = ended.log.lines().rev().take(4).collect();
            // A signal has no code. (Whatever Redis's own check of the file says after it failed decides which one. That
            // check never ends if the file ends within a module's value: it takes the error for another opcode.)
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
                return Err(format!("it does not say why: {last:?}"));
            }
            return Ok(());
        }
    };
    let mut con = server.conn();
    let keys = strings(&cmd!(con, "KEYS", "*"));
    // A damaged name of a key is not what this is about.
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

/// What a newer release has written is not loaded as if it were ours.
#[test]
fn a_newer_version_is_not_loaded() {
    let (mut rdb, id) = file("no");
    // The lowest ten bits of the type's id are its version.
    rdb[id + 8] = 0xff;
    seal(&mut rdb, crc64);
    let Err(ended) = Server::from_rdb(&rdb, &[]) else {
        panic!("it was loaded");
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
