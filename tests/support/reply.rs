//! Sends commands and reads replies of either protocol version.

use std::collections::BTreeMap;

use redis::{Connection, ConnectionLike, RedisError, RedisResult, Value};

use super::cmd;

/// Sends a command given as a slice of arguments, for commands that are built at run time.
pub fn run<A: AsRef<[u8]>>(con: &mut Connection, args: &[A]) -> RedisResult<Value> {
    let mut command = redis::Cmd::new();
    for arg in args {
        command.arg(arg.as_ref());
    }
    command.query(con)
}

/// Sends commands in one pipeline and returns their replies. Error replies are returned as [`Value::ServerError`]. The
/// function itself fails only if the connection does.
pub fn pipeline<A: AsRef<[u8]>>(
    con: &mut Connection,
    commands: &[Vec<A>],
) -> RedisResult<Vec<Value>> {
    if commands.is_empty() {
        return Ok(Vec::new());
    }
    let mut packed = Vec::new();
    for args in commands {
        let mut command = redis::Cmd::new();
        for arg in args {
            command.arg(arg.as_ref());
        }
        command.write_packed_command(&mut packed);
    }
    con.req_packed_commands(&packed, 0, commands.len())
}

/// The error line if the reply is an error: `BADMSG message 2: ...`.
pub fn error_in(reply: &Value) -> Option<String> {
    match reply {
        Value::ServerError(e) => Some(format!("{} {}", e.code(), e.details().unwrap_or_default())),
        _ => None,
    }
}

/// The error line as sent by the server: `BADMSG message 2: ...`. The client library splits it into code and text.
pub fn error_line(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_string(),
        (None, _) => panic!("not an error reply: {error}"),
    }
}

/// The error line of a command that must fail.
pub fn err(result: RedisResult<Value>) -> String {
    match result {
        Ok(reply) => panic!("expected an error, got {reply:?}"),
        Err(error) => error_line(&error),
    }
}

/// The bytes of a bulk, simple or verbatim string, or the digits of an integer.
pub fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes.clone(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone().into_bytes(),
        Value::Okay => b"OK".to_vec(),
        Value::Int(number) => number.to_string().into_bytes(),
        other => panic!("expected a string, got {other:?}"),
    }
}

pub fn text(value: &Value) -> String {
    String::from_utf8(bytes(value)).expect("UTF-8")
}

pub fn int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        other => text(other)
            .parse()
            .unwrap_or_else(|_| panic!("expected a number, got {other:?}")),
    }
}

/// The elements of an array or set.
pub fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        other => panic!("expected an array, got {other:?}"),
    }
}

pub fn ints(value: &Value) -> Vec<i64> {
    items(value).iter().map(int).collect()
}

pub fn strings(value: &Value) -> Vec<Vec<u8>> {
    items(value).iter().map(bytes).collect()
}

/// A map of either protocol: a RESP3 map, or the flat array of keys and values of RESP2.
pub fn map(value: &Value) -> BTreeMap<String, Value> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(k, v)| (text(k), v.clone())).collect(),
        other => items(other)
            .chunks_exact(2)
            .map(|pair| (text(&pair[0]), pair[1].clone()))
            .collect(),
    }
}

/// The fields of `INFO section`.
pub fn info(con: &mut Connection, section: &str) -> BTreeMap<String, String> {
    let reply = text(&cmd!(*con, "INFO", section));
    reply
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .collect()
}

/// The digest of the key's value: equal on primary and replica, and before and after a restart.
pub fn digest(con: &mut Connection, key: &str) -> String {
    text(&items(&cmd!(*con, "DEBUG", "DIGEST-VALUE", key))[0])
}
