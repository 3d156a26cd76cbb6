//! The tool calls and results of messages in every dialect, and that messages are returned byte for byte, including
//! compressed ones.

use crate::notation::recent;
use crate::support::{Server, bytes, cmd, strings};

/// Calls and results of every dialect, observed through RECENT.
#[test]
fn calls_are_paired_with_results_in_every_dialect() {
    let server = Server::start();
    let (mut two, mut three) = (server.conn(), server.conn3());
    let user = r#"{"role":"user","content":"x","n":9}"#;
    let openers = [
        r#"{"n":1,"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"n":1,"role":"assistant","content":"","tool_calls":[{"id":"a","type":"custom","custom":{"name":"f","input":"x"}}]}"#,
        r#"{"n":1,"role":"assistant","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"a","name":"f","input":{}}]}"#,
        r#"{"type":"ai","data":{"n":1,"content":"","tool_calls":[{"name":"f","args":{},"id":"a"}]}}"#,
        r#"{"type":"ai","data":{"n":1,"content":[{"type":"tool_use","id":"a","name":"f","input":{}}],"tool_calls":[{"name":"f","args":{},"id":"a"}]}}"#,
        r#"{"n":1,"type":"function_call","id":"b","call_id":"a","name":"f","arguments":"{}"}"#,
        r#"{"n":1,"type":"custom_tool_call","call_id":"a","name":"f","input":"x"}"#,
        r#"{"n":1,"type":"computer_call","call_id":"a","action":{"type":"click"}}"#,
        r#"{"n":1,"type":"local_shell_call","id":"b","call_id":"a","action":{}}"#,
        r#"{"n":1,"type":"function_call","call_id":"\u0061","name":"f","arguments":"{}"}"#,
        r#"{"type":"ai","data":{"n":1,"content":[{"type":"tool_use","id":"a","name":"f","input":{}}],"tool_calls":[]}}"#,
    ];
    // Without ids they pair by name and order.
    let unnamed = [
        r#"{"n":1,"role":"assistant","function_call":{"name":"a","arguments":"{}"}}"#,
        r#"{"n":1,"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"{}"}}]}"#,
    ];
    let answers = [
        r#"{"n":2,"role":"tool","tool_call_id":"a","content":"x"}"#,
        r#"{"n":2,"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}"#,
        r#"{"n":2,"role":"user","content":[{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"a"}]}"#,
        r#"{"type":"tool","data":{"n":2,"content":"x","tool_call_id":"a"}}"#,
        r#"{"n":2,"type":"function_call_output","call_id":"a","output":"x"}"#,
        r#"{"n":2,"type":"custom_tool_call_output","call_id":"a","output":"x"}"#,
        r#"{"n":2,"type":"computer_call_output","call_id":"a","output":{}}"#,
        r#"{"n":2,"type":"local_shell_call_output","call_id":"a","output":"x"}"#,
    ];
    let function_results = [
        r#"{"n":2,"role":"function","name":"a","content":"x"}"#,
        r#"{"type":"function","data":{"n":2,"name":"a","content":"x"}}"#,
    ];
    // These contain neither a call nor a result for `a`, so they are returned where the others are not.
    let neutral = [
        r#"{"n":1,"role":"user","content":"x","tool_call_id":"a"}"#,
        r#"{"type":"human","data":{"n":1,"content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}}"#,
        r#"{"n":1,"type":"function_call","id":"a","name":"f","arguments":"{}"}"#,
        r#"{"n":1,"type":"web_search_call","id":"a","status":"completed"}"#,
        r#"{"n":1,"type":"file_search_call","id":"a","queries":["x"]}"#,
        r#"{"n":1,"type":"mcp_list_tools","call_id":"a"}"#,
    ];
    let mut shows = |log: &[&str], want: &str| {
        cmd!(two, "DEL", "k");
        cmd!(two, "CONV.APPEND", "k", log);
        let reply = recent(&mut two, &mut three, "k", "1000000");
        assert_eq!(
            reply.split(" |").next(),
            Some(want).filter(|w| !w.is_empty()).or(Some(&reply[..])),
            "{log:?}"
        );
        assert!(
            !want.is_empty() || reply.starts_with("| 0 "),
            "{log:?}: {reply}"
        );
    };
    for call in openers {
        shows(&[call], "1");
        shows(&[call, user], "9");
        for answer in answers {
            shows(&[call, answer, user], "1 2 9");
            // An orphaned result. A message that also has text is returned without it.
            let own_text = answer.contains(r#""type":"text""#);
            let other = answer.replace(r#""a""#, r#""c""#);
            shows(&[call, &other, user], if own_text { "2 9" } else { "9" });
        }
    }
    for answer in answers {
        let own_text = answer.contains(r#""type":"text""#);
        shows(&[answer, user], if own_text { "2 9" } else { "9" });
        shows(&[answer], if own_text { "2" } else { "" });
    }
    for call in unnamed {
        shows(&[call], "1");
        shows(&[call, user], "9");
        for result in function_results {
            shows(&[call, result, user], "1 2 9");
        }
        // A result with an id never answers a call without one.
        shows(&[call, answers[0], user], "9");
    }
    // A block that repeats none of the `tool_calls` is another call.
    let both = r#"{"type":"ai","data":{"n":1,"content":[{"type":"tool_use","id":"b","name":"f","input":{}}],"tool_calls":[{"name":"f","args":{},"id":"a"}]}}"#;
    for answer in answers.iter().filter(|a| !a.contains(r#""text""#)) {
        let other = answer.replace(r#""a""#, r#""b""#);
        shows(&[both, answer, user], "9");
        shows(&[both, &other, user], "9");
        shows(&[both, answer, &other, user], "1 2 2 9");
    }
    for result in function_results {
        shows(&[result, user], "9");
        shows(&[result], "");
    }
    for message in neutral {
        shows(&[message, user], "1 9");
        shows(&[message, answers[0], user], "1 9");
    }
}

/// Messages of a long conversation are returned byte for byte, including old, compressed ones.
#[test]
fn messages_of_a_long_conversation_are_verbatim() {
    let server = Server::start();
    let mut con = server.conn();
    let kinds = [
        r#"{ "role" : "user", "content" : "\u00e4 \/ NUMBER", "z":1.50, "a":1E+2, "a":-0 }"#,
        r#"{"content":[ {"text" :"NUMBER","type":"text"} ],"role":"assistant"}"#,
        r#"{"type":"human","data":{"content":"NUMBER ÄÖÜ 日本語 🙂","additional_kwargs":{ }}}"#,
        "{\"type\":\"message\",\n\t\"role\":\"user\",\r\n\"content\":\"NUMBER\"}",
        r#"{"role":"user","content":"NUMBER FILL"}"#,
        r#"{"role":"user","content":"NUMBER \uD83D"}"#,
    ];
    let messages: Vec<String> = (0..3000)
        .map(|n| {
            let fill = "text ".repeat(n % 97);
            kinds[n % kinds.len()]
                .replace("NUMBER", &n.to_string())
                .replace("FILL", &fill)
        })
        .collect();
    for chunk in messages.chunks(170) {
        let given: Vec<String> = chunk.iter().map(|m| format!(" \n{m}\t")).collect();
        cmd!(con, "CONV.APPEND", "k", given);
    }
    let want: Vec<&[u8]> = messages.iter().map(String::as_bytes).collect();
    assert!(
        strings(&cmd!(con, "CONV.RANGE", "k", 0, -1)) == want,
        "RANGE"
    );
    assert!(
        strings(&cmd!(con, "CONV.RECENT", "k", 100_000_000)) == want,
        "RECENT"
    );
    let joined = [b"[", &want.join(&b","[..])[..], b"]"].concat();
    assert!(
        bytes(&cmd!(con, "CONV.RANGE", "k", 0, -1, "FORMAT", "JSON")) == joined,
        "JSON"
    );
    let packed = bytes(&cmd!(con, "CONV.RANGE", "k", 0, -1, "FORMAT", "MSGPACK"));
    let packed: Vec<serde_json::Value> = rmp_serde::from_slice(&packed).unwrap();
    assert_eq!(packed.len(), messages.len());
    for (seq, message) in (1..).zip(&want).step_by(7) {
        assert_eq!(
            strings(&cmd!(con, "CONV.GET", "k", seq)),
            [message.to_vec()],
            "{seq}"
        );
    }
    let popped = strings(&cmd!(con, "CONV.POP", "k", 3000));
    assert!(popped.iter().rev().eq(want.iter()), "POP");
}

/// FORMAT MSGPACK preserves the order of fields and the types of numbers.
#[test]
fn messagepack_preserves_order_and_number_types() {
    let server = Server::start();
    let mut con = server.conn();
    let message = r#"{"role":"user","z":[0,-1,127,128,-32,-33,65536,-2147483649,9223372036854775807,-9223372036854775808,18446744073709551615],"b":[0.5,-1.25,1e300],"a":{"t":true,"f":false,"n":null,"e":{},"l":[]},"content":"äöü🙂"}"#;
    cmd!(con, "CONV.APPEND", "k", message);
    let packed = bytes(&cmd!(con, "CONV.RANGE", "k", 0, -1, "FORMAT", "MSGPACK"));
    let parsed: Vec<serde_json::Value> = rmp_serde::from_slice(&packed).unwrap();
    let of = |value: &serde_json::Value| value.to_string();
    let mut want: serde_json::Value = serde_json::from_str(message).unwrap();
    want["b"][2] = serde_json::json!(1e300);
    assert_eq!(of(&parsed[0]), of(&want));
    // Numbers beyond 64-bit integers and doubles, and unusual strings, must give decodable MessagePack.
    for odd in [
        r#"{"role":"user","a":1e400,"b":-1e400,"c":123456789012345678901234567890,"d":1e-400}"#,
        r#"{"role":"user","a":"\uD83D","\uDE42":"\u0000"}"#,
        r#"{"role":"user","a":1,"a":2}"#,
    ] {
        cmd!(con, "CONV.EDIT", "k", 1, odd);
        let packed = bytes(&cmd!(con, "CONV.RANGE", "k", 0, -1, "FORMAT", "MSGPACK"));
        // Not compared as JSON values, which cannot represent infinity.
        let parsed: Vec<serde::de::IgnoredAny> =
            rmp_serde::from_slice(&packed).unwrap_or_else(|e| panic!("{odd}: {e}"));
        assert_eq!(parsed.len(), 1, "{odd}");
    }
}
