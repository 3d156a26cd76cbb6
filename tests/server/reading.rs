//! CONV.RANGE (like LRANGE), CONV.GET, CONV.LEN, CONV.INFO and CONV.TOKENS.

use std::time::{SystemTime, UNIX_EPOCH};

use redis::{Connection, Value};

use crate::notation::{counted, e, field, fill, line, message, show, transcript};
use crate::support::{
    SETTLE_TIMEOUT, Server, bytes, cmd, int, items, map, run, strings, wait_until,
};

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[test]
fn range_behaves_like_lrange() {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = (1..=7).map(|n| message("u", n)).collect();
    cmd!(con, "CONV.APPEND", "k", &messages);
    cmd!(con, "RPUSH", "list", &messages);
    // Indexes are positions, not sequence numbers.
    for (key, removed) in [("k", 3), ("k", 7)] {
        cmd!(con, "CONV.DEL", key, removed);
        cmd!(con, "LREM", "list", 1, message("u", removed));
    }
    let mut indexes: Vec<i64> = (-9..=9).collect();
    indexes.extend([i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1]);
    for start in &indexes {
        for stop in &indexes {
            let want = cmd!(con, "LRANGE", "list", start, stop);
            let got = cmd!(con, "CONV.RANGE", "k", start, stop);
            assert_eq!(got, want, "{start} {stop}");
            let json = cmd!(con, "CONV.RANGE", "k", start, stop, "FORMAT", "JSON");
            let joined = strings(&want).join(&b","[..]);
            assert_eq!(bytes(&json), [b"[", &joined[..], b"]"].concat());
            let packed = cmd!(con, "CONV.RANGE", "k", start, stop, "format", "msgpack");
            let packed: Vec<serde_json::Value> = rmp_serde::from_slice(&bytes(&packed)).unwrap();
            let parsed: Vec<serde_json::Value> = serde_json::from_slice(&bytes(&json)).unwrap();
            assert_eq!(packed, parsed, "{start} {stop}");
        }
    }
    transcript(
        &server,
        "CONV.RANGE missing 0 -1 => []
         CONV.RANGE missing 0 -1 FORMAT JSON => []
         CONV.CREATE empty => OK
         CONV.RANGE empty 0 -1 => []
         CONV.RANGE empty 0 -1 FORMAT LIST => []
         CONV.APPEND k @u @a => 2
         CONV.RANGE k 0 -1 FORMAT list => [@u @a]
         CONV.RANGE k -1 -1 => [@a]",
    );
}

#[test]
fn get_returns_messages_or_nils() {
    let server = Server::start();
    transcript(
        &server,
        "CONV.GET missing 1 => [nil]
         CONV.GET missing 1 2 WITHINFO => [nil nil]
         CONV.APPEND k @u @a @s => 3
         CONV.GET k 3 1 3 0 4 -1 => [@s @u @s nil nil nil]
         CONV.GET k 9223372036854775807 -9223372036854775808 => [nil nil]
         CONV.DEL k 2 => 1
         CONV.GET k 1 2 3 => [@u nil @s]
         CONV.GET k 2 WITHINFO => [nil]",
    );
    let before = now();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "DEL", "k");
        fill(&mut con, "k", "u=7 a=0");
        cmd!(con, "CONV.APPEND", "k", message("u", 3));
        counted(&mut con, "k");
        let reply = cmd!(con, "CONV.GET", "k", 1, 9, 2, 3, "withinfo");
        let figures: Vec<String> = items(&reply)
            .iter()
            .filter(|info| **info != Value::Nil)
            .map(|info| {
                let info = map(info);
                assert_eq!(info.len(), 6, "{info:?}");
                assert_eq!([&info["unread"], &info["pinned"]].map(int), [0, 0]);
                let time = int(&info["time"]);
                assert!((before..=now()).contains(&time), "{time}");
                let message: serde_json::Value =
                    serde_json::from_slice(&bytes(&info["message"])).unwrap();
                format!(
                    "{}={} {}",
                    message["n"],
                    int(&info["tokens"]),
                    int(&info["seq"])
                )
            })
            .collect();
        assert_eq!(
            figures,
            ["1=7 1", "2=0 2", &format!("3={} 3", 3 + 2 * e("x"))]
        );
        assert_eq!(items(&reply)[1], Value::Nil);
    }
    // A map reply is a real map in RESP3.
    let reply = cmd!(server.conn3(), "CONV.GET", "k", 1, "WITHINFO");
    assert!(matches!(items(&reply)[0], Value::Map(_)), "{reply:?}");
}

#[test]
fn len_and_info_describe_the_conversation() {
    let server = Server::start();
    transcript(
        &server,
        "CONV.LEN missing => 0
         CONV.INFO missing => nil
         CONV.CREATE k => OK
         CONV.LEN k => 0
         CONV.APPEND k @u @u => 2
         CONV.LEN k => 2",
    );
    let names = [
        "bytes-raw",
        "bytes-stored",
        "complete",
        "created",
        "encoding",
        "encoding-missing",
        "first",
        "last",
        "max-messages",
        "max-tokens",
        "messages",
        "overhead",
        "pending",
        "pins",
        "scale",
        "segments",
        "summary-tokens",
        "summary-upto",
        "tokens",
        "ttl",
        "unread",
        "updated",
    ];
    for mut con in [server.conn(), server.conn3()] {
        let info = map(&cmd!(con, "CONV.INFO", "k"));
        assert_eq!(info.keys().collect::<Vec<_>>(), names);
    }
    assert!(matches!(
        cmd!(server.conn3(), "CONV.INFO", "k"),
        Value::Map(_)
    ));

    let mut con = server.conn();
    cmd!(con, "FLUSHALL");
    let before = now();
    cmd!(
        con,
        "CONV.CREATE",
        "k",
        "MAXMESSAGES",
        50,
        "MAXTOKENS",
        5000,
        "TTL",
        900
    );
    let shows = |con: &mut Connection, want: &[(&str, &str)]| {
        for (name, value) in want {
            assert_eq!(field(con, "k", name), *value, "{name}");
        }
    };
    shows(
        &mut con,
        &[
            ("messages", "0"),
            ("tokens", "0"),
            ("first", "0"),
            ("last", "0"),
            ("encoding", "o200k_base"),
            ("encoding-missing", "0"),
            ("max-messages", "50"),
            ("max-tokens", "5000"),
            ("ttl", "900"),
            ("complete", "yes"),
            ("summary-tokens", "0"),
            ("summary-upto", "nil"),
            ("unread", "0"),
            ("pending", "0"),
        ],
    );
    fill(&mut con, "k", "u=7 a=8 u=9");
    cmd!(con, "CONV.SETSUMMARY", "k", "x", "UPTO", 2);
    cmd!(con, "CONV.DEL", "k", 1);
    // INFO does not wait for the tables of the encoding.
    assert!(wait_until(SETTLE_TIMEOUT, || {
        field(&mut con, "k", "pending") == "0"
    }));
    shows(
        &mut con,
        &[
            ("messages", "2"),
            ("tokens", "17"),
            ("first", "2"),
            ("last", "3"),
            ("summary-tokens", &(3 + e("system") + e("x")).to_string()),
            ("summary-upto", "2"),
        ],
    );
    // `last` and IFLAST refer to the newest message that exists.
    cmd!(con, "CONV.POP", "k");
    shows(
        &mut con,
        &[("messages", "1"), ("last", "2"), ("tokens", "8")],
    );
    let held: usize = strings(&cmd!(con, "CONV.RANGE", "k", 0, -1))
        .iter()
        .map(Vec::len)
        .sum();
    let raw: usize = field(&mut con, "k", "bytes-raw").parse().unwrap();
    assert!((held..held + 200).contains(&raw), "{raw} for {held} bytes");
    let created: i64 = field(&mut con, "k", "created").parse().unwrap();
    assert!((before..=now()).contains(&created), "{created}");
}

/// Every effective write updates `updated`, and nothing else does.
#[test]
fn updated_changes_with_effective_writes_only() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, "k", "u a u a u a");
    for (command, moves) in [
        ("CONV.APPEND k @u", true),
        ("CONV.APPEND k IFLAST 3 @u", false),
        ("CONV.EDIT k 2 @s", true),
        ("CONV.SETSUMMARY k text UPTO 3", true),
        ("CONV.SETSUMMARY k text UPTO 2", false),
        ("CONV.DEL k 1", true),
        ("CONV.DEL k 1", false),
        ("CONV.POP k", true),
        ("CONV.POP k 0", false),
        ("CONV.TRIM k MAXMESSAGES 3", true),
        ("CONV.TRIM k MAXMESSAGES 3", false),
        ("CONV.ALTER k MAXMESSAGES 20", true),
        ("CONV.RECENT k 100", false),
        ("CONV.CREATE k", false),
    ] {
        let created = field(&mut con, "k", "created");
        let old: i64 = field(&mut con, "k", "updated").parse().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(3));
        let _ = line(&mut con, command);
        let new: i64 = field(&mut con, "k", "updated").parse().unwrap();
        assert_eq!(new > old, moves, "{command}: {old} {new}");
        assert_eq!(field(&mut con, "k", "created"), created, "{command}");
    }
}

#[test]
fn tokens_counts_texts() {
    let server = Server::start();
    let mut con = server.conn();
    let long = "Ein längerer Text, 多语言, с разными буквами 🙂. ".repeat(1000);
    let texts = [
        "",
        "x",
        "hello world",
        "<|endoftext|>",
        "<|start|>assistant<|message|>",
        "\0",
        "  \n\n\t ",
        "日本語のテキスト",
        "👩‍👩‍👧‍👦",
        "e\u{301}\u{200d}",
        "a\r\nb",
        &" ".repeat(3000),
        &"-".repeat(3000),
        &long,
    ];
    let tables = [
        ("o200k_base", tiktoken_rs::o200k_base_singleton()),
        ("cl100k_base", tiktoken_rs::cl100k_base_singleton()),
        ("o200k_harmony", tiktoken_rs::o200k_harmony_singleton()),
        ("p50k_base", tiktoken_rs::p50k_base_singleton()),
        ("r50k_base", tiktoken_rs::r50k_base_singleton()),
        // Model names, mapped as tiktoken maps them.
        ("gpt-4o", tiktoken_rs::o200k_base_singleton()),
        (
            "gpt-4o-mini-2024-07-18",
            tiktoken_rs::o200k_base_singleton(),
        ),
        ("o3-mini", tiktoken_rs::o200k_base_singleton()),
        ("gpt-4", tiktoken_rs::cl100k_base_singleton()),
        ("gpt-3.5-turbo", tiktoken_rs::cl100k_base_singleton()),
        (
            "text-embedding-3-small",
            tiktoken_rs::cl100k_base_singleton(),
        ),
        ("text-davinci-003", tiktoken_rs::p50k_base_singleton()),
        ("davinci", tiktoken_rs::r50k_base_singleton()),
        ("gpt-oss-120b", tiktoken_rs::o200k_harmony_singleton()),
    ];
    for (name, table) in tables {
        let want: Vec<Value> = texts
            .iter()
            .map(|text| Value::Int(i64::try_from(table.encode_ordinary(text).len()).unwrap()))
            .collect();
        let got = cmd!(con, "CONV.TOKENS", &texts, "encoding", name);
        assert_eq!(got, Value::Array(want), "{name}");
    }
    assert_eq!(
        cmd!(con, "CONV.TOKENS", &texts),
        cmd!(con, "CONV.TOKENS", &texts, "ENCODING", "gpt-4o")
    );
}

/// A text that equals the name of an option is a text if no encoding follows it.
#[test]
fn a_text_may_equal_the_option_name_encoding() {
    let server = Server::start();
    let mut con = server.conn();
    let one = |text: &str| e(text).to_string();
    for (args, want) in [
        (vec!["ENCODING"], vec![one("ENCODING")]),
        (vec!["encoding", "x"], vec![one("encoding"), one("x")]),
        (vec!["x", "ENCODING"], vec![one("x"), one("ENCODING")]),
        (
            vec!["ENCODING", "ENCODING"],
            vec![one("ENCODING"), one("ENCODING")],
        ),
        (
            vec!["ENCODING", "ENCODING", "gpt-4o"],
            vec![one("ENCODING")],
        ),
        (
            vec!["ENCODING", "gpt-4o", "ENCODING", "gpt-4o"],
            vec![one("ENCODING"), one("gpt-4o")],
        ),
    ] {
        let got = run(&mut con, &[&["CONV.TOKENS"], &args[..]].concat());
        assert_eq!(
            got.map(|reply| show(&reply)).map_err(|e| e.to_string()),
            Ok(format!("[{}]", want.join(" "))),
            "{args:?}"
        );
    }
}
