//! The C functions of the commands.

use std::ffi::c_int;

use redis_module::raw::{RedisModuleCtx, RedisModuleString};
use seq_macro::seq;

use super::api::OK;
use super::context::Context;
use super::panic_guard::guard;
use super::string::RedisStr;

/// A command's function as C calls it.
pub type Entry =
    unsafe extern "C" fn(*mut RedisModuleCtx, *mut *mut RedisModuleString, c_int) -> c_int;

/// Runs the commands.
pub trait Commands {
    /// Runs the command with this index in the table of commands, and replies. `args` begins with its name.
    fn run(index: usize, ctx: Context<'_>, args: &[RedisStr<'_>]);
}

/// The most commands that the table may hold.
pub const MOST_COMMANDS: usize = 64;

/// One entry for each index of the table of commands.
pub fn entries<C: Commands>() -> [Entry; MOST_COMMANDS] {
    seq!(N in 0..64 {
        [ #( entry::<C, N>, )* ]
    })
}

/// # Safety
/// Called by Redis, with a valid context and `argc` valid arguments.
unsafe extern "C" fn entry<C: Commands, const INDEX: usize>(
    ctx: *mut RedisModuleCtx,
    argv: *mut *mut RedisModuleString,
    argc: c_int,
) -> c_int {
    let len = usize::try_from(argc).unwrap_or_default();
    // SAFETY: as Redis promises; both are used within this call only.
    let (ctx, args) = unsafe { (Context::new(ctx), RedisStr::slice(argv, len)) };
    guard((), || C::run(INDEX, ctx, args));
    OK
}
