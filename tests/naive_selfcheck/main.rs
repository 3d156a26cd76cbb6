//! Hand-computed cases that pin how the naive model reads the contract, and a few properties of the model itself.

mod cases;
mod clearing;
mod frameworks;
mod groups;
mod managing;
mod pins;
mod properties;
mod reading;
mod selecting;
mod turns;

use naive::turns::{Kind, group};
use naive::{NaiveLog, NaiveSummary, Oversize, RecentArgs, RecentReply, check_valid_prompt, read};
use naive::{generate, generate_recent};
use proptest::prelude::*;

// ---- a small notation ------------------------------------------------------------------------------------------

/// A result of 20 tokens.
const LONG: &str = "a a a a a a a a a a a a a a a a a a a a";

/// `kind[.ids][=tokens]`, 10 tokens if not given. Chat: u a s d (developer) c (calls) t (tool) F (role function).
/// Anthropic: A (tool_use) R (tool_result). LangChain: lu la ls lc lt. Items: f (function_call) o (its output)
/// x (custom_tool_call) y (its output) r (reasoning) m (assistant message) mu (user message) w (web_search_call)
/// e (mcp_approval_request) E (its response). Without ids: k (chat calls of functions so named) n (result of a function so
/// named). Long results: T (chat) L (Anthropic). Results and text: Q (role user) P (role assistant). S (call and result in one message) p (approval response).
fn json_of(word: &str, n: i64) -> (String, u64) {
    let (word, tokens) = word.split_once('=').unwrap_or((word, "10"));
    let (kind, ids) = word.split_once('.').unwrap_or((word, ""));
    let ids: Vec<String> = ids.chars().map(String::from).collect();
    let one = ids.first().map_or("", |s| s.as_str());
    let each = |f: &dyn Fn(&String) -> String| ids.iter().map(f).collect::<Vec<_>>().join(",");
    let chat = |role: &str| format!(r#"{{"role":"{role}","content":"x","n":{n}}}"#);
    let lang = |kind: &str, more: String| {
        format!(r#"{{"type":"{kind}","data":{{"content":"x","n":{n}{more}}}}}"#)
    };
    let item = |kind: &str, more: String| format!(r#"{{"type":"{kind}","n":{n}{more}}}"#);
    let call_id = format!(r#","call_id":"{one}""#);
    let json = match kind {
        "u" => chat("user"),
        "a" => chat("assistant"),
        "s" => chat("system"),
        "d" => chat("developer"),
        "F" => chat("function"),
        "c" => {
            let calls = each(&|id| {
                format!(
                    r#"{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#
                )
            });
            format!(r#"{{"role":"assistant","content":null,"n":{n},"tool_calls":[{calls}]}}"#)
        }
        "T" => format!(r#"{{"role":"tool","tool_call_id":"{one}","content":"{LONG}","n":{n}}}"#),
        "t" => format!(r#"{{"role":"tool","tool_call_id":"{one}","content":"x","n":{n}}}"#),
        "A" => {
            let blocks =
                each(&|id| format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}"#));
            format!(r#"{{"role":"assistant","n":{n},"content":[{blocks}]}}"#)
        }
        "R" | "L" => {
            let text = if kind == "R" { "x" } else { LONG };
            let blocks = each(&|id| {
                format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"{text}"}}"#)
            });
            format!(r#"{{"role":"user","content":[{blocks}],"n":{n}}}"#)
        }
        "lu" => lang("human", String::new()),
        "la" => lang("ai", String::new()),
        "ls" => lang("system", String::new()),
        "lc" => {
            let calls = each(&|id| format!(r#"{{"name":"f","args":{{}},"id":"{id}"}}"#));
            lang("ai", format!(r#","tool_calls":[{calls}]"#))
        }
        "lt" => lang("tool", format!(r#","tool_call_id":"{one}""#)),
        "f" => item("function_call", call_id + r#","name":"f","arguments":"{}""#),
        "o" => item("function_call_output", call_id + r#","output":"x""#),
        "x" => item("custom_tool_call", call_id + r#","name":"f","input":"x""#),
        "y" => item("custom_tool_call_output", call_id + r#","output":"x""#),
        "r" => item("reasoning", r#","summary":[]"#.into()),
        "m" => item("message", r#","role":"assistant","content":[]"#.into()),
        "mu" => item("message", r#","role":"user","content":[]"#.into()),
        "w" => item("web_search_call", String::new()),
        "e" => item(
            "mcp_approval_request",
            format!(r#","id":"{one}","name":"f","arguments":"{{}}""#),
        ),
        "E" => item(
            "mcp_approval_response",
            format!(r#","approval_request_id":"{one}","approve":true"#),
        ),
        "k" => {
            let calls =
                each(&|name| format!(r#"{{"function":{{"name":"{name}","arguments":{{}}}}}}"#));
            format!(r#"{{"role":"assistant","content":"","n":{n},"tool_calls":[{calls}]}}"#)
        }
        "n" if one.is_empty() => format!(r#"{{"role":"tool","content":"x","n":{n}}}"#),
        "n" => format!(r#"{{"role":"tool","tool_name":"{one}","content":"x","n":{n}}}"#),
        "Q" | "P" => {
            let role = if kind == "Q" { "user" } else { "assistant" };
            let blocks = each(&|id| {
                format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"x"}}"#)
            });
            let text = r#"{"type":"text","text":"and"}"#;
            format!(r#"{{"role":"{role}","n":{n},"content":[{blocks},{text}]}}"#)
        }
        "S" => format!(
            r#"{{"role":"assistant","n":{n},"content":[{{"type":"server_tool_use","id":"{one}","name":"f","input":{{}}}},{{"type":"web_search_tool_result","tool_use_id":"{one}","content":[]}}]}}"#
        ),
        "p" => format!(
            r#"{{"role":"tool","n":{n},"content":[{{"type":"tool-approval-response","approvalId":"p","approved":true}}]}}"#
        ),
        _ => panic!("{word}"),
    };
    (json, tokens.parse().unwrap())
}

fn log(words: &str) -> NaiveLog {
    let mut log = NaiveLog::default();
    for word in words.split_whitespace() {
        let (json, tokens) = json_of(word, log.next_seq);
        log.append(&json, tokens);
    }
    log
}

/// The log with a summary, pins, or as one whose older messages are in a database.
trait With: Sized {
    fn summary(self, tokens: u64, upto: impl Into<Option<i64>>) -> Self;
    fn pinned(self, seqs: &[i64]) -> Self;
    fn incomplete(self) -> Self;
}

impl With for NaiveLog {
    fn summary(mut self, tokens: u64, upto: impl Into<Option<i64>>) -> Self {
        self.summary = Some(NaiveSummary {
            text: "sum".into(),
            upto: upto.into(),
            set: Some(tokens),
        });
        self
    }

    fn pinned(mut self, seqs: &[i64]) -> Self {
        self.pin(seqs, true);
        self
    }

    fn incomplete(mut self) -> Self {
        self.complete = false;
        self
    }
}

/// `33 user keep cut step=5 n=2 clear=1 above=50 nosystem nosummary nopins rev any`
fn args(words: &str) -> RecentArgs {
    let mut words = words.split_whitespace();
    let mut a = RecentArgs {
        max_tokens: words.next().unwrap().parse().unwrap(),
        ..Default::default()
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("user", _) => a.start_user = true,
            ("keep", _) => a.oversize = Oversize::Keep,
            ("cut", _) => a.oversize = Oversize::Cut,
            ("nosystem", _) => a.no_system = true,
            ("nosummary", _) => a.no_summary = true,
            ("any", _) => a.any = true,
            ("n", n) => a.messages = Some(n.parse().unwrap()),
            ("nopins", _) => a.no_pins = true,
            ("rev", _) => a.rev = true,
            ("clear", n) => a.clear = Some(n.parse().unwrap()),
            ("above", n) => a.above = Some(n.parse().unwrap()),
            ("step", n) => a.step = Some(n.parse().unwrap()),
            _ => panic!("{word}"),
        }
    }
    a
}

/// Sequence numbers of the reply, `e` after those that come back edited, `c` after those with emptied results, S for the
/// summary, then the flags.
fn show(log: &NaiveLog, r: &RecentReply) -> String {
    let seq = |json: &String| {
        log.messages.iter().find_map(|m| {
            let edited = || read(&m.json).unwrap().edited(&m.json) == *json;
            match m.json == *json {
                true => Some(m.seq.to_string()),
                false if edited() => Some(format!("{}e", m.seq)),
                false => {
                    let n = |json: &str| json.rsplit("\"n\":").next().map(str::to_string);
                    (n(&m.json) == n(json)).then(|| format!("{}c", m.seq))
                }
            }
        })
    };
    let mut words: Vec<String> = r
        .messages
        .iter()
        .map(|m| seq(m).unwrap_or_else(|| "S".into()))
        .collect();
    words.extend(r.elided.then(|| "elided".into()));
    words.extend(r.over.then(|| "over".into()));
    words.join(" ")
}

fn recent(log: &NaiveLog, a: &str) -> String {
    log.recent(&args(a))
        .map_or("miss".into(), |r| show(log, &r))
}

/// tokens, first, last, skipped
fn info(log: &NaiveLog, a: &str) -> (i64, i64, i64, i64) {
    let r = log.recent(&args(a)).unwrap();
    (r.tokens, r.first, r.last, r.skipped)
}

fn all(words: &str) -> String {
    recent(&log(words), "100000")
}

fn held(log: &NaiveLog) -> String {
    log.messages
        .iter()
        .map(|m| m.seq.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Checks many `(words, expected)` of a function.
fn table(f: impl Fn(&str) -> String, cases: &[(&str, &str)]) {
    for (words, expected) in cases {
        assert_eq!(f(words), *expected, "{words}");
    }
}
