//! Encodes conversations as bytes and decodes them.
//!
//! A stored conversation is a series of *frames*: a header, then session fields, then messages in batches. RDB files and
//! DUMP payloads store each frame as a string. Every release reads all versions that any release has written.
//! [`VERSION`] is the version that this release writes.
//!
//! | module | contents |
//! |---|---|
//! | `v1` to `v5` | one stored form each |
//! | `header`, `segments`, `indexed` | what the stored forms share |
//! | `effect` | effects as arguments of `CONV.EFFECT` |
//! | `rebuild` | a conversation as a series of effects, for the rewrite of an AOF |

mod effect;
mod header;
mod indexed;
mod rebuild;
mod segments;
mod v1;
mod v2;
mod v3;
mod v4;
mod v5;

use std::fmt;

pub use effect::{decode_effect, encode_effect, payload, write_header};
pub use rebuild::rebuild;

use crate::conversation::effect::Count;
use crate::conversation::index::Entry;
use crate::conversation::{Conversation, compress};

/// The version of the stored form that this release writes.
pub const VERSION: u32 = 5;

/// Where stored bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A file, or another server's data set, that Redis loads as a whole.
    File,
    /// The payload of a command. Anybody may have made it.
    Client,
}

/// Why bytes cannot be decoded as a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Written by a newer release.
    Version(u32),
    /// The source failed or ended before the last frame.
    Truncated,
    /// The bytes violate the format. The text says where and how, without quoting stored data.
    Invalid(String),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(v) => write!(
                f,
                "stored form version {v} is newer than {VERSION}, the newest this release of conv reads"
            ),
            Self::Truncated => f.write_str("the data is incomplete"),
            Self::Invalid(why) => f.write_str(why),
        }
    }
}

/// In which form [`encode`] writes the texts that are not compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// As they are.
    AsHeld,
    /// Compressed, where that pays. It takes more time than all the rest; they are loaded in less, because loading does
    /// not decompress them, and into less memory.
    Compressed,
}

impl Texts {
    fn compress(self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::AsHeld => None,
            Self::Compressed => compress::compress_quickly(text),
        }
    }
}

/// Writes the frames of `conversation` to `sink`, in order. Runs in forked children, where every changed page is copied:
/// it allocates buffers of about a frame's size and changes nothing.
pub fn encode(conversation: &Conversation, texts: Texts, sink: impl FnMut(&[u8])) {
    v5::encode(conversation, texts, sink);
}

/// Reads a conversation from frames. `next` returns them in order, and `None` when the source fails.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode<F: AsRef<[u8]>>(
    version: u32,
    source: Source,
    next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    match version {
        1 => v1::decode(next),
        2 => v2::decode(next),
        3 => v3::decode(next),
        4 => v4::decode(next),
        5 => v5::decode(source, next),
        newer => Err(DecodeError::Version(newer)),
    }
}

fn invalid(why: impl Into<String>) -> DecodeError {
    DecodeError::Invalid(why.into())
}

/// The count of message `seq`, of `entry`. An estimate is pending: another server may have the tokenizer file.
fn count(conversation: &Conversation, seq: i64, entry: &Entry) -> Count {
    if conversation.is_estimated(seq) && !entry.flags.explicit() {
        Count::Pending
    } else {
        count_of_entry(entry)
    }
}

/// The count of the message of `entry`.
fn count_of_entry(entry: &Entry) -> Count {
    match (entry.flags.pending(), entry.flags.explicit()) {
        (true, _) => Count::Pending,
        (false, false) => Count::Counted(entry.tokens),
        (false, true) => Count::Given(entry.tokens),
    }
}
