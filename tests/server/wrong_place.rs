//! Commands that are rejected because of their context: keys of other types, out of memory, transactions and scripts.

use redis::Value;

use crate::notation::{check_error, line, message};
use crate::side_effect_probe::with_probe;
use crate::support::{cmd, error_line, items};

const EVERY: &str = "CONV.APPEND KEY @u
    CONV.APPEND KEY NX @u
    CONV.APPEND KEY XX IFLAST 0 @u
    CONV.RECENT KEY 100
    CONV.RECENT KEY 0 ANY WITHINFO
    CONV.SUMMARY KEY
    CONV.SUMMARY KEY WITHINFO
    CONV.SETSUMMARY KEY text
    CONV.SETSUMMARY KEY \"\"
    CONV.RANGE KEY 0 -1
    CONV.RANGE KEY 0 -1 REV
    CONV.INDEX KEY 0
    CONV.SEARCH KEY x
    CONV.GET KEY 1
    CONV.LEN KEY
    CONV.INFO KEY
    CONV.CREATE KEY
    CONV.ALTER KEY MAXMESSAGES 5
    CONV.EDIT KEY 1 @u
    CONV.DEL KEY 1
    CONV.POP KEY
    CONV.POP KEY 0
    CONV.TRIM KEY MAXMESSAGES 1
    CONV.MRECENT 100 2 missing KEY
    CONV.BACKFILL KEY @u
    CONV.BACKFILL KEY COMPLETE
    CONV.CLAIMSUMMARY KEY 10 LEASE 100
    CONV.FORK KEY new
    CONV.IMPORT KEY []
    CONV.IMPORT KEY [] REPLACE
    CONV.EXPORT KEY
    CONV.GETSTATE KEY
    CONV.GETSTATE KEY a
    CONV.SETSTATE KEY a 1
    CONV.DELSTATE KEY a";

#[test]
fn keys_of_other_types_are_rejected() {
    let text = "WRONGTYPE Operation against a key holding the wrong kind of value";
    with_probe(|probe| {
        for make in [
            "SET other string",
            "RPUSH other element",
            "SADD other member",
            "ZADD other 1 member",
            "HSET other field value",
            "XADD other 1-1 field value",
        ] {
            cmd!(probe.con, "DEL", "other");
            line(&mut probe.con, make).unwrap();
            probe.take_events();
            for command in EVERY.lines() {
                let command = command.trim().replace("KEY", "other");
                probe.rejects(&format!("{command} => {text}"));
            }
        }
        for command in [
            "GET k",
            "APPEND k x",
            "LPUSH k x",
            "LRANGE k 0 -1",
            "HSET k f v",
            "SADD k x",
            "ZADD k 1 x",
            "INCR k",
            "XADD k * f v",
            "GETEX k",
            "LLEN k",
            "STRLEN k",
        ] {
            probe.rejects(&format!("{command} => {text}"));
        }
    });
}

/// Commands that may use more memory are rejected, and commands that free memory are not.
#[test]
fn growing_commands_are_rejected_when_out_of_memory() {
    with_probe(|probe| {
        cmd!(
            probe.con,
            "CONFIG",
            "SET",
            "maxmemory-policy",
            "noeviction",
            "maxmemory",
            1
        );
        probe.rejects(
            "CONV.APPEND k @u => OOM
             CONV.APPEND missing @u => OOM
             CONV.SETSUMMARY k other => OOM
             CONV.CREATE missing => OOM
             CONV.ALTER k ENCODING gpt-4 => OOM
             CONV.EDIT k 1 @u => OOM
             CONV.IMPORT missing [] => OOM
             CONV.SETSTATE k a 1 => OOM",
        );
        for command in [
            "CONV.RECENT k 100",
            "CONV.RANGE k 0 -1",
            "CONV.INFO k",
            "CONV.POP k",
            "CONV.DEL k 1",
            "CONV.TRIM k MAXMESSAGES 1",
            "CONV.DELSTATE k a",
            "CONV.EXPORT k",
        ] {
            line(&mut probe.con, command).unwrap();
        }
    });
}

/// In MULTI and in scripts errors are values within the reply.
#[test]
fn errors_in_transactions_and_scripts_change_nothing() {
    with_probe(|probe| {
        let script = "return redis.pcall('CONV.APPEND', KEYS[1], ARGV[1], '[]')";
        let reply = probe.unchanged(&["EVAL", script, "1", "k", &message("u", 0)]);
        check_error(&error_line(&reply.unwrap_err()), "BADMSG message 2", "EVAL");
        for command in [
            "MULTI",
            "CONV.APPEND k @u []",
            "CONV.SETSUMMARY k x UPTO 99",
            "CONV.DEL k 1 x",
            "CONV.CREATE k",
        ] {
            line(&mut probe.con, command).unwrap();
        }
        let reply = probe.unchanged_exec();
        let errors = items(&reply);
        assert_eq!(errors.len(), 4);
        assert!(
            errors.iter().all(|e| matches!(e, Value::ServerError(_))),
            "{errors:?}"
        );
    });
}
