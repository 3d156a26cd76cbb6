//! Stored forms that no release writes, built with knowledge of the format: numbers at the limits of their range,
//! absurd lengths and counts, reversed order, unknown fields, messages that APPEND rejects.
//!
//! There is one module per version of the stored form; [`body`] picks one of [`VERSIONS`]. They share only the
//! encoding of module values in RDB: see [`CraftedValue`].

mod v1;
mod v2;
mod v3;
mod v4;
mod v5;

use fastrand::Rng;

/// A function that makes the frames of a version, with the number of the version.
type Version = (u8, fn(&mut Rng) -> Vec<Vec<u8>>);

/// All versions that can be read. The version that is written is listed twice, to be picked more often.
const VERSIONS: &[Version] = &[
    (1, v1::frames),
    (2, v2::frames),
    (3, v3::frames),
    (4, v4::frames),
    (5, v5::frames),
    (5, v5::frames),
];

/// Messages of all kinds that APPEND accepts.
pub const GOOD: &[&str] = &[
    r#"{"role":"user","content":"hi"}"#,
    r#"{"role":""}"#,
    r#"{"role":"system","content":"be kind","id":"s"}"#,
    r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a"},{"id":"b"}]}"#,
    r#"{"role":"tool","tool_call_id":"a","content":"1"}"#,
    r#"{"role":"tool","tool_call_id":"b","content":"2"}"#,
    r#"{"type":"reasoning","id":"r","summary":[]}"#,
    r#"{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}"#,
    r#"{"type":"function_call_output","call_id":"a","output":"x"}"#,
    r#"{"type":"web_search_call","id":"w"}"#,
    r#"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":1e999}}]}"#,
    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"image"}]}"#,
    r#"{"type":"human","data":{"content":"x","id":"a"}}"#,
    r#"{"type":"ai","data":{"content":"x","tool_calls":[{"id":"a","name":"f","args":{}}]}}"#,
    r#"{"type":"tool","data":{"content":"x","tool_call_id":"a"}}"#,
    r#"{"role":"user","content":"\ud800 \u0000","role":"user","id":"\udfff"}"#,
    r#"{"role":"assistant","tool_calls":[{"id":"a"},{"id":"a"},{"id":""},{}]}"#,
];

/// Messages that APPEND rejects.
pub const BAD: &[&[u8]] = &[
    b"",
    b"{}",
    b"[]",
    b"3",
    b"{\"role\":7}",
    b" {\"role\":\"user\"}",
    b"{\"role\":\"user\"} ",
    b"{\"role\":\"user\"},{\"role\":\"user\"}",
    b"{\"role\":\"user\",}",
    b"{\"role\":\"user\"}\0",
    b"{\"role\":\"\xff\"}",
    b"{\"role\":\"user\",\"content\":\"\xed\xa0\x80\"}",
    b"{\"type\":\"message\"}",
    b"{\"role\":\"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr\"}",
];

/// Integers at the limits of their range.
pub const NUMBERS: [i64; 17] = [
    0,
    1,
    2,
    3,
    -1,
    -2,
    65_535,
    65_536,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    u32::MAX as i64 + 1,
    9_000_000_000_001,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
];

/// A message with this nesting depth: 128 is accepted, 129 is not.
fn nested(levels: usize) -> Vec<u8> {
    let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
    format!(r#"{{"role":"user","x":{open}{close}}}"#).into_bytes()
}

/// A message, in most cases one that APPEND accepts.
pub fn message(rng: &mut Rng) -> Vec<u8> {
    match rng.usize(..60) {
        0 => rng.choice(BAD).unwrap().to_vec(),
        1 => nested(128),
        2 => nested(129 + rng.usize(..5000)),
        3 => format!(
            r#"{{"role":"user","content":"{}"}}"#,
            "x ".repeat(rng.usize(..3000))
        )
        .into_bytes(),
        4 => {
            let mut message = rng.choice(GOOD).unwrap().as_bytes().to_vec();
            let at = rng.usize(..message.len());
            message[at] ^= 1 << rng.usize(..8);
            message
        }
        _ => rng.choice(GOOD).unwrap().as_bytes().to_vec(),
    }
}

/// A module value as stored by Redis: type, id, then the parts, each preceded by an opcode.
struct CraftedValue(Vec<u8>);

impl CraftedValue {
    /// A length in the encoding of RDB. With `wide` it uses more bytes than necessary.
    fn length(&mut self, len: u64, wide: bool) {
        match len {
            0..64 if !wide => self.0.push(len as u8),
            64..16_384 if !wide => self.0.extend((len as u16 | 0x4000).to_be_bytes()),
            0..0x1_0000_0000 => {
                self.0.push(0x80);
                self.0.extend((len as u32).to_be_bytes());
            }
            _ => {
                self.0.push(0x81);
                self.0.extend(len.to_be_bytes());
            }
        }
    }

    /// A part: in most cases a valid string.
    fn part(&mut self, rng: &mut Rng, frame: &[u8]) {
        const STRING: u8 = 5;
        match rng.usize(..200) {
            // An integer, signed or unsigned, or a float instead of a string.
            0 => self.0.extend([*rng.choice(&[1, 2]).unwrap(), 7]),
            1 => self.0.extend([3, 0, 0, 0, 0]),
            2 => self.0.extend([4, 0, 0, 0, 0, 0, 0, 0, 0]),
            // The part is missing.
            3 => self.0.push(rng.u8(..)),
            // A string that claims to be longer than the payload.
            4 => {
                self.0.push(STRING);
                let len = *rng
                    .choice(&[1 << 20, 1 << 31, 1 << 40, 1 << 62, u64::MAX])
                    .unwrap();
                self.length(len, false);
                self.0.extend(frame);
            }
            // A string encoded as an integer.
            5 => self.0.extend([STRING, 0xc0, 7]),
            // A compressed string with a correct or a wrong size.
            6 => {
                self.0.extend([STRING, 0xc3]);
                let literal = &frame[..frame.len().min(32)];
                let lie = *rng.choice(&[0, 1 << 20, 1 << 40]).unwrap();
                self.length(literal.len() as u64 + 1, false);
                self.length(literal.len() as u64 + lie, false);
                self.0.push(literal.len().saturating_sub(1) as u8);
                self.0.extend(literal);
            }
            n => {
                self.0.push(STRING);
                self.length(frame.len() as u64, n == 7);
                self.0.extend(frame);
            }
        }
    }
}

/// A DUMP payload without its footer, in one of the versions. `head` holds the type and id of a valid payload.
pub fn body(rng: &mut Rng, head: &[u8]) -> Vec<u8> {
    let (version, frames) = *rng.choice(VERSIONS).unwrap();
    let mut value = CraftedValue(head.to_vec());
    if let Some(low) = value.0.last_mut() {
        *low = version;
    }
    let mut frames = frames(rng);
    match rng.usize(..40) {
        0 if !frames.is_empty() => drop(frames.pop()),
        1 => frames.push(Vec::new()),
        2 => frames.reverse(),
        3 if !frames.is_empty() => frames.push(frames[rng.usize(..frames.len())].clone()),
        // Split where no message ends.
        4 | 5 if frames.len() > 1 => {
            let last = frames.pop().unwrap_or_default();
            let (a, b) = last.split_at(rng.usize(..last.len() + 1));
            frames.extend([a.to_vec(), b.to_vec()]);
        }
        _ => {}
    }
    for frame in &frames {
        value.part(rng, frame);
    }
    if rng.usize(..100) != 0 {
        value.0.push(0);
    }
    value.0
}
