//! Large messages, documents and session values are read in the background while their client is blocked. The command
//! takes effect when it is attached, in one step, under the conditions of that moment.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use redis::{Connection, RedisResult, Value};

use crate::samples::*;
use crate::support::*;

/// Bytes of a message that is read in the background for some milliseconds.
const LARGE: usize = 8 << 20;

/// A message of about so many bytes, with escapes and characters of several bytes.
fn large(bytes: usize, id: &str) -> String {
    let text = "two words, a \\\"quote\\\" and an \u{e9}. ";
    let text = text.repeat(bytes / text.len());
    format!(r#"{{"role":"user","content":"{text}","id":"{id}"}}"#)
}

fn document(bytes: usize) -> String {
    let messages: Vec<String> = (0..bytes / 1000)
        .map(|n| {
            says(
                "user",
                &format!("{n} {}", "words and more words. ".repeat(44)),
            )
        })
        .collect();
    format!(r#"{{"a":1,"history":[{}],"z":"end"}}"#, messages.join(","))
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// A client that sends a command, which the server reads in the background.
struct Sender {
    reply: JoinHandle<RedisResult<Value>>,
    id: i64,
}

impl Sender {
    fn start(server: &Server, command: Vec<Vec<u8>>) -> Self {
        let mut con = server.conn();
        let id = int(&cmd!(con, "CLIENT", "ID"));
        let reply = thread::spawn(move || run(&mut con, &command));
        Self { reply, id }
    }

    fn reply(self) -> RedisResult<Value> {
        self.reply.join().expect("a reply")
    }
}

/// Sends `command`, and `others` while it is read in the background, in one turn of the server's event loop. Returns the
/// reply of the command, and those of the others. `prepare` is called before each attempt: on a busy machine the command
/// may be attached before the others arrive.
fn meanwhile(
    server: &Server,
    command: &[Vec<u8>],
    others: &[Vec<Vec<u8>>],
    mut prepare: impl FnMut(&mut Connection),
) -> (RedisResult<Value>, Vec<Value>) {
    let mut con = server.conn();
    for _ in 0..50 {
        prepare(&mut con);
        let sender = Sender::start(server, command.to_vec());
        let mut all = vec![words(&["INFO", "conv"])];
        all.extend_from_slice(others);
        while !sender.reply.is_finished() {
            if background_commands(&mut con) == 0 {
                continue;
            }
            let replies = pipeline(&mut con, &all).expect("replies");
            let reply = sender.reply();
            if text(&replies[0]).contains("conv_background_commands:1\r\n") {
                return (reply, replies[1..].to_vec());
            }
            break;
        }
    }
    panic!("the command was never seen in the background");
}

fn background_commands(con: &mut Connection) -> u64 {
    info(con, "conv")["conv_background_commands"]
        .parse()
        .expect("a number")
}

/// The server after nothing is in the background any more.
fn all_done(con: &mut Connection) {
    let done = wait_until(Duration::from_secs(20), || {
        let conv = info(con, "conv");
        let clients = info(con, "clients")["blocked_clients"] == "0";
        clients && conv["conv_background_commands"] == "0" && conv["conv_background_bytes"] == "0"
    });
    assert!(done, "something is still in the background");
}

#[test]
fn large_messages_are_stored_as_they_came() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "FLUSHALL");
        let (one, two) = (large(100_000, "1"), large(200_000, "2"));
        let padded = format!(" \n{one}\t ");
        assert_eq!(
            int(&cmd!(con, "CONV.APPEND", "k", says("user", "hi"), &padded)),
            2
        );
        assert_eq!(
            int(&cmd!(
                con,
                "CONV.APPEND",
                "k",
                "TOKENS",
                7,
                &two,
                says("user", "x")
            )),
            4
        );
        assert_eq!(
            int(&cmd!(con, "CONV.BACKFILL", "k", large(70_000, "0"), &one)),
            1
        );
        let held = strings(&cmd!(con, "CONV.RANGE", "k", 0, -1));
        let lengths: Vec<usize> = held.iter().map(Vec::len).collect();
        assert_eq!(held.len(), 5, "{lengths:?}");
        assert_eq!(held[0], large(70_000, "0").as_bytes());
        assert_eq!(held[2], one.as_bytes());
        assert_eq!(held[3], two.as_bytes());
        let entry = cmd!(con, "CONV.GET", "k", 3, "WITHINFO");
        assert_eq!(int(&map(&items(&entry)[0])["tokens"]), 7);
        cmd!(con, "CONV.EDIT", "k", 1, &two);
        cmd!(con, "CONV.EDIT", "k", 3, large(90_000, "3"));
        assert_eq!(
            strings(&cmd!(con, "CONV.GET", "k", 1, 3)),
            [two.as_bytes(), large(90_000, "3").as_bytes()]
        );
        // Ids are found, and those of replaced messages are not.
        let unique = |con: &mut Connection, message: &str| {
            int(&cmd!(*con, "CONV.APPEND", "k", "UNIQUE", message))
        };
        assert_eq!(unique(&mut con, &one), 4);
        assert_eq!(unique(&mut con, &large(80_000, "3")), 4);
        cmd!(con, "CONV.EDIT", "k", 2, large(90_000, "4"));
        assert_eq!(unique(&mut con, &one), 5);
        settled(&mut con);
        let total = int(&map(&cmd!(con, "CONV.INFO", "k"))["tokens"]);
        let held = strings(&cmd!(con, "CONV.RANGE", "k", 0, -1));
        cmd!(con, "MULTI");
        for message in held {
            cmd!(con, "CONV.APPEND", "inline", message);
        }
        cmd!(con, "EXEC");
        settled(&mut con);
        assert_eq!(
            int(&map(&cmd!(con, "CONV.INFO", "inline"))["tokens"]),
            total
        );
        all_done(&mut con);
    }
}

/// What is wrong with a large argument is reported in the same words as without the background.
#[test]
fn errors_are_those_of_small_arguments() {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "SET", "s", "x");
    append(&mut con, "k", &[says("user", "hi")]);
    let good = large(100_000, "1");
    let broken = good.replace("words, a", "words\u{1}, a");
    let cut = &good[..good.len() - 1];
    let array = format!("[{good}]");
    let long = format!("\"{}", "x".repeat(300_000));
    let commands: Vec<Vec<&str>> = vec![
        vec!["CONV.APPEND", "k", &broken],
        vec!["CONV.APPEND", "k", &good, cut],
        vec!["CONV.APPEND", "k", &array],
        vec!["CONV.APPEND", "k", &good, "NX"],
        vec!["CONV.APPEND", "k", "IFLAST", "x", &good],
        vec!["CONV.APPEND", "s", &good],
        vec!["CONV.APPEND", "k", "TOKENS", &good],
        vec!["CONV.EDIT", "k", "9", &good],
        vec!["CONV.EDIT", "missing", "1", &good],
        vec!["CONV.EDIT", "k", "1", cut],
        vec!["CONV.EDIT", "k", "1", &good, "x"],
        vec!["CONV.BACKFILL", "s", &good],
        vec!["CONV.BACKFILL", "k", &good, cut],
        vec!["CONV.IMPORT", "new", &long],
        vec!["CONV.IMPORT", "k", &array, "REPLACE", "x", &long],
        vec!["CONV.SETSTATE", "k", "f", &long],
        vec!["CONV.SETSTATE", "s", "f", &good],
    ];
    let before = digest(&mut con, "k");
    for command in &commands {
        let name = command
            .iter()
            .map(|word| &word[..word.len().min(20)])
            .collect::<Vec<_>>();
        cmd!(con, "MULTI");
        let queued = run(&mut con, command).expect("queued");
        assert_eq!(text(&queued), "QUEUED");
        let exec = pipeline(&mut con, &[words(&["EXEC"])]).expect("a reply");
        let inline = match &exec[0] {
            Value::Array(replies) => error_in(&replies[0]),
            other => error_in(other),
        };
        let inline = inline.unwrap_or_else(|| panic!("{name:?}: {exec:?}"));
        assert_eq!(err(run(&mut con, command)), inline, "{name:?}");
        assert_eq!(digest(&mut con, "k"), before);
    }
    all_done(&mut con);
}

#[test]
fn commands_of_one_client_run_in_order() {
    let server = Server::start();
    let mut con = server.conn();
    let commands = [
        vec!["CONV.APPEND".into(), "k".into(), large(LARGE, "1")],
        vec!["CONV.APPEND".into(), "k".into(), says("user", "small")],
        vec!["CONV.LEN".into(), "k".into()],
        vec![
            "CONV.EDIT".into(),
            "k".into(),
            "2".into(),
            large(LARGE, "2"),
        ],
        vec![
            "CONV.APPEND".into(),
            "k".into(),
            "IFLAST".into(),
            "2".into(),
            says("user", "x"),
        ],
        vec!["SET".into(), "flag".into(), "1".into()],
        vec![
            "CONV.APPEND".into(),
            "k".into(),
            "XX".into(),
            large(100_000, "3"),
        ],
        vec!["DEL".into(), "k".into()],
        vec![
            "CONV.APPEND".into(),
            "k".into(),
            "XX".into(),
            large(100_000, "4"),
        ],
    ];
    let replies = pipeline(&mut con, &commands).expect("replies");
    let shown: Vec<String> = replies.iter().map(|reply| format!("{reply:?}")).collect();
    assert_eq!(
        shown,
        [
            "int(1)", "int(2)", "int(2)", "ok", "int(3)", "ok", "int(4)", "int(1)", "nil"
        ]
    );
}

#[test]
fn conditions_are_those_of_the_moment_of_attaching() {
    let server = Server::start();
    let big = large(LARGE, "big");
    let small = says("user", "small");
    let append = |options: &[&str]| {
        let mut command = words(&["CONV.APPEND", "k"]);
        command.extend(words(options));
        command.push(big.clone().into_bytes());
        command
    };
    let others = [words(&["CONV.APPEND", "k", &small])];
    let missing = |con: &mut Connection| {
        cmd!(*con, "DEL", "k");
    };
    let nil = Ok(Value::Nil);
    let two = Ok(Value::Int(2));
    for (options, expected) in [
        (&["NX"][..], nil.clone()),
        (&["XX"], two.clone()),
        (&["IFLAST", "0"], nil),
        (&["IFLAST", "1"], two.clone()),
        (&[], two.clone()),
    ] {
        let (reply, replies) = meanwhile(&server, &append(options), &others, missing);
        assert_eq!(int(&replies[0]), 1);
        assert_eq!(reply, expected, "{options:?}");
    }
    // The id arrives while the message is read.
    let same_id = r#"{"role":"user","content":"x","id":"big"}"#;
    let others = [words(&["CONV.APPEND", "k", same_id])];
    let (reply, _) = meanwhile(&server, &append(&["UNIQUE"]), &others, missing);
    assert_eq!(reply, Ok(Value::Int(1)));
    // The key becomes something else.
    let others = [words(&["SET", "k", "x"])];
    let (reply, _) = meanwhile(&server, &append(&[]), &others, missing);
    assert!(err(reply).starts_with("WRONGTYPE "));
    // Everything is deleted; the message comes after that.
    for flush in ["FLUSHALL", "FLUSHDB"] {
        let existing = |con: &mut Connection| {
            cmd!(*con, "DEL", "k");
            cmd!(*con, "CONV.APPEND", "k", &small, &small);
        };
        let (reply, _) = meanwhile(&server, &append(&[]), &[words(&[flush])], existing);
        assert_eq!(reply, Ok(Value::Int(1)), "{flush}");
    }
    // The message to be replaced goes.
    let edit = [
        words(&["CONV.EDIT", "k", "1"]),
        vec![big.clone().into_bytes()],
    ]
    .concat();
    let others = [words(&["CONV.DEL", "k", "1"])];
    let (reply, _) = meanwhile(&server, &edit, &others, |con| {
        cmd!(*con, "DEL", "k");
        cmd!(*con, "CONV.APPEND", "k", &small);
    });
    assert_eq!(err(reply), "ERR no such message");
    all_done(&mut server.conn());
}

#[test]
fn documents_and_session_values_are_attached_in_one_step() {
    let server = Server::start();
    let mut con = server.conn();
    let document = document(LARGE);
    let import = |more: &[&str]| {
        let mut command = words(&["CONV.IMPORT", "k", &document]);
        command.extend(words(more));
        command
    };
    let messages = (LARGE / 1000) as i64;
    assert_eq!(run(&mut con, &import(&[])), Ok(Value::Int(messages)));
    assert!(bytes(&cmd!(con, "CONV.EXPORT", "k")) == document.as_bytes());
    settled(&mut con);
    let tokens = int(&map(&cmd!(con, "CONV.INFO", "k"))["tokens"]);
    cmd!(con, "MULTI");
    cmd!(con, "CONV.IMPORT", "inline", &document);
    cmd!(con, "EXEC");
    settled(&mut con);
    assert_eq!(
        int(&map(&cmd!(con, "CONV.INFO", "inline"))["tokens"]),
        tokens
    );
    // Somebody else creates the conversation first.
    let others = [words(&["CONV.APPEND", "k", &says("user", "first")])];
    let missing = |con: &mut Connection| {
        cmd!(*con, "DEL", "k");
    };
    let (reply, _) = meanwhile(&server, &import(&[]), &others, missing);
    assert!(err(reply).contains("already exists"));
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 1);
    let (reply, _) = meanwhile(&server, &import(&["REPLACE"]), &others, missing);
    assert_eq!(reply, Ok(Value::Int(messages)));
    assert!(bytes(&cmd!(con, "CONV.EXPORT", "k")) == document.as_bytes());
    // Values of session fields.
    let value = format!("{{\"x\":\"{}\"}}", "long ".repeat(LARGE / 5));
    assert_eq!(
        int(&cmd!(
            con,
            "CONV.SETSTATE",
            "k",
            "f",
            &value,
            "a",
            "2",
            "g",
            &value
        )),
        2
    );
    assert_eq!(int(&cmd!(con, "CONV.SETSTATE", "k", "f", &value)), 0);
    assert!(bytes(&items(&cmd!(con, "CONV.GETSTATE", "k", "g"))[0]) == value.as_bytes());
    let history = try_cmd!(con, "CONV.SETSTATE", "k", "history", &value);
    assert!(err(history).contains("holds the messages"));
    all_done(&mut con);
}

#[test]
fn transactions_and_scripts_run_at_once() {
    let server = Server::start();
    let mut con = server.conn();
    let big = large(LARGE, "1");
    let waits = info(&mut con, "conv")["conv_waits"].clone();
    cmd!(con, "MULTI");
    cmd!(con, "CONV.APPEND", "k", &big);
    cmd!(con, "CONV.LEN", "k");
    cmd!(con, "CONV.IMPORT", "i", document(1 << 20));
    assert_eq!(ints(&cmd!(con, "EXEC")), [1, 1, 1048]);
    let script =
        "return {redis.call('CONV.APPEND', KEYS[1], ARGV[1]), redis.call('CONV.LEN', KEYS[1])}";
    assert_eq!(ints(&cmd!(con, "EVAL", script, 1, "k", &big)), [2, 2]);
    assert_eq!(info(&mut con, "conv")["conv_waits"], waits);
}

/// A client that disconnects leaves no trace, and neither does one whose command meets the memory limit.
#[test]
fn a_command_that_does_not_take_effect_changes_nothing() {
    let server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hi")]);
    let before = digest(&mut con, "k");
    let commands = [
        [
            words(&["CONV.APPEND", "k"]),
            vec![large(LARGE, "1").into_bytes()],
        ]
        .concat(),
        [
            words(&["CONV.EDIT", "k", "1"]),
            vec![large(LARGE, "1").into_bytes()],
        ]
        .concat(),
        [
            words(&["CONV.BACKFILL", "k"]),
            vec![large(LARGE, "1").into_bytes()],
        ]
        .concat(),
        [
            words(&["CONV.IMPORT", "k"]),
            vec![document(LARGE).into_bytes()],
            words(&["REPLACE"]),
        ]
        .concat(),
    ];
    for command in &commands {
        // Writes are paused, so the command is kept from being attached.
        let pause = [words(&["CLIENT", "PAUSE", "60000", "WRITE"])];
        let mut id = 0;
        let mut killed = false;
        for _ in 0..50 {
            let sender = Sender::start(&server, command.clone());
            id = sender.id;
            while background_commands(&mut con) == 0 && !sender.reply.is_finished() {}
            pipeline(&mut con, &pause).expect("a pause");
            killed = background_commands(&mut con) == 1;
            if killed {
                thread::sleep(Duration::from_millis(100));
                assert!(!sender.reply.is_finished());
                assert_eq!(int(&cmd!(con, "CLIENT", "KILL", "ID", id)), 1);
                assert!(sender.reply().is_err());
                cmd!(con, "CLIENT", "UNPAUSE");
                break;
            }
            cmd!(con, "CLIENT", "UNPAUSE");
            sender.reply().expect("it was early");
            cmd!(con, "DEL", "k");
            append(&mut con, "k", &[says("user", "hi")]);
        }
        assert!(killed, "client {id} was never in the background");
        all_done(&mut con);
        assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 1);
        // The memory limit is reached in the meantime.
        let full = [words(&["CONFIG", "SET", "maxmemory", "1mb"])];
        let (reply, _) = meanwhile(&server, command, &full, |con| {
            cmd!(*con, "CONFIG", "SET", "maxmemory", 0);
            cmd!(*con, "DEL", "k");
            append(con, "k", &[says("user", "hi")]);
        });
        assert!(err(reply).starts_with("OOM "));
        cmd!(con, "CONFIG", "SET", "maxmemory", 0);
        assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 1);
    }
    assert_ne!(before, "");
    caught_up(&replica, &server);
    assert_eq!(digest(&mut replica.conn(), "k"), digest(&mut con, "k"));
}

/// Replicas and the AOF get what was attached, in the order in which it was.
#[test]
fn replicas_and_the_aof_agree() {
    let mut server = Server::with(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let senders: Vec<_> = (0..4)
        .map(|n| {
            let mut con = server.conn();
            thread::spawn(move || {
                for round in 0..6 {
                    let key = format!("k{}", round % 2);
                    let size = 60_000 + 100_000 * n;
                    cmd!(
                        con,
                        "CONV.APPEND",
                        &key,
                        large(size, &format!("{n}-{round}")),
                        says("user", "x")
                    );
                    cmd!(
                        con,
                        "CONV.BACKFILL",
                        &key,
                        large(size, &format!("b{n}-{round}"))
                    );
                    cmd!(
                        con,
                        "CONV.SETSTATE",
                        &key,
                        format!("f{n}"),
                        large(size, "s")
                    );
                    cmd!(con, "CONV.EDIT", &key, 1, large(size + 7, "edited"));
                    cmd!(
                        con,
                        "CONV.IMPORT",
                        format!("i{n}"),
                        document(size * 4),
                        "REPLACE"
                    );
                }
            })
        })
        .collect();
    for sender in senders {
        sender.join().expect("all sent");
    }
    let mut con = server.conn();
    settled(&mut con);
    caught_up(&replica, &server);
    let keys = ["k0", "k1", "i0", "i3"];
    let ours = keys.map(|key| digest(&mut con, key));
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k0")), 3 * 4 * 3);
    assert_eq!(keys.map(|key| digest(&mut replica.conn(), key)), ours);
    cmd!(con, "DEBUG", "LOADAOF");
    assert_eq!(keys.map(|key| digest(&mut con, key)), ours);
    server.restart();
    assert_eq!(keys.map(|key| digest(&mut server.conn(), key)), ours);
}

/// A server that becomes a replica does not take the command, and one that shuts down does not wait for it.
#[test]
fn failover_and_shutdown_end_commands_in_the_background() {
    let server = Server::start();
    let primary = Server::start();
    let command = [
        words(&["CONV.APPEND", "k"]),
        vec![large(LARGE, "1").into_bytes()],
    ]
    .concat();
    let follow = [words(&[
        "REPLICAOF",
        "127.0.0.1",
        &primary.port().to_string(),
    ])];
    let (reply, _) = meanwhile(&server, &command, &follow, |con| {
        cmd!(*con, "REPLICAOF", "NO", "ONE");
        cmd!(*con, "DEL", "k");
    });
    assert!(err(reply).starts_with("UNBLOCKED "));
    caught_up(&server, &primary);
    assert_eq!(int(&cmd!(server.conn(), "CONV.LEN", "k")), 0);
    cmd!(server.conn(), "REPLICAOF", "NO", "ONE");
    for _ in 0..3 {
        Sender::start(&server, command.clone());
    }
    let mut con = server.conn();
    wait_until(Duration::from_secs(5), || background_commands(&mut con) > 0);
    let _ = run(&mut con, &["SHUTDOWN", "NOSAVE"]);
    let mut server = server;
    assert!(
        wait_until(Duration::from_secs(10), || !server.is_alive()),
        "it hangs"
    );
}
