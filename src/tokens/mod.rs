//! Counting: E(s), the tokens of a string, and T(message), the tokens of a message.

mod backtrack;
mod classes;
pub mod counter;
#[cfg(test)]
mod encode_tests;
mod encoding;
mod merge;
mod pieces;
pub mod split;
mod vocabulary;

pub use counter::count;
pub use encoding::{ENCODINGS, Encoding};

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::conversation::message::{Counted, Message};

/// Encodings whose tables are loaded or being loaded, a bit each.
static LOADING: AtomicU8 = AtomicU8::new(0);

/// Has the tables of an encoding loaded on a thread of their own, which takes 20 to 200 ms, once. Whoever counts
/// before they are there waits for them.
pub fn preload(encoding: Encoding) {
    let bit = 1u8 << (encoding as u8);
    if LOADING.fetch_or(bit, Relaxed) & bit == 0 {
        // Should there be no thread, the first count loads them.
        let _ = std::thread::Builder::new()
            .name("conv-tables".into())
            .spawn(move || counter::load(encoding));
    }
}

/// What a reply costs beside its messages: the tokens that prime the model's answer.
pub const REPLY_TOKENS: i64 = 3;

/// What a message costs beside its text.
const MESSAGE_TOKENS: u64 = 3;

/// How messages are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The encoding of all text.
    pub encoding: Encoding,
    /// Tokens of one image, audio, file or document part.
    pub media_tokens: u32,
}

/// Something that knows T(message).
///
/// All counting goes through this trait, so that counts may come from elsewhere than the caller's thread.
pub trait Counter {
    /// T(message); nothing if it is not known yet.
    fn tokens(&self, rules: Rules, message: &[u8]) -> Option<u32>;
}

/// Counts at once, on the caller's thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

impl Counter for Inline {
    fn tokens(&self, rules: Rules, message: &[u8]) -> Option<u32> {
        crate::conversation::message::with_message(message, |m| message_tokens(rules, m)).ok()
    }
}

/// T(message), by the formula of the OpenAI cookbook:
/// `3 + E(role) + sum of E(text) + (1 + E(name)) + sum of (E(call name) + E(call arguments) + 1) + media`.
#[must_use]
pub fn message_tokens(rules: Rules, message: &Message<'_, '_>) -> u32 {
    let e = |text: &str| count(rules.encoding, text);
    let mut sum = MESSAGE_TOKENS;
    message.visit_counted(&mut |part| {
        sum = sum.saturating_add(match part {
            Counted::Role(text) | Counted::Text(text) => e(text),
            Counted::Name(name) => 1 + e(name),
            Counted::Call(name, arguments) => e(name) + e(arguments) + 1,
            Counted::Media => u64::from(rules.media_tokens),
        });
    });
    crate::metrics::counted(sum);
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// T of the system message that a summary becomes.
#[must_use]
pub fn summary_tokens(encoding: Encoding, text: &str) -> u32 {
    let sum = MESSAGE_TOKENS + count(encoding, "system") + count(encoding, text);
    u32::try_from(sum).unwrap_or(u32::MAX)
}
