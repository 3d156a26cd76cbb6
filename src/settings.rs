//! The values of the server-wide settings `conv.*` that commands depend on.

use crate::conversation::attributes::Attributes;
use crate::tokens::{DEFAULT_OVERHEAD, Encoding, FULL_SCALE};

/// The settings at the time a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `conv.encoding`: the encoding of new conversations, and the default of CONV.TOKENS.
    pub encoding: Encoding,
    /// `conv.overhead`: tokens of each message in addition to its text, for new conversations.
    pub overhead: u16,
    /// `conv.scale`: percentage by which counts are multiplied, for new conversations.
    pub scale: u16,
    /// `conv.max-messages`: the limit of new conversations, in messages; 0 for none.
    pub max_messages: u64,
    /// `conv.max-tokens`: the limit of new conversations, in tokens; 0 for none.
    pub max_tokens: u64,
    /// `conv.ttl`: the expiry that appends set on new conversations, in seconds; 0 for none.
    pub ttl: u64,
    /// `conv.assume-complete`: new conversations start as complete.
    pub assume_complete: bool,
    /// `conv.media-tokens`: tokens per media part, for new conversations.
    pub media_tokens: u32,
    /// `conv.max-message-bytes`: larger messages are rejected.
    pub max_message_bytes: usize,
    /// `conv.hot-bytes`: how many of the newest bytes of a conversation stay uncompressed.
    pub hot_bytes: usize,
    /// `conv.summary-threshold`: the event `conv.summarydue` is emitted when this many tokens are not summarised; 0
    /// for never.
    pub summary_threshold: u64,
    /// `conv.compress`: whether older messages are compressed.
    pub compress: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            encoding: Encoding::default(),
            overhead: DEFAULT_OVERHEAD,
            scale: FULL_SCALE,
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
    /// The attributes of a new conversation.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes {
            encoding: self.encoding,
            overhead: self.overhead,
            scale: self.scale,
            media_tokens: self.media_tokens,
            max_messages: self.max_messages,
            max_tokens: self.max_tokens,
            ttl: self.ttl,
            complete: self.assume_complete,
        }
    }
}
