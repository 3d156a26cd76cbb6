//! Splits text into pieces exactly as tiktoken's regular expressions do, in linear time.
//!
//! Each function finds where the piece that starts at a position ends. It tries the alternatives of the regular
//! expression in their order; a comment quotes each. Where the regular expression would backtrack, the function
//! computes the result directly, so it reads every character a bounded number of times.

use super::classes::{
    CASELESS, Class, Classes, END, LETTER, LOWER, MARK, NEWLINE, NUMBER, SPACE, SYMBOL, UPPER,
    ascii, classes,
};
use super::encoding::Encoding;

/// The splitting rules of an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// For `o200k_base` and `o200k_harmony`.
    O200k,
    /// For `cl100k_base`.
    Cl100k,
    /// The rules of GPT-2, for `p50k_base` and `r50k_base`.
    Gpt2,
}

impl Pattern {
    pub(super) fn of(encoding: Encoding) -> Self {
        match encoding {
            Encoding::O200kBase | Encoding::O200kHarmony => Self::O200k,
            Encoding::Cl100kBase => Self::Cl100k,
            Encoding::P50kBase | Encoding::R50kBase => Self::Gpt2,
        }
    }
}

/// Calls `each` with the start and the end of each piece.
#[inline]
pub(super) fn visit(pattern: Pattern, text: &[u8], mut each: impl FnMut(usize, usize)) {
    let classes = classes();
    // One loop per pattern, so that the compiler specializes each.
    match pattern {
        Pattern::O200k => visit_by(text, |at| o200k(classes, text, at), &mut each),
        Pattern::Cl100k => visit_by(text, |at| cl100k(classes, text, at), &mut each),
        Pattern::Gpt2 => visit_by(text, |at| gpt2(classes, text, at), &mut each),
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

/// Splits a text into the pieces of an encoding. The count of the text is the sum of theirs.
#[must_use]
pub fn pieces(encoding: Encoding, text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    visit(Pattern::of(encoding), text.as_bytes(), |start, end| {
        pieces.extend(text.get(start..end));
    });
    pieces
}

fn o200k(classes: &Classes, text: &[u8], at: usize) -> usize {
    let (first, length) = classes.at(text, at);
    let next = at + length;
    // [^\r\n\p{L}\p{N}]? before letters
    if first & LETTER != 0 {
        if let Some(end) = cased_word(classes, text, at, None) {
            return end;
        }
    } else if first & (NEWLINE | NUMBER) == 0 {
        let mark = (first == MARK).then_some(next);
        if let Some(end) = cased_word(classes, text, next, mark) {
            return end;
        }
    }
    if first == NUMBER {
        return three_numbers(classes, text, next);
    }
    //  ?[^\s\p{L}\p{N}]+[\r\n/]*
    if let Some(end) = symbols(classes, text, at, first, next) {
        let more = |byte: &&u8| matches!(byte, b'\r' | b'\n' | b'/');
        return end + text.iter().skip(end).take_while(more).count();
    }
    spaces(classes, text, at, true, false)
}

/// Finds the end of a word of `o200k_base`, after its optional prefix character:
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`, or else the same with
/// `+` and `*` exchanged. `mark` is the end of a combining mark before `at`, which may be a word of its own.
#[inline]
fn cased_word(classes: &Classes, text: &[u8], at: usize, mark: Option<usize>) -> Option<usize> {
    const FIRST: Class = UPPER | CASELESS | MARK;
    const SECOND: Class = LOWER | CASELESS | MARK;
    // Fast path for ASCII: capitals, then small letters.
    let second = ascii_run(text, at, UPPER);
    let end = lower_run(text, second);
    if text.get(end).is_none_or(u8::is_ascii) {
        let end = if end > second {
            end
        } else {
            mark.or((second > at).then_some(second))?
        };
        return Some(contraction(text, end));
    }
    // `second` is where the first class ends. `caseless` is the end of its last character that is in the second class,
    // too.
    let (mut second, mut caseless) = (at, mark);
    loop {
        let (class, length) = classes.at(text, second);
        if class & FIRST == 0 {
            break;
        }
        second += length;
        if class & SECOND != 0 {
            caseless = Some(second);
        }
    }
    let end = classes.run(text, second, SECOND);
    let end = if end > second {
        end
    } else if let Some(end) = caseless {
        // The regular expression backtracks the first class to its last caseless character, which then matches the
        // second.
        end
    } else if second > at {
        // Only capitals, which the other alternative allows.
        second
    } else {
        return None;
    };
    Some(contraction(text, end))
}

fn cl100k(classes: &Classes, text: &[u8], at: usize) -> usize {
    let (first, length) = classes.at(text, at);
    let next = at + length;
    // (?i:'s|'t|'re|'ve|'m|'ll|'d)
    let end = contraction(text, at);
    if end > at {
        return end;
    }
    // [^\r\n\p{L}\p{N}]?+\p{L}++
    if first & (NEWLINE | NUMBER) == 0 {
        let end = letter_run(classes, text, next);
        if end > next || first & LETTER != 0 {
            return end;
        }
    }
    // \p{N}{1,3}+
    if first == NUMBER {
        return three_numbers(classes, text, next);
    }
    //  ?[^\s\p{L}\p{N}]++[\r\n]*+
    if let Some(end) = symbols(classes, text, at, first, next) {
        let more = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        return end + text.iter().skip(end).take_while(more).count();
    }
    spaces(classes, text, at, true, true)
}

fn gpt2(classes: &Classes, text: &[u8], at: usize) -> usize {
    let (first, length) = classes.at(text, at);
    let next = at + length;
    // '(?:[sdmt]|ll|ve|re)
    if text.get(at) == Some(&b'\'') {
        match (text.get(at + 1), text.get(at + 2)) {
            (Some(b's' | b'd' | b'm' | b't'), _) => return at + 2,
            (Some(b'l'), Some(b'l')) | (Some(b'v' | b'r'), Some(b'e')) => return at + 3,
            _ => {}
        }
    }
    //  ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++
    let (class, after) = if text.get(at) == Some(&b' ') {
        let (class, length) = classes.at(text, next);
        (class, next + length)
    } else {
        (first, next)
    };
    if class & LETTER != 0 {
        return letter_run(classes, text, after);
    }
    for kind in [NUMBER, SYMBOL] {
        if class & kind != 0 {
            return classes.run(text, after, kind);
        }
    }
    spaces(classes, text, at, false, true)
}

/// Matches `\p{N}{1,3}`. The caller has consumed the first character.
fn three_numbers(classes: &Classes, text: &[u8], mut at: usize) -> usize {
    for _ in 0..2 {
        let (class, length) = classes.at(text, at);
        if class != NUMBER {
            break;
        }
        at += length;
    }
    at
}

/// Matches ` ?[^\s\p{L}\p{N}]+`, if the text has it here. `first` and `next` are the class and the end of the first
/// character.
#[inline]
fn symbols(classes: &Classes, text: &[u8], at: usize, first: Class, next: usize) -> Option<usize> {
    if first & SYMBOL != 0 {
        return Some(classes.run(text, next, SYMBOL));
    }
    if text.get(at) == Some(&b' ') {
        let end = classes.run(text, next, SYMBOL);
        return (end > next).then_some(end);
    }
    None
}

/// Matches white space after all other alternatives failed: `\s*[\r\n]+` if `lines` is set, `\s+(?!\S)`, `\s+`. With
/// `whole_end` it tries `\s+$` first, which keeps white space at the end of the text together.
fn spaces(classes: &Classes, text: &[u8], at: usize, lines: bool, whole_end: bool) -> usize {
    // The end of the last line break of the run, and the start of its last character.
    let (mut line, mut last, mut end) = (at, at, at);
    loop {
        let (class, length) = classes.at(text, end);
        if class & SPACE == 0 {
            if class == END && whole_end {
                return end;
            }
            if lines && line > at {
                return line;
            }
            // A run before a non-space character leaves its last character to the next piece, unless that is all it
            // has.
            return if class == END || last == at {
                end
            } else {
                last
            };
        }
        last = end;
        end += length;
        if class == NEWLINE {
            line = end;
        }
    }
}

/// Returns the end of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` if the text has it at `at`, and `at` otherwise.
#[inline]
fn contraction(text: &[u8], at: usize) -> usize {
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
fn ascii_run(text: &[u8], mut at: usize, classes: Class) -> usize {
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
fn lower_run(text: &[u8], at: usize) -> usize {
    word_run(text, at, 0)
}

/// Returns the end of the run of letters (`\p{L}`) that starts at `at`.
#[inline]
fn letter_run(classes: &Classes, text: &[u8], at: usize) -> usize {
    let end = word_run(text, at, each(0x20));
    if text.get(end).is_none_or(u8::is_ascii) {
        return end;
    }
    classes.run(text, end, LETTER)
}
