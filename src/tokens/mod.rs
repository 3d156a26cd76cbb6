//! Token counting: E(s) is the number of tokens of a string, T(message) that of a message.

mod added_tokens;
pub mod background;
mod backtrack;
mod classes;
mod counter;
mod directory;
mod early_merges;
#[cfg(test)]
mod encode_tests;
mod encoding;
pub mod files;
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
pub use tokenizer::Tokenizer;

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

/// Where the tokens of a text end, in bytes. As many as [`count`] counts.
#[must_use]
pub fn ends(encoding: Encoding, text: &str) -> Vec<u32> {
    if encoding.is_builtin() {
        return counter::ends(encoding, text);
    }
    match registry::wait(encoding) {
        Some(tokenizer) => tokenizer.ends(text),
        None => (1..=u32::try_from(text.len()).unwrap_or(u32::MAX)).collect(),
    }
}

/// Starts loading the tables of an encoding on a thread of its own. It takes 10 to 60 ms and happens once. A count
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
            Available::Ready(tokenizer) => tokenizer.most_inline(),
            Available::Missing => MOST_INLINE,
            Available::Unloaded | Available::Loading => 0,
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

/// The default of [`Rules::overhead`], by the OpenAI cookbook.
pub const DEFAULT_OVERHEAD: u16 = 3;

/// The default of [`Rules::scale`]: counts stay as they are.
pub const FULL_SCALE: u16 = 100;

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
    /// Tokens of a message in addition to its text: what the chat template of the model adds.
    pub overhead: u16,
    /// Percentage by which the count of a message is multiplied, rounded up: it calibrates an encoding that only
    /// approximates that of the model.
    pub scale: u16,
}

impl Rules {
    /// T of a message whose unscaled count is `tokens`.
    #[must_use]
    pub fn scaled(&self, tokens: u64) -> u32 {
        let scaled = match self.scale {
            FULL_SCALE => tokens,
            scale => tokens
                .saturating_mul(u64::from(scale))
                .div_ceil(u64::from(FULL_SCALE)),
        };
        u32::try_from(scaled).unwrap_or(u32::MAX)
    }

    /// T of a message by these rules, from its T by the rules `old`. None if that does not follow: other differences than the
    /// overhead and the scale need the text, and a scale below 100 % maps several counts to one.
    #[must_use]
    pub fn converted(&self, old: &Self, tokens: u32) -> Option<u32> {
        let same_text = (self.encoding, self.media_tokens) == (old.encoding, old.media_tokens);
        if !same_text || old.scale < FULL_SCALE || tokens == u32::MAX {
            return None;
        }
        // Scaling up by s % rounds up by less than one token, so rounding down inverts it.
        let unscaled = u64::from(tokens) * u64::from(FULL_SCALE) / u64::from(old.scale);
        let text = unscaled.checked_sub(u64::from(old.overhead))?;
        Some(self.scaled(text.saturating_add(u64::from(self.overhead))))
    }

    /// The least that T(message) can be, unless the client gave the count: that of a message without text.
    #[must_use]
    pub fn least(&self) -> u32 {
        self.scaled(u64::from(self.overhead))
    }
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

    /// Runs `work`, which counts texts: at once, or on a background thread.
    fn run(&self, work: crate::background::Task) {
        work();
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

#[cfg(test)]
mod tests {
    use super::{Encoding, Rules};

    #[test]
    fn counts_are_converted_where_that_is_exact() {
        let rules = |overhead, scale| Rules {
            encoding: Encoding::default(),
            media_tokens: 85,
            overhead,
            scale,
        };
        for scale in (100..=1000).step_by(7) {
            let (old, new) = (rules(scale % 11, scale), rules(scale % 5, 1100 - scale));
            for text in 0..300 {
                let tokens = old.scaled(text + u64::from(old.overhead));
                let expected = new.scaled(text + u64::from(new.overhead));
                assert_eq!(
                    new.converted(&old, tokens),
                    Some(expected),
                    "{old:?} {text}"
                );
            }
        }
        let (old, new) = (rules(3, 100), rules(4, 200));
        assert_eq!(new.converted(&old, 2), None, "less than the overhead");
        assert_eq!(new.converted(&old, u32::MAX), None, "it may be more");
        assert_eq!(new.converted(&old, u32::MAX - 1), Some(u32::MAX));
        assert_eq!(new.converted(&rules(3, 99), 10), None);
        let other = Rules {
            encoding: Encoding::R50K_BASE,
            ..old
        };
        assert_eq!(new.converted(&other, 10), None);
    }
}
