//! Finds the end of replies without parsing their content, which is all that a load generator needs.

/// Counts complete replies in a stream of RESP2 bytes that arrives in parts.
#[derive(Default)]
pub struct Skipper {
    /// Values missing until the current reply is complete; 0 between replies.
    open: u64,
    /// Bytes missing from the current bulk string, including its line break.
    bulk: usize,
    /// The incomplete header line at the end of the last part.
    line: Vec<u8>,
    /// Number of complete replies.
    pub replies: u64,
}

impl Skipper {
    /// Processes received bytes. An error reply ends the measurement, because its results would be meaningless.
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
                self.line = line; // reuses the allocation
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// Processes a header line without its line feed.
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

/// The number after the type, as in `$12` and `*-1`. A carriage return may follow.
fn number(line: &[u8]) -> Option<i64> {
    let digits = line.get(1..)?;
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Checks that replies are counted correctly wherever the stream is split. The benchmark runs this first, because a
/// wrong count would invalidate every figure.
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
