//! Cluster mode: the key positions of every command, and commands whose keys are in different slots.

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;

/// Every command in a form that works without existing keys, with its number of keys. `A` and `B` are the keys. Every
/// command of the module must be listed. Listed commands that the server does not have are skipped.
const FORMS: &[(&str, usize)] = &[
    ("CONV.APPEND A message message", 1),
    ("CONV.RECENT A 100", 1),
    ("CONV.SUMMARY A", 1),
    ("CONV.SETSUMMARY A text", 1),
    ("CONV.CLAIMSUMMARY A 100", 1),
    ("CONV.RANGE A 0 -1", 1),
    ("CONV.INDEX A 0", 1),
    ("CONV.SEARCH A text LIMIT 1", 1),
    ("CONV.GET A 1 2", 1),
    ("CONV.PIN A 1 2", 1),
    ("CONV.UNPIN A 1", 1),
    ("CONV.LEN A", 1),
    ("CONV.INFO A", 1),
    ("CONV.TOKENS A B", 0),
    ("CONV.ENCODINGS", 0),
    ("CONV.MRECENT 100 2 A B WITHINFO", 2),
    ("CONV.CREATE A TTL 9", 1),
    ("CONV.ALTER A TTL 9", 1),
    ("CONV.BACKFILL A COMPLETE message", 1),
    ("CONV.EDIT A 1 message", 1),
    ("CONV.DEL A 1 2", 1),
    ("CONV.POP A 1", 1),
    ("CONV.TRIM A MAXMESSAGES 1", 1),
    ("CONV.FORK A B UPTO 1 REPLACE", 2),
    ("CONV.IMPORT A document", 1),
    ("CONV.EXPORT A", 1),
    ("CONV.GETSTATE A field", 1),
    ("CONV.SETSTATE A field 1", 1),
    ("CONV.DELSTATE A field", 1),
    ("CONV.EFFECT A header message", 1),
];

/// A cluster with a single node that serves all slots.
fn alone() -> Server {
    let server = Server::with(&["--cluster-enabled", "yes"]);
    let mut con = server.conn();
    cmd!(con, "CLUSTER", "ADDSLOTSRANGE", 0, 16383);
    let formed = wait_until(std::time::Duration::from_secs(20), || {
        text(&cmd!(con, "CLUSTER", "INFO")).contains("cluster_state:ok")
    });
    assert!(formed);
    server
}

/// The forms of the commands that the server has, with `A` and `B` replaced by these keys.
fn forms(con: &mut Connection, a: &str, b: &str) -> Vec<(Vec<String>, usize)> {
    let there = strings(&cmd!(*con, "COMMAND", "LIST", "FILTERBY", "MODULE", "conv"));
    let there: Vec<String> = there
        .iter()
        .map(|name| String::from_utf8_lossy(name).to_uppercase())
        .collect();
    let name = |form: &str| form.split(' ').next().unwrap_or_default().to_string();
    for command in &there {
        assert!(
            FORMS.iter().any(|(form, _)| name(form) == *command),
            "{command} has no form in this test"
        );
    }
    FORMS
        .iter()
        .filter(|(form, _)| there.contains(&name(form)))
        .map(|(form, keys)| {
            let args = form.split(' ').map(|word| match word {
                "A" => a.to_string(),
                "B" => b.to_string(),
                "message" => says("user", "hello"),
                other => other.to_string(),
            });
            (args.collect(), *keys)
        })
        .collect()
}

#[test]
fn command_getkeys_finds_all_keys() {
    let server = Server::start();
    let mut con = server.conn();
    let forms = forms(&mut con, "the first", "the second");
    assert!(forms.len() >= 16);
    for (args, keys) in forms {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        // Redis takes a name alone for a wrong number of arguments of COMMAND GETKEYS.
        if args.len() == 1 {
            continue;
        }
        let found = run(&mut con, &[&["COMMAND", "GETKEYS"], &args[..]].concat());
        let expected = &["the first", "the second"][..keys];
        match found {
            Ok(found) => assert_eq!(
                strings(&found),
                expected
                    .iter()
                    .map(|key| key.as_bytes())
                    .collect::<Vec<_>>(),
                "{args:?}"
            ),
            Err(error) => {
                assert_eq!(keys, 0, "{args:?}: {error}");
                assert_eq!(error_line(&error), "ERR The command has no key arguments");
            }
        }
    }
}

#[test]
fn keys_of_one_command_must_be_in_one_slot() {
    let server = alone();
    let mut con = server.conn();
    // Keys in two slots, then in one.
    for (a, b, crossing) in [("a", "b", true), ("{a}1", "{a}2", false)] {
        for (args, keys) in forms(&mut con, a, b) {
            let refused = match run(&mut con, &args) {
                Ok(_) => false,
                Err(error) => error_line(&error).starts_with("CROSSSLOT "),
            };
            assert_eq!(refused, keys > 1 && crossing, "{args:?}");
        }
    }
}

/// Redis applies the same rules to conversations as to its own types.
#[test]
fn transactions_and_scripts_are_limited_to_one_slot() {
    let server = alone();
    let mut con = server.conn();
    let hello = says("user", "hello");
    let transaction = |con: &mut Connection, keys: [&str; 2]| {
        cmd!(*con, "MULTI");
        for key in keys {
            let _ = try_cmd!(*con, "CONV.APPEND", key, &hello);
        }
        try_cmd!(*con, "EXEC")
    };
    let refused = err(transaction(&mut con, ["a", "b"]));
    assert!(refused.starts_with("CROSSSLOT ") || refused.starts_with("EXECABORT "));
    let script = "return redis.call('CONV.APPEND', KEYS[1], ARGV[1]) + redis.call('CONV.APPEND', KEYS[2], ARGV[1])";
    let refused = err(try_cmd!(con, "EVAL", script, 2, "a", "b", &hello));
    assert!(refused.starts_with("CROSSSLOT "), "{refused}");
    assert_eq!(int(&cmd!(con, "DBSIZE")), 0);
    let done = transaction(&mut con, ["{a}1", "{a}2"]).expect("one slot");
    assert_eq!(ints(&done), [1, 1]);
    let sum = cmd!(con, "EVAL", script, 2, "{a}1", "{a}2", &hello);
    assert_eq!(int(&sum), 4);
}

/// Makes one cluster of two nodes. Returns their ids.
fn meet(from: &Server, to: &Server) -> [String; 2] {
    let (mut here, mut there) = (from.conn(), to.conn());
    let [here_id, there_id] =
        [&mut here, &mut there].map(|con| text(&cmd!(*con, "CLUSTER", "MYID")));
    cmd!(there, "CLUSTER", "MEET", "127.0.0.1", from.port());
    let met = wait_until(std::time::Duration::from_secs(20), || {
        let known = |con: &mut Connection, id: &str| {
            let nodes = text(&cmd!(*con, "CLUSTER", "NODES"));
            nodes.contains(id) && !nodes.contains("handshake")
        };
        known(&mut here, &there_id)
            && known(&mut there, &here_id)
            && text(&cmd!(there, "CLUSTER", "INFO")).contains("cluster_state:ok")
    });
    assert!(met);
    [here_id, there_id]
}

/// A client that waits for a load is redirected when the slot moves: it must not take the key for missing.
#[test]
fn a_client_that_waits_is_redirected_when_its_slot_moves() {
    let [from, to] = [alone(), Server::with(&["--cluster-enabled", "yes"])];
    let (mut here, mut there) = (from.conn(), to.conn());
    let [_, there_id] = meet(&from, &to);
    let slot = int(&cmd!(here, "CLUSTER", "KEYSLOT", "k"));
    assert_eq!(
        cmd!(here, "CONV.RECENT", "k", 9, "WAIT", 60_000),
        Value::Nil
    );
    let mut waiter = from.conn();
    let waits = std::thread::spawn(move || {
        try_cmd!(waiter, "CONV.RECENT", "k", 9, "WAIT", 60_000).map_err(|e| error_line(&e))
    });
    let blocked = wait_until(std::time::Duration::from_secs(20), || {
        info(&mut here, "conv")["conv_waiting_clients"] == "1"
    });
    assert!(blocked);
    cmd!(there, "CLUSTER", "SETSLOT", slot, "NODE", &there_id);
    cmd!(here, "CLUSTER", "SETSLOT", slot, "NODE", &there_id);
    let error = waits.join().unwrap().expect_err("a redirection");
    assert!(error.starts_with("MOVED "), "{error}");
    assert_eq!(info(&mut here, "conv")["conv_waiting_clients"], "0");
}

/// A slot is moved as by an operator: COUNTKEYSINSLOT, GETKEYSINSLOT, MIGRATE with the TTL, ASK.
#[test]
fn a_slot_can_be_moved_key_by_key() {
    let [from, to] = [alone(), Server::with(&["--cluster-enabled", "yes"])];
    let (mut here, mut there) = (from.conn(), to.conn());
    append(&mut here, "k", &chat());
    cmd!(here, "CONV.SETSUMMARY", "k", "So far.", "UPTO", 5);
    cmd!(here, "PEXPIREAT", "k", 33_333_333_333_333_i64);
    let before = digest(&mut here, "k");
    let slot = int(&cmd!(here, "CLUSTER", "KEYSLOT", "k"));
    assert_eq!(int(&cmd!(here, "CLUSTER", "COUNTKEYSINSLOT", slot)), 1);
    let [here_id, there_id] = meet(&from, &to);
    cmd!(there, "CLUSTER", "SETSLOT", slot, "IMPORTING", &here_id);
    cmd!(here, "CLUSTER", "SETSLOT", slot, "MIGRATING", &there_id);
    // A key that is still here is served here.
    assert_eq!(int(&cmd!(here, "CONV.LEN", "k")), 8);
    let elsewhere = err(try_cmd!(there, "CONV.LEN", "k"));
    assert!(elsewhere.starts_with("MOVED "), "{elsewhere}");
    cmd!(
        here,
        "MIGRATE",
        "127.0.0.1",
        to.port(),
        "",
        0,
        5000,
        "KEYS",
        "k"
    );
    let elsewhere = err(try_cmd!(here, "CONV.LEN", "k"));
    assert!(elsewhere.starts_with("ASK "), "{elsewhere}");
    cmd!(there, "ASKING");
    assert_eq!(int(&cmd!(there, "CONV.LEN", "k")), 8);
    cmd!(there, "CLUSTER", "SETSLOT", slot, "NODE", &there_id);
    cmd!(here, "CLUSTER", "SETSLOT", slot, "NODE", &there_id);
    assert_eq!(digest(&mut there, "k"), before);
    // MIGRATE moves the remaining keys.
    let expiry = int(&cmd!(there, "PEXPIRETIME", "k"));
    assert!(
        (33_333_333_333_333..33_333_333_334_333).contains(&expiry),
        "{expiry}"
    );
    assert_eq!(append(&mut there, "k", &[says("user", "And now?")]), 9);
    assert_eq!(int(&cmd!(here, "DBSIZE")), 0);
}
