//! Crafted values of version 1: a MessagePack header, then the messages one after the other.

use fastrand::Rng;

use super::{NUMBERS, message};

/// A minimal MessagePack encoder, including some encodings that are unusual.
pub fn int(n: i64) -> Vec<u8> {
    [&[0xd3], &n.to_be_bytes()[..]].concat()
}

pub fn text(text: &str) -> Vec<u8> {
    [
        &[0xdb],
        &(text.len() as u32).to_be_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

pub fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = [&[0xde], &(fields.len() as u16).to_be_bytes()[..]].concat();
    for (name, value) in fields {
        out.extend(text(name));
        out.extend(value);
    }
    out
}

/// A value that is in most cases invalid for any field.
fn odd(rng: &mut Rng) -> Vec<u8> {
    match rng.usize(..14) {
        0 => vec![0xc0],
        1 => vec![0xc2],
        2 => vec![0xc3],
        3 => text("o200k_base"),
        4 => text(""),
        5 => [&[0xcf], &u64::MAX.to_be_bytes()[..]].concat(),
        6 => [&[0xcb], &f64::NAN.to_be_bytes()[..]].concat(),
        // Empty containers that claim to be huge.
        7 => vec![0xdd, 0xff, 0xff, 0xff, 0xff],
        8 => vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        9 => vec![0xdb, 0xff, 0xff, 0xff, 0xff],
        10 => vec![0xc6, 0x7f, 0xff, 0xff, 0xff, 1],
        // Deeply nested.
        11 => vec![0x91; 1 + rng.usize(..20_000)],
        12 => vec![0xc1],
        _ => int(*rng.choice(&NUMBERS).unwrap()),
    }
}

/// `value`, or occasionally an odd value.
pub fn maybe(rng: &mut Rng, rarely: usize, value: Vec<u8>) -> Vec<u8> {
    if rng.usize(..rarely) == 0 {
        odd(rng)
    } else {
        value
    }
}

fn attributes(rng: &mut Rng) -> Vec<u8> {
    let encodings = ["o200k_base", "cl100k_base", "r50k_base", "o200k_harmony"];
    let encoding = *rng.choice(&encodings).unwrap();
    let encoding = text(encoding);
    let mut fields = vec![
        ("encoding", maybe(rng, 80, encoding)),
        ("media-tokens", maybe(rng, 40, int(85))),
        ("max-messages", maybe(rng, 40, int(0))),
        ("max-tokens", maybe(rng, 40, int(0))),
        ("ttl", maybe(rng, 40, int(0))),
        ("complete", maybe(rng, 80, vec![0xc3])),
    ];
    shuffle(rng, &mut fields);
    map(&fields)
}

/// Reorders the fields, duplicates one, removes one, or adds an unknown one.
fn shuffle(rng: &mut Rng, fields: &mut Vec<(&str, Vec<u8>)>) {
    match rng.usize(..80) {
        0 => fields.reverse(),
        1 => fields.push(fields[rng.usize(..fields.len())].clone()),
        2 => drop(fields.pop()),
        3 => fields.push(("lease", int(1))),
        _ => {}
    }
}

pub fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn signed(out: &mut Vec<u8>, value: i64) {
    unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// The header and the messages, in one or more frames.
pub fn frames(rng: &mut Rng) -> Vec<Vec<u8>> {
    let count = *rng.choice(&[0, 1, 1, 2, 3, 5, 8, 20, 60]).unwrap();
    let start = if rng.usize(..8) == 0 {
        *rng.choice(&NUMBERS).unwrap()
    } else {
        1
    };
    let (mut frames, mut frame) = (Vec::new(), Vec::new());
    let (mut seq, mut before) = (start.wrapping_sub(1), 0);
    for _ in 0..count {
        frame.push(*rng.choice(&[0, 1, 1, 1, 2, 2]).unwrap());
        if rng.usize(..500) == 0 {
            frame.pop();
            frame.push(rng.u8(..));
        }
        // Backwards, the same number again, or far away; otherwise the next number or the one after.
        let step = match rng.usize(..150) {
            0 => -1,
            1 => 0,
            2 => *rng.choice(&NUMBERS).unwrap(),
            n => 1 + i64::from(n < 12),
        };
        seq = seq.wrapping_add(step);
        signed(&mut frame, seq.wrapping_sub(before));
        before = seq;
        let time = match rng.usize(..30) {
            0 => *rng.choice(&NUMBERS).unwrap(),
            _ => rng.usize(..5000) as i64,
        };
        signed(&mut frame, time);
        let tokens = match rng.usize(..40) {
            0 => *rng.choice(&NUMBERS).unwrap() as u64,
            1 => u64::from(u32::MAX),
            _ => rng.usize(..60) as u64,
        };
        unsigned(&mut frame, tokens);
        let message = message(rng);
        let len = match rng.usize(..600) {
            0 => *rng.choice(&NUMBERS).unwrap() as u64,
            1 => message.len() as u64 + 1,
            _ => message.len() as u64,
        };
        unsigned(&mut frame, len);
        frame.extend(message);
        if rng.usize(..30) == 0 {
            frames.push(std::mem::take(&mut frame));
        }
    }
    if !frame.is_empty() {
        frames.push(frame);
    }
    frames.insert(0, header(rng, count, start, seq, false));
    frames
}

/// The first frame, for `count` messages numbered from `start` to `seq`.
pub fn header(rng: &mut Rng, count: i64, start: i64, seq: i64, counted: bool) -> Vec<u8> {
    let announced = match rng.usize(..40) {
        0 => *rng.choice(&NUMBERS).unwrap(),
        1 => count + 1,
        _ => count,
    };
    let (next, lowest) = (seq.max(start).saturating_add(1), start.min(seq));
    let upto = *rng.choice(&[seq, 1, 0, -5, i64::MAX, i64::MIN]).unwrap();
    let upto = maybe(rng, 20, int(upto));
    let mut summary = vec![
        ("text", maybe(rng, 30, text("so far \u{0}\u{7f}"))),
        ("upto", maybe(rng, 4, upto)),
        ("updated", maybe(rng, 20, int(1_700_000_000_000))),
    ];
    if counted {
        summary.push(("tokens", maybe(rng, 4, int(7))));
    }
    let summary = map(&summary);
    let summary = if rng.usize(..4) == 0 {
        summary
    } else {
        vec![0xc0]
    };
    let attributes = attributes(rng);
    let mut fields = vec![
        ("attributes", maybe(rng, 200, attributes)),
        ("created", maybe(rng, 40, int(1_700_000_000_000))),
        ("updated", maybe(rng, 40, int(1_700_000_000_001))),
        ("next", maybe(rng, 40, int(next))),
        ("lowest", maybe(rng, 40, int(lowest))),
        ("messages", int(announced)),
        ("summary", maybe(rng, 100, summary)),
    ];
    shuffle(rng, &mut fields);
    map(&fields)
}
