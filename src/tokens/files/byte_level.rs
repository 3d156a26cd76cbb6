//! The characters by which byte-level vocabularies write bytes.

/// The character that stands for a byte.
pub fn character(byte: u8) -> char {
    match byte {
        b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        // The others follow at U+0100, in their order.
        0..=0x20 => offset(u32::from(byte)),
        0x7f..=0xa0 => offset(u32::from(byte) - 0x7f + 0x21),
        0xad => offset(0x21 + 0x22),
    }
}

fn offset(by: u32) -> char {
    char::from_u32(0x100 + by).unwrap_or_default()
}

/// The byte that a character stands for.
fn byte(character: char) -> Option<u8> {
    let code = u32::from(character);
    match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7f).ok(),
        0x143 => Some(0xad),
        _ => None,
    }
}

/// The bytes that a token stands for, or `None` if it can never be made of bytes.
pub fn bytes(token: &str) -> Option<Vec<u8>> {
    token.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_bytes_correspond() {
        let mut all: Vec<char> = (0..=255).map(character).collect();
        for (code, character) in (0..=255).zip(&all) {
            assert_eq!(byte(*character), Some(code));
        }
        assert_eq!(character(b' '), 'Ġ');
        assert_eq!(character(b'\n'), 'Ċ');
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 256);
    }
}
