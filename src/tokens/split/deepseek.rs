//! The rules of DeepSeek: three regular expressions, each of which splits the pieces of the one before.

use super::super::classes::{Class, Classes};
use super::runs::white_space;

// The classes of `classes::deepseek`.

/// `\p{L}`.
pub const LETTER: Class = 1;
/// `\p{M}`.
pub const MARK: Class = 2;
/// `\p{N}`.
pub const NUMBER: Class = 4;
/// Carriage return and line feed.
pub const NEWLINE: Class = 8;
/// `\s` except carriage return and line feed.
pub const BLANK: Class = 16;
/// `[\p{P}\p{S}]`.
pub const SYMBOL: Class = 32;
/// Everything else.
pub const OTHER: Class = 64;
/// In addition to one of the others: `[一-龥぀-ゟ゠-ヿ]`.
pub const HAN_OR_KANA: Class = 128;

const WORD: Class = LETTER | MARK;

/// The classes of ASCII characters. Other bytes map to 0.
pub const ASCII: [Class; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        #[allow(clippy::indexing_slicing)] // at compile time
        {
            classes[byte] = match byte as u8 {
                b'A'..=b'Z' | b'a'..=b'z' => LETTER,
                b'0'..=b'9' => NUMBER,
                b'\r' | b'\n' => NEWLINE,
                b'\t' | 0x0b | 0x0c | b' ' => BLANK,
                b'!'..=b'~' => SYMBOL,
                _ => OTHER,
            };
        }
        byte += 1;
    }
    classes
};

#[inline]
fn class(classes: &Classes, text: &[u8], at: usize) -> (Class, usize) {
    classes.at_with(&ASCII, text, at)
}

#[inline]
fn run(classes: &Classes, text: &[u8], mut at: usize, of: Class) -> usize {
    loop {
        let (class, length) = class(classes, text, at);
        if class & of == 0 {
            return at;
        }
        at += length;
    }
}

/// Calls `each` with the start and the end of each piece.
pub fn visit(classes: &Classes, text: &[u8], each: &mut impl FnMut(usize, usize)) {
    let mut at = 0;
    while at < text.len() {
        let (first, length) = class(classes, text, at);
        let mut end = at + length.max(1);
        // \p{N}{1,3}
        if first & NUMBER != 0 {
            for _ in 0..2 {
                let (next, length) = class(classes, text, end);
                if next & NUMBER == 0 {
                    break;
                }
                end += length;
            }
            // None of the alternatives of the third expression matches in numbers: they stay together.
            each(at, end);
            at = end;
            continue;
        }
        // [一-龥぀-ゟ゠-ヿ]+, or what is between two matches of the first two expressions.
        let kana = first & HAN_OR_KANA;
        loop {
            let (next, length) = class(classes, text, end);
            if next == 0 || next & NUMBER != 0 || next & HAN_OR_KANA != kana {
                break;
            }
            end += length;
        }
        third(classes, text, at, end, each);
        at = end;
    }
}

/// Splits the part from `at` to `end` by the third expression, which does not see what is before or after.
fn third(
    classes: &Classes,
    text: &[u8],
    mut at: usize,
    end: usize,
    each: &mut impl FnMut(usize, usize),
) {
    let text = text.get(..end).unwrap_or(text);
    // The start of characters that no alternative matches. They stay together up to the next match.
    let mut unmatched = at;
    while at < end {
        match piece(classes, text, at) {
            Ok(to) => {
                if unmatched < at {
                    each(unmatched, at);
                }
                each(at, to);
                at = to;
                unmatched = to;
            }
            Err(next) => at = next,
        }
    }
    if unmatched < end {
        each(unmatched, end);
    }
}

/// The end of the piece that starts at `at`. If no alternative matches there: the next character.
#[inline]
fn piece(classes: &Classes, text: &[u8], at: usize) -> Result<usize, usize> {
    let (first, length) = class(classes, text, at);
    let next = at + length.max(1);
    // [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
    if first == SYMBOL && length == 1 {
        let letters = text
            .iter()
            .skip(next)
            .take_while(|b| b.is_ascii_alphabetic());
        let end = next + letters.count();
        if end > next {
            return Ok(end);
        }
    }
    // [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
    if first & (NEWLINE | SYMBOL) == 0 {
        let end = run(classes, text, next, WORD);
        if end > next || first & WORD != 0 {
            return Ok(end);
        }
    }
    //  ?[\p{P}\p{S}]+[\r\n]*
    let symbols = if text.get(at) == Some(&b' ') {
        next
    } else {
        at
    };
    let end = run(classes, text, symbols, SYMBOL);
    if end > symbols {
        return Ok(run(classes, text, end, NEWLINE));
    }
    // \s*[\r\n]+|\s+(?!\S)|\s+
    if first & (BLANK | NEWLINE) == 0 {
        return Err(next);
    }
    let class = |at| {
        let (class, length) = class(classes, text, at);
        (class & NEWLINE != 0, class & (BLANK | NEWLINE) != 0, length)
    };
    Ok(white_space(text, at, true, false, class))
}
