//! The counted text of a message, separate from the message, so that a background thread owns all it needs and the
//! message can change in the meantime.

use super::{MESSAGE_TOKENS, Rules, count};
use crate::conversation::message::{Counted, Message};

/// The strings to count, and the parts of the count that depend on no string. See the module documentation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// Tokens that depend on no string.
    fixed: u64,
    /// Number of image, audio, file and document parts.
    media: u64,
    /// The strings, each preceded by its length in bytes (32 bits, little endian).
    strings: Vec<u8>,
}

/// Bytes of a length prefix in [`Text`].
const LENGTH: usize = 4;

impl Counted<'_> {
    /// Returns the tokens that depend on no string, the number of media parts, and the strings to count.
    pub(super) fn price(&self) -> (u64, u64, [&str; 2]) {
        match *self {
            Counted::Role(text) | Counted::Text(text) => (0, 0, [text, ""]),
            Counted::Name(name) => (1, 0, [name, ""]),
            Counted::Call(name, arguments) => (1, 0, [name, arguments]),
            Counted::Media => (0, 1, ["", ""]),
        }
    }
}

impl Text {
    /// The counted text of `message`.
    #[must_use]
    pub fn of(message: &Message<'_, '_>) -> Self {
        let mut text = Self {
            fixed: MESSAGE_TOKENS,
            ..Self::default()
        };
        let mut bytes = 0;
        message.visit_counted(&mut |part| {
            let (_, _, [a, b]) = part.price();
            bytes += a.len() + b.len() + 2 * LENGTH;
        });
        text.strings.reserve_exact(bytes);
        message.visit_counted(&mut |part| {
            let (fixed, media, strings) = part.price();
            text.fixed += fixed;
            text.media += media;
            for string in strings {
                text.push(string);
            }
        });
        text
    }

    /// The text of the system message that a summary is returned as.
    #[must_use]
    pub fn of_summary(summary: &str) -> Self {
        let mut text = Self {
            fixed: MESSAGE_TOKENS,
            ..Self::default()
        };
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

    /// T(message), by the formula of the OpenAI cookbook: `3 + E(role) + sum of E(text) + (1 + E(name)) + sum of
    /// (E(call name) + E(call arguments) + 1) + media`. For a plain string, E(s).
    #[must_use]
    pub fn count(&self, rules: Rules) -> u32 {
        let media = self.media.saturating_mul(u64::from(rules.media_tokens));
        let mut sum = self.fixed.saturating_add(media);
        let mut rest = self.strings.as_slice();
        while let Some((len, behind)) = rest.split_first_chunk::<LENGTH>() {
            let len = u32::from_le_bytes(*len) as usize;
            let Some((string, behind)) = behind.split_at_checked(len) else {
                break;
            };
            if let Ok(string) = std::str::from_utf8(string) {
                sum = sum.saturating_add(count(rules.encoding, string));
            }
            rest = behind;
        }
        crate::metrics::counted(sum);
        u32::try_from(sum).unwrap_or(u32::MAX)
    }
}
