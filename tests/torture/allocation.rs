//! Failed allocations: a request or a payload that needs an absurd amount of memory must get an error, and the server
//! must continue.

use std::fs;

use fastrand::Rng;
use redis::Connection;

use crate::full_disk::limit;
use crate::plan::Tally;
use crate::samples::{chat, says};
use crate::snapshot::digests;
use crate::support::payload::{AFTER_ID, sealed};
use crate::support::*;

/// Sizes that no machine can allocate.
const ABSURD: [u64; 7] = [
    1 << 28,
    1 << 31,
    u32::MAX as u64,
    1 << 40,
    i64::MAX as u64 - 64,
    u64::MAX - 16,
    u64::MAX,
];

/// A length as RDB encodes it: a marker byte, then 32 or 64 bits, big endian.
fn rdb_length(len: u64) -> Vec<u8> {
    match u32::try_from(len) {
        Ok(len) => [&[0x80][..], &len.to_be_bytes()].concat(),
        Err(_) => [&[0x81][..], &len.to_be_bytes()].concat(),
    }
}

/// LEB128, as used in the frames of messages.
fn leb(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// The opcode of a string in a module value.
const STRING: u8 = 5;

/// The position of the content of the first frame, after the opcode and the length of the string.
fn frames_begin(frames: &[u8]) -> usize {
    assert_eq!(frames[0], STRING, "the layout of the stored form changed");
    2 + usize::from(frames[1] >> 6 == 1)
}

/// Payload bodies that announce more data than they hold: in the lengths of RDB, of the header and of a message.
fn bodies(body: &[u8]) -> Vec<Vec<u8>> {
    // The header is the first string. Its length is encoded in 14 bits.
    let (id, value) = body.split_at(AFTER_ID);
    assert!(
        value[0] == STRING && value[1] >> 6 == 1,
        "the layout of the stored form changed"
    );
    let len = usize::from(value[1] & 0x3f) << 8 | usize::from(value[2]);
    let (header, frames) = value[3..].split_at(len);
    let string = |bytes: &[u8]| [&[STRING][..], &rdb_length(bytes.len() as u64), bytes].concat();
    // Replaces the value after a name in the header.
    let field = |name: &[u8], old: usize, new: &[u8]| {
        let found = header.windows(name.len()).position(|window| window == name);
        let at = found.expect("a field") + name.len();
        let header = [&header[..at], new, &header[at + old..]].concat();
        [id, &string(&header), frames].concat()
    };
    let mut bodies = Vec::new();
    // A compressed text that claims the largest size a text of its length may have, which is more than the available
    // memory.
    let claimed = 2 * SPARE;
    let description = [&[1, 1, 2, 0, 0][..], &leb(claimed)].concat();
    let text = vec![7; usize::try_from(claimed / 60).expect("a size")];
    bodies.push(
        [
            id,
            &string(header),
            &string(&description),
            &string(&text),
            &[0],
        ]
        .concat(),
    );
    for len in ABSURD {
        let small = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        let large = len.to_be_bytes();
        // A string, plain and LZF-compressed.
        bodies.push([id, &[STRING], &rdb_length(len), &value[3..]].concat());
        for (from, to) in [(20, len), (len, 20), (len, len)] {
            let lengths = [rdb_length(from), rdb_length(to)].concat();
            bodies.push([id, &[STRING, 0xc3], &lengths, &[0; 20]].concat());
        }
        // More messages than follow, and an array instead of their number.
        bodies.push(field(b"\xa8messages", 1, &[&[0xcf][..], &large].concat()));
        bodies.push(field(b"\xa8messages", 1, &[&[0xdd][..], &small].concat()));
        // The summary text (two bytes of opcode and length) as a string, bytes, an array and a map.
        for mark in [0xdb, 0xc6, 0xdd, 0xdf] {
            bodies.push(field(b"\xa4text", 2, &[&[mark][..], &small].concat()));
        }
        // A header that claims to be a map of this many fields.
        let map = [&[0xdf][..], &small, &header[1..]].concat();
        bodies.push([id, &string(&map), frames].concat());
        // The length of the first message, after its state, number, time and tokens. The length of the frame stays the
        // same.
        let mut at = frames_begin(frames) + 2;
        for _ in 0..3 {
            at += frames[at..]
                .iter()
                .take_while(|byte| **byte >= 0x80)
                .count()
                + 1;
        }
        let leb = leb(len);
        let frames = [&frames[..at], &leb, &frames[at + leb.len()..]].concat();
        bodies.push([id, &string(header), &frames].concat());
    }
    bodies
}

/// Commands that ask for more than is possible.
fn commands(rng: &mut Rng) -> Vec<Vec<String>> {
    let most = i64::MAX.to_string();
    let lines: [&[&str]; 15] = [
        &["CONV.RECENT", "k", &most, "MESSAGES", &most],
        &["CONV.RECENT", "k", &most, "STEP", &most],
        &[
            "CONV.RECENT",
            "k",
            &most,
            "FORMAT",
            "JSON",
            "START",
            "USER",
            "OVERSIZE",
            "KEEP",
        ],
        &["CONV.RECENT", "k", &most, "FORMAT", "MSGPACK"],
        &["CONV.RANGE", "k", "-9223372036854775808", &most],
        &["CONV.GET", "k", &most, "-9223372036854775808", "0"],
        &["CONV.POP", "empty", &most],
        &["CONV.POP", "missing", &most],
        &["CONV.DEL", "k", &most, "-9223372036854775808"],
        &["CONV.TRIM", "k", "MAXMESSAGES", &most],
        &["CONV.TRIM", "k", "BEFORE", "-9223372036854775808"],
        &[
            "CONV.CREATE",
            "many",
            "MAXMESSAGES",
            &most,
            "MAXTOKENS",
            &most,
        ],
        &["CONV.SETSUMMARY", "k", "so far", "UPTO", &most],
        &[
            "CONV.EFFECT",
            "k",
            "{\"v\":1,\"at\":1,\"drop\":[[-9223372036854775808,9223372036854775807]],\"push\":[[9223372036854775806,0,\"Pending\"]]}",
        ],
        &[
            "CONV.EFFECT",
            "k",
            "{\"v\":1,\"at\":1,\"numbering\":[0,9223372036854775807,-9223372036854775808],\"remove\":[9223372036854775807]}",
        ],
    ];
    let mut commands: Vec<Vec<String>> = lines
        .iter()
        .map(|line| line.iter().map(|word| word.to_string()).collect())
        .collect();
    // Nested as deeply as the size limit of an argument allows.
    let deep =
        "{\"role\":\"user\",\"content\":".to_string() + &"[".repeat(1 << (10 + rng.usize(..10)));
    commands.push(vec!["CONV.APPEND".into(), "k".into(), deep]);
    commands
}

/// Memory available to the server above its current use, in bytes.
const SPARE: u64 = 160 << 20;

/// A round: limits the memory of a server, then sends payloads and commands that need more.
pub fn round(rng: &mut Rng, tally: &mut Tally) {
    let mut server = Server::with(&["--rdbcompression", "no"]);
    let mut con = server.conn();
    for message in chat() {
        cmd!(con, "CONV.APPEND", "k", message);
    }
    cmd!(
        con,
        "CONV.SETSUMMARY",
        "k",
        "They spoke of capitals, at some length."
    );
    cmd!(con, "CONV.CREATE", "empty");
    // Load the tables of the tokenizer first: their allocations cannot report a failure, so it would end the process.
    cmd!(con, "CONV.TOKENS", "hello");
    settled(&mut con);
    let payload = bytes(&cmd!(con, "DUMP", "k"));
    let at = payload.len() - payload::FOOTER;
    let (body, version) = (&payload[..at], [payload[at], payload[at + 1]]);
    let before = digests(&mut con);
    limit(
        server.pid(),
        "as",
        &(mapped(server.pid()) + SPARE).to_string(),
    );
    // The frames of this payload are unchanged, so every rejection is due to the damage in the others.
    let whole = sealed(body, version);
    cmd!(con, "RESTORE", "whole", 0, whole);
    cmd!(con, "DEL", "whole");
    for (number, body) in bodies(body).into_iter().enumerate() {
        tally.faults += 1;
        match try_cmd!(
            con,
            "RESTORE",
            "absurd",
            0,
            sealed(&body, version),
            "REPLACE"
        ) {
            Err(error) if error.code().is_some() => {}
            Ok(_) => finding(tally, format!("payload {number} was accepted")),
            Err(error) => return ended(tally, &server, &format!("payload {number}: {error}")),
        }
    }
    if digests(&mut con) != before {
        finding(tally, "a rejected payload changed the data".into());
    }
    for command in commands(rng) {
        tally.faults += 1;
        // Some of these commands are valid in the current state of the keys.
        let reply = run(&mut con, &command);
        if let Err(error) = reply
            && error.code().is_none()
        {
            return ended(
                tally,
                &server,
                &format!("{:.200}: {error}", command.join(" ")),
            );
        }
    }
    if !server.is_alive() || server.log().contains("internal error") {
        ended(tally, &server, "at the end");
    }
    may_continue(&mut con);
    tally.acknowledged += 1;
}

fn may_continue(con: &mut Connection) {
    cmd!(*con, "DEL", "k");
    assert_eq!(int(&cmd!(*con, "CONV.APPEND", "k", says("user", "on"))), 1);
    assert_eq!(items(&cmd!(*con, "CONV.RECENT", "k", 100)).len(), 1);
}

fn finding(tally: &mut Tally, finding: String) {
    tally.diverged += 1;
    tally.findings.push(format!("memory: {finding}"));
}

fn ended(tally: &mut Tally, server: &Server, what: &str) {
    tally.crashed += 1;
    let log = server.log();
    let lines: Vec<&str> = log.lines().collect();
    let end = lines[lines.len().saturating_sub(40)..].join("\n");
    tally.findings.push(format!("memory: {what}\n{end}"));
}

/// Size of the address space of a process in bytes.
fn mapped(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kb.expect("a size in kB") * 1024
}
