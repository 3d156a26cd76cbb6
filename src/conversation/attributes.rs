//! What is set for a conversation as a whole.

use serde::{Deserialize, Serialize};

use crate::tokens::{Encoding, Rules};

/// The attributes of a conversation. Whatever a server's settings decide is fixed here when the conversation is
/// created, so that a replica with other settings agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attributes {
    /// How its text is counted.
    pub encoding: Encoding,
    /// Tokens of one media part.
    pub media_tokens: u32,
    /// Retention: messages held at most; 0 for no limit.
    pub max_messages: u64,
    /// Retention: sum of T(message) held at most; 0 for no limit.
    pub max_tokens: u64,
    /// Seconds that the key lives after an append; 0 for ever.
    pub ttl: u64,
    /// Older messages are all here or deliberately gone.
    pub complete: bool,
}

impl Attributes {
    /// How messages are counted.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            encoding: self.encoding,
            media_tokens: self.media_tokens,
        }
    }
}

/// Longest `ttl`, in seconds: an expiry in ms stays far from the end of 64 bits.
pub const MAX_TTL: u64 = 9_000_000_000_000;
