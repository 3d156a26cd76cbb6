//! Checks that a rejected command has no side effects on values, expiry, AOF, replication, WATCH and keyspace events.

use redis::{Connection, ConnectionLike, PubSub, RedisResult, Value};

use crate::notation::{counted, fill, is_error, line, message, show};
use crate::support::{Server, cmd, error_line, info, replicate, run};

/// Compares the state of the server before and after a command. Keys: `k` is a conversation, `e` an empty one, `s` a
/// string; `missing` does not exist.
pub struct SideEffectProbe<'a> {
    pub con: Connection,
    watcher: Connection,
    events: PubSub<'a>,
}

const KEYS: [&str; 5] = ["k", "e", "s", "missing", "other"];

impl<'a> SideEffectProbe<'a> {
    fn new(server: &Server, listening: &'a mut Connection) -> Self {
        let mut con = server.conn();
        fill(&mut con, "k", "s u c.a t.a");
        cmd!(
            con,
            "CONV.APPEND",
            "k",
            r#"{"role":"user","content":"some words","id":"a"}"#
        );
        cmd!(con, "CONV.SETSUMMARY", "k", "text", "UPTO", 2);
        cmd!(con, "PEXPIRE", "k", 10_000_000);
        cmd!(con, "CONV.CREATE", "e", "MAXMESSAGES", 3, "TTL", 1000);
        cmd!(con, "SET", "s", "string");
        counted(&mut con, "k");
        let mut events = listening.as_pubsub();
        events.psubscribe("__keyspace@0__:*").unwrap();
        let mut new = Self {
            con,
            watcher: server.conn(),
            events,
        };
        new.take_events();
        new
    }

    pub fn take_events(&mut self) -> Vec<String> {
        cmd!(self.con, "PUBLISH", "__keyspace@0__:end", "");
        let mut seen = Vec::new();
        loop {
            let event = self.events.get_message().unwrap();
            if event.get_channel_name().ends_with(":end") {
                return seen;
            }
            seen.push(format!("{event:?}"));
        }
    }

    fn state(&mut self) -> Vec<String> {
        let mut state = vec![
            show(&cmd!(self.con, "DEBUG", "DIGEST")),
            show(&cmd!(self.con, "DEBUG", "DIGEST-VALUE", &KEYS)),
            show(&cmd!(self.con, "CONV.INFO", "k")),
            show(&cmd!(self.con, "CONV.INFO", "e")),
            info(&mut self.con, "replication")["master_repl_offset"].clone(),
            info(&mut self.con, "persistence")["aof_current_size"].clone(),
        ];
        for key in KEYS {
            state.push(show(&cmd!(self.con, "PEXPIRETIME", key)));
        }
        state
    }

    /// Runs a command that must not change anything.
    pub fn unchanged<A: AsRef<[u8]>>(&mut self, args: &[A]) -> RedisResult<Value> {
        let what = || {
            let words: Vec<_> = args
                .iter()
                .map(|a| String::from_utf8_lossy(a.as_ref()))
                .collect();
            words.join(" ")
        };
        let before = self.state();
        cmd!(self.watcher, "WATCH", &KEYS);
        let reply = run(&mut self.con, args);
        cmd!(self.watcher, "MULTI");
        let executed = cmd!(self.watcher, "EXEC");
        assert_ne!(executed, Value::Nil, "{} touched WATCH", what());
        assert_eq!(self.state(), before, "{}", what());
        assert_eq!(self.take_events(), Vec::<String>::new(), "{}", what());
        reply
    }

    /// Runs lines of the form `command => CODE words`, in the notation of `transcript`.
    pub fn rejects(&mut self, table: &str) {
        let mut failed = Vec::new();
        for case in table.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let (command, want) = case.split_once(" => ").expect("command => error");
            let args: Vec<String> = command
                .split_whitespace()
                .map(|arg| match arg {
                    r#""""# => String::new(),
                    _ => arg
                        .strip_prefix('@')
                        .map_or_else(|| arg.into(), |word| message(word, 0)),
                })
                .collect();
            let wrong = match self.unchanged(&args) {
                Ok(reply) => Some(format!("{} and no error", show(&reply))),
                Err(error) => {
                    let error = error_line(&error);
                    (!is_error(&error, want)).then_some(error)
                }
            };
            failed.extend(wrong.map(|got| format!("{command}\n   want {want}\n   got  {got}")));
        }
        assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    }
}

impl SideEffectProbe<'_> {
    /// Runs EXEC for the queued commands. The state is compared from another connection, because this one is in MULTI.
    pub fn unchanged_exec(&mut self) -> Value {
        std::mem::swap(&mut self.con, &mut self.watcher);
        let before = self.state();
        // `query` would turn the replies into a single error.
        let exec = redis::cmd("EXEC").get_packed_command();
        let reply = self.watcher.req_packed_command(&exec).unwrap();
        assert_eq!(self.state(), before);
        assert_eq!(self.take_events(), Vec::<String>::new());
        std::mem::swap(&mut self.con, &mut self.watcher);
        reply
    }
}

pub fn with_probe(test: impl FnOnce(&mut SideEffectProbe<'_>)) {
    // The replication offset only exists with a replica. The long ping period keeps the primary from changing it.
    let server = Server::with(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--notify-keyspace-events",
        "KEA",
        "--repl-ping-replica-period",
        "3600",
    ]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut listening = server.conn();
    test(&mut SideEffectProbe::new(&server, &mut listening));
}

#[test]
fn the_probe_sees_what_changes() {
    with_probe(|probe| {
        for command in [
            "CONV.APPEND k @u",
            "CONV.SETSUMMARY k other",
            "CONV.EDIT k 2 @a",
            "CONV.ALTER k MAXTOKENS 100000",
            "CONV.DEL k 2",
            "CONV.POP k",
            "CONV.TRIM k MAXMESSAGES 1",
            "CONV.CREATE other",
        ] {
            let before = probe.state();
            cmd!(probe.watcher, "WATCH", &KEYS);
            line(&mut probe.con, command).unwrap();
            cmd!(probe.watcher, "MULTI");
            assert_eq!(cmd!(probe.watcher, "EXEC"), Value::Nil, "{command}");
            let after = probe.state();
            let same: Vec<usize> = (0..6).filter(|i| before[*i] == after[*i]).collect();
            // The CONV.INFO of the key that was not written stays equal.
            assert!(
                same.iter().all(|i| [2, 3].contains(i)),
                "{command}: {same:?}"
            );
            assert_eq!(probe.take_events().len(), 1, "{command}");
        }
    });
}
