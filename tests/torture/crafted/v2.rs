//! Crafted values of version 2: the header, then of each segment what it holds, and its text, packed or not.

use super::v1::{header, signed, unsigned};
use super::{NUMBERS, message};
use crate::support::Dice;

/// Texts that unpack to far more than they are.
const BOMB: usize = 64 << 20;

/// The text of a segment, in a form, which is most often the one that is said.
fn stored(dice: &mut Dice, text: Vec<u8>, form: u8) -> Vec<u8> {
    let packed = |text: &[u8]| zstd::bulk::compress(text, 1).expect("packed");
    let mut stored = match form {
        1 => packed(&text),
        _ => text,
    };
    match dice.below(120) {
        0 => stored.truncate(dice.below(stored.len() + 1)),
        1 => stored.push(dice.roll() as u8),
        2 if !stored.is_empty() => {
            let at = dice.below(stored.len());
            stored[at] ^= 1 << dice.below(8);
        }
        3 => stored = packed(&stored),
        4 if dice.once_in(20) => stored = packed(&vec![b' '; BOMB]),
        _ => {}
    }
    stored
}

/// Header and segments.
pub fn frames(dice: &mut Dice) -> Vec<Vec<u8>> {
    let segments = *dice.pick(&[0, 1, 1, 1, 2, 3]);
    let start = if dice.once_in(8) {
        *dice.pick(&NUMBERS)
    } else {
        1
    };
    let mut frames = Vec::new();
    let (mut seq, mut before, mut count) = (start.wrapping_sub(1), 0, 0);
    for _ in 0..segments {
        let form = match dice.below(100) {
            0 => dice.roll() as u8,
            n => u8::from(n % 2 == 0),
        };
        let (mut description, mut text) = (vec![form], Vec::new());
        let alike = dice.once_in(4).then(|| message(dice));
        for _ in 0..*dice.pick(&[0, 1, 1, 2, 5, 20, 200]) {
            let message = alike.clone().unwrap_or_else(|| message(dice));
            let state = *dice.pick(&[0, 1, 1, 1, 2, 2]);
            description.push(if dice.once_in(900) {
                dice.roll() as u8
            } else {
                state
            });
            let step = match dice.below(400) {
                0 => -1,
                1 => 0,
                2 => *dice.pick(&NUMBERS),
                n => 1 + i64::from(n < 12),
            };
            seq = seq.wrapping_add(step);
            signed(&mut description, seq.wrapping_sub(before));
            before = seq;
            let time = match dice.below(60) {
                0 => *dice.pick(&NUMBERS),
                _ => dice.below(5000) as i64,
            };
            signed(&mut description, time);
            let tokens = match dice.below(200) {
                0 => *dice.pick(&NUMBERS) as u64,
                _ => dice.below(60) as u64,
            };
            unsigned(&mut description, tokens);
            let len = match dice.below(900) {
                0 => *dice.pick(&NUMBERS) as u64,
                1 => message.len() as u64 + 1,
                2 => u64::from(u32::MAX) - text.len() as u64,
                _ => message.len() as u64,
            };
            unsigned(&mut description, len);
            text.extend(message);
            text.push(if dice.once_in(900) { b' ' } else { b',' });
            count += 1;
        }
        let text = stored(dice, text, form);
        frames.extend([description, text]);
    }
    frames.insert(0, header(dice, count, start, seq, true));
    frames
}
