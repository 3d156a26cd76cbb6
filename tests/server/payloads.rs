//! Damaged DUMP payloads and payloads of newer versions: RESTORE returns an error or creates a consistent
//! conversation. The server never crashes.

use fastrand::Rng;
use redis::Connection;

use crate::samples::*;
use crate::support::payload::*;
use crate::support::sound::{ANY_PROMPT, unsound};
use crate::support::*;
use crate::views::*;

/// Checks that the restored conversation is consistent.
fn assert_sound(con: &mut Connection, key: &str, seed: u64) {
    let found = unsound(con, &[key], ANY_PROMPT).expect("a server");
    assert_eq!(found, [], "payload {seed}");
}

#[test]
fn the_checksum_equals_that_of_redis() {
    assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    let server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    let (body, version) = (body(&mut con, "k"), rdb_version(&mut con, "k"));
    assert_eq!(sealed(&body, version), bytes(&cmd!(con, "DUMP", "k")));
}

#[test]
fn damaged_payloads_do_no_harm() {
    const ROUNDS: u64 = 6000;
    let mut server = Server::start();
    let mut con = server.conn();
    fill(&mut con);
    cmd!(
        con,
        "CONV.SETSUMMARY",
        "mixed",
        "a summary that nobody shall find in the log"
    );
    let keys = [
        "chat",
        "mixed",
        "all-set",
        "open",
        "summary-upto",
        "explicit",
        "gaps",
        "empty",
        "random:0",
        ODD_KEY,
    ];
    let mut bodies = Vec::new();
    for compressed in ["no", "yes"] {
        cmd!(con, "CONFIG", "SET", "rdbcompression", compressed);
        bodies.extend(keys.map(|key| body(&mut con, key)));
    }
    let version = rdb_version(&mut con, "chat");
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..ROUNDS {
        let mut rng = Rng::with_seed(seed);
        let mut body = rng.choice(&bodies).unwrap().clone();
        for _ in 0..=rng.usize(..2) {
            damage(&mut rng, &mut body, &bodies[seed as usize % bodies.len()]);
        }
        if body.len() <= AFTER_ID {
            continue;
        }
        match try_cmd!(
            con,
            "RESTORE",
            "damaged",
            0,
            sealed(&body, version),
            "REPLACE"
        ) {
            Ok(_) => {
                taken += 1;
                assert_sound(&mut con, "damaged", seed);
            }
            Err(e) => {
                refused += 1;
                assert_eq!(error_line(&e), "ERR Bad data format", "payload {seed}");
            }
        }
    }
    assert!(
        taken > ROUNDS / 50 && refused > ROUNDS / 2,
        "{taken} taken, {refused} refused"
    );
    assert!(server.is_alive());
    let log = server.log();
    assert!(!log.contains("internal error"), "a panic");
    for text in [
        "nobody", "capital", "Paris", "Norway", "brief", "question", "edited",
    ] {
        let line = log.lines().find(|line| line.contains(text));
        assert_eq!(line, None, "text of a conversation stands in the log");
    }
    go_on(&mut con);
}

#[test]
fn truncated_payloads_are_rejected() {
    let mut server = Server::start();
    let mut con = server.conn();
    fill(&mut con);
    let version = rdb_version(&mut con, "chat");
    for key in ["summary-upto", "empty"] {
        let body = body(&mut con, key);
        for len in 1..body.len() {
            let payload = sealed(&body[..len], version);
            let reply = try_cmd!(con, "RESTORE", "cut", 0, payload, "REPLACE");
            assert!(
                reply.is_err(),
                "{key} cut at {len} of {}: {:?}",
                body.len(),
                body
            );
            assert_eq!(err(reply), "ERR Bad data format", "{key} cut at {len}");
        }
    }
    assert!(server.is_alive());
}

#[test]
fn newer_versions_are_rejected() {
    let mut server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    let (body, version) = (body(&mut con, "k"), rdb_version(&mut con, "k"));
    // The lowest ten bits of the type id are its version.
    let newest = conv::codec::VERSION;
    for future in [0, newest as u8 + 1, newest as u8 + 3, 255] {
        let mut body = body.clone();
        body[AFTER_ID - 1] = future;
        let reply = try_cmd!(con, "RESTORE", "future", 0, sealed(&body, version));
        assert_eq!(err(reply), "ERR Bad data format", "version {future}");
    }
    assert!(server.is_alive());
    let expected = format!("version 255 is newer than {newest}");
    assert!(server.log().contains(&expected), "{}", server.log());
    assert_eq!(int(&cmd!(con, "EXISTS", "future")), 0);
}

#[test]
fn errors_are_logged_without_message_texts() {
    let server = Server::with(&["--rdbcompression", "no"]);
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "open, sesame")]);
    cmd!(
        con,
        "CONV.SETSUMMARY",
        "k",
        "sesame, it said, sesame and again sesame"
    );
    let (body, version) = (body(&mut con, "k"), rdb_version(&mut con, "k"));
    let with = |from: &[u8], to: &[u8]| {
        let at = body
            .windows(from.len())
            .position(|w| w == from)
            .expect("what is to be damaged");
        [&body[..at], to, &body[at + to.len()..]].concat()
    };
    // A text in place of a name or a number.
    let damaged = [
        with(b"\xaao200k_base", b"\xaasay sesame"),
        with(b"\xa7updated", b"\xa7sesames"),
        with(b"\xa4text", b"\xb4text"),
        with(b"\xa7created", b"\xa7created\xa8a sesame"),
        with(b"{\"role\"", b"{\"\xffole\""),
        with(b"\"user\"", b"\"user,\""),
        with(b"content\":\"open", b"content\":sesame"),
        with(b"\"user\"", b"[\"us\"]"),
    ];
    for (n, body) in damaged.iter().enumerate() {
        let reply = try_cmd!(con, "RESTORE", "damaged", 0, sealed(body, version));
        assert_eq!(err(reply), "ERR Bad data format", "payload {n}");
    }
    let log = server.log();
    assert!(
        log.matches("<conv> conv-list: ").count() >= damaged.len(),
        "{log}"
    );
    assert_eq!(log.lines().find(|line| line.contains("sesame")), None);
}
