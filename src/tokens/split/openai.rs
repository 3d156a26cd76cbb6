//! The rules of OpenAI's encodings, and those of other vendors that differ from them in details.

use super::super::classes::{
    CASELESS, Class, Classes, LETTER, LOWER, MARK, NEWLINE, NUMBER, OTHER, SYMBOL, UPPER,
};
use super::runs::{ascii_run, contraction, letter_run, lower_run, numbers, spaces, symbols};

/// `o200k_base`. Tekken's rules have no `CONTRACTIONS` after a word, and numbers of one digit (`DIGITS`).
pub(super) fn o200k<const CONTRACTIONS: bool, const DIGITS: usize>(
    classes: &Classes,
    text: &[u8],
    at: usize,
) -> usize {
    let (first, length) = classes.at(text, at);
    let next = at + length;
    // [^\r\n\p{L}\p{N}]? before letters
    if first & LETTER != 0 {
        if let Some(end) = cased_word::<CONTRACTIONS>(classes, text, at, None) {
            return end;
        }
    } else if first & (NEWLINE | NUMBER) == 0 {
        let mark = (first == MARK).then_some(next);
        if let Some(end) = cased_word::<CONTRACTIONS>(classes, text, next, mark) {
            return end;
        }
    }
    if first == NUMBER {
        return numbers::<DIGITS>(classes, text, next);
    }
    //  ?[^\s\p{L}\p{N}]+[\r\n/]*
    if let Some(end) = symbols(classes, text, at, (first, next), SYMBOL) {
        let more = |byte: &&u8| matches!(byte, b'\r' | b'\n' | b'/');
        return end + text.iter().skip(end).take_while(more).count();
    }
    spaces(classes, text, at, true, false)
}

/// Finds the end of a word of `o200k_base`, after its optional prefix character:
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`, or else the same with
/// `+` and `*` exchanged. `mark` is the end of a combining mark before `at`, which may be a word of its own.
#[inline]
fn cased_word<const CONTRACTIONS: bool>(
    classes: &Classes,
    text: &[u8],
    at: usize,
    mark: Option<usize>,
) -> Option<usize> {
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
        return Some(with_contraction::<CONTRACTIONS>(text, end));
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
    Some(with_contraction::<CONTRACTIONS>(text, end))
}

#[inline]
fn with_contraction<const CONTRACTIONS: bool>(text: &[u8], end: usize) -> usize {
    if CONTRACTIONS {
        contraction(text, end)
    } else {
        end
    }
}

/// `cl100k_base`, Llama 3, GLM and Qwen. `DIGITS` is the length of a number. With `MARKS`, combining marks belong to words
/// and not to punctuation. With `WHOLE_END`, white space at the end of the text stays together.
pub(super) fn cl100k<const DIGITS: usize, const MARKS: bool, const WHOLE_END: bool>(
    classes: &Classes,
    text: &[u8],
    at: usize,
) -> usize {
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
        let end = if MARKS && !text.get(end).is_none_or(u8::is_ascii) {
            classes.run(text, end, LETTER | MARK)
        } else {
            end
        };
        if end > next || first & LETTER != 0 || (MARKS && first == MARK) {
            return end;
        }
    }
    // \p{N}{1,3}+
    if first == NUMBER {
        return numbers::<DIGITS>(classes, text, next);
    }
    //  ?[^\s\p{L}\p{N}]++[\r\n]*+
    let symbol = if MARKS { OTHER } else { SYMBOL };
    if let Some(end) = symbols(classes, text, at, (first, next), symbol) {
        let more = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        return end + text.iter().skip(end).take_while(more).count();
    }
    spaces(classes, text, at, true, WHOLE_END)
}

/// GPT-2.
pub(super) fn gpt2(classes: &Classes, text: &[u8], at: usize) -> usize {
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
