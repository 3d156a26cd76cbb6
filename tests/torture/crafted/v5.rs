//! Crafted values of version 5: version 4 with pins and the attributes `overhead` and `scale`.

use fastrand::Rng;

use super::v1::{int, map, maybe, text};
use super::{NUMBERS, v4};

/// The frames of version 4 with further fields in the header.
pub fn frames(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut frames = v4::frames(rng);
    let Some(header) = frames.first_mut() else {
        return frames;
    };
    let mut pins: Vec<i64> = (0..rng.usize(..6)).map(|_| rng.i64(1..12)).collect();
    pins.sort_unstable();
    if rng.usize(..20) > 0 {
        pins.dedup();
    }
    match rng.usize(..60) {
        0 => pins.reverse(),
        1 => pins.push(*rng.choice(&NUMBERS).unwrap()),
        2 => pins = (1..1002).collect(),
        _ => {}
    }
    let mut list = vec![0xdc];
    list.extend((pins.len() as u16).to_be_bytes());
    list.extend(pins.iter().flat_map(|&seq| int(seq)));
    if rng.usize(..2) == 0 {
        let pins = maybe(rng, 60, list);
        add(header, &[("pins", pins)]);
    }
    if rng.usize(..2) == 0 {
        let overhead = *rng.choice(&[0, 3, 1000, 1001, 65_536, -1]).unwrap();
        let scale = *rng.choice(&[100, 10, 1000, 9, 1001, 0]).unwrap();
        let (overhead, scale) = (maybe(rng, 60, int(overhead)), maybe(rng, 60, int(scale)));
        add_attributes(header, &[("overhead", overhead), ("scale", scale)]);
    }
    frames
}

/// Adds fields to a map with a 16-bit field count.
fn add(header: &mut Vec<u8>, more: &[(&str, Vec<u8>)]) {
    if let [0xde, high, low, rest @ ..] = header.as_slice() {
        let fields = u16::from_be_bytes([*high, *low]).wrapping_add(more.len() as u16);
        *header = [&[0xde], &fields.to_be_bytes()[..], rest, &map(more)[3..]].concat();
    }
}

/// Adds fields to the map after the name `attributes`, if it is found.
fn add_attributes(header: &mut Vec<u8>, more: &[(&str, Vec<u8>)]) {
    let name = text("attributes");
    let Some(at) = header.windows(name.len()).position(|bytes| bytes == name) else {
        return;
    };
    let mut attributes = header.split_off(at + name.len());
    // The new fields are the first of the map, because its end is not known.
    if let [0xde, high, low, rest @ ..] = attributes.as_slice() {
        let fields = u16::from_be_bytes([*high, *low]).wrapping_add(more.len() as u16);
        attributes = [&[0xde], &fields.to_be_bytes()[..], &map(more)[3..], rest].concat();
    }
    header.extend(attributes);
}
