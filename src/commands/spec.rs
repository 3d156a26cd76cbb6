//! What is said of a command in the one table of all of them.

pub use super::arg_docs::{Arg, Kind};
pub use super::table::COMMANDS;
use super::{Read, Write};

/// What a command does with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// It has none.
    None,
    /// Reads it.
    Read,
    /// May create it or add to it.
    Insert,
    /// Changes what is there.
    Update,
    /// Takes something away.
    Delete,
    /// Takes something away and returns it.
    Take,
    /// Returns what is there, and notes who has it.
    Claim,
    /// Reads several, behind their number.
    ReadMany,
    /// Reads the first and writes the second.
    Copy,
}

/// The function behind a command.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    /// Changes nothing.
    Read(Read),
    /// May change the conversation.
    Write(Write),
    /// As `Write`, with an effect that has been decided elsewhere.
    Replay(Write),
    /// Has several keys.
    MultiKey(MultiKey),
}

impl Handler {
    /// True if it may change something.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::MultiKey(MultiKey::Recent))
    }
}

/// A command on several keys: how they are opened and held is the server's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiKey {
    /// See [`super::recent::multi_key`].
    Recent,
    /// See [`super::fork::fork`].
    Fork,
}

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// Its function.
    pub handler: Handler,
    /// Ends the load of its key, even if it changes nothing: the loader has nothing more to add.
    pub ends_load: bool,
    /// Redis's flags, separated by spaces.
    pub flags: &'static str,
    /// Number of arguments with the name; negative: at least so many. Always negative, so that it is the command that
    /// names a surplus argument, not Redis that only counts.
    pub arity: i32,
    /// What it does with its key: the first argument, but for [`Key::ReadMany`].
    pub key: Key,
    /// ACL categories beside `conv`, separated by spaces.
    pub categories: &'static str,
    /// First release that has it.
    pub since: &'static str,
    /// Time it takes.
    pub complexity: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Its arguments.
    pub args: &'static [Arg],
}
