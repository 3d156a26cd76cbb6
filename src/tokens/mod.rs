//! Token counting: E(s) is the number of tokens of a string, T(message) that of a message.

mod added_tokens;
pub mod background;
mod backtrack;
mod classes;
mod counter;
mod directory;
#[cfg(test)]
mod encode_tests;
mod encoding;
mod files;
mod merge;
mod piece_cache;
pub mod registry;
pub mod split;
mod text;
mod tokenizer;
mod vocabulary;

pub use background::Ticket;
pub use encoding::{ENCODINGS, Encoding};
pub use text::{Counted, Text};

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use registry::{Available, Listed};

/// Built-in encodings whose tables are loaded or loading, one bit each.
static LOADING: AtomicU8 = AtomicU8::new(0);

/// E(text). If the tables of the encoding are not loaded, the thread waits for them. If the tokenizer file is missing, the
/// number of bytes.
#[must_use]
pub fn count(encoding: Encoding, text: &str) -> u64 {
    if encoding.is_builtin() {
        return counter::count(encoding, text);
    }
    match registry::wait(encoding) {
        Some(tokenizer) => tokenizer.count(text),
        None => text.len() as u64,
    }
}

/// Starts loading the tables of an encoding on a thread of its own. It takes 50 to 400 ms and happens once. A count
/// that starts earlier waits for it.
pub fn preload(encoding: Encoding) {
    if !encoding.is_builtin() {
        let _ = registry::available(encoding, true);
        return;
    }
    let bit = 1u8 << encoding.0;
    if LOADING.fetch_or(bit, Relaxed) & bit == 0 {
        // If the thread cannot be started, the first count loads the tables.
        let _ = std::thread::Builder::new()
            .name("conv-tables".into())
            .spawn(move || counter::load(encoding));
    }
}

/// Bytes of text that may be counted on the main thread: 16 kB once the tables of the encoding are loaded, 0 if counting
/// is not linear in the length of the text. Until they are loaded 0, and the tables start loading.
#[must_use]
pub fn most_inline(encoding: Encoding) -> usize {
    if !encoding.is_builtin() {
        return match registry::available(encoding, true) {
            Available::Ready(tokenizer) if tokenizer.is_linear() => MOST_INLINE,
            Available::Missing => MOST_INLINE,
            // The library and unknown regular expressions take longer for some texts than the main thread has.
            Available::Ready(_) | Available::Unloaded | Available::Loading => 0,
        };
    }
    if counter::is_loaded(encoding) {
        return MOST_INLINE;
    }
    preload(encoding);
    0
}

/// The memory used for counting, in bytes: the tables of all encodings, and the scratch space of every thread that counts.
#[must_use]
pub fn memory() -> usize {
    counter::memory() + registry::memory()
}

/// All encodings: the built-in ones, then those of files.
#[must_use]
pub fn listed() -> Vec<Listed> {
    let builtin = ENCODINGS.into_iter().map(|encoding| Listed {
        name: encoding.name().to_owned(),
        kind: "builtin",
        vocabulary: match encoding {
            Encoding::CL100K_BASE => 100_256,
            Encoding::P50K_BASE => 50_280,
            Encoding::R50K_BASE => 50_256,
            _ => 199_998,
        },
        fingerprint: encoding.fingerprint().to_owned(),
        memory: counter::memory_of(encoding),
        state: "ready",
        error: None,
    });
    builtin.chain(registry::listed()).collect()
}

/// Tokens of a reply in addition to its messages: they prime the model's response.
pub const REPLY_TOKENS: i64 = 3;

/// Tokens of a message in addition to its text. Also the minimum of T(message), unless the client gave the count.
pub const MESSAGE_TOKENS: u64 = 3;

/// The most bytes of text that a command counts on the main thread, 0.3 to 1 ms of work. With more text the client is
/// blocked until a background thread has counted it.
pub(crate) const MOST_INLINE: usize = 16 * 1024;

/// How messages are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The encoding of all text.
    pub encoding: Encoding,
    /// Tokens of one image, audio, file or document part.
    pub media_tokens: u32,
}

/// The state of a text handed to a [`Counter`].
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The count.
    Known(u32),
    /// A number of bytes that stands for the count, because the tokenizer file is missing.
    Estimated(u32),
    /// The count is pending; the ticket gives access to it.
    Later(Ticket),
    /// The text was not accepted and will not be counted.
    Unknown,
}

impl From<Counted> for Outcome {
    fn from(counted: Counted) -> Self {
        let Counted { tokens, estimated } = counted;
        if estimated {
            Self::Estimated(tokens)
        } else {
            Self::Known(tokens)
        }
    }
}

/// Counts texts, immediately or later. All counting goes through this trait.
pub trait Counter {
    /// Counts `text`: T(message), or E(s) for other texts.
    fn count(&self, rules: Rules, text: Text) -> Outcome;

    /// The guard to attach to texts that are being counted already, instead of handing them over again.
    fn completion(&self) -> Option<&background::CompletionGuard> {
        None
    }

    /// Like [`Counter::count`], for rare texts whose count is needed soon.
    fn count_soon(&self, rules: Rules, text: Text) -> Outcome {
        self.count(rules, text)
    }
}

/// Counts immediately, on the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inline;

impl Counter for Inline {
    fn count(&self, rules: Rules, text: Text) -> Outcome {
        text.count(rules).into()
    }
}

/// Accepts no text. For texts that are counted only when a command needs the count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Counter for Nobody {
    fn count(&self, _rules: Rules, _text: Text) -> Outcome {
        Outcome::Unknown
    }
}
