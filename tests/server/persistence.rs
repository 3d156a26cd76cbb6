//! Data survive restarts, crashes, copies and migrations byte for byte.

use std::path::Path;
use std::time::Duration;

use fastrand::Rng;

use crate::random_writes::*;
use crate::samples::*;
use crate::support::*;
use crate::views::*;

/// Fills a server, applies `way` to it, and checks that all data are unchanged and the server works.
fn survives(server_args: &[&str], when: &str, way: impl FnOnce(&mut Server)) {
    let mut server = Server::with(server_args);
    let mut con = server.conn();
    let keys = fill(&mut con);
    let before = views(&mut con, &keys);
    drop(con);
    way(&mut server);
    let mut con = server.conn();
    assert_eq!(int(&cmd!(con, "DBSIZE")), keys.len() as i64);
    assert_same(&keys, &before, &views(&mut con, &keys), when);
    go_on(&mut con);
    assert!(!server.log().contains("internal error"), "{}", server.log());
    assert!(
        !server.log().contains("capital of France"),
        "a message stands in the log"
    );
}

/// The newest AOF file whose name has this ending.
fn aof_file(server: &Server, ending: &str) -> Vec<u8> {
    let mut files: Vec<_> = std::fs::read_dir(server.dir().join("appendonlydir"))
        .expect("a directory of the AOF")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path: &std::path::PathBuf| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    let newest: &Path = files.last().expect("a file");
    std::fs::read(newest).expect("a readable file")
}

fn rewrite_aof(server: &Server) {
    let mut con = server.conn();
    cmd!(con, "BGREWRITEAOF");
    aof_rewritten(server);
}

/// Waits until no AOF rewrite is running or scheduled.
fn aof_rewritten(server: &Server) {
    let mut con = server.conn();
    let done = wait_until(Duration::from_secs(30), || {
        let info = info(&mut con, "persistence");
        info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
    });
    assert!(done, "the AOF is still being rewritten");
    assert_eq!(
        info(&mut con, "persistence")["aof_last_bgrewrite_status"],
        "ok"
    );
}

#[test]
fn data_survive_save_and_restart() {
    survives(&[], "SAVE and restart", |server| {
        cmd!(server.conn(), "SAVE");
        server.restart();
    });
}

#[test]
fn data_survive_bgsave_and_crash() {
    survives(&[], "BGSAVE and kill", |server| {
        let mut con = server.conn();
        cmd!(con, "BGSAVE");
        let saved = wait_until(Duration::from_secs(30), || {
            info(&mut con, "persistence")["rdb_bgsave_in_progress"] == "0"
        });
        assert!(saved && info(&mut con, "persistence")["rdb_last_bgsave_status"] == "ok");
        server.kill9();
        server.start_again();
    });
}

/// BGSAVE, replication and AOF rewrites run in a child, which has the time to compress; SAVE and DUMP have not.
#[test]
fn a_child_compresses_what_it_saves() {
    let server = Server::with(&["--rdbcompression", "no"]);
    let mut con = server.conn();
    let text =
        "What the child compresses takes half of the space, and is compressed when it is loaded. ";
    for key in 0..100 {
        append(
            &mut con,
            &format!("k{key}"),
            &[says("user", &text.repeat(20))],
        );
    }
    let mut saved = |how: &str| {
        cmd!(con, how);
        let done = wait_until(Duration::from_secs(30), || {
            info(&mut con, "persistence")["rdb_bgsave_in_progress"] == "0"
        });
        assert!(done, "{how} does not end");
        let file = std::fs::metadata(server.dir().join("dump.rdb"));
        file.expect("an RDB file").len()
    };
    let whole = saved("SAVE");
    let compressed = saved("BGSAVE");
    assert!(compressed * 2 < whole, "{compressed} of {whole} bytes");
    cmd!(server.conn(), "CONFIG", "SET", "conv.compress", "no");
    let uncompressed = saved("BGSAVE");
    assert!(
        uncompressed * 10 > whole * 9,
        "{uncompressed} of {whole} bytes"
    );
}

#[test]
fn data_survive_debug_reload() {
    survives(&[], "DEBUG RELOAD", |server| {
        let mut con = server.conn();
        for _ in 0..2 {
            cmd!(con, "DEBUG", "RELOAD");
        }
    });
}

#[test]
fn data_survive_aof_and_restart() {
    survives(&["--appendonly", "yes"], "AOF and restart", |server| {
        server.restart();
        let file = aof_file(server, ".incr.aof");
        let effects = file.windows(11).filter(|w| w == b"CONV.EFFECT").count();
        assert!(effects > 100, "the file holds commands: {effects}");
        assert!(
            !file.windows(11).any(|w| w == b"CONV.APPEND"),
            "a command went into the AOF as it was sent"
        );
    });
}

#[test]
fn data_survive_an_aof_rewrite_with_rdb_preamble() {
    survives(&["--appendonly", "yes"], "AOF rewritten as RDB", |server| {
        rewrite_aof(server);
        // Valkey 9 writes a different magic string.
        let base = aof_file(server, ".base.rdb");
        assert!(base.starts_with(b"REDIS") || base.starts_with(b"VALKEY"));
        server.restart();
    });
}

#[test]
fn data_survive_an_aof_rewrite_as_commands() {
    let plain = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];
    survives(&plain, "AOF rewritten as commands", |server| {
        rewrite_aof(server);
        let base = aof_file(server, ".base.aof");
        assert!(base.starts_with(b"*"), "commands");
        // A long conversation is rewritten as several commands, so that replaying one never takes long.
        let words = |line: &[u8]| {
            std::str::from_utf8(line.strip_prefix(b"*")?)
                .ok()?
                .trim()
                .parse::<usize>()
                .ok()
        };
        let longest = base.split(|byte| *byte == b'\n').filter_map(words).max();
        assert!(
            longest.is_some_and(|n| (100..1000).contains(&n)),
            "{longest:?}"
        );
        server.restart();
        // Again, with a conversation that was created by those commands.
        rewrite_aof(server);
        server.restart();
    });
}

#[test]
fn data_survive_an_aof_rewrite_during_writes() {
    for preamble in ["yes", "no"] {
        let mut server = Server::with(&["--appendonly", "yes", "--aof-use-rdb-preamble", preamble]);
        let mut con = server.conn();
        let mut keys = fill(&mut con);
        cmd!(con, "BGREWRITEAOF");
        let mut rng = Rng::with_seed(7);
        for n in 0..300 {
            let _ = run(
                &mut con,
                &random_write(&mut rng, &format!("random:{}", n % 3)),
            );
        }
        append(&mut con, "new", &[says("user", "came during the rewrite")]);
        keys.push("new".into());
        aof_rewritten(&server);
        let before = views(&mut con, &keys);
        drop(con);
        server.restart();
        assert_same(&keys, &before, &views(&mut server.conn(), &keys), preamble);
    }
}

#[test]
fn acknowledged_writes_survive_kill_with_appendfsync_always() {
    survives(
        &["--appendonly", "yes", "--appendfsync", "always"],
        "kill -9",
        |server| {
            server.kill9();
            server.start_again();
        },
    );
}

#[test]
fn keys_that_expired_while_the_server_was_down_are_removed() {
    let mut server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut con = server.conn();
    for key in ["soon", "later"] {
        append(&mut con, key, &[says("user", "hello")]);
    }
    cmd!(con, "CONV.ALTER", "soon", "TTL", "1");
    cmd!(con, "CONV.APPEND", "soon", says("user", "set to expire"));
    drop(con);
    server.kill9();
    std::thread::sleep(Duration::from_millis(1100));
    server.start_again();
    let mut con = server.conn();
    assert_eq!(int(&cmd!(con, "CONV.LEN", "soon")), 0);
    assert_eq!(int(&cmd!(con, "CONV.LEN", "later")), 1);
    assert_eq!(append(&mut con, "soon", &[says("user", "anew")]), 1);
}

#[test]
fn dump_and_restore_preserve_all_data() {
    let server = Server::start();
    let mut con = server.conn();
    let keys = fill(&mut con);
    let before = views(&mut con, &keys);
    let copies: Vec<String> = keys.iter().map(|key| format!("copy of {key}")).collect();
    let restore = |con: &mut redis::Connection, key: &str, onto: &str, replace: &[&str]| {
        let payload = bytes(&cmd!(*con, "DUMP", key));
        let expires = int(&cmd!(*con, "PEXPIRETIME", key)).max(0);
        cmd!(*con, "RESTORE", onto, expires, payload, "ABSTTL", replace);
    };
    for (key, copy) in keys.iter().zip(&copies) {
        restore(&mut con, key, copy, &[]);
        let again = try_cmd!(con, "RESTORE", copy, 0, bytes(&cmd!(con, "DUMP", key)));
        assert!(err(again).starts_with("BUSYKEY"));
    }
    assert_same(
        &keys,
        &before,
        &views(&mut con, &copies),
        "RESTORE to another key",
    );
    // Restores each value under the key of the next one, and then back.
    for (key, copy) in keys.iter().zip(copies.iter().rev()) {
        restore(&mut con, key, copy, &["REPLACE"]);
    }
    copies
        .iter()
        .rev()
        .zip(&keys)
        .for_each(|(copy, key)| restore(&mut con, copy, key, &["REPLACE"]));
    assert_same(
        &keys,
        &before,
        &views(&mut con, &keys),
        "RESTORE with REPLACE, there and back",
    );
    go_on(&mut con);
}

#[test]
fn copy_and_rename_preserve_all_data() {
    let server = Server::start();
    let mut con = server.conn();
    let keys = fill(&mut con);
    let before = views(&mut con, &keys);
    let copies: Vec<String> = keys.iter().map(|key| format!("copy of {key}")).collect();
    for (key, copy) in keys.iter().zip(&copies) {
        assert_eq!(int(&cmd!(con, "COPY", key, copy)), 1);
        assert_eq!(int(&cmd!(con, "COPY", "chat", copy)), 0, "without REPLACE");
    }
    assert_same(&keys, &before, &views(&mut con, &copies), "COPY");
    // Original and copy are independent.
    go_on(&mut con);
    assert_same(
        &keys,
        &before,
        &views(&mut con, &copies),
        "COPY, the original changed",
    );
    for (key, copy) in keys.iter().zip(&copies) {
        assert_eq!(int(&cmd!(con, "COPY", copy, key, "REPLACE")), 1);
        cmd!(con, "COPY", copy, key, "DB", 1);
    }
    assert_same(&keys, &before, &views(&mut con, &keys), "COPY with REPLACE");
    for (key, copy) in keys.iter().zip(&copies) {
        cmd!(con, "RENAME", key, format!("moved {key}"));
        cmd!(con, "RENAME", copy, key);
    }
    assert_same(&keys, &before, &views(&mut con, &keys), "RENAME");
    go_on(&mut con);
    cmd!(con, "SELECT", 1);
    assert_same(
        &keys,
        &before,
        &views(&mut con, &keys),
        "COPY to another database",
    );
    go_on(&mut con);
}

#[test]
fn migrate_preserves_all_data() {
    let (from, to) = (Server::start(), Server::start());
    let (mut con, mut there) = (from.conn(), to.conn());
    let keys = fill(&mut con);
    let before = views(&mut con, &keys);
    let home = [
        "MIGRATE",
        "127.0.0.1",
        &to.port().to_string(),
        "",
        "0",
        "20000",
    ]
    .map(String::from);
    // MIGRATE sends the remaining TTL, so the time of the transfer is added to it.
    let lasting = |views: &[View]| -> Vec<View> {
        let lasting = |view: &View| {
            view.iter()
                .filter(|(what, _)| what != "PEXPIRETIME")
                .cloned()
                .collect()
        };
        views.iter().map(lasting).collect()
    };
    for options in [&["COPY", "KEYS"][..], &["REPLACE", "KEYS"]] {
        cmd!(con, &home[..], options, &keys);
        let after = views(&mut there, &keys);
        assert_same(
            &keys,
            &lasting(&before),
            &lasting(&after),
            &options.join(" "),
        );
        assert!((99_000..=100_000).contains(&int(&cmd!(there, "TTL", "ttl"))));
    }
    assert_eq!(int(&cmd!(con, "DBSIZE")), 0);
    go_on(&mut there);
}

#[test]
fn servers_without_the_module_reject_the_data() {
    let (server, plain) = (Server::start(), Server::plain(&[]));
    let (mut con, mut there) = (server.conn(), plain.conn());
    append(&mut con, "k", &[says("user", "hello")]);
    let payload = bytes(&cmd!(con, "DUMP", "k"));
    assert!(err(try_cmd!(there, "RESTORE", "k", 0, payload)).contains("Bad data format"));
    let port = plain.port().to_string();
    assert!(try_cmd!(con, "MIGRATE", "127.0.0.1", port, "k", 0, 5000).is_err());
    assert_eq!(int(&cmd!(con, "CONV.LEN", "k")), 1, "still here");
}
