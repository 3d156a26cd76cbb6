//! Conversations behave like values of Redis's own types in every generic command and mechanism.

use std::time::Duration;

use redis::Value;

use crate::samples::*;
use crate::support::*;
use crate::views::*;

#[test]
fn type_and_object_commands_work() {
    let server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    assert_eq!(text(&cmd!(con, "TYPE", "k")), "conv-list");
    assert_eq!(text(&cmd!(con, "OBJECT", "ENCODING", "k")), "raw");
    assert_eq!(int(&cmd!(con, "OBJECT", "REFCOUNT", "k")), 1);
    assert!((0..5).contains(&int(&cmd!(con, "OBJECT", "IDLETIME", "k"))));
    std::thread::sleep(Duration::from_millis(2100));
    assert!(int(&cmd!(con, "OBJECT", "IDLETIME", "k")) >= 1);
    cmd!(con, "CONV.RECENT", "k", 100);
    assert_eq!(
        int(&cmd!(con, "OBJECT", "IDLETIME", "k")),
        0,
        "reading is a use"
    );
    cmd!(con, "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu");
    append(&mut con, "often", &[says("user", "hello")]);
    for _ in 0..200 {
        cmd!(con, "CONV.LEN", "often");
    }
    assert!(int(&cmd!(con, "OBJECT", "FREQ", "often")) > 5);
    assert_eq!(int(&cmd!(con, "EXISTS", "k", "often", "missing")), 2);
    assert_eq!(int(&cmd!(con, "TOUCH", "k")), 1);
    // Commands of other types reject conversations, and the module's commands reject other types.
    for other in [
        "GET k",
        "LRANGE k 0 -1",
        "HGETALL k",
        "APPEND k x",
        "SORT k",
    ] {
        let args: Vec<&str> = other.split(' ').collect();
        assert!(
            err(run(&mut con, &args)).starts_with("WRONGTYPE "),
            "{other}"
        );
    }
    cmd!(con, "SET", "s", "string");
    for ours in [
        "CONV.LEN s",
        "CONV.RECENT s 9",
        "CONV.SUMMARY s",
        "CONV.INFO s",
        "CONV.RANGE s 0 1",
        "CONV.GET s 1",
    ] {
        let args: Vec<&str> = ours.split(' ').collect();
        assert!(
            err(run(&mut con, &args)).starts_with("WRONGTYPE "),
            "{ours}"
        );
    }
}

#[test]
fn scan_finds_conversations_by_type() {
    let server = Server::start();
    let mut con = server.conn();
    for n in 0..50 {
        append(
            &mut con,
            &format!("conversation:{n}"),
            &[says("user", "hello")],
        );
        cmd!(con, "SET", format!("string:{n}"), "x");
    }
    let (mut cursor, mut found) = ("0".to_string(), Vec::new());
    loop {
        let reply = cmd!(con, "SCAN", &cursor, "TYPE", "conv-list", "COUNT", 7);
        found.extend(strings(&items(&reply)[1]));
        cursor = text(&items(&reply)[0]);
        if cursor == "0" {
            break;
        }
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 50);
    assert!(found.iter().all(|key| key.starts_with(b"conversation:")));
}

#[test]
fn keys_expire() {
    let server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    assert_eq!(int(&cmd!(con, "TTL", "k")), -1);
    assert_eq!(int(&cmd!(con, "EXPIRE", "k", 100)), 1);
    append(
        &mut con,
        "k",
        &[says(
            "user",
            "it does not touch an expiry that is not its own",
        )],
    );
    cmd!(con, "CONV.SETSUMMARY", "k", "nor does this");
    assert!((95..=100).contains(&int(&cmd!(con, "TTL", "k"))));
    assert_eq!(int(&cmd!(con, "PERSIST", "k")), 1);
    assert_eq!(int(&cmd!(con, "TTL", "k")), -1);
    cmd!(con, "PEXPIRE", "k", 30);
    std::thread::sleep(Duration::from_millis(60));
    assert!(items(&cmd!(con, "CONV.RECENT", "k", 100)).is_empty());
    assert_eq!(cmd!(con, "CONV.INFO", "k"), Value::Nil);
    assert_eq!(
        cmd!(con, "CONV.APPEND", "k", "XX", says("user", "hello")),
        Value::Nil
    );
    assert_eq!(append(&mut con, "k", &[says("user", "a new one")]), 1);
    assert_eq!(int(&cmd!(con, "TTL", "k")), -1);
    // A TTL that every append resets, and other writes leave unchanged.
    cmd!(con, "CONV.CREATE", "t", "TTL", 100);
    assert_eq!(int(&cmd!(con, "TTL", "t")), -1);
    append(&mut con, "t", &[says("user", "hello")]);
    cmd!(con, "EXPIRE", "t", 50);
    cmd!(con, "CONV.EDIT", "t", 1, says("user", "edited"));
    assert!(int(&cmd!(con, "TTL", "t")) <= 50);
    append(&mut con, "t", &[says("user", "hello")]);
    assert!((95..=100).contains(&int(&cmd!(con, "TTL", "t"))));
    cmd!(con, "CONV.ALTER", "t", "TTL", 1);
    append(&mut con, "t", &[says("user", "hello")]);
    let gone = wait_until(Duration::from_secs(5), || {
        int(&cmd!(con, "EXISTS", "t")) == 0
    });
    assert!(gone, "it expires by itself");
}

/// Appends 100,000 messages with given counts, so that nothing has to be counted.
fn hundred_thousand(con: &mut redis::Connection, key: &str) {
    let message = says("user", "one of very many");
    let mut args = vec!["CONV.APPEND", key];
    args.extend(["TOKENS", "5", &message].repeat(1000));
    for _ in 0..100 {
        go(con, &args);
    }
    assert_eq!(int(&cmd!(*con, "CONV.LEN", key)), 100_000);
}

#[test]
fn large_conversations_are_freed_in_the_background() {
    let server = Server::start();
    let mut con = server.conn();
    // The default differs: yes in Valkey, no in Redis.
    cmd!(con, "CONFIG", "SET", "lazyfree-lazy-user-del", "no");
    let lazy = |con: &mut redis::Connection| -> i64 {
        let stats = info(con, "memory");
        assert_eq!(stats["lazyfree_pending_objects"], "0");
        stats["lazyfreed_objects"].parse().expect("a number")
    };
    let idle = |con: &mut redis::Connection| {
        let idle = wait_until(Duration::from_secs(10), || {
            info(con, "memory")["lazyfree_pending_objects"] == "0"
        });
        assert!(idle, "still freeing");
    };
    for (n, command) in ["UNLINK k", "FLUSHALL ASYNC", "UNLINK k"]
        .iter()
        .enumerate()
    {
        hundred_thousand(&mut con, "k");
        let before = lazy(&mut con);
        go(&mut con, &command.split(' ').collect::<Vec<_>>());
        idle(&mut con);
        assert!(lazy(&mut con) > before, "{n}: {command} is lazy");
        assert_eq!(int(&cmd!(con, "DBSIZE")), 0);
    }
    // Small conversations are freed on the main thread.
    append(&mut con, "small", &[says("user", "hello")]);
    let before = lazy(&mut con);
    cmd!(con, "UNLINK", "small");
    idle(&mut con);
    assert_eq!(lazy(&mut con), before);
    hundred_thousand(&mut con, "k");
    cmd!(con, "DEL", "k");
    assert_eq!(lazy(&mut con), before, "DEL frees on the spot");
    hundred_thousand(&mut con, "k");
    append(&mut con, "k", &[says("user", "overwritten")]);
    cmd!(con, "SET", "k", "as any value");
    cmd!(con, "FLUSHALL", "SYNC");
    // Valkey frees what SET overwrites in the background.
    idle(&mut con);
    let held = info(&mut con, "conv");
    assert_eq!(
        (&*held["conv_conversations"], &*held["conv_messages"]),
        ("0", "0")
    );
}

#[test]
fn swapdb_and_move_work() {
    let server = Server::start();
    let mut con = server.conn();
    let keys = fill(&mut con);
    let before = views(&mut con, &keys);
    cmd!(con, "SWAPDB", 0, 1);
    assert_eq!(int(&cmd!(con, "DBSIZE")), 0);
    cmd!(con, "SELECT", 1);
    assert_same(&keys, &before, &views(&mut con, &keys), "SWAPDB");
    for key in &keys {
        assert_eq!(int(&cmd!(con, "MOVE", key, 2)), 1);
    }
    cmd!(con, "SELECT", 2);
    assert_same(&keys, &before, &views(&mut con, &keys), "MOVE");
    go_on(&mut con);
    cmd!(con, "FLUSHDB");
    assert_eq!(int(&cmd!(con, "DBSIZE")), 0);
}

#[test]
fn info_reports_the_module_fields() {
    let server = Server::start();
    let mut con = server.conn();
    let mut figure = |name: &str| -> i64 {
        let info = info(&mut con, "conv");
        let value = info
            .get(&format!("conv_{name}"))
            .unwrap_or_else(|| panic!("no {name} in {info:?}"));
        value.parse().expect("a number")
    };
    let mut writer = server.conn();
    let held = [
        "conversations",
        "messages",
        "bytes_raw",
        "bytes_stored",
        "pending",
    ];
    assert_eq!(held.map(&mut figure), [0; 5]);
    let (a, b) = (says("user", "hello"), says("assistant", "hello to you"));
    append(&mut writer, "k", &[a.clone(), b.clone()]);
    append(&mut writer, "l", std::slice::from_ref(&a));
    let raw = (2 * a.len() + b.len()) as i64;
    assert_eq!(
        ["conversations", "messages", "bytes_raw"].map(&mut figure),
        [2, 3, raw]
    );
    assert!(figure("bytes_stored") > 0);
    cmd!(writer, "CONV.POP", "k");
    cmd!(writer, "COPY", "l", "m");
    assert_eq!(["conversations", "messages"].map(&mut figure), [3, 3]);
    assert_eq!(figure("bytes_raw"), 3 * a.len() as i64);
    cmd!(writer, "RENAME", "m", "l");
    cmd!(writer, "DEBUG", "RELOAD");
    // Valkey frees what is no longer needed in the background.
    let mut holds_two = || {
        wait_until(Duration::from_secs(10), || {
            ["conversations", "messages"].map(&mut figure) == [2, 2]
        })
    };
    assert!(holds_two());
    let payload = bytes(&cmd!(writer, "DUMP", "l"));
    assert!(try_cmd!(writer, "RESTORE", "n", 0, &payload[..payload.len() - 1]).is_err());
    cmd!(writer, "RESTORE", "l", 0, &payload, "REPLACE");
    assert!(holds_two());

    let tokens = int(&map(&cmd!(writer, "CONV.RECENT", "k", 100, "WITHINFO"))["tokens"]);
    cmd!(writer, "CONV.RECENT", "missing", 100, "WAIT", 0);
    assert_eq!(["recent_hits", "recent_misses"].map(&mut figure), [1, 1]);
    assert_eq!(figure("tokens_returned"), tokens);
    assert!(figure("tokens_counted") > 0);
    cmd!(writer, "UNLINK", "k");
    cmd!(writer, "SET", "l", "overwritten");
    settled(&mut writer);
    assert_eq!(held.map(&mut figure), [0; 5]);
}

#[test]
fn the_module_cannot_be_unloaded() {
    let mut server = Server::start();
    let mut con = server.conn();
    append(&mut con, "k", &[says("user", "hello")]);
    assert!(err(try_cmd!(con, "MODULE", "UNLOAD", "conv")).contains("data types"));
    let path = module_path();
    assert!(
        try_cmd!(con, "MODULE", "LOAD", path.to_str().expect("UTF-8")).is_err(),
        "twice"
    );
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 1);
    let list = cmd!(con, "MODULE", "LIST");
    // Redis 8 has a built-in module that may be listed.
    let module = items(&list)
        .iter()
        .map(map)
        .find(|module| text(&module["name"]) == "conv")
        .expect("conv");
    let version: Vec<i64> = env!("CARGO_PKG_VERSION")
        .split('.')
        .map(|number| number.parse().expect("a number"))
        .collect();
    assert_eq!(
        int(&module["ver"]),
        10_000 * version[0] + 100 * version[1] + version[2]
    );
    assert!(server.is_alive());
}

/// A conversation has spare capacity and its copy has none. Freeing the copy must subtract exactly what creating it
/// added.
#[test]
fn freeing_a_copy_restores_the_info_fields() {
    let server = Server::start();
    let mut con = server.conn();
    for n in 0..5 {
        // One segment each.
        append(&mut con, "k", &[says("user", &"word ".repeat(4000 + n))]);
    }
    cmd!(con, "COPY", "k", "copy");
    for key in ["k", "copy"] {
        cmd!(con, "DEL", key);
    }
    assert_eq!(info(&mut con, "conv")["conv_bytes_stored"], "0");
}
