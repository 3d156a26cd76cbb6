//! `tekken.json`: the vocabulary of a tiktoken encoding with its regular expression.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use super::base64;
use crate::tokens::added_tokens::AddedTokens;
use crate::tokens::classes;
use crate::tokens::split::Pattern;
use crate::tokens::tokenizer::{Own, Splitter, Tokenizer};
use crate::tokens::vocabulary::{Builder, LONGEST_TOKEN};

#[derive(Deserialize)]
struct File<'a> {
    config: Config,
    #[serde(borrow)]
    vocab: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Config {
    pattern: String,
    default_vocab_size: usize,
    default_num_special_tokens: usize,
}

#[derive(Deserialize)]
struct Entry<'a> {
    rank: usize,
    #[serde(borrow)]
    token_bytes: Cow<'a, str>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Tokenizer, String> {
    let file: File<'_> =
        serde_json::from_str(text).map_err(|error| format!("not a tekken file: {error}"))?;
    let Config {
        pattern,
        default_vocab_size,
        default_num_special_tokens,
    } = file.config;
    let size = default_vocab_size
        .checked_sub(default_num_special_tokens)
        .filter(|size| *size >= 256)
        .ok_or("default_vocab_size leaves less than 256 tokens that are not special")?;
    let entries = file.vocab.get(..size).ok_or_else(|| {
        let held = file.vocab.len();
        format!("default_vocab_size asks for {size} tokens, but vocab has {held}")
    })?;
    let mut builder = Builder::new(size);
    let mut tokens: Vec<Vec<u8>> = Vec::with_capacity(size);
    for (rank, entry) in entries.iter().enumerate() {
        if entry.rank != rank {
            return Err(format!("entry {rank} of vocab has the rank {}", entry.rank));
        }
        let token = base64::decode(&entry.token_bytes)
            .filter(|token| !token.is_empty() && token.len() <= LONGEST_TOKEN)
            .ok_or_else(|| format!("entry {rank} of vocab has no token of 1 to 255 bytes"))?;
        match (&*token, u8::try_from(rank)) {
            ([byte], Ok(expected)) if *byte == expected => {}
            (_, Ok(expected)) => {
                return Err(format!("entry {rank} of vocab is not the byte {expected}"));
            }
            _ => builder.token(&token),
        }
        tokens.push(token);
    }
    check_order(&tokens)?;
    let splitter = match Pattern::of_expressions(&[&pattern]) {
        Some(known) if known != Pattern::DeepSeek => Splitter::Known(known, classes::standard),
        _ => {
            let regex = fancy_regex::Regex::new(&pattern)
                .map_err(|error| format!("the pattern is not valid: {error}"))?;
            Splitter::Fancy(Box::new(regex))
        }
    };
    let own = Own {
        added: AddedTokens::default(),
        normalizers: Vec::new(),
        splitter,
        vocabulary: builder.finish(),
        early: None,
    };
    Ok(Tokenizer::own(own, size))
}

/// Rejects tokens that stand before those that they are made of: tiktoken applies such a merge as soon as both sides exist,
/// see `early_merges.rs`. No file is known that has one. A token that no two others make is only ever a whole piece.
fn check_order(tokens: &[Vec<u8>]) -> Result<(), String> {
    let ranks: HashMap<&[u8], usize> = tokens.iter().map(Vec::as_slice).zip(0..).collect();
    for (rank, token) in tokens.iter().enumerate() {
        let splits = (1..token.len()).filter_map(|at| token.split_at_checked(at));
        let sides =
            splits.filter_map(|(left, right)| Some(ranks.get(left)?.max(ranks.get(right)?)));
        if sides.min().is_some_and(|last| *last > rank) {
            return Err(format!(
                "entry {rank} of vocab stands before the tokens that it is made of"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn tokens_stand_after_those_that_they_are_made_of() {
        let text = include_str!("../../../tests/fixtures/tokenizers/tekken.tekken.json");
        assert!(read(text).is_ok());
        let mut file: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let vocab = file["vocab"].as_array_mut().expect("a list");
        let tokens: Vec<_> = vocab
            .iter()
            .map(|entry| entry["token_bytes"].clone())
            .collect();
        let made = vocab.iter_mut().skip(256);
        for (entry, token) in made.zip(tokens.into_iter().rev()) {
            entry["token_bytes"] = token;
        }
        let why = read(&file.to_string()).err().expect("an error");
        assert!(why.contains("stands before the tokens"), "{why}");
    }
}
