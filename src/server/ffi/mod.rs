//! Redis's C API behind safe Rust.

pub mod allocator;
pub mod api;
pub mod client_reply;
pub mod open_key;
pub mod panic_guard;
