//! Skipping replies without building them: what a load generator needs to know of a reply is where it ends.

/// Counts complete replies in a stream of RESP2 bytes that arrives in pieces.
#[derive(Default)]
pub struct Skipper {
    /// Values still missing until the reply under way is complete; 0 between replies.
    open: u64,
    /// Bytes of a bulk string, its line break included, that have yet to come.
    bulk: usize,
    /// The piece of a header line that the last bytes ended with.
    line: Vec<u8>,
    /// Complete replies seen.
    pub replies: u64,
}

impl Skipper {
    /// Takes the bytes that have arrived. An error reply ends the measurement: its figures would mean nothing.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.bulk > 0 {
                let skipped = self.bulk.min(bytes.len());
                bytes = &bytes[skipped..];
                self.bulk -= skipped;
                if self.bulk == 0 {
                    self.value_ends();
                }
                continue;
            }
            let Some(end) = bytes.iter().position(|b| *b == b'\n') else {
                self.line.extend_from_slice(bytes);
                return Ok(());
            };
            if self.line.is_empty() {
                self.header(&bytes[..end])?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.header(&line)?;
                line.clear();
                self.line = line; // its room is used again
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// A header line, without its line feed.
    fn header(&mut self, line: &[u8]) -> Result<(), String> {
        if self.open == 0 {
            self.open = 1;
        }
        match line.first() {
            Some(b'-') => return Err(String::from_utf8_lossy(line).into_owned()),
            Some(b'$') => match number(line) {
                Some(len) if len >= 0 => {
                    self.bulk = len as usize + 2;
                    return Ok(());
                }
                Some(_) => {}
                None => return Err(format!("not a length: {}", String::from_utf8_lossy(line))),
            },
            Some(b'*') => match number(line) {
                Some(len) => self.open += len.max(0) as u64,
                None => return Err(format!("not a length: {}", String::from_utf8_lossy(line))),
            },
            Some(b':' | b'+') => {}
            _ => return Err(format!("not RESP2: {}", String::from_utf8_lossy(line))),
        }
        self.value_ends();
        Ok(())
    }

    fn value_ends(&mut self) {
        self.open -= 1;
        if self.open == 0 {
            self.replies += 1;
        }
    }
}

/// The number behind the type's sign, as in `$12` and `*-1`; a carriage return may follow it.
fn number(line: &[u8]) -> Option<i64> {
    let digits = line.get(1..)?;
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// That replies are told apart wherever their bytes are cut; the bench runs it first, since a miscount here would
/// make every figure wrong.
pub fn self_check() {
    let replies: &[u8] =
        b"$5\r\nhe\r\nl\r\n*3\r\n:12\r\n*2\r\n$0\r\n\r\n$-1\r\n+OK\r\n*0\r\n:-3\r\n*-1\r\n";
    for first in 0..=replies.len() {
        for second in first..=replies.len() {
            let mut skipper = Skipper::default();
            for part in [
                &replies[..first],
                &replies[first..second],
                &replies[second..],
            ] {
                skipper.take(part).expect("no error in it");
            }
            assert_eq!(
                (skipper.replies, skipper.open),
                (5, 0),
                "cut at {first}, {second}"
            );
        }
    }
    assert!(Skipper::default().take(b"*1\r\n-ERR no\r\n").is_err());
}
