//! Errors that commands return to clients.

use std::fmt;

use crate::conversation::Unreadable;

/// Why a command failed. It has changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// Replied as `ERR <text>`.
    Err(String),
    /// An invalid message, replied as `BADMSG message <number>: <reason>`. Messages are numbered from 1.
    BadMessage(usize, String),
    /// An argument is missing. Replied as Redis does: wrong number of arguments for the command.
    Arity,
    /// The key holds a value of another type.
    WrongType,
    /// The server is at its memory limit.
    OutOfMemory,
    /// The server has become a replica while the client was blocked.
    ReadOnly,
    /// There is not enough memory to decompress messages.
    Unreadable,
    /// The slot of the key has moved to another node of the cluster while the client was blocked.
    SlotMoved,
}

impl CommandError {
    /// The text without the error code `ERR`, for places other than a reply.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Err(text) => text.clone(),
            error => error.to_string(),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Err(text) => write!(f, "ERR {text}"),
            Self::BadMessage(number, reason) => write!(f, "BADMSG message {number}: {reason}"),
            Self::Arity => f.write_str("ERR wrong number of arguments"),
            Self::OutOfMemory => {
                f.write_str("OOM command not allowed when used memory > 'maxmemory'.")
            }
            Self::ReadOnly => f.write_str("READONLY You can't write against a read only replica."),
            Self::Unreadable => write!(f, "ERR {Unreadable}; nothing was changed"),
            Self::SlotMoved => f.write_str(
                "TRYAGAIN the slot of the key moved to another node while the client was blocked",
            ),
            Self::WrongType => {
                f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value")
            }
        }
    }
}

impl From<Unreadable> for CommandError {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

/// Returns a [`CommandError::Err`] with this text.
///
/// # Errors
/// Always.
pub fn err<T>(text: impl Into<String>) -> Result<T, CommandError> {
    Err(CommandError::Err(text.into()))
}
