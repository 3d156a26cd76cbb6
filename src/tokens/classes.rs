//! The character classes used by the splitting rules, with a table lookup per code point.
//!
//! A table is built once, from the Unicode tables of the engine that runs the regular expressions in the library whose
//! counts are reproduced, so the two always agree: `regex-syntax` for tiktoken, Oniguruma for Hugging Face's
//! `tokenizers`. The table has two stages: from a code point to its block of 128 code
//! points, and from there to the class. Identical blocks are stored once, which reduces 1.1 million entries to 38 kB.

use std::collections::HashMap;
use std::sync::OnceLock;

use regex_syntax::Parser;
use regex_syntax::hir::{Class as HirClass, HirKind};

/// A set of classes, one bit each. Every code point has exactly one class.
pub(super) type Class = u8;

/// Past the end of the text.
pub(super) const END: Class = 0;
/// `\p{Lu}` and `\p{Lt}`.
pub(super) const UPPER: Class = 1;
/// `\p{Ll}`.
pub(super) const LOWER: Class = 2;
/// `\p{Lm}` and `\p{Lo}`: letters without case.
pub(super) const CASELESS: Class = 4;
/// `\p{M}`.
pub(super) const MARK: Class = 8;
/// `\p{N}`.
pub(super) const NUMBER: Class = 16;
/// Carriage return and line feed.
pub(super) const NEWLINE: Class = 32;
/// `\s` except carriage return and line feed.
pub(super) const BLANK: Class = 64;
/// Everything else.
pub(super) const OTHER: Class = 128;

/// `\p{L}`.
pub(super) const LETTER: Class = UPPER | LOWER | CASELESS;
/// `\s`.
pub(super) const SPACE: Class = NEWLINE | BLANK;
/// `[^\s\p{L}\p{N}]`.
pub(super) const SYMBOL: Class = MARK | OTHER;

/// The classes as regular expressions. A later entry overrides an earlier one; code points that match none are
/// [`OTHER`].
const PATTERNS: [(&str, Class); 7] = [
    (r"[\p{Lu}\p{Lt}]", UPPER),
    (r"\p{Ll}", LOWER),
    (r"[\p{Lm}\p{Lo}]", CASELESS),
    (r"\p{M}", MARK),
    (r"\p{N}", NUMBER),
    (r"\s", BLANK),
    (r"[\r\n]", NEWLINE),
];

/// Code points per block.
const BLOCK: usize = 128;

/// The classes of ASCII characters, so that most text never touches the big table. Other bytes map to [`END`].
const ASCII: [Class; 256] = {
    let mut classes = [END; 256];
    let mut byte = 0;
    while byte < 128 {
        #[allow(clippy::indexing_slicing)] // at compile time
        {
            classes[byte] = match byte as u8 {
                b'A'..=b'Z' => UPPER,
                b'a'..=b'z' => LOWER,
                b'0'..=b'9' => NUMBER,
                b'\r' | b'\n' => NEWLINE,
                b'\t' | 0x0b | 0x0c | b' ' => BLANK,
                _ => OTHER,
            };
        }
        byte += 1;
    }
    classes
};

/// The two-stage table described in the module documentation.
pub(super) struct Classes {
    /// Block number, indexed by the upper bits of the code point.
    index: Vec<u16>,
    blocks: Vec<[Class; BLOCK]>,
}

static STANDARD: OnceLock<Classes> = OnceLock::new();
static ONIGURUMA: OnceLock<Classes> = OnceLock::new();
static DEEPSEEK: OnceLock<Classes> = OnceLock::new();

/// True if the table of [`standard`] has been built.
pub(super) fn are_loaded() -> bool {
    STANDARD.get().is_some()
}

/// The classes of this module by the tables of `regex-syntax`, built on first use.
pub(super) fn standard() -> &'static Classes {
    STANDARD.get_or_init(|| Classes::new(OTHER, END, &PATTERNS, ranges))
}

/// The classes of this module by the tables of Oniguruma, built on first use. That takes some 100 ms.
pub(super) fn oniguruma() -> &'static Classes {
    ONIGURUMA.get_or_init(|| Classes::new(OTHER, END, &PATTERNS, oniguruma_ranges))
}

/// The classes of `split/deepseek.rs` by the tables of Oniguruma, built on first use. That takes some 100 ms.
pub(super) fn deepseek() -> &'static Classes {
    use super::split::deepseek as class;
    DEEPSEEK.get_or_init(|| {
        let patterns = [
            (r"\p{L}", class::LETTER),
            (r"\p{M}", class::MARK),
            (r"\p{N}", class::NUMBER),
            (r"[\p{P}\p{S}]", class::SYMBOL),
            (r"\s", class::BLANK),
            (r"[\r\n]", class::NEWLINE),
            ("[一-龥\u{3040}-ゟ゠-ヿ]", class::HAN_OR_KANA),
        ];
        Classes::new(
            class::OTHER,
            class::HAN_OR_KANA,
            &patterns,
            oniguruma_ranges,
        )
    })
}

/// The memory used by the tables in bytes.
pub(super) fn memory() -> usize {
    [&STANDARD, &ONIGURUMA, &DEEPSEEK]
        .into_iter()
        .filter_map(OnceLock::get)
        .map(|classes| {
            size_of::<Classes>() + 2 * classes.index.capacity() + classes.blocks.capacity() * BLOCK
        })
        .sum()
}

/// The ranges of code points that a pattern matches. The patterns are constants; a test checks that they all parse.
fn ranges(pattern: &str) -> Vec<(u32, u32)> {
    let Ok(hir) = Parser::new().parse(pattern) else {
        return Vec::new();
    };
    match hir.kind() {
        HirKind::Class(HirClass::Unicode(class)) => class
            .iter()
            .map(|range| (u32::from(range.start()), u32::from(range.end())))
            .collect(),
        _ => Vec::new(),
    }
}

/// The same by Oniguruma: it searches a text of all characters.
fn oniguruma_ranges(pattern: &str) -> Vec<(u32, u32)> {
    let Ok(regex) = onig::Regex::new(&format!("(?:{pattern})+")) else {
        return Vec::new();
    };
    let all: String = ('\0'..=char::MAX).collect();
    let ends = |(start, end)| {
        let mut found = all.get(start..end)?.chars();
        let first = found.next()?;
        let last = found.next_back().unwrap_or(first);
        Some((u32::from(first), u32::from(last)))
    };
    regex.find_iter(&all).filter_map(ends).collect()
}

impl Classes {
    /// A later pattern overrides an earlier one, except that classes in `added` are added to others. Code points that match
    /// none are in `other`.
    fn new(
        other: Class,
        added: Class,
        patterns: &[(&str, Class)],
        ranges: impl Fn(&str) -> Vec<(u32, u32)>,
    ) -> Self {
        let mut all = vec![other; char::MAX as usize + 1];
        for &(pattern, class) in patterns {
            for (first, last) in ranges(pattern) {
                for entry in all
                    .get_mut(first as usize..=last as usize)
                    .unwrap_or_default()
                {
                    *entry = if added & class == 0 {
                        class
                    } else {
                        *entry | class
                    };
                }
            }
        }
        let mut numbers = HashMap::new();
        let (mut index, mut blocks) = (Vec::new(), Vec::new());
        for block in all.as_chunks::<BLOCK>().0 {
            let number = *numbers.entry(*block).or_insert_with(|| {
                blocks.push(*block);
                blocks.len() - 1
            });
            index.push(u16::try_from(number).unwrap_or(u16::MAX));
        }
        index.shrink_to_fit();
        blocks.shrink_to_fit();
        Self { index, blocks }
    }

    fn of(&self, c: u32) -> Class {
        let c = c as usize;
        self.index
            .get(c / BLOCK)
            .and_then(|block| self.blocks.get(usize::from(*block)))
            .and_then(|block| block.get(c % BLOCK))
            .copied()
            .unwrap_or(OTHER)
    }

    /// Returns the class and the length of the character at `at`, or [`END`] and 0 at the end of the text. `text` must
    /// be UTF-8, and `at` the start of a character.
    #[inline]
    pub(super) fn at(&self, text: &[u8], at: usize) -> (Class, usize) {
        self.at_with(&ASCII, text, at)
    }

    /// The same with other classes of ASCII characters.
    #[inline]
    pub(super) fn at_with(
        &self,
        of_ascii: &[Class; 256],
        text: &[u8],
        at: usize,
    ) -> (Class, usize) {
        match text.get(at) {
            None => (END, 0),
            Some(byte) if byte.is_ascii() => {
                (of_ascii.get(usize::from(*byte)).copied().unwrap_or(END), 1)
            }
            Some(byte) => self.wide(text, at, *byte),
        }
    }

    fn wide(&self, text: &[u8], at: usize, first: u8) -> (Class, usize) {
        let bits = |ahead: usize| u32::from(text.get(at + ahead).copied().unwrap_or(0) & 0x3f);
        let first = u32::from(first);
        if first < 0xe0 {
            (self.of((first & 0x1f) << 6 | bits(1)), 2)
        } else if first < 0xf0 {
            (self.of((first & 0x0f) << 12 | bits(1) << 6 | bits(2)), 3)
        } else {
            let c = (first & 0x07) << 18 | bits(1) << 12 | bits(2) << 6 | bits(3);
            (self.of(c), 4)
        }
    }

    /// Returns the end of the run of characters in `classes` that starts at `at`.
    #[inline]
    pub(super) fn run(&self, text: &[u8], mut at: usize, classes: Class) -> usize {
        loop {
            let (class, length) = self.at(text, at);
            if class & classes == 0 {
                return at;
            }
            at += length;
        }
    }
}

/// The class of an ASCII character, or [`END`] for any other byte.
#[inline]
pub(super) fn ascii(byte: u8) -> Class {
    ASCII.get(usize::from(byte)).copied().unwrap_or(END)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_classes_match_the_tables() {
        for byte in 0..128u8 {
            assert_eq!(ascii(byte), standard().of(byte.into()), "{byte}");
            assert_eq!(ascii(byte), oniguruma().of(byte.into()), "{byte}");
            let of_deepseek = crate::tokens::split::deepseek::ASCII[usize::from(byte)];
            assert_eq!(of_deepseek, deepseek().of(byte.into()), "{byte}");
        }
        assert!((128..=255).all(|byte| ascii(byte) == END));
    }

    #[test]
    fn the_tables_cover_every_code_point() {
        for (classes, ranges) in [
            (standard(), ranges as fn(&str) -> Vec<(u32, u32)>),
            (oniguruma(), oniguruma_ranges),
        ] {
            println!("{} blocks", classes.blocks.len());
            assert_eq!(classes.index.len() * BLOCK, char::MAX as usize + 1);
            for (pattern, class) in PATTERNS {
                let ranges = ranges(pattern);
                assert!(!ranges.is_empty(), "{pattern}");
                for (first, last) in ranges {
                    assert!(
                        (first..=last).all(|c| {
                            classes.of(c) == class
                                || c == 10
                                || c == 13
                                || (0xd800..0xe000).contains(&c)
                        }),
                        "{pattern}"
                    );
                }
            }
        }
        println!("{} bytes", memory());
    }
}
