//! Real servers for tests and examples: start one with the module, talk to it, break it, look at what is left.
//!
//! Every [`Server`] has a port, a directory and a process of its own, so tests run side by side; when it goes out of
//! scope the process is killed and the directory removed, also if the test panicked (the end of its log is printed
//! then). Two environment variables choose other binaries: `CONV_MODULE` (the module) and `REDIS_SERVER`.

// Each user of this file needs a part of it.
#![allow(dead_code, unused_macros, unused_imports)]

mod corpus;
pub mod payload;
mod reply;
mod server;
pub mod sound;

pub use corpus::corpus;
pub use reply::*;
pub use server::*;

/// Sends a command and returns its reply; panics with the error line if there is one. An argument may be anything
/// that `redis` can write; a slice or vector of strings or byte vectors becomes several arguments.
macro_rules! cmd {
    ($con:expr, $($arg:expr),+ $(,)?) => {
        match $crate::support::try_cmd!($con, $($arg),+) {
            Ok(reply) => reply,
            Err(e) => panic!("{}: {}", [$(stringify!($arg)),+].join(" "), $crate::support::error_line(&e)),
        }
    };
}

/// As [`cmd!`], with the error as a value.
macro_rules! try_cmd {
    ($con:expr, $($arg:expr),+ $(,)?) => {{
        let mut command = ::redis::Cmd::new();
        $(command.arg($arg);)+
        command.query::<::redis::Value>(&mut $con)
    }};
}

pub(crate) use {cmd, try_cmd};
