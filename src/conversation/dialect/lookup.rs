//! A hash index over a fixed list of words, built at compile time: finding a word costs one probe and no allocation.

/// Slots per index: more than twice the words of the longest list, so that most probes end at once.
const SLOTS: usize = 512;

/// How a word is compared with those of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// As listed, or with a capital first letter (.NET).
    CapitalFirst,
    /// In any letter case.
    Any,
    /// As listed.
    Exact,
}

/// An index over a list of words. Positions are those of the list.
pub struct Index {
    case: Case,
    /// 0: empty; else the position of a word, plus 1.
    slots: [u8; SLOTS],
    /// The digest of the word in that slot: words that differ are hardly ever compared.
    digests: [u64; SLOTS],
}

impl Index {
    /// An index over `words`, at most 255 of them.
    #[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
    pub const fn of(words: &[&str], case: Case) -> Self {
        assert!(words.len() <= u8::MAX as usize);
        let mut index = Self {
            case,
            slots: [0; SLOTS],
            digests: [0; SLOTS],
        };
        let mut i = 0;
        while i < words.len() {
            let digest = digest(words[i].as_bytes(), case);
            let mut slot = slot(digest);
            while index.slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            index.slots[slot] = i as u8 + 1;
            index.digests[slot] = digest;
            i += 1;
        }
        index
    }

    /// The position of `word` in `words`, the list that the index was made of.
    #[inline(always)]
    #[allow(clippy::inline_always)] // Once for each key of a message.
    pub fn find(&self, words: &[&str], word: &str) -> Option<usize> {
        let digest = digest(word.as_bytes(), self.case);
        let mut slot = slot(digest);
        loop {
            let position = usize::from(*self.slots.get(slot)?).checked_sub(1)?;
            if self.digests.get(slot) == Some(&digest)
                && same(words.get(position)?.as_bytes(), word.as_bytes(), self.case)
            {
                return Some(position);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// The first and last bytes of a word and its length, in which the letter case that does not matter is left out.
#[inline]
const fn digest(word: &[u8], case: Case) -> u64 {
    const SMALL: u64 = 0x2020_2020_2020_2020;
    let (first, last) = if let (Some(first), Some(last)) =
        (word.first_chunk::<8>(), word.last_chunk::<8>())
    {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (word.first_chunk::<4>(), word.last_chunk::<4>()) {
        (
            u32::from_le_bytes(*first) as u64,
            u32::from_le_bytes(*last) as u64,
        )
    } else if let (Some(first), Some(last)) = (word.first_chunk::<2>(), word.last_chunk::<2>()) {
        (
            u16::from_le_bytes(*first) as u64,
            u16::from_le_bytes(*last) as u64,
        )
    } else {
        match word.first() {
            Some(first) => (*first as u64, 0),
            None => (0, 0),
        }
    };
    let (first, last) = match case {
        // The last bytes of a short word begin with its first.
        Case::CapitalFirst => (first | 0x20, last | 0x20),
        Case::Any => (first | SMALL, last | SMALL),
        Case::Exact => (first, last),
    };
    first ^ last.rotate_left(29) ^ (word.len() as u64) << 48
}

#[inline]
const fn slot(digest: u64) -> usize {
    // Fibonacci hashing: the upper bits of the product depend on all bits of the digest.
    (digest.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

fn same(listed: &[u8], word: &[u8], case: Case) -> bool {
    if listed == word {
        return true;
    }
    match case {
        Case::Exact => false,
        Case::Any => listed.eq_ignore_ascii_case(word),
        Case::CapitalFirst => match (listed.split_first(), word.split_first()) {
            (Some((a, rest)), Some((b, tail))) => {
                b.is_ascii_uppercase() && b.to_ascii_lowercase() == *a && rest == tail
            }
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 8] = [
        "role",
        "callId",
        "call_id",
        "$type",
        "FunctionName",
        "id",
        "x",
        "tool-call",
    ];

    #[test]
    fn words_are_found_as_their_case_allows() {
        let find = |word, case| Index::of(&WORDS, case).find(&WORDS, word);
        for (i, word) in WORDS.iter().enumerate() {
            for case in [Case::CapitalFirst, Case::Any, Case::Exact] {
                assert_eq!(find(word, case), Some(i));
            }
        }
        assert_eq!(find("Role", Case::CapitalFirst), Some(0));
        assert_eq!(find("CallId", Case::CapitalFirst), Some(1));
        for (word, case) in [
            ("Role", Case::Exact),
            ("ROLE", Case::CapitalFirst),
            ("callid", Case::CapitalFirst),
            ("functionName", Case::CapitalFirst),
            ("", Case::Any),
            ("roles", Case::Any),
            ("é", Case::Any),
        ] {
            assert_eq!(find(word, case), None, "{word}");
        }
        assert_eq!(find("CALLID", Case::Any), Some(1));
    }
}
