//! Sample conversations of all kinds.

use fastrand::Rng;
use redis::{Connection, Value};
use serde_json::json;

use crate::random_writes::random_write;
use crate::support::*;

/// An OpenAI message without tool calls.
pub fn says(role: &str, text: &str) -> String {
    json!({"role": role, "content": text}).to_string()
}

/// An OpenAI message with these tool calls.
pub fn calls(ids: &[&str]) -> String {
    let calls: Vec<_> = ids
        .iter()
        .map(|id| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"at\": 1}"}}))
        .collect();
    json!({"role": "assistant", "content": null, "tool_calls": calls}).to_string()
}

/// An OpenAI message with the result of a call.
pub fn answer(id: &str) -> String {
    json!({"role": "tool", "tool_call_id": id, "content": format!("seen by {id}")}).to_string()
}

/// A LangChain message with an id.
pub fn langchain(kind: &str, id: &str, text: &str) -> String {
    json!({"type": kind, "data": {"content": text, "id": id, "additional_kwargs": {}, "example": false}}).to_string()
}

/// Sends a command that must succeed.
pub fn go<A: AsRef<[u8]>>(con: &mut Connection, args: &[A]) -> Value {
    run(con, args).unwrap_or_else(|e| {
        let words: Vec<_> = args
            .iter()
            .map(|a| {
                String::from_utf8_lossy(a.as_ref())
                    .chars()
                    .take(80)
                    .collect::<String>()
            })
            .collect();
        panic!("{}: {e}", words.join(" "))
    })
}

/// Appends messages in one command.
pub fn append(con: &mut Connection, key: &str, messages: &[String]) -> i64 {
    let mut args = vec!["CONV.APPEND", key];
    args.extend(messages.iter().map(String::as_str));
    int(&go(con, &args))
}

/// A key with characters that need quoting.
pub const ODD_KEY: &str = "odd \r\n\0 {k\u{fc}y} '\"";

/// Fills the server with conversations of all kinds. Returns their keys.
pub fn fill(con: &mut Connection) -> Vec<String> {
    dialects(con);
    turns(con);
    summaries(con);
    changed(con);
    attributes(con);
    large(con);
    for seed in 0..6 {
        let key = format!("random:{seed}");
        let mut rng = Rng::with_seed(seed);
        for _ in 0..80 {
            let _ = run(con, &random_write(&mut rng, &key));
        }
        // The random writes may have removed the key.
        append(con, &key, &[says("user", "the last word")]);
    }
    let mut keys: Vec<String> = strings(&cmd!(*con, "KEYS", "*"))
        .into_iter()
        .map(|key| String::from_utf8(key).expect("UTF-8"))
        .collect();
    keys.sort();
    assert_eq!(keys.len(), 42, "{keys:?}");
    keys
}

/// A short chat of 8 messages, with a tool turn of two calls.
pub fn chat() -> Vec<String> {
    vec![
        says("system", "Be brief."),
        says("user", "What is the capital of France?"),
        calls(&["c1", "c2"]),
        answer("c1"),
        answer("c2"),
        says("assistant", "Paris, \u{1f1eb}\u{1f1f7}."),
        says("user", "And of Norway?"),
        says("assistant", "Oslo."),
    ]
}

fn dialects(con: &mut Connection) {
    let anthropic = [
        json!({"role": "user", "content": [{"type": "text", "text": "Look at this."},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}]}),
        json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "tool_use", "id": "tu_1", "name": "look", "input": {"at": [1, 2.50, 1e3]}}]}),
        json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "tu_1",
            "content": [{"type": "text", "text": "a cat"}]}]}),
        json!({"role": "assistant", "content": "A cat."}),
    ];
    let items = [
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Go."}]}),
        json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "First look."}]}),
        json!({"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": "{}"}),
        json!({"type": "function_call_output", "call_id": "c1", "output": "nothing there"}),
        json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
        json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Nothing."}]}),
    ];
    let chain = [
        langchain("system", "l0", "You are a chain."),
        langchain("human", "l1", "Hello."),
        json!({"type": "ai", "data": {"content": "", "id": "l2",
            "tool_calls": [{"name": "look", "args": {"at": 1}, "id": "lc", "type": "tool_call"}]}})
        .to_string(),
        json!({"type": "tool", "data": {"content": "seen", "id": "l3", "tool_call_id": "lc"}})
            .to_string(),
        langchain("ai", "l4", "There it is."),
    ];
    let text =
        |values: &[serde_json::Value]| values.iter().map(|v| v.to_string()).collect::<Vec<_>>();
    append(con, "chat", &chat());
    append(con, "anthropic", &text(&anthropic));
    append(con, "responses", &text(&items));
    append(con, "langchain", &chain);
    let all = [chat(), text(&anthropic), text(&items), chain.to_vec()].concat();
    append(con, "mixed", &all);
    let odd = [
        "  {\"role\": \"user\",\n \"content\": \"\\u0000 \\ud800 \\ud83d\\ude42\", \"content\": \"<|endoftext|> \u{1f642}\"}\t",
        "{\"role\":\"my own role\",\"name\":\"n\u{e9}\",\"content\":{\"n\":1.0e5,\"big\":123456789012345678901234567890}}",
        "{\"role\":\"user\",\"content\":null,\"extra\":[[[]],{}]}",
    ];
    append(con, ODD_KEY, &odd.map(String::from));
}

fn turns(con: &mut Connection) {
    let opened = [says("user", "Go on."), calls(&["x"])];
    append(con, "open", &opened);
    append(
        con,
        "half-answered",
        &[says("user", "Go on."), calls(&["x", "y"]), answer("x")],
    );
    let unanswered = [
        calls(&["x"]),
        says("user", "Never mind."),
        answer("x"),
        says("assistant", "Fine."),
    ];
    append(con, "unanswered", &unanswered);
    append(
        con,
        "orphans",
        &[answer("a"), says("user", "Hi."), answer("b"), answer("b")],
    );
    let reasoning = json!({"type": "reasoning", "summary": []}).to_string();
    append(
        con,
        "reasoning-last",
        &[says("user", "Think."), reasoning.clone(), reasoning],
    );
}

fn summaries(con: &mut Connection) {
    for key in [
        "summary",
        "summary-upto",
        "summary-removed",
        "summary-behind-gap",
    ] {
        append(con, key, &chat());
    }
    go(
        con,
        &[
            "CONV.SETSUMMARY",
            "summary",
            "They spoke of \"capitals\".\n",
        ],
    );
    go(
        con,
        &[
            "CONV.SETSUMMARY",
            "summary-upto",
            "They spoke of Paris \u{2013} at length.",
            "UPTO",
            "6",
        ],
    );
    go(
        con,
        &[
            "CONV.SETSUMMARY",
            "summary-behind-gap",
            "Paris.",
            "UPTO",
            "6",
        ],
    );
    go(con, &["CONV.DEL", "summary-behind-gap", "5", "6"]);
    go(
        con,
        &["CONV.SETSUMMARY", "summary-removed", "Paris.", "UPTO", "6"],
    );
    go(con, &["CONV.SETSUMMARY", "summary-removed", ""]);
    go(
        con,
        &["CONV.SETSUMMARY", "summary-only", "All that there is."],
    );
}

fn changed(con: &mut Connection) {
    let ten: Vec<String> = (1..=10)
        .map(|n| says("user", &format!("message {n}")))
        .collect();
    append(con, "gaps", &ten);
    go(con, &["CONV.DEL", "gaps", "4", "5", "8"]);
    go(con, &["CONV.POP", "gaps", "2"]);
    go(
        con,
        &[
            "CONV.EDIT",
            "gaps",
            "6",
            &says("assistant", "edited, and longer than before"),
        ],
    );
    go(con, &["CONV.TRIM", "gaps", "BEFORE", "3"]);
    append(con, "turn-cut", &[chat(), chat()].concat());
    // The result of one turn, the call of the other.
    go(con, &["CONV.DEL", "turn-cut", "4", "11"]);
    append(con, "emptied", &ten[..3]);
    go(con, &["CONV.DEL", "emptied", "1", "2", "3"]);
    let (a, b) = (says("user", "given"), says("user", "given, then edited"));
    go(
        con,
        &[
            "CONV.APPEND",
            "explicit",
            "TOKENS",
            "0",
            &a,
            "TOKENS",
            "4294967295",
            &a,
            "TOKENS",
            "9",
            &b,
            &a,
        ],
    );
    go(
        con,
        &["CONV.EDIT", "explicit", "3", &says("user", "counted now")],
    );
}

fn attributes(con: &mut Connection) {
    go(con, &["CONV.CREATE", "empty", "MAXTOKENS", "77"]);
    let all = [
        "ENCODING",
        "cl100k_base",
        "MAXMESSAGES",
        "500",
        "MAXTOKENS",
        "90000",
        "TTL",
        "100000",
    ];
    go(
        con,
        &[&["CONV.CREATE", "all-set"], &all[..], &["COMPLETE", "no"]].concat(),
    );
    for name in [
        "cl100k_base",
        "o200k_harmony",
        "p50k_base",
        "r50k_base",
        "gpt-4",
    ] {
        go(con, &["CONV.CREATE", name, "ENCODING", name]);
        append(con, name, &chat());
    }
    append(con, "all-set", &chat());
    append(con, "recounted", &chat());
    go(
        con,
        &[
            "CONV.ALTER",
            "recounted",
            "ENCODING",
            "r50k_base",
            "TTL",
            "5000",
        ],
    );
    go(
        con,
        &[
            "CONV.CREATE",
            "limits",
            "MAXMESSAGES",
            "6",
            "MAXTOKENS",
            "60",
        ],
    );
    for _ in 0..3 {
        append(con, "limits", &chat());
    }
    go(
        con,
        &["CONV.CREATE", "scaled", "OVERHEAD", "7", "SCALE", "115"],
    );
    append(con, "scaled", &chat());
    append(con, "pinned", &[chat(), chat()].concat());
    go(con, &["CONV.PIN", "pinned", "2", "4", "12", "16"]);
    go(con, &["CONV.DEL", "pinned", "3", "16"]);
    go(con, &["CONV.CREATE", "incomplete", "COMPLETE", "no"]);
    append(con, "incomplete", &chat());
    go(con, &["CONV.CREATE", "ttl", "TTL", "100000"]);
    append(con, "ttl", &chat());
    append(con, "expiring", &chat());
    go(con, &["PEXPIREAT", "expiring", "33333333333333"]);
}

fn large(con: &mut Connection) {
    for hundred in 0..20 {
        let messages: Vec<String> = (0..100)
            .map(|n| match n % 4 {
                0 => says(
                    "user",
                    &format!("question {hundred}.{n}: {}", "why? ".repeat(n)),
                ),
                1 => calls(&[&format!("call-{n}")]),
                2 => answer(&format!("call-{}", n - 1)),
                _ => says("assistant", &format!("because {n}")),
            })
            .collect();
        append(con, "long", &messages);
    }
    let megabyte = says("user", &"all work and no play ".repeat(50_000));
    append(
        con,
        "huge",
        &[says("user", "before"), megabyte, says("user", "behind")],
    );
}
