//! Unusual but valid messages: they are returned byte for byte and counted correctly.

use crate::hostile::{refused, taken, with_k};
use crate::notation::{chat, check_error, e, tokens_of};
use crate::support::{bytes, cmd, err, items, strings, try_cmd};

/// Up to 128 nested containers are accepted, including the message itself.
#[test]
fn nesting_is_accepted_up_to_128_levels() {
    with_k(|con| {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}"), (r#"[{"a":"#, "}]")] {
            let per = open.matches(['[', '{']).count();
            for (before, after, outer) in [
                (r#"{"role":"user","a":"#, "}", 1),
                (r#"{"role":"user","content":"#, "}", 1),
                (
                    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"#,
                    "}]}",
                    3,
                ),
                (
                    r#"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":"#,
                    "}]}",
                    3,
                ),
                (r#"{"type":"human","data":{"content":"x","a":"#, "}}", 2),
                (r#"{"type":"function_call","name":"f","arguments":"#, "}", 1),
            ] {
                // Pad with single arrays where one step opens two containers.
                let nested = |depth: usize| {
                    let (steps, rest) = ((depth - outer) / per, (depth - outer) % per);
                    let (pad, end) = ("[".repeat(rest), "]".repeat(rest));
                    format!(
                        "{before}{pad}{}0{}{end}{after}",
                        open.repeat(steps),
                        close.repeat(steps)
                    )
                };
                taken(con, nested(128).as_bytes());
                refused(con, nested(129).as_bytes());
                refused(con, nested(1000).as_bytes());
                refused(con, nested(200_000).as_bytes());
                let unclosed = format!("{before}{}", open.repeat(100_000));
                refused(con, unclosed.as_bytes());
            }
        }
        // Brackets in strings do not nest, and neither do adjacent containers.
        taken(con, chat("user", &"[{".repeat(500)).as_bytes());
        taken(
            con,
            format!(r#"{{"role":"user","a":[{}[]]}}"#, "[],{},".repeat(5000)).as_bytes(),
        );
    });
}

#[test]
fn unusual_json_is_accepted() {
    with_k(|con| {
        for odd in [
            r#"{"role":""}"#,
            r#"{ "role" : "user" , "content" : "x" }"#,
            "{\"role\":\r\n\t\"user\"\n,\n\"content\"\t:\"x\"  }",
            r#"{"content":"x","role":"user"}"#,
            r#"{"role":"user","content":null}"#,
            r#"{"role":"user","content":1e400}"#,
            r#"{"role":"user","a":1e400,"b":-1e400,"c":1e-400,"d":0.1e9999999999,"e":1E+2}"#,
            r#"{"role":"user","a":123456789012345678901234567890,"b":-9223372036854775809,"c":18446744073709551616}"#,
            r#"{"role":"user","a":-0,"b":-0.0,"c":0e0,"d":1.000,"e":0.1000000000000000055511151231257827}"#,
            r#"{"role":"user","a":1,"a":2,"":3,"":4}"#,
            r#"{"role":"user","a":[[],{},[{}],"",null,true,false]}"#,
            r#"{"role":"user","content":"\u0000\u001f\b\f\n\r\t\/\\\""}"#,
            r#"{"role":"us\u0000er","content":"x"}"#,
            r#"{"\u0000":"\u0000","role":"user","id":"\u0000"}"#,
            r#"{"\u0072ole":"\u0075ser","c\u006fntent":"x"}"#,
            r#"{"role":"user","content":"\uD83D\uDE42 \ud83d\ude42"}"#,
            r#"{"role":"user","content":"\uD83D"}"#,
            r#"{"role":"user","content":"\uDE42\uD83D"}"#,
            r#"{"role":"user","content":"\uD83D\uD83D\uDE42\uDE42x\uD83Dx"}"#,
            r#"{"role":"\uD83D","name":"\uDE42","id":"\uD83D","\uD83D":1}"#,
            r#"{"role":"user","content":"\\uD83D\\"}"#,
            "{\"role\":\"user\",\"content\":\"\u{7f}\u{80}\u{2028}\u{feff}\u{fffe}\u{ffff}\u{10ffff}\"}",
            "{\"role\":\"user\",\"content\":\"a\u{300}\u{200d}\u{202e}\"}",
            r#"{"role":"user","tool_calls":7,"content":{"a":1},"name":[],"id":{},"refusal":1,"function_call":"x"}"#,
            r#"{"role":"tool","tool_call_id":7,"content":[[["x"]]]}"#,
            r#"{"role":"assistant","tool_calls":[null,7,"x",[],{},{"id":7},{"function":7},{"id":"","function":{}}]}"#,
            r#"{"role":"assistant","content":[null,7,[],{},{"type":7},{"type":"tool_use"},{"type":"tool_result"},{"type":"text"}]}"#,
            r#"{"type":"human","data":{}}"#,
            r#"{"type":"ai","data":{"content":null,"tool_calls":null}}"#,
            r#"{"type":"reasoning"}"#,
            r#"{"type":"","summary":"x"}"#,
            r#"{"type":"function_call"}"#,
            r#"{"type":"_call_output","output":7}"#,
        ] {
            taken(con, odd.as_bytes());
        }
        let keys: Vec<String> = (0..20_000).map(|n| format!(r#""k{n}":{n}"#)).collect();
        taken(
            con,
            format!(r#"{{{},"role":"user"}}"#, keys.join(",")).as_bytes(),
        );
        taken(con, chat("user", &"x".repeat(3_000_000)).as_bytes());
        taken(con, chat("user", &"\u{1}".repeat(300_000)).as_bytes());
    });
}

/// An unpaired surrogate escape counts as U+FFFD. Escapes count as the characters that they stand for.
#[test]
fn escapes_count_as_the_characters_they_stand_for() {
    with_k(|con| {
        for (json, text) in [
            (r"\u0000", "\0"),
            (r"a\u0000b", "a\0b"),
            (r"\uD83D\uDE42", "🙂"),
            (r"\ud83d\ude42", "🙂"),
            (r"\uD83D", "\u{fffd}"),
            (r"\uDE42", "\u{fffd}"),
            (r"\uDE42\uD83D", "\u{fffd}\u{fffd}"),
            (r"\uD83D\uD83D\uDE42", "\u{fffd}🙂"),
            (r"\uD83D\uDE42\uDE42", "🙂\u{fffd}"),
            (r"one \uD83Dtwo", "one \u{fffd}two"),
            (r"\uD83D\n\uDE42", "\u{fffd}\n\u{fffd}"),
            (r"\\uD83D", r"\uD83D"),
            (r"\\\uD83D", "\\\u{fffd}"),
            (r"\u0065\u0301\/\b\f\r\t", "e\u{301}/\u{8}\u{c}\r\t"),
            (r"\u65e5\u672c\u8A9E", "日本語"),
            (r"<|endoftext|>", "<|endoftext|>"),
        ] {
            cmd!(*con, "DEL", "t");
            let message = format!(r#"{{"role":"user","content":"{json}"}}"#);
            cmd!(*con, "CONV.APPEND", "t", message);
            assert_eq!(tokens_of(con, "t", 1), 3 + e("user") + e(text), "{json}");
            let packed = bytes(&cmd!(*con, "CONV.RECENT", "t", 10_000, "FORMAT", "MSGPACK"));
            let packed: Vec<serde_json::Value> = rmp_serde::from_slice(&packed).unwrap();
            assert_eq!(packed[0]["content"], text, "{json}");
        }
        // Of duplicate keys the last one counts.
        for (message, want) in [
            (
                r#"{"role":"user","content":"many more words","content":"x"}"#,
                e("user") + e("x"),
            ),
            (
                r#"{"role":7,"role":"assistant","content":"x"}"#,
                e("assistant") + e("x"),
            ),
            (r#"{"role":"user","content":"x","content":null}"#, e("user")),
            (
                r#"{"role":"user","content":[{"text":"many words","text":"x"}]}"#,
                e("user") + e("x"),
            ),
            (
                r#"{"role":"user","content":"x","name":"bob","name":7}"#,
                e("user") + e("x"),
            ),
        ] {
            cmd!(*con, "DEL", "t");
            cmd!(*con, "CONV.APPEND", "t", message);
            assert_eq!(tokens_of(con, "t", 1), 3 + want, "{message}");
        }
    });
}

#[test]
fn surrounding_white_space_is_removed() {
    with_k(|con| {
        let inner = "{ \"role\" : \"user\" ,\n\t\"content\":\"  x  \" }";
        for (before, after) in [(" ", " "), ("\n\t", "\r\n"), ("", "\n"), ("   ", "")] {
            cmd!(*con, "DEL", "t");
            cmd!(*con, "CONV.APPEND", "t", format!("{before}{inner}{after}"));
            let reply = cmd!(*con, "CONV.RANGE", "t", 0, -1);
            assert_eq!(strings(&reply), [inner.as_bytes()]);
            assert_eq!(tokens_of(con, "t", 1), 3 + e("user") + e("  x  "));
        }
    });
}

#[test]
fn max_message_bytes_limits_new_messages() {
    with_k(|con| {
        assert_eq!(
            bytes(&items(&cmd!(*con, "CONFIG", "GET", "conv.max-message-bytes"))[1]),
            b"16777216"
        );
        let of = |len: usize| {
            let message = chat("user", &"x".repeat(len - chat("user", "").len()));
            assert_eq!(message.len(), len);
            message.into_bytes()
        };
        taken(con, &of(16_777_216));
        refused(con, &of(16_777_217));
        cmd!(*con, "CONFIG", "SET", "conv.max-message-bytes", 1000);
        taken(con, &of(1000));
        refused(con, &of(1001));
        let error = err(try_cmd!(*con, "CONV.APPEND", "k", of(1000), of(5000)));
        check_error(&error, "BADMSG message 2", "5000 bytes");
        cmd!(*con, "CONFIG", "SET", "conv.max-message-bytes", 2000);
        taken(con, &of(2000));
        // Messages that are already stored stay readable.
        cmd!(*con, "CONV.APPEND", "k", of(2000));
        cmd!(*con, "CONFIG", "SET", "conv.max-message-bytes", 1000);
        assert_eq!(
            bytes(&items(&cmd!(*con, "CONV.GET", "k", 3))[0]).len(),
            2000
        );
    });
}
