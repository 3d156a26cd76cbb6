//! Crafted values of version 3: those of version 2 with session fields and a lease.

use super::v1::{int, map, maybe, text};
use super::{NUMBERS, v2};
use crate::support::Dice;

/// Names as they may be written.
const KEYS: &[&str] = &[
    "\"a\"",
    "\"b\"",
    "\"\"",
    "\"caf\\u00e9\"",
    "\"caf\u{e9}\"",
    "\"\\ud800\"",
    "\"history\"",
    "\"hist\\u006fry\"",
    "\"\\\"\\\\\"",
];

/// What is no name.
const NO_KEYS: &[&str] = &[
    "a", "", "\"", "\"\\", "\"a\" ", " \"a\"", "7", "\"\t\"", "\"\\x\"", "[]",
];

const VALUES: &[&str] = &[
    "1",
    "null",
    "-0.0",
    "1e400",
    "\"\\ud800\"",
    "{\"a\":1,\"a\":2}",
    "[[]]",
    "12345678901234567890",
];

const NO_VALUES: &[&str] = &["", " 1", "1 ", "01", "{", "1,2", "\"\n\"", "nul", "1\u{0}"];

fn mostly<'a>(dice: &mut Dice, good: &[&'a str], bad: &[&'a str]) -> &'a str {
    if dice.once_in(40) {
        dice.pick::<&str>(bad)
    } else {
        dice.pick::<&str>(good)
    }
}

fn field(dice: &mut Dice, n: usize) -> Vec<u8> {
    let value = mostly(dice, VALUES, NO_VALUES);
    let key = match dice.below(6) {
        0 => mostly(dice, KEYS, NO_KEYS).to_owned(),
        1 if dice.once_in(30) => format!("\"{}\"", "n".repeat(65_536 + dice.below(2))),
        _ => format!("\"field {n}\""),
    };
    let colon = mostly(dice, &[":"], &["", " :", "::", ","]);
    let mut field = [key.as_bytes(), colon.as_bytes(), value.as_bytes()].concat();
    if dice.once_in(200) {
        let deep = 1 + dice.below(50_000);
        field.extend(vec![b'['; deep]);
        field.extend(vec![b']'; deep]);
    }
    if dice.once_in(100) && !field.is_empty() {
        let at = dice.below(field.len());
        field[at] ^= 1 << dice.below(8);
    }
    field
}

/// Header, fields and segments.
pub fn frames(dice: &mut Dice) -> Vec<Vec<u8>> {
    let mut frames = v2::frames(dice);
    let count = *dice.pick(&[0, 0, 1, 2, 5, 70]);
    let announced = match dice.below(60) {
        0 => *dice.pick(&NUMBERS),
        1 => count as i64 + 1,
        _ => count as i64,
    };
    let position = match dice.below(30) {
        0 => *dice.pick(&NUMBERS),
        n => (n % (count + 1)) as i64,
    };
    let key = mostly(dice, KEYS, NO_KEYS);
    let history = map(&[
        ("key", maybe(dice, 60, text(key))),
        ("position", maybe(dice, 60, int(position))),
    ]);
    let history = if dice.once_in(2) { history } else { vec![0xc0] };
    let lease = match dice.below(10) {
        0 => *dice.pick(&NUMBERS),
        1 => 1_700_000_000_000,
        _ => 0,
    };
    let more = [
        ("fields", maybe(dice, 80, int(announced))),
        ("history", maybe(dice, 80, history)),
        ("lease", maybe(dice, 80, int(lease))),
    ];
    // Put behind the fields of the header, a map that says with 16 bits how many it has.
    if let Some([0xde, high, low, rest @ ..]) = frames.first().map(Vec::as_slice) {
        let fields = u16::from_be_bytes([*high, *low]) + more.len() as u16;
        let mut header = [&[0xde], &fields.to_be_bytes()[..], rest].concat();
        header.extend(&map(&more)[3..]);
        frames[0] = header;
    }
    let fields: Vec<_> = (0..count).map(|n| field(dice, n)).collect();
    frames.splice(1..1, fields);
    frames
}
