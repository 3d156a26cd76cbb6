//! Crafted values of version 3: version 2 with session fields and a summary lease.

use fastrand::Rng;

use super::v1::{int, map, maybe, text};
use super::{NUMBERS, v2};

/// Valid names of session fields.
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

/// Invalid names.
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

pub(super) fn mostly<'a>(rng: &mut Rng, good: &[&'a str], bad: &[&'a str]) -> &'a str {
    if rng.usize(..40) == 0 {
        rng.choice(bad).unwrap()
    } else {
        rng.choice(good).unwrap()
    }
}

fn field(rng: &mut Rng, n: usize) -> Vec<u8> {
    let value = mostly(rng, VALUES, NO_VALUES);
    let key = match rng.usize(..6) {
        0 => mostly(rng, KEYS, NO_KEYS).to_owned(),
        1 if rng.usize(..30) == 0 => format!("\"{}\"", "n".repeat(65_536 + rng.usize(..2))),
        _ => format!("\"field {n}\""),
    };
    let colon = mostly(rng, &[":"], &["", " :", "::", ","]);
    let mut field = [key.as_bytes(), colon.as_bytes(), value.as_bytes()].concat();
    if rng.usize(..200) == 0 {
        let deep = 1 + rng.usize(..50_000);
        field.extend(vec![b'['; deep]);
        field.extend(vec![b']'; deep]);
    }
    if rng.usize(..100) == 0 && !field.is_empty() {
        let at = rng.usize(..field.len());
        field[at] ^= 1 << rng.usize(..8);
    }
    field
}

/// The header, the session fields and the segments.
pub fn frames(rng: &mut Rng) -> Vec<Vec<u8>> {
    with_history(rng, &[], Vec::new())
}

/// The same, with further fields in the header's description of the history, and frames after the session fields.
pub(super) fn with_history(
    rng: &mut Rng,
    more_history: &[(&str, Vec<u8>)],
    after: Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let mut frames = v2::frames(rng);
    let count = *rng.choice(&[0, 0, 1, 2, 5, 70]).unwrap();
    let announced = match rng.usize(..60) {
        0 => *rng.choice(&NUMBERS).unwrap(),
        1 => count as i64 + 1,
        _ => count as i64,
    };
    let position = match rng.usize(..30) {
        0 => *rng.choice(&NUMBERS).unwrap(),
        n => (n % (count + 1)) as i64,
    };
    let key = mostly(rng, KEYS, NO_KEYS);
    let mut history = vec![
        ("key", maybe(rng, 60, text(key))),
        ("position", maybe(rng, 60, int(position))),
    ];
    history.extend_from_slice(more_history);
    let history = if !more_history.is_empty() || rng.usize(..2) == 0 {
        map(&history)
    } else {
        vec![0xc0]
    };
    let lease = match rng.usize(..10) {
        0 => *rng.choice(&NUMBERS).unwrap(),
        1 => 1_700_000_000_000,
        _ => 0,
    };
    let more = [
        ("fields", maybe(rng, 80, int(announced))),
        ("history", maybe(rng, 80, history)),
        ("lease", maybe(rng, 80, int(lease))),
    ];
    // Append the new fields to the header, a map with a 16-bit field count.
    if let Some([0xde, high, low, rest @ ..]) = frames.first().map(Vec::as_slice) {
        let fields = u16::from_be_bytes([*high, *low]) + more.len() as u16;
        let mut header = [&[0xde], &fields.to_be_bytes()[..], rest].concat();
        header.extend(&map(&more)[3..]);
        frames[0] = header;
    }
    let fields: Vec<_> = (0..count).map(|n| field(rng, n)).chain(after).collect();
    frames.splice(1..1, fields);
    frames
}
