//! A setting takes effect once, when a command is executed. A replica with other settings, or the same server
//! restarted with other settings, must have the same data and return the same replies.

use fastrand::Rng;
use redis::Connection;

use crate::random_writes::*;
use crate::samples::*;
use crate::support::*;
use crate::views::*;
use crate::writes::*;

const PRIMARY: [&str; 16] = [
    "encoding",
    "cl100k_base",
    "max-messages",
    "40",
    "max-tokens",
    "2000",
    "ttl",
    "5000",
    "assume-complete",
    "no",
    "media-tokens",
    "11",
    "overhead",
    "9",
    "scale",
    "130",
];

const REPLICA: [&str; 18] = [
    "encoding",
    "r50k_base",
    "max-messages",
    "3",
    "max-tokens",
    "20",
    "ttl",
    "7",
    "assume-complete",
    "yes",
    "media-tokens",
    "1000",
    "overhead",
    "0",
    "scale",
    "33",
    "max-message-bytes",
    "64",
];

/// Waits until the replica has all writes of this connection.
fn sent(con: &mut Connection) {
    assert_eq!(int(&cmd!(*con, "WAIT", 1, 20_000)), 1);
}

#[test]
fn a_replica_with_other_settings_has_the_same_data() {
    let primary = Server::with_module_args(&[], &PRIMARY);
    let replica = Server::with_module_args(&[], &REPLICA);
    replicate(&replica, &primary);
    let (mut con, mut there) = (primary.conn(), replica.conn());
    let keys = fill(&mut con);
    sent(&mut con);
    let expected = views(&mut con, &keys);
    assert_same(
        &keys,
        &expected,
        &views(&mut there, &keys),
        "the commands one by one",
    );
    // Verify that the settings took effect: only the last messages are kept, and the keys expire.
    assert!(int(&cmd!(con, "CONV.LEN", "long")) <= 40);
    assert!((1..=5000).contains(&int(&cmd!(con, "TTL", "chat"))));
    assert_eq!(
        text(&map(&cmd!(there, "CONV.INFO", "chat"))["encoding"]),
        "cl100k_base"
    );
    // Repeat with a full synchronization.
    let late = Server::with_module_args(&[], &REPLICA);
    replicate(&late, &primary);
    assert_same(
        &keys,
        &expected,
        &views(&mut late.conn(), &keys),
        "synchronised at once",
    );
    cmd!(there, "DEBUG", "RELOAD");
    assert_same(
        &keys,
        &expected,
        &views(&mut there, &keys),
        "the replica reloaded",
    );
    // Conversations created on the primary keep their attributes after the replica is promoted.
    cmd!(there, "REPLICAOF", "NO", "ONE");
    append(&mut there, "chat", &[says("user", "more")]);
    assert_eq!(int(&cmd!(there, "CONV.LEN", "chat")), 9);
    append(&mut there, "new", &[says("user", "new")]);
    assert_eq!(
        text(&map(&cmd!(there, "CONV.INFO", "new"))["encoding"]),
        "r50k_base"
    );
}

#[test]
fn every_write_command_replicates_identically() {
    let primary = Server::with_module_args(&[], &PRIMARY);
    let replica = Server::with_module_args(&[], &REPLICA);
    replicate(&replica, &primary);
    let (mut con, mut there) = (primary.conn(), replica.conn());
    prepare(&mut con);
    for args in effective() {
        go(&mut con, &args);
        sent(&mut con);
        let key = [&args[1]];
        let expected = [view(&mut con, key[0])];
        assert_same(
            &key,
            &expected,
            &[view(&mut there, key[0])],
            &args.join(" "),
        );
    }
}

#[test]
fn settings_may_change_between_random_writes() {
    let primary = Server::start();
    let replica = Server::with_module_args(&[], &REPLICA);
    replicate(&replica, &primary);
    let (mut con, mut there) = (primary.conn(), replica.conn());
    let mut rng = Rng::with_seed(11);
    let mut keys = Vec::new();
    for round in 0..40 {
        let (setting, values) = rng
            .choice(&[
                ("conv.encoding", ["o200k_base", "p50k_base"]),
                ("conv.max-messages", ["0", "12"]),
                ("conv.max-tokens", ["0", "150"]),
                ("conv.ttl", ["0", "600"]),
                ("conv.assume-complete", ["yes", "no"]),
                ("conv.media-tokens", ["5", "500"]),
            ])
            .unwrap();
        cmd!(con, "CONFIG", "SET", *setting, *rng.choice(values).unwrap());
        keys.push(format!("key {round}"));
        for _ in 0..25 {
            let key = rng.choice(&keys).unwrap().clone();
            let _ = run(&mut con, &random_write(&mut rng, &key));
        }
    }
    sent(&mut con);
    keys.retain(|key| int(&cmd!(con, "EXISTS", key)) == 1);
    assert!(keys.len() > 30, "{} keys", keys.len());
    let expected = views(&mut con, &keys);
    assert_same(&keys, &expected, &views(&mut there, &keys), "random writes");
}

#[test]
fn an_aof_replays_identically_under_other_settings() {
    let mut server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut con = server.conn();
    for pair in PRIMARY.chunks(2) {
        cmd!(con, "CONFIG", "SET", format!("conv.{}", pair[0]), pair[1]);
    }
    let keys = fill(&mut con);
    let before = views(&mut con, &keys);
    drop(con);
    server.kill9();
    server.start_again();
    let mut con = server.conn();
    assert_eq!(
        text(&items(&cmd!(con, "CONFIG", "GET", "conv.encoding"))[1]),
        "o200k_base"
    );
    assert_same(&keys, &before, &views(&mut con, &keys), "the AOF replayed");
}
