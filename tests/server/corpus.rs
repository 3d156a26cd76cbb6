//! Appends real conversations (if `CONV_CORPUS` names a directory) and a few small ones message by message, and reads
//! them at several budgets. Every reply must be within its budget, recounted with tiktoken-rs; it must be a valid
//! prompt of maximum length; and every message must come back byte for byte.

use std::collections::HashMap;

use naive::{check_valid_prompt, read};

use crate::notation::{chat, message};
use crate::support::{Server, cmd, corpus, int, map, strings};

type Conversations = Vec<Vec<Vec<u8>>>;

const BUDGETS: [i64; 4] = [100, 1000, 3000, 8000];

/// Recounts T(message) from the message text that the naive model extracts.
#[derive(Default)]
struct Recount {
    /// Caches counts by text, because most texts occur at every budget.
    known: HashMap<Vec<u8>, i64>,
}

impl Recount {
    fn tokens(&mut self, message: &[u8]) -> i64 {
        if let Some(tokens) = self.known.get(message) {
            return *tokens;
        }
        let read = read(std::str::from_utf8(message).unwrap()).unwrap();
        let texts: i64 = read
            .counted
            .iter()
            .map(|text| crate::notation::e(text))
            .sum();
        let tokens = texts + i64::try_from(read.fixed + 85 * read.media).unwrap();
        self.known.insert(message.to_vec(), tokens);
        tokens
    }
}

/// One conversation with tool turns per dialect, long enough for the larger budgets to matter.
fn own() -> Conversations {
    let words = |n: usize| "ein paar Wörter, 一些词语, несколько слов 🙂 ".repeat(n % 29);
    let long = |turn: &[&str]| {
        let mut all = vec![message("s", 0).into_bytes()];
        for n in 0..120 {
            all.push(chat("user", &words(n)).into_bytes());
            // Each turn needs its own ids.
            let of =
                |word: &&str| message(word, n + 1).replace(r#"id":"a""#, &format!(r#"id":"a{n}""#));
            all.extend(turn.iter().map(|word| of(word).into_bytes()));
            all.push(chat("assistant", &words(n * 7)).into_bytes());
        }
        all
    };
    vec![
        long(&[]),
        long(&["c.a", "t.a"]),
        long(&["c.ab", "t.b", "t.x", "t.a"]),
        long(&["A.ab", "R.ab"]),
        long(&["lc.a", "lt.a"]),
        long(&["r", "f.a", "m", "o.a"]),
        long(&["c.ab", "t.b"]),
        vec![],
        vec![message("u", 0).into_bytes()],
    ]
}

fn check(conversations: &Conversations, name: &str) {
    let server = Server::start();
    let mut con = server.conn();
    let mut recount = Recount::default();
    for (batch, some) in conversations.chunks(100).enumerate() {
        let key = |i: usize| format!("{name}:{}", batch * 100 + i);
        let mut pipeline = redis::pipe();
        for (i, messages) in some.iter().enumerate() {
            for message in messages {
                pipeline.cmd("CONV.APPEND").arg(key(i)).arg(message);
            }
        }
        let replies: Vec<i64> = pipeline.query(&mut con).unwrap();
        let numbers: Vec<i64> = some.iter().flat_map(|m| 1..=m.len() as i64).collect();
        assert!(replies == numbers, "{name}: sequence numbers");

        for (i, messages) in some.iter().enumerate() {
            let held = strings(&cmd!(con, "CONV.RANGE", key(i), 0, -1));
            assert!(held == *messages, "{}: not byte for byte", key(i));
            if messages.is_empty() {
                continue;
            }
            for budget in BUDGETS {
                let reply = map(&cmd!(con, "CONV.RECENT", key(i), budget, "WITHINFO"));
                let got = strings(&reply["messages"]);
                let sum: i64 = got.iter().map(|m| recount.tokens(m)).sum();
                let tokens = if got.is_empty() { 0 } else { 3 + sum };
                assert!(tokens <= budget, "{} at {budget}: {tokens}", key(i));
                assert_eq!(int(&reply["tokens"]), tokens, "{} at {budget}", key(i));
                let texts: Vec<String> = got
                    .iter()
                    .map(|m| String::from_utf8(m.clone()).unwrap())
                    .collect();
                if let Err(wrong) = check_valid_prompt(&texts) {
                    panic!("{} at {budget}: {wrong}", key(i));
                }
                if let Some(want) = plain_window(messages, budget, &mut recount) {
                    assert!(
                        got == want,
                        "{} at {budget}: not the longest window",
                        key(i)
                    );
                }
            }
        }
    }
}

/// The expected window of a conversation without tool calls and results: system messages, if they fit, and the newest
/// other messages that do.
fn plain_window(messages: &[Vec<u8>], budget: i64, recount: &mut Recount) -> Option<Vec<Vec<u8>>> {
    let read: Vec<_> = messages
        .iter()
        .map(|m| read(std::str::from_utf8(m).unwrap()).unwrap())
        .collect();
    if read
        .iter()
        .any(|m| !m.results.is_empty() || !m.calls.is_empty() || m.is_reasoning)
    {
        return None;
    }
    let leading = read.iter().take_while(|m| m.is_system()).count();
    let (system, others) = messages.split_at(leading);
    let mut left = budget - 3;
    let cost: i64 = system.iter().map(|m| recount.tokens(m)).sum();
    let mut window = Vec::new();
    if cost <= left {
        left -= cost;
        window.extend(system.iter().cloned());
    }
    let fit = others.iter().rev().take_while(|m| {
        left -= recount.tokens(m);
        left >= 0
    });
    let start = others.len() - fit.count();
    window.extend(others[start..].iter().cloned());
    Some(window)
}

#[test]
fn small_conversations_of_every_dialect() {
    check(&own(), "own");
}

#[test]
fn conversations_of_the_corpus() {
    for (name, conversations) in corpus().unwrap_or_default() {
        check(&conversations, &name);
    }
}
