//! CONV.RECENT with CLEAR and OVERSIZE CUT: long conversations, blocked clients, transactions, other servers.

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

/// A result of about so many words.
fn result(id: &str, words: usize) -> String {
    let text = "ferries leave at nine, unless it rains; ".repeat(words / 8 + 1);
    format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"{text}"}}"#)
}

/// The given number of steps of an agent, with results of very different lengths.
fn agent(con: &mut Connection, key: &str, steps: usize) {
    append(
        con,
        key,
        &[says("system", "Be brief."), says("user", "The task.")],
    );
    for step in 0..steps {
        let id = format!("c{step}");
        let words = [10, 500, 3, 2000, 60][step % 5];
        append(
            con,
            key,
            &[
                calls(&[&id]),
                result(&id, words),
                says("assistant", "Next."),
            ],
        );
    }
}

fn figure(reply: &Value, name: &str) -> i64 {
    int(&map(reply)[name])
}

#[test]
fn cleared_results_are_the_same_everywhere() {
    let server = Server::start();
    let replica = Server::start();
    let mut con = server.conn();
    replicate(&replica, &server);
    agent(&mut con, "k", 120);
    cmd!(con, "CONV.PIN", "k", 2);
    cmd!(con, "COPY", "k", "copy");
    cmd!(con, "CONV.FORK", "k", "fork");
    caught_up(&replica, &server);
    let mut other = replica.conn();
    for budget in [40, 300, 2000, 9000, 100_000, 1_000_000] {
        for options in [
            &["CLEAR", "3"][..],
            &["CLEAR", "0"],
            &["CLEAR", "3", "STEP", "1500"],
            &["CLEAR", "5", "ABOVE", "20000", "START", "USER"],
            &["CLEAR", "2", "NOPINS", "MESSAGES", "40"],
        ] {
            let reply = cmd!(con, "CONV.RECENT", "k", budget, "WITHINFO", options);
            assert!(figure(&reply, "tokens") <= budget);
            for key in ["copy", "fork"] {
                let same = cmd!(con, "CONV.RECENT", key, budget, "WITHINFO", options);
                assert_eq!(same, reply, "{key} {budget} {options:?}");
            }
            let same = cmd!(other, "CONV.RECENT", "k", budget, "WITHINFO", options);
            assert_eq!(same, reply, "replica {budget} {options:?}");
            cmd!(con, "MULTI");
            cmd!(con, "CONV.RECENT", "copy", budget, "WITHINFO", options);
            assert_eq!(items(&cmd!(con, "EXEC"))[0], reply);
        }
    }
    let reply = cmd!(con, "CONV.RECENT", "k", 9000, "WITHINFO", "CLEAR", 3);
    let (cleared, edited) = (figure(&reply, "cleared"), figure(&reply, "edited"));
    assert!(cleared > 30 && cleared == edited, "{cleared} {edited}");
    let full = cmd!(con, "CONV.RECENT", "k", 9000, "WITHINFO");
    assert!(figure(&full, "first") > figure(&reply, "first"));
    cmd!(con, "DEBUG", "RELOAD");
    let again = cmd!(con, "CONV.RECENT", "k", 9000, "WITHINFO", "CLEAR", 3);
    assert_eq!(again, reply);
    let several = cmd!(
        con,
        "CONV.MRECENT",
        9000,
        2,
        "k",
        "fork",
        "WITHINFO",
        "CLEAR",
        3
    );
    assert_eq!(items(&several), [reply.clone(), reply]);
    let error = err(try_cmd!(con, "CONV.RECENT", "k", 100, "ABOVE", 5));
    assert!(error.contains("CLEAR"), "{error}");
}

/// Whatever happens to the conversation, the reply is that of a copy whose results were never examined.
#[test]
fn what_is_known_of_results_follows_every_change() {
    let server = Server::start();
    let mut con = server.conn();
    agent(&mut con, "k", 20);
    let check = |con: &mut Connection, what: &str| {
        for options in [&["CLEAR", "2"][..], &["CLEAR", "4", "STEP", "300"]] {
            for budget in [100, 900, 3000, 50_000] {
                cmd!(*con, "DEL", "fresh");
                cmd!(*con, "COPY", "k", "fresh");
                let fresh = cmd!(*con, "CONV.RECENT", "fresh", budget, "WITHINFO", options);
                let known = cmd!(*con, "CONV.RECENT", "k", budget, "WITHINFO", options);
                assert_eq!(known, fresh, "{what} {budget} {options:?}");
            }
        }
    };
    check(&mut con, "at first");
    append(&mut con, "k", &[calls(&["x", "y"]), result("x", 300)]);
    check(&mut con, "a turn begins");
    append(&mut con, "k", &[says("user", "Stop.")]);
    check(&mut con, "it is not answered");
    for change in [
        "CONV.PIN k 6 7",
        "CONV.UNPIN k 6",
        "CONV.DEL k 9",
        "CONV.DEL k 14 15",
        "CONV.POP k 1",
        "CONV.POP k 3",
        "CONV.ALTER k SCALE 120",
        "CONV.ALTER k OVERHEAD 5",
        "CONV.TRIM k MAXMESSAGES 40",
        "CONV.ALTER k ENCODING cl100k_base",
        "CONV.TRIM k BEFORE 20",
    ] {
        go(&mut con, &change.split(' ').collect::<Vec<_>>());
        check(&mut con, change);
    }
    let edited = result("c12", 5);
    cmd!(con, "CONV.EDIT", "k", 40, &edited);
    check(&mut con, "an edit");
    cmd!(
        con,
        "CONV.BACKFILL",
        "k",
        calls(&["o"]),
        result("o", 100),
        says("user", "older")
    );
    check(&mut con, "a backfill");
    cmd!(
        con,
        "CONV.APPEND",
        "k",
        "TOKENS",
        7,
        calls(&["z"]),
        "TOKENS",
        9,
        result("z", 50)
    );
    append(
        &mut con,
        "k",
        &[
            calls(&["w"]),
            result("w", 50),
            calls(&["v"]),
            result("v", 50),
        ],
    );
    check(&mut con, "given counts");
    let turn = |id: &str| [calls(&[id]), result(id, 80)].join(",");
    cmd!(con, "DEL", "k");
    let before = format!("[{},{},{}]", turn("a"), turn("b"), turn("c"));
    cmd!(con, "CONV.IMPORT", "k", before);
    check(&mut con, "an import");
    let after = format!("[{},{},{}]", turn("a"), says("user", "no"), turn("d"));
    cmd!(con, "CONV.IMPORT", "k", after, "REPLACE");
    check(&mut con, "another document");
}

#[test]
fn a_large_result_is_cut_in_the_background() {
    let server = Server::start();
    let mut con = server.conn();
    for key in ["k", "l"] {
        append(
            &mut con,
            key,
            &[says("user", "Go."), calls(&["c"]), result("c", 200_000)],
        );
    }
    for args in [&["START", "USER"][..], &[]] {
        let reply = cmd!(
            con,
            "CONV.RECENT",
            "k",
            3000,
            "OVERSIZE",
            "CUT",
            "WITHINFO",
            args
        );
        let tokens = figure(&reply, "tokens");
        assert!((2980..=3000).contains(&tokens), "{tokens}");
        assert_eq!(figure(&reply, "cut"), 1);
        assert_eq!(figure(&reply, "edited"), 1);
        assert_eq!(figure(&reply, "over"), 0);
        let messages = strings(&map(&reply)["messages"]);
        let last: serde_json::Value = serde_json::from_slice(messages.last().unwrap()).unwrap();
        assert!(
            last["content"]
                .as_str()
                .unwrap()
                .contains(" tokens cut ...]\n")
        );
        cmd!(con, "MULTI");
        cmd!(
            con,
            "CONV.RECENT",
            "l",
            3000,
            "OVERSIZE",
            "CUT",
            "WITHINFO",
            args
        );
        assert_eq!(items(&cmd!(con, "EXEC"))[0], reply);
        let both = cmd!(
            con,
            "CONV.MRECENT",
            3000,
            2,
            "k",
            "l",
            "OVERSIZE",
            "CUT",
            "WITHINFO",
            args
        );
        assert_eq!(items(&both), [reply.clone(), reply]);
    }
    let empty = cmd!(con, "CONV.RECENT", "k", 20, "OVERSIZE", "CUT");
    assert!(items(&empty).is_empty());
}

/// A message of role tool may hold results and be none itself (pydantic-ai, Spring AI, AI SDK).
#[test]
fn results_inside_a_tool_message_are_cut() {
    let server = Server::start();
    let mut con = server.conn();
    let text = "tide 1953 ".repeat(60);
    let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
    for message in [
        format!(
            r#"{{"kind":"request","parts":[{{"part_kind":"tool-return","tool_name":"f","content":"{text}","tool_call_id":"a"}}]}}"#
        ),
        format!(
            r#"{{"role":"tool","content":[{{"type":"tool-result","toolCallId":"a","toolName":"f","output":{{"type":"text","value":"{text}"}}}}]}}"#
        ),
    ] {
        cmd!(con, "DEL", "k");
        cmd!(con, "CONV.APPEND", "k", call, &message);
        let reply = cmd!(con, "CONV.RECENT", "k", 100, "OVERSIZE", "CUT", "WITHINFO");
        assert_eq!(figure(&reply, "cut"), 1, "{message}");
        assert!((80..=100).contains(&figure(&reply, "tokens")), "{reply:?}");
    }
}
