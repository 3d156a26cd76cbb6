//! `conv`: conversations as a native Redis type.
//!
//! A Redis module that holds the message list of a chat on the server, knows the token count of every message, and
//! returns the newest messages that fit a token budget, never splitting a tool call from its result.
//!
//! The modules:
//!
//! | module | what is in it |
//! |---|---|
//! | [`conversation`] | the value: messages, turn groups, selecting. Knows no Redis |
//! | [`background`] | the threads that do what is slow |
//! | [`tokens`] | counting: E(s) and T(message) |
//! | [`codec`] | bytes to conversations and back |
//! | [`commands`] | one function a command: arguments and conversation to reply and effect |
//! | [`metrics`] | figures for INFO |
//! | [`cache_loads`] | who loads what a cache does not hold, and who waits for it |
//! | [`settings`] | the server-wide settings as commands see them |
//! | [`varint`] | numbers of variable length, and the one reader of stored bytes |
//! | `server` | all that speaks with Redis, and all unsafe code |
//!
//! All but `server` is plain Rust without unsafe code and without Redis: it is tested without a server. `server` is
//! thin: open the key, call, tell everyone, reply.
//!
//! # Effects
//!
//! A command gets a conversation to look at and returns a reply and, if it writes, an
//! [`Effect`](conversation::effect::Effect). A write is decided once, on the server that it was sent to; the same effect is
//! applied there ([`Conversation::apply`](conversation::Conversation::apply)), written to the AOF and applied by replicas,
//! as `CONV.EFFECT` ([`codec::encode_effect`]; `CONV.FORK`, which depends on its source alone, is sent as it is). So whatever depends on the clock, on settings or on counts is fixed when it
//! travels. A command that fails has changed nothing: it never had the means to.
//!
//! # Counting
//!
//! Counting 1 kB takes longer than the rest of a command, so it is not done on the main thread. An append leaves the text
//! that counts with [`tokens::background`], and keeps a ticket; the next command on the conversation, or a timer when four have
//! gathered, takes the counts over. Until then a message is *pending*, and [the least that it can count](conversation::LEAST_TOKENS) stands in the
//! sums. A window selected by such sums is never too small; if something in it is pending, exactly that is counted: at
//! once if it is little, else the client is blocked and its command run again.
//!
//! Counts are those of tiktoken, T(message) follows OpenAI's cookbook:
//!
//! ```
//! use conv::tokens::{Encoding, count};
//!
//! assert_eq!(count(Encoding::O200kBase, "Hello! How can I help?"), 7);
//! ```
//!
//! # Windows
//!
//! `CONV.RECENT` returns the leading system messages, the summary, then the *window*: the newest messages that fit the rest of
//! the budget. It begins only where no *group* is split: a call and its results stay together. For that, each
//! message is read once, on arrival:
//!
//! ```
//! use conv::conversation::message::{Class, facts};
//!
//! let call = facts(br#"{"role":"assistant","tool_calls":[{"id":"c1","type":"function",
//!     "function":{"name":"weather","arguments":"{}"}}]}"#).unwrap();
//! assert_eq!(call.class, Class::Assistant);
//! assert_eq!(call.calls[0].id.as_deref(), Some("c1"));
//!
//! let result = facts(br#"{"role":"tool","tool_call_id":"c1","content":"21 C"}"#).unwrap();
//! assert_eq!(result.results[0].id.as_deref(), Some("c1"));
//! ```
//!
//! What follows for the messages stands as flags in the [log](conversation::log). Running sums in front of each
//! [segment](conversation::segment) make [selecting](conversation::window) a binary search: its time does not depend on the
//! length of the conversation.
//!
//! # Who may change what
//!
//! - Keys, and the conversations under them, are touched by the main thread only.
//! - A conversation is changed by `apply` alone. Two things are not changes, as no reply but a figure of storage differs:
//!   taking over finished counts, and putting a packed [segment](conversation::compress) in the place of the same unpacked.
//! - Background threads own what they were given, leave word of what is done and wake the event loop; what follows from it
//!   happens on the main thread.
//! - [`metrics`] are atomics that anyone adds to and only INFO reads.
//! - Unsafe code stands in `server` only; the others forbid it. No panic crosses into Redis: it becomes an error reply.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![cfg_attr(not(test), warn(clippy::pedantic))]
// Columns of bytes, hashes and Redis's C flags: what is cast there is bounded, or meant to be cut.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
// Facts are facts, and options are options.
#![allow(clippy::struct_excessive_bools)]
// `argv` holds what `args` shows; `up` to `upto`.
#![allow(clippy::similar_names)]
// All commands have one signature; a method's path is no closure for every lifetime.
#![allow(clippy::unnecessary_wraps, clippy::redundant_closure_for_method_calls)]
// Two cases side by side read better as such.
#![allow(clippy::single_match_else)]
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
pub mod cache_loads;
#[forbid(unsafe_code)]
pub mod codec;
#[forbid(unsafe_code)]
pub mod commands;
#[forbid(unsafe_code)]
pub mod conversation;
#[forbid(unsafe_code)]
pub mod metrics;
mod server;
#[forbid(unsafe_code)]
pub mod settings;
#[forbid(unsafe_code)]
pub mod tokens;
#[forbid(unsafe_code)]
pub mod varint;
