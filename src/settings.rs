//! The server-wide settings `conv.*`, as commands see them.

use crate::conversation::attributes::Attributes;
use crate::tokens::Encoding;

/// Values of the settings at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `conv.encoding`: of new conversations, and of CONV.TOKENS.
    pub encoding: Encoding,
    /// `conv.max-messages` of new conversations.
    pub max_messages: u64,
    /// `conv.max-tokens` of new conversations.
    pub max_tokens: u64,
    /// `conv.ttl` of new conversations, in seconds.
    pub ttl: u64,
    /// `conv.assume-complete`: new conversations are complete.
    pub assume_complete: bool,
    /// `conv.media-tokens` of new conversations.
    pub media_tokens: u32,
    /// `conv.max-message-bytes`: longer messages are refused.
    pub max_message_bytes: usize,
    /// `conv.hot-bytes`: the newest bytes of a conversation that stay uncompressed.
    pub hot_bytes: usize,
    /// `conv.summary-threshold`: an event when so many tokens are not summarised; 0 for none.
    pub summary_threshold: u64,
    /// `conv.compress`: older messages are compressed.
    pub compress: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            max_messages: 0,
            max_tokens: 0,
            ttl: 0,
            assume_complete: true,
            media_tokens: 85,
            max_message_bytes: 16 << 20,
            hot_bytes: 64 << 10,
            summary_threshold: 0,
            compress: true,
        }
    }
}

impl Settings {
    /// The attributes of a conversation created now.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes {
            encoding: self.encoding,
            media_tokens: self.media_tokens,
            max_messages: self.max_messages,
            max_tokens: self.max_tokens,
            ttl: self.ttl,
            complete: self.assume_complete,
        }
    }
}
