//! Strings that are likely to be split or counted wrongly: characters of all classes, exceptions of the rules, long
//! runs, and tokens of the vocabulary.

use fastrand::Rng;

/// Used as they are.
const WORDS: [&str; 40] = [
    "'s",
    "'S",
    "'ſ",
    "'t",
    "'T",
    "'re",
    "'RE",
    "'rE",
    "'ve",
    "'Ve",
    "'m",
    "'ll",
    "'LL",
    "'lL",
    "'d",
    "'D",
    "'",
    "''",
    "'l",
    "'r",
    "'v",
    "'x",
    "'ſs",
    "'\u{212a}",
    "’s",
    "'e",
    "\r\n",
    "\n\r",
    " \n",
    "\n ",
    "  ",
    " '",
    "<|endoftext|>",
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "ǅ",
    "ßẞ",
    "/",
    "//\n",
    "İi̇",
];

/// Sets of characters to choose from.
const ALPHABETS: [&str; 14] = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "aAbBzZſſKs",
    "0123456789",
    " \t\r\n",
    "  \n",
    " \t\u{b}\u{c}\u{1c}\u{1f}\u{85}\u{a0}\u{1680}\u{2000}\u{2009}\u{200b}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "-=*#/_.",
    "\u{300}\u{301}\u{327}\u{903}\u{20dd}\u{fe0f}\u{e0100}",
    "aAʰーǅªº\u{301}中あ'sS ",
    "²½Ⅷ٣३௧Ⅻ一〇㊿𝟘𐄇",
    "'sStTrReEvVmMlLdDſ",
    "\0\u{1}\u{7f}\u{80}\u{ad}\u{378}\u{e000}\u{fffd}\u{ffff}\u{1f600}\u{10ffff}",
];

/// Ranges of code points: Latin, Greek and Cyrillic, Hebrew and Arabic, Indic, Thai, Hangul, Kana, CJK, symbols,
/// emoji, scripts of the supplementary plane, and everything.
const RANGES: [(u32, u32); 12] = [
    (0xa0, 0x24f),
    (0x370, 0x52f),
    (0x590, 0x6ff),
    (0x900, 0xdff),
    (0xe00, 0xe7f),
    (0xac00, 0xd7a3),
    (0x3041, 0x30ff),
    (0x4e00, 0x9fff),
    (0x2000, 0x2bff),
    (0x1f300, 0x1faff),
    (0x10000, 0x1ffff),
    (0, 0x10ffff),
];

fn pick<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(..list.len())]
}

fn char_within(rng: &mut Rng, first: u32, last: u32) -> char {
    char::from_u32(rng.u32(first..=last)).unwrap_or('?')
}

/// A random string of up to nine parts. `tokens` are strings of a vocabulary.
pub fn text(rng: &mut Rng, tokens: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..=rng.usize(..8) {
        let part = text.len();
        let length = 1 + rng.usize(..6);
        match rng.usize(..8) {
            0 => text.push_str(pick(rng, &WORDS)),
            1..=3 => {
                let letters: Vec<char> = pick(rng, &ALPHABETS).chars().collect();
                text.extend((0..length).map(|_| pick(rng, &letters)));
            }
            4 | 5 => {
                let (first, last) = pick(rng, &RANGES);
                text.extend((0..length).map(|_| char_within(rng, first, last)));
            }
            6 => text.push_str(&tokens[rng.usize(..tokens.len())]),
            _ => {
                let bytes: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        if rng.usize(..16) == 0 {
            let part = text[part..].repeat(1 + rng.usize(..60));
            text.push_str(&part);
        }
    }
    text
}

/// The number of strings to try: `COUNT_CASES`, or `few`.
pub fn cases(few: u64) -> u64 {
    let cases = std::env::var("COUNT_CASES").ok();
    cases.map_or(few, |cases| cases.parse().expect("COUNT_CASES is a number"))
}

/// A random number generator seeded with `COUNT_SEED`, or with a constant.
pub fn rng() -> Rng {
    let seed = std::env::var("COUNT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    Rng::with_seed(seed.unwrap_or(1))
}
