//! Tokens that a tokenizer file adds to its vocabulary, found in a text as the `tokenizers` crate finds them.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex_syntax::is_word_character;

/// An added token.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct AddedToken {
    /// What is searched for.
    pub content: String,
    /// Found only between characters that are not part of words.
    pub single_word: bool,
    /// Includes white space before it.
    pub lstrip: bool,
    /// Includes white space after it.
    pub rstrip: bool,
    /// Searched for in normalized text.
    pub normalized: bool,
    /// Ordinary text.
    pub special: bool,
}

/// Tokens of more bytes are not searched with a DFA.
const MOST_DFA_BYTES: usize = 16 << 10;

/// The added tokens of a tokenizer.
#[derive(Default)]
pub struct AddedTokens {
    /// Those that are searched for in the text as it is.
    pub raw: Matcher,
    /// Those that are searched for in normalized text.
    pub normalized: Matcher,
}

impl AddedTokens {
    /// Memory in bytes.
    pub fn memory(&self) -> usize {
        self.raw.memory() + self.normalized.memory()
    }
}

/// Finds the leftmost longest of several tokens.
#[derive(Default)]
pub struct Matcher(Option<(AhoCorasick, Vec<AddedToken>)>);

impl Matcher {
    /// Finds `patterns`, each of which stands for a token. `None` if the library would reject them.
    pub fn new(patterns: Vec<(String, AddedToken)>) -> Option<Self> {
        // A special token that is found is skipped, and hides others that overlap it. Without any other there is
        // nothing to find.
        let mut sorted: Vec<&str> = patterns.iter().map(|(pattern, _)| &**pattern).collect();
        sorted.sort_unstable();
        if sorted
            .iter()
            .zip(sorted.iter().skip(1))
            .any(|(a, b)| a == b)
            || sorted.first().is_some_and(|pattern| pattern.is_empty())
        {
            return None;
        }
        if patterns.iter().all(|(_, token)| token.special) {
            return Some(Self(None));
        }
        let (patterns, tokens): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        // A DFA takes up to a kilobyte for each byte of the tokens.
        let bytes: usize = patterns.iter().map(String::len).sum();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind((bytes > MOST_DFA_BYTES).then_some(AhoCorasickKind::ContiguousNFA))
            .build(patterns)
            .ok()?;
        Some(Self(Some((automaton, tokens))))
    }

    fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |(automaton, tokens)| {
            let contents: usize = tokens.iter().map(|token| token.content.capacity()).sum();
            automaton.memory_usage() + tokens.capacity() * size_of::<AddedToken>() + contents
        })
    }

    /// Calls `each` with the parts of the text between tokens, and returns the number of tokens.
    #[inline]
    pub fn visit(&self, text: &str, each: impl FnMut(&str)) -> u64 {
        let mut count = 0;
        self.visit_all(text, each, |_| count += 1);
        count
    }

    /// Calls `each` with the parts of the text between tokens, and `token` with the end of each token.
    #[inline]
    pub fn visit_all(
        &self,
        text: &str,
        mut each: impl FnMut(&str),
        mut token_at: impl FnMut(usize),
    ) {
        let Some((automaton, tokens)) = &self.0 else {
            if !text.is_empty() {
                each(text);
            }
            return;
        };
        let mut from = 0;
        for found in automaton.find_iter(text) {
            let (mut start, mut end) = (found.start(), found.end());
            let Some(token) = tokens.get(found.pattern().as_usize()) else {
                continue;
            };
            if token.special {
                continue;
            }
            let before = text.get(..start).unwrap_or_default();
            let after = text.get(end..).unwrap_or_default();
            if token.single_word
                && (before.ends_with(is_word_character) || after.starts_with(is_word_character))
            {
                continue;
            }
            if token.lstrip {
                start = before.trim_end().len().max(from);
            }
            if token.rstrip {
                end += after.len() - after.trim_start().len();
            }
            if from < start {
                each(text.get(from..start).unwrap_or_default());
            }
            token_at(end);
            from = end;
        }
        if from < text.len() {
            each(text.get(from..).unwrap_or_default());
        }
    }
}
