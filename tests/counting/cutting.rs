//! Cutting by hand against the regular expressions of tiktoken themselves.

use std::sync::LazyLock;

use conv::tokens::Encoding;
use conv::tokens::split::pieces;
use fancy_regex::Regex;

use super::nasty;
use super::{corpus_texts, vocabulary_strings};

/// As in tiktoken's `openai_public.py`.
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
        (Encoding::O200kBase, O200K),
        (Encoding::Cl100kBase, CL100K),
        (Encoding::R50kBase, GPT2),
    ]
    .map(|(encoding, pattern)| (encoding, Regex::new(pattern).expect("a pattern")))
});

fn cut_as_expected(text: &str) {
    for (encoding, regex) in &*PATTERNS {
        let expected: Vec<&str> = regex
            .find_iter(text)
            .map(|found| found.expect("few steps").as_str())
            .collect();
        assert_eq!(pieces(*encoding, text), expected, "{encoding} of {text:?}");
    }
    // Another engine for the same, where the expressions say the same to the letter.
    let tokenizer = bpe_openai::o200k_base();
    let expected: Vec<&str> = tokenizer.split(text).collect();
    assert_eq!(pieces(Encoding::O200kBase, text), expected, "{text:?}");
}

#[test]
fn corpus_is_cut_as_by_the_expressions() {
    for text in corpus_texts() {
        cut_as_expected(&text);
    }
}

#[test]
fn nasty_strings_are_cut_as_by_the_expressions() {
    let (mut rng, tokens) = (nasty::rng(), vocabulary_strings());
    let cases = nasty::cases(15_000);
    for _ in 0..cases {
        cut_as_expected(&nasty::text(&mut rng, &tokens));
    }
    println!("{cases} strings");
}

/// Each code point alone, and where its class decides: before and after a letter, a space, a mark, and a number.
#[test]
fn every_code_point_is_cut_as_by_the_expressions() {
    let all = (0..=0x10_ffff).filter_map(char::from_u32);
    let mut text = String::new();
    for (number, c) in all.enumerate() {
        for other in ["a", "B", " ", "\u{301}", "1", "'s", "\n"] {
            text.extend([c]);
            text.push_str(other);
        }
        if number % 64 == 63 {
            // Most code points are alike in long rows; a test of all takes its time.
            if number < 0x3100 || number % 1024 == 1023 || nasty::cases(0) > 0 {
                cut_as_expected(&text);
            }
            text.clear();
        }
    }
}
