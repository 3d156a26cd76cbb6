//! CONV.CLAIMSUMMARY returns the messages to summarize, and only one worker gets them.

use std::time::Duration;

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

fn claim(con: &mut Connection, args: &str) -> Option<(i64, Value, Vec<String>)> {
    let args: Vec<&str> = args.split(' ').collect();
    let reply = cmd!(*con, "CONV.CLAIMSUMMARY", args);
    if reply == Value::Nil {
        return None;
    }
    let reply = map(&reply);
    assert_eq!(
        reply.keys().collect::<Vec<_>>(),
        ["messages", "summary", "upto"]
    );
    let messages = items(&reply["messages"]).iter().map(text).collect();
    Some((int(&reply["upto"]), reply["summary"].clone(), messages))
}

/// Appends messages of ten tokens each.
fn tens(con: &mut Connection, key: &str, messages: &[String]) {
    for message in messages {
        cmd!(*con, "CONV.APPEND", key, "TOKENS", 10, message);
    }
}

#[test]
fn claims_return_the_messages_to_summarize() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "FLUSHALL");
        let messages = [
            says("system", "s"),    // 1: leading system message
            says("user", "a"),      // 2
            answer("x"),            // 3: orphaned result
            calls(&["c"]),          // 4
            answer("c"),            // 5
            says("assistant", "b"), // 6
            says("user", "q"),      // 7
            calls(&["d"]),          // 8: unanswered call
        ];
        tens(&mut con, "k", &messages);
        let all = claim(&mut con, "k 60").expect("sixty tokens");
        assert_eq!((all.0, &all.1), (7, &Value::Nil));
        assert_eq!(all.2, messages[1..7]);
        assert!(claim(&mut con, "k 61").is_none());
        // Messages to keep are whole groups; an unfinished turn counts towards the tokens to keep.
        for (keep, upto) in [(9, 7), (10, 7), (20, 6), (30, 5), (40, 5), (49, 5), (50, 3)] {
            let (last, _, messages) = claim(&mut con, &format!("k 1 KEEP {keep}")).expect("some");
            assert_eq!(last, upto, "KEEP {keep}");
            assert_eq!(messages.len() as i64, upto - 1);
        }
        assert!(claim(&mut con, "k 0 KEEP 70").is_none());
        // After a summary. If it ends inside a group, the rest of the group counts.
        cmd!(con, "CONV.SETSUMMARY", "k", "So far.", "UPTO", 4);
        let (last, summary, rest) = claim(&mut con, "k 30").expect("thirty tokens");
        assert_eq!((last, text(&summary)), (7, "So far.".to_string()));
        assert_eq!(rest, messages[4..7]);
        assert!(claim(&mut con, "k 31").is_none());
        cmd!(con, "CONV.SETSUMMARY", "k", "All.", "UPTO", 8);
        assert!(claim(&mut con, "k 0").is_none());
        // A reasoning item waits for its successor and is kept, together with the orphaned result after it.
        let reasoning = r#"{"type":"reasoning","summary":[]}"#.to_string();
        tens(&mut con, "r", &[says("user", "a"), reasoning, answer("x")]);
        assert_eq!(claim(&mut con, "r 0").map(|c| c.0), Some(1));
        assert!(claim(&mut con, "missing 0").is_none());
        cmd!(con, "CONV.CREATE", "e");
        assert!(claim(&mut con, "e 0").is_none());
    }
}

#[test]
fn one_worker_at_a_time_holds_the_lease() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let messages: Vec<String> = (0..20).map(|n| says("user", &n.to_string())).collect();
    tens(&mut con, "k", &messages);
    // Of eight concurrent workers exactly one gets the messages.
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let mut con = server.conn();
            std::thread::spawn(move || claim(&mut con, "k 100 KEEP 50 LEASE 60000").is_some())
        })
        .collect();
    let got = claims
        .into_iter()
        .filter(|_| true)
        .map(|c| c.join().unwrap());
    assert_eq!(got.filter(|got| *got).count(), 1);
    assert!(claim(&mut con, "k 1").is_none());
    // Replicas, AOF, RDB files and restarts preserve the lease. Copies made with FORK do not have it.
    caught_up(&replica, &server);
    let before = digest(&mut con, "k");
    assert_eq!(digest(&mut replica.conn(), "k"), before);
    for reload in ["RELOAD", "LOADAOF"] {
        cmd!(con, "DEBUG", reload);
        assert!(claim(&mut con, "k 1").is_none(), "{reload}");
    }
    cmd!(con, "CONV.FORK", "k", "fork");
    assert!(claim(&mut con, "fork 1").is_some());
    // A rejected summary does not end the lease, a stored one does.
    cmd!(con, "CONV.SETSUMMARY", "k", "So far.", "UPTO", 15);
    assert_eq!(claim(&mut con, "k 50 LEASE 60000").map(|c| c.0), Some(20));
    assert_eq!(
        int(&cmd!(con, "CONV.SETSUMMARY", "k", "Late.", "UPTO", 14)),
        0
    );
    assert!(claim(&mut con, "k 50").is_none());
    assert_eq!(
        int(&cmd!(con, "CONV.SETSUMMARY", "k", "Now.", "UPTO", 17)),
        1
    );
    assert_eq!(claim(&mut con, "k 30").map(|c| c.2.len()), Some(3));
    // The lease expires.
    assert!(claim(&mut con, "k 30 LEASE 150").is_some());
    assert!(claim(&mut con, "k 30").is_none());
    let ends = wait_until(Duration::from_secs(5), || claim(&mut con, "k 30").is_some());
    assert!(ends);
}

/// Each crossing of the threshold emits one event.
#[test]
fn an_event_is_emitted_when_a_summary_becomes_due() {
    let server = Server::with_module_args(
        &["--notify-keyspace-events", "Ed"],
        &["summary-threshold", "100"],
    );
    let mut con = server.conn();
    let mut listening = server.conn();
    let mut events = listening.as_pubsub();
    events.subscribe("__keyevent@0__:conv.summarydue").unwrap();
    let mut heard = |expected: usize, what: &str| {
        let mut keys = Vec::new();
        loop {
            // An expected event may be late. The absence of an event is only observed for a short time.
            let patience = if keys.len() < expected { 20_000 } else { 400 };
            let patience = Duration::from_millis(patience);
            events.set_read_timeout(Some(patience)).unwrap();
            match events.get_message() {
                Ok(event) => keys.push(event.get_payload::<String>().unwrap()),
                Err(_) => break,
            }
        }
        assert_eq!(keys, vec!["k"; expected], "{what}");
    };
    tens(&mut con, "k", &vec![says("user", "u"); 9]);
    heard(0, "90 tokens");
    tens(&mut con, "k", &vec![says("user", "u"); 5]);
    heard(1, "140 tokens");
    cmd!(con, "CONV.SETSUMMARY", "k", "So far.", "UPTO", 13);
    heard(0, "10 tokens");
    // Messages that are counted in the background.
    let long = says("user", &"several words ".repeat(100));
    append(&mut con, "k", std::slice::from_ref(&long));
    heard(1, "a long message");
    append(&mut con, "k", &[long]);
    heard(0, "another");
}

/// `UPTO` cuts a turn that has not all its results. What it leaves of it is not split, and an orphan in it is told from them.
#[test]
fn the_rest_of_an_unanswered_turn_is_not_split() {
    let server = Server::start();
    let mut con = server.conn();
    let approval = r#"{"role":"assistant","content":[{"type":"tool-approval-request","approvalId":"p","toolCallId":"a"}]}"#;
    let messages = [
        calls(&["a", "b"]),
        answer("b"),
        approval.to_string(),
        says("user", "q"),
    ];
    tens(&mut con, "k", &messages);
    cmd!(con, "CONV.SETSUMMARY", "k", "So far.", "UPTO", 1);
    for (keep, upto) in [(5, 4), (15, 3), (25, 3)] {
        let (last, _, messages) = claim(&mut con, &format!("k 1 KEEP {keep}")).expect("some");
        assert_eq!(
            (last, messages.len() as i64),
            (upto, upto - 1),
            "KEEP {keep}"
        );
    }
    let messages = [
        calls(&["a", "b"]),
        answer("orphan"),
        answer("b"),
        approval.to_string(),
        says("user", "q"),
    ];
    tens(&mut con, "o", &messages);
    cmd!(con, "CONV.SETSUMMARY", "o", "So far.", "UPTO", 1);
    for (keep, upto) in [(5, 5), (15, 4), (25, 4), (35, 2), (45, 2)] {
        let claimed = claim(&mut con, &format!("o 1 KEEP {keep}"));
        let claimed = claimed.map(|(last, _, messages)| (last, messages.len() as i64));
        assert_eq!(
            claimed,
            Some((upto, upto - 1)).filter(|_| keep < 45),
            "KEEP {keep}"
        );
    }
    // Reasoning belongs to the call after it.
    let reasoning = r#"{"type":"reasoning","summary":[]}"#.to_string();
    let messages = [
        reasoning.clone(),
        reasoning.clone(),
        reasoning,
        calls(&["a"]),
        says("user", "q"),
    ];
    tens(&mut con, "r", &messages);
    cmd!(con, "CONV.SETSUMMARY", "r", "So far.", "UPTO", 1);
    for (keep, upto) in [(5, 5), (15, 4), (25, 4), (35, 4)] {
        let (last, _, messages) = claim(&mut con, &format!("r 1 KEEP {keep}")).expect("some");
        assert_eq!(
            (last, messages.len() as i64),
            (upto, upto - 1),
            "KEEP {keep}"
        );
    }
}
