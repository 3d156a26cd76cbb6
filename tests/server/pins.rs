//! CONV.PIN and CONV.UNPIN, and what happens to pins in other commands, copies, files and replicas.

use redis::{Connection, Value};

use crate::notation::{chat, fill, line, transcript};
use crate::samples::*;
use crate::support::*;

/// The numbers of the pinned messages among those held, by CONV.GET; CONV.INFO must agree.
fn pinned(con: &mut Connection, key: &str) -> Vec<i64> {
    let info = map(&cmd!(*con, "CONV.INFO", key));
    let (first, last) = (int(&info["first"]), int(&info["last"]));
    let mut args = vec!["CONV.GET".to_string(), key.to_string()];
    args.extend((first..=last).map(|seq| seq.to_string()));
    args.push("WITHINFO".into());
    let found: Vec<i64> = items(&go(con, &args))
        .iter()
        .filter(|message| **message != Value::Nil)
        .map(map)
        .filter(|message| int(&message["pinned"]) == 1)
        .map(|message| int(&message["seq"]))
        .collect();
    assert_eq!(int(&info["pins"]), found.len() as i64, "{key}: {found:?}");
    found
}

fn go_line(con: &mut Connection, command: &str) -> Value {
    line(con, command).unwrap_or_else(|e| panic!("{command}: {}", error_line(&e)))
}

#[test]
fn replies_and_errors() {
    let server = Server::start();
    transcript(
        &server,
        "CONV.PIN k 1 => 0
         CONV.UNPIN k 1 => 0
         EXISTS k => 0
         CONV.APPEND k @u @a @u => 3
         CONV.PIN k 2 => 1
         CONV.PIN k 2 => 0
         CONV.PIN k 3 1 3 2 99 -5 => 2
         CONV.UNPIN k 99 => 0
         CONV.UNPIN k 2 2 3 99 => 2
         CONV.UNPIN k 2 => 0
         CONV.PIN k => !ERR wrong number
         CONV.UNPIN k => !ERR wrong number
         CONV.PIN k 1 x => !ERR seq must be an integer
         CONV.PIN k 1 9223372036854775808 => !ERR seq
         CONV.UNPIN k 1.0 => !ERR seq must be an integer
         RPUSH list x => 1
         CONV.PIN list 1 => !WRONGTYPE
         CONV.UNPIN list 1 => !WRONGTYPE",
    );
    let mut con = server.conn();
    assert_eq!(pinned(&mut con, "k"), [1]);
}

#[test]
fn removed_messages_lose_their_pins_and_edited_ones_keep_them() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, "k", "u a u a u a u a");
    cmd!(con, "CONV.PIN", "k", 1, 2, 4, 5, 7, 8);
    go_line(&mut con, "CONV.EDIT k 4 @A");
    assert_eq!(pinned(&mut con, "k"), [1, 2, 4, 5, 7, 8]);
    cmd!(con, "CONV.DEL", "k", 2, 3, 5);
    assert_eq!(pinned(&mut con, "k"), [1, 4, 7, 8]);
    cmd!(con, "CONV.POP", "k", 2);
    assert_eq!(pinned(&mut con, "k"), [1, 4]);
    // Numbers are not given again, so nothing new is pinned.
    assert_eq!(fill(&mut con, "k", "u a"), 10);
    assert_eq!(pinned(&mut con, "k"), [1, 4]);
    go_line(&mut con, "CONV.BACKFILL k @u @a");
    assert_eq!(pinned(&mut con, "k"), [1, 4]);
    cmd!(con, "CONV.PIN", "k", 0, -1);
    assert_eq!(pinned(&mut con, "k"), [-1, 0, 1, 4]);
    cmd!(con, "CONV.POP", "k", 100);
    assert_eq!(int(&map(&cmd!(con, "CONV.INFO", "k"))["pins"]), 0);
    // As an import replaces all messages.
    fill(&mut con, "i", "u a");
    cmd!(con, "CONV.PIN", "i", 1, 2);
    cmd!(con, "CONV.IMPORT", "i", "[]", "REPLACE");
    assert_eq!(int(&map(&cmd!(con, "CONV.INFO", "i"))["pins"]), 0);
}

#[test]
fn copies_have_the_pins_of_what_they_hold() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, "k", "u a u a u a");
    cmd!(con, "CONV.PIN", "k", 1, 4, 6);
    cmd!(con, "CONV.FORK", "k", "all");
    cmd!(con, "CONV.FORK", "k", "some", "UPTO", 4);
    cmd!(con, "COPY", "k", "copy");
    assert_eq!(pinned(&mut con, "all"), [1, 4, 6]);
    assert_eq!(pinned(&mut con, "some"), [1, 4]);
    assert_eq!(pinned(&mut con, "copy"), [1, 4, 6]);
    assert_eq!(digest(&mut con, "copy"), digest(&mut con, "k"));
    // The copies do not depend on the original.
    cmd!(con, "CONV.UNPIN", "k", 1, 4, 6);
    assert_eq!(pinned(&mut con, "all"), [1, 4, 6]);
    assert_ne!(digest(&mut con, "copy"), digest(&mut con, "k"));
    let payload = bytes(&cmd!(con, "DUMP", "copy"));
    cmd!(con, "RESTORE", "restored", 0, payload);
    assert_eq!(pinned(&mut con, "restored"), [1, 4, 6]);
    cmd!(con, "RENAME", "restored", "renamed");
    assert_eq!(pinned(&mut con, "renamed"), [1, 4, 6]);
}

#[test]
fn pins_survive_every_way_of_persistence() {
    let mut server = Server::with(&["--appendonly", "yes", "--aof-use-rdb-preamble", "no"]);
    let mut con = server.conn();
    fill(&mut con, "k", "s u c.x t.x a u");
    cmd!(con, "CONV.PIN", "k", 1, 3, 6);
    cmd!(con, "CONV.UNPIN", "k", 6);
    let before = digest(&mut con, "k");
    cmd!(con, "DEBUG", "LOADAOF");
    assert_eq!(digest(&mut con, "k"), before, "effects in the AOF");
    cmd!(con, "DEBUG", "RELOAD");
    assert_eq!(digest(&mut con, "k"), before, "RDB");
    cmd!(con, "BGREWRITEAOF");
    let rewritten = wait_until(std::time::Duration::from_secs(20), || {
        let state = info(&mut con, "persistence");
        state["aof_rewrite_in_progress"] == "0" && state["aof_rewrite_scheduled"] == "0"
    });
    assert!(rewritten);
    server.restart();
    let mut con = server.conn();
    assert_eq!(digest(&mut con, "k"), before, "rewritten AOF");
    assert_eq!(pinned(&mut con, "k"), [1, 3]);
}

#[test]
fn replicas_have_the_same_pins() {
    let (primary, replica) = (Server::start(), Server::start());
    let mut con = primary.conn();
    fill(&mut con, "before", "u a u a");
    cmd!(con, "CONV.PIN", "before", 2);
    replicate(&replica, &primary);
    fill(&mut con, "after", "u a u a u a");
    for command in [
        "CONV.PIN after 1 2 5 6",
        "CONV.UNPIN after 2",
        "CONV.POP after",
        "MULTI",
        "CONV.PIN after 3",
        "CONV.PIN before 1",
        "EXEC",
        "CONV.ALTER after MAXMESSAGES 2",
        "CONV.APPEND after @u",
        "CONV.FORK after fork",
    ] {
        go_line(&mut con, command);
    }
    caught_up(&replica, &primary);
    let mut there = replica.conn();
    for key in ["before", "after", "fork"] {
        assert_eq!(pinned(&mut there, key), pinned(&mut con, key), "{key}");
        assert_eq!(digest(&mut there, key), digest(&mut con, key), "{key}");
    }
    assert_eq!(pinned(&mut there, "before"), [1, 2]);
    assert_eq!(pinned(&mut there, "fork"), [1, 3, 5]);
    assert!(line(&mut there, "CONV.PIN after 1").is_err());
}

#[test]
fn a_thousand_messages_can_be_pinned() {
    let server = Server::start();
    let mut con = server.conn();
    for from in 0..11 {
        let messages: Vec<String> = (0..100)
            .map(|n| chat("user", &format!("{from}.{n}")))
            .collect();
        append(&mut con, "k", &messages);
    }
    let mut pin = |seqs: std::ops::RangeInclusive<i64>| {
        let mut args = vec!["CONV.PIN".to_string(), "k".to_string()];
        args.extend(seqs.map(|seq| seq.to_string()));
        run(&mut con, &args)
    };
    assert_eq!(int(&pin(1..=999).expect("pins")), 999);
    let error = err(pin(999..=1001));
    assert!(
        error.starts_with("ERR ") && error.contains("1000"),
        "{error}"
    );
    assert_eq!(int(&pin(1100..=1100).expect("a pin")), 1);
    assert!(pin(1000..=1000).is_err());
    // What is pinned already, or not held, does not count.
    assert_eq!(int(&pin(1..=999).expect("pins")), 0);
    assert_eq!(int(&pin(5000..=5000).expect("pins")), 0);
    let before = digest(&mut con, "k");
    assert_eq!(pinned(&mut con, "k").len(), 1000);
    assert_eq!(int(&cmd!(con, "CONV.UNPIN", "k", 500)), 1);
    assert_eq!(int(&cmd!(con, "CONV.PIN", "k", 500)), 1);
    // A pin changes `updated`, which is part of the digest, like every write.
    assert_ne!(digest(&mut con, "k"), before);
    let effect = r#"{"v":1,"at":1,"pin":[1000]}"#;
    let error = err(try_cmd!(con, "CONV.EFFECT", "k", effect));
    assert!(error.contains("pinned"), "{error}");
    assert_eq!(pinned(&mut con, "k").len(), 1000);
    let payload = bytes(&cmd!(con, "DUMP", "k"));
    cmd!(con, "RESTORE", "again", 0, payload);
    assert_eq!(pinned(&mut con, "again").len(), 1000);
}

#[test]
fn pinning_is_refused_at_the_memory_limit() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, "k", "u a");
    cmd!(con, "CONV.PIN", "k", 1);
    cmd!(con, "CONFIG", "SET", "maxmemory", 1);
    assert!(err(line(&mut con, "CONV.PIN k 2")).starts_with("OOM "));
    assert_eq!(int(&cmd!(con, "CONV.UNPIN", "k", 1)), 1);
    cmd!(con, "CONFIG", "SET", "maxmemory", 0);
    assert_eq!(pinned(&mut con, "k"), [0; 0]);
}

/// The numbers of the messages held.
fn held(con: &mut Connection, key: &str) -> Vec<i64> {
    let messages = strings(&cmd!(*con, "CONV.RANGE", key, 0, -1));
    let parsed = messages
        .iter()
        .map(|m| serde_json::from_slice::<serde_json::Value>(m).expect("JSON"));
    parsed
        .map(|message| message["n"].as_i64().expect("a numbered message"))
        .collect()
}

#[test]
fn retention_and_trim_keep_pinned_groups() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, "k", "s u c.x t.x a u a u a");
    cmd!(con, "CONV.PIN", "k", 4);
    cmd!(con, "CONV.ALTER", "k", "MAXMESSAGES", 3);
    cmd!(con, "CONV.APPEND", "k", r#"{"role":"user","n":10}"#);
    assert_eq!(held(&mut con, "k"), [1, 3, 4, 10]);
    // The limit is kept as far as it can be.
    cmd!(con, "CONV.APPEND", "k", r#"{"role":"user","n":11}"#);
    assert_eq!(held(&mut con, "k"), [1, 3, 4, 11]);
    assert_eq!(int(&cmd!(con, "CONV.TRIM", "k", "MAXMESSAGES", 1)), 4);
    cmd!(con, "CONV.UNPIN", "k", 4);
    assert_eq!(int(&cmd!(con, "CONV.TRIM", "k", "MAXMESSAGES", 1)), 2);
    assert_eq!(held(&mut con, "k"), [1, 11]);

    for (words, pins, trim, left) in [
        ("u a u a u a", &[2][..], "BEFORE 5", &[2, 5, 6][..]),
        ("u a u a u a", &[2, 4], "BEFORE 5", &[2, 4, 5, 6]),
        ("u a u a u a", &[1, 2], "MAXTOKENS 30", &[1, 2, 6]),
        ("u a u a u a", &[1, 2], "MAXTOKENS 49", &[1, 2, 5, 6]),
        ("u a u a u a", &[1, 3, 5], "MAXMESSAGES 1", &[1, 3, 5, 6]),
        ("u a u a u a", &[6], "MAXMESSAGES 1", &[6]),
        // A system message after a pinned message is no leading one; a pinned one is.
        ("u s u a", &[], "MAXMESSAGES 2", &[2, 4]),
        ("u s u a", &[1], "MAXMESSAGES 2", &[1, 4]),
        ("u s s u a", &[2], "MAXMESSAGES 2", &[2, 3, 5]),
        ("u s s u a", &[1, 3], "MAXMESSAGES 2", &[1, 3, 5]),
        // Without the user message that interrupted it, the turn has its result.
        ("c.x u t.x u", &[1], "MAXMESSAGES 1", &[1, 3, 4]),
        ("c.x u a t.x u", &[1], "MAXMESSAGES 1", &[1, 4, 5]),
        ("c.x u a t.x u", &[1], "MAXMESSAGES 4", &[1, 3, 4, 5]),
        // So it is with a reasoning item, and with what joins its group.
        ("r u m u m u", &[1], "MAXMESSAGES 1", &[1, 3, 5, 6]),
        ("t.x u a", &[1], "MAXMESSAGES 1", &[1, 3]),
    ] {
        let what = format!("{words}, pinned {pins:?}, {trim}");
        cmd!(con, "DEL", "t");
        fill(&mut con, "t", words);
        for pin in pins {
            cmd!(con, "CONV.PIN", "t", *pin);
        }
        let reply = go_line(&mut con, &format!("CONV.TRIM t {trim}"));
        assert_eq!(held(&mut con, "t"), left, "{what}");
        assert_eq!(int(&reply), left.len() as i64, "{what}");
        assert_eq!(pinned(&mut con, "t"), pins, "{what}");
        // Nothing is left to remove.
        let before = digest(&mut con, "t");
        go_line(&mut con, &format!("CONV.TRIM t {trim}"));
        assert_eq!(digest(&mut con, "t"), before, "{what}");
    }
}

#[test]
fn pinned_messages_are_handed_out_for_a_summary_like_others() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, "k", "u a u a");
    cmd!(con, "CONV.PIN", "k", 1, 2);
    let claim = map(&cmd!(con, "CONV.CLAIMSUMMARY", "k", 10, "KEEP", 20));
    assert_eq!(int(&claim["upto"]), 2);
    assert_eq!(items(&claim["messages"]).len(), 2);
    cmd!(con, "CONV.SETSUMMARY", "k", "They spoke.", "UPTO", 2);
    assert_eq!(pinned(&mut con, "k"), [1, 2]);
    assert_eq!(cmd!(con, "CONV.CLAIMSUMMARY", "k", 21), Value::Nil);
}
