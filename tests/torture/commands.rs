//! Scenario: eight concurrent clients send valid, almost valid and invalid commands, directly, in MULTI and from Lua,
//! while the server is reloaded and its AOF rewritten. The server must not crash, every error must have a code,
//! rejected commands must change nothing, the data must be consistent (also after loading the AOF), and all memory
//! must be released.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use redis::{Connection, Value};

use crate::grammar::{self, Command};
use crate::payloads::prompt;
use crate::plan::{Plan, Tally};
use crate::support::sound::unsound;
use crate::support::*;

const CLIENTS: usize = 8;

/// Commands per pipeline.
const BATCH: usize = 40;

/// Memory that may remain in use after all keys are gone: buffers of the message parser, which keeps those of messages
/// up to 1 MB, and buffers of Redis. The limit does not depend on the duration, because a leak grows with it.
const SLACK: i64 = 4 << 20;

/// Runs the command given in ARGV.
const LUA: &str = "local reply = redis.pcall(unpack(ARGV))
if type(reply) == 'table' and reply.err then return redis.error_reply(reply.err) end
return reply";

pub fn commands(plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let mut server = Server::with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let start = warm(&server);
    let mut number = 0;
    // Every half minute all keys are removed, to check that their memory is released.
    while plan.may_continue(number) {
        let seed = plan.seed.wrapping_add(number << 16);
        let over = Duration::from_secs(30).min(plan.time);
        let mut part = Plan::short(over, u64::MAX);
        part.seed = seed;
        let findings = tally.findings.len();
        clients(&server, &part, &mut tally);
        if !server.is_alive() {
            tally.crashed += 1;
            let log: String = server.log().chars().rev().take(6000).collect();
            tally.findings.push(format!(
                "seed {seed}: {}",
                log.chars().rev().collect::<String>()
            ));
            return tally;
        }
        aftermath(&server, start, &mut tally);
        for finding in &mut tally.findings[findings..] {
            *finding = format!("seed {seed}: {finding}");
        }
        number += 1;
    }
    tally
}

/// Any character, chosen often enough that the caches of the tokenizer fill up in the warm-up.
fn character(rng: &mut Rng) -> char {
    let most = *rng
        .choice(&[0x80, 0x80, 0x800, 0x1_0000, 0x11_0000])
        .unwrap();
    char::from_u32(rng.usize(..most) as u32).unwrap_or(' ')
}

fn warm(server: &Server) -> i64 {
    let mut con = server.conn();
    let mut rng = Rng::with_seed(1);
    for encoding in ["o200k_base", "cl100k_base", "p50k_base", "r50k_base"] {
        for _ in 0..20 {
            let text: String = (0..20_000).map(|_| character(&mut rng)).collect();
            cmd!(con, "CONV.TOKENS", text, "ENCODING", encoding);
        }
    }
    used(&mut con)
}

/// Runs all clients until the time is over.
fn clients(server: &Server, plan: &Plan, tally: &mut Tally) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let con = if n % 2 == 0 {
                    server.conn()
                } else {
                    server.conn3()
                };
                scope.spawn(move || client(con, n, plan))
            })
            .collect();
        let (done, mut con) = (&done, server.conn());
        scope.spawn(move || {
            let mut rng = Rng::with_seed(plan.seed);
            while !done.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(300));
                release(&mut con);
                // Either fails while the other is running.
                let _ = match rng.usize(..3) {
                    0 => try_cmd!(con, "BGREWRITEAOF"),
                    1 => try_cmd!(con, "DEBUG", "RELOAD"),
                    _ => try_cmd!(con, "DEBUG", "JMAP"),
                };
            }
        });
        for client in clients {
            match client.join() {
                Ok(found) => tally.add(found),
                Err(_) => tally.findings.push("a client panicked".into()),
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Unblocks clients periodically: a random RECENT WAIT may ask to wait for years.
fn release(con: &mut Connection) {
    let list = text(&cmd!(*con, "CLIENT", "LIST"));
    for line in list.lines() {
        let field = |name: &str| {
            let mut fields = line.split(' ').filter_map(|field| field.split_once('='));
            fields
                .find(|(field, _)| *field == name)
                .map(|(_, value)| value)
        };
        let waits = field("flags").is_some_and(|flags| flags.contains('b'));
        let long = field("idle").and_then(|idle| idle.parse::<u32>().ok()) >= Some(2);
        if let (true, true, Some(id)) = (waits, long, field("id")) {
            let _ = try_cmd!(*con, "CLIENT", "UNBLOCK", id);
        }
    }
}

/// A client with its own keys, some of which hold other types.
fn client(mut con: Connection, n: usize, plan: &Plan) -> Tally {
    let mut tally = Tally::default();
    let mut rng = Rng::with_seed(plan.seed.wrapping_add(n as u64 + 1));
    // Repeating the number keeps a flipped bit from producing the key of another client.
    let keys: Vec<String> = (0..4).map(|i| format!("{n}{n}{n}:{i}")).collect();
    let mut round = 0;
    while plan.may_continue(round) {
        if let Err(e) = batch(&mut con, &mut rng, &keys, &mut tally) {
            tally
                .findings
                .push(format!("client {n}, round {round}: {e}"));
            return tally;
        }
        round += 1;
    }
    tally
}

/// Redis commands that change keys.
fn other(rng: &mut Rng, keys: &[String]) -> Command {
    let (a, b) = (&**rng.choice(keys).unwrap(), &**rng.choice(keys).unwrap());
    let args: &[&str] = match rng.usize(..12) {
        0 => &["SET", a, "x"],
        1 => &["RPUSH", a, "x"],
        2 => &["DEL", a],
        3 => &["UNLINK", a],
        4 => &["RENAME", a, b],
        5 => &["COPY", a, b, "REPLACE"],
        6 => &["OBJECT", "FREQ", a],
        7 => &["MEMORY", "USAGE", a],
        8 => &["DUMP", a],
        9 => &["TYPE", a],
        10 => &["EXPIRE", a, "100"],
        _ => &["GETSET", a, "y"],
    };
    args.iter().map(|arg| arg.as_bytes().to_vec()).collect()
}

/// Sends commands, and checks all keys of the client after each one.
fn batch(
    con: &mut Connection,
    rng: &mut Rng,
    keys: &[String],
    tally: &mut Tally,
) -> redis::RedisResult<()> {
    let word = |word: &str| word.as_bytes().to_vec();
    let state: Vec<Command> = keys
        .iter()
        .map(|key| vec![word("PERSIST"), key.clone().into()])
        .chain(
            keys.iter()
                .map(|key| vec![word("CONV.INFO"), key.clone().into()]),
        )
        .chain([[word("DEBUG"), word("DIGEST-VALUE")]
            .into_iter()
            .chain(keys.iter().map(|k| k.clone().into()))
            .collect()])
        .collect();
    let mut sent = state.clone();
    let mut asked = Vec::new();
    for _ in 0..BATCH {
        let command = match rng.usize(..12) {
            0 => other(rng, keys),
            _ => grammar::command(rng, keys),
        };
        let begin = sent.len();
        match rng.usize(..12) {
            0 => {
                sent.push(vec![word("MULTI")]);
                sent.push(command.clone());
                sent.push(vec![word("EXEC")]);
            }
            1 => sent.push(
                [word("EVAL"), word(LUA), word("0")]
                    .into_iter()
                    .chain(command.iter().cloned())
                    .collect(),
            ),
            _ => sent.push(command.clone()),
        }
        asked.push((command, begin, sent.len()));
        sent.extend(state.iter().cloned());
    }
    let replies = pipeline(con, &sent)?;
    let mut before = &replies[..state.len()];
    for (command, begin, end) in &asked {
        tally.faults += 1;
        let errors: Vec<String> = replies[*begin..*end].iter().flat_map(errors_in).collect();
        let after = &replies[*end..end + state.len()];
        let changed = changed(before, after, keys.len());
        if let Some(what) = errors.iter().find_map(|error| wrong_error(error)) {
            tally
                .findings
                .push(format!("{what}, from {}", shown(command)));
        }
        if !errors.is_empty() && changed {
            tally.diverged += 1;
            tally.findings.push(format!(
                "{errors:?}, but the data changed, by {}",
                shown(command)
            ));
        } else if errors.is_empty() && changed {
            tally.acknowledged += 1;
        }
        before = after;
    }
    let kinds: Vec<Command> = keys
        .iter()
        .map(|k| vec![word("TYPE"), k.clone().into()])
        .collect();
    let kinds = pipeline(con, &kinds)?;
    let ours: Vec<&str> = keys
        .iter()
        .zip(&kinds)
        .filter(|(_, kind)| bytes(kind) == b"conv-list")
        .map(|(key, _)| key.as_str())
        .collect();
    if rng.usize(..4) == 0 {
        for (n, what) in unsound(con, &ours, &prompt)? {
            tally.diverged += 1;
            tally.findings.push(format!("{}: {what}", ours[n]));
        }
        // Keeps the conversations small.
        let key = rng.choice(keys).unwrap();
        cmd!(*con, "DEL", key);
    }
    Ok(())
}

/// True if the digest of a key changed between two states. Keys with a limit in tokens are skipped: their older
/// messages are removed when a count arrives, regardless of the command that runs at that time.
fn changed(before: &[Value], after: &[Value], keys: usize) -> bool {
    let limited = |info: &Value| match info {
        Value::Array(_) | Value::Map(_) => map(info)
            .get("max-tokens")
            .is_some_and(|most| int(most) > 0),
        _ => false,
    };
    let digests = |state: &[Value]| match state.last() {
        Some(Value::Array(digests)) => digests.clone(),
        other => vec![other.cloned().unwrap_or(Value::Nil)],
    };
    let infos = before[keys..2 * keys].iter();
    let digests = digests(before).into_iter().zip(digests(after));
    infos
        .zip(digests)
        .any(|(info, (before, after))| before != after && !limited(info))
}

/// The errors in a reply, including those inside the reply of EXEC.
fn errors_in(reply: &Value) -> Vec<String> {
    match reply {
        Value::Array(items) => items.iter().flat_map(errors_in).collect(),
        other => error_in(other).into_iter().collect(),
    }
}

/// What is wrong with an error reply: it has no code, or reports a panic.
fn wrong_error(error: &str) -> Option<String> {
    let code = error.split(' ').next().unwrap_or_default();
    let coded = !code.is_empty() && code.bytes().all(|b| b.is_ascii_uppercase());
    (!coded || error.contains("internal error")).then(|| format!("the error {error:?}"))
}

/// A command as printable text.
fn shown(command: &Command) -> String {
    let words = command.iter().map(|arg| {
        let arg: String = arg.escape_ascii().to_string().chars().take(300).collect();
        format!("\"{arg}\"")
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Checks that the data survive a restart from the AOF, and that their memory is released once they are removed.
fn aftermath(server: &Server, start: i64, tally: &mut Tally) {
    let mut con = server.conn();
    let keys = strings(&cmd!(con, "KEYS", "*"));
    for key in &keys {
        let _ = try_cmd!(con, "PERSIST", key);
    }
    settled(&mut con);
    let before: Vec<Value> = keys
        .iter()
        .map(|key| cmd!(con, "DEBUG", "DIGEST-VALUE", key))
        .collect();
    if let Err(e) = try_cmd!(con, "DEBUG", "LOADAOF") {
        tally.findings.push(format!("DEBUG LOADAOF: {e}"));
        return;
    }
    for (key, before) in keys.iter().zip(&before) {
        if cmd!(con, "DEBUG", "DIGEST-VALUE", key) != *before {
            tally.diverged += 1;
            tally.findings.push(format!(
                "{} differs after loading the AOF",
                key.escape_ascii()
            ));
        }
    }
    cmd!(con, "FLUSHALL", "SYNC");
    cmd!(con, "SCRIPT", "FLUSH");
    let mut held = 0;
    let back = wait_until(Duration::from_secs(10), || {
        held = used(&mut con);
        held - start < SLACK
    });
    if !back {
        tally.findings.push(format!(
            "memory leak: {start} bytes at the start, {held} after removing all keys: {:?}",
            info(&mut con, "memory")
        ));
    }
    let figures = info(&mut con, "conv");
    for name in [
        "conversations",
        "messages",
        "bytes_raw",
        "bytes_stored",
        "pending",
    ] {
        let figure = &figures[&format!("conv_{name}")];
        if figure != "0" {
            tally
                .findings
                .push(format!("no keys exist, but {name} is {figure}"));
        }
    }
}

#[test]
fn short() {
    let plan = Plan::short(Duration::from_secs(6), 1);
    let tally = commands(&plan);
    tally.assert_clean();
    // At least some commands must succeed.
    assert!(tally.acknowledged > tally.faults / 50, "{tally}");
}
