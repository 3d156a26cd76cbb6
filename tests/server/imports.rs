//! CONV.IMPORT as a service uses it that rewrites its whole session on every turn: REPLACE changes only what differs, and
//! the expiry is that of SET.

use fastrand::Rng;
use redis::{Connection, Value};

use crate::events::Events;
use crate::notation::counted;
use crate::samples::*;
use crate::side_effect_probe::with_probe;
use crate::support::*;

fn replace(con: &mut Connection, document: &str) -> i64 {
    int(&cmd!(*con, "CONV.IMPORT", "k", document, "REPLACE"))
}

/// Sequence numbers, arrival times, token counts and pins of all messages.
fn held(con: &mut Connection) -> Vec<(i64, i64, Value, i64)> {
    let last = int(&map(&cmd!(*con, "CONV.INFO", "k"))["last"]);
    let seqs: Vec<i64> = (1..=last).collect();
    if seqs.is_empty() {
        return Vec::new();
    }
    let reply = cmd!(*con, "CONV.GET", "k", seqs, "WITHINFO");
    let found = items(&reply).iter().filter(|found| **found != Value::Nil);
    found
        .map(|found| {
            let found = map(found);
            (
                int(&found["seq"]),
                int(&found["time"]),
                found["tokens"].clone(),
                int(&found["pinned"]),
            )
        })
        .collect()
}

fn seqs(con: &mut Connection) -> Vec<i64> {
    held(con).into_iter().map(|(seq, ..)| seq).collect()
}

/// A document with these messages.
fn document(messages: &[String]) -> String {
    format!(
        r#"{{"user":"ana","history":[{}],"turn":1}}"#,
        messages.join(",")
    )
}

fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range
        .map(|n| says(["user", "assistant"][n % 2], &format!("message {n}")))
        .collect()
}

#[test]
fn replace_keeps_the_common_prefix() {
    let server = Server::start();
    let mut con = server.conn();
    let messages = numbered(0..8);
    assert_eq!(replace(&mut con, &document(&messages[..4])), 4);
    // The service appends two messages itself, one with a count of its own.
    cmd!(
        con,
        "CONV.APPEND",
        "k",
        "TOKENS",
        777,
        &messages[4],
        &messages[5]
    );
    counted(&mut con, "k");
    let before = held(&mut con);
    let created = map(&cmd!(con, "CONV.INFO", "k"))["created"].clone();
    assert_eq!(replace(&mut con, &document(&messages)), 8);
    counted(&mut con, "k");
    let after = held(&mut con);
    assert_eq!(after[..6], before[..]);
    assert_eq!(after[4].2, Value::Int(777));
    assert_eq!(seqs(&mut con), [1, 2, 3, 4, 5, 6, 7, 8]);
    // The last two differ: numbering goes on.
    let mut other = messages.clone();
    other[6] = says("user", "something else");
    assert_eq!(replace(&mut con, &document(&other)), 8);
    assert_eq!(seqs(&mut con), [1, 2, 3, 4, 5, 6, 9, 10]);
    // Messages at the end may go.
    assert_eq!(replace(&mut con, &document(&messages[..3])), 3);
    assert_eq!(seqs(&mut con), [1, 2, 3]);
    assert_eq!(held(&mut con)[..], before[..3]);
    assert_eq!(append(&mut con, "k", &messages[3..4]), 11);
    // A service that drops its oldest messages shares no prefix.
    assert_eq!(replace(&mut con, &document(&messages[1..3])), 2);
    assert_eq!(seqs(&mut con), [12, 13]);
    let info = map(&cmd!(con, "CONV.INFO", "k"));
    assert_eq!(info["created"], created);
    assert_eq!(
        text(&cmd!(con, "CONV.EXPORT", "k")),
        document(&messages[1..3])
    );
}

#[test]
fn the_summary_stays_if_its_messages_do() {
    let server = Server::start();
    let mut con = server.conn();
    let messages = numbered(0..6);
    for (upto, kept, stays) in [
        (Some(4), 6, true),
        (Some(4), 4, true),
        (Some(4), 3, false),
        (Some(4), 0, false),
        (None, 3, true),
        (None, 0, true),
    ] {
        cmd!(con, "DEL", "k");
        replace(&mut con, &document(&messages));
        match upto {
            Some(upto) => cmd!(con, "CONV.SETSUMMARY", "k", "short", "UPTO", upto),
            None => cmd!(con, "CONV.SETSUMMARY", "k", "short"),
        };
        let mut new = messages[..kept].to_vec();
        new.push(says("user", "new"));
        replace(&mut con, &document(&new));
        let summary = cmd!(con, "CONV.SUMMARY", "k");
        assert_eq!(summary != Value::Nil, stays, "{upto:?} {kept}");
    }
}

#[test]
fn attributes_stay_and_retention_does_not_act() {
    let server = Server::start();
    let mut con = server.conn();
    let messages = numbered(0..10);
    cmd!(
        con,
        "CONV.CREATE",
        "k",
        "ENCODING",
        "gpt-4",
        "MAXMESSAGES",
        4,
        "MAXTOKENS",
        40,
        "COMPLETE",
        "no"
    );
    let attributes = |con: &mut Connection| {
        let info = map(&cmd!(*con, "CONV.INFO", "k"));
        ["encoding", "max-messages", "max-tokens", "ttl", "complete"].map(|name| info[name].clone())
    };
    let before = attributes(&mut con);
    assert_eq!(replace(&mut con, &document(&messages)), 10);
    counted(&mut con, "k");
    settled(&mut con);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 10);
    assert_eq!(replace(&mut con, &document(&messages[..9])), 9);
    settled(&mut con);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 9);
    assert_eq!(attributes(&mut con), before);
    // An append is retained as usual.
    append(&mut con, "k", &messages[..1]);
    assert!(int(&cmd!(con, "CONV.LEN", "k")) <= 4);
}

#[test]
fn a_document_that_is_held_changes_nothing() {
    with_probe(|probe| {
        let document = text(&cmd!(probe.con, "CONV.EXPORT", "k"));
        let import = ["CONV.IMPORT", "k", &document, "REPLACE"];
        let reply = probe.unchanged(&[&import[..], &["KEEPTTL"]].concat());
        assert_eq!(int(&reply.unwrap()), 5);
        let spaced = document.replace("},{", "} ,\n{");
        let reply = probe.unchanged(&["CONV.IMPORT", "k", &spaced, "KEEPTTL", "REPLACE"]);
        assert_eq!(int(&reply.unwrap()), 5);
        // Without an expiry there is none to remove.
        cmd!(probe.con, "PERSIST", "k");
        probe.take_events();
        let reply = probe.unchanged(&import);
        assert_eq!(int(&reply.unwrap()), 5);
        let at = "4102444800000";
        cmd!(probe.con, "PEXPIREAT", "k", at);
        probe.take_events();
        let reply = probe.unchanged(&[&import[..], &["PXAT", at]].concat());
        assert_eq!(int(&reply.unwrap()), 5);
    });
}

/// Only the expiry changes: replicas receive the expiry alone. Where not even that changes, nobody hears of it.
#[test]
fn a_document_that_is_held_changes_the_expiry() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let mut there = replica.conn();
    let document = document(&numbered(0..2000));
    replace(&mut con, &document);
    caught_up(&replica, &server);
    settled(&mut con);
    settled(&mut there);
    let before = map(&cmd!(con, "CONV.INFO", "k"));
    let mut events = Events::of(&server);
    for (words, expected) in [
        (&["EX", "1000"][..], 1000..2001),
        (&["PXAT", "4102444800000"], 1_000_000..i64::MAX),
        (&["KEEPTTL"], 1_000_000..i64::MAX),
        (&[], -1..0),
        (&["EXAT", "4102444800"], 1_000_000..i64::MAX),
    ] {
        let mut watcher = server.conn();
        cmd!(watcher, "WATCH", "k");
        let offset = |con: &mut Connection| -> u64 {
            info(con, "replication")["master_repl_offset"]
                .parse()
                .unwrap()
        };
        let from = offset(&mut con);
        cmd!(con, "CONV.IMPORT", "k", &document, "REPLACE", words);
        assert!(offset(&mut con) - from < 300, "{words:?}");
        cmd!(watcher, "MULTI");
        let changes = words != ["KEEPTTL"];
        let aborted = cmd!(watcher, "EXEC") == Value::Nil;
        assert_eq!(aborted, changes, "{words:?}");
        let heard: Vec<String> = events.take().into_iter().map(|(event, _)| event).collect();
        assert_eq!(
            heard,
            vec!["conv.import"; usize::from(changes)],
            "{words:?}"
        );
        caught_up(&replica, &server);
        for con in [&mut con, &mut there] {
            assert!(
                expected.contains(&int(&cmd!(*con, "TTL", "k"))),
                "{words:?}"
            );
        }
        assert_eq!(map(&cmd!(con, "CONV.INFO", "k")), before, "{words:?}");
        assert_eq!(digest(&mut con, "k"), digest(&mut there, "k"), "{words:?}");
        let at = int(&cmd!(con, "PEXPIRETIME", "k"));
        assert_eq!(int(&cmd!(there, "PEXPIRETIME", "k")), at, "{words:?}");
    }
    let at = int(&cmd!(con, "PEXPIRETIME", "k"));
    cmd!(con, "DEBUG", "LOADAOF");
    assert_eq!(int(&cmd!(con, "PEXPIRETIME", "k")), at);
}

#[test]
fn expiry_is_that_of_set() {
    let server = Server::start();
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let ttl = |con: &mut Connection, key: &str| int(&cmd!(*con, "PTTL", key));
    let (one, two) = (document(&numbered(0..3)), document(&numbered(0..5)));
    for before in [&["PERSIST", "k"][..], &["PEXPIRE", "k", "5000000"]] {
        for words in [
            &[][..],
            &["KEEPTTL"],
            &["EX", "100"],
            &["px", "100000"],
            &["EXAT", "4102444800"],
            &["PXAT", "4102444800123"],
        ] {
            for document in [&one, &two] {
                cmd!(con, "DEL", "k", "s");
                cmd!(con, "CONV.IMPORT", "k", &one);
                cmd!(con, "SET", "s", "x");
                for key in ["k", "s"] {
                    let args: Vec<&str> = before
                        .iter()
                        .map(|word| if *word == "k" { key } else { *word })
                        .collect();
                    go(&mut con, &args);
                }
                cmd!(con, "CONV.IMPORT", "k", document, words, "REPLACE");
                cmd!(con, "SET", "s", "y", words);
                let (got, want) = (ttl(&mut con, "k"), ttl(&mut con, "s"));
                assert!(
                    (got - want).abs() < 5000,
                    "{before:?} {words:?}: {got} {want}"
                );
                caught_up(&replica, &server);
                let at = int(&cmd!(con, "PEXPIRETIME", "k"));
                assert_eq!(int(&cmd!(replica.conn(), "PEXPIRETIME", "k")), at);
            }
        }
    }
    // As SET does, an expiry in the past is accepted, and the key is gone.
    cmd!(con, "CONV.IMPORT", "k", &one, "REPLACE", "PXAT", 1);
    assert_eq!(int(&cmd!(con, "EXISTS", "k")), 0);
    // Without an option, `ttl` sets the expiry.
    cmd!(con, "CONFIG", "SET", "conv.ttl", 500);
    for (words, expected) in [
        (&[][..], 490..501),
        (&["KEEPTTL"], 490..501),
        (&["EX", "50"], 40..51),
    ] {
        cmd!(con, "DEL", "k");
        cmd!(con, "CONV.IMPORT", "k", &one, words);
        assert!(expected.contains(&int(&cmd!(con, "TTL", "k"))), "{words:?}");
    }
    // Now the conversation has the `ttl`, and the key expires in 50 seconds.
    for (words, expected) in [(&["KEEPTTL"][..], 40..51), (&[], 490..501)] {
        cmd!(con, "CONV.IMPORT", "k", &two, "REPLACE", words);
        assert!(expected.contains(&int(&cmd!(con, "TTL", "k"))), "{words:?}");
    }
}

#[test]
fn invalid_expiries_are_rejected() {
    with_probe(|probe| {
        probe.rejects(
            r"CONV.IMPORT k [] REPLACE EX => ERR EX
            CONV.IMPORT k [] REPLACE EX 0 => ERR EX 1
            CONV.IMPORT k [] REPLACE EX -1 => ERR EX 1
            CONV.IMPORT k [] REPLACE EX x => ERR EX integer
            CONV.IMPORT k [] REPLACE EX 1.5 => ERR EX integer
            CONV.IMPORT k [] REPLACE EX 9223372036854775807 => ERR EX
            CONV.IMPORT k [] REPLACE PX 9223372036854775807 => ERR PX
            CONV.IMPORT k [] REPLACE EXAT 9223372036854776 => ERR EXAT
            CONV.IMPORT k [] REPLACE EXAT 0 => ERR EXAT
            CONV.IMPORT k [] REPLACE PXAT -5 => ERR PXAT
            CONV.IMPORT k [] REPLACE PXAT 9223372036854775808 => ERR PXAT
            CONV.IMPORT missing [] EX 0 => ERR EX
            CONV.IMPORT k [] REPLACE EX 5 PX 5 => ERR EX PX combined
            CONV.IMPORT k [] REPLACE KEEPTTL EX 5 => ERR KEEPTTL EX combined
            CONV.IMPORT k [] REPLACE EX 5 EX 5 => ERR EX twice
            CONV.IMPORT k [] REPLACE KEEPTTL keepttl => ERR KEEPTTL twice
            CONV.IMPORT k [] EX 5 => ERR REPLACE
            CONV.IMPORT k [] REPLACE TTL 5 => ERR TTL EX",
        );
    });
}

/// A random document that shares some of its messages and fields with the one before.
fn next(rng: &mut Rng, messages: &mut Vec<String>, fields: &mut Vec<(String, i64)>) -> String {
    match rng.usize(..6) {
        0 => messages.truncate(rng.usize(..=messages.len())),
        1 if !messages.is_empty() => drop(messages.remove(rng.usize(..messages.len()))),
        2 if !messages.is_empty() => {
            let at = rng.usize(..messages.len());
            messages[at] = says("user", &format!("edited {}", rng.u16(..)));
        }
        _ => {}
    }
    for n in 0..rng.usize(..4) {
        let id = format!("c{}", rng.u8(..20));
        messages.push(match rng.usize(..5) {
            0 => calls(&[&id]),
            1 => answer(&id),
            2 => langchain("human", &id, "hello"),
            3 => says("system", &format!("rule {n}")),
            _ => says("user", &format!("new {}", rng.u16(..))),
        });
    }
    match rng.usize(..6) {
        0 => fields.retain(|_| rng.bool()),
        1 => rng.shuffle(fields),
        2 => fields
            .iter_mut()
            .for_each(|(_, value)| *value += rng.i64(0..2)),
        3 => {
            let name = format!("f{}", rng.usize(..6));
            if fields.iter().all(|(other, _)| *other != name) {
                fields.insert(rng.usize(..=fields.len()), (name, 1));
            }
        }
        _ => {}
    }
    let list = format!("[{}]", messages.join(","));
    if rng.usize(..8) == 0 {
        return list;
    }
    let mut members: Vec<String> = fields
        .iter()
        .map(|(k, v)| format!(r#""{k}":{v}"#))
        .collect();
    let history = match rng.usize(..8) {
        0 => format!(r#""messages":{list}"#),
        _ => format!(r#""history":{list}"#),
    };
    members.insert(rng.usize(..=members.len()), history);
    format!("{{{}}}", members.join(","))
}

/// After any sequence of documents and appends, the conversation is that of the last document, on the replica and in
/// the AOF too, and selects what a conversation selects that was imported whole.
#[test]
fn any_document_replaces_any_other() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let (mut con, mut there) = (server.conn(), replica.conn());
    let mut rng = Rng::with_seed(16);
    let (mut messages, mut fields) = (Vec::new(), Vec::new());
    for round in 0..250 {
        let document = next(&mut rng, &mut messages, &mut fields);
        assert_eq!(replace(&mut con, &document), messages.len() as i64);
        assert_eq!(text(&cmd!(con, "CONV.EXPORT", "k")), document, "{round}");
        cmd!(con, "CONV.IMPORT", "whole", &document, "REPLACE", "EX", 100);
        cmd!(con, "DEL", "whole");
        cmd!(con, "CONV.IMPORT", "whole", &document);
        for tokens in [20, 60, 200, 100_000] {
            let recent = |con: &mut Connection, key| {
                cmd!(
                    *con,
                    "CONV.RECENT",
                    key,
                    tokens,
                    "START",
                    "USER",
                    "NOSUMMARY"
                )
            };
            assert_eq!(recent(&mut con, "k"), recent(&mut con, "whole"), "{round}");
        }
        if rng.usize(..3) == 0 {
            let new = says("assistant", &format!("appended {round}"));
            append(&mut con, "k", std::slice::from_ref(&new));
            messages.push(new);
        }
        if rng.usize(..10) == 0 {
            let upto = int(&map(&cmd!(con, "CONV.INFO", "k"))["last"]);
            let upto = upto - rng.i64(0..3);
            let _ = try_cmd!(con, "CONV.SETSUMMARY", "k", "text", "UPTO", upto);
        }
        if round % 25 == 0 {
            settled(&mut con);
            caught_up(&replica, &server);
            settled(&mut there);
            assert_eq!(digest(&mut there, "k"), digest(&mut con, "k"), "{round}");
        }
    }
    settled(&mut con);
    let before = digest(&mut con, "k");
    cmd!(con, "DEBUG", "LOADAOF");
    settled(&mut con);
    assert_eq!(digest(&mut con, "k"), before);
}

/// A turn of a long session costs what is new: in replication, and in tokens that are counted.
#[test]
fn a_turn_costs_what_is_new() {
    let server = Server::start();
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let text = "It was the best of times, it was the worst of times. ".repeat(20);
    let mut messages: Vec<String> = (0..2000)
        .map(|n| says(["user", "assistant"][n % 2], &format!("{n} {text}")))
        .collect();
    replace(&mut con, &document(&messages));
    counted(&mut con, "k");
    settled(&mut con);
    caught_up(&replica, &server);
    let figures = |con: &mut Connection| -> (u64, u64) {
        let offset = info(con, "replication")["master_repl_offset"]
            .parse()
            .unwrap();
        let counted = info(con, "conv")["conv_tokens_counted"].parse().unwrap();
        (offset, counted)
    };
    let before = figures(&mut con);
    for turn in 0..3 {
        messages.push(says("user", &format!("turn {turn}")));
        messages.push(says("assistant", &format!("{turn} {text}")));
        let document = document(&messages).replace("\"turn\":1", &format!("\"turn\":{turn}"));
        replace(&mut con, &document);
        counted(&mut con, "k");
    }
    let after = figures(&mut con);
    let (bytes, tokens) = (after.0 - before.0, after.1 - before.1);
    assert!(bytes < 3 * 2000, "{bytes} bytes replicated");
    assert!(tokens < 3 * 400, "{tokens} tokens counted");
}
