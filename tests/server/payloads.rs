//! Payloads of DUMP that were damaged on the way, or come from the future: an error or a sound conversation, never a
//! dead server.

use redis::Connection;

use crate::dice::*;
use crate::samples::*;
use crate::support::*;
use crate::views::*;

/// Where the type's id ends: a byte for the kind of value, one for the kind of number, eight for the id.
const BEHIND_ID: usize = 10;

/// Version of the RDB format (2 bytes) and CRC64.
const FOOTER: usize = 10;

/// Redis's CRC64: the Jones polynomial, reflected, starting at 0.
fn crc64(bytes: &[u8]) -> u64 {
    const JONES: u64 = 0x95AC_9329_AC4B_C9B5;
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc, _| {
            let carry = if crc & 1 == 1 { JONES } else { 0 };
            (crc >> 1) ^ carry
        })
    })
}

/// A payload without its footer.
fn body(con: &mut Connection, key: &str) -> Vec<u8> {
    let mut payload = bytes(&cmd!(*con, "DUMP", key));
    payload.truncate(payload.len() - FOOTER);
    payload
}

/// The payload with a footer that fits.
fn sealed(body: &[u8], version: [u8; 2]) -> Vec<u8> {
    let mut payload = [body, &version].concat();
    payload.extend(crc64(&payload).to_le_bytes());
    payload
}

fn version(con: &mut Connection, key: &str) -> [u8; 2] {
    let payload = bytes(&cmd!(*con, "DUMP", key));
    let at = payload.len() - FOOTER;
    [payload[at], payload[at + 1]]
}

/// What was restored holds together: all that shows it agrees, and it survives being stored again.
fn assert_sound(con: &mut Connection, key: &str, seed: u64) {
    let info = map(&cmd!(*con, "CONV.INFO", key));
    let all = cmd!(*con, "CONV.RANGE", key, 0, -1);
    assert_eq!(
        int(&info["messages"]),
        items(&all).len() as i64,
        "payload {seed}"
    );
    for end in ["first", "last"] {
        let got = cmd!(*con, "CONV.GET", key, int(&info[end]));
        let expected = match end {
            "first" => items(&all).first(),
            _ => items(&all).last(),
        };
        if let Some(expected) = expected {
            assert_eq!(items(&got).first(), Some(expected), "payload {seed}: {end}");
        }
    }
    let recent = cmd!(*con, "CONV.RECENT", key, 1000, "ANY");
    assert!(items(&recent).len() <= items(&all).len() + 1);
    let again = bytes(&cmd!(*con, "DUMP", key));
    cmd!(*con, "RESTORE", "again", 0, again, "REPLACE");
    assert_eq!(
        digest(con, key),
        digest(con, "again"),
        "payload {seed} stored again"
    );
    assert_eq!(
        recent,
        cmd!(*con, "CONV.RECENT", "again", 1000, "ANY"),
        "payload {seed} stored again"
    );
    if let Err(e) = try_cmd!(*con, "CONV.APPEND", key, says("user", "go on")) {
        assert!(error_line(&e).contains("used up"), "payload {seed}: {e}");
    }
    assert!(try_cmd!(*con, "CONV.POP", key, 3).is_ok());
}

/// One thing after the other goes wrong on the way.
fn damage(dice: &mut Dice, body: &mut Vec<u8>, other: &[u8]) {
    if body.len() <= BEHIND_ID {
        return;
    }
    let at = BEHIND_ID + dice.below(body.len() - BEHIND_ID);
    // Headers and lengths stand in front: half of the damage is done there.
    let near = BEHIND_ID + dice.below(40.min(body.len() - BEHIND_ID));
    let at = if dice.below(2) == 0 { near } else { at };
    match dice.below(8) {
        0 => body.truncate(at),
        1..=3 => body[at] ^= 1 << dice.below(8),
        4 => body[at] = *dice.pick(&[0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xff]),
        5 => drop(body.remove(at)),
        6 => body.insert(at, dice.roll() as u8),
        _ => {
            let from = BEHIND_ID + dice.below(other.len() - BEHIND_ID);
            body.truncate(at);
            body.extend_from_slice(&other[from..]);
        }
    }
}

#[test]
fn the_checksum_is_that_of_redis() {
    assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    let server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    let (body, version) = (body(&mut con, "k"), version(&mut con, "k"));
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
    let version = version(&mut con, "chat");
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..ROUNDS {
        let mut dice = Dice(seed);
        let mut body = dice.pick(&bodies).clone();
        for _ in 0..=dice.below(2) {
            damage(&mut dice, &mut body, &bodies[seed as usize % bodies.len()]);
        }
        if body.len() <= BEHIND_ID {
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
fn every_truncation_is_refused() {
    let mut server = Server::start();
    let mut con = server.conn();
    fill(&mut con);
    let version = version(&mut con, "chat");
    for key in ["summary-upto", "empty"] {
        let body = body(&mut con, key);
        for len in 1..body.len() {
            let payload = sealed(&body[..len], version);
            let reply = try_cmd!(con, "RESTORE", "cut", 0, payload, "REPLACE");
            assert_eq!(err(reply), "ERR Bad data format", "{key} cut at {len}");
        }
    }
    assert!(server.is_alive());
}

#[test]
fn a_version_from_the_future_is_refused() {
    let mut server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    let (body, version) = (body(&mut con, "k"), version(&mut con, "k"));
    // The lowest ten bits of the type's id are its version.
    for future in [0u8, 3, 7, 255] {
        let mut body = body.clone();
        body[BEHIND_ID - 1] = future;
        let reply = try_cmd!(con, "RESTORE", "future", 0, sealed(&body, version));
        assert_eq!(err(reply), "ERR Bad data format", "version {future}");
    }
    assert!(server.is_alive());
    assert!(
        server.log().contains("version 255 is newer than 2"),
        "{}",
        server.log()
    );
    assert_eq!(int(&cmd!(con, "EXISTS", "future")), 0);
}

#[test]
fn what_is_wrong_is_logged_without_the_text() {
    let server = Server::with(&["--rdbcompression", "no"]);
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "open, sesame")]);
    cmd!(
        con,
        "CONV.SETSUMMARY",
        "k",
        "sesame, it said, sesame and again sesame"
    );
    let (body, version) = (body(&mut con, "k"), version(&mut con, "k"));
    let with = |from: &[u8], to: &[u8]| {
        let at = body
            .windows(from.len())
            .position(|w| w == from)
            .expect("what is to be damaged");
        [&body[..at], to, &body[at + to.len()..]].concat()
    };
    // A text stands where a name or a number should.
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
