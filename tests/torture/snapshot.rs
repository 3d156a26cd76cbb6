//! Reads everything that a server reports about its conversations, for comparison between servers or over time.

use redis::{Connection, Value};

use crate::support::*;

/// A message as reported by a server.
#[derive(Debug, Clone)]
pub struct Got {
    pub seq: i64,
    pub time: i64,
    pub tokens: i64,
    pub bytes: Vec<u8>,
}

/// All keys, sorted.
pub fn keys(con: &mut Connection) -> Vec<String> {
    let mut keys: Vec<String> = items(&cmd!(*con, "KEYS", "*")).iter().map(text).collect();
    keys.retain(|key| key != crate::writers::CONTROL);
    keys.sort();
    keys
}

/// Number of messages requested with one command.
const ASKED: i64 = 500;

/// All messages of a conversation, oldest first.
pub fn messages(con: &mut Connection, key: &str) -> Vec<Got> {
    // Makes the server count all pending messages, those that a summary covers as well.
    cmd!(
        *con,
        "CONV.RECENT",
        key,
        999_999_999_999_i64,
        "ANY",
        "NOSUMMARY"
    );
    let info = cmd!(*con, "CONV.INFO", key);
    if info == Value::Nil {
        return Vec::new();
    }
    let info = map(&info);
    let (first, last) = (int(&info["first"]), int(&info["last"]));
    let mut messages = Vec::new();
    for from in (first..=last).step_by(ASKED as usize) {
        let seqs: Vec<i64> = (from..=last.min(from + ASKED - 1)).collect();
        let reply = cmd!(*con, "CONV.GET", key, &seqs[..], "WITHINFO");
        for message in items(&reply).iter().filter(|m| **m != Value::Nil) {
            let fields = map(message);
            messages.push(Got {
                seq: int(&fields["seq"]),
                time: int(&fields["time"]),
                tokens: int(&fields["tokens"]),
                bytes: bytes(&fields["message"]),
            });
        }
    }
    messages
}

/// Everything that a client can read of a conversation, as commands with their replies.
pub fn view(con: &mut Connection, key: &str) -> Vec<(String, Value)> {
    let mut asked: Vec<Vec<&str>> = vec![
        // Must be first: they make the server count all pending messages, and the summary.
        vec![
            "CONV.RECENT",
            key,
            "999999999999",
            "ANY",
            "NOSUMMARY",
            "WITHINFO",
        ],
        vec!["CONV.RECENT", key, "999999999999", "ANY", "WITHINFO"],
        vec!["DEBUG", "DIGEST-VALUE", key],
        vec!["TYPE", key],
        vec!["PEXPIRETIME", key],
        vec!["CONV.LEN", key],
        vec!["CONV.SUMMARY", key, "WITHINFO"],
        vec!["CONV.RANGE", key, "0", "-1"],
    ];
    let options: [&[&str]; 7] = [
        &[],
        &["ANY", "START", "USER", "OVERSIZE", "KEEP"],
        &["ANY", "NOSUMMARY", "STEP", "64"],
        &["ANY", "CLEAR", "2"],
        &[
            "ANY", "CLEAR", "1", "ABOVE", "100", "STEP", "64", "OVERSIZE", "CUT",
        ],
        &["ANY", "NOSYSTEM", "MESSAGES", "3"],
        &["ANY", "FORMAT", "JSON"],
    ];
    for budget in ["40", "300", "4000"] {
        for options in options {
            asked.push([&["CONV.RECENT", key, budget, "WITHINFO"], options].concat());
        }
    }
    asked.push(vec!["CONV.INFO", key]);
    let mut pipe = redis::pipe();
    for words in &asked {
        let command = pipe.cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(word);
        });
    }
    let replies: Vec<Value> = pipe.query(con).expect("replies");
    let mut view: Vec<(String, Value)> = asked
        .iter()
        .map(|words| words.join(" "))
        .zip(replies)
        .collect();
    if let Some((_, Value::Array(info))) = view.last_mut() {
        // The layout in memory may differ.
        let physical = ["bytes-stored", "segments"];
        *info = info
            .chunks(2)
            .filter(|pair| !physical.contains(&&*text(&pair[0])))
            .flatten()
            .cloned()
            .collect();
    }
    let all = messages(con, key);
    view.push((
        format!("CONV.GET {key} WITHINFO"),
        Value::SimpleString(format!("{all:?}")),
    ));
    view
}

/// The differences between two servers, one line per conversation.
pub fn differences(one: &mut Connection, other: &mut Connection, when: &str) -> Vec<String> {
    let (here, there) = (keys(one), keys(other));
    if here != there {
        let only = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|key| !b.contains(key)).cloned().collect()
        };
        return vec![format!(
            "{when}: only here {:?}, only there {:?}",
            only(&here, &there),
            only(&there, &here)
        )];
    }
    let short = |value: &Value| format!("{value:?}").chars().take(300).collect::<String>();
    let differs = |key: &String| {
        let (here, there) = (view(one, key), view(other, key));
        let ((what, a), (_, b)) = here.iter().zip(&there).find(|(a, b)| a != b)?;
        Some(format!("{when}: {what}: {} and {}", short(a), short(b)))
    };
    here.iter().filter_map(differs).collect()
}

/// The digests of all keys.
pub fn digests(con: &mut Connection) -> Vec<(String, String)> {
    keys(con)
        .into_iter()
        .map(|key| {
            let digest = digest(con, &key);
            (key, digest)
        })
        .collect()
}
