//! Every change is reported exactly once, and nothing else is: keyspace events, WATCH, client-side caching.

use std::sync::mpsc::{Receiver, channel};

use redis::{Connection, PushInfo, PushKind, Value};

use crate::samples::*;
use crate::support::*;
use crate::writes::*;

/// The keyspace events of database 0.
pub struct Events {
    con: Connection,
    pushes: Receiver<PushInfo>,
}

impl Events {
    /// Enables events of module commands and subscribes to them.
    pub fn of(server: &Server) -> Self {
        let (mut con, pushes) = pushed(server);
        cmd!(con, "CONFIG", "SET", "notify-keyspace-events", "KEd");
        con.psubscribe_resp3("__keyevent@0__:*")
            .expect("a subscription");
        Self { con, pushes }
    }

    /// All events since the last call, with their keys.
    pub fn take(&mut self) -> Vec<(String, String)> {
        // Redis sent all events up to now before the reply.
        cmd!(self.con, "PING");
        self.pushes
            .try_iter()
            .filter(|push| push.kind == PushKind::PMessage)
            .map(|push| {
                let channel = text(&push.data[1]);
                let event = channel
                    .strip_prefix("__keyevent@0__:")
                    .expect("the channel of an event");
                (event.to_string(), text(&push.data[2]))
            })
            .collect()
    }
}

/// A RESP3 connection with its push messages.
fn pushed(server: &Server) -> (Connection, Receiver<PushInfo>) {
    let mut con = server.conn3();
    let (sender, pushes) = channel();
    con.set_push_sender(sender);
    (con, pushes)
}

fn idle_or_refused() -> Vec<Args> {
    let idle = idle().into_iter().map(|(args, _)| args);
    idle.chain(refused().into_iter().map(|(args, _)| args))
        .collect()
}

#[test]
fn each_effective_write_emits_one_event() {
    let server = Server::with(&["--loglevel", "debug"]);
    let (mut con, mut events) = (server.conn(), Events::of(&server));
    prepare(&mut con);
    events.take();
    for args in idle_or_refused() {
        let _ = run(&mut con, &args);
        assert_eq!(events.take(), [], "{args:?}");
    }
    for args in effective() {
        go(&mut con, &args);
        let expected = (args[0].to_ascii_lowercase(), args[1].clone());
        assert_eq!(events.take(), [expected], "{args:?}");
    }
    for read in [
        "CONV.RECENT k 100",
        "CONV.RANGE k 0 -1",
        "CONV.GET k 1",
        "CONV.INFO k",
        "CONV.SUMMARY k",
    ] {
        go(&mut con, &read.split(' ').collect::<Vec<_>>());
        assert_eq!(events.take(), [], "{read}");
    }
    // Message texts must never appear in the log, at any log level.
    let log = server.log();
    assert_eq!(
        log.lines()
            .find(|line| line.to_lowercase().contains("sesame")),
        None
    );
}

#[test]
fn key_events_are_emitted_in_their_database() {
    let server = Server::start();
    let (mut con, pushes) = pushed(&server);
    cmd!(con, "CONFIG", "SET", "notify-keyspace-events", "Kd");
    con.psubscribe_resp3("__key*__:*").expect("a subscription");
    let mut writer = server.conn();
    cmd!(writer, "SELECT", 3);
    append(&mut writer, ODD_KEY, &[says("user", "hello")]);
    cmd!(con, "PING");
    let heard: Vec<_> = pushes
        .try_iter()
        .filter(|p| p.kind == PushKind::PMessage)
        .collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(text(&heard[0].data[1]), format!("__keyspace@3__:{ODD_KEY}"));
    assert_eq!(text(&heard[0].data[2]), "conv.append");
}

#[test]
fn watch_fails_only_after_effective_writes() {
    let server = Server::start();
    let (mut con, mut watcher) = (server.conn(), server.conn());
    prepare(&mut con);
    let mut outcome = |con: &mut Connection, args: &Args| {
        cmd!(watcher, "WATCH", &args[1]);
        let _ = run(con, args);
        cmd!(watcher, "MULTI");
        cmd!(watcher, "PING");
        cmd!(watcher, "EXEC")
    };
    for args in idle_or_refused() {
        assert_ne!(
            outcome(&mut con, &args),
            Value::Nil,
            "{args:?} changed nothing"
        );
    }
    for args in effective() {
        assert_eq!(
            outcome(&mut con, &args),
            Value::Nil,
            "{args:?} changed the key"
        );
    }
    let read = ["CONV.RECENT", "k", "1000"].map(String::from).to_vec();
    assert_ne!(outcome(&mut con, &read), Value::Nil, "a read");
}

#[test]
fn client_side_caches_are_invalidated_only_by_effective_writes() {
    let server = Server::start();
    let mut con = server.conn();
    let (mut cache, pushes) = pushed(&server);
    cmd!(cache, "CLIENT", "TRACKING", "ON");
    prepare(&mut con);
    let mut invalidated = |con: &mut Connection, args: &Args| -> Vec<String> {
        let _ = try_cmd!(cache, "CONV.RECENT", &args[1], 100);
        cmd!(cache, "PING");
        pushes.try_iter().for_each(drop);
        let _ = run(con, args);
        cmd!(cache, "PING");
        pushes
            .try_iter()
            .filter(|push| push.kind == PushKind::Invalidate)
            .flat_map(|push| items(&push.data[0]).iter().map(text).collect::<Vec<_>>())
            .collect()
    };
    for args in idle_or_refused() {
        assert_eq!(
            invalidated(&mut con, &args),
            [""; 0],
            "{args:?} changed nothing"
        );
    }
    for args in effective() {
        assert_eq!(
            invalidated(&mut con, &args),
            [&args[1][..]],
            "{args:?} changed the key"
        );
    }
}
