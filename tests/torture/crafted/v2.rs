//! Crafted values of version 2: a header, then for each segment its description and its text, compressed or not.

use fastrand::Rng;

use super::v1::{header, signed, unsigned};
use super::{NUMBERS, message};

/// Size of texts that decompress to far more than their stored size.
const BOMB: usize = 64 << 20;

/// The text of a segment in a storage form, in most cases the one that is declared.
fn stored(rng: &mut Rng, text: Vec<u8>, form: u8) -> Vec<u8> {
    let compress = |text: &[u8]| zstd::bulk::compress(text, 1).expect("compress");
    let mut stored = match form {
        1 => compress(&text),
        _ => text,
    };
    match rng.usize(..120) {
        0 => stored.truncate(rng.usize(..stored.len() + 1)),
        1 => stored.push(rng.u8(..)),
        2 if !stored.is_empty() => {
            let at = rng.usize(..stored.len());
            stored[at] ^= 1 << rng.usize(..8);
        }
        3 => stored = compress(&stored),
        4 if rng.usize(..20) == 0 => stored = compress(&vec![b' '; BOMB]),
        _ => {}
    }
    stored
}

/// The header and the segments.
pub fn frames(rng: &mut Rng) -> Vec<Vec<u8>> {
    let segments = *rng.choice(&[0, 1, 1, 1, 2, 3]).unwrap();
    let start = if rng.usize(..8) == 0 {
        *rng.choice(&NUMBERS).unwrap()
    } else {
        1
    };
    let mut frames = Vec::new();
    let (mut seq, mut before, mut count) = (start.wrapping_sub(1), 0, 0);
    for _ in 0..segments {
        let form = match rng.usize(..100) {
            0 => rng.u8(..),
            n => u8::from(n % 2 == 0),
        };
        let (mut description, mut text) = (vec![form], Vec::new());
        let alike = (rng.usize(..4) == 0).then(|| message(rng));
        for _ in 0..*rng.choice(&[0, 1, 1, 2, 5, 20, 200]).unwrap() {
            let message = alike.clone().unwrap_or_else(|| message(rng));
            let state = *rng.choice(&[0, 1, 1, 1, 2, 2]).unwrap();
            description.push(if rng.usize(..900) == 0 {
                rng.u8(..)
            } else {
                state
            });
            let step = match rng.usize(..400) {
                0 => -1,
                1 => 0,
                2 => *rng.choice(&NUMBERS).unwrap(),
                n => 1 + i64::from(n < 12),
            };
            seq = seq.wrapping_add(step);
            signed(&mut description, seq.wrapping_sub(before));
            before = seq;
            let time = match rng.usize(..60) {
                0 => *rng.choice(&NUMBERS).unwrap(),
                _ => rng.usize(..5000) as i64,
            };
            signed(&mut description, time);
            let tokens = match rng.usize(..200) {
                0 => *rng.choice(&NUMBERS).unwrap() as u64,
                _ => rng.usize(..60) as u64,
            };
            unsigned(&mut description, tokens);
            let len = match rng.usize(..900) {
                0 => *rng.choice(&NUMBERS).unwrap() as u64,
                1 => message.len() as u64 + 1,
                2 => u64::from(u32::MAX) - text.len() as u64,
                _ => message.len() as u64,
            };
            unsigned(&mut description, len);
            text.extend(message);
            text.push(if rng.usize(..900) == 0 { b' ' } else { b',' });
            count += 1;
        }
        let text = stored(rng, text, form);
        frames.extend([description, text]);
    }
    frames.insert(0, header(rng, count, start, seq, true));
    frames
}
