//! Everything that a client can read of a conversation, to compare it after a restart, in a copy, or on a replica.

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

/// The replies that show a conversation, each with its command.
pub type View = Vec<(String, Value)>;

/// Reads everything that shows the conversation under `key`.
pub fn view(con: &mut Connection, key: &str) -> View {
    // The replies depend on counts and on retention, so wait for both.
    settled(con);
    let mut view = vec![("digest".to_string(), Value::SimpleString(digest(con, key)))];
    let mut see = |args: &[&str]| {
        let reply = go(con, &[&args[..1], &[key], &args[1..]].concat());
        view.push((args.join(" "), reply));
    };
    see(&["TYPE"]);
    see(&["PEXPIRETIME"]);
    see(&["CONV.LEN"]);
    see(&["CONV.SUMMARY", "WITHINFO"]);
    see(&["CONV.RANGE", "0", "-1"]);
    see(&["CONV.RANGE", "-3", "1000", "FORMAT", "JSON"]);
    see(&["CONV.RANGE", "1", "2", "FORMAT", "MSGPACK"]);
    see(&["CONV.EXPORT"]);
    see(&["CONV.GETSTATE"]);
    for budget in ["0", "3", "30", "75", "200", "3000", "999999999999"] {
        see(&["CONV.RECENT", budget]);
        see(&["CONV.RECENT", budget, "ANY", "WITHINFO"]);
        see(&[
            "CONV.RECENT",
            budget,
            "ANY",
            "WITHINFO",
            "START",
            "USER",
            "OVERSIZE",
            "KEEP",
        ]);
        see(&[
            "CONV.RECENT",
            budget,
            "ANY",
            "WITHINFO",
            "NOSUMMARY",
            "STEP",
            "16",
        ]);
        see(&[
            "CONV.RECENT",
            budget,
            "ANY",
            "WITHINFO",
            "NOSYSTEM",
            "MESSAGES",
            "2",
        ]);
        see(&["CONV.RECENT", budget, "ANY", "FORMAT", "JSON"]);
    }
    see(&["CONV.RECENT", "200", "ANY", "FORMAT", "MSGPACK"]);
    let seqs: Vec<String> = (-1..=2001).map(|seq| seq.to_string()).collect();
    let mut get = vec!["CONV.GET"];
    get.extend(seqs.iter().map(String::as_str));
    get.push("WITHINFO");
    see(&get);
    // The memory layout may differ, everything else must not.
    let mut info = map(&go(con, &["CONV.INFO", key]));
    for physical in ["bytes-stored", "segments"] {
        assert!(int(&info.remove(physical).expect("a figure")) >= 0);
    }
    view.extend(
        info.into_iter()
            .map(|(name, value)| (format!("CONV.INFO: {name}"), value)),
    );
    view
}

/// The views of several keys.
pub fn views<A: AsRef<str>>(con: &mut Connection, keys: &[A]) -> Vec<View> {
    keys.iter().map(|key| view(con, key.as_ref())).collect()
}

/// Panics at the first difference; `when` describes the situation.
pub fn assert_same<A: AsRef<str>>(keys: &[A], expected: &[View], got: &[View], when: &str) {
    assert_eq!(expected.len(), got.len());
    let short = |value: &Value| format!("{value:?}").chars().take(1500).collect::<String>();
    for ((key, expected), got) in keys.iter().zip(expected).zip(got) {
        for ((what, expected), (_, got)) in expected.iter().zip(got) {
            assert!(
                expected == got,
                "{when}: {what:.100} of {:?} differs\nexpected {}\ngot      {}",
                key.as_ref(),
                short(expected),
                short(got)
            );
        }
    }
}

/// Continues the conversations of [`fill`], to check that their internal state is intact.
pub fn go_on(con: &mut Connection) {
    let now = says("user", "and now?");
    // Sequence numbers are not reused, whatever was removed.
    assert_eq!(append(con, "chat", std::slice::from_ref(&now)), 9);
    assert_eq!(append(con, "gaps", std::slice::from_ref(&now)), 11);
    assert_eq!(append(con, "emptied", std::slice::from_ref(&now)), 4);
    assert_eq!(append(con, "empty", std::slice::from_ref(&now)), 1);
    assert_eq!(append(con, "summary-only", std::slice::from_ref(&now)), 1);
    assert_eq!(append(con, "long", std::slice::from_ref(&now)), 2001);
    assert_eq!(append(con, ODD_KEY, std::slice::from_ref(&now)), 4);
    // The last turn is still unfinished. Complete it.
    append(con, "open", &[answer("x")]);
    append(con, "half-answered", &[answer("y")]);
    for (key, messages) in [("open", 3), ("half-answered", 4)] {
        append(con, key, &[says("assistant", "done")]);
        let recent = cmd!(*con, "CONV.RECENT", key, "1000");
        assert_eq!(items(&recent).len(), messages + 1, "{key}");
    }
    append(con, "reasoning-last", &[says("assistant", "thought")]);
    assert_eq!(
        items(&cmd!(*con, "CONV.RECENT", "reasoning-last", "1000")).len(),
        4
    );
    // Ids are still indexed.
    let known = ["l1", "l4"].map(|id| langchain("human", id, "again"));
    let reply = cmd!(*con, "CONV.APPEND", "langchain", "UNIQUE", &known[..]);
    assert_eq!(
        (int(&reply), int(&cmd!(*con, "CONV.LEN", "langchain"))),
        (5, 5)
    );
    let reply = cmd!(
        *con,
        "CONV.APPEND",
        "langchain",
        "UNIQUE",
        langchain("human", "l5", "new")
    );
    assert_eq!(int(&reply), 6);
    // Retention still applies, appends still set the expiry, and an older summary does not replace the newer one.
    append(con, "limits", &chat());
    assert!(int(&cmd!(*con, "CONV.LEN", "limits")) <= 6);
    cmd!(*con, "PERSIST", "ttl");
    append(con, "ttl", std::slice::from_ref(&now));
    let ttl = int(&cmd!(*con, "TTL", "ttl"));
    assert!((99_990..=100_000).contains(&ttl), "{ttl}");
    let late = cmd!(*con, "CONV.SETSUMMARY", "summary-upto", "late", "UPTO", "5");
    assert_eq!(int(&late), 0);
}
