//! Retention: MAXMESSAGES and MAXTOKENS on append, CONV.TRIM, and `ttl`.

use std::time::Duration;

use redis::Connection;

use crate::notation::{chat, counted, e, field, fill, line, message, recent};
use crate::support::{Server, cmd, int, strings, wait_until};

/// The sequence numbers of the messages in the conversation.
fn held(con: &mut Connection) -> String {
    let numbers: Vec<String> = strings(&cmd!(*con, "CONV.RANGE", "k", 0, -1))
        .iter()
        .map(|m| {
            let m: serde_json::Value = serde_json::from_slice(m).unwrap();
            let n = if m["data"].is_object() {
                &m["data"]["n"]
            } else {
                &m["n"]
            };
            n.to_string()
        })
        .collect();
    assert_eq!(
        int(&cmd!(*con, "CONV.LEN", "k")).to_string(),
        numbers.len().to_string()
    );
    numbers.join(" ")
}

/// Runs lines of the form `limits
///
/// log => numbers`, with the messages appended in one command and one by one.
fn retention(lines: &str) {
    let server = Server::start();
    let mut con = server.conn();
    let mut failed = Vec::new();
    for case in lines
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let (given, want) = case.split_once(" => ").expect("given => held");
        let (limits, log) = given.split_once(" | ").expect("limits | log");
        for at_once in [true, false] {
            cmd!(con, "DEL", "k");
            line(&mut con, &format!("CONV.CREATE k {limits}")).unwrap();
            let last = if at_once {
                fill(&mut con, "k", log)
            } else {
                let words = log.split_whitespace().enumerate();
                let append = |(i, word): (usize, &str)| {
                    let (word, tokens) = word.split_once('=').unwrap_or((word, "10"));
                    int(&cmd!(
                        con,
                        "CONV.APPEND",
                        "k",
                        "TOKENS",
                        tokens,
                        message(word, i + 1)
                    ))
                };
                words.map(append).last().unwrap()
            };
            // The reply is the sequence number of the last message, whatever retention removed.
            assert_eq!(last, log.split_whitespace().count() as i64, "{case}");
            let got = held(&mut con);
            if got != want {
                failed.push(format!(
                    "{given}, at once: {at_once}\n   want {want}\n   got  {got}"
                ));
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
fn max_messages_removes_whole_groups() {
    retention(
        "MAXMESSAGES 0 | u a u a u => 1 2 3 4 5
         MAXMESSAGES 5 | u a u a u => 1 2 3 4 5
         MAXMESSAGES 3 | u a u a u => 3 4 5
         MAXMESSAGES 1 | u a u a u => 5
         # Never a leading system message; the limit counts all messages held.
         MAXMESSAGES 3 | s u a u a => 1 4 5
         MAXMESSAGES 3 | s d u a u => 1 2 5
         MAXMESSAGES 1 | s d u a u => 1 2 5
         MAXMESSAGES 1 | s s s => 1 2 3
         MAXMESSAGES 2 | ls lu la => 1 3
         # Never half a turn.
         MAXMESSAGES 2 | c.a t.a u => 3
         MAXMESSAGES 3 | c.a t.a u => 1 2 3
         MAXMESSAGES 3 | u c.ab t.a t.b u => 5
         MAXMESSAGES 4 | u c.ab t.a t.b u => 2 3 4 5
         MAXMESSAGES 4 | u A.ab R.a R.b a u => 5 6
         MAXMESSAGES 3 | lu lc.a lt.a la lu => 4 5
         MAXMESSAGES 3 | f.a m o.a m mu => 4 5
         MAXMESSAGES 2 | r m mu => 3
         MAXMESSAGES 2 | c.a u a => 2 3
         # Never the newest group, complete or not.
         MAXMESSAGES 1 | u c.ab t.a t.b => 2 3 4
         MAXMESSAGES 1 | u c.ab t.a => 2 3
         MAXMESSAGES 1 | u c.ab t.a t.b a => 5
         MAXMESSAGES 1 | u r m => 2 3
         # Orphans behind it included.
         MAXMESSAGES 1 | u t.x => 1 2
         MAXMESSAGES 2 | u a t.x t.y => 2 3 4
         # No group, nothing to stop at; however often it acts.
         MAXMESSAGES 1 | a s t.q => 2 3
         MAXTOKENS 20 | a=0 s=5 t.q=30 => 2 3
         # A system message of a turn goes with the turn.
         MAXMESSAGES 2 | S.a t.a u a => 3 4",
    );
}

#[test]
fn max_tokens_removes_whole_groups() {
    retention(
        "MAXTOKENS 30 | u a u => 1 2 3
         MAXTOKENS 29 | u a u => 2 3
         MAXTOKENS 20 | u a u => 2 3
         MAXTOKENS 19 | u a u => 3
         MAXTOKENS 5 | u a u => 3
         MAXTOKENS 20 | u=0 a=20 u=0 => 1 2 3
         MAXTOKENS 20 | u=1 a=20 u=0 => 2 3
         MAXTOKENS 20 | s u a => 1 3
         MAXTOKENS 5 | s u a => 1 3
         MAXTOKENS 30 | c.a t.a u a => 3 4
         MAXTOKENS 39 | u c.a t.a u => 2 3 4
         MAXTOKENS 5 | u c.a t.a => 2 3
         # Both limits hold.
         MAXTOKENS 30 MAXMESSAGES 2 | u a u a => 3 4
         MAXTOKENS 20 MAXMESSAGES 3 | u a u a => 3 4",
    );
}

/// MAXTOKENS takes effect once the counts are there, at the latest on the next append.
#[test]
fn max_tokens_applies_once_messages_are_counted() {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.CREATE", "k", "MAXTOKENS", 3000);
    let texts: Vec<String> = (0..60)
        .map(|n| "several words ".repeat(n * 7 % 97))
        .collect();
    for text in &texts {
        cmd!(con, "CONV.APPEND", "k", chat("user", text));
    }
    counted(&mut con, "k");
    assert_eq!(
        int(&cmd!(
            con,
            "CONV.APPEND",
            "k",
            "TOKENS",
            1,
            message("u", 61)
        )),
        61
    );
    let mut sum = 1;
    let fit = texts.iter().rev().take_while(|text| {
        sum += 3 + e("user") + e(text);
        sum <= 3000
    });
    let len = fit.count() + 1;
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), len as i64);
    assert_eq!(field(&mut con, "k", "first"), (62 - len).to_string());
    let tokens: i64 = field(&mut con, "k", "tokens").parse().unwrap();
    assert!(tokens <= 3000, "{tokens}");
}

#[test]
fn limits_come_from_alter_and_from_settings() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, "k", "u a u a u");
    cmd!(con, "CONV.ALTER", "k", "MAXMESSAGES", 2);
    cmd!(con, "CONV.APPEND", "k", message("a", 6));
    assert_eq!(held(&mut con), "5 6");
    cmd!(con, "CONV.ALTER", "k", "MAXMESSAGES", 0);
    cmd!(con, "CONV.APPEND", "k", message("u", 7));
    assert_eq!(held(&mut con), "5 6 7");

    // Settings apply to new conversations that are created without limits of their own.
    for (name, value) in [
        ("conv.max-messages", 3),
        ("conv.max-tokens", 25),
        ("conv.ttl", 500),
    ] {
        cmd!(con, "CONFIG", "SET", name, value);
    }
    cmd!(con, "DEL", "k");
    fill(&mut con, "k", "u a u a u");
    assert_eq!(held(&mut con), "4 5");
    let limits = |con: &mut Connection| {
        ["max-messages", "max-tokens", "ttl"].map(|name| field(con, "k", name))
    };
    assert_eq!(limits(&mut con), ["3", "25", "500"]);
    let ttl = int(&cmd!(con, "TTL", "k"));
    assert!((498..=500).contains(&ttl), "{ttl}");
    cmd!(con, "DEL", "k");
    cmd!(
        con,
        "CONV.CREATE",
        "k",
        "MAXMESSAGES",
        0,
        "MAXTOKENS",
        0,
        "TTL",
        0
    );
    fill(&mut con, "k", "u a u a u");
    assert_eq!(held(&mut con), "1 2 3 4 5");
    assert_eq!(int(&cmd!(con, "TTL", "k")), -1);
    cmd!(con, "DEL", "k");
    cmd!(con, "CONV.SETSUMMARY", "k", "x");
    assert_eq!(limits(&mut con), ["3", "25", "500"]);
}

/// Runs lines of the form `limit
///
/// log => numbers`.
#[test]
fn trim_keeps_groups_whole() {
    let server = Server::start();
    let mut con = server.conn();
    let lines = "MAXMESSAGES 9 | u a u => 1 2 3
        MAXMESSAGES 2 | u a u => 2 3
        MAXMESSAGES 3 | u c.ab t.a t.b u => 5
        MAXMESSAGES 4 | u c.ab t.a t.b u => 2 3 4 5
        MAXMESSAGES 1 | s u a => 1 3
        MAXMESSAGES 1 | s s => 1 2
        MAXMESSAGES 1 | u c.a t.a => 2 3
        MAXMESSAGES 1 | u c.a => 2
        MAXMESSAGES 1 | u a t.x => 2 3
        MAXMESSAGES 2 | c.a u a => 2 3
        MAXTOKENS 30 | u a u => 1 2 3
        MAXTOKENS 29 | u a u => 2 3
        MAXTOKENS 25 | s u a u => 1 4
        MAXTOKENS 1 | u c.a t.a => 2 3
        MAXTOKENS 29 | u c.a t.a a => 4
        MAXTOKENS 30 | u c.a t.a a => 2 3 4
        MAXMESSAGES 1 | s t.x t.y => 1 3
        MAXMESSAGES 1 | a s t.q => 2 3
        MAXTOKENS 1 | s t.x t.y => 1 3
        MAXTOKENS 20 | a=0 s=5 t.q=30 => 2 3
        BEFORE 4 | s t.x t.y => 1 3
        BEFORE 3 | s t.x t.y => 1 3
        BEFORE 9 | a s t.q => 2 3
        BEFORE 1 | u a u => 1 2 3
        BEFORE 2 | u a u => 2 3
        BEFORE 3 | u a u => 3
        BEFORE 4 | u a u => 3
        BEFORE 9223372036854775807 | u a u => 3
        BEFORE -9223372036854775808 | u a u => 1 2 3
        BEFORE 2 | s u a => 1 2 3
        BEFORE 3 | s u a => 1 3
        # Half a turn is kept whole.
        BEFORE 2 | u c.ab t.a t.b u => 2 3 4 5
        BEFORE 3 | u c.ab t.a t.b u => 2 3 4 5
        BEFORE 4 | u c.ab t.a t.b u => 2 3 4 5
        BEFORE 5 | u c.ab t.a t.b u => 5
        BEFORE 99 | u a c.ab t.a => 3 4
        BEFORE 3 | u r m mu => 2 3 4";
    for case in lines.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        let (given, want) = case.split_once(" => ").unwrap();
        let (limit, log) = given.split_once(" | ").unwrap();
        cmd!(con, "DEL", "k");
        fill(&mut con, "k", log);
        let reply = line(&mut con, &format!("CONV.TRIM k {limit}")).unwrap();
        assert_eq!(held(&mut con), want, "{given}");
        assert_eq!(int(&reply), want.split(' ').count() as i64, "{given}");
        let next = log.split_whitespace().count() as i64 + 1;
        assert_eq!(
            int(&cmd!(con, "CONV.APPEND", "k", message("u", 0))),
            next,
            "{given}"
        );
    }
    // TRIM counts pending messages.
    cmd!(con, "DEL", "k");
    let text = "some words ".repeat(200);
    cmd!(con, "CONV.APPEND", "k", vec![chat("user", &text); 100]);
    let each = 3 + e("user") + e(&text);
    assert_eq!(int(&cmd!(con, "CONV.TRIM", "k", "MAXTOKENS", each * 7)), 7);
    assert_eq!(
        int(&cmd!(con, "CONV.TRIM", "k", "MAXTOKENS", each * 5 - 1)),
        4
    );
}

/// A conversation is complete once retention or TRIM has removed messages.
#[test]
fn retention_and_trim_complete_the_conversation() {
    let server = Server::start();
    let (mut two, mut three) = (server.conn(), server.conn3());
    let mut after = |limits: &str, log: &str, then: &str| {
        cmd!(two, "DEL", "k");
        line(&mut two, &format!("CONV.CREATE k COMPLETE no {limits}")).unwrap();
        fill(&mut two, "k", log);
        line(&mut two, then).unwrap();
        let complete = field(&mut two, "k", "complete");
        let reply = recent(&mut two, &mut three, "k", "1000");
        assert_eq!(reply == "nil", complete == "no", "{reply}");
        complete
    };
    assert_eq!(after("MAXMESSAGES 2", "u a", "PING"), "no");
    assert_eq!(after("MAXMESSAGES 2", "u a u", "PING"), "yes");
    assert_eq!(after("MAXTOKENS 20", "u a", "PING"), "no");
    assert_eq!(after("MAXTOKENS 20", "u a u", "PING"), "yes");
    assert_eq!(after("", "u a u", "CONV.TRIM k MAXMESSAGES 2"), "yes");
    assert_eq!(after("", "u a u", "CONV.TRIM k MAXTOKENS 20"), "yes");
    assert_eq!(after("", "u a u", "CONV.TRIM k BEFORE 2"), "yes");
    // A TRIM that removes nothing says nothing of older messages.
    assert_eq!(after("", "u a u", "CONV.TRIM k MAXMESSAGES 3"), "no");
    assert_eq!(after("", "u a u", "CONV.TRIM k MAXTOKENS 1000"), "no");
    assert_eq!(after("", "u a u", "CONV.TRIM k BEFORE 1"), "no");
    // DEL and POP do not affect completeness.
    assert_eq!(after("", "u a u", "CONV.DEL k 1"), "no");
    assert_eq!(after("", "u a u", "CONV.POP k 2"), "no");
}

/// With `ttl` > 0 every append sets the expiry of the key.
#[test]
fn appends_set_the_expiry_to_ttl() {
    let server = Server::start();
    let mut con = server.conn();
    let near = |con: &mut Connection, want: i64| {
        let ttl = int(&cmd!(*con, "TTL", "k"));
        assert!((want - 2..=want).contains(&ttl), "{ttl}, not {want}");
    };
    cmd!(con, "CONV.CREATE", "k", "TTL", 100);
    cmd!(con, "CONV.APPEND", "k", message("u", 0), message("a", 0));
    near(&mut con, 100);
    for command in [
        ["EXPIRE", "k", "1000"].as_slice(),
        &["PERSIST", "k"],
        &["EXPIRE", "k", "10"],
    ] {
        cmd!(con, command);
        cmd!(con, "CONV.APPEND", "k", message("u", 0));
        near(&mut con, 100);
    }
    // Other writes, and appends that append nothing, do not change the expiry.
    cmd!(con, "EXPIRE", "k", 1000);
    let until = int(&cmd!(con, "PEXPIRETIME", "k"));
    for command in [
        "CONV.APPEND k IFLAST 99 @u",
        "CONV.APPEND k NX @u",
        "CONV.SETSUMMARY k text",
        "CONV.EDIT k 1 @a",
        "CONV.POP k",
        "CONV.DEL k 2",
        "CONV.TRIM k MAXMESSAGES 1",
        "CONV.RECENT k 100",
        "CONV.ALTER k MAXMESSAGES 5",
    ] {
        line(&mut con, command).unwrap();
        assert_eq!(int(&cmd!(con, "PEXPIRETIME", "k")), until, "{command}");
    }
    cmd!(con, "CONV.ALTER", "k", "TTL", 200);
    cmd!(con, "CONV.APPEND", "k", message("u", 0));
    near(&mut con, 200);
    // Without `ttl` an append does not change the expiry, as with RPUSH.
    cmd!(con, "CONV.ALTER", "k", "TTL", 0);
    cmd!(con, "EXPIRE", "k", 50);
    cmd!(con, "CONV.APPEND", "k", message("u", 0));
    near(&mut con, 50);
    // The key expires.
    cmd!(con, "CONV.ALTER", "k", "TTL", 1);
    cmd!(con, "CONV.APPEND", "k", message("u", 0));
    let gone = wait_until(Duration::from_secs(10), || {
        int(&cmd!(con, "EXISTS", "k")) == 0
    });
    assert!(gone);
    assert_eq!(int(&cmd!(con, "CONV.APPEND", "k", message("u", 0))), 1);
}
