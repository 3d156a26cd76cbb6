//! Shared helpers: messages written as short words, transcripts of commands and replies, RECENT replies as one line,
//! and token counts by tiktoken-rs.

use redis::{Connection, RedisResult, Value};

use crate::support::{Server, bytes, cmd, error_line, int, items, map, run, strings, wait_until};

/// E(s) in the default encoding.
pub fn e(text: &str) -> i64 {
    let count = tiktoken_rs::o200k_base_singleton()
        .encode_ordinary(text)
        .len();
    i64::try_from(count).expect("a count")
}

/// `{"role":role,"content":content}`, with the content escaped.
pub fn chat(role: &str, content: &str) -> String {
    let content = serde_json::Value::from(content);
    format!(r#"{{"role":"{role}","content":{content}}}"#)
}

/// The message for `kind[.ids]`. If `n` is not 0, it is included in the text, to make the message unique.
///
/// Chat: `u`ser, `a`ssistant, `s`ystem, `d`eveloper, `c`alls, `t`ool result. Anthropic: `A` (tool_use), `R`
/// (tool_result), and the invalid combinations `S` (system with a tool_use) and `D` (developer with a tool_result).
/// LangChain: `lu la ls lc lt`. Responses items: `f`unction_call, its `o`utput, `x` (custom_tool_call), `y` (its
/// output), `r`easoning, `m`essage of the assistant, `mu` of the user. Each letter of `ids` is the id of a call.
pub fn message(word: &str, n: usize) -> String {
    let (kind, ids) = word.split_once('.').unwrap_or((word, ""));
    let n = match n {
        0 => String::new(),
        n => format!(r#","n":{n}"#),
    };
    let each = |one: &dyn Fn(char) -> String| ids.chars().map(one).collect::<Vec<_>>().join(",");
    let chat = |role: &str| format!(r#"{{"role":"{role}","content":"x"{n}}}"#);
    let blocks =
        |role: &str, blocks: String| format!(r#"{{"role":"{role}","content":[{blocks}]{n}}}"#);
    let lang = |kind: &str, more: String| {
        format!(r#"{{"type":"{kind}","data":{{"content":"x"{n}{more}}}}}"#)
    };
    let item = |kind: &str, more: &str| format!(r#"{{"type":"{kind}"{n}{more}}}"#);
    let call_id = if ids.is_empty() {
        String::new()
    } else {
        format!(r#","call_id":"{ids}""#)
    };
    match kind {
        "u" => chat("user"),
        "a" => chat("assistant"),
        "s" => chat("system"),
        "d" => chat("developer"),
        "c" => {
            let calls = each(&|id| {
                format!(
                    r#"{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#
                )
            });
            format!(r#"{{"role":"assistant","content":null{n},"tool_calls":[{calls}]}}"#)
        }
        "t" => format!(r#"{{"role":"tool","content":"x"{n},"tool_call_id":"{ids}"}}"#),
        "A" | "S" => blocks(
            if kind == "A" { "assistant" } else { "system" },
            each(&|id| format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}"#)),
        ),
        "R" | "D" => blocks(
            if kind == "R" { "user" } else { "developer" },
            each(&|id| format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"x"}}"#)),
        ),
        "lu" => lang("human", String::new()),
        "la" => lang("ai", String::new()),
        "ls" => lang("system", String::new()),
        "lc" => {
            let calls = each(&|id| format!(r#"{{"id":"{id}","name":"f","args":{{}}}}"#));
            lang("ai", format!(r#","tool_calls":[{calls}]"#))
        }
        "lt" => lang("tool", format!(r#","tool_call_id":"{ids}""#)),
        "f" => item(
            "function_call",
            &format!(r#","name":"f","arguments":"{{}}"{call_id}"#),
        ),
        "o" => item(
            "function_call_output",
            &format!(r#","output":"x"{call_id}"#),
        ),
        "x" => item(
            "custom_tool_call",
            &format!(r#","name":"f","input":"x"{call_id}"#),
        ),
        "y" => item(
            "custom_tool_call_output",
            &format!(r#","output":"x"{call_id}"#),
        ),
        "r" => item(
            "reasoning",
            r#","summary":[{"type":"summary_text","text":"x"}]"#,
        ),
        "m" => item(
            "message",
            r#","role":"assistant","content":[{"type":"output_text","text":"x"}]"#,
        ),
        "mu" => item(
            "message",
            r#","role":"user","content":[{"type":"input_text","text":"x"}]"#,
        ),
        other => panic!("no such kind of message: {other}"),
    }
}

/// Appends `kind[.ids][=tokens] ...` in one command, with 10 tokens each unless given. The messages are numbered from
/// 1. Returns the reply of the command.
pub fn fill(con: &mut Connection, key: &str, words: &str) -> i64 {
    let mut args: Vec<String> = vec!["CONV.APPEND".into(), key.into()];
    for (i, word) in words.split_whitespace().enumerate() {
        let (word, tokens) = word.split_once('=').unwrap_or((word, "10"));
        args.extend(["TOKENS".into(), tokens.into(), message(word, i + 1)]);
    }
    match run(con, &args) {
        Ok(reply) => int(&reply),
        Err(error) => panic!("{words}: {}", error_line(&error)),
    }
}

/// Waits until all messages are counted.
pub fn counted(con: &mut Connection, key: &str) {
    cmd!(*con, "CONV.RECENT", key, 1_000_000_000, "ANY");
    let mut pending = || int(&map(&cmd!(*con, "CONV.INFO", key))["pending"]);
    assert!(
        wait_until(std::time::Duration::from_secs(20), || pending() == 0),
        "messages stay uncounted"
    );
}

/// T(message) as counted by the module.
pub fn tokens_of(con: &mut Connection, key: &str, seq: i64) -> i64 {
    counted(con, key);
    let reply = cmd!(*con, "CONV.GET", key, seq, "WITHINFO");
    int(&map(&items(&reply)[0])["tokens"])
}

/// Sends a command line. `""` is an empty argument, `@word` a message.
pub fn line(con: &mut Connection, line: &str) -> RedisResult<Value> {
    let args: Vec<String> = line
        .split_whitespace()
        .map(|arg| match arg.strip_prefix('@') {
            Some(word) => message(word, 0),
            None if arg == r#""""# => String::new(),
            None => arg.to_string(),
        })
        .collect();
    run(con, &args)
}

/// Runs lines of the form `command => reply` over RESP2, and then, on an empty server, over RESP3. Empty lines and
/// lines that begin with `#` are ignored. A reply is written in the notation of [`show`]. `!CODE word word` is an
/// error that begins with the code and contains the words.
pub fn transcript(server: &Server, lines: &str) {
    for (protocol, mut con) in [("RESP2", server.conn()), ("RESP3", server.conn3())] {
        cmd!(con, "FLUSHALL");
        for one in lines.lines().map(str::trim) {
            if one.is_empty() || one.starts_with('#') {
                continue;
            }
            let (command, want) = one.split_once(" => ").expect("command => reply");
            let got = line(&mut con, command);
            if let Some(want) = want.strip_prefix('!') {
                match got {
                    Err(error) => check_error(&error_line(&error), want, command),
                    Ok(reply) => panic!("{protocol} {command}: {} and no error", show(&reply)),
                }
                continue;
            }
            let want: Vec<String> = want.split(' ').map(expand).collect();
            match got {
                Ok(reply) => assert_eq!(show(&reply), want.join(" "), "{protocol} {command}"),
                Err(error) => panic!("{protocol} {command}: {}", error_line(&error)),
            }
        }
    }
}

/// Expands `@word`, alone or in brackets, to the message.
fn expand(word: &str) -> String {
    let open = word.len() - word.trim_start_matches('[').len();
    let close = word.trim_end_matches(']').len();
    match word.get(open..close).and_then(|w| w.strip_prefix('@')) {
        Some(kind) => format!("{}{}{}", &word[..open], message(kind, 0), &word[close..]),
        None => word.to_string(),
    }
}

/// Whether the error begins with the code and contains all words, ignoring case. Of alternatives `a|b` one is enough.
pub fn is_error(error: &str, want: &str) -> bool {
    let (code, words) = want.split_once(' ').unwrap_or((want, ""));
    let lower = error.to_lowercase();
    let mentioned = |word: &str| word.split('|').any(|w| lower.contains(&w.to_lowercase()));
    error.split(' ').next() == Some(code) && words.split_whitespace().all(mentioned)
}

pub fn check_error(error: &str, want: &str, of: &str) {
    assert!(
        is_error(error, want),
        "{of}\n   want {want}\n   got  {error}"
    );
}

/// A reply as one line: `nil`, numbers, strings, `[a b]`. A map is shown as alternating keys and values.
pub fn show(value: &Value) -> String {
    let list = |values: Vec<&Value>| {
        let shown: Vec<String> = values.into_iter().map(show).collect();
        format!("[{}]", shown.join(" "))
    };
    match value {
        Value::Nil => "nil".into(),
        Value::Array(values) | Value::Set(values) => list(values.iter().collect()),
        Value::Map(pairs) => list(pairs.iter().flat_map(|(k, v)| [k, v]).collect()),
        other => String::from_utf8_lossy(&bytes(other)).into_owned(),
    }
}

/// A field of `CONV.INFO`.
pub fn field(con: &mut Connection, key: &str, name: &str) -> String {
    show(&map(&cmd!(*con, "CONV.INFO", key))[name])
}

/// The reply of CONV.RECENT as one line: the numbers of the messages (`S` for the summary), a bar, then tokens,
/// window, number of skipped messages, and those of `summary`, `elided`, `over` that are 1: `1 S 4 5
///
/// 38 4-5 -2 summary`. Reads in all formats and both protocol versions, which must agree.
pub fn recent(two: &mut Connection, three: &mut Connection, key: &str, args: &str) -> String {
    let mut ask = |resp3: bool, more: &str| {
        let con: &mut Connection = if resp3 { &mut *three } else { &mut *two };
        let command = format!("CONV.RECENT {key} {args} {more}");
        line(con, &command).unwrap_or_else(|e| panic!("{command}: {}", error_line(&e)))
    };
    let list = ask(false, "");
    let with_info = ask(false, "WITHINFO");
    let others = [
        ask(true, "format list withinfo"),
        ask(true, "WithInfo Format Json"),
        ask(false, "FORMAT MSGPACK WITHINFO"),
    ];
    if list == Value::Nil {
        for reply in others.iter().chain([&with_info]) {
            assert_eq!(*reply, Value::Nil, "RECENT {args}");
        }
        return "nil".into();
    }
    let messages = strings(&list);
    let parsed: Vec<serde_json::Value> = messages
        .iter()
        .map(|m| serde_json::from_slice(m).expect("a message in JSON"))
        .collect();
    let info = map(&with_info);
    assert_eq!(info["messages"], list, "RECENT {args}");
    assert_eq!(info.len(), 15, "{info:?}");
    for reply in &others {
        let same = map(reply);
        for (name, value) in &info {
            if name != "messages" {
                assert_eq!(&same[name], value, "RECENT {args}: {name}");
            }
        }
    }
    assert_eq!(map(&others[0])["messages"], list, "RECENT {args}");
    let json: Vec<serde_json::Value> =
        serde_json::from_slice(&bytes(&map(&others[1])["messages"])).expect("a JSON array");
    assert_eq!(json, parsed, "RECENT {args} FORMAT JSON");
    let packed: Vec<serde_json::Value> =
        rmp_serde::from_slice(&bytes(&map(&others[2])["messages"])).expect("MessagePack");
    assert_eq!(packed, parsed, "RECENT {args} FORMAT MSGPACK");

    let numbers: Vec<String> = parsed
        .iter()
        .map(|m| match (&m["n"], &m["data"]["n"]) {
            (serde_json::Value::Number(n), _) | (_, serde_json::Value::Number(n)) => n.to_string(),
            _ => "S".into(),
        })
        .collect();
    let of = |name: &str| int(&info[name]);
    let mut line = format!(
        "{} | {} {}-{} -{}",
        numbers.join(" "),
        of("tokens"),
        of("first"),
        of("last"),
        of("skipped")
    );
    for flag in ["summary", "elided", "over"] {
        match of(flag) {
            0 => {}
            1 => line.push_str(&format!(" {flag}")),
            other => panic!("{flag} is {other}"),
        }
    }
    line.trim_start().to_string()
}
