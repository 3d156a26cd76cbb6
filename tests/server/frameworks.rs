//! The messages in `tests/frameworks/fixtures`, as LLM frameworks serialise them: what each counts, and that no budget
//! and no retention separates a tool call from its result.
//!
//! `expect` in a fixture is written by hand, see `tests/frameworks/README.md`. Everything that is compared with the
//! module follows from it alone.

use std::fs;
use std::path::Path;

use redis::{Connection, Value};

use crate::notation::{check_error, counted, e};
use crate::support::{Server, bytes, cmd, err, int, items, map, pipeline, strings, try_cmd};

/// What a reply costs on top of its messages.
const REPLY_TOKENS: i64 = 3;
const RETENTION: usize = 3;

/// A serialised conversation, without the messages that are rejected.
struct Fixture {
    name: String,
    texts: Vec<String>,
    expect: Vec<serde_json::Value>,
    rejected: Vec<String>,
    /// Messages that belong together without a call, such as reasoning items.
    also: Vec<Vec<usize>>,
}

fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A string; null counts as the empty string.
fn word(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fixtures() -> Vec<Fixture> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frameworks/fixtures");
    let mut paths: Vec<_> = fs::read_dir(dir)
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| fixture(path)).collect()
}

fn fixture(path: &Path) -> Fixture {
    let json = fs::read_to_string(path).expect("a fixture");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let (texts, expect) = (list(&json["messages"]), list(&json["expect"]));
    assert_eq!(texts.len(), expect.len(), "{}", path.display());
    let both = texts.iter().map(|text| word(text).to_string()).zip(expect);
    let (rejected, held): (Vec<_>, Vec<_>) = both.partition(|(_, entry)| entry["rejected"] == true);
    let (texts, expect) = held
        .into_iter()
        .map(|(text, entry)| (text, entry.clone()))
        .unzip();
    let index = |n: &serde_json::Value| usize::try_from(n.as_u64().expect("an index")).unwrap();
    Fixture {
        name: path.file_stem().unwrap().to_string_lossy().into(),
        texts,
        expect,
        rejected: rejected.into_iter().map(|(text, _)| text).collect(),
        also: list(&json["groups"])
            .iter()
            .map(|group| list(group).iter().map(index).collect())
            .collect(),
    }
}

/// T(message) by the formula.
fn formula(expect: &serde_json::Value) -> i64 {
    let mut sum = 3 + e(word(&expect["role"]));
    sum += list(&expect["texts"])
        .iter()
        .map(|text| e(word(text)))
        .sum::<i64>();
    for call in list(&expect["calls"]) {
        sum += e(word(&call[1])) + e(word(&call[2])) + 1;
    }
    if !word(&expect["name"]).is_empty() {
        sum += 1 + e(word(&expect["name"]));
    }
    sum + 85 * expect["media"].as_i64().expect("a number of media parts")
}

/// Indexes of messages with a call and of messages with its result. Pairs by id where the result has one, otherwise
/// the oldest open call without an id, failing that the oldest open call.
fn pairs(expect: &[serde_json::Value]) -> Vec<(usize, usize)> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut found = Vec::new();
    for (index, entry) in expect.iter().enumerate() {
        let calls = list(&entry["calls"]);
        let mut own: Vec<&str> = calls.iter().map(|call| word(&call[0])).collect();
        for id in list(&entry["results"]).iter().map(word) {
            if let Some(at) = own.iter().position(|call| *call == id) {
                own.remove(at); // a call that its own message answers makes no pair
                continue;
            }
            let at = open
                .iter()
                .position(|(_, call)| *call == id)
                .or_else(|| (id.is_empty() && !open.is_empty()).then_some(0));
            let at = at.unwrap_or_else(|| panic!("message {index} has a result of no call"));
            found.push((open.remove(at).0, index));
        }
        // The calls of hosted tools never get a result and open nothing.
        if entry["hosted"] != true {
            open.extend(own.into_iter().map(|id| (index, id)));
        }
    }
    found
}

fn leading_system<'a>(expect: impl IntoIterator<Item = &'a serde_json::Value>) -> usize {
    let system = |entry: &&serde_json::Value| entry["class"] == "system";
    expect.into_iter().take_while(system).count()
}

/// Messages that are returned together, oldest first, without the leading system messages.
fn groups(expect: &[serde_json::Value], also: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut spans = pairs(expect);
    // A group whose end has not been appended yet reaches as far as it goes.
    let whole = also.iter().map(|group| {
        let last = *group.iter().max().expect("a group");
        (*group.iter().min().expect("a group"), last)
    });
    spans.extend(
        whole
            .filter(|(first, _)| *first < expect.len())
            .map(|(first, last)| (first, last.min(expect.len() - 1))),
    );
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in leading_system(expect)..expect.len() {
        let joined = spans.iter().any(|(a, b)| *a < index && index <= *b);
        match groups.last_mut() {
            Some(group) if joined => group.push(index),
            _ => groups.push(vec![index]),
        }
    }
    groups
}

/// The messages that RECENT returns for a budget: the leading system messages if they fit, and the newest groups.
fn window(counts: &[i64], groups: &[Vec<usize>], budget: i64) -> Vec<usize> {
    let cost = |group: &[usize]| group.iter().map(|i| counts[*i]).sum::<i64>();
    let mut left = budget - REPLY_TOKENS;
    let mut chosen: Vec<usize> = (0..groups.first().map_or(counts.len(), |g| g[0])).collect();
    if cost(&chosen) > left {
        chosen.clear();
    }
    left -= cost(&chosen);
    for group in groups.iter().rev() {
        if cost(group) > left {
            break;
        }
        left -= cost(group);
        chosen.extend(group);
    }
    chosen.sort_unstable();
    chosen
}

/// The messages that are held after the newest of `expect` was appended, given those that were held before it.
fn retained(expect: &[serde_json::Value], also: &[Vec<usize>], held: &mut Vec<usize>) {
    held.push(expect.len() - 1);
    let mut groups = groups(expect, also);
    // A reasoning item that nothing follows yet is no group, so the newest group is the one before it.
    let begun = |group: &Vec<usize>| {
        let first = also.iter().map(|also| also[0]);
        group.len() == 1
            && list(&expect[group[0]]["calls"]).is_empty()
            && first.into_iter().any(|first| first == group[0])
    };
    if groups.len() > 1 && groups.last().is_some_and(begun) {
        groups.pop();
    }
    groups.pop(); // the newest group stays
    while held.len() > RETENTION {
        let leading = leading_system(held.iter().map(|i| &expect[*i]));
        let oldest = held.get(leading).copied();
        let Some(group) = groups
            .iter()
            .find(|group| oldest.is_some_and(|i| group.contains(&i)))
        else {
            break;
        };
        held.retain(|i| !group.contains(i));
    }
}

/// Which messages a reply holds. Of equal ones the newest is meant.
fn indexes(texts: &[String], reply: &Value) -> Vec<usize> {
    let mut before = texts.len();
    let mut found: Vec<usize> = strings(reply)
        .iter()
        .rev()
        .map(|text| {
            before = texts[..before]
                .iter()
                .rposition(|own| own.as_bytes() == text)
                .expect("a message that was appended, byte for byte, in order");
            before
        })
        .collect();
    found.reverse();
    found
}

/// Appends the messages and compares their counts. Returns the counts.
fn check_counts(con: &mut Connection, fixture: &Fixture, failed: &mut Vec<String>) -> Vec<i64> {
    let name = &fixture.name;
    for text in &fixture.rejected {
        let error = err(try_cmd!(*con, "CONV.APPEND", name, text));
        check_error(&error, "BADMSG", name);
    }
    for (text, seq) in fixture.texts.iter().zip(1..) {
        assert_eq!(
            int(&cmd!(*con, "CONV.APPEND", name, text)),
            seq,
            "{name}: {text}"
        );
    }
    counted(con, name);
    let seqs: Vec<usize> = (1..=fixture.texts.len()).collect();
    let reply = cmd!(*con, "CONV.GET", name, &seqs, "WITHINFO");
    let mut counts = Vec::new();
    for ((info, expect), text) in items(&reply)
        .iter()
        .zip(&fixture.expect)
        .zip(&fixture.texts)
    {
        let info = map(info);
        assert_eq!(bytes(&info["message"]), text.as_bytes(), "{name}");
        let (tokens, want) = (int(&info["tokens"]), formula(expect));
        // Where the count is open, it is at least what is listed, and the budgets go by the module's.
        if tokens != want && !(expect["open"] == true && tokens > want) {
            failed.push(format!("{name}: {tokens} tokens, not {want}: {text}"));
        }
        let unread = match expect.get("unread") {
            None => Some(0),
            Some(flag) => flag.as_i64(),
        };
        if unread.is_some_and(|flag| flag != int(&info["unread"])) {
            failed.push(format!("{name}: unread is not {unread:?}: {text}"));
        }
        counts.push(tokens);
    }
    counts
}

fn check_budgets(
    con: &mut Connection,
    fixture: &Fixture,
    counts: &[i64],
    failed: &mut Vec<String>,
) {
    let name = &fixture.name;
    let (pairs, groups) = (
        pairs(&fixture.expect),
        groups(&fixture.expect, &fixture.also),
    );
    let total = REPLY_TOKENS + counts.iter().sum::<i64>();
    let commands: Vec<Vec<String>> = (0..=total)
        .map(|budget| {
            let budget = budget.to_string();
            ["CONV.RECENT", name, &budget, "WITHINFO"]
                .map(String::from)
                .to_vec()
        })
        .collect();
    let replies = pipeline(con, &commands).expect("replies");
    for (reply, budget) in replies.iter().zip(0..) {
        let info = map(reply);
        let returned = indexes(&fixture.texts, &info["messages"]);
        let has = |index: usize| returned.contains(&index);
        let tokens = match returned.len() {
            0 => 0,
            _ => REPLY_TOKENS + returned.iter().map(|i| counts[*i]).sum::<i64>(),
        };
        let torn = pairs
            .iter()
            .find(|(call, result)| has(*call) != has(*result));
        let separated = fixture.also.iter().find(|group| {
            group.iter().any(|index| has(*index)) && !group.iter().all(|index| has(*index))
        });
        let all = (0..counts.len()).collect::<Vec<_>>();
        if tokens > budget || tokens != int(&info["tokens"]) {
            failed.push(format!("{name}, budget {budget}: {tokens} tokens"));
        } else if torn.is_some() || separated.is_some() {
            failed.push(format!(
                "{name}, budget {budget}: torn {torn:?} {separated:?} in {returned:?}"
            ));
        } else if returned != window(counts, &groups, budget) {
            failed.push(format!("{name}, budget {budget}: returned {returned:?}"));
        } else if int(&info["edited"]) != 0 {
            failed.push(format!("{name}, budget {budget}: an edited message"));
        } else if budget == total && returned != all {
            failed.push(format!("{name}: not all at the full budget: {returned:?}"));
        }
    }
}

/// MAXMESSAGES removes whole groups, oldest first, and never a leading system message or the newest group.
fn check_retention(con: &mut Connection, fixture: &Fixture, failed: &mut Vec<String>) {
    let (name, key) = (&fixture.name, "retention");
    cmd!(*con, "DEL", key);
    cmd!(*con, "CONV.CREATE", key, "MAXMESSAGES", RETENTION);
    let pairs = pairs(&fixture.expect);
    let mut want = Vec::new();
    for (index, text) in fixture.texts.iter().enumerate() {
        cmd!(*con, "CONV.APPEND", key, text);
        let held = cmd!(*con, "CONV.RANGE", key, 0, -1);
        let held = indexes(&fixture.texts[..=index], &held);
        retained(&fixture.expect[..=index], &fixture.also, &mut want);
        let torn = pairs
            .iter()
            .filter(|(_, result)| *result <= index)
            .find(|(call, result)| held.contains(call) != held.contains(result));
        if torn.is_some() || held != want {
            failed.push(format!(
                "{name}, after message {index}: torn {torn:?}, held {held:?}, not {want:?}"
            ));
        }
    }
}

#[test]
fn messages_of_frameworks_are_counted_and_never_torn() {
    let server = Server::start();
    let mut con = server.conn();
    let mut failed = Vec::new();
    let fixtures = fixtures();
    assert!(fixtures.len() > 90, "{} fixtures", fixtures.len());
    for fixture in &fixtures {
        let counts = check_counts(&mut con, fixture, &mut failed);
        check_budgets(&mut con, fixture, &counts, &mut failed);
        check_retention(&mut con, fixture, &mut failed);
        cmd!(con, "DEL", &fixture.name);
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
