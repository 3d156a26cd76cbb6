//! The parts that the rules of several splitters share.

use super::super::classes::{Class, Classes, LETTER, LOWER, NEWLINE, NUMBER, SPACE, UPPER, ascii};

/// Matches `\p{N}{1,DIGITS}`. The caller has consumed the first character.
#[inline]
pub(super) fn numbers<const DIGITS: usize>(classes: &Classes, text: &[u8], mut at: usize) -> usize {
    for _ in 1..DIGITS {
        let (class, length) = classes.at(text, at);
        if class != NUMBER {
            break;
        }
        at += length;
    }
    at
}

/// Matches a space, if there is one, and a run of characters in `symbol`, if the text has it here. `first` is the class
/// and the end of the first character.
#[inline]
pub(super) fn symbols(
    classes: &Classes,
    text: &[u8],
    at: usize,
    first: (Class, usize),
    symbol: Class,
) -> Option<usize> {
    let (first, next) = first;
    if first & symbol != 0 {
        return Some(classes.run(text, next, symbol));
    }
    if text.get(at) == Some(&b' ') {
        let end = classes.run(text, next, symbol);
        return (end > next).then_some(end);
    }
    None
}

/// Matches white space after all other alternatives failed: `\s*[\r\n]+` if `lines` is set, `\s+(?!\S)`, `\s+`. With
/// `whole_end` it tries `\s+$` first, which keeps white space at the end of the text together.
#[inline]
pub(super) fn spaces(
    classes: &Classes,
    text: &[u8],
    at: usize,
    lines: bool,
    whole_end: bool,
) -> usize {
    white_space(text, at, lines, whole_end, |at| {
        let (class, length) = classes.at(text, at);
        (class == NEWLINE, class & SPACE != 0, length)
    })
}

/// See [`spaces`]. `class` says whether the character at a position is a line break, whether it is white space, and how
/// long it is.
#[inline]
pub(super) fn white_space(
    text: &[u8],
    at: usize,
    lines: bool,
    whole_end: bool,
    class: impl Fn(usize) -> (bool, bool, usize),
) -> usize {
    // The end of the last line break of the run, and the start of its last character.
    let (mut line, mut last, mut end) = (at, at, at);
    loop {
        let (newline, space, length) = class(end);
        if !space {
            let is_end = end >= text.len();
            if is_end && whole_end {
                return end;
            }
            if lines && line > at {
                return line;
            }
            // A run before a non-space character leaves its last character to the next piece, unless that is all it
            // has.
            return if is_end || last == at { end } else { last };
        }
        last = end;
        end += length;
        if newline {
            line = end;
        }
    }
}

/// Returns the end of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` if the text has it at `at`, and `at` otherwise.
#[inline]
pub(super) fn contraction(text: &[u8], at: usize) -> usize {
    if text.get(at) != Some(&b'\'') {
        return at;
    }
    let byte = |ahead: usize| text.get(at + ahead).map(|byte| byte | 0x20);
    match (byte(1), byte(2)) {
        (Some(b's' | b't' | b'm' | b'd'), _) => at + 2,
        (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) => at + 3,
        // Long s (U+017F) folds to S.
        _ if text.get(at + 1..at + 3) == Some("ſ".as_bytes()) => at + 3,
        _ => at,
    }
}

/// Returns the end of the run of ASCII characters in `classes` that starts at `at`.
#[inline]
pub(super) fn ascii_run(text: &[u8], mut at: usize, classes: Class) -> usize {
    while text.get(at).is_some_and(|byte| ascii(*byte) & classes != 0) {
        at += 1;
    }
    at
}

/// A word with `byte` in all eight positions.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Number of leading bytes (lowest first) in `a` to `z`.
#[inline]
fn leading_letters(word: u64) -> usize {
    // Compares eight bytes at once, seven bits each, so that no carry reaches the next byte.
    let low = word & each(0x7f);
    let from_a = low + each(0x80 - b'a');
    let beyond_z = low + each(0x7f - b'z');
    let letters = from_a & !beyond_z & !word & each(0x80);
    (letters ^ each(0x80)).trailing_zeros() as usize / 8
}

/// Returns the end of the run of `a` to `z` that starts at `at`. Set the case bit of every byte in `fold` to ignore
/// case.
#[inline]
fn word_run(text: &[u8], mut at: usize, fold: u64) -> usize {
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let letters = leading_letters(u64::from_le_bytes(*word) | fold);
        at += letters;
        if letters < 8 {
            return at;
        }
    }
    let classes = if fold == 0 { LOWER } else { UPPER | LOWER };
    ascii_run(text, at, classes)
}

#[inline]
pub(super) fn lower_run(text: &[u8], at: usize) -> usize {
    word_run(text, at, 0)
}

/// Returns the end of the run of letters (`\p{L}`) that starts at `at`.
#[inline]
pub(super) fn letter_run(classes: &Classes, text: &[u8], at: usize) -> usize {
    let end = word_run(text, at, each(0x20));
    if text.get(end).is_none_or(u8::is_ascii) {
        return end;
    }
    classes.run(text, end, LETTER)
}
