//! Checks that conversations are consistent, whatever created them: all commands that show them agree, they survive
//! dumping and copying, APPEND accepts every message again, and every command works on them.

use redis::{Connection, Value};

use super::{bytes, error_in, map, pipeline};

/// A check of the messages that RECENT returned.
pub type Prompt<'a> = &'a dyn Fn(&[String]) -> Result<(), String>;

/// Accepts any messages, for callers without a check.
pub const ANY_PROMPT: Prompt<'static> = &|_| Ok(());

/// Maximum number of messages that are checked one by one.
const MOST: i64 = 1000;

/// Options of the RECENT commands to check. The second argument is the budget.
const ASKED: [&[&str]; 4] = [
    &["CONV.RECENT", "1000", "ANY", "WITHINFO"],
    &[
        "CONV.RECENT",
        "60",
        "ANY",
        "WITHINFO",
        "START",
        "USER",
        "MESSAGES",
        "9",
    ],
    &["CONV.RECENT", "200", "ANY", "WITHINFO", "STEP", "7"],
    &[
        "CONV.RECENT",
        "9223372036854775807",
        "ANY",
        "WITHINFO",
        "NOSUMMARY",
    ],
];

/// Commands that change a conversation, applied one after the other. Each may be rejected, but none may fail
/// otherwise.
const WORK: [&[&str]; 9] = [
    &[
        "CONV.APPEND",
        "UNIQUE",
        r#"{"role":"user","content":"go on","id":"a"}"#,
    ],
    &["CONV.SETSUMMARY", "so far", "UPTO", "1"],
    &["CONV.ALTER", "ENCODING", "r50k_base", "MAXMESSAGES", "50"],
    &["CONV.EDIT", "2", r#"{"role":"user","content":"edited"}"#],
    &["CONV.DEL", "1", "3"],
    &[
        "CONV.APPEND",
        r#"{"role":"assistant","tool_calls":[{"id":"a"}]}"#,
    ],
    &["CONV.TRIM", "MAXTOKENS", "40"],
    &["CONV.RANGE", "0", "-1", "FORMAT", "MSGPACK"],
    &["CONV.POP", "2"],
];

/// A command that waits until all messages are counted.
const COUNTED: [&str; 6] = [
    "CONV.RECENT",
    "9223372036854775807",
    "ANY",
    "NOSUMMARY",
    "STEP",
    "1",
];

type Command = Vec<Vec<u8>>;

fn command(args: &[&str], key: &str) -> Command {
    let mut command: Command = args.iter().map(|a| a.as_bytes().to_vec()).collect();
    command.insert(1, key.into());
    command
}

/// Checks the conversations under `keys`. Returns the index of each inconsistent key with a description. Removes the
/// expiry of the keys, because it is part of a digest but not of a payload. Fails only if the connection does.
pub fn unsound(
    con: &mut Connection,
    keys: &[&str],
    prompt: Prompt<'_>,
) -> redis::RedisResult<Vec<(usize, String)>> {
    let seen: [&[&str]; 7] = [
        &["CONV.INFO"],
        &["CONV.LEN"],
        &["CONV.RANGE", "0", "-1"],
        &["DUMP"],
        &["CONV.SUMMARY"],
        &["TYPE"],
        &["CONV.RANGE", "0", "-1", "FORMAT", "JSON"],
    ];
    let mut commands = Vec::new();
    for key in keys {
        commands.push(command(&["PERSIST"], key));
        commands.push(command(&COUNTED, key));
        commands.extend(seen.iter().chain(&ASKED).map(|args| command(args, key)));
        commands.push(command(&["MEMORY", key], "USAGE"));
        commands.push(command(&["DEBUG", key], "DIGEST-VALUE"));
    }
    let per_key = (commands.len() / keys.len().max(1)).max(1);
    let replies = pipeline(con, &commands)?;
    let mut found = Vec::new();
    for (index, (key, shown)) in keys.iter().zip(replies.chunks(per_key)).enumerate() {
        let shown = &shown[2..];
        let checked = agree(shown).and_then(|()| recent(&shown[seen.len()..], prompt));
        let checked = match checked {
            Ok(()) => relive(con, key, shown)?,
            error => error,
        };
        if let Err(what) = checked {
            found.push((index, what));
        }
    }
    Ok(found)
}

fn elements(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(format!("expected an array, got {other:?}")),
    }
}

fn number(reply: &Value, field: &str) -> Result<i64, String> {
    match map(reply).get(field) {
        Some(Value::Int(n)) => Ok(*n),
        other => Err(format!("{field} is {other:?}")),
    }
}

/// Checks that all commands that show the conversation agree.
fn agree(shown: &[Value]) -> Result<(), String> {
    if let Some(error) = shown.iter().find_map(error_in) {
        return Err(error);
    }
    let [info, len, all, _, _, kind, json, ..] = shown else {
        return Err("too few replies".into());
    };
    if bytes(kind) != b"conv-list" {
        return Err(format!("TYPE returned {kind:?}"));
    }
    let all = elements(all)?;
    if number(info, "messages")? != all.len() as i64 || *len != Value::Int(all.len() as i64) {
        return Err(format!(
            "INFO {info:?}, LEN {len:?}, RANGE returned {} messages",
            all.len()
        ));
    }
    let joined = all.iter().map(bytes).collect::<Vec<_>>().join(&b","[..]);
    if bytes(json) != [b"[", &joined[..], b"]"].concat() {
        return Err("RANGE FORMAT JSON differs from RANGE".into());
    }
    let (first, last) = (number(info, "first")?, number(info, "last")?);
    if first > last || last.abs_diff(first) + 1 < all.len() as u64 && !all.is_empty() {
        return Err(format!("first {first}, last {last}, {} held", all.len()));
    }
    Ok(())
}

/// Checks that RECENT stays within its budget and returns a valid prompt.
fn recent(shown: &[Value], prompt: Prompt<'_>) -> Result<(), String> {
    for (asked, reply) in ASKED.iter().zip(shown) {
        let budget: i64 = asked[1].parse().expect("a budget");
        let tokens = number(reply, "tokens")?;
        if tokens > budget || tokens < 0 {
            return Err(format!("{asked:?} returned {tokens} tokens"));
        }
        let reply = map(reply);
        let messages: Vec<String> = elements(&reply["messages"])?
            .iter()
            .map(|m| String::from_utf8(bytes(m)).map_err(|e| e.to_string()))
            .collect::<Result<_, _>>()?;
        prompt(&messages).map_err(|e| format!("{asked:?}: {e}"))?;
    }
    Ok(())
}

/// Checks that a copy of the conversation equals it and can be changed.
fn relive(
    con: &mut Connection,
    key: &str,
    shown: &[Value],
) -> redis::RedisResult<Result<(), String>> {
    let (info, all, dump, recent) = (&shown[0], &shown[2], &shown[3], &shown[7]);
    let original = &shown[shown.len() - 1];
    let again = &*format!("{key}:again");
    let mut commands = vec![
        vec![
            b"RESTORE".to_vec(),
            again.into(),
            b"0".to_vec(),
            bytes(dump),
            b"REPLACE".to_vec(),
        ],
        command(&["DEBUG", again], "DIGEST-VALUE"),
        command(ASKED[0], again),
        command(&["COPY", again, "REPLACE"], key),
        command(&["DEBUG", again], "DIGEST-VALUE"),
    ];
    // APPEND must accept every message again, and the numbers must belong to the messages.
    let (first, last) = (number(info, "first"), number(info, "last"));
    let held: Vec<Vec<u8>> = elements(all)
        .unwrap_or_default()
        .iter()
        .map(bytes)
        .collect();
    let taken = commands.len();
    if !held.is_empty() {
        commands.push(command(&["DEL"], again));
        let mut append = command(&["CONV.APPEND"], again);
        append.extend(held.iter().cloned());
        commands.push(append);
        commands.push(command(&["CONV.RANGE", "0", "-1"], again));
    }
    let numbered = commands.len();
    let seqs = match (first, last) {
        (Ok(first), Ok(last)) if !held.is_empty() && last.abs_diff(first) < MOST as u64 => {
            let mut get = command(&["CONV.GET"], key);
            get.extend((first..=last).map(|seq| seq.to_string().into_bytes()));
            get.push(b"WITHINFO".to_vec());
            commands.push(get);
            true
        }
        _ => false,
    };
    let work = commands.len();
    commands.push(command(&["COPY", again, "REPLACE"], key));
    commands.extend(WORK.iter().map(|args| command(args, again)));
    commands.push(command(&["CONV.INFO"], again));
    commands.push(command(&["CONV.RANGE", "0", "-1"], again));
    commands.push(command(&["UNLINK"], again));
    let replies = pipeline(con, &commands)?;
    let check = || {
        if let Some(error) = replies[..taken].iter().find_map(error_in) {
            return Err(error);
        }
        if number(info, "max-tokens")? > 0 {
            // Retention by tokens removes messages when their counts arrive, which may happen during this check.
            return Ok(());
        }
        for (n, how) in [(1, "restored"), (4, "copied")] {
            if *original != replies[n] {
                let after = &replies[n];
                return Err(format!(
                    "{original:?} became {after:?} after being {how}: {info:?}, {}",
                    bytes(dump).escape_ascii()
                ));
            }
        }
        if *recent != replies[2] {
            return Err("RECENT differs after RESTORE".into());
        }
        if !held.is_empty() {
            if let Some(error) = error_in(&replies[taken + 1]) {
                return Err(format!("APPEND rejects a stored message: {error}"));
            }
            if replies[taken + 2] != *all {
                return Err("the messages differ after they were appended again".into());
            }
        }
        if seqs {
            one_by_one(info, &held, &replies[numbered])?;
        }
        let failed = replies[work..].iter().filter_map(error_in);
        for error in failed {
            let rejections = [
                "ERR no such message",
                "ERR the sequence numbers of this conversation are used up",
            ];
            if !rejections.iter().any(|r| error.starts_with(r)) && !error.starts_with("ERR UPTO") {
                return Err(format!("a command on a copy failed: {error}"));
            }
        }
        let end = replies.len();
        let (info, all) = (&replies[end - 3], &replies[end - 2]);
        if number(info, "messages")? != elements(all)?.len() as i64 {
            return Err("INFO and RANGE disagree after the changes".into());
        }
        Ok(())
    };
    Ok(check())
}

/// Checks that the messages read by number are those of the list, and that their counts add up.
fn one_by_one(info: &Value, held: &[Vec<u8>], numbered: &Value) -> Result<(), String> {
    let (mut tokens, mut pending, mut position) = (0, false, 0);
    for one in elements(numbered)?.iter().filter(|one| **one != Value::Nil) {
        let one = map(one);
        if held.get(position) != Some(&bytes(&one["message"])) {
            return Err(format!(
                "message {position} differs when read by its number"
            ));
        }
        match one["tokens"] {
            Value::Int(n) => tokens += n,
            _ => pending = true,
        }
        position += 1;
    }
    if position != held.len() {
        return Err(format!(
            "only {position} of {} messages are found by number",
            held.len()
        ));
    }
    let total = number(info, "tokens")?;
    if !pending && total != tokens {
        return Err(format!(
            "INFO reports {total} tokens, the messages have {tokens}"
        ));
    }
    Ok(())
}
