//! Limits of a `tokenizer.json`, so that no file makes loading or counting take memory or time without bound.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::base64;

/// The most steps of a normalizer or a pre-tokenizer.
const MOST_STEPS: usize = 256;

/// The most bytes of all added tokens. The automata that find them take some hundred bytes of memory for each.
const MOST_ADDED: usize = 1 << 20;

/// The most bytes of all tokens of a Unigram vocabulary. The library's trie takes more than a hundred bytes for each.
const MOST_UNIGRAM: usize = 16 << 20;

/// The longest token of a Unigram vocabulary in bytes. At each place of a text, the library looks for tokens of any length.
const LONGEST_UNIGRAM: usize = 4096;

/// The longest word of a `WordPiece` model in characters. The time of a word is quadratic in its length.
const LONGEST_WORD: u64 = 4096;

/// What is limited in a file.
#[derive(Deserialize)]
struct File {
    added_tokens: Option<Vec<Added>>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    model: Option<Model>,
}

#[derive(Deserialize)]
struct Added {
    content: String,
}

#[derive(Deserialize)]
struct Model {
    max_input_chars_per_word: Option<u64>,
    vocab: Option<Vocab>,
}

/// The tokens of a Unigram vocabulary: their bytes, and the length of the longest. Those of a map are not limited.
#[derive(Default)]
struct Vocab {
    bytes: usize,
    longest: usize,
}

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfVocab;

        impl<'de> Visitor<'de> for OfVocab {
            type Value = Vocab;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Vocab::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vocab, A::Error> {
                let mut vocab = Vocab::default();
                while let Some((token, _)) = seq.next_element::<(String, IgnoredAny)>()? {
                    vocab.bytes += token.len();
                    vocab.longest = vocab.longest.max(token.len());
                }
                Ok(vocab)
            }
        }

        deserializer.deserialize_any(OfVocab)
    }
}

/// Checks a file. Returns how many times as long as a text its normalized form can be at most.
///
/// # Errors
/// What is wrong with the file.
pub fn check(text: &str) -> Result<u64, String> {
    let file: File =
        serde_json::from_str(text).map_err(|error| format!("not a tokenizer file: {error}"))?;
    let added: usize = file
        .added_tokens
        .iter()
        .flatten()
        .map(|t| t.content.len())
        .sum();
    if added > MOST_ADDED {
        return Err(format!(
            "the added tokens have {added} bytes, more than {MOST_ADDED}"
        ));
    }
    if let Some(model) = file.model {
        let Vocab { bytes, longest } = model.vocab.unwrap_or_default();
        if bytes > MOST_UNIGRAM {
            return Err(format!(
                "the tokens of the vocabulary have {bytes} bytes, more than {MOST_UNIGRAM}"
            ));
        }
        if longest > LONGEST_UNIGRAM {
            return Err(format!(
                "a token of the vocabulary has {longest} bytes, more than {LONGEST_UNIGRAM}"
            ));
        }
        if model
            .max_input_chars_per_word
            .is_some_and(|most| most > LONGEST_WORD)
        {
            return Err(format!(
                "max_input_chars_per_word is more than {LONGEST_WORD}"
            ));
        }
    }
    let mut growth = 1u64;
    for (name, step) in [
        ("normalizer", file.normalizer),
        ("pre_tokenizer", file.pre_tokenizer),
    ] {
        let mut steps = 0;
        if let Some(step) = step {
            growth = growth.saturating_mul(growth_of(&step, &mut steps));
        }
        if steps > MOST_STEPS {
            return Err(format!("the {name} has more than {MOST_STEPS} steps"));
        }
    }
    Ok(growth)
}

/// How many times as long a text can become by a step. Counts the steps.
fn growth_of(step: &Value, steps: &mut usize) -> u64 {
    *steps += 1;
    let length = |key: &str| step.get(key).and_then(Value::as_str).map_or(0, str::len) as u64;
    let list = ["normalizers", "pretokenizers"].into_iter();
    let list = list.filter_map(|key| step.get(key)?.as_array()).flatten();
    let kind = step.get("type").and_then(Value::as_str);
    match kind.unwrap_or_default() {
        "Sequence" => list.fold(1, |all, step| all.saturating_mul(growth_of(step, steps))),
        "Replace" => {
            let pattern = step.get("pattern").and_then(|p| p.get("String"));
            match pattern.and_then(Value::as_str).map_or(0, str::len) as u64 {
                // A regular expression, or an empty string: it may match at every place.
                0 => 1 + length("content"),
                pattern => length("content").div_ceil(pattern).max(1),
            }
        }
        "Prepend" => 1 + length("prepend"),
        // By the Unicode standard, in UTF-8.
        "NFC" | "NFD" | "BertNormalizer" | "Lowercase" | "Metaspace" => 3,
        "NFKC" | "NFKD" => 11,
        "ByteLevel" => 2,
        "Precompiled" => {
            let map = step.get("precompiled_charsmap").and_then(Value::as_str);
            longest_replacement(map.unwrap_or_default()).max(1)
        }
        _ => 1,
    }
}

/// The length of the longest string in `SentencePiece`'s table of replacements.
fn longest_replacement(base64: &str) -> u64 {
    let map = base64::decode(base64).unwrap_or_default();
    // The size of a trie, the trie, strings that end with a zero.
    let size = map
        .first_chunk()
        .map_or(0, |size| u32::from_le_bytes(*size));
    let strings = map.get(4usize.saturating_add(size as usize)..);
    let strings = strings.unwrap_or_default().split(|byte| *byte == 0);
    strings.map(<[u8]>::len).max().unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(normalizer: &str) -> u64 {
        check(&format!(r#"{{"normalizer":{normalizer}}}"#)).expect("a growth")
    }

    #[test]
    fn growth_is_bounded() {
        assert_eq!(growth("null"), 1);
        assert_eq!(growth(r#"{"type":"NFC"}"#), 3);
        let replace = r#"{"type":"Replace","pattern":{"String":" "},"content":"▁"}"#;
        assert_eq!(growth(replace), 3);
        let prepend = r#"{"type":"Prepend","prepend":"▁"}"#;
        let both = format!(r#"{{"type":"Sequence","normalizers":[{prepend},{replace}]}}"#);
        assert_eq!(growth(&both), 12);
        let regex = r#"{"type":"Replace","pattern":{"Regex":"x*"},"content":"yy"}"#;
        assert_eq!(growth(regex), 3);
        let double = r#"{"type":"Replace","pattern":{"String":"a"},"content":"aa"},"#.repeat(70);
        let double = double.trim_end_matches(',');
        assert_eq!(
            growth(&format!(
                r#"{{"type":"Sequence","normalizers":[{double}]}}"#
            )),
            u64::MAX
        );
    }

    #[test]
    fn files_beyond_the_limits_are_rejected() {
        let steps = vec![r#"{"type":"NFC"}"#; 300].join(",");
        let long = "x".repeat(5000);
        let token = format!(r#"["{}",0]"#, "x".repeat(4000));
        let many = vec![token; 5000].join(",");
        for (file, expected) in [
            (
                format!(r#"{{"normalizer":{{"type":"Sequence","normalizers":[{steps}]}}}}"#),
                "steps",
            ),
            (
                format!(r#"{{"model":{{"vocab":[["{long}",0]]}}}}"#),
                "5000 bytes",
            ),
            (
                format!(r#"{{"model":{{"vocab":[{many}]}}}}"#),
                "20000000 bytes",
            ),
            (
                format!(
                    r#"{{"added_tokens":[{{"content":"{}"}}]}}"#,
                    "y".repeat(2_000_000)
                ),
                "added tokens",
            ),
            (
                r#"{"model":{"max_input_chars_per_word":5000}}"#.into(),
                "max_input_chars_per_word",
            ),
            ("[".repeat(1000), "not a tokenizer file"),
        ] {
            let why = check(&file).expect_err("rejected");
            assert!(why.contains(expected), "{why}");
        }
    }
}
