//! Compares the hand-written splitter with tiktoken's regular expressions.

use std::sync::LazyLock;

use conv::tokens::Encoding;
use conv::tokens::split::pieces;
use fancy_regex::Regex;

use super::adversarial;
use super::{corpus_texts, vocabulary_strings};

/// From tiktoken's `openai_public.py`.
const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
const CL100K: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s";
const GPT2: &str =
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s";

static PATTERNS: LazyLock<[(Encoding, Regex); 3]> = LazyLock::new(|| {
    [
        (Encoding::O200K_BASE, O200K),
        (Encoding::CL100K_BASE, CL100K),
        (Encoding::R50K_BASE, GPT2),
    ]
    .map(|(encoding, pattern)| (encoding, Regex::new(pattern).expect("a pattern")))
});

fn assert_split_as_by_the_expressions(text: &str) {
    for (encoding, regex) in &*PATTERNS {
        let expected: Vec<&str> = regex
            .find_iter(text)
            .map(|found| found.expect("few steps").as_str())
            .collect();
        assert_eq!(pieces(*encoding, text), expected, "{encoding} of {text:?}");
    }
}

#[test]
fn corpus_is_split_as_by_the_expressions() {
    for text in corpus_texts() {
        assert_split_as_by_the_expressions(&text);
    }
}

#[test]
fn adversarial_strings_are_split_as_by_the_expressions() {
    let (mut rng, tokens) = (adversarial::rng(), vocabulary_strings());
    let cases = adversarial::cases(15_000);
    for _ in 0..cases {
        assert_split_as_by_the_expressions(&adversarial::text(&mut rng, &tokens));
    }
    println!("{cases} strings");
}

/// Tests each code point alone, and before and after a letter, a space, a mark and a number, where its class matters.
#[test]
fn every_code_point_is_split_as_by_the_expressions() {
    let all = (0..=0x10_ffff).filter_map(char::from_u32);
    let mut text = String::new();
    for (number, c) in all.enumerate() {
        for other in ["a", "B", " ", "\u{301}", "1", "'s", "\n"] {
            text.extend([c]);
            text.push_str(other);
        }
        if number % 64 == 63 {
            // Above the common scripts most code points are equivalent to their neighbors. `COUNT_CASES` tests them
            // all, which takes long.
            if number < 0x3100 || number % 1024 == 1023 || adversarial::cases(0) > 0 {
                assert_split_as_by_the_expressions(&text);
            }
            text.clear();
        }
    }
}
