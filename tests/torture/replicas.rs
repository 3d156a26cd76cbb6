//! Scenario: replication under load and faults. After the load ends, the primary, its replica and the replica's
//! replica must be identical byte by byte, whatever happened to the links between them and whatever their own settings
//! are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;

use crate::durability_check::{Promise, check};
use crate::plan::{Plan, Tally, guarded};
use crate::replica_reader::ReplicaReader;
use crate::replication_chain::{ReplicationChain, control, keep_logs, reload, server};
use crate::snapshot::{differences, keys};
use crate::support::*;
use crate::writers::WriterPool;

/// The scenario.
pub fn run(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let mut rng = Rng::with_seed(plan.seed);
    let mut syncs = [0; 2];
    for round in 0.. {
        if !plan.may_continue(round) {
            break;
        }
        let faults = if plan.rounds == 1 { 5 } else { 8 };
        guarded(&mut tally, &format!("replicas, round {round}"), |tally| {
            let made = run_round(&mut rng, faults, tally);
            syncs = [0, 1].map(|kind| syncs[kind] + made[kind]);
        });
    }
    println!(
        "replicas: {} full and {} partial synchronizations at least",
        syncs[0], syncs[1]
    );
    tally
}

/// The faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The primary closes the link. The replica catches up from the backlog.
    Cut,
    /// The replica closes the link.
    CutByReplica,
    /// The link to the sub-replica is closed.
    CutBelow,
    /// The link stays closed until the backlog no longer covers the gap.
    LongCut,
    Restart,
    Crash,
    CrashBelow,
    Reload,
    /// The primary pauses writes, as before a failover. The module must not write during the pause.
    Pause,
    /// An orderly failover: the replica becomes the primary, and the primary its replica.
    Failover,
    /// The primary crashes and the replica takes over.
    Takeover,
}

const FAULTS: [Fault; 10] = [
    Fault::Cut,
    Fault::CutByReplica,
    Fault::CutBelow,
    Fault::LongCut,
    Fault::Restart,
    Fault::Crash,
    Fault::CrashBelow,
    Fault::Reload,
    Fault::Pause,
    Fault::Failover,
];

/// Settings that affect new conversations or reject messages. A replica must ignore them. This server may become a
/// primary, so none of these settings removes messages.
const OTHER: [&str; 8] = [
    "encoding",
    "cl100k_base",
    "media-tokens",
    "7",
    "overhead",
    "11",
    "assume-complete",
    "no",
];

/// As [`OTHER`], for the sub-replica, which never becomes a primary.
const WILD: [&str; 16] = [
    "encoding",
    "r50k_base",
    "media-tokens",
    "1000",
    "scale",
    "77",
    "assume-complete",
    "no",
    "max-messages",
    "3",
    "max-tokens",
    "50",
    "ttl",
    "5",
    "max-message-bytes",
    "64",
];

fn attach(replica: &Server, primary: &Server) {
    let mut con = replica.conn();
    let mut last = None;
    // A server that has just started may still be loading what its previous primary sent.
    let attached = wait_until(Duration::from_secs(30), || {
        last = try_cmd!(con, "REPLICAOF", "127.0.0.1", primary.port()).err();
        last.is_none()
    });
    assert!(attached, "REPLICAOF: {last:?}");
}

/// A round: three servers, some faults, a comparison. Returns the numbers of full and partial synchronizations that
/// the remaining servers served.
fn run_round(rng: &mut Rng, faults: usize, tally: &mut Tally) -> [u64; 2] {
    let primary = server(rng, &[], None);
    let pool = WriterPool::start(primary.port(), rng.u64(..), Duration::from_millis(4));
    let replica = server(rng, &OTHER, Some(&primary));
    let below = server(rng, &WILD, Some(&replica));
    let mut chain = ReplicationChain {
        primary,
        replica,
        below,
    };
    let reader = ReplicaReader::default();
    let ports = [chain.replica.port(), chain.below.port()];
    let mut done = vec!["start".to_string()];
    let mut promise = Promise::All;
    std::thread::scope(|scope| {
        scope.spawn(|| reader.read(ports));
        let _stops = Stop(&reader.done);
        for _ in 0..faults {
            std::thread::sleep(Duration::from_millis(100 + rng.usize(..500) as u64));
            let fault = *rng.choice(&FAULTS).unwrap();
            done.push(format!("{fault:?}"));
            tally.faults += 1;
            inject(fault, &mut chain, &pool, rng);
        }
        if rng.usize(..3) == 0 {
            done.push(format!("{:?}", Fault::Takeover));
            tally.faults += 1;
            promise = Promise::Nothing;
            inject(Fault::Takeover, &mut chain, &pool, rng);
        }
    });
    let when = done.join(" ");
    let ledgers = pool.stop();
    let before = tally.findings.len();
    tally.findings.extend(reader.findings(&when));
    settle(&mut chain);
    let mut con = chain.primary.conn();
    let (_, checked) = check(&mut con, &ledgers, promise, &when);
    tally.add(checked);
    for other in [&chain.replica, &chain.below] {
        let mut found = differences(&mut con, &mut other.conn(), &when);
        found.extend(control(&mut con, &mut other.conn(), &when));
        tally.diverged += found.len() as u64;
        tally.findings.extend(found);
        let log = other.log();
        if let Some(line) = log
            .lines()
            .find(|line| line.contains("internal error") || line.contains("sending an error"))
        {
            tally.diverged += 1;
            tally.findings.push(format!("{when}: {line}"));
        }
    }
    if tally.findings.len() > before {
        let kept = keep_logs(&chain, &when);
        tally.findings.push(format!("{when}: logs in {kept}"));
    }
    let stats = [&chain.primary, &chain.replica].map(|server| info(&mut server.conn(), "stats"));
    ["sync_full", "sync_partial_ok"].map(|name| {
        let given = stats.iter().map(|stats| stats[name].parse::<u64>());
        given.map(|given| given.expect("a number")).sum()
    })
}

/// Waits until all messages are counted, keys with a TTL of one second have expired, and all replicas have caught up.
fn settle(chain: &mut ReplicationChain) {
    let mut con = chain.primary.conn();
    for key in keys(&mut con) {
        // All messages, and the summary.
        for options in [&["ANY", "NOSUMMARY"][..], &["ANY"]] {
            cmd!(con, "CONV.RECENT", &key, 999_999_999_i64, options);
        }
    }
    for (replica, of) in [
        (&chain.replica, &chain.primary),
        (&chain.below, &chain.replica),
    ] {
        caught_up(replica, of);
    }
    let gone = wait_until(Duration::from_secs(10), || {
        let brief = cmd!(con, "KEYS", "brief:*");
        let left = items(&brief)
            .iter()
            .map(|key| int(&cmd!(con, "PTTL", text(key))));
        // Other keys have no TTL, or one of 1000 s.
        left.into_iter().all(|ms| !(0..=1000).contains(&ms))
    });
    assert!(gone, "keys with a TTL of one second did not expire");
    for (replica, of) in [
        (&chain.replica, &chain.primary),
        (&chain.below, &chain.replica),
    ] {
        caught_up(replica, of);
    }
}

/// Waits until the writers have received `more` further acknowledgements.
fn load(pool: &WriterPool, more: u64) {
    let until = pool.acknowledged() + more;
    let came = wait_until(Duration::from_secs(60), || pool.acknowledged() >= until);
    assert!(came, "the writers make no progress");
}

fn inject(fault: Fault, chain: &mut ReplicationChain, pool: &WriterPool, rng: &mut Rng) {
    match fault {
        Fault::Cut => drop(try_cmd!(
            chain.primary.conn(),
            "CLIENT",
            "KILL",
            "TYPE",
            "replica"
        )),
        Fault::CutByReplica => {
            drop(try_cmd!(
                chain.replica.conn(),
                "CLIENT",
                "KILL",
                "TYPE",
                "master"
            ));
        }
        Fault::CutBelow => drop(try_cmd!(
            chain.replica.conn(),
            "CLIENT",
            "KILL",
            "TYPE",
            "replica"
        )),
        Fault::LongCut => {
            let mut con = chain.replica.conn();
            let mut primary = chain.primary.conn();
            std::thread::scope(|scope| {
                // While it sleeps, the replica neither reads nor reconnects.
                scope.spawn(move || drop(try_cmd!(con, "DEBUG", "SLEEP", "0.7")));
                for _ in 0..6 {
                    std::thread::sleep(Duration::from_millis(100));
                    let _ = try_cmd!(primary, "CLIENT", "KILL", "TYPE", "replica");
                }
            });
        }
        Fault::Restart => {
            load(pool, 20);
            // With a file it resumes at its offset; without one it starts empty.
            let save = *rng.choice(&["NOSAVE", "SAVE"]).unwrap();
            let _ = try_cmd!(chain.replica.conn(), "SHUTDOWN", save);
            assert!(wait_until(Duration::from_secs(30), || !chain
                .replica
                .is_alive()));
            load(pool, 50);
            revive(&mut chain.replica, &chain.primary);
        }
        Fault::Crash => {
            chain.replica.kill9();
            load(pool, 20);
            revive(&mut chain.replica, &chain.primary);
        }
        Fault::CrashBelow => {
            chain.below.kill9();
            revive(&mut chain.below, &chain.replica);
        }
        Fault::Pause => {
            cmd!(chain.primary.conn(), "CLIENT", "PAUSE", 300, "WRITE");
        }
        Fault::Reload => {
            // Newer servers reply LOADING to the stream of their primary during DEBUG RELOAD, and so lose part of it.
            // Redis 8.6.3 and Valkey 9.1.2 do this with plain INCR and without any module.
            let about = info(&mut chain.replica.conn(), "server");
            let loses = about.contains_key("valkey_version") || &*about["redis_version"] >= "8";
            let mut con = chain.primary.conn();
            if loses {
                cmd!(con, "CLIENT", "PAUSE", 60_000, "WRITE");
                caught_up(&chain.replica, &chain.primary);
            }
            reload(&chain.replica);
            if loses {
                cmd!(con, "CLIENT", "UNPAUSE");
            }
        }
        Fault::Failover => {
            let mut old = chain.primary.conn();
            cmd!(old, "CLIENT", "PAUSE", 60_000, "WRITE");
            caught_up(&chain.replica, &chain.primary);
            cmd!(chain.replica.conn(), "REPLICAOF", "NO", "ONE");
            pool.move_to(chain.replica.port());
            attach(&chain.primary, &chain.replica);
            cmd!(old, "CLIENT", "UNPAUSE");
            std::mem::swap(&mut chain.primary, &mut chain.replica);
            // The sub-replica follows the new primary. Attach it to the end of the chain again.
            attach(&chain.below, &chain.replica);
            load(pool, 20);
        }
        Fault::Takeover => {
            // A replica in the middle of a full synchronization has no data to take over with.
            let mut con = chain.replica.conn();
            let up = wait_until(Duration::from_secs(60), || {
                info(&mut con, "replication")["master_link_status"] == "up"
            });
            assert!(up, "the replica did not finish its full synchronization");
            chain.primary.kill9();
            cmd!(chain.replica.conn(), "REPLICAOF", "NO", "ONE");
            std::mem::swap(&mut chain.primary, &mut chain.replica);
            revive(&mut chain.replica, &chain.primary);
            attach(&chain.below, &chain.replica);
        }
    }
}

/// Restarts a server that exited, as a replica of `primary`, which may have changed.
fn revive(replica: &mut Server, primary: &Server) {
    replica.start_again();
    attach(replica, primary);
}

/// Sets the flag when dropped, also by a panic.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn short() {
    run(&Plan::short(Duration::from_secs(5), 1)).assert_clean();
}
