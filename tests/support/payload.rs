//! Takes DUMP payloads apart, damages them, and computes their checksum.

use fastrand::Rng;
use redis::Connection;

use super::{bytes, cmd};

/// Position after the type id: one byte for the kind of value, one for the length encoding, eight for the id.
pub const AFTER_ID: usize = 10;

/// Length of the footer: RDB version (2 bytes) and CRC64.
pub const FOOTER: usize = 10;

/// The CRC64 of Redis: Jones polynomial, reflected, initial value 0.
pub fn crc64(bytes: &[u8]) -> u64 {
    const JONES: u64 = 0x95AC_9329_AC4B_C9B5;
    // A table per byte value, because some tests compute a million checksums.
    const TABLE: [u64; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut crc, mut bit) = (byte as u64, 0);
            while bit < 8 {
                crc = (crc >> 1) ^ if crc & 1 == 1 { JONES } else { 0 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    bytes.iter().fold(0, |crc, byte| {
        TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8)
    })
}

/// The reply of DUMP without its footer.
pub fn body(con: &mut Connection, key: &str) -> Vec<u8> {
    let mut payload = bytes(&cmd!(*con, "DUMP", key));
    payload.truncate(payload.len() - FOOTER);
    payload
}

/// The RDB version in the footer.
pub fn rdb_version(con: &mut Connection, key: &str) -> [u8; 2] {
    let payload = bytes(&cmd!(*con, "DUMP", key));
    let at = payload.len() - FOOTER;
    [payload[at], payload[at + 1]]
}

/// Appends a footer with a valid checksum.
pub fn sealed(body: &[u8], version: [u8; 2]) -> Vec<u8> {
    let mut payload = [body, &version].concat();
    payload.extend(crc64(&payload).to_le_bytes());
    payload
}

/// Damages a payload in one random way: flips a bit, removes a byte, truncates it, replaces its end by the end of
/// `other`, and so on.
pub fn damage(rng: &mut Rng, body: &mut Vec<u8>, other: &[u8]) {
    if body.len() <= AFTER_ID {
        return;
    }
    let at = AFTER_ID + rng.usize(..body.len() - AFTER_ID);
    // Half of the damage is done within the first 40 bytes, which hold headers and lengths.
    let near = AFTER_ID + rng.usize(..40.min(body.len() - AFTER_ID));
    let at = if rng.usize(..2) == 0 { near } else { at };
    match rng.usize(..9) {
        0 => body.truncate(at),
        1..=3 => body[at] ^= 1 << rng.usize(..8),
        4 => body[at] = *rng.choice(&[0, 1, 0x7f, 0x80, 0x81, 0xc3, 0xff]).unwrap(),
        5 => drop(body.remove(at)),
        6 => body.insert(at, rng.u8(..)),
        7 => body.extend((0..=rng.usize(..20)).map(|_| rng.u8(..))),
        _ => {
            let from = AFTER_ID + rng.usize(..other.len() - AFTER_ID);
            body.truncate(at);
            body.extend_from_slice(&other[from..]);
        }
    }
}
