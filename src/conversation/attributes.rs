//! What is set for a conversation as a whole.

use serde::{Deserialize, Serialize};

use crate::tokens::{DEFAULT_OVERHEAD, Encoding, FULL_SCALE, Rules};

/// The attributes of a conversation. Whatever a server's settings decide is fixed here when the conversation is
/// created, so that a replica with other settings agrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attributes {
    /// How its text is counted.
    pub encoding: Encoding,
    /// Tokens of each message in addition to its text. Since version 5 of the stored form, as `scale`.
    #[serde(default = "default_overhead")]
    pub overhead: u16,
    /// Percentage by which the count of a message is multiplied.
    #[serde(default = "default_scale")]
    pub scale: u16,
    /// Tokens of one media part.
    pub media_tokens: u32,
    /// Retention: messages held at most; 0 for no limit.
    pub max_messages: u64,
    /// Retention: sum of T(message) held at most; 0 for no limit.
    pub max_tokens: u64,
    /// Seconds that the key lives after an append; 0 for no expiry.
    pub ttl: u64,
    /// All older messages are held or were deliberately removed.
    pub complete: bool,
}

fn default_overhead() -> u16 {
    DEFAULT_OVERHEAD
}

fn default_scale() -> u16 {
    FULL_SCALE
}

impl Attributes {
    /// How messages are counted.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            encoding: self.encoding,
            media_tokens: self.media_tokens,
            overhead: self.overhead,
            scale: self.scale,
        }
    }

    /// Checks the ranges of attributes that did not come from the arguments of a command.
    ///
    /// # Errors
    /// Which attribute is out of range.
    pub fn check(&self) -> Result<(), String> {
        // Exhaustive, so that a new attribute with a range is checked.
        let Self {
            encoding: _,
            overhead,
            scale,
            media_tokens: _,
            max_messages: _,
            max_tokens: _,
            ttl,
            complete: _,
        } = *self;
        if overhead > MAX_OVERHEAD {
            return Err(format!("overhead must be from 0 to {MAX_OVERHEAD}"));
        }
        if !(MIN_SCALE..=MAX_SCALE).contains(&scale) {
            return Err(format!("scale must be from {MIN_SCALE} to {MAX_SCALE}"));
        }
        if ttl > MAX_TTL {
            return Err(format!("ttl must be from 0 to {MAX_TTL}"));
        }
        Ok(())
    }
}

/// Largest `overhead`, in tokens.
pub const MAX_OVERHEAD: u16 = 1000;

/// Smallest `scale`, in percent.
pub const MIN_SCALE: u16 = 10;

/// Largest `scale`, in percent.
pub const MAX_SCALE: u16 = 1000;

/// Longest `ttl`, in seconds: an expiry in ms stays far from the end of 64 bits.
pub const MAX_TTL: u64 = 9_000_000_000_000;
