//! Splits text into pieces exactly as the regular expressions of known tokenizers do, in linear time.
//!
//! Each function finds where the piece that starts at a position ends. It tries the alternatives of the regular
//! expression in their order; a comment quotes each. Where the regular expression would backtrack, the function
//! computes the result directly, so it reads every character a bounded number of times.
//!
//! The character classes depend on the regular expression engine of the library whose counts are reproduced, so
//! they are a parameter.

pub(super) mod deepseek;
mod openai;
mod runs;
pub(super) mod words;

use super::classes::{Classes, standard};
use super::encoding::Encoding;
use openai::{cl100k, gpt2, o200k};

/// The splitting rules of a tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// For `o200k_base` and `o200k_harmony`; gpt-oss, Llama 4.
    O200k,
    /// For `cl100k_base`.
    Cl100k,
    /// The rules of GPT-2, for `p50k_base` and `r50k_base`.
    Gpt2,
    /// Llama 3, GLM.
    Llama3,
    /// Qwen 2, 2.5 and 3.
    Qwen2,
    /// Qwen 3.5 and later.
    Qwen35,
    /// Mistral's tekken.
    Tekken,
    /// DeepSeek V3 and later. Needs [`super::classes::deepseek`].
    DeepSeek,
    /// The text is one piece.
    Whole,
}

/// The regular expressions of GPT-2 as Hugging Face's `ByteLevel` has them.
pub(super) const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// The known expressions, exactly as files have them.
const EXPRESSIONS: [(&[&str], Pattern); 7] = [
    (&[GPT2], Pattern::Gpt2),
    (
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        Pattern::Llama3,
    ),
    (
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        Pattern::Qwen2,
    ),
    (
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        Pattern::Qwen35,
    ),
    (
        &[
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        Pattern::O200k,
    ),
    (
        &[
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        Pattern::Tekken,
    ),
    (
        &[
            r"\p{N}{1,3}",
            "[一-龥\u{3040}-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
        ],
        Pattern::DeepSeek,
    ),
];

impl Pattern {
    pub(super) fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::CL100K_BASE => Self::Cl100k,
            Encoding::P50K_BASE | Encoding::R50K_BASE => Self::Gpt2,
            _ => Self::O200k,
        }
    }

    /// The rules that are equal to these regular expressions, which split a text one after the other.
    pub(super) fn of_expressions(expressions: &[&str]) -> Option<Self> {
        EXPRESSIONS
            .iter()
            .find_map(|(known, pattern)| (*known == expressions).then_some(*pattern))
    }
}

/// Calls `each` with the start and the end of each piece.
#[inline]
pub(super) fn visit(
    pattern: Pattern,
    classes: &Classes,
    text: &[u8],
    mut each: impl FnMut(usize, usize),
) {
    // One loop per pattern, so that the compiler specializes each.
    macro_rules! by {
        ($end:expr) => {
            visit_by(text, |at| $end(classes, text, at), &mut each)
        };
    }
    match pattern {
        Pattern::O200k => by!(o200k::<true, 3>),
        Pattern::Cl100k => by!(cl100k::<3, false, true>),
        Pattern::Gpt2 => by!(gpt2),
        Pattern::Llama3 => by!(cl100k::<3, false, false>),
        Pattern::Qwen2 => by!(cl100k::<1, false, false>),
        Pattern::Qwen35 => by!(cl100k::<1, true, false>),
        Pattern::Tekken => by!(o200k::<false, 1>),
        Pattern::DeepSeek => deepseek::visit(classes, text, &mut each),
        Pattern::Whole if text.is_empty() => {}
        Pattern::Whole => each(0, text.len()),
    }
}

#[inline]
fn visit_by(text: &[u8], end: impl Fn(usize) -> usize, each: &mut impl FnMut(usize, usize)) {
    let mut at = 0;
    while at < text.len() {
        // Every rule consumes at least one character. The `max` makes it evident that the loop ends.
        let next = end(at).max(at + 1);
        each(at, next);
        at = next;
    }
}

/// Splits a text into the pieces of a built-in encoding. The count of the text is the sum of theirs.
#[must_use]
pub fn pieces(encoding: Encoding, text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    visit(
        Pattern::of(encoding),
        standard(),
        text.as_bytes(),
        |start, end| pieces.extend(text.get(start..end)),
    );
    pieces
}
