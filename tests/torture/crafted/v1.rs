//! Crafted values of version 1: a MessagePack header, then messages one behind the other.

use super::{NUMBERS, message};
use crate::support::Dice;

/// MessagePack, as little of it as is needed, and some that nobody expects.
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

/// Something that is most often none of what a field may be.
fn odd(dice: &mut Dice) -> Vec<u8> {
    match dice.below(14) {
        0 => vec![0xc0],
        1 => vec![0xc2],
        2 => vec![0xc3],
        3 => text("o200k_base"),
        4 => text(""),
        5 => [&[0xcf], &u64::MAX.to_be_bytes()[..]].concat(),
        6 => [&[0xcb], &f64::NAN.to_be_bytes()[..]].concat(),
        // Containers that say they are huge, and are empty.
        7 => vec![0xdd, 0xff, 0xff, 0xff, 0xff],
        8 => vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        9 => vec![0xdb, 0xff, 0xff, 0xff, 0xff],
        10 => vec![0xc6, 0x7f, 0xff, 0xff, 0xff, 1],
        // Nested without end.
        11 => vec![0x91; 1 + dice.below(20_000)],
        12 => vec![0xc1],
        _ => int(*dice.pick(&NUMBERS)),
    }
}

/// `value`, or now and then something odd.
pub fn maybe(dice: &mut Dice, rarely: usize, value: Vec<u8>) -> Vec<u8> {
    if dice.once_in(rarely) {
        odd(dice)
    } else {
        value
    }
}

fn attributes(dice: &mut Dice) -> Vec<u8> {
    let encodings = ["o200k_base", "cl100k_base", "r50k_base", "o200k_harmony"];
    let encoding = *dice.pick(&encodings);
    let encoding = text(encoding);
    let mut fields = vec![
        ("encoding", maybe(dice, 80, encoding)),
        ("media-tokens", maybe(dice, 40, int(85))),
        ("max-messages", maybe(dice, 40, int(0))),
        ("max-tokens", maybe(dice, 40, int(0))),
        ("ttl", maybe(dice, 40, int(0))),
        ("complete", maybe(dice, 80, vec![0xc3])),
    ];
    shuffle(dice, &mut fields);
    map(&fields)
}

/// Fields in another order, one twice, one missing, one that nobody knows.
fn shuffle(dice: &mut Dice, fields: &mut Vec<(&str, Vec<u8>)>) {
    match dice.below(80) {
        0 => fields.reverse(),
        1 => fields.push(fields[dice.below(fields.len())].clone()),
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

/// Header and messages, each a frame or more.
pub fn frames(dice: &mut Dice) -> Vec<Vec<u8>> {
    let count = *dice.pick(&[0, 1, 1, 2, 3, 5, 8, 20, 60]);
    let start = if dice.once_in(8) {
        *dice.pick(&NUMBERS)
    } else {
        1
    };
    let (mut frames, mut frame) = (Vec::new(), Vec::new());
    let (mut seq, mut before) = (start.wrapping_sub(1), 0);
    for _ in 0..count {
        frame.push(*dice.pick(&[0, 1, 1, 1, 2, 2]));
        if dice.once_in(500) {
            frame.pop();
            frame.push(dice.roll() as u8);
        }
        // Backwards, twice the same, far away; or the next, or the one after it.
        let step = match dice.below(150) {
            0 => -1,
            1 => 0,
            2 => *dice.pick(&NUMBERS),
            n => 1 + i64::from(n < 12),
        };
        seq = seq.wrapping_add(step);
        signed(&mut frame, seq.wrapping_sub(before));
        before = seq;
        let time = match dice.below(30) {
            0 => *dice.pick(&NUMBERS),
            _ => dice.below(5000) as i64,
        };
        signed(&mut frame, time);
        let tokens = match dice.below(40) {
            0 => *dice.pick(&NUMBERS) as u64,
            1 => u64::from(u32::MAX),
            _ => dice.below(60) as u64,
        };
        unsigned(&mut frame, tokens);
        let message = message(dice);
        let len = match dice.below(600) {
            0 => *dice.pick(&NUMBERS) as u64,
            1 => message.len() as u64 + 1,
            _ => message.len() as u64,
        };
        unsigned(&mut frame, len);
        frame.extend(message);
        if dice.once_in(30) {
            frames.push(std::mem::take(&mut frame));
        }
    }
    if !frame.is_empty() {
        frames.push(frame);
    }
    frames.insert(0, header(dice, count, start, seq, false));
    frames
}

/// The first frame, of `count` messages from number `start` to `seq`.
pub fn header(dice: &mut Dice, count: i64, start: i64, seq: i64, counted: bool) -> Vec<u8> {
    let announced = match dice.below(40) {
        0 => *dice.pick(&NUMBERS),
        1 => count + 1,
        _ => count,
    };
    let (next, lowest) = (seq.max(start).saturating_add(1), start.min(seq));
    let upto = *dice.pick(&[seq, 1, 0, -5, i64::MAX, i64::MIN]);
    let upto = maybe(dice, 20, int(upto));
    let mut summary = vec![
        ("text", maybe(dice, 30, text("so far \u{0}\u{7f}"))),
        ("upto", maybe(dice, 4, upto)),
        ("updated", maybe(dice, 20, int(1_700_000_000_000))),
    ];
    if counted {
        summary.push(("tokens", maybe(dice, 4, int(7))));
    }
    let summary = map(&summary);
    let summary = if dice.once_in(4) { summary } else { vec![0xc0] };
    let attributes = attributes(dice);
    let mut fields = vec![
        ("attributes", maybe(dice, 200, attributes)),
        ("created", maybe(dice, 40, int(1_700_000_000_000))),
        ("updated", maybe(dice, 40, int(1_700_000_000_001))),
        ("next", maybe(dice, 40, int(next))),
        ("lowest", maybe(dice, 40, int(lowest))),
        ("messages", int(announced)),
        ("summary", maybe(dice, 100, summary)),
    ];
    shuffle(dice, &mut fields);
    map(&fields)
}
