//! E(s): the number of tokens of a string, exactly as OpenAI's tiktoken counts ordinary text.
//!
//! All encodings run on the `bpe` crate, whose time is linear in the text whatever the text is. `bpe-openai` brings
//! the tables of the two large encodings; those of the older ones are taken from `tiktoken-rs`, whose own encoder
//! is quadratic on, or fails for, text that a client may send.

use std::sync::LazyLock;

use bpe::byte_pair_encoding::BytePairEncoding;
use bpe_openai::Tokenizer;
use tiktoken_rs::CoreBPE;

use super::encoding::Encoding;

static P50K_BASE: LazyLock<Option<Tokenizer>> =
    LazyLock::new(|| older(tiktoken_rs::p50k_base_singleton()));
static R50K_BASE: LazyLock<Option<Tokenizer>> =
    LazyLock::new(|| older(tiktoken_rs::r50k_base_singleton()));

/// More ids than the older vocabularies have (50,257 and 50,281).
const OLDER_IDS: u32 = 50_400;

/// Makes the hash of each entry of the vocabularies distinct; the `bpe` crate checks that it does.
const HASH_FACTOR: u64 = 17_846_336_922_010_275_747;

/// GPT-2's rules for cutting text into pieces. The `bpe-openai` crate knows no look-ahead, so `\s+(?!\S)` is written
/// as its crate does it: `\s+\s` less its last character, with `\s+$` for the end of the text.
const OLDER_PIECES: [(&str, bool); 3] = [
    (
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+$",
        false,
    ),
    (r"\s+\s", true),
    (r"\s+", false),
];

/// A linear-time tokenizer with the vocabulary of `table`.
fn older(table: &CoreBPE) -> Option<Tokenizer> {
    let specials = table.special_tokens();
    let special = |token: &[u8]| std::str::from_utf8(token).is_ok_and(|t| specials.contains(t));
    // Only the order of the ids matters, so gaps may close.
    let tokens = (0..OLDER_IDS)
        .filter_map(|id| table.decode_bytes(&[id]).ok())
        .filter(|token| !special(token));
    let bpe = BytePairEncoding::from_dictionary(tokens, Some(HASH_FACTOR));
    Tokenizer::new_lookahead(bpe, &OLDER_PIECES, false).ok()
}

fn tokenizer(encoding: Encoding) -> Option<&'static Tokenizer> {
    match encoding {
        // The harmony encoding adds special tokens only.
        Encoding::O200kBase | Encoding::O200kHarmony => Some(bpe_openai::o200k_base()),
        Encoding::Cl100kBase => Some(bpe_openai::cl100k_base()),
        Encoding::P50kBase => P50K_BASE.as_ref(),
        Encoding::R50kBase => R50K_BASE.as_ref(),
    }
}

/// Loads the tables of an encoding, which takes time the first time and nothing later.
pub fn load(encoding: Encoding) {
    let _ = tokenizer(encoding);
}

/// E(text): the number of tokens that `encode_ordinary` of OpenAI's tiktoken yields.
#[must_use]
pub fn count(encoding: Encoding, text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    tokenizer(encoding).map_or(0, |tokenizer| tokenizer.count(text) as u64)
}
