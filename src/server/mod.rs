//! Everything that talks to Redis. Thin: [`crate::commands`] decides what a command does.
//!
//! Dependencies point downwards:
//!
//! ```text
//! module/load            what is registered with Redis, and the events of the server
//!   execute, multi_key   a command: open the key, run the pure command, reply
//!     provide, input     what a command needs first: counts, a cache load, arguments that were read, messages that were
//!                        decompressed or converted
//!     write              make a change: apply, let retention act, announce, wake
//!       maintenance      take in counts and compressed segments, late retention
//!       idle_scan        compress conversations that nobody uses
//!         announce       WATCH, replicas and the AOF, keyspace events
//!         cache_loads    clients that wait for a load (RECENT ... WAIT)
//!         in_background  work for a blocked client, whose result is held until the command has replied
//!           blocked_clients   clients that wait for background work
//!             background_work large work for them, within a limit
//!             main_loop  tasks from background threads
//!               ffi      Redis's C API behind safe Rust
//! ```
//!
//! All unsafe code is in `ffi` and `module`.

mod announce;
mod background_work;
mod blocked_clients;
mod cache_loads;
mod execute;
mod ffi;
mod idle_scan;
mod in_background;
mod input;
mod main_loop;
mod maintenance;
mod module;
mod multi_key;
mod provide;
mod request;
mod searches;
mod step;
mod write;

#[cfg(test)]
pub use ffi::allocator::fails::from_bytes as failing_allocations;
