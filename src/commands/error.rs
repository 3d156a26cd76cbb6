//! Errors as a client sees them.

use std::fmt;

/// Why a command did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// Replied as `ERR <text>`.
    Err(String),
    /// Replied as `BADMSG message <number>: <reason>`; messages are numbered from 1.
    BadMessage(usize, String),
    /// Replied as Redis does: wrong number of arguments.
    Arity,
    /// The key holds another type.
    WrongType,
    /// The server is at its memory limit.
    OutOfMemory,
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
            Self::SlotMoved => f.write_str(
                "TRYAGAIN the slot of the key moved to another node while the client was blocked",
            ),
            Self::WrongType => {
                f.write_str("WRONGTYPE Operation against a key holding the wrong kind of value")
            }
        }
    }
}

/// An `ERR` with this text.
///
/// # Errors
/// Always.
pub fn err<T>(text: impl Into<String>) -> Result<T, CommandError> {
    Err(CommandError::Err(text.into()))
}
