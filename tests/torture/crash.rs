//! Scenario: `kill -9` at a random moment under eight writers. After a restart from the same files, all acknowledged
//! writes must be there.
//!
//! The scenario tests the guarantees of Redis. With `appendfsync always`, nothing acknowledged is lost. With
//! `everysec`, a killed process loses at most what it held back because of a slow disk, for two seconds. A power cut
//! loses one second more; it is simulated by truncating the file to what had been written a second before. Without an
//! AOF, everything in the last complete BGSAVE survives. In all cases only the newest writes may be missing.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use redis::Connection;

use crate::durability_check::{Bounds, Promise, check};
use crate::ledger::{Ledger, Model};
use crate::plan::{Plan, Tally, guarded};
use crate::snapshot::{digests, messages};
use crate::support::*;
use crate::writers::WriterPool;

/// What the server is doing when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    Quiet,
    Save,
    Rewrite,
}

/// How the data are persisted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    Always,
    EverySecond,
    /// Like `EverySecond`, but the machine fails, not only the process.
    PowerCut,
    /// Without an AOF.
    Snapshots,
}

type CrashCase = (Durability, bool, During);

/// All combinations of persistence, RDB preamble and concurrent activity.
fn cases() -> Vec<CrashCase> {
    let mut cases = Vec::new();
    for during in [During::Rewrite, During::Save, During::Quiet] {
        for preamble in [true, false] {
            for durability in [
                Durability::Always,
                Durability::PowerCut,
                Durability::Always,
                Durability::EverySecond,
            ] {
                cases.push((durability, preamble, during));
            }
        }
        cases.push((Durability::Snapshots, true, during));
    }
    cases
}

/// The scenario.
pub fn run(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let mut rng = Rng::with_seed(plan.seed);
    let cases = cases();
    let start = rng.usize(..cases.len());
    let mut missing = 0;
    for round in 0.. {
        if !plan.may_continue(round) {
            break;
        }
        let case = cases[(start + round as usize) % cases.len()];
        guarded(&mut tally, &format!("{case:?}"), |tally| {
            missing += crash(case, &mut rng, tally);
        });
    }
    println!(
        "crash: {missing} acknowledged commands were missing, which is allowed without `always`"
    );
    tally
}

/// `rdb-key-save-delay` in µs, so that the crash hits the child while it saves.
const SLOW: &str = "8000";

/// A round. Returns the number of missing acknowledged commands, whether or not they may be missing.
fn crash(case: CrashCase, rng: &mut Rng, tally: &mut Tally) -> usize {
    let (durability, preamble, during) = case;
    let when = format!("{case:?}");
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let options = [
        ["--appendonly", yes(durability != Durability::Snapshots)],
        [
            "--appendfsync",
            if durability == Durability::Always {
                "always"
            } else {
                "everysec"
            },
        ],
        ["--aof-use-rdb-preamble", yes(preamble)],
    ];
    let mut server = Server::with(&options.concat());
    let mut con = server.conn();
    let sizes = Sizes::default();
    let pool = WriterPool::start(server.port(), rng.u64(..), Duration::from_millis(1));
    let mut promise = Promise::All;
    std::thread::scope(|scope| {
        scope.spawn(|| sizes.watch(&server));
        let load = match durability {
            Durability::Always | Durability::Snapshots => 200 + rng.usize(..900),
            // Longer than the guaranteed window, so that some of the data are older.
            Durability::EverySecond | Durability::PowerCut => 3300 + rng.usize(..1000),
        };
        let end = Instant::now() + Duration::from_millis(load as u64);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(rng.usize(..300) as u64));
            // Rewrites and snapshots replace files under load.
            match (durability, rng.usize(..3)) {
                (Durability::Snapshots, _) => promise = Promise::Until(save(&mut con)),
                (_, 0) => {
                    let _ = try_cmd!(con, "BGREWRITEAOF");
                }
                _ => {}
            }
        }
        if durability == Durability::Snapshots {
            promise = Promise::Until(save(&mut con));
        }
        if during != During::Quiet {
            idle(&mut con);
            cmd!(con, "CONFIG", "SET", "rdb-key-save-delay", SLOW);
            cmd!(
                con,
                if during == During::Save || durability == Durability::Snapshots {
                    "BGSAVE"
                } else {
                    "BGREWRITEAOF"
                }
            );
            std::thread::sleep(Duration::from_millis(rng.usize(..500) as u64));
        }
        sizes.done.store(true, Ordering::SeqCst);
    });
    drop(con);
    let killed = Instant::now();
    server.kill9();
    tally.faults += 1;
    let ledgers = pool.stop();
    match durability {
        Durability::Always | Durability::Snapshots => {}
        Durability::EverySecond => promise = Promise::Until(killed - Duration::from_secs(2)),
        Durability::PowerCut => {
            sizes.cut(&server, killed - Duration::from_secs(1), rng);
            promise = Promise::Until(killed - Duration::from_secs(3));
        }
    }
    server.start_again();
    let mut con = server.conn();
    let (bounds, checked) = check(&mut con, &ledgers, promise, &when);
    tally.add(checked);
    for finding in recount(&mut con, &ledgers, &bounds, rng, &when) {
        differ(tally, finding);
    }
    let before = digests(&mut con);
    if durability == Durability::Snapshots {
        cmd!(con, "SAVE");
    }
    drop(con);
    server.restart();
    let mut con = server.conn();
    let after = digests(&mut con);
    for (key, digest) in &before {
        // Keys with a TTL of one second may have expired.
        if !key.starts_with("brief") && !after.contains(&(key.clone(), digest.clone())) {
            differ(
                tally,
                format!("{when}: {key} differs after a second restart"),
            );
        }
    }
    let behind = ledgers
        .iter()
        .zip(&bounds)
        .flat_map(|(ledger, bounds)| ledger.ops.iter().skip((bounds.high + 1) as usize));
    behind.filter(|op| op.acknowledged().is_some()).count()
}

fn differ(tally: &mut Tally, finding: String) {
    tally.diverged += 1;
    tally.findings.push(finding);
}

/// Waits until no child process is running.
fn idle(con: &mut Connection) {
    let done = wait_until(Duration::from_secs(60), || {
        let info = info(con, "persistence");
        [
            "rdb_bgsave_in_progress",
            "aof_rewrite_in_progress",
            "aof_rewrite_scheduled",
        ]
        .iter()
        .all(|name| info[*name] == "0")
    });
    assert!(done, "a child process does not exit");
}

/// Runs a complete BGSAVE. Everything acknowledged before the returned time is in it.
fn save(con: &mut Connection) -> Instant {
    let begun = Instant::now();
    cmd!(*con, "BGSAVE");
    idle(con);
    assert_eq!(info(con, "persistence")["rdb_last_bgsave_status"], "ok");
    begun
}

/// The sizes of the AOF files over time.
#[derive(Default)]
struct Sizes {
    seen: Mutex<Vec<(Instant, PathBuf, u64)>>,
    done: AtomicBool,
}

/// The incremental AOF file and its size.
fn aof(server: &Server) -> Option<(PathBuf, u64)> {
    let number = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?.strip_suffix(".incr.aof")?;
        name.rsplit('.').next()?.parse().ok()
    };
    let path = fs::read_dir(server.dir().join("appendonlydir"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .max_by_key(number)?;
    let size = fs::metadata(&path).ok()?.len();
    Some((path, size))
}

impl Sizes {
    fn watch(&self, server: &Server) {
        while !self.done.load(Ordering::SeqCst) {
            let at = Instant::now();
            if let Some((path, size)) = aof(server) {
                self.seen.lock().expect("no panic").push((at, path, size));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Truncates the file at a random point after its size at the time `safe`.
    fn cut(&self, server: &Server, safe: Instant, rng: &mut Rng) {
        let Some((path, size)) = aof(server) else {
            return;
        };
        let seen = self.seen.lock().expect("no panic");
        let kept = seen
            .iter()
            .rfind(|(at, of, _)| *of == path && *at <= safe)
            .map_or(0, |(_, _, size)| *size);
        let lost = rng.usize(..(size - kept) as usize + 1) as u64;
        let file = OpenOptions::new().write(true).open(&path);
        file.and_then(|file| file.set_len(size - lost))
            .expect("truncate the file");
    }
}

/// Checks that the loaded counts equal those of the same messages counted again, that the sums match, and that a copy
/// continues with the number after the last one ever given.
fn recount(
    con: &mut Connection,
    ledgers: &[Ledger],
    bounds: &[Bounds],
    rng: &mut Rng,
    when: &str,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (ledger, bounds) in ledgers.iter().zip(bounds) {
        for (key, mut places) in ledger.by_key() {
            places.retain(|place| *place as i64 <= bounds.low);
            let got = messages(con, key);
            if got.is_empty() || rng.usize(..4) > 0 {
                continue;
            }
            let model = Model::of(places.iter().map(|place| &ledger.ops[*place]));
            let info = map(&cmd!(*con, "CONV.INFO", key));
            let sum: i64 = got.iter().map(|message| message.tokens).sum();
            if int(&info["tokens"]) != sum {
                findings.push(format!(
                    "{when}: {key}: {info:?}, but the counts add up to {sum}"
                ));
            }
            let all: Vec<&[u8]> = got.iter().map(|message| &*message.bytes).collect();
            let rules =
                ["encoding", "overhead", "scale"].map(|name| [name.to_owned(), text(&info[name])]);
            cmd!(*con, "CONV.CREATE", "on:recounted", &rules.concat()[..]);
            cmd!(*con, "CONV.APPEND", "on:recounted", &all[..]);
            let recounted = messages(con, "on:recounted");
            for (message, recounted) in got.iter().zip(&recounted) {
                let given = model
                    .held
                    .get(&message.seq)
                    .and_then(|held| held.sent.given);
                if given.is_none() && message.tokens != recounted.tokens {
                    findings.push(format!(
                        "{when}: {key}: message {} has {} tokens, expected {}",
                        message.seq, message.tokens, recounted.tokens
                    ));
                }
            }
            cmd!(*con, "COPY", key, "on:copy", "REPLACE");
            let number = int(&cmd!(*con, "CONV.APPEND", "on:copy", anything()));
            if number != model.next {
                findings.push(format!(
                    "{when}: {key} continues with {number}, expected {}",
                    model.next
                ));
            }
            cmd!(*con, "DEL", "on:recounted", "on:copy");
        }
    }
    findings
}

fn anything() -> &'static str {
    "{\"role\":\"user\",\"content\":\"on\"}"
}

#[test]
fn short() {
    run(&Plan::short(Duration::from_secs(4), 3)).assert_clean();
}
