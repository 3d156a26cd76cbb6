//! RDB files of every version of the stored form, kept in `tests/fixtures`. All future releases must load them.
//!
//! `v1.rdb` was saved by Redis 7.0.15 from the keys of [`fill`]. `v1.jsonl` has one line per key with its digest, its
//! length and RECENT at 200 tokens at that time. `v2.rdb` was written the same way, with compressed segments. `v3.rdb`
//! also has the keys of [`sessions`], and `v4.rdb` those of [`nested`]. `v5.rdb` has pins, overhead and scale. A new version
//! gets new files with `CONV_WRITE_FIXTURE=v6 cargo test --test server fixtures`. Files of released versions are never
//! rewritten. Version 5 is not released yet: remove its files before you write them again.

use std::path::{Path, PathBuf};

use redis::Connection;

use crate::samples::*;
use crate::support::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// The expected line of a key.
fn line(con: &mut Connection, key: &str) -> String {
    let recent = cmd!(*con, "CONV.RECENT", key, 200, "ANY", "FORMAT", "JSON");
    let len = int(&cmd!(*con, "CONV.LEN", key));
    serde_json::json!([key, digest(con, key), len, text(&recent)]).to_string()
}

/// Creates conversations with all features that version 3 added. Returns their keys.
fn sessions(con: &mut Connection) -> Vec<String> {
    let fields = [
        r#""":"""#,
        r#""user id":12345678901234567890"#,
        r#""caf\u00e9 \ud800":[1e400, -0.0 ,{"a":{},"a":[]}]"#,
        "\"\u{540d}\":\"\\ud83d\\ude42 \u{1f642}\"",
        r#""state":null"#,
    ];
    let (keys, values): (Vec<_>, Vec<_>) = fields
        .iter()
        .map(|field| field.split_once("\":").expect("a field"))
        .map(|(key, value)| (format!("{key}\""), value))
        .unzip();
    let keys = keys.join(",");
    append(con, "session", &chat());
    append(con, "session-bare", &chat());
    append(con, "session-alone", &chat());
    append(con, "leased", &chat());
    for (key, rest) in [
        (
            "session",
            r#","history":["his\u0074ory",2],"lease":33333333333333"#,
        ),
        ("session-bare", ""),
    ] {
        let header = format!(r#"{{"v":1,"at":1700000000000,"set_state":[{keys}]{rest}}}"#);
        go(con, &[&["CONV.EFFECT", key, &header], &values[..]].concat());
    }
    for (key, rest) in [
        ("session-alone", r#""history":["messages",0]"#),
        ("leased", r#""lease":33333333333333"#),
    ] {
        let header = format!(r#"{{"v":1,"at":1700000000000,{rest}}}"#);
        go(con, &["CONV.EFFECT", key, &header]);
    }
    ["session", "session-bare", "session-alone", "leased"]
        .map(String::from)
        .to_vec()
}

/// Documents whose messages are in nested objects, with their keys and paths; what version 4 added. The messages appended
/// afterwards are the last of the document.
const NESTED: [(&str, &str, &str); 3] = [
    (
        "nested",
        "channel_values.messages",
        "{\"v\":4,\"channel_values\":{ \"x\" : [1, 2] ,\"messages\":\t[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\"}]\n, \"y\":{\"]\":1e400} },\"z\":null}",
    ),
    (
        "nested-deep",
        "a.b.c.d",
        r#"{"\u0061":{"b":{"c":{"\u0064":[{"role":"assistant"}]},"\ud83d\ude42 \ud800":"🙂"}}}"#,
    ),
    (
        "nested-empty",
        "a.",
        r#"{"":[],"a":{"":[{"role":"assistant"}]}}"#,
    ),
];

/// Creates the conversations of [`NESTED`]. Returns their keys.
fn nested(con: &mut Connection) -> Vec<String> {
    let last = r#"{"role":"assistant"}"#;
    for (key, path, document) in NESTED {
        let imported = document.replace(&format!(",{last}"), "").replace(last, "");
        cmd!(*con, "CONV.IMPORT", key, imported, "HISTORY", path);
        cmd!(*con, "CONV.APPEND", key, last);
    }
    NESTED.map(|(key, ..)| key.to_owned()).to_vec()
}

#[test]
fn write() {
    let Ok(version) = std::env::var("CONV_WRITE_FIXTURE") else {
        return;
    };
    let server = Server::start();
    let mut con = server.conn();
    // Compress everything that can be compressed.
    cmd!(con, "CONFIG", "SET", "conv.hot-bytes", 0);
    let mut keys: Vec<String> = fill(&mut con);
    keys.extend(sessions(&mut con));
    keys.extend(nested(&mut con));
    settled(&mut con);
    // Keys that expire would be missing when the file is loaded.
    let keys: Vec<String> = keys
        .into_iter()
        .filter(|key| int(&cmd!(con, "TTL", key)) == -1 || int(&cmd!(con, "DEL", key)) == 0)
        .collect();
    let lines: Vec<String> = keys.iter().map(|key| line(&mut con, key)).collect();
    let packed = int(&map(&cmd!(con, "CONV.INFO", "long"))["bytes-stored"]);
    assert!(packed < 100_000, "{packed} bytes: nothing is compressed");
    cmd!(con, "SAVE");
    let [rdb, jsonl] = ["rdb", "jsonl"].map(|kind| fixture(&format!("{version}.{kind}")));
    assert!(!rdb.exists(), "{} is never written again", rdb.display());
    std::fs::copy(server.dir().join("dump.rdb"), rdb).expect("a copy");
    std::fs::write(jsonl, lines.join("\n") + "\n").expect("a file");
}

#[test]
fn all_stored_versions_load() {
    for version in ["v1", "v2", "v3", "v4", "v5"] {
        let server = Server::start();
        let mut con = server.conn();
        let rdb = fixture(&format!("{version}.rdb"));
        std::fs::copy(rdb, server.dir().join("dump.rdb")).expect("a copy");
        cmd!(con, "DEBUG", "RELOAD", "NOSAVE");
        let lines = std::fs::read_to_string(fixture(&format!("{version}.jsonl"))).expect("a file");
        let mut keys = 0;
        for expected in lines.lines() {
            let parts: Vec<serde_json::Value> = serde_json::from_str(expected).expect("JSON");
            let key = parts[0].as_str().expect("a key");
            assert_eq!(line(&mut con, key), expected, "{version}");
            keys += 1;
        }
        assert!(keys > 20, "{keys} keys");
        assert_eq!(int(&cmd!(con, "DBSIZE")), keys);
        if version == "v4" || version == "v5" {
            for (key, _, document) in NESTED {
                assert_eq!(text(&cmd!(con, "CONV.EXPORT", key)), document);
            }
        }
        if version == "v5" {
            let pins = int(&map(&cmd!(con, "CONV.INFO", "pinned"))["pins"]);
            assert_eq!(pins, 3);
            let info = map(&cmd!(con, "CONV.INFO", "scaled"));
            assert_eq!([int(&info["overhead"]), int(&info["scale"])], [7, 115]);
        }
    }
}
