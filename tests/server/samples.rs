//! Conversations of all kinds, and all that a client can see of them: what has to be the same after a restart, in a
//! copy, on a replica.

use redis::{Connection, Value};
use serde_json::json;

use crate::support::*;

/// Says something and calls nothing, in OpenAI's dialect.
pub fn says(role: &str, text: &str) -> String {
    json!({"role": role, "content": text}).to_string()
}

/// An OpenAI message that opens these calls.
pub fn calls(ids: &[&str]) -> String {
    let calls: Vec<_> = ids
        .iter()
        .map(|id| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"at\": 1}"}}))
        .collect();
    json!({"role": "assistant", "content": null, "tool_calls": calls}).to_string()
}

/// An OpenAI message that answers a call.
pub fn answer(id: &str) -> String {
    json!({"role": "tool", "tool_call_id": id, "content": format!("seen by {id}")}).to_string()
}

/// A LangChain message with an id.
pub fn langchain(kind: &str, id: &str, text: &str) -> String {
    json!({"type": kind, "data": {"content": text, "id": id, "additional_kwargs": {}, "example": false}}).to_string()
}

/// Sends a command that has to succeed.
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

/// A key that tests every quoting on the way.
pub const ODD_KEY: &str = "odd \r\n\0 {k\u{fc}y} '\"";

/// Fills the server with conversations of all kinds; their keys.
pub fn fill(con: &mut Connection) -> Vec<String> {
    dialects(con);
    turns(con);
    summaries(con);
    changed(con);
    attributes(con);
    large(con);
    for seed in 0..6 {
        let key = format!("random:{seed}");
        let mut dice = Dice(seed);
        for _ in 0..80 {
            let _ = run(con, &random_write(&mut dice, &key));
        }
        // So that it is there whatever the dice said last.
        append(con, &key, &[says("user", "the last word")]);
    }
    let mut keys: Vec<String> = strings(&cmd!(*con, "KEYS", "*"))
        .into_iter()
        .map(|key| String::from_utf8(key).expect("UTF-8"))
        .collect();
    keys.sort();
    assert_eq!(keys.len(), 41, "{keys:?}");
    keys
}

fn chat() -> Vec<String> {
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
    // The answer of one turn, the call of the other.
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

/// What a client sees of a conversation, by the command that shows it.
pub type View = Vec<(String, Value)>;

/// Everything that is to be seen of the conversation under `key`.
pub fn view(con: &mut Connection, key: &str) -> View {
    let mut view = vec![("digest".to_string(), Value::SimpleString(digest(con, key)))];
    let mut see = |args: &[&str]| {
        let reply = go(con, &[&args[..1], &[key], &args[1..]].concat());
        view.push((args.join(" "), reply));
    };
    see(&["TYPE"]);
    see(&["PEXPIRETIME"]);
    see(&["CONV.LEN"]);
    see(&["CONV.SUMMARY", "WITHINFO"]);
    see(&["CONV.RANGE", "0", "-1"]);
    see(&["CONV.RANGE", "-3", "1000", "FORMAT", "JSON"]);
    see(&["CONV.RANGE", "1", "2", "FORMAT", "MSGPACK"]);
    for budget in ["0", "3", "30", "75", "200", "3000", "999999999999"] {
        see(&["CONV.RECENT", budget]);
        see(&["CONV.RECENT", budget, "ANY", "WITHINFO"]);
        see(&[
            "CONV.RECENT",
            budget,
            "ANY",
            "WITHINFO",
            "START",
            "USER",
            "OVERSIZE",
            "KEEP",
        ]);
        see(&[
            "CONV.RECENT",
            budget,
            "ANY",
            "WITHINFO",
            "NOSUMMARY",
            "STEP",
            "16",
        ]);
        see(&[
            "CONV.RECENT",
            budget,
            "ANY",
            "WITHINFO",
            "NOSYSTEM",
            "MESSAGES",
            "2",
        ]);
        see(&["CONV.RECENT", budget, "ANY", "FORMAT", "JSON"]);
    }
    see(&["CONV.RECENT", "200", "ANY", "FORMAT", "MSGPACK"]);
    let seqs: Vec<String> = (-1..=2001).map(|seq| seq.to_string()).collect();
    let mut get = vec!["CONV.GET"];
    get.extend(seqs.iter().map(String::as_str));
    get.push("WITHINFO");
    see(&get);
    // How the bytes lie in memory may differ; all else not.
    let mut info = map(&go(con, &["CONV.INFO", key]));
    for physical in ["bytes-stored", "segments"] {
        assert!(int(&info.remove(physical).expect("a figure")) >= 0);
    }
    view.extend(
        info.into_iter()
            .map(|(name, value)| (format!("CONV.INFO: {name}"), value)),
    );
    view
}

/// What is seen of each of the keys.
pub fn views<A: AsRef<str>>(con: &mut Connection, keys: &[A]) -> Vec<View> {
    keys.iter().map(|key| view(con, key.as_ref())).collect()
}

/// Panics with the first difference, `when` it was seen.
pub fn assert_same<A: AsRef<str>>(keys: &[A], expected: &[View], got: &[View], when: &str) {
    assert_eq!(expected.len(), got.len());
    let short = |value: &Value| format!("{value:?}").chars().take(1500).collect::<String>();
    for ((key, expected), got) in keys.iter().zip(expected).zip(got) {
        for ((what, expected), (_, got)) in expected.iter().zip(got) {
            assert!(
                expected == got,
                "{when}: {what:.100} of {:?} differs\nexpected {}\ngot      {}",
                key.as_ref(),
                short(expected),
                short(got)
            );
        }
    }
}

/// Conversations that [`fill`] made go on where they stood.
pub fn go_on(con: &mut Connection) {
    let now = says("user", "and now?");
    // Numbers are never given twice, whatever was removed.
    assert_eq!(append(con, "chat", std::slice::from_ref(&now)), 9);
    assert_eq!(append(con, "gaps", std::slice::from_ref(&now)), 11);
    assert_eq!(append(con, "emptied", std::slice::from_ref(&now)), 4);
    assert_eq!(append(con, "empty", std::slice::from_ref(&now)), 1);
    assert_eq!(append(con, "summary-only", std::slice::from_ref(&now)), 1);
    assert_eq!(append(con, "long", std::slice::from_ref(&now)), 2001);
    assert_eq!(append(con, ODD_KEY, std::slice::from_ref(&now)), 4);
    // The turn is still open, and is completed.
    append(con, "open", &[answer("x")]);
    append(con, "half-answered", &[answer("y")]);
    for (key, messages) in [("open", 3), ("half-answered", 4)] {
        append(con, key, &[says("assistant", "done")]);
        let recent = cmd!(*con, "CONV.RECENT", key, "1000");
        assert_eq!(items(&recent).len(), messages + 1, "{key}");
    }
    append(con, "reasoning-last", &[says("assistant", "thought")]);
    assert_eq!(
        items(&cmd!(*con, "CONV.RECENT", "reasoning-last", "1000")).len(),
        4
    );
    // Ids are still known.
    let known = ["l1", "l4"].map(|id| langchain("human", id, "again"));
    let reply = cmd!(*con, "CONV.APPEND", "langchain", "UNIQUE", &known[..]);
    assert_eq!(
        (int(&reply), int(&cmd!(*con, "CONV.LEN", "langchain"))),
        (5, 5)
    );
    let reply = cmd!(
        *con,
        "CONV.APPEND",
        "langchain",
        "UNIQUE",
        langchain("human", "l5", "new")
    );
    assert_eq!(int(&reply), 6);
    // Retention still acts, expiry is still set anew, and the summary is not undone by a late writer.
    append(con, "limits", &chat());
    assert!(int(&cmd!(*con, "CONV.LEN", "limits")) <= 6);
    cmd!(*con, "PERSIST", "ttl");
    append(con, "ttl", std::slice::from_ref(&now));
    let ttl = int(&cmd!(*con, "TTL", "ttl"));
    assert!((99_990..=100_000).contains(&ttl), "{ttl}");
    let late = cmd!(*con, "CONV.SETSUMMARY", "summary-upto", "late", "UPTO", "5");
    assert_eq!(int(&late), 0);
}

/// A small generator of random numbers (SplitMix64): the same seed rolls the same.
pub struct Dice(pub u64);

impl Dice {
    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0, less than `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n as u64) as usize
    }

    /// One of the choices.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

fn random_message(dice: &mut Dice) -> String {
    const IDS: [&str; 4] = ["a", "b", "c", "d"];
    let (id, other) = (*dice.pick(&IDS), *dice.pick(&IDS));
    let text = "word ".repeat(dice.below(20));
    match dice.below(12) {
        0 => says("system", &text),
        1 => says("user", &text),
        2 => says("assistant", &text),
        3 => calls(&[id, other]),
        4 | 5 => answer(id),
        6 => langchain("human", id, &text),
        7 => json!({"type": "reasoning", "id": id, "summary": []}).to_string(),
        8 => json!({"type": "function_call", "call_id": id, "name": "f", "arguments": text}).to_string(),
        9 => json!({"type": "function_call_output", "call_id": id, "output": text}).to_string(),
        10 => json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]})
            .to_string(),
        _ => json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": text}]})
            .to_string(),
    }
}

/// A command that writes, most often with an effect.
pub fn random_write(dice: &mut Dice, key: &str) -> Vec<String> {
    let seq = |dice: &mut Dice| (1 + dice.below(60)).to_string();
    let mut args: Vec<String> = match dice.below(24) {
        0 => vec!["CONV.DEL".into(), seq(dice), seq(dice), seq(dice)],
        1 | 2 => vec!["CONV.DEL".into(), seq(dice)],
        3 => vec!["CONV.POP".into(), dice.below(4).to_string()],
        4 | 5 => vec!["CONV.EDIT".into(), seq(dice), random_message(dice)],
        6 => vec!["CONV.TRIM".into(), "BEFORE".into(), seq(dice)],
        7 => vec![
            "CONV.TRIM".into(),
            "MAXMESSAGES".into(),
            (10 + dice.below(20)).to_string(),
        ],
        8 => vec![
            "CONV.TRIM".into(),
            "MAXTOKENS".into(),
            (100 + dice.below(300)).to_string(),
        ],
        9 => vec![
            "CONV.SETSUMMARY".into(),
            "so far ".repeat(dice.below(5)),
            "UPTO".into(),
            seq(dice),
        ],
        10 => vec!["CONV.SETSUMMARY".into(), "so far ".repeat(dice.below(5))],
        11 => vec![
            "CONV.ALTER".into(),
            "ENCODING".into(),
            dice.pick(&["gpt-4", "gpt-4o"]).to_string(),
        ],
        12 => vec![
            "CONV.ALTER".into(),
            "MAXMESSAGES".into(),
            dice.pick(&["0", "25"]).to_string(),
        ],
        13 => vec![
            "CONV.ALTER".into(),
            "TTL".into(),
            dice.pick(&["0", "1000"]).to_string(),
        ],
        14 => vec![
            "CONV.APPEND".into(),
            "UNIQUE".into(),
            random_message(dice),
            random_message(dice),
        ],
        15 => vec![
            "CONV.APPEND".into(),
            "TOKENS".into(),
            seq(dice),
            random_message(dice),
        ],
        _ => vec![
            "CONV.APPEND".into(),
            random_message(dice),
            random_message(dice),
        ],
    };
    args.insert(1, key.into());
    args
}
