//! Scenario: a full disk, and failed allocations. The server must report errors, keep the old files intact, and have
//! all data once there is space again.

use std::fs;
use std::time::Duration;

use fastrand::Rng;
use redis::Connection;

use crate::full_disk::Disk;
use crate::messages::exchange;
use crate::plan::{Plan, Tally, guarded};
use crate::snapshot::digests;
use crate::support::*;

type Round = fn(&mut Rng, &mut Tally);

/// The scenario.
pub fn run(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let mut rng = Rng::with_seed(plan.seed);
    for round in 0.. {
        if !plan.may_continue(round) {
            break;
        }
        let rounds: [(&str, Round); 4] = [
            ("AOF, always", aof_always),
            ("AOF, everysec", aof_every_second),
            ("RDB", snapshots),
            ("memory", crate::allocation::round),
        ];
        let (what, scenario) = rounds[round as usize % rounds.len()];
        guarded(&mut tally, what, |tally| scenario(&mut rng, tally));
    }
    tally
}

/// Appends until a reply satisfies `end`, at most `times` times. Returns the last error.
fn append(con: &mut Connection, rng: &mut Rng, times: usize, tally: &mut Tally) -> Option<String> {
    for _ in 0..times {
        let key = format!("k{}", rng.usize(..10));
        match try_cmd!(*con, "CONV.APPEND", &key, exchange(rng)) {
            Ok(_) => tally.acknowledged += 1,
            Err(error) if error.code().is_some() => return Some(error_line(&error)),
            Err(_) => return Some("closed".into()),
        }
    }
    None
}

fn differ(tally: &mut Tally, finding: String) {
    tally.diverged += 1;
    tally.findings.push(finding);
}

/// Checks that the data are unchanged.
fn compare(con: &mut Connection, before: &[(String, String)], when: &str, tally: &mut Tally) {
    let after = digests(con);
    for (key, digest) in before {
        if !after.contains(&(key.clone(), digest.clone())) {
            differ(tally, format!("{when}: {key} changed"));
        }
    }
    if after.len() != before.len() {
        differ(
            tally,
            format!("{when}: {} keys became {}", before.len(), after.len()),
        );
    }
    for (key, _) in &after {
        let read = cmd!(*con, "CONV.RECENT", key, 1_000_000, "WITHINFO");
        assert!(!items(&map(&read)["messages"]).is_empty(), "{when}: {key}");
    }
}

fn saved(con: &mut Connection) -> String {
    cmd!(*con, "BGSAVE");
    let done = wait_until(Duration::from_secs(30), || {
        info(con, "persistence")["rdb_bgsave_in_progress"] == "0"
    });
    assert!(done, "BGSAVE does not finish");
    info(con, "persistence")["rdb_last_bgsave_status"].clone()
}

/// A BGSAVE without disk space must keep the previous snapshot. Writes fail until a BGSAVE succeeds.
fn snapshots(rng: &mut Rng, tally: &mut Tally) {
    // Redis rejects writes after a failed save only if save points are configured. These are never reached.
    let mut disk = Disk::new(&["--save", "86400 100000000"]);
    let mut con = disk.server.conn();
    assert_eq!(append(&mut con, rng, 100, tally), None);
    assert_eq!(saved(&mut con), "ok");
    let old = digests(&mut con);
    let file = fs::read(disk.dir().join("dump.rdb")).expect("a snapshot");
    assert_eq!(append(&mut con, rng, 100, tally), None);
    let new = digests(&mut con);
    disk.fill(file.len() as u64 / 2);
    tally.faults += 1;
    if saved(&mut con) != "err" {
        differ(tally, "BGSAVE succeeded on a full disk".into());
    }
    if try_cmd!(con, "SAVE").is_ok() {
        differ(tally, "SAVE succeeded on a full disk".into());
    }
    if fs::read(disk.dir().join("dump.rdb")).ok() != Some(file) {
        differ(tally, "the old snapshot changed".into());
    }
    match append(&mut con, rng, 1, &mut Tally::default()) {
        Some(error) if error.starts_with("MISCONF") => {}
        other => differ(tally, format!("a write after a failed save: {other:?}")),
    }
    compare(&mut con, &new, "no disk space for a snapshot", tally);
    if rng.usize(..2) == 0 {
        // Kill the server now: it must start with the contents of the old snapshot.
        disk.server.kill9();
        disk.server.start_again();
        compare(&mut disk.server.conn(), &old, "the old snapshot", tally);
        return;
    }
    disk.free();
    if saved(&mut con) != "ok" {
        differ(tally, "BGSAVE failed although there was disk space".into());
    }
    assert_eq!(append(&mut con, rng, 20, tally), None);
    assert_eq!(saved(&mut con), "ok");
    let new = digests(&mut con);
    disk.server.kill9();
    disk.server.start_again();
    compare(
        &mut disk.server.conn(),
        &new,
        "disk space for a snapshot again",
        tally,
    );
}

/// With a full disk and `everysec`, Redis rejects writes, and keeps the unwritten part of the AOF until it can write
/// it.
fn aof_every_second(rng: &mut Rng, tally: &mut Tally) {
    let mut disk = Disk::new(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    let mut con = disk.server.conn();
    assert_eq!(append(&mut con, rng, 100, tally), None);
    disk.fill(rng.usize(..200_000) as u64);
    tally.faults += 1;
    // While an fsync is running Redis postpones writing for up to two seconds.
    let mut error = None;
    wait_until(Duration::from_secs(20), || {
        error = append(&mut con, rng, 20, tally);
        error.is_some()
    });
    if !error
        .as_ref()
        .is_some_and(|error| error.starts_with("MISCONF"))
    {
        differ(
            tally,
            format!("with a full disk, a write returned {error:?}"),
        );
    }
    let before = digests(&mut con);
    for _ in 0..20 {
        if append(&mut con, rng, 1, &mut Tally::default()).is_none() {
            differ(
                tally,
                "a write was accepted that cannot be persisted".into(),
            );
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    compare(&mut con, &before, "no disk space for the AOF", tally);
    disk.free();
    await_aof(&mut con, tally);
    assert_eq!(append(&mut con, rng, 20, tally), None);
    rewrite_without_room(&disk, &mut con, tally);
    // Redis may have tried to append to the AOF during the rewrite, and retries once a second.
    await_aof(&mut con, tally);
    assert_eq!(append(&mut con, rng, 20, tally), None);
    let before = digests(&mut con);
    drop(con);
    if rng.usize(..2) == 0 {
        std::thread::sleep(Duration::from_millis(2000));
        disk.server.kill9();
        disk.server.start_again();
    } else {
        disk.server.restart();
    }
    compare(
        &mut disk.server.conn(),
        &before,
        "disk space for the AOF again",
        tally,
    );
}

/// Waits until Redis writes the AOF again.
fn await_aof(con: &mut Connection, tally: &mut Tally) {
    let written = wait_until(Duration::from_secs(10), || {
        info(con, "persistence")["aof_last_write_status"] == "ok"
    });
    if !written {
        differ(
            tally,
            "the AOF is not written although there is disk space".into(),
        );
    }
}

/// A rewrite without disk space must leave the data unchanged. No write happens in the meantime: Redis opens the AOF
/// file that follows a rewrite without O_APPEND, so after a short write it would continue after a hole and could not
/// load the file.
fn rewrite_without_room(disk: &Disk, con: &mut Connection, tally: &mut Tally) {
    let before = digests(con);
    // While an fsync is running Redis postpones writing, on a busy machine into the rewrite.
    let written = wait_until(Duration::from_secs(30), || {
        let info = info(con, "persistence");
        info["aof_buffer_length"] == "0" && info["aof_pending_bio_fsync"] == "0"
    });
    assert!(written, "the AOF is not written");
    disk.fill(8192);
    tally.faults += 1;
    let _ = try_cmd!(*con, "BGREWRITEAOF");
    let end = wait_until(Duration::from_secs(30), || {
        let info = info(con, "persistence");
        info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
    });
    assert!(end, "BGREWRITEAOF does not finish");
    if info(con, "persistence")["aof_last_bgrewrite_status"] == "ok" {
        differ(tally, "BGREWRITEAOF succeeded on a full disk".into());
    }
    compare(con, &before, "no disk space for a rewrite", tally);
    disk.free();
}

/// With a full disk and `always`, Redis exits, because it could not keep its guarantee. All acknowledged writes must
/// be there.
fn aof_always(rng: &mut Rng, tally: &mut Tally) {
    let mut disk = Disk::new(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut con = disk.server.conn();
    assert_eq!(append(&mut con, rng, 100, tally), None);
    disk.fill(rng.usize(..200_000) as u64);
    tally.faults += 1;
    // The last acknowledged sequence number of each conversation.
    let mut held = std::collections::BTreeMap::new();
    let ended = loop {
        let key = format!("k{}", rng.usize(..10));
        match try_cmd!(con, "CONV.APPEND", &key, exchange(rng)) {
            Ok(reply) => {
                tally.acknowledged += 1;
                held.insert(key.clone(), (int(&reply), digest(&mut con, &key)));
            }
            Err(_) => break key,
        }
    };
    let by_itself = wait_until(Duration::from_secs(10), || !disk.server.is_alive());
    if !by_itself
        || !disk
            .server
            .log()
            .contains("Can't recover from AOF write error")
    {
        tally.crashed += 1;
        tally
            .findings
            .push(format!("a full disk under `always`: {}", disk.server.log()));
        return;
    }
    if disk.mount.is_some() {
        disk.free();
    }
    disk.server.start_again();
    let mut con = disk.server.conn();
    for (key, (number, before)) in held {
        let last = int(&map(&cmd!(con, "CONV.INFO", &key))["last"]);
        // The last write was not acknowledged, so it may be there or not.
        let whole = digest(&mut con, &key) == before || (key == ended && last > number);
        if last < number || !whole {
            tally.lost += 1;
            tally.findings.push(format!(
                "a full disk under `always`: {key}: {number} became {last}"
            ));
        }
    }
}

#[test]
fn short() {
    run(&Plan::short(Duration::from_secs(8), 4)).assert_clean();
}
