//! The types of the command table.

pub use super::arg_docs::{Arg, Kind};
use super::prepared::Input;
pub use super::table::COMMANDS;
use super::{Read, Write};

/// How a command accesses its key, for key specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// It has no key.
    None,
    /// Reads the value.
    Read,
    /// May create the value or add to it.
    Insert,
    /// Changes an existing value.
    Update,
    /// Removes a part of the value.
    Delete,
    /// Removes a part of the value and returns it.
    Take,
    /// Returns a part of the value and records a lease.
    Claim,
    /// Reads several keys, which follow their number.
    ReadMany,
    /// Reads the first key and writes the second.
    Copy,
}

/// The function of a command.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    /// Only reads.
    Read(Read),
    /// May change the conversation.
    Write(Write),
    /// As `Write`, with arguments that are read in the background if they are large.
    WriteInput(Write, Input),
    /// As `Write`, with an effect that another server decided.
    Replay(Write),
    /// Accesses several keys.
    MultiKey(MultiKey),
}

impl Handler {
    /// True if it may change something.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::MultiKey(MultiKey::Recent))
    }
}

/// A command on several keys. `server::multi_key` opens the keys and runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiKey {
    /// `CONV.MRECENT`, whose arguments [`super::recent::multi_key`] parses.
    Recent,
    /// `CONV.FORK`, whose arguments [`super::fork::fork`] parses.
    Fork,
}

/// A row of the command table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name, in upper case.
    pub name: &'static str,
    /// The function.
    pub handler: Handler,
    /// Ends the cache load of its key, even if it changes nothing: the loader has sent all it has.
    pub ends_load: bool,
    /// Command flags of Redis, separated by spaces.
    pub flags: &'static str,
    /// Minimum number of arguments including the name, negated. No command has a fixed number: Redis would reject an
    /// unexpected argument without naming it.
    pub arity: i32,
    /// How it accesses its key, which is the first argument except for [`Key::ReadMany`].
    pub key: Key,
    /// ACL categories in addition to `conv`, separated by spaces.
    pub categories: &'static str,
    /// The first release that has the command.
    pub since: &'static str,
    /// Time complexity.
    pub complexity: &'static str,
    /// One sentence on what the command does.
    pub summary: &'static str,
    /// The arguments in the order of the syntax.
    pub args: &'static [Arg],
}
