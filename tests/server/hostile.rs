//! Messages that are rejected with BADMSG: invalid JSON, invalid UTF-8, JSON that is not a message.

use redis::Connection;

use crate::notation::{chat, check_error, counted, message};
use crate::support::{Server, bytes, cmd, digest, err, error_line, int, items, strings, try_cmd};

/// Checks that the message is rejected by every command and in every position, with an error that names the position.
pub fn refused(con: &mut Connection, wrong: &[u8]) {
    let shown = String::from_utf8_lossy(wrong);
    let shown = shown
        .get(..60.min(shown.len()))
        .unwrap_or("...")
        .to_string();
    let before = digest(con, "k");
    for (args, want) in [
        (vec![wrong.to_vec()], "BADMSG message 1"),
        (
            vec![chat("user", "x").into_bytes(), wrong.to_vec()],
            "BADMSG message 2",
        ),
    ] {
        let reply = try_cmd!(*con, "CONV.APPEND", "k", &args);
        let error = reply.map_err(|e| error_line(&e)).expect_err(&shown);
        check_error(&error, want, &shown);
        // The error must be a single printable line.
        assert!(
            error.len() < 400 && !error.contains(['\r', '\n', '\0']),
            "{shown}: {error}"
        );
        err(try_cmd!(*con, "CONV.APPEND", "missing", &args));
    }
    let error = err(try_cmd!(*con, "CONV.EDIT", "k", 1, wrong));
    check_error(&error, "BADMSG", &shown);
    assert_eq!(digest(con, "k"), before, "{shown}");
    assert_eq!(int(&cmd!(*con, "EXISTS", "missing")), 0, "{shown}");
}

/// Checks that the message is accepted and returned unchanged by every command.
pub fn taken(con: &mut Connection, odd: &[u8]) {
    let shown = String::from_utf8_lossy(odd);
    let shown = shown
        .get(..60.min(shown.len()))
        .unwrap_or("...")
        .to_string();
    cmd!(*con, "DEL", "t");
    let seq = try_cmd!(*con, "CONV.APPEND", "t", odd);
    assert_eq!(
        seq.map(|s| int(&s)).map_err(|e| e.to_string()),
        Ok(1),
        "{shown}"
    );
    let same = |reply: redis::Value| assert_eq!(strings(&reply), [odd], "{shown}");
    same(cmd!(*con, "CONV.RANGE", "t", 0, -1));
    same(cmd!(*con, "CONV.GET", "t", 1));
    // RECENT never returns orphaned results.
    let recent = cmd!(*con, "CONV.RECENT", "t", 1_000_000_000);
    if !items(&recent).is_empty() {
        same(recent);
    }
    let json = bytes(&cmd!(*con, "CONV.RANGE", "t", 0, -1, "FORMAT", "JSON"));
    assert_eq!(json, [b"[", odd, b"]"].concat(), "{shown}");
    let packed = bytes(&cmd!(*con, "CONV.RANGE", "t", 0, -1, "FORMAT", "MSGPACK"));
    assert_eq!(packed.first(), Some(&0x91), "{shown}");
    counted(con, "t");
    cmd!(*con, "CONV.EDIT", "t", 1, odd);
    same(cmd!(*con, "CONV.POP", "t", 1));
}

pub fn with_k(test: impl FnOnce(&mut Connection)) {
    let mut server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.APPEND", "k", message("s", 0), message("u", 0));
    counted(&mut con, "k");
    test(&mut con);
    assert!(server.is_alive());
}

#[test]
fn invalid_json_is_rejected() {
    with_k(|con| {
        for wrong in [
            "",
            " ",
            "\n",
            "x",
            "u",
            "nul",
            "tru",
            "{",
            "}",
            "[",
            "\"",
            "{\"",
            "{]",
            "user",
            r#"{"role"}"#,
            r#"{"role":}"#,
            r#"{"role":"user""#,
            r#"{"role":"user"}}"#,
            r#"{"role":"user"}]"#,
            r#"{"role":"user",}"#,
            r#"{,"role":"user"}"#,
            r#"{"role":"user" "a":1}"#,
            r#"{"role" "user"}"#,
            r#"{"role":"user"}{"role":"user"}"#,
            r#"{"role":"user"},"#,
            r#"{"role":"user"} x"#,
            r#"{role:"user"}"#,
            r#"{'role':'user'}"#,
            r#"{"role":'user'}"#,
            r#"{"role":"user","a":[1,]}"#,
            r#"{"role":"user","a":[1 2]}"#,
            r#"{"role":"user","a":[}"#,
            r#"{"role":"user","a":{1:2}}"#,
            r#"{"role":"user"/* x */}"#,
            "{\"role\":\"user\"}// x",
            "# x\n{\"role\":\"user\"}",
            r#"{"role":"user","a":NaN}"#,
            r#"{"role":"user","a":Infinity}"#,
            r#"{"role":"user","a":-Infinity}"#,
            r#"{"role":"user","a":01}"#,
            r#"{"role":"user","a":+1}"#,
            r#"{"role":"user","a":.5}"#,
            r#"{"role":"user","a":1.}"#,
            r#"{"role":"user","a":-}"#,
            r#"{"role":"user","a":1e}"#,
            r#"{"role":"user","a":1e+}"#,
            r#"{"role":"user","a":0x10}"#,
            r#"{"role":"user","a":1_000}"#,
            r#"{"role":"user","a":--1}"#,
            r#"{"role":"user","a":-01}"#,
            r#"{"role":"user","a":1.2.3}"#,
            r#"{"role":"user","a":TRUE}"#,
            r#"{"role":"user","a":True}"#,
            r#"{"role":"user","a":nulll}"#,
            r#"{"role":"user","a":undefined}"#,
            r#"{"role":"user","a":"\x41"}"#,
            r#"{"role":"user","a":"\u12"}"#,
            r#"{"role":"user","a":"\u12g4"}"#,
            r#"{"role":"user","a":"\U00000041"}"#,
            r#"{"role":"user","a":"\'"}"#,
            r#"{"role":"user","a":"\"#,
            r#"{"role":"user","a":"\u{41}"}"#,
            r#"{"role":"user","a":"\uD83D\u12"}"#,
            // Control characters must be escaped in strings, and are not valid white space.
            "{\"role\":\"user\",\"a\":\"\n\"}",
            "{\"role\":\"user\",\"a\":\"\t\"}",
            "{\"role\":\"user\",\"a\":\"\0\"}",
            "{\"role\":\"user\",\"a\":\"\x1f\"}",
            "{\"role\":\"user\"}\0",
            "\0{\"role\":\"user\"}",
            "{\"role\":\0\"user\"}",
            "{\"role\":\"user\"}\x0b",
            "\x0c{\"role\":\"user\"}",
            "\u{a0}{\"role\":\"user\"}",
            "{\"role\":\"user\"}\u{2028}",
            // A byte order mark is not valid JSON.
            "\u{feff}{\"role\":\"user\"}",
            "{\"role\":\"user\"}\u{feff}",
        ] {
            refused(con, wrong.as_bytes());
        }
    });
}

#[test]
fn invalid_utf8_is_rejected() {
    with_k(|con| {
        for wrong in [
            &b"\xff"[..],
            b"\x80",
            b"\xc3",
            b"\xc3\x28",
            b"\xc0\x80",
            b"\xc1\xbf",
            b"\xe0\x80\x80",
            b"\xed\xa0\x80",
            b"\xed\xbf\xbf",
            b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80",
            b"\xf5\x80\x80\x80",
            b"\xe2\x82",
            b"\xf0\x9f\x99",
        ] {
            refused(
                con,
                &[b"{\"role\":\"user\",\"content\":\"", wrong, b"\"}"].concat(),
            );
            refused(con, &[b"{\"role\":\"user\",\"a", wrong, b"\":1}"].concat());
            refused(con, &[b"{\"role\":\"", wrong, b"\"}"].concat());
            refused(con, &[b"{\"role\":\"user\"}", wrong].concat());
            // Also at the end of a long message, where a vectorized parser handles the remainder.
            let far = [
                &b"{\"role\":\"user\",\"content\":\""[..],
                &[b'a'; 1000],
                wrong,
                b"\"}",
            ]
            .concat();
            refused(con, &far);
        }
    });
}

#[test]
fn json_that_is_not_a_message_is_rejected() {
    with_k(|con| {
        let role = |n: usize| format!(r#"{{"role":"{}"}}"#, "r".repeat(n));
        let umlauts = format!(r#"{{"role":"{}"}}"#, "ä".repeat(33));
        for wrong in [
            "[]",
            "3",
            "true",
            "null",
            r#""text""#,
            "-1.5e3",
            r#"[{"role":"user"}]"#,
            "{}",
            r#"{"content":"x"}"#,
            r#"{"ROLE":"user"}"#,
            r#"{"Role":7}"#,
            r#"{"role ":"user"}"#,
            r#"{"messages":{"role":"user"}}"#,
            r#"{"message":"x"}"#,
            r#"{"parts":[{"text":"x"}]}"#,
            r#"{"role":7}"#,
            r#"{"role":null}"#,
            r#"{"role":true}"#,
            r#"{"role":["user"]}"#,
            r#"{"role":{"a":"user"}}"#,
            r#"{"role":{"value":7}}"#,
            r#"{"role":7,"type":"message"}"#,
            // A type that needs a role, and an instruction to the framework.
            r#"{"type":"chat","data":{"content":"x"}}"#,
            r#"{"type":"remove","data":{"content":"","id":"a"}}"#,
            r#"{"type":"chat","data":{"role":7}}"#,
            r#"{"type":7}"#,
            r#"{"type":null}"#,
            r#"{"type":7,"data":{}}"#,
            r#"{"type":"message"}"#,
            r#"{"type":"message","content":"x"}"#,
            r#"{"data":{"role":"user"}}"#,
            // Of duplicate keys the last one counts.
            r#"{"role":"user","role":7}"#,
            r#"{"role":"user","role":null}"#,
            &role(65),
            &umlauts,
            &role(100_000),
            &format!(
                r#"{{"type":"chat","data":{{"content":"x","role":"{}"}}}}"#,
                "r".repeat(65)
            ),
        ] {
            refused(con, wrong.as_bytes());
        }
        // Capitals, envelopes, roles that are objects, and unknown types are read.
        for odd in [
            r#"{"Role":"user"}"#,
            r#"{"message":{"role":"user"}}"#,
            r#"{"role":{"value":"user"}}"#,
            r#"{"Role":{"Label":"user"}}"#,
            r#"{"type":"strange","data":{"content":"x"}}"#,
            r#"{"type":"Human","data":{"content":"x"}}"#,
        ] {
            taken(con, odd.as_bytes());
        }
        taken(con, role(64).as_bytes());
        taken(
            con,
            format!(r#"{{"role":"{}"}}"#, "ä".repeat(32)).as_bytes(),
        );
        // The value of the role counts, not its spelling in JSON.
        taken(
            con,
            format!(r#"{{"role":"{}"}}"#, r"\u0072".repeat(64)).as_bytes(),
        );
        refused(
            con,
            format!(r#"{{"role":"{}"}}"#, r"\u0072".repeat(65)).as_bytes(),
        );
    });
}

#[test]
fn the_error_names_the_argument_and_the_reason() {
    with_k(|con| {
        let error = err(try_cmd!(*con, "CONV.APPEND", "k", message("u", 0), "[]"));
        assert_eq!(
            error,
            "BADMSG message 2: expected a JSON object, found an array"
        );
    });
}

/// A role that is neither a string nor an object with one is rejected even if the message has a valid type. A role
/// that is null is missing, so the type decides.
#[test]
fn an_invalid_role_is_rejected_despite_a_valid_type() {
    with_k(|con| {
        for wrong in [
            r#"{"role":7,"type":"reasoning"}"#,
            r#"{"role":7,"type":"human","data":{"content":"x"}}"#,
            r#"{"role":{"a":"user"},"type":"reasoning"}"#,
        ] {
            refused(con, wrong.as_bytes());
        }
        for odd in [
            r#"{"role":null,"type":"reasoning"}"#,
            r#"{"role":null,"type":"human","data":{"content":"x"}}"#,
        ] {
            taken(con, odd.as_bytes());
        }
    });
}
