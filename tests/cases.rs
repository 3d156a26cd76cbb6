//! What is read in the messages of each framework: one file in `tests/cases` for each form, a few messages in each.
//!
//! A file has `messages`, and for each message an entry in `expect`:
//!
//! | field | meaning |
//! |---|---|
//! | `class`, `role` | what the role means, and the word of it that counts |
//! | `texts` | all other strings that count, in any order, besides those of calls |
//! | `calls` | id, name and arguments of each call |
//! | `answers` | the id that each result names, or null |
//! | `media`, `name`, `unread` | media parts; the author's name; whether content counted as JSON text |
//! | `tokens` | T(message) in o200k_base, if it is not what follows from the other fields; an array where several are allowed |
//! | `rejected` | the message is rejected |
//!
//! `CONV_CASES` names another directory of such files.

use std::path::{Path, PathBuf};

use conv::conversation::message::{Class, Counted, Facts, facts, with_message};
use conv::tokens::{Encoding, Rules, Text};
use serde_json::Value;

#[derive(Debug, Default, PartialEq)]
struct Read {
    role: String,
    name: Option<String>,
    texts: Vec<String>,
    calls: Vec<(String, String)>,
    media: u64,
}

fn read(json: &str) -> Read {
    let mut read = Read::default();
    with_message(json.as_bytes(), |message| {
        message.visit_counted(&mut |part| match part {
            Counted::Role(role) => read.role = role.to_owned(),
            Counted::Name(name) => read.name = Some(name.to_owned()),
            Counted::Text(text) => read.texts.push(text.to_owned()),
            Counted::Call(name, arguments) => {
                read.calls.push((name.to_owned(), arguments.to_owned()));
            }
            Counted::Media => read.media += 1,
        });
    })
    .expect("it was read before");
    read.texts.retain(|text| !text.is_empty());
    read.texts.sort();
    read.calls.sort();
    read
}

fn tokens(json: &str) -> u64 {
    let rules = Rules {
        encoding: Encoding::O200K_BASE,
        media_tokens: 85,
        overhead: 3,
        scale: 100,
    };
    with_message(json.as_bytes(), |m| Text::of(m).count(rules).tokens)
        .expect("it was read before")
        .into()
}

/// T(message) of what is expected, by OpenAI's tokenizer.
fn formula(expect: &Value) -> u64 {
    let e = |text: &str| {
        let tokens = tiktoken_rs::o200k_base_singleton().encode_ordinary(text);
        tokens.len() as u64
    };
    let texts = strings(&expect["texts"]);
    let mut sum = 3 + e(expect["role"].as_str().unwrap_or_default());
    sum += texts.iter().map(|text| e(text)).sum::<u64>();
    if let Some(name) = expect["name"].as_str() {
        sum += 1 + e(name);
    }
    for call in expect["calls"].as_array().into_iter().flatten() {
        sum +=
            1 + e(call[1].as_str().unwrap_or_default()) + e(call[2].as_str().unwrap_or_default());
    }
    sum + 85 * expect["media"].as_u64().unwrap_or_default()
}

fn strings(list: &Value) -> Vec<String> {
    let mut strings: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| s.as_str().unwrap_or_default().to_owned())
        .collect();
    strings.sort();
    strings
}

/// Ids of calls and results that are not both in the message, sorted; no id is "".
fn open_ids(expect: &Value) -> (Vec<String>, Vec<String>) {
    let calls = expect["calls"].as_array().into_iter().flatten();
    let calls: Vec<String> = calls
        .map(|call| call[0].as_str().unwrap_or_default().to_owned())
        .collect();
    let mut results = strings(&expect["answers"]);
    let mut open = Vec::new();
    for id in calls {
        match results.iter().position(|other| *other == id) {
            Some(at) => {
                results.remove(at);
            }
            None => open.push(id),
        }
    }
    open.sort();
    (open, results)
}

fn class(facts: &Facts, expect: &Value) -> &'static str {
    match facts.class {
        Class::System => "system",
        Class::Assistant => "assistant",
        Class::Tool => "tool",
        // A user message that holds results is as good as one of role tool, unless it turns out to be a question.
        Class::User if !facts.results.is_empty() && expect["question"] != true => "tool",
        Class::User => "user",
        Class::Other => "other",
    }
}

fn check(json: &str, expect: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let facts = match facts(json.as_bytes()) {
        Ok(_) if is_rejected(expect) => return vec!["is not rejected".into()],
        Err(_) if is_rejected(expect) => return wrong,
        Err(reason) => return vec![format!("rejected: {}", reason.0)],
        Ok(facts) => facts,
    };
    let mut differs = |what: &str, got: String, want: String| {
        if got != want {
            wrong.push(format!("{what}: {got}, not {want}"));
        }
    };
    let read = read(json);
    let mut want = strings(&expect["texts"]);
    want.retain(|text| !text.is_empty());
    let allowed: Vec<u64> = match &expect["tokens"] {
        Value::Null => vec![formula(expect)],
        Value::Array(list) => list.iter().filter_map(Value::as_u64).collect(),
        one => one.as_u64().into_iter().collect(),
    };
    let got = tokens(json);
    if !allowed.contains(&got) {
        differs("tokens", got.to_string(), format!("{allowed:?}"));
    }
    if allowed.first() == Some(&got) || allowed.is_empty() {
        differs("texts", format!("{:?}", read.texts), format!("{want:?}"));
    }
    differs(
        "class",
        class(&facts, expect).into(),
        expect["class"].as_str().unwrap_or("other").into(),
    );
    differs(
        "role",
        read.role,
        expect["role"].as_str().unwrap_or_default().into(),
    );
    differs(
        "name",
        format!("{:?}", read.name.as_deref()),
        format!("{:?}", expect["name"].as_str()),
    );
    differs("media", read.media.to_string(), expect["media"].to_string());
    if let Some(unread) = expect["unread"].as_u64() {
        differs(
            "unread",
            u64::from(facts.unread).to_string(),
            unread.to_string(),
        );
    }
    let mut calls: Vec<(String, String)> = expect["calls"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|call| {
            let word = |i: usize| call[i].as_str().unwrap_or_default().to_owned();
            (word(1), word(2))
        })
        .collect();
    calls.sort();
    differs("calls", format!("{:?}", read.calls), format!("{calls:?}"));
    let (open, results) = open_ids(expect);
    let ids = |ids: Vec<&Option<Box<str>>>| {
        let mut ids: Vec<String> = ids
            .into_iter()
            .map(|id| id.as_deref().unwrap_or_default().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let calls = ids(facts.calls.iter().map(|call| &call.id).collect());
    // A hosted tool's call opens nothing.
    let hosted = facts.call_item && open.iter().all(String::is_empty);
    let open: Vec<String> = match hosted {
        true => Vec::new(),
        false => open,
    };
    differs("open calls", format!("{calls:?}"), format!("{open:?}"));
    let answered = ids(facts.results.iter().map(|result| &result.id).collect());
    differs("results", format!("{answered:?}"), format!("{results:?}"));
    wrong
}

fn is_rejected(expect: &Value) -> bool {
    expect["rejected"] == true || expect["refused"] == true
}

/// The messages of a file, as they stand there: one on each line.
fn messages(text: &str) -> Vec<String> {
    let mut lines = text
        .lines()
        .skip_while(|line| !line.contains("\"messages\""));
    lines.next();
    lines
        .take_while(|line| !line.trim_start().starts_with(']'))
        .map(|line| line.trim().trim_end_matches(',').to_owned())
        .collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("a directory of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    files
}

#[test]
fn frameworks_are_read_as_they_write() {
    let mut dirs = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")];
    dirs.extend(std::env::var_os("CONV_CASES").map(PathBuf::from));
    let mut failed = Vec::new();
    for path in dirs.iter().flat_map(|dir| files(dir)) {
        let text = std::fs::read_to_string(&path).expect("a file");
        let case: Value = serde_json::from_str(&text).expect("JSON");
        let expect = case["expect"].as_array().expect("an array");
        let messages = messages(&text);
        assert_eq!(messages.len(), expect.len(), "{}", path.display());
        for (json, expect) in messages.iter().zip(expect) {
            for wrong in check(json, expect) {
                failed.push(format!("{}\n  {json}\n    {wrong}", path.display()));
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
