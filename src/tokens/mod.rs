//! Counting: E(s), the tokens of a string, and T(message), the tokens of a message.

pub mod background;
mod backtrack;
mod classes;
pub mod counter;
#[cfg(test)]
mod encode_tests;
mod encoding;
mod merge;
mod piece_cache;
pub mod split;
mod text;
mod vocabulary;

pub use background::Ticket;
pub use counter::count;
pub use encoding::{ENCODINGS, Encoding};
pub use text::Text;

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// Encodings whose tables are loaded or being loaded, a bit each.
static LOADING: AtomicU8 = AtomicU8::new(0);

/// Has the tables of an encoding loaded on a thread of their own, which takes 50 to 400 ms, once. Whoever counts
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

/// Bytes of text that may be counted on the main thread: none before the tables of the encoding are there, which are being
/// loaded then.
#[must_use]
pub fn most_inline(encoding: Encoding) -> usize {
    if counter::is_loaded(encoding) {
        return MOST_INLINE;
    }
    preload(encoding);
    0
}

/// What a reply costs beside its messages: the tokens that prime the model's answer.
pub const REPLY_TOKENS: i64 = 3;

/// What a message costs beside its text; also the least that T(message) can be, unless it was given.
pub const MESSAGE_TOKENS: u64 = 3;

/// Bytes of text that a command of a client counts on the main thread at most; for more it waits.
pub(crate) const MOST_INLINE: usize = 16 * 1024;

/// How messages are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The encoding of all text.
    pub encoding: Encoding,
    /// Tokens of one image, audio, file or document part.
    pub media_tokens: u32,
}

/// What is known of a text handed to a [`Counter`].
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Its count.
    Known(u32),
    /// Where the count will be found.
    Later(Ticket),
    /// Nothing: it was not taken.
    Unknown,
}

/// Something that counts texts, at once or later. All counting goes through this trait.
pub trait Counter {
    /// Counts `text`, T(message) or what else it is of.
    fn count(&self, rules: Rules, text: Text) -> Outcome;

    /// What is to be held by texts that are being counted already, instead of handing them over again.
    fn completion(&self) -> Option<&background::CompletionGuard> {
        None
    }

    /// The same, for what is rare and soon needed.
    fn count_soon(&self, rules: Rules, text: Text) -> Outcome {
        self.count(rules, text)
    }
}

/// Counts at once, on the caller's thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

impl Counter for Inline {
    fn count(&self, rules: Rules, text: Text) -> Outcome {
        Outcome::Known(text.count(rules))
    }
}

/// Counts nothing: for what is counted when somebody needs it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Counter for Nobody {
    fn count(&self, _rules: Rules, _text: Text) -> Outcome {
        Outcome::Unknown
    }
}
