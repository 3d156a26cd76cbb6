//! `conv`: conversations as a native Redis type.
//!
//! A Redis module that holds the message list of a chat on the server, knows the token count of every message, and
//! returns the newest messages that fit a token budget, never splitting a tool call from its result.
//!
//! The rooms of the house:
//!
//! | module | what is in it |
//! |---|---|
//! | [`conversation`] | the value: messages, turn groups, selecting. Knows no Redis |
//! | [`background`] | the threads that do what is slow |
//! | [`tokens`] | counting: E(s) and T(message) |
//! | [`codec`] | bytes to conversations and back |
//! | [`commands`] | one function a command: arguments and conversation to reply and effect |
//! | [`metrics`] | figures for INFO |
//! | [`misses`] | who loads what a cache does not hold, and who waits for it |
//! | [`settings`] | the server-wide settings as commands see them |
//! | `server` | all that speaks with Redis, and all unsafe code |
//!
//! A write is decided once, as a [`conversation::effect::Effect`]; the same effect is applied here, written to the
//! AOF and applied by replicas.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::undocumented_unsafe_blocks
    )
)]

#[forbid(unsafe_code)]
pub mod background;
#[forbid(unsafe_code)]
pub mod codec;
#[forbid(unsafe_code)]
pub mod commands;
#[forbid(unsafe_code)]
pub mod conversation;
#[forbid(unsafe_code)]
pub mod metrics;
#[forbid(unsafe_code)]
pub mod misses;
mod server;
#[forbid(unsafe_code)]
pub mod settings;
#[forbid(unsafe_code)]
pub mod tokens;
#[forbid(unsafe_code)]
pub mod varint;
