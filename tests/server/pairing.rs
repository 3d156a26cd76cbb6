//! Tool calls and results whose ids are missing, empty or equal, orphaned results beside text, and the spellings of
//! frameworks that write no `role`, `content` or `tool_calls` as OpenAI does.

use redis::Connection;

use crate::dialects::count;
use crate::notation::{message, recent};
use crate::support::{Server, bytes, cmd, int, map, strings};

const USER: &str = r#"{"role":"user","content":"x","n":9}"#;

/// The numbers of the messages that RECENT returns of a conversation of these messages.
fn returned(two: &mut Connection, three: &mut Connection, log: &[&str]) -> String {
    cmd!(*two, "DEL", "k");
    cmd!(*two, "CONV.APPEND", "k", log);
    let reply = recent(two, three, "k", "1000000");
    let (numbers, _) = reply.split_once('|').expect("numbers | figures");
    numbers.trim().to_string()
}

/// A server with a connection of each protocol version.
struct Log {
    two: Connection,
    three: Connection,
    _server: Server,
}

impl Log {
    fn start() -> Self {
        let server = Server::start();
        Self {
            two: server.conn(),
            three: server.conn3(),
            _server: server,
        }
    }

    /// Compares the messages that RECENT returns of each log.
    fn check(&mut self, cases: &[(&[&str], &str)]) {
        for (log, want) in cases {
            assert_eq!(
                returned(&mut self.two, &mut self.three, log),
                *want,
                "{log:?}"
            );
        }
    }
}

#[test]
fn legacy_functions_pair_by_name_and_order() {
    let mut log = Log::start();
    let call = r#"{"n":1,"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}"#;
    let result = r#"{"n":2,"role":"function","name":"f","content":"x"}"#;
    let other = r#"{"n":2,"role":"function","name":"g","content":"x"}"#;
    let langchain = r#"{"type":"ai","data":{"n":1,"content":"","tool_calls":[],"additional_kwargs":{"function_call":{"name":"f","arguments":"{}"}}}}"#;
    let langchain_result = r#"{"type":"function","data":{"n":2,"name":"f","content":"x"}}"#;
    log.check(&[
        (&[call], "1"),
        (&[call, USER], "9"),
        (&[call, result, USER], "1 2 9"),
        (&[langchain, langchain_result, USER], "1 2 9"),
        (&[langchain, USER], "9"),
        // Another name answers the oldest open call without an id.
        (&[call, other, USER], "1 2 9"),
        // In another turn it answers nothing.
        (&[call, USER, result], "9"),
        (&[result, USER], "9"),
        (&[call, result, other, USER], "1 2 9"),
    ]);
}

#[test]
fn calls_without_ids_pair_by_name_then_by_order() {
    let mut log = Log::start();
    for id in ["", r#""id":null,"#, r#""id":"","#, r#""id":7,"#] {
        let calls = format!(
            r#"{{"n":1,"role":"assistant","tool_calls":[{{{id}"function":{{"name":"f","arguments":"{{}}"}}}},{{{id}"function":{{"name":"g","arguments":"{{}}"}}}}]}}"#
        );
        for result_id in [
            "",
            r#","tool_call_id":null"#,
            r#","tool_call_id":"""#,
            r#","tool_call_id":7"#,
        ] {
            let result = |n: usize, name: &str| {
                format!(r#"{{"n":{n},"role":"tool","content":"x"{name}{result_id}}}"#)
            };
            let (f, g) = (r#","name":"f""#, r#","name":"g""#);
            log.check(&[
                (&[&calls, &result(2, g), &result(3, f), USER], "1 2 3 9"),
                (&[&calls, &result(2, ""), &result(3, ""), USER], "1 2 3 9"),
                (&[&calls, &result(2, g), USER], "9"),
                (
                    &[&calls, &result(2, f), &result(3, f), &result(4, f)],
                    "1 2 3",
                ),
            ]);
        }
        // A result with an id never answers a call without one.
        let named = r#"{"n":2,"role":"tool","tool_call_id":"a","content":"x"}"#;
        log.check(&[(&[&calls, named, named, USER], "9")]);
    }
}

#[test]
fn ids_pair_as_multisets() {
    let mut log = Log::start();
    let result = r#"{"n":3,"role":"tool","content":"x"}"#;
    let (twice, mixed) = (message("c.aa", 1), message("c.ab", 1));
    let (a, again, b) = (message("t.a", 2), message("t.a", 3), message("t.b", 3));
    log.check(&[
        (&[&twice, &a, USER], "9"),
        (&[&twice, &a, &again, USER], "1 2 3 9"),
        (&[&mixed, &b, &a, USER], "1 3 2 9"),
        (&[&mixed, &a, &again, USER], "9"),
        // A result without an id answers the oldest open call, failing any without an id.
        (&[&mixed, &a, result, USER], "1 2 3 9"),
        (&[&mixed, result, &a, USER], "9"),
        (&[&mixed, result, &b, USER], "1 3 3 9"),
    ]);
}

/// An orphaned result is removed from a message that has content of its own, in RECENT only.
#[test]
fn orphaned_results_are_removed_from_messages_with_content_of_their_own() {
    let server = Server::start();
    let (mut con, mut three) = (server.conn(), server.conn3());
    let calls = message("c.ab", 1);
    let result =
        |id: &str| format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"r"}}"#);
    let blocks = |blocks: &[&str]| {
        let blocks = blocks.join(",");
        format!(r#"{{"n":2, "role":"user","content":[{blocks}],"z":[1, 2]}}"#)
    };
    let (a, b, c) = (result("a"), result("b"), result("c"));
    let text = r#"{"type":"text","text":"x"}"#;
    let image = r#"{"type":"image","source":{"type":"url","url":"u"}}"#;
    let odd = r#"{"type":"odd"}"#;
    let empty = r#"{"type":"text","text":""}"#;
    for (before, given, want, numbers) in [
        // The result of a call that is not open.
        (None, blocks(&[text, &c]), blocks(&[text]), "2 9"),
        (None, blocks(&[&c, text]), blocks(&[text]), "2 9"),
        (None, blocks(&[&c, text, &a]), blocks(&[text]), "2 9"),
        (None, blocks(&[image, &c]), blocks(&[image]), "2 9"),
        (None, blocks(&[odd, &c]), blocks(&[odd]), "2 9"),
        // Text after the result of one of two calls ends the turn, so both calls are unanswered.
        (Some(&calls), blocks(&[&a, text]), blocks(&[text]), "2 9"),
        // Both results: nothing is orphaned.
        (
            Some(&calls),
            blocks(&[&a, &b, text]),
            blocks(&[&a, &b, text]),
            "1 2 9",
        ),
        // No content of its own.
        (None, blocks(&[&c]), String::new(), "9"),
        (None, blocks(&[&c, empty]), String::new(), "9"),
        (Some(&calls), blocks(&[&a]), String::new(), "9"),
    ] {
        let mut log: Vec<&str> = before.into_iter().map(String::as_str).collect();
        log.extend([given.as_str(), USER]);
        assert_eq!(returned(&mut con, &mut three, &log), numbers, "{log:?}");
        let info = map(&cmd!(con, "CONV.RECENT", "k", 1_000_000, "WITHINFO"));
        let shown = strings(&info["messages"]);
        let edited = want != given && !want.is_empty();
        assert_eq!(int(&info["edited"]), i64::from(edited), "{log:?}");
        if !want.is_empty() {
            assert_eq!(shown[shown.len() - 2], want.as_bytes(), "{log:?}");
        }
        // It counts as appended.
        let seq = if before.is_some() { 2 } else { 1 };
        let figures = cmd!(con, "CONV.GET", "k", seq, seq + 1, "WITHINFO");
        let [own, user] = crate::support::items(&figures) else {
            panic!("two messages");
        };
        let [own, user] = [own, user].map(|info| int(&map(info)["tokens"]));
        if edited {
            assert_eq!(int(&info["tokens"]), 3 + own + user, "{log:?}");
        }
        // Everything else returns it byte for byte.
        let all: Vec<&[u8]> = log.iter().map(|m| m.as_bytes()).collect();
        assert_eq!(strings(&cmd!(con, "CONV.RANGE", "k", 0, -1)), all);
        assert_eq!(
            strings(&cmd!(con, "CONV.GET", "k", seq)),
            [given.as_bytes()]
        );
        let export = bytes(&cmd!(con, "CONV.EXPORT", "k"));
        assert_eq!(export, [b"[", &all.join(&b","[..])[..], b"]"].concat());
    }
}

#[test]
fn other_spellings_pair() {
    let mut log = Log::start();
    let call = |call: &str| format!(r#"{{"n":1,{call}}}"#);
    let result = |result: &str| format!(r#"{{"n":2,{result}}}"#);
    for (c, r) in [
        // .NET capitals
        (
            r#""Role":{"Label":"assistant"},"Items":[{"$type":"FunctionCallContent","Id":"a","FunctionName":"f","Arguments":{"k":1}}]"#,
            r#""Role":{"Label":"tool"},"Items":[{"$type":"FunctionResultContent","CallId":"a","Result":"r"}]"#,
        ),
        (
            r#""role":"assistant","contents":[{"$type":"functionCall","callId":"a","name":"f","arguments":{}}]"#,
            r#""role":"tool","contents":[{"$type":"functionResult","callId":"a","result":"r"}]"#,
        ),
        // An envelope
        (
            r#""type":"assistant","message":{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}"#,
            r#""type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"r"}]}"#,
        ),
        // Gemini, which has no ids
        (
            r#""role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]"#,
            r#""role":"user","parts":[{"functionResponse":{"name":"f","response":{"k":1}}}]"#,
        ),
        // Bedrock
        (
            r#""role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"f","input":{}}}]"#,
            r#""role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"json":{"k":1}}]}}]"#,
        ),
        // Spring AI
        (
            r#""messageType":"ASSISTANT","text":"","toolCalls":[{"id":"a","type":"function","name":"f","arguments":"{}"}]"#,
            r#""messageType":"TOOL","text":"","responses":[{"id":"a","name":"f","responseData":"r"}]"#,
        ),
    ] {
        let (c, r) = (call(c), result(r));
        log.check(&[
            (&[&c, &r, USER], "1 2 9"),
            (&[&c, USER], "9"),
            (&[&r, USER], "9"),
        ]);
    }
}

#[test]
fn other_spellings_are_counted() {
    count(&[
        (r#"{"Role":"user","Content":"hello"}"#, "user|hello", 0, 0),
        (
            r#"{"Role":{"Label":"assistant"},"Items":[{"$type":"TextContent","Text":"hi"},{"$type":"FunctionCallContent","Id":"a","FunctionName":"f","Arguments":{"k":1}}]}"#,
            r#"assistant|hi|f|{"k":1}"#,
            1,
            0,
        ),
        // The name of a result counts only as `name`.
        (
            r#"{"Role":{"Label":"tool"},"Items":[{"$type":"FunctionResultContent","CallId":"a","FunctionName":"f","Result":"r"}]}"#,
            "tool|r",
            0,
            0,
        ),
        (
            r#"{"type":"user","uuid":"u","timestamp":"now","message":{"role":"user","content":"hello"}}"#,
            "user|hello",
            0,
            0,
        ),
        (
            r#"{"model":"m","done":true,"message":{"role":"assistant","content":"hi","tool_calls":[{"function":{"name":"f","arguments":{"k":1}}}]}}"#,
            r#"assistant|hi|f|{"k":1}"#,
            1,
            0,
        ),
        (
            r#"{"role":"model","parts":[{"text":"t","thought":true},{"functionCall":{"name":"f","args":{"k":1}}}]}"#,
            r#"model|t|f|{"k":1}"#,
            1,
            0,
        ),
        // Of a block that is a result the name counts without a token on top.
        (
            r#"{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"result":"x"}}},{"inlineData":{"mimeType":"image/png","data":"QUJD"}}]}"#,
            r#"user|f|{"result":"x"}"#,
            0,
            1,
        ),
        (
            r#"{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"json":{"k": 1}},{"text":"t"}]}},{"cachePoint":{"type":"default"}}]}"#,
            r#"user|{"k": 1}|t"#,
            0,
            0,
        ),
        (
            r#"{"role":"user","content":"see","images":["QUJD","QUJD"]}"#,
            "user|see",
            0,
            2,
        ),
        (
            r#"{"role":"assistant","tool_plan":"first","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
            "assistant|first|f|{}",
            1,
            0,
        ),
        // The same text in `content` and `parts` counts once.
        (
            r#"{"role":"assistant","content":"hi","parts":[{"type":"text","text":"hi"}]}"#,
            "assistant|hi",
            0,
            0,
        ),
    ]);
}
