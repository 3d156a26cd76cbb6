//! Base64 with padding, as tekken files write tokens.

/// The bytes that `text` stands for, or `None` if it is not base64.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.chunks(4) {
        let &[a, b, c, d] = chunk else {
            return None;
        };
        let digits = match (c, d) {
            (b'=', b'=') => 2,
            (_, b'=') => 3,
            _ => 4,
        };
        let mut bits = 0;
        for digit in [a, b, c, d].into_iter().take(digits) {
            bits = bits << 6 | u32::from(value(digit)?);
        }
        bits <<= 6 * (4 - digits);
        let [_, first, second, third] = bits.to_be_bytes();
        bytes.extend([first, second, third].into_iter().take(digits - 1));
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decodes() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("AA==", b"\0"),
            ("IHRoZQ==", b" the"),
            ("/+8=", b"\xff\xef"),
            ("Zm9v", b"foo"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["A", "AAA", "A===", "A?==", "=AAA"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
