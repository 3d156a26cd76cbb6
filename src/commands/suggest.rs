//! What a user probably meant by a word that is no option.

use super::spec::Spec;
use super::syntax;

/// Longer words are text, not misspelt options.
const MOST_BYTES: usize = 24;

/// The option that was probably meant: the option that takes this word as a value (`FORMAT JSON` for `JSON`), or the
/// closest of `options` and these values.
#[must_use]
pub fn option(spec: &Spec, argument: &[u8], options: &[&str]) -> Option<String> {
    if let Some(meant) = syntax::option_with_value(spec, argument) {
        return Some(meant);
    }
    if let Some(meant) = closest(argument, options) {
        return Some(meant.to_owned());
    }
    let values: Vec<&str> = syntax::values(spec).map(|(_, value)| value).collect();
    let meant = closest(argument, &values)?;
    syntax::option_with_value(spec, meant.as_bytes())
}

/// The word of `known` that `argument` misspells or abbreviates, if there is one.
#[must_use]
pub fn closest<'k>(argument: &[u8], known: &[&'k str]) -> Option<&'k str> {
    if argument.len() > MOST_BYTES {
        return None;
    }
    let given = argument.to_ascii_uppercase();
    known
        .iter()
        .filter_map(|&word| {
            let upper = word.to_ascii_uppercase();
            let distance = distance(&given, upper.as_bytes());
            let is_abbreviation = given.len() >= 3 && upper.as_bytes().starts_with(&given);
            let is_close = distance <= tolerated(given.len().min(upper.len()));
            (is_abbreviation || is_close).then_some((distance, word))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// True if `argument` consists of letters only, as options do.
#[must_use]
pub fn is_word(argument: &[u8]) -> bool {
    (1..=MOST_BYTES).contains(&argument.len()) && argument.iter().all(u8::is_ascii_alphabetic)
}

/// How many edits a misspelt word of that length may have. Short words would otherwise resemble one another.
fn tolerated(len: usize) -> usize {
    match len {
        0..=2 => 0,
        3 | 4 => 1,
        _ => 2,
    }
}

/// The number of bytes inserted, removed or replaced, or neighbours exchanged, to turn `a` into `b`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut older: Vec<usize> = Vec::new();
    let mut old: Vec<usize> = (0..=b.len()).collect();
    let mut above = None;
    for (row, &x) in a.iter().enumerate() {
        let mut new = vec![row + 1];
        let mut left = None;
        for (column, &y) in b.iter().enumerate() {
            let at =
                |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX);
            let replaced = at(&old, column).saturating_add(usize::from(x != y));
            let removed = at(&old, column + 1).saturating_add(1);
            let inserted = at(&new, column).saturating_add(1);
            let mut least = replaced.min(removed).min(inserted);
            if above == Some(y) && left == Some(x) && column > 0 {
                least = least.min(at(&older, column - 1).saturating_add(1));
            }
            new.push(least);
            left = Some(y);
        }
        above = Some(x);
        older = std::mem::replace(&mut old, new);
    }
    old.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn distances_count_edits() {
        for (a, b, edits) in [
            ("", "", 0),
            ("", "ANY", 3),
            ("ANY", "", 3),
            ("STEP", "STEP", 0),
            ("STPE", "STEP", 1),
            ("STE", "STEP", 1),
            ("SSTEP", "STEP", 1),
            ("STOP", "STEP", 1),
            ("MESAGE", "MESSAGES", 2),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), edits, "{a} {b}");
        }
    }

    #[test]
    fn misspelt_and_abbreviated_words_are_recognised() {
        assert_eq!(closest(b"NXX", &["NX", "XX"]), None);
        assert_eq!(closest(b"N", &["NX", "XX"]), None);
        assert_eq!(closest(b"uniq", &["NX", "UNIQUE"]), Some("UNIQUE"));
        assert_eq!(closest(b"stpe", &["STEP", "START"]), Some("STEP"));
        assert_eq!(closest(b"bogus", &["FORMAT", "MESSAGES", "STEP"]), None);
        assert_eq!(closest(&[b'A'; 10_000], &["ANY"]), None);
    }
}
