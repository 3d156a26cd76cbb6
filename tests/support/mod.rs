//! Starts real servers for tests and examples, sends commands, injects faults, and reads the results.
//!
//! Every [`Server`] has its own port, directory and process, so tests can run in parallel. When a `Server` is dropped,
//! its process is killed and its directory removed. If the test panicked, the end of the server log is printed first.
//! Two environment variables select other binaries: `CONV_MODULE` (the module) and `REDIS_SERVER`.

// Every test binary that includes this module uses only a part of it.
#![allow(dead_code, unused_macros, unused_imports)]

mod corpus;
pub mod payload;
mod reply;
mod server;
pub mod sound;

use redis::{Cmd, ConnectionLike, RedisResult, Value};

pub use corpus::corpus;
pub use reply::*;
pub use server::*;

/// Sends a command and returns its reply; panics with the error line if the reply is an error. An argument may be of
/// any type that the `redis` crate can encode. A slice or vector of strings or byte vectors becomes several arguments.
macro_rules! cmd {
    ($con:expr, $($arg:expr),+ $(,)?) => {{
        let mut command = ::redis::Cmd::new();
        $(command.arg($arg);)+
        $crate::support::reply(&mut $con, &command, concat!($(" ", stringify!($arg)),+))
    }};
}

/// Like [`cmd!`], but returns an error as a value.
macro_rules! try_cmd {
    ($con:expr, $($arg:expr),+ $(,)?) => {{
        let mut command = ::redis::Cmd::new();
        $(command.arg($arg);)+
        $crate::support::result(&mut $con, &command)
    }};
}

pub(crate) use {cmd, try_cmd};

/// What [`cmd!`] does, apart from the arguments: the macro stands in thousands of places, and each would be compiled.
pub fn reply(con: &mut dyn ConnectionLike, command: &Cmd, source: &str) -> Value {
    match result(con, command) {
        Ok(reply) => reply,
        Err(error) => panic!("{}: {}", source.trim_start(), error_line(&error)),
    }
}

/// What [`try_cmd!`] does, apart from the arguments.
pub fn result(con: &mut dyn ConnectionLike, command: &Cmd) -> RedisResult<Value> {
    command.query(con)
}
