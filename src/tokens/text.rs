//! The counted text of a message, separate from the message, so that a background thread owns all it needs and the
//! message can change in the meantime.

use super::registry;
use super::{Rules, counter};

/// The strings to count, and the parts of the count that depend on no string. See the module documentation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// Tokens that depend on no string.
    fixed: u64,
    /// Number of image, audio, file and document parts.
    media: u64,
    /// The count is T(message): it contains the overhead of a message, and is scaled.
    is_message: bool,
    /// The strings, each preceded by its length in bytes (32 bits, little endian).
    strings: Vec<u8>,
}

/// A count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The number of tokens.
    pub tokens: u32,
    /// The tokenizer file is missing: bytes were counted.
    pub estimated: bool,
}

/// Bytes of a length prefix in [`Text`].
const LENGTH: usize = 4;

/// Bytes that may stay unused in a [`Text`].
const SPARE: usize = 256;

impl Text {
    /// The text of a message, to which strings and media parts are added, with room for about `bytes` bytes of strings.
    #[must_use]
    pub fn message(bytes: usize) -> Self {
        Self {
            fixed: 0,
            media: 0,
            is_message: true,
            strings: Vec::with_capacity(bytes),
        }
    }

    /// Adds a string that is to be counted, and tokens that depend on no text.
    pub fn add(&mut self, string: &str, fixed: u64) {
        self.fixed = self.fixed.saturating_add(fixed);
        self.push(string);
    }

    /// Adds a media part.
    pub fn add_media(&mut self) {
        self.media = self.media.saturating_add(1);
    }

    /// Gives back room that is not needed: a text may wait for long, in large numbers.
    pub fn shrink(&mut self) {
        // What a reallocation costs is more than some bytes are worth.
        if self.strings.capacity() > self.strings.len() + SPARE {
            self.strings.shrink_to_fit();
        }
    }

    /// The text of the system message that a summary is returned as.
    #[must_use]
    pub fn of_summary(summary: &str) -> Self {
        let mut text = Self::message(summary.len().saturating_add("system".len() + 2 * LENGTH));
        text.push("system");
        text.push(summary);
        text
    }

    /// A single string, whose count is E(s).
    #[must_use]
    pub fn plain(string: &str) -> Self {
        let mut text = Self::default();
        text.push(string);
        text
    }

    fn push(&mut self, string: &str) {
        // A string cannot exceed the protocol's limit of 512 MB per argument.
        if let (false, Ok(len)) = (string.is_empty(), u32::try_from(string.len())) {
            self.strings.extend_from_slice(&len.to_le_bytes());
            self.strings.extend_from_slice(string.as_bytes());
        }
    }

    /// Bytes of text to count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.strings.len()
    }

    /// True if there is no text to count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.strings.is_empty()
    }

    /// T(message): `overhead + E(role) + sum of E(text) + (1 + E(name)) + sum of (E(call name) + E(call arguments) + 1) +
    /// media`, scaled. For a plain string, E(s).
    #[must_use]
    pub fn count(&self, rules: Rules) -> Counted {
        let encoding = rules.encoding;
        let tokenizer = Some(encoding)
            .filter(|encoding| !encoding.is_builtin())
            .map(registry::wait);
        let estimated = matches!(tokenizer, Some(None));
        let count = |string: &str| match &tokenizer {
            None => counter::count(encoding, string),
            Some(Some(tokenizer)) => tokenizer.count(string),
            Some(None) => string.len() as u64,
        };
        let media = self.media.saturating_mul(u64::from(rules.media_tokens));
        let mut sum = self.fixed.saturating_add(media);
        if self.is_message {
            sum = sum.saturating_add(u64::from(rules.overhead));
        }
        let mut rest = self.strings.as_slice();
        while let Some((len, behind)) = rest.split_first_chunk::<LENGTH>() {
            let len = u32::from_le_bytes(*len) as usize;
            let Some((string, behind)) = behind.split_at_checked(len) else {
                break;
            };
            if let Ok(string) = std::str::from_utf8(string) {
                sum = sum.saturating_add(count(string));
            }
            rest = behind;
        }
        let tokens = if self.is_message {
            rules.scaled(sum)
        } else {
            u32::try_from(sum).unwrap_or(u32::MAX)
        };
        crate::metrics::counted(u64::from(tokens));
        Counted { tokens, estimated }
    }
}
