//! Compressed messages are decompressed in the background if they are many, while only the client that reads them waits.

use std::time::Duration;

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

/// Appends about a megabyte, and waits until all but the newest messages are compressed. Returns the messages.
fn compressed(con: &mut Connection, key: &str) -> Vec<String> {
    let messages: Vec<String> = (0..1000)
        .map(|n| {
            says(
                ["user", "assistant"][n % 2],
                &format!("{n} {}", "some words and more. ".repeat(50)),
            )
        })
        .collect();
    for batch in messages.chunks(100) {
        append(con, key, batch);
    }
    settled(con);
    let done = wait_until(Duration::from_secs(30), || {
        let info = map(&cmd!(*con, "CONV.INFO", key));
        int(&info["bytes-stored"]) * 3 < int(&info["bytes-raw"])
    });
    assert!(done, "not compressed");
    messages
}

fn waits(con: &mut Connection) -> u64 {
    info(con, "conv")["conv_waits"].parse().expect("a number")
}

#[test]
fn replies_are_those_of_uncompressed_messages() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "FLUSHALL");
        let messages = compressed(&mut con, "k");
        let json = format!("[{}]", messages.join(","));
        let all: Vec<Vec<u8>> = messages.iter().map(|m| m.clone().into_bytes()).collect();
        let newest_first: Vec<_> = all.iter().rev().cloned().collect();
        let before = waits(&mut con);
        assert_eq!(strings(&cmd!(con, "CONV.RANGE", "k", 0, -1)), all);
        assert!(waits(&mut con) > before, "nobody has waited");
        assert_eq!(
            strings(&cmd!(con, "CONV.RANGE", "k", 0, -1, "REV")),
            newest_first
        );
        assert_eq!(bytes(&cmd!(con, "CONV.EXPORT", "k")), json.as_bytes());
        assert_eq!(strings(&cmd!(con, "CONV.RECENT", "k", i64::MAX)), all);
        assert_eq!(
            bytes(&cmd!(con, "CONV.RECENT", "k", i64::MAX, "FORMAT", "JSON")),
            json.as_bytes()
        );
        let seqs: Vec<i64> = (1..=1000).step_by(100).collect();
        let some: Vec<_> = all.iter().step_by(100).cloned().collect();
        assert_eq!(strings(&cmd!(con, "CONV.GET", "k", &seqs)), some);
        let described = cmd!(con, "CONV.GET", "k", 1, 2, 2000, "WITHINFO");
        assert_eq!(bytes(&map(&items(&described)[1])["message"]), all[1]);
        assert_eq!(items(&described)[2], Value::Nil);
        let claimed = map(&cmd!(con, "CONV.CLAIMSUMMARY", "k", 1, "LEASE", 100_000));
        assert_eq!(strings(&claimed["messages"]), all);
        assert_eq!(cmd!(con, "CONV.CLAIMSUMMARY", "k", 1), Value::Nil);
        let both = cmd!(con, "CONV.MRECENT", i64::MAX, 2, "k", "missing");
        assert_eq!(strings(&items(&both)[0]), all);
        assert_eq!(
            strings(&cmd!(con, "CONV.POP", "k", 900)),
            newest_first[..900]
        );
        assert_eq!(strings(&cmd!(con, "CONV.RANGE", "k", 0, -1)), all[..100]);
        let conv = info(&mut con, "conv");
        assert_eq!(conv["conv_background_commands"], "0");
        assert_eq!(conv["conv_background_bytes"], "0");
    }
}

/// A large reply in MessagePack is made in the background, also of messages that are not compressed.
#[test]
fn large_replies_are_converted_in_the_background() {
    let server = Server::with(&["--conv.hot-bytes", "100mb"]);
    let mut con = server.conn();
    let messages: Vec<String> = (0..2000)
        .map(|n| {
            says(
                "user",
                &format!("{n} {}", "some words and more. ".repeat(50)),
            )
        })
        .collect();
    for batch in messages.chunks(100) {
        append(&mut con, "k", batch);
    }
    settled(&mut con);
    let parsed: Vec<serde_json::Value> = messages
        .iter()
        .map(|message| serde_json::from_str(message).expect("JSON"))
        .collect();
    let unpacked = |reply: &Value| -> Vec<serde_json::Value> {
        rmp_serde::from_slice(&bytes(reply)).expect("MessagePack")
    };
    let newest_first: Vec<_> = parsed.iter().rev().cloned().collect();
    for (command, expected) in [
        ("CONV.RANGE k 0 -1 FORMAT MSGPACK", &parsed),
        ("CONV.RANGE k 0 -1 REV FORMAT MSGPACK", &newest_first),
        ("CONV.RECENT k 9999999 FORMAT MSGPACK", &parsed),
        ("CONV.RECENT k 9999999 FORMAT MSGPACK REV", &newest_first),
    ] {
        let before = waits(&mut con);
        let reply = run(&mut con, &command.split(' ').collect::<Vec<_>>()).unwrap();
        assert!(unpacked(&reply) == *expected, "{command}");
        assert!(waits(&mut con) > before, "{command}: nobody has waited");
        // Who cannot be blocked gets the same at once.
        cmd!(con, "MULTI");
        run(&mut con, &command.split(' ').collect::<Vec<_>>()).unwrap();
        assert!(items(&cmd!(con, "EXEC")) == [reply], "{command}");
    }
    let described = cmd!(
        con,
        "CONV.RECENT",
        "k",
        9_999_999,
        "FORMAT",
        "MSGPACK",
        "WITHINFO"
    );
    assert!(unpacked(&map(&described)["messages"]) == parsed);
    cmd!(con, "COPY", "k", "other");
    cmd!(con, "CONV.DEL", "other", 1);
    let keys = ["k", "other", "missing"];
    let format = ["FORMAT", "MSGPACK"];
    let several = cmd!(con, "CONV.MRECENT", 9_999_999, 3, &keys, &format);
    let several = items(&several);
    assert!(unpacked(&several[0]) == parsed && unpacked(&several[1]) == parsed[1..]);
    assert_eq!(unpacked(&several[2]), [] as [serde_json::Value; 0]);
    // What is appended meanwhile is in the reply, or comes after it.
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut con = server.conn();
            // Bounded, should the reader wait for ever.
            for _ in 0..5000 {
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                append(&mut con, "k", &[says("user", "meanwhile")]);
            }
        });
        for _ in 0..20 {
            let reply = cmd!(con, "CONV.RANGE", "k", 0, -1, &format);
            assert!(unpacked(&reply)[..2000] == parsed);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let conv = info(&mut con, "conv");
    assert_eq!(conv["conv_background_commands"], "0");
    assert_eq!(conv["conv_background_bytes"], "0");
}

/// A document of more than 256 kB is put together in the background, compressed or not. It is one state of the
/// conversation, whatever others append meanwhile.
#[test]
fn large_documents_are_written_in_the_background() {
    let server = Server::start();
    let mut con = server.conn();
    let mut messages: Vec<String> = (0..1000)
        .map(|number| {
            says(
                "user",
                &format!("{number} {}", "in the document ".repeat(60)),
            )
        })
        .collect();
    let document = |messages: &[String]| {
        let messages = messages.join(",");
        format!(r#"{{"id":7,"chat":{{"n":1,"log":[{messages}],"m":[]}},"z":"end","y":null}}"#)
    };
    let whole = document(&messages);
    cmd!(con, "CONV.IMPORT", "k", &whole, "HISTORY", "chat.log");
    let before = waits(&mut con);
    assert_eq!(bytes(&cmd!(con, "CONV.EXPORT", "k")), whole.as_bytes());
    assert!(waits(&mut con) > before, "nobody has waited");
    let mut appended = 0;
    for round in 0..10 {
        let meanwhile = says("assistant", &format!("meanwhile {round}"));
        let commands = [
            vec!["CONV.EXPORT".to_string(), "k".into()],
            vec!["CONV.APPEND".to_string(), "k".into(), meanwhile.clone()],
            vec!["CONV.EXPORT".to_string(), "k".into()],
        ];
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut con = server.conn();
                for _ in 0..20 {
                    append(&mut con, "k", &[says("user", "of another client")]);
                }
            });
            let replies = pipeline(&mut con, &commands).expect("replies");
            let (first, second) = (bytes(&replies[0]), bytes(&replies[2]));
            let ours = |reply: &[u8]| {
                let reply = std::str::from_utf8(reply).expect("UTF-8");
                assert!(serde_json::from_str::<serde_json::Value>(reply).is_ok());
                (
                    reply.contains(&meanwhile),
                    reply.matches("of another client").count(),
                )
            };
            let (first, second) = (ours(&first), ours(&second));
            assert!(
                !first.0 && second.0,
                "a client sees its own appends in order"
            );
            assert!(appended <= first.1 && first.1 <= second.1 && second.1 <= appended + 20);
            other.join().expect("the other client");
        });
        appended += 20;
    }
    messages = strings(&cmd!(con, "CONV.RANGE", "k", 0, -1))
        .into_iter()
        .map(|message| String::from_utf8(message).expect("UTF-8"))
        .collect();
    assert_eq!(messages.len(), 1000 + 10 + 200);
    assert_eq!(
        bytes(&cmd!(con, "CONV.EXPORT", "k")),
        document(&messages).as_bytes()
    );
}

/// The reply is the document as it was when the command came, also if its key is another type by now.
#[test]
fn a_document_is_the_reply_whatever_becomes_of_its_key() {
    let server = Server::start();
    let (mut con, mut reader) = (server.conn(), server.conn());
    let field = format!("{:?}", "a large field ".repeat(500_000));
    let messages: Vec<String> = (0..5000)
        .map(|number| {
            says(
                "user",
                &format!("{number} {}", "in the document ".repeat(60)),
            )
        })
        .collect();
    let document = format!(r#"{{"f":{field},"m":[{}]}}"#, messages.join(","));
    for command in [
        &["SET", "k", "x"][..],
        &["DEL", "k"],
        &["FLUSHALL"],
        &["RENAME", "k", "l"],
    ] {
        cmd!(con, "DEL", "k");
        cmd!(con, "CONV.IMPORT", "k", &document, "HISTORY", "m");
        let before = waits(&mut con);
        let export = redis::cmd("CONV.EXPORT").arg("k").get_packed_command();
        reader.send_packed_command(&export).expect("sent");
        assert!(wait_until(Duration::from_secs(5), || waits(&mut con) > before));
        run(&mut con, command).expect("a command");
        let reply = reader.recv_response().expect("a reply");
        assert!(bytes(&reply) == document.as_bytes(), "{command:?}");
    }
}

/// Who cannot be blocked gets the reply at once.
#[test]
fn transactions_scripts_and_caching_clients_do_not_wait() {
    let server = Server::start();
    let mut con = server.conn();
    let messages = compressed(&mut con, "k");
    let json = format!("[{}]", messages.join(","));
    let before = waits(&mut con);
    cmd!(con, "MULTI");
    cmd!(con, "CONV.EXPORT", "k");
    cmd!(con, "CONV.RECENT", "k", i64::MAX, "FORMAT", "JSON");
    assert_eq!(
        strings(&cmd!(con, "EXEC")),
        [json.as_bytes(), json.as_bytes()]
    );
    let script = "return redis.call('CONV.EXPORT', KEYS[1])";
    assert_eq!(bytes(&cmd!(con, "EVAL", script, 1, "k")), json.as_bytes());
    let mut caching = server.conn3();
    cmd!(caching, "CLIENT", "TRACKING", "ON");
    assert_eq!(bytes(&cmd!(caching, "CONV.EXPORT", "k")), json.as_bytes());
    assert_eq!(waits(&mut con), before);
}

/// Each command sees the conversation as it is when its reply is written.
#[test]
fn readers_and_writers_of_one_conversation() {
    let mut server = Server::start();
    let mut con = server.conn();
    for round in 0..3 {
        let messages = compressed(&mut con, "k");
        let commands: Vec<Vec<String>> = [
            "CONV.EXPORT k",
            "CONV.DEL k 500",
            "CONV.EXPORT k",
            "CONV.EXPORT k",
            "DEL k",
            "CONV.EXPORT k",
        ]
        .map(|line| line.split(' ').map(String::from).collect())
        .to_vec();
        let replies = pipeline(&mut con, &commands).expect("replies");
        let mut expected = messages.clone();
        assert_eq!(
            bytes(&replies[0]),
            format!("[{}]", expected.join(",")).as_bytes()
        );
        expected.remove(499);
        let rest = format!("[{}]", expected.join(","));
        assert_eq!(bytes(&replies[2]), rest.as_bytes());
        assert_eq!(bytes(&replies[3]), rest.as_bytes());
        assert_eq!(replies[5], Value::Nil);
        // Readers that leave, and a database that is emptied meanwhile.
        compressed(&mut con, "k");
        for _ in 0..20 {
            let mut leaving = server.conn();
            let packed = redis::cmd("CONV.EXPORT").arg("k").get_packed_command();
            redis::ConnectionLike::req_packed_command(
                &mut leaving,
                &redis::cmd("PING").get_packed_command(),
            )
            .expect("a reply");
            leaving.send_packed_command(&packed).expect("sent");
            drop(leaving);
        }
        cmd!(con, ["FLUSHALL", "FLUSHDB", "DBSIZE"][round]);
        cmd!(con, "DEL", "k");
        let done = wait_until(Duration::from_secs(20), || {
            info(&mut con, "conv")["conv_background_commands"] == "0"
        });
        assert!(done, "clients that have gone are still waited for");
    }
    assert!(server.is_alive());
}
