//! redis-rs as a client: over both protocols, in pipelines and transactions, in a cluster.
//!
//! The other clients are tested beside it, in `python` and `node`: `make clients` runs them all.

#[path = "../support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::{Connection, ProtocolVersion, Value};

use support::*;

const SYSTEM: &str = r#"{"role":"system","content":"You are a helpful assistant."}"#;
const ANSWER: &str = r#"{"role":"assistant","content":"21 degrees and sunny."}"#;

/// OpenAI chat, with a tool turn.
fn chat() -> [&'static str; 5] {
    [
        SYSTEM,
        r#"{"role":"user","content":"What is the weather in Lisbon?"}"#,
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{}"}}]}"#,
        r#"{"role":"tool","tool_call_id":"call_1","content":"21 C, sunny"}"#,
        ANSWER,
    ]
}

/// As Rust programs use it: typed replies.
fn speaks(con: &mut Connection) {
    let seq: i64 = redis::cmd("CONV.APPEND")
        .arg("k")
        .arg(&chat())
        .query(con)
        .expect("a number");
    assert_eq!(seq, 5);
    let recent = || {
        let mut command = redis::cmd("CONV.RECENT");
        command.arg("k").arg(30);
        command
    };
    let messages: Vec<String> = recent().query(con).expect("messages");
    assert_eq!(messages, [SYSTEM, ANSWER]);
    // A map of either protocol.
    let window: HashMap<String, Value> = recent().arg("WITHINFO").query(con).expect("a map");
    assert_eq!(window.len(), 15);
    assert_eq!(window["tokens"], Value::Int(22));
    assert_eq!(window["skipped"], Value::Int(3));
    let json: String = recent()
        .arg("FORMAT")
        .arg("JSON")
        .query(con)
        .expect("a string");
    assert_eq!(json, format!("[{SYSTEM},{ANSWER}]"));
    let missing: Vec<String> = redis::cmd("CONV.RECENT")
        .arg("missing")
        .arg(30)
        .query(con)
        .expect("an empty array");
    assert!(missing.is_empty());
    let got: Vec<Option<String>> = redis::cmd("CONV.GET")
        .arg("k")
        .arg(&[5, 99])
        .query(con)
        .expect("a message and nil");
    assert_eq!(got, [Some(ANSWER.to_string()), None]);
    let (length, popped): (usize, String) = redis::pipe()
        .atomic()
        .cmd("CONV.LEN")
        .arg("k")
        .cmd("CONV.POP")
        .arg("k")
        .query(con)
        .expect("a transaction");
    assert_eq!((length, &*popped), (5, ANSWER));
    let mut pipe = redis::pipe();
    for n in 0..1000 {
        pipe.cmd("CONV.APPEND")
            .arg(format!("k{}", n % 10))
            .arg(ANSWER);
    }
    let seqs: Vec<i64> = pipe.query(con).expect("numbers");
    assert_eq!(seqs, (0..1000).map(|n| n / 10 + 1).collect::<Vec<i64>>());
    let refused = redis::cmd("CONV.APPEND")
        .arg("k")
        .arg("[]")
        .query::<i64>(con)
        .expect_err("no message");
    assert_eq!(refused.code(), Some("BADMSG"));
    let wrong = redis::cmd("LRANGE")
        .arg(&["k", "0", "-1"])
        .query::<Vec<String>>(con)
        .expect_err("another type");
    assert_eq!(wrong.code(), Some("WRONGTYPE"));
}

#[test]
fn resp2() {
    speaks(&mut Server::start().conn());
}

#[test]
fn resp3() {
    let server = Server::start();
    let mut con = server.conn3();
    let window = cmd!(con, "CONV.RECENT", "k", 30, "WITHINFO");
    assert!(matches!(window, Value::Map(_)), "{window:?}");
    speaks(&mut con);
    assert!(matches!(cmd!(con, "CONV.INFO", "k"), Value::Map(_)));
}

/// Three primaries that serve all slots.
fn cluster() -> Vec<Server> {
    let nodes: Vec<Server> = (0..3)
        .map(|_| Server::with(&["--cluster-enabled", "yes"]))
        .collect();
    let formed = Command::new("redis-cli")
        .args(["--cluster", "create"])
        .args(
            nodes
                .iter()
                .map(|node| format!("127.0.0.1:{}", node.port())),
        )
        .arg("--cluster-yes")
        .stdin(Stdio::null())
        .output()
        .expect("redis-cli");
    assert!(
        formed.status.success(),
        "{}",
        String::from_utf8_lossy(&formed.stdout)
    );
    let agreed = wait_until(Duration::from_secs(30), || {
        nodes.iter().all(|node| {
            let info = text(&cmd!(node.conn(), "CLUSTER", "INFO"));
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        })
    });
    assert!(agreed, "the cluster does not form");
    nodes
}

/// The client takes the first argument of a command that it does not know for its key.
#[test]
fn in_a_cluster() {
    let nodes = cluster();
    for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
        let seed = format!("redis://127.0.0.1:{}", nodes[0].port());
        let client = ClusterClient::builder([seed])
            .use_protocol(protocol)
            .build()
            .expect("a client");
        let mut con = client.get_connection().expect("a connection");
        let keys: Vec<String> = (0..30).map(|n| format!("{protocol:?}:{n}")).collect();
        for key in &keys {
            let seq: i64 = redis::cmd("CONV.APPEND")
                .arg(key)
                .arg(&chat())
                .query(&mut con)
                .expect("a number");
            assert_eq!(seq, 5);
            let window: HashMap<String, Value> = redis::cmd("CONV.RECENT")
                .arg(key)
                .arg(30)
                .arg("WITHINFO")
                .query(&mut con)
                .expect("a map");
            assert_eq!(window["tokens"], Value::Int(22));
        }
    }
    let held: Vec<i64> = nodes
        .iter()
        .map(|node| int(&cmd!(node.conn(), "DBSIZE")))
        .collect();
    assert_eq!(held.iter().sum::<i64>(), 60);
    assert!(held.iter().all(|keys| *keys > 0), "{held:?}");
    for node in &nodes {
        let bounced = info(&mut node.conn(), "errorstats");
        assert!(!bounced.contains_key("errorstat_MOVED"), "{bounced:?}");
    }
}
