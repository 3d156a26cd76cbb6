//! Section 4: T(message).

use std::cell::RefCell;
use std::collections::HashMap;

use super::message::NaiveRead;

/// What T(message) depends on besides the message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counting {
    pub encoding: &'static str,
    pub overhead: u64,
    pub scale: u64,
}

/// "`o200k_base` (default)"; "`overhead` 3, `scale` 100"
impl Default for Counting {
    fn default() -> Self {
        Counting {
            encoding: "o200k_base",
            overhead: 3,
            scale: 100,
        }
    }
}

/// "Media parts": `media-tokens`, 85 by default.
const MEDIA_TOKENS: u64 = 85;

thread_local! {
    static COUNTS: RefCell<HashMap<(&'static str, String), u64>> = RefCell::default();
}

/// E(s). "For the built-in encodings it equals OpenAI's tiktoken (`encode_ordinary`)."
pub fn e(encoding: &'static str, text: &str) -> u64 {
    let key = (encoding, text.to_string());
    if let Some(n) = COUNTS.with_borrow(|counts| counts.get(&key).copied()) {
        return n;
    }
    let n = pieces(encoding, text).len() as u64;
    COUNTS.with_borrow_mut(|counts| {
        if counts.len() > 100_000 {
            counts.clear();
        }
        counts.insert(key, n);
    });
    n
}

/// The tokens of a text, each as its bytes.
pub fn pieces(encoding: &'static str, text: &str) -> Vec<Vec<u8>> {
    let bpe = match encoding {
        "o200k_base" => tiktoken_rs::o200k_base_singleton(),
        "r50k_base" => tiktoken_rs::r50k_base_singleton(),
        _ => panic!("{encoding}"),
    };
    let ids = bpe.encode_ordinary(text);
    ids.iter()
        .map(|&id| bpe.decode_bytes(&[id]).unwrap())
        .collect()
}

impl Counting {
    /// `T(message) = ceil(scale / 100 * U(message))`
    pub fn t(&self, m: &NaiveRead) -> u64 {
        let texts: u64 = m.counted.iter().map(|text| e(self.encoding, text)).sum();
        // `fixed` is with the default overhead of 3.
        let u = self.overhead + (m.fixed - 3) + texts + MEDIA_TOKENS * m.media;
        (self.scale * u).div_ceil(100)
    }

    /// The value of a result, without overhead and scale.
    pub fn value(&self, texts: &[String], media: u64) -> u64 {
        let texts: u64 = texts.iter().map(|text| e(self.encoding, text)).sum();
        texts + MEDIA_TOKENS * media
    }

    /// "The summary's `tokens` are T of the message it becomes": role `system` and one text.
    pub fn of_summary(&self, text: &str) -> u64 {
        let u = self.overhead + e(self.encoding, "system") + e(self.encoding, text);
        (self.scale * u).div_ceil(100)
    }
}
