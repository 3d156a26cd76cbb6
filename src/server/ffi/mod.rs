//! Redis's C API behind safe Rust: the rest of `server` is written against these types.
//!
//! Raw pointers from Redis become [`context::Context`] and [`string::RedisStr`] at the entry points and borrow for as
//! long as Redis promises that they live.

pub mod alarm;
pub mod allocator;
pub mod api;
pub mod blocking;
pub mod client_reply;
pub mod context;
pub mod entry;
pub mod main_thread;
pub mod open_key;
pub mod panic_guard;
pub mod scan;
pub mod server_events;
pub mod string;
