//! Whatever a setting decides is decided once: a replica, or the same server after a restart, with other settings
//! holds and answers the same.

use fastrand::Rng;
use redis::Connection;

use crate::random_writes::*;
use crate::samples::*;
use crate::support::*;
use crate::views::*;
use crate::writes::*;

const PRIMARY: [&str; 12] = [
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
];

const REPLICA: [&str; 14] = [
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
    "max-message-bytes",
    "64",
];

/// Waits on this connection until the replica has what was written on it.
fn sent(con: &mut Connection) {
    assert_eq!(int(&cmd!(*con, "WAIT", 1, 20_000)), 1);
}

#[test]
fn a_replica_with_other_settings() {
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
    // The settings were at work: the last of the messages, and an expiry of their own.
    assert!(int(&cmd!(con, "CONV.LEN", "long")) <= 40);
    assert!((1..=5000).contains(&int(&cmd!(con, "TTL", "chat"))));
    assert_eq!(
        text(&map(&cmd!(there, "CONV.INFO", "chat"))["encoding"]),
        "cl100k_base"
    );
    // And a full synchronisation.
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
    // What was created here keeps its attributes when the replica takes over.
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
fn every_write_one_by_one() {
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
fn settings_that_change_between_random_writes() {
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
fn an_aof_replayed_under_other_settings() {
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
