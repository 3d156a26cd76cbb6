//! Replicas have the same data as their primary, however and whenever they were attached.

use std::time::Duration;

use fastrand::Rng;
use redis::Connection;

use crate::events::Events;
use crate::random_writes::*;
use crate::samples::*;
use crate::support::*;
use crate::views::*;
use crate::writes::*;

/// A server whose replication stream contains nothing but the writes (no pings).
const NO_PINGS: [&str; 2] = ["--repl-ping-replica-period", "3600"];

fn server() -> Server {
    Server::with(&NO_PINGS)
}

/// Checks that both servers have the same data once the replica has caught up.
fn assert_agree(keys: &[String], primary: &Server, replica: &Server, when: &str) {
    caught_up(replica, primary);
    let expected = views(&mut primary.conn(), keys);
    assert_same(keys, &expected, &views(&mut replica.conn(), keys), when);
}

fn offset(con: &mut Connection) -> i64 {
    info(con, "replication")["master_repl_offset"]
        .parse()
        .expect("a number")
}

#[test]
fn replicas_attached_early_late_and_in_a_chain_agree() {
    let [primary, early, chained] = [server(), server(), server()];
    // The replica serves its old data until the new data are complete.
    let late = Server::with(&["--repl-diskless-load", "swapdb"]);
    let mut con = primary.conn();
    replicate(&early, &primary);
    let keys = fill(&mut con);
    let mut rng = Rng::with_seed(1);
    for _ in 0..50 {
        let _ = run(&mut late.conn(), &random_write(&mut rng, "of its own"));
    }
    replicate(&late, &primary);
    caught_up(&early, &primary);
    replicate(&chained, &early);
    let all = [(&primary, &early), (&primary, &late), (&early, &chained)];
    for (n, (from, to)) in all.iter().enumerate() {
        assert_agree(&keys, from, to, &format!("replica {n}"));
    }
    for (_, replica) in all {
        let held = info(&mut replica.conn(), "conv");
        assert_eq!(held["conv_conversations"], keys.len().to_string());
    }
    go_on(&mut con);
    for (n, (from, to)) in all.iter().enumerate() {
        assert_agree(&keys, from, to, &format!("replica {n}, later"));
    }
    cmd!(con, "FLUSHALL");
    for (from, to) in all {
        caught_up(to, from);
        assert_eq!(int(&cmd!(to.conn(), "DBSIZE")), 0);
    }
}

#[test]
fn a_promoted_replica_continues() {
    let [old, new, other] = [server(), server(), server()];
    replicate(&new, &old);
    replicate(&other, &old);
    let keys = fill(&mut old.conn());
    caught_up(&new, &old);
    caught_up(&other, &old);
    let before = views(&mut old.conn(), &keys);
    cmd!(new.conn(), "REPLICAOF", "NO", "ONE");
    assert_same(&keys, &before, &views(&mut new.conn(), &keys), "taken over");
    // The other replicas follow it with a partial synchronization.
    replicate(&other, &new);
    go_on(&mut new.conn());
    replicate(&old, &new);
    assert_agree(&keys, &new, &other, "the other replica");
    assert_agree(&keys, &new, &old, "the old primary");
}

#[test]
fn an_interrupted_replica_resumes() {
    let primary = server();
    let mut con = primary.conn();
    let port = primary.port().to_string();
    let keys = fill(&mut con);
    let mut replica = Server::with(&["--replicaof", "127.0.0.1", &port, "--save", "3600", "1"]);
    assert_agree(&keys, &primary, &replica, "attached");
    let mut rng = Rng::with_seed(3);
    let mut write = |con: &mut Connection| {
        for n in 0..50 {
            let _ = run(con, &random_write(&mut rng, &format!("random:{}", n % 4)));
        }
    };
    // The connection breaks.
    cmd!(con, "CLIENT", "KILL", "TYPE", "replica");
    write(&mut con);
    assert_agree(&keys, &primary, &replica, "connected again");
    // The replica is shut down normally.
    let _ = try_cmd!(replica.conn(), "SHUTDOWN");
    assert!(wait_until(Duration::from_secs(10), || !replica.is_alive()));
    write(&mut con);
    replica.start_again();
    assert_agree(&keys, &primary, &replica, "restarted");
    let stats = info(&mut con, "stats");
    assert_eq!(
        (&*stats["sync_full"], &*stats["sync_partial_ok"]),
        ("1", "2")
    );
    // The replica crashes.
    write(&mut con);
    replica.kill9();
    write(&mut con);
    replica.start_again();
    assert_agree(&keys, &primary, &replica, "crashed");
}

#[test]
fn replicas_serve_reads_and_reject_writes() {
    let [primary, replica] = [server(), server()];
    replicate(&replica, &primary);
    prepare(&mut primary.conn());
    caught_up(&replica, &primary);
    let mut con = replica.conn();
    let before = view(&mut con, "k");
    assert_eq!(
        items(&cmd!(con, "CONV.RECENT", "k", 1000)).len(),
        6,
        "the summary, and five behind it"
    );
    for args in effective()
        .into_iter()
        .chain(idle().into_iter().map(|(args, _)| args))
    {
        assert!(
            err(run(&mut con, &args)).starts_with("READONLY "),
            "{args:?}"
        );
    }
    let reply = run(&mut con, &["CONV.EFFECT", "k", "{\"v\":1,\"at\":1}"]);
    assert!(err(reply).starts_with("READONLY "));
    assert_same(&["k"], &[before], &[view(&mut con, "k")], "refused");
}

#[test]
fn only_effective_writes_are_replicated() {
    let [primary, replica] = [server(), server()];
    replicate(&replica, &primary);
    let (mut con, mut events) = (primary.conn(), Events::of(&primary));
    prepare(&mut con);
    let keys = ["k", "plain", "t", "empty"];
    let before = views(&mut con, &keys);
    caught_up(&replica, &primary);
    events.take();
    let start = offset(&mut con);
    for (args, expected) in idle() {
        assert_eq!(go(&mut con, &args), expected, "{args:?}");
        assert_eq!(offset(&mut con), start, "{args:?}");
    }
    for (args, expected) in refused() {
        let error = err(run(&mut con, &args));
        assert!(error.starts_with(expected), "{args:?}: {error}");
        assert_eq!(offset(&mut con), start, "{args:?}");
    }
    assert_eq!(events.take(), []);
    assert_same(&keys, &before, &views(&mut con, &keys), "nothing was done");
    assert_eq!(int(&cmd!(con, "DBSIZE")), 5);
    for args in effective() {
        let before = offset(&mut con);
        go(&mut con, &args);
        assert!(offset(&mut con) > before, "{args:?}");
        let expected = (args[0].to_ascii_lowercase(), args[1].clone());
        assert_eq!(events.take(), [expected], "{args:?}");
    }
}

#[test]
fn transactions_scripts_and_functions_replicate() {
    let [primary, replica] = [server(), server()];
    replicate(&replica, &primary);
    let (mut con, mut events) = (primary.conn(), Events::of(&primary));
    prepare(&mut con);
    events.take();
    let all = effective();
    cmd!(con, "MULTI");
    for args in &all {
        assert_eq!(text(&go(&mut con, args)), "QUEUED");
    }
    cmd!(con, "EXEC");
    assert_eq!(events.take().len(), all.len());
    let keys = [
        "k", "plain", "t", "new", "new2", "new3", "new4", "new5", "new6",
    ]
    .map(String::from);
    assert_agree(&keys, &primary, &replica, "a transaction");

    cmd!(con, "FLUSHALL");
    prepare(&mut con);
    events.take();
    // Each argument separately, one of them twice; an error does not end the script.
    let script = "redis.pcall('CONV.APPEND', KEYS[1], '[]') \
        redis.call('CONV.APPEND', KEYS[1], ARGV[1], ARGV[1], ' ' .. ARGV[1]) \
        redis.call('CONV.APPEND', KEYS[1], 'NX', ARGV[1]) \
        redis.call('CONV.SETSUMMARY', KEYS[1], ARGV[2], 'UPTO', redis.call('CONV.LEN', KEYS[1])) \
        redis.call('CONV.DEL', KEYS[2], 1, 2) \
        return redis.call('CONV.POP', KEYS[2], 2)";
    let message = says("user", "from a script");
    let call = ["2", "k", "plain", &message, "scripted summary"];
    let popped = cmd!(con, "EVAL", script, &call[..]);
    assert_eq!(items(&popped).len(), 2);
    let expected = ["append", "setsummary", "del", "pop"].map(|name| format!("conv.{name}"));
    assert_eq!(
        events
            .take()
            .into_iter()
            .map(|(event, _)| event)
            .collect::<Vec<_>>(),
        expected
    );
    assert_agree(&keys[..3], &primary, &replica, "a script");

    let library =
        format!("#!lua name=lib\nredis.register_function('f', function(KEYS, ARGV) {script} end)");
    cmd!(con, "FUNCTION", "LOAD", library);
    let popped = cmd!(con, "FCALL", "f", &call[..]);
    assert_eq!(items(&popped).len(), 2);
    assert_eq!(events.take().len(), 3, "what DEL named was gone already");
    assert_agree(&keys[..3], &primary, &replica, "a function");
    assert_eq!(items(&cmd!(con, "CONV.GET", "k", 12, 14)).len(), 2);

    let start = offset(&mut con);
    let idle = "return redis.call('CONV.APPEND', KEYS[1], 'NX', ARGV[1])";
    assert_eq!(cmd!(con, "EVAL", idle, &call[..]), redis::Value::Nil);
    let reader = "return redis.call('CONV.RECENT', KEYS[1], 500)";
    assert!(!items(&cmd!(con, "EVAL_RO", reader, 1, "k")).is_empty());
    assert_eq!(offset(&mut con), start, "a script that changes nothing");
}
