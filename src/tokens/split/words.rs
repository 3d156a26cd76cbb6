//! Splits texts for vocabularies whose tokens are not bound to words, such as Gemma's: at places that no token can span.

/// The character that stands for a space.
const SPACE_MARK: &[u8] = "▁".as_bytes();

/// A character whose runs are tokens by themselves: from left to right as many as fit into one token. A single one that
/// is left at the end belongs to what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The character.
    pub character: char,
    /// The most characters in one token, at least 2.
    pub longest: usize,
}

/// Where texts are split.
pub struct Words {
    runs: Vec<(Box<[u8]>, usize)>,
    /// A space mark may begin a piece, unless one of these bytes is before it.
    joined: Option<[bool; 256]>,
}

impl Words {
    /// The rules for a vocabulary; `all` says whether a test holds for all its tokens.
    pub fn new(runs: Vec<Run>, all: impl Fn(&dyn Fn(&[u8]) -> bool) -> bool) -> Self {
        let joined = std::cell::RefCell::new([false; 256]);
        let ascii = all(&|token| {
            let mut before = None;
            let mut rest = token;
            while let Some(first) = rest.first() {
                if let Some(after) = rest.strip_prefix(SPACE_MARK) {
                    match before {
                        Some(byte @ 0..0x80) => {
                            if let Some(joined) = joined.borrow_mut().get_mut(usize::from(byte)) {
                                *joined = true;
                            }
                        }
                        // A space mark after a space mark, or at the start.
                        None => {}
                        Some(_) => return false,
                    }
                    before = None;
                    rest = after;
                } else {
                    before = Some(*first);
                    rest = rest.get(1..).unwrap_or_default();
                }
            }
            true
        });
        Self {
            runs: runs
                .into_iter()
                .map(|run| (run.character.to_string().into_bytes().into(), run.longest))
                .collect(),
            joined: Some(joined.into_inner()).filter(|_| ascii),
        }
    }

    /// Calls `each` with the start and the end of each piece.
    #[inline]
    pub fn visit(&self, text: &[u8], mut each: impl FnMut(usize, usize)) {
        // The start of the piece that is not finished.
        let (mut start, mut at) = (0, 0);
        while let Some(byte) = text.get(at) {
            let run = self.runs.iter().find(|(c, _)| c.first() == Some(byte));
            let rest = text.get(at..).unwrap_or_default();
            if let Some((character, longest)) = run.filter(|(c, _)| rest.starts_with(c)) {
                let size = character.len();
                let mut length = rest.chunks(size).take_while(|c| *c == &**character).count();
                if length > 1 {
                    if start < at {
                        each(start, at);
                    }
                    while length > 1 {
                        let taken = length.min(*longest);
                        each(at, at + taken * size);
                        at += taken * size;
                        length -= taken;
                    }
                    start = at;
                    // The single one that is left.
                    at += length * size;
                    continue;
                }
            }
            if *byte == 0xe2 && rest.starts_with(SPACE_MARK) {
                let joined = match (&self.joined, at.checked_sub(1).and_then(|b| text.get(b))) {
                    (None, _) | (Some(_), None) => true,
                    (Some(joined), Some(before)) => {
                        joined.get(usize::from(*before)) == Some(&true)
                            || text.get(..at).is_some_and(|t| t.ends_with(SPACE_MARK))
                    }
                };
                if !joined && start < at {
                    each(start, at);
                    start = at;
                }
                at += SPACE_MARK.len();
                continue;
            }
            at += 1;
        }
        if start < at {
            each(start, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_words_are_pieces() {
        let runs = vec![
            Run {
                character: '▁',
                longest: 3,
            },
            Run {
                character: '\t',
                longest: 4,
            },
        ];
        let tokens = ["▁a", ">▁<", "ab"];
        let words = Words::new(runs, |test| {
            tokens.iter().all(|token| test(token.as_bytes()))
        });
        for (text, expected) in [
            ("▁ab▁c", vec!["▁ab", "▁c"]),
            ("ab>▁<▁é▁", vec!["ab>▁<", "▁é", "▁"]),
            ("x▁▁y", vec!["x", "▁▁", "y"]),
            ("x▁▁▁▁y▁▁▁", vec!["x", "▁▁▁", "▁y", "▁▁▁"]),
            ("▁▁▁▁▁", vec!["▁▁▁", "▁▁"]),
            ("\t\t\t\t\t▁\t", vec!["\t\t\t\t", "\t", "▁\t"]),
            ("", vec![]),
        ] {
            let mut pieces = Vec::new();
            words.visit(text.as_bytes(), |start, end| pieces.push(&text[start..end]));
            assert_eq!(pieces, expected, "{text}");
        }
        let words = Words::new(Vec::new(), |test| test("é▁x".as_bytes()));
        let mut pieces = Vec::new();
        words.visit("▁a▁b".as_bytes(), |start, end| {
            pieces.push((start, end))
        });
        assert_eq!(pieces, [(0, 8)]);
    }
}
