//! Commands that replace a list command by name: CONV.RANGE and CONV.INDEX with REV, and CONV.POP, byte for byte as Redis
//! replies for a list.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use redis::Connection;

use crate::notation::message;
use crate::support::{Server, bytes, cmd, strings};

/// Indexes around and far beyond the ends of a list of `len` elements.
fn indexes(len: i64) -> Vec<i64> {
    let mut indexes: Vec<i64> = (-len - 2..=len + 2).collect();
    indexes.extend([i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1]);
    indexes
}

/// `k` and the list `list` hold the same messages, `pushed` is the list filled with LPUSH. Messages were removed, so
/// indexes are not sequence numbers.
fn fill(con: &mut Connection, n: usize) {
    let messages: Vec<String> = (1..=n).map(|n| message("u", n)).collect();
    cmd!(*con, "CONV.APPEND", "k", &messages);
    cmd!(*con, "RPUSH", "list", &messages);
    cmd!(*con, "LPUSH", "pushed", &messages);
    for removed in [2, n] {
        cmd!(*con, "CONV.DEL", "k", removed);
        for list in ["list", "pushed"] {
            cmd!(*con, "LREM", list, 1, message("u", removed));
        }
    }
}

#[test]
fn rev_behaves_like_a_list_filled_with_lpush() {
    let server = Server::start();
    let mut con = server.conn();
    fill(&mut con, 7);
    for start in indexes(5) {
        for stop in indexes(5) {
            let want = cmd!(con, "LRANGE", "pushed", start, stop);
            let got = cmd!(con, "CONV.RANGE", "k", start, stop, "REV");
            assert_eq!(got, want, "{start} {stop}");
            let json = cmd!(con, "CONV.RANGE", "k", start, stop, "FORMAT", "JSON", "REV");
            let joined = strings(&want).join(&b","[..]);
            assert_eq!(bytes(&json), [b"[", &joined[..], b"]"].concat());
            let packed = cmd!(
                con,
                "CONV.RANGE",
                "k",
                start,
                stop,
                "rev",
                "FORMAT",
                "MSGPACK"
            );
            let packed: Vec<serde_json::Value> = rmp_serde::from_slice(&bytes(&packed)).unwrap();
            let parsed: Vec<serde_json::Value> = serde_json::from_slice(&bytes(&json)).unwrap();
            assert_eq!(packed, parsed, "{start} {stop}");
        }
    }
}

#[test]
fn rev_reads_compressed_segments() {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = (0..3000)
        .map(|n| {
            format!(
                r#"{{"role":"user","content":"{n} {}"}}"#,
                "words ".repeat(30)
            )
        })
        .collect();
    cmd!(con, "CONV.APPEND", "k", &messages);
    cmd!(con, "LPUSH", "pushed", &messages);
    for (start, stop) in [(0, -1), (100, 2500), (2990, 3010), (-3000, -2990)] {
        let want = cmd!(con, "LRANGE", "pushed", start, stop);
        let got = cmd!(con, "CONV.RANGE", "k", start, stop, "REV");
        assert!(got == want, "{start} {stop}");
    }
}

#[test]
fn index_behaves_like_lindex() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "FLUSHALL");
        fill(&mut con, 7);
        cmd!(con, "CONV.CREATE", "empty");
        for index in indexes(5) {
            let want = cmd!(con, "LINDEX", "list", index);
            assert_eq!(cmd!(con, "CONV.INDEX", "k", index), want, "{index}");
            let want = cmd!(con, "LINDEX", "pushed", index);
            assert_eq!(cmd!(con, "CONV.INDEX", "k", index, "Rev"), want, "{index}");
            for key in ["missing", "empty"] {
                let got = cmd!(con, "CONV.INDEX", key, index);
                assert_eq!(got, redis::Value::Nil, "{key} {index}");
            }
        }
    }
}

/// The bytes of the replies to inline commands.
fn raw(server: &Server, commands: &[String]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    for command in commands {
        stream.write_all(command.as_bytes()).expect("sent");
        stream.write_all(b"\r\n").expect("sent");
    }
    stream.write_all(b"QUIT\r\n").expect("sent");
    let mut replies = String::new();
    stream.read_to_string(&mut replies).expect("replies");
    replies
}

/// RESP2 has two nils, and RPOP returns the one of arrays if it is called with a count.
#[test]
fn pop_replies_like_rpop_byte_for_byte() {
    let server = Server::start();
    let mut con = server.conn();
    for hello in ["HELLO 2", "HELLO 3"] {
        cmd!(con, "FLUSHALL");
        fill(&mut con, 7);
        // The first reply is an empty array.
        let calls = [
            "k 0",
            "k",
            "k 1",
            "k 2",
            "k 0",
            "k 9223372036854775807",
            "missing",
            "missing 0",
            "missing 3",
        ];
        let all = |command: &str, key: &str| -> Vec<String> {
            let calls = calls
                .iter()
                .map(|call| format!("{command} {}", call.replace('k', key)));
            [hello.to_owned()].into_iter().chain(calls).collect()
        };
        let (got, want) = (
            raw(&server, &all("CONV.POP", "k")),
            raw(&server, &all("RPOP", "list")),
        );
        // The reply of HELLO differs: it contains the number of the client.
        let after = |replies: &str| -> Vec<String> {
            let lines = replies.lines().map(str::to_owned);
            lines.skip_while(|line| line != "*0").skip(1).collect()
        };
        assert_eq!(after(&got), after(&want), "{hello}");
        assert!(want.ends_with("+OK\r\n"), "{want}");
        // A list that is empty is gone. An empty conversation is not, but replies in the same way.
        let empty: Vec<String> = ["CONV.POP k", "CONV.POP k 0", "CONV.POP k 2"]
            .map(String::from)
            .to_vec();
        let gone: Vec<String> = ["RPOP list", "RPOP list 0", "RPOP list 2"]
            .map(String::from)
            .to_vec();
        assert_eq!(raw(&server, &empty), raw(&server, &gone));
        assert_eq!(cmd!(con, "EXISTS", "k"), redis::Value::Int(1));
    }
}
