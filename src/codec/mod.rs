//! Bytes to conversations and back.
//!
//! A stored conversation is a series of *frames*: a header, then session fields and messages in batches. RDB files and DUMP payloads
//! store one frame a string. Every release reads all versions that any release has written; [`VERSION`] is the one
//! that this release writes.

mod effect;
mod header;
mod rebuild;
mod segments;
mod v1;
mod v2;
mod v3;
mod v4;

use std::fmt;

pub use effect::{decode_effect, encode_effect, payload, write_header};
pub use rebuild::rebuild;

use crate::conversation::Conversation;
use crate::conversation::effect::Count;
use crate::conversation::index::Entry;

/// Version of the stored form that is written.
pub const VERSION: u32 = 4;

/// Why bytes are no conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Written by a newer release.
    Version(u32),
    /// The source ended or failed before the last frame.
    Truncated,
    /// The bytes contradict the format; says where and how.
    Invalid(String),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(v) => write!(
                f,
                "stored form version {v} is newer than {VERSION}, the newest this release of conv reads"
            ),
            Self::Truncated => f.write_str("the data ends too early"),
            Self::Invalid(why) => f.write_str(why),
        }
    }
}

/// Writes the frames of `conversation` to `sink`, in order. Allocates one buffer of about a frame's size, and changes
/// nothing: it runs in forked children.
pub fn encode(conversation: &Conversation, sink: impl FnMut(&[u8])) {
    v4::encode(conversation, sink);
}

/// Reads a conversation from frames; `next` yields them in order, nothing when the source fails.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode<F: AsRef<[u8]>>(
    version: u32,
    next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    match version {
        1 => v1::decode(next),
        2 => v2::decode(next),
        3 => v3::decode(next),
        4 => v4::decode(next),
        newer => Err(DecodeError::Version(newer)),
    }
}

fn invalid(why: impl Into<String>) -> DecodeError {
    DecodeError::Invalid(why.into())
}

/// What is known of the count of the message of `entry`.
fn count(entry: &Entry) -> Count {
    match (entry.flags.pending(), entry.flags.explicit()) {
        (true, _) => Count::Pending,
        (false, false) => Count::Counted(entry.tokens),
        (false, true) => Count::Given(entry.tokens),
    }
}
