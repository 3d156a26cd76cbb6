//! CONV.IMPORT and CONV.EXPORT: a document is returned byte for byte, with the messages appended since.

use std::time::{Duration, Instant};

use redis::Connection;
use serde_json::Value as Json;

use crate::notation::transcript;
use crate::samples::*;
use crate::support::*;
use crate::views::*;

fn import(con: &mut Connection, key: &str, document: &str) -> i64 {
    int(&cmd!(*con, "CONV.IMPORT", key, document))
}

fn export(con: &mut Connection, key: &str) -> String {
    text(&cmd!(*con, "CONV.EXPORT", key))
}

/// Documents without white space between their parts, which are returned byte for byte, with their number of messages.
fn documents() -> Vec<(String, i64)> {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con);
    let list = |con: &mut Connection, key: &str| {
        text(&cmd!(*con, "CONV.RANGE", key, 0, -1, "FORMAT", "JSON"))
    };
    let mut documents = vec![
        ("[]".to_owned(), 0),
        (r#"{"history":[]}"#.into(), 0),
        (r#"{"messages":[],"history":{"a":[]}}"#.into(), 0),
        (r#"{"history":7,"messages":[],"z":[]}"#.into(), 0),
        (r#"{"":"","messages":[],"history":null}"#.into(), 0),
        (
            r#"{"a":{"history":[1]},"hist\u006fry":[{"role":"user"}]}"#.into(),
            1,
        ),
    ];
    for (key, n) in [
        ("chat", 8),
        ("anthropic", 4),
        ("responses", 6),
        ("langchain", 5),
        ("mixed", 23),
    ] {
        let messages = list(&mut con, key);
        documents.push((messages.clone(), n));
        documents.push((format!(r#"{{"history":{messages}}}"#), n));
        documents.push((
            format!(
                r#"{{"user id":12345678901234567890,"caf\u00e9":[1e400, -0.0 ,{{"a":1,"a":2}}],"messages":[1, 2],"history":{messages},"名":"\ud83d\ude42 🙂 \ud800 \/","nested":{{"[":["]\"}}",{{}}]}},"t":true,"f":false,"n":null,"":1.50}}"#
            ),
            n,
        ));
    }
    documents
}

#[test]
fn documents_come_back_byte_for_byte() {
    let documents = documents();
    let mut server = Server::start();
    let replica = Server::start();
    let mut con = server.conn();
    replicate(&replica, &server);
    let mut keys = Vec::new();
    for (n, (document, messages)) in documents.iter().enumerate() {
        let key = format!("s{n}");
        assert_eq!(import(&mut con, &key, document), *messages, "{document}");
        assert_eq!(int(&cmd!(con, "CONV.LEN", &key)), *messages);
        assert_eq!(export(&mut con, &key), *document);
        keys.push(key);
    }
    let before = views(&mut con, &keys);
    caught_up(&replica, &server);
    let mut there = replica.conn();
    assert_same(&keys, &before, &views(&mut there, &keys), "on the replica");
    cmd!(con, "DEBUG", "RELOAD");
    assert_same(&keys, &before, &views(&mut con, &keys), "reloaded");
    for key in &keys {
        let payload = bytes(&cmd!(con, "DUMP", key));
        cmd!(con, "RESTORE", key, 0, payload, "REPLACE");
        cmd!(con, "COPY", key, "copy", "REPLACE");
        let (copy, original) = (export(&mut con, "copy"), export(&mut con, key));
        assert_eq!(copy, original);
        assert_eq!(digest(&mut con, "copy"), digest(&mut con, key));
        cmd!(con, "RENAME", "copy", "renamed");
        assert_eq!(export(&mut con, "renamed"), original);
        cmd!(con, "DEL", "renamed");
    }
    assert_same(&keys, &before, &views(&mut con, &keys), "restored");
    for preamble in ["yes", "no"] {
        cmd!(
            con,
            "CONFIG",
            "SET",
            "aof-use-rdb-preamble",
            preamble,
            "appendonly",
            "yes"
        );
        cmd!(con, "SETRANGE", "wake", 0, "x");
        cmd!(con, "DEL", "wake");
        settle_rewrite(&mut con);
        cmd!(con, "DEBUG", "LOADAOF");
        assert_same(&keys, &before, &views(&mut con, &keys), preamble);
        cmd!(con, "CONFIG", "SET", "appendonly", "no");
    }
    assert!(server.is_alive());
}

fn settle_rewrite(con: &mut Connection) {
    let done = wait_until(Duration::from_secs(20), || {
        let info = info(con, "persistence");
        info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
    });
    assert!(done);
}

#[test]
fn exports_include_messages_appended_since_the_import() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.IMPORT k {"a":1,"history":[{"role":"user"}],"z":[2]} => 1
        CONV.APPEND k {"role":"assistant"} => 2
        CONV.EXPORT k => {"a":1,"history":[{"role":"user"},{"role":"assistant"}],"z":[2]}
        CONV.SETSTATE k new {"x":0} a 1.0 new 5 => 1
        CONV.EXPORT k => {"a":1.0,"history":[{"role":"user"},{"role":"assistant"}],"z":[2],"new":5}
        CONV.GETSTATE k z a nothing history => [[2] 1.0 nil nil]
        CONV.DELSTATE k a nothing a => 1
        CONV.EXPORT k => {"history":[{"role":"user"},{"role":"assistant"}],"z":[2],"new":5}
        CONV.SETSTATE k history [] => !ERR history
        CONV.SETSTATE k b 1 history [] => !ERR history
        CONV.GETSTATE k b => [nil]
        CONV.DEL k 1 => 1
        CONV.SETSTATE k a 7 => 1
        CONV.DELSTATE k z new => 2
        CONV.EXPORT k => {"history":[{"role":"assistant"}],"a":7}
        CONV.DELSTATE k history a => 1
        CONV.EXPORT k => {"history":[{"role":"assistant"}]}
        CONV.SETSUMMARY k text => 1
        CONV.EXPORT k => {"history":[{"role":"assistant"}]}
        CONV.IMPORT bare [] => 0
        CONV.SETSTATE bare history 1 => 1
        CONV.EXPORT bare => []
        CONV.GETSTATE bare history => [1]
        CONV.SETSTATE made a 1 => 1
        CONV.EXPORT made => []
        CONV.APPEND made {"role":"user"} => 1
        CONV.EXPORT made => [{"role":"user"}]
        CONV.EXPORT missing => nil
        CONV.DELSTATE missing a => 0
        CONV.GETSTATE missing a b => [nil nil]
        CONV.IMPORT h {"chat":[{"role":"user"}],"history":[7]} HISTORY chat => 1
        CONV.EXPORT h => {"chat":[{"role":"user"}],"history":[7]}
        CONV.IMPORT both {"messages":[7],"history":[{"role":"user"}]} => 1
        CONV.GETSTATE both messages => [[7]]
        CONV.IMPORT k [{"role":"user"},{"role":"user"}] replace => 2
        CONV.GETSTATE k a => [nil]
        CONV.SUMMARY k => text
        CONV.APPEND k {"role":"user"} => 5
        CONV.LEN k => 3"#,
    );
}

/// A session document with messages at `agent.state.messages`.
fn nested(messages: &str) -> String {
    format!(
        "{{\"v\":1,\"agent\":{{ \"name\" : \"ana\", \"state\":{{\"messages\" :\t{messages} , \"x\":[1, 2]}}\n}},\"z\":2}}"
    )
}

#[test]
fn messages_in_nested_objects_come_back_in_their_place() {
    let mut server = Server::start();
    let replica = Server::start();
    let mut con = server.conn();
    replicate(&replica, &server);
    let (one, other) = (says("user", "hi"), says("assistant", "ho"));
    let path = "agent.state.messages";
    let document = nested(&format!("[{one}]"));
    assert_eq!(
        int(&cmd!(con, "CONV.IMPORT", "k", &document, "HISTORY", path)),
        1
    );
    assert_eq!(export(&mut con, "k"), document);
    assert_eq!(int(&cmd!(con, "CONV.APPEND", "k", &other)), 2);
    let document = nested(&format!("[{one},{other}]"));
    let bare = nested("[]");
    assert_eq!(
        int(&cmd!(con, "CONV.IMPORT", "bare", &bare, "HISTORY", path)),
        0
    );
    settled(&mut con);
    let keys = ["k".to_owned(), "bare".into()];
    let before = views(&mut con, &keys);
    let agree = |con: &mut Connection, place: &str| {
        assert_eq!(export(con, "k"), document, "{place}");
        assert_eq!(export(con, "bare"), bare, "{place}");
        assert_same(&keys, &before, &views(con, &keys), place);
    };
    caught_up(&replica, &server);
    agree(&mut replica.conn(), "on the replica");
    cmd!(con, "DEBUG", "RELOAD");
    agree(&mut con, "reloaded");
    for key in &keys {
        let payload = bytes(&cmd!(con, "DUMP", key));
        cmd!(con, "RESTORE", key, 0, payload, "REPLACE");
        cmd!(con, "COPY", key, "copy", "REPLACE");
        cmd!(con, "CONV.FORK", key, "fork", "REPLACE");
        let expected = digest(&mut con, key);
        assert_eq!(digest(&mut con, "copy"), expected);
        let (original, fork) = (export(&mut con, key), export(&mut con, "fork"));
        assert_eq!(fork, original);
        cmd!(con, "DEL", "copy", "fork");
    }
    agree(&mut con, "restored");
    caught_up(&replica, &server);
    agree(&mut replica.conn(), "on the replica, restored");
    for preamble in ["yes", "no"] {
        let use_preamble = &["aof-use-rdb-preamble", preamble];
        cmd!(con, "CONFIG", "SET", use_preamble, "appendonly", "yes");
        settle_rewrite(&mut con);
        cmd!(con, "BGREWRITEAOF");
        settle_rewrite(&mut con);
        cmd!(con, "DEBUG", "LOADAOF");
        agree(&mut con, preamble);
        cmd!(con, "CONFIG", "SET", "appendonly", "no");
    }
    // From here on the AOF contains the import itself.
    cmd!(con, "CONFIG", "SET", "appendonly", "yes");
    settle_rewrite(&mut con);
    cmd!(con, "CONV.IMPORT", "late", &bare, "HISTORY", path);
    cmd!(con, "CONV.APPEND", "late", &one);
    let expected = digest(&mut con, "late");
    cmd!(con, "DEBUG", "LOADAOF");
    assert_eq!(export(&mut con, "late"), nested(&format!("[{one}]")));
    settled(&mut con);
    assert_eq!(digest(&mut con, "late"), expected);
    assert!(server.is_alive());
}

#[test]
fn nested_messages_survive_a_rewritten_aof_and_a_restart() {
    let mut server = Server::with(&["--appendonly", "yes", "--aof-use-rdb-preamble", "no"]);
    let mut con = server.conn();
    let (one, other) = (says("user", "hi"), says("assistant", "ho"));
    let path = "agent.state.messages";
    let document = nested(&format!("[{one}]"));
    cmd!(con, "CONV.IMPORT", "k", document, "HISTORY", path);
    settled(&mut con);
    cmd!(con, "BGREWRITEAOF");
    settle_rewrite(&mut con);
    cmd!(con, "CONV.APPEND", "k", &other);
    settled(&mut con);
    let expected = digest(&mut con, "k");
    server.restart();
    let mut con = server.conn();
    settled(&mut con);
    assert_eq!(digest(&mut con, "k"), expected);
    assert_eq!(export(&mut con, "k"), nested(&format!("[{one},{other}]")));
}

#[test]
fn the_field_around_nested_messages_is_no_session_field() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.IMPORT k {"a":1,"s":{"x":2,"m":[{"role":"user"}]},"z":3} HISTORY s.m => 1
        CONV.GETSTATE k s a s.m => [nil 1 nil]
        CONV.SETSTATE k s {} => !ERR 's' messages
        CONV.SETSTATE k a 5 s 1 => !ERR 's' messages
        CONV.DELSTATE k s => 0
        CONV.DELSTATE k a s => 1
        CONV.EXPORT k => {"s":{"x":2,"m":[{"role":"user"}]},"z":3}
        CONV.SETSTATE k m 1 s.m 2 => 2
        CONV.EXPORT k => {"s":{"x":2,"m":[{"role":"user"}]},"z":3,"m":1,"s.m":2}
        CONV.DEL k 1 => 1
        CONV.EXPORT k => {"s":{"x":2,"m":[]},"z":3,"m":1,"s.m":2}
        CONV.IMPORT k {"s":{"m":[{"role":"user"}]},"s.m":[]} HISTORY s.m REPLACE => 0
        CONV.GETSTATE k s s.m => [{"m":[{"role":"user"}]} nil]
        CONV.EXPORT k => {"s":{"m":[{"role":"user"}]},"s.m":[]}
        CONV.IMPORT k {"s":{"m":[],"x":1,"x":2}} HISTORY s.m REPLACE => 0
        CONV.EXPORT k => {"s":{"m":[],"x":1,"x":2}}"#,
    );
    let mut con = server.conn();
    let raw = |con: &mut Connection| int(&map(&cmd!(*con, "CONV.INFO", "large"))["bytes-raw"]);
    let mut sizes = Vec::new();
    for n in [0, 100_000] {
        let (document, path) = (
            format!(r#"{{"s":{{"x":"{}","m":[]}}}}"#, "x".repeat(n)),
            "s.m",
        );
        cmd!(
            con,
            "CONV.IMPORT",
            "large",
            document,
            "HISTORY",
            path,
            "REPLACE"
        );
        sizes.push((raw(&mut con), int(&cmd!(con, "MEMORY", "USAGE", "large"))));
    }
    assert_eq!(sizes[1].0 - sizes[0].0, 100_000);
    // In the meantime it may have been packed, which saves some hundred bytes.
    assert!(sizes[1].1 - sizes[0].1 >= 99_000, "{sizes:?}");
}

#[test]
fn white_space_is_not_part_of_values() {
    let server = Server::start();
    let mut con = server.conn();
    let spaced = " \r\n{ \"a\" :\t[ 1 ,\n2 ] , \"history\" : [ {\"role\": \"user\"} ,\n\t{\"role\" : \"user\"}\n] ,\"b\" : null } \n";
    assert_eq!(import(&mut con, "k", spaced), 2);
    assert_eq!(
        export(&mut con, "k"),
        "{\"a\":[ 1 ,\n2 ],\"history\":[{\"role\": \"user\"},{\"role\" : \"user\"}],\"b\":null}"
    );
    let (one, other): (Json, Json) = (
        serde_json::from_str(spaced).unwrap(),
        serde_json::from_str(&export(&mut con, "k")).unwrap(),
    );
    assert_eq!(one, other);
}

#[test]
fn oversized_or_non_utf8_documents_are_rejected() {
    let server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &chat());
    let before = digest(&mut con, "k");
    let name = |len| "n".repeat(len);
    let mut refuse = |document: &[u8], words: &str| {
        let error = err(try_cmd!(con, "CONV.IMPORT", "k", document, "REPLACE"));
        assert!(error.contains(words), "{words}: {error:.200}");
        assert!(error.len() < 400);
        assert_eq!(digest(&mut con, "k"), before, "{words}");
    };
    let long = format!(r#"{{"{}":1,"history":[]}}"#, name(65_537));
    refuse(long.as_bytes(), "65536");
    refuse(b"{\"a\":\"\xff\",\"history\":[]}", "'a': invalid UTF-8");
    refuse(b"{\"\xff\":1,\"history\":[]}", "UTF-8");
    refuse(
        b"{\"history\":[{\"role\":\"user\"},{\"role\":\"\xff\"}]}",
        "BADMSG message 2: invalid UTF-8",
    );
    let deep = format!(
        r#"[{{"role":"user","x":{}{}}}]"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    refuse(deep.as_bytes(), "BADMSG message 1: nested deeper");
    refuse("[".repeat(1_000_000).as_bytes(), "JSON");
    let error = err(try_cmd!(con, "CONV.SETSTATE", "k", name(65_537), 1));
    assert!(error.contains("65536"), "{error:.200}");
    let error = err(try_cmd!(con, "CONV.SETSTATE", "k", &b"\xff"[..], 1));
    assert!(error.contains("UTF-8"), "{error}");
    assert_eq!(int(&cmd!(con, "CONV.SETSTATE", "k", name(65_536), 1)), 1);
    cmd!(con, "CONFIG", "SET", "conv.max-message-bytes", 100);
    let large = format!("[{},{}]", says("user", "x"), says("user", &name(100)));
    let error = err(try_cmd!(con, "CONV.IMPORT", "new", large));
    assert!(
        error.starts_with("BADMSG message 2: ") && error.contains("(100)"),
        "{error}"
    );
    assert_eq!(int(&cmd!(con, "EXISTS", "new")), 0);
    // The nesting depth of a field is not limited, and it may be larger than a message.
    let deep = format!(
        r#"{{"x":{}{},"history":[]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(import(&mut con, "deep", &deep), 0);
    cmd!(con, "DEBUG", "RELOAD");
    assert_eq!(export(&mut con, "deep"), deep);
}

#[test]
fn import_applies_settings_but_keeps_all_messages() {
    let server = Server::start();
    let mut con = server.conn();
    let ten: Vec<String> = (0..10)
        .map(|n| says("user", &format!("message {n}")))
        .collect();
    let document = format!(r#"{{"messages":[{}],"a":1}}"#, ten.join(","));
    cmd!(
        con,
        "CONFIG",
        "SET",
        "conv.max-messages",
        4,
        "conv.max-tokens",
        40,
        "conv.ttl",
        900
    );
    assert_eq!(import(&mut con, "k", &document), 10);
    settled(&mut con);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 10);
    assert!(int(&cmd!(con, "TTL", "k")) > 890);
    // Retention acts on the next append.
    assert_eq!(append(&mut con, "k", &ten[..1]), 11);
    assert!(int(&cmd!(con, "CONV.LEN", "k")) <= 4);
    assert!(int(&map(&cmd!(con, "CONV.INFO", "k"))["tokens"]) <= 40);
    let used = int(&cmd!(con, "MEMORY", "USAGE", "k"));
    cmd!(
        con,
        "CONV.SETSTATE",
        "k",
        "big",
        format!("\"{}\"", "x".repeat(100_000))
    );
    assert!(int(&cmd!(con, "MEMORY", "USAGE", "k")) >= used + 99_000);
    let raw = |con: &mut Connection| int(&map(&cmd!(*con, "CONV.INFO", "k"))["bytes-raw"]);
    let with = raw(&mut con);
    cmd!(con, "CONV.DELSTATE", "k", "big");
    assert_eq!(raw(&mut con), with - 100_005);
}

/// Replicated session effects are validated, too.
#[test]
fn effects_that_do_not_apply_are_rejected() {
    let server = Server::start();
    let mut con = server.conn();
    import(&mut con, "k", r#"{"a":1,"history":[]}"#);
    let before = digest(&mut con, "k");
    for (rest, payload) in [
        (r#""set_state":["history"]"#, &["1"][..]),
        (r#""set_state":["hist\u006fry"]"#, &["1"]),
        (r#""set_state":["b"]"#, &["x"]),
        (r#""set_state":["b"]"#, &[]),
        (r#""set_state":[7]"#, &["1"]),
        (r#""history":["a",0]"#, &[]),
        (r#""history":["b",2]"#, &[]),
        (r#""history":["b",-1]"#, &[]),
        (r#""history":["b",0],"nested":true"#, &["{\"c\":"]),
        (r#""history":["b",0],"nested":true"#, &["\"", "\""]),
        (r#""history":["a",0],"nested":true"#, &["{\"c\":", "}"]),
        (r#""nested":true"#, &["{\"c\":", "}"]),
        (r#""lease":-1"#, &[]),
        (r#""replace":true"#, &[]),
        (r#""cut":"1""#, &[]),
        (r#""clear_session":true,"history":["history",1]"#, &[]),
        (r#""import":["history"]"#, &[r#"{"history":[]}"#]),
    ] {
        let header = format!(r#"{{"v":1,"at":5,{rest}}}"#);
        let error = err(try_cmd!(con, "CONV.EFFECT", "k", &header, payload));
        assert!(error.starts_with("ERR "), "{header}: {error}");
        assert_eq!(digest(&mut con, "k"), before, "{header}");
    }
    cmd!(
        con,
        "CONV.EFFECT",
        "k",
        r#"{"v":1,"at":5,"set_state":["b"],"lease":9}"#,
        "[ 1]"
    );
    assert_eq!(export(&mut con, "k"), r#"{"a":1,"history":[],"b":[ 1]}"#);
    assert_ne!(digest(&mut con, "k"), before);
}

/// A document of about `megabytes` MB, with messages of about 1 kB.
fn large(megabytes: usize) -> (String, i64) {
    let text = "It was the best of times, it was the worst of times.\\n".repeat(18);
    let (mut document, mut messages) = (String::from(r#"{"session":"large","history":["#), 0);
    while document.len() < megabytes << 20 {
        let role = ["user", "assistant"][messages % 2];
        if messages > 0 {
            document.push(',');
        }
        document += &format!(r#"{{"role":"{role}","n":{messages},"content":"{text}"}}"#);
        messages += 1;
    }
    (document + r#"],"last":true}"#, messages as i64)
}

#[test]
fn large_documents_are_imported() {
    let megabytes = std::env::var("CONV_LARGE").map_or(20, |n| n.parse().expect("megabytes"));
    let (document, messages) = large(megabytes);
    let server = Server::start();
    let replica = Server::start();
    let mut con = server.conn();
    replicate(&replica, &server);
    cmd!(con, "CONFIG", "RESETSTAT");
    let begin = Instant::now();
    cmd!(con, "SET", "plain", &document);
    let set = begin.elapsed();
    let begin = Instant::now();
    assert_eq!(import(&mut con, "k", &document), messages);
    let imported = begin.elapsed();
    // The newest messages are counted first, so reading them does not wait for the rest.
    let begin = Instant::now();
    assert!(items(&cmd!(con, "CONV.RECENT", "k", 3000)).len() > 5);
    let recent = begin.elapsed();
    let exported = export(&mut con, "k");
    assert!(exported == document, "the document comes back");
    for line in text(&cmd!(con, "INFO", "commandstats")).lines() {
        if ["conv.import", "conv.export", "conv.recent", "_set:"]
            .iter()
            .any(|c| line.to_lowercase().contains(c))
        {
            eprintln!("{line}");
        }
    }
    eprintln!("{megabytes} MB: SET {set:?}, IMPORT {imported:?}, RECENT {recent:?}");
    settled(&mut con);
    caught_up(&replica, &server);
    assert_eq!(digest(&mut replica.conn(), "k"), digest(&mut con, "k"));
    assert!(
        export(&mut con, "k") == document,
        "it comes back when it was compressed"
    );
    cmd!(con, "DEBUG", "RELOAD");
    assert!(export(&mut con, "k") == document, "loaded, it comes back");
}
