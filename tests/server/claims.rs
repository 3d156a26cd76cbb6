//! CONV.CLAIMSUMMARY: what a summariser is given, and that nobody else is.

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
fn what_is_handed_out() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "FLUSHALL");
        let messages = [
            says("system", "s"),    // 1: leading
            says("user", "a"),      // 2
            answer("x"),            // 3: an orphan
            calls(&["c"]),          // 4
            answer("c"),            // 5
            says("assistant", "b"), // 6
            says("user", "q"),      // 7
            calls(&["d"]),          // 8: open
        ];
        tens(&mut con, "k", &messages);
        let all = claim(&mut con, "k 60").expect("sixty tokens");
        assert_eq!((all.0, &all.1), (7, &Value::Nil));
        assert_eq!(all.2, messages[1..7]);
        assert!(claim(&mut con, "k 61").is_none());
        // What is kept: whole groups, the open turn uses up its share.
        for (keep, upto) in [(9, 7), (10, 7), (20, 6), (30, 5), (40, 5), (49, 5), (50, 3)] {
            let (last, _, messages) = claim(&mut con, &format!("k 1 KEEP {keep}")).expect("some");
            assert_eq!(last, upto, "KEEP {keep}");
            assert_eq!(messages.len() as i64, upto - 1);
        }
        assert!(claim(&mut con, "k 0 KEEP 70").is_none());
        // Behind a summary; of a turn that it cuts the rest counts.
        cmd!(con, "CONV.SETSUMMARY", "k", "So far.", "UPTO", 4);
        let (last, summary, rest) = claim(&mut con, "k 30").expect("thirty tokens");
        assert_eq!((last, text(&summary)), (7, "So far.".to_string()));
        assert_eq!(rest, messages[4..7]);
        assert!(claim(&mut con, "k 31").is_none());
        cmd!(con, "CONV.SETSUMMARY", "k", "All.", "UPTO", 8);
        assert!(claim(&mut con, "k 0").is_none());
        // Reasoning that waits for its successor stays, an orphan behind it as well.
        let reasoning = r#"{"type":"reasoning","summary":[]}"#.to_string();
        tens(&mut con, "r", &[says("user", "a"), reasoning, answer("x")]);
        assert_eq!(claim(&mut con, "r 0").map(|c| c.0), Some(1));
        assert!(claim(&mut con, "missing 0").is_none());
        cmd!(con, "CONV.CREATE", "e");
        assert!(claim(&mut con, "e 0").is_none());
    }
}

#[test]
fn nobody_gets_the_same_work_twice() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let messages: Vec<String> = (0..20).map(|n| says("user", &n.to_string())).collect();
    tens(&mut con, "k", &messages);
    // Eight workers at once: one has work.
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
    // The lease is kept by replicas, files and restarts, and not by copies up to a point.
    caught_up(&replica, &server);
    let before = digest(&mut con, "k");
    assert_eq!(digest(&mut replica.conn(), "k"), before);
    for reload in ["RELOAD", "LOADAOF"] {
        cmd!(con, "DEBUG", reload);
        assert!(claim(&mut con, "k 1").is_none(), "{reload}");
    }
    cmd!(con, "CONV.FORK", "k", "fork");
    assert!(claim(&mut con, "fork 1").is_some());
    // What is refused does not end it, what is stored does.
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
    // It ends by itself.
    assert!(claim(&mut con, "k 30 LEASE 150").is_some());
    assert!(claim(&mut con, "k 30").is_none());
    let ends = wait_until(Duration::from_secs(5), || claim(&mut con, "k 30").is_some());
    assert!(ends);
}

/// "once per crossing"
#[test]
fn who_listens_hears_when_a_summary_is_due() {
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
            // What comes may take its time; what does not come is waited for a little.
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
    // Counted in the background.
    let long = says("user", &"several words ".repeat(100));
    append(&mut con, "k", std::slice::from_ref(&long));
    heard(1, "a long message");
    append(&mut con, "k", &[long]);
    heard(0, "another");
}
