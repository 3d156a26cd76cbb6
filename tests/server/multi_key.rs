//! Commands with several keys: CONV.MRECENT and CONV.FORK.

use redis::Value;

use crate::samples::*;
use crate::support::*;

#[test]
fn mrecent_reads_several_conversations() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "FLUSHALL");
        fill(&mut con);
        append(&mut con, "facts", &[says("user", "I like tea.")]);
        cmd!(con, "SET", "s", "string");
        for options in [
            &[][..],
            &["WITHINFO"],
            &["FORMAT", "JSON", "MESSAGES", "1"],
            &["FORMAT", "MSGPACK", "ANY"],
            &["WAIT", "0"],
        ] {
            let keys = ["k", "missing", "facts", "k"];
            let replies = cmd!(con, "CONV.MRECENT", 50, 4, &keys, options);
            for (key, together) in keys.iter().zip(items(&replies)) {
                let alone = cmd!(con, "CONV.RECENT", key, 50, options);
                assert_eq!(&alone, together, "{key} {options:?}");
            }
            assert_eq!(items(&replies).len(), 4);
        }
        let error = err(try_cmd!(con, "CONV.MRECENT", 50, 2, "k", "s"));
        assert!(error.starts_with("WRONGTYPE "), "{error}");
        for (args, want) in [
            (&["50", "0", "k"][..], "numkeys"),
            (&["50", "2", "k"], "numkeys"),
            (&["50", "-1", "k"], "numkeys"),
            (&["x", "1", "k"], "max_tokens"),
            (&["50", "1", "k", "other"], "'other'"),
            (&["50", "1", "k", "ANY", "WAIT", "5"], "WAIT"),
            (&["50", "1"], "wrong number"),
        ] {
            let error = err(try_cmd!(con, "CONV.MRECENT", args));
            assert!(error.contains(want) && error.starts_with("ERR "), "{error}");
        }
    }
}

/// A client that loads one of the keys is not blocked for the others. A client that loads none waits for all.
#[test]
fn mrecent_waits_for_all_its_keys() {
    let server = Server::start();
    let mut con = server.conn();
    let mut loader = server.conn();
    let ask = ["CONV.MRECENT", "1000", "2", "a", "b", "WAIT", "30000"];
    let asks = |mut con: redis::Connection| {
        std::thread::spawn(move || (run(&mut con, &ask).unwrap(), con))
    };
    assert_eq!(
        run(&mut loader, &ask).unwrap(),
        Value::Array(vec![Value::Nil, Value::Nil])
    );
    let waits = asks(server.conn());
    let blocked = wait_until(std::time::Duration::from_secs(10), || {
        info(&mut con, "clients")["blocked_clients"] == "1"
    });
    assert!(blocked);
    let hello = says("user", "hello");
    cmd!(con, "CONV.BACKFILL", "a", "COMPLETE", &hello);
    cmd!(con, "CONV.BACKFILL", "b", "COMPLETE", &hello, &hello);
    let (reply, _con) = waits.join().unwrap();
    let lens: Vec<usize> = items(&reply)
        .iter()
        .map(|r| match r {
            Value::Nil => 0,
            held => items(held).len(),
        })
        .collect();
    // When the first key arrived, either nobody was loading the second one, and the client became its loader, or both
    // were there.
    assert!(lens == [1, 2] || lens == [1, 0], "{lens:?}");
}

#[test]
fn mrecent_waits_for_pending_counts() {
    let server = Server::start();
    let mut con = server.conn();
    let long = says("user", &"What a long story this is! ".repeat(4000));
    let keys = ["a", "b", "c"];
    for key in keys {
        append(&mut con, key, &[long.clone(), says("user", "short")]);
    }
    let reply = cmd!(con, "CONV.MRECENT", 1_000_000, 3, &keys, "WITHINFO");
    for reply in items(&reply) {
        assert!(int(&map(reply)["tokens"]) > 20_000);
    }
    append(&mut con, "a", std::slice::from_ref(&long));
    cmd!(con, "MULTI");
    cmd!(con, "CONV.MRECENT", 1_000_000, 3, &keys, "WITHINFO");
    let reply = cmd!(con, "EXEC");
    assert_eq!(items(&items(&reply)[0]).len(), 3);
}

#[test]
fn fork_copies_up_to_a_message() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let messages = [
        says("system", "Be brief."),
        says("user", "q"),
        calls(&["a"]),
        answer("a"),
        says("assistant", "done"),
    ];
    append(&mut con, "k", &messages);
    cmd!(con, "CONV.SETSUMMARY", "k", "So far.", "UPTO", 4);
    cmd!(con, "CONV.ALTER", "k", "MAXMESSAGES", 100, "COMPLETE", "no");
    cmd!(con, "PEXPIRE", "k", 1_000_000);
    let fork = |con: &mut redis::Connection, args: &[&str]| int(&cmd!(*con, "CONV.FORK", args));
    assert_eq!(fork(&mut con, &["missing", "new"]), 0);
    assert_eq!(fork(&mut con, &["k", "all"]), 1);
    assert_eq!(digest(&mut con, "all"), digest(&mut con, "k"));
    assert_eq!(
        cmd!(con, "PEXPIRETIME", "all"),
        cmd!(con, "PEXPIRETIME", "k")
    );
    // The destination exists.
    assert_eq!(fork(&mut con, &["k", "all"]), 0);
    cmd!(con, "SET", "s", "string");
    assert_eq!(fork(&mut con, &["k", "s"]), 0);
    assert_eq!(fork(&mut con, &["k", "s", "REPLACE"]), 1);
    // Up to the call: the copy ends with an unanswered call, and the summary covers later messages.
    assert_eq!(fork(&mut con, &["k", "cut", "upto", "3"]), 1);
    assert_eq!(cmd!(con, "CONV.SUMMARY", "cut"), Value::Nil);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "cut")), 3);
    assert_eq!(append(&mut con, "cut", &[answer("a")]), 4);
    assert_eq!(
        items(&cmd!(con, "CONV.RECENT", "cut", 1000, "ANY")).len(),
        4
    );
    let info = map(&cmd!(con, "CONV.INFO", "cut"));
    assert_eq!(int(&info["max-messages"]), 100);
    assert_eq!(text(&info["complete"]), "no");
    // The summary is copied, and the original is unchanged.
    assert_eq!(fork(&mut con, &["k", "cut", "UPTO", "4", "REPLACE"]), 1);
    assert_eq!(text(&cmd!(con, "CONV.SUMMARY", "cut")), "So far.");
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 5);
    assert_eq!(fork(&mut con, &["k", "empty", "UPTO", "-5"]), 1);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "empty")), 0);
    cmd!(con, "SET", "s", "string");
    for (args, want) in [
        (&["s", "new"][..], "WRONGTYPE"),
        (&["k", "k"], "same"),
        (&["k", "new", "UPTO", "x"], "UPTO"),
        (&["k", "new", "other"], "'other'"),
        (&["k"], "wrong number"),
    ] {
        let error = err(try_cmd!(con, "CONV.FORK", args));
        assert!(error.contains(want), "{error}");
    }
    settled(&mut con);
    caught_up(&replica, &server);
    for key in ["k", "all", "cut", "empty"] {
        let before = digest(&mut con, key);
        assert_eq!(digest(&mut replica.conn(), key), before, "{key}");
        cmd!(con, "DEBUG", "RELOAD");
        assert_eq!(digest(&mut con, key), before, "{key}");
        cmd!(con, "DEBUG", "LOADAOF");
        assert_eq!(digest(&mut con, key), before, "{key}");
    }
}
