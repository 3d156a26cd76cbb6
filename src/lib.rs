//! `conv`: conversations as a native Redis type.
//!
//! A Redis module that holds the message list of a chat on the server, knows the token count of every message, and
//! returns the newest messages that fit a token budget, never splitting a tool call from its result.
//!
//! | module | contents |
//! |---|---|
//! | [`background`] | the background threads and the lanes in which tasks wait for them |
//! | [`cache_loads`] | `RECENT ... WAIT`: which client loads a missing conversation, and which clients wait for it |
//! | [`codec`] | conversations as bytes: the RDB file, `DUMP` payloads, and `CONV.EFFECT` for the AOF and replicas |
//! | [`commands`] | one function per command: from arguments and a conversation to a reply and an effect |
//! | [`conversation`] | the data type: messages, groups, selecting a window; `conversation::dialect` reads the messages of each LLM framework |
//! | [`metrics`] | counters and gauges of the whole server, for `INFO conv` |
//! | [`settings`] | the values of the `conv.*` settings |
//! | [`tokens`] | token counting: E(s) of a string, T(message) of a message |
//! | [`varint`] | integers of variable length, and the cursor that reads stored bytes |
//! | `server` | everything that talks to Redis, and all unsafe code |
//!
//! All modules except `server` are plain Rust: they contain no unsafe code, do not depend on Redis, and are tested without
//! a server. `server` is thin. For each command it opens the key, runs the pure function, applies the effect, propagates it
//! to the AOF and to replicas, and replies.
//!
//! # Effects
//!
//! A command reads a conversation and returns a reply and, if it writes, an [`Effect`](conversation::effect::Effect). A write
//! is decided once, on the server that received the command. The same effect is applied there
//! ([`Conversation::apply`](conversation::Conversation::apply)) and sent to the AOF and to replicas as `CONV.EFFECT`
//! ([`codec::encode_effect`]). `CONV.FORK` is the exception: it depends on its source only and is propagated verbatim. The
//! effect therefore fixes everything that depends on the clock, on settings or on token counts, and a replica with other
//! settings stays identical. A command that fails changes nothing, because it never gets mutable access to the conversation.
//!
//! # Counting
//!
//! Counting a message of 1 kB takes 20 to 60 us, ten times as long as the rest of the command. An append therefore hands
//! the counted text to [`tokens::background`] and keeps a ticket. Until the count is taken in, the message is *pending*: the
//! sums contain [the least that it can count](conversation::Conversation::least_tokens). The next command on the conversation takes in
//! finished counts; so does a timer once four are finished.
//!
//! A window that was selected with pending counts is never too small. If it contains pending messages, exactly these are
//! counted: on the main thread if they are short, otherwise in the background while the client is blocked. Then the command
//! runs again.
//!
//! E(s) equals that of tiktoken. T(message) follows the OpenAI cookbook:
//!
//! ```
//! use conv::tokens::{Encoding, count};
//!
//! assert_eq!(count(Encoding::O200K_BASE, "Hello! How can I help?"), 7);
//! ```
//!
//! # Windows
//!
//! `CONV.RECENT` returns the leading system messages, the summary, and the *window*: the newest messages that fit into the
//! rest of the budget. A window starts only at a *group start*. A group is a run of messages that are returned together or
//! not at all, such as a tool call and its result. What this requires is read from each message once, when it arrives:
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
//! The [log](conversation::log) stores the result as flags of the message, and prefix sums before each
//! [segment](conversation::segment). Selecting a [window](conversation::window) is a binary search over these sums, so its
//! time does not depend on the length of the conversation.
//!
//! # Threads
//!
//! - Only the main thread accesses keys and conversations.
//! - Only `apply` changes the content of a conversation. Taking in finished counts and replacing a segment by its
//!   [compressed](conversation::compress) form do not: no reply depends on them, except for figures on storage.
//! - A background thread owns its input, or shares what nobody changes: the arguments of a blocked client, and snapshots of
//!   a conversation's segments. It posts its result to the main loop, and the main thread takes it in.
//! - A command with large arguments, or that reads much compressed text, blocks its client first. Arguments are read, and
//!   text is decompressed, in the background. Then the command runs on the main thread as if it arrived at that moment.
//! - [`metrics`] are atomics. Any thread updates them, and only `INFO` reads them.
//! - Only `server` contains unsafe code; the other modules forbid it. A panic never reaches Redis: it becomes an error reply.

#![deny(missing_docs, unsafe_op_in_unsafe_fn)]
#![cfg_attr(not(test), warn(clippy::pedantic))]
// Casts concern compressed columns, hashes and C flags of Redis: the values are bounded, or meant to be truncated.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss
)]
// `Facts` and `Request` mirror independent properties and options.
#![allow(clippy::struct_excessive_bools)]
// Such as `argv` and `args`.
#![allow(clippy::similar_names)]
// All commands share one signature, and a method path is not generic over lifetimes where a closure is.
#![allow(clippy::unnecessary_wraps, clippy::redundant_closure_for_method_calls)]
// A `match` shows two cases side by side.
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
