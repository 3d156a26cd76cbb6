//! A hash index over a fixed list of words, built at compile time: finding a word costs one probe, and neither an
//! allocation nor a call. Every key of a message is looked up here.

/// Slots per index: eight times [`WORDS`], so that nearly all probes end at the first slot.
const SLOTS: usize = 1024;

/// Most words per index.
const WORDS: usize = 128;

/// No position: finding no word there needs no other check than that of the bounds.
const EMPTY: u8 = u8::MAX;

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

/// The first and last bytes of a word, and its length. Up to [`Outline::WHOLE`] bytes, equal outlines are equal words.
#[derive(Clone, Copy)]
struct Outline {
    first: u64,
    last: u64,
    len: usize,
}

/// An index over a list of words. Positions are those of the list.
pub struct Index {
    words: &'static [&'static str],
    case: Case,
    /// The position of a word; [`EMPTY`] where there is none.
    slots: [u8; SLOTS],
    /// Of each word, with its digest.
    outlines: [(Outline, u64); WORDS],
}

impl Index {
    /// An index over `words`, at most [`WORDS`] of them.
    #[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
    pub const fn of(words: &'static [&'static str], case: Case) -> Self {
        assert!(words.len() <= WORDS);
        let mut index = Self {
            words,
            case,
            slots: [EMPTY; SLOTS],
            outlines: [(Outline::of(&[]), 0); WORDS],
        };
        let mut i = 0;
        while i < words.len() {
            let outline = Outline::of(words[i].as_bytes());
            let digest = outline.digest(case);
            let mut slot = slot(digest);
            while index.slots[slot] != EMPTY {
                slot = (slot + 1) % SLOTS;
            }
            index.slots[slot] = i as u8;
            index.outlines[i] = (outline, digest);
            i += 1;
        }
        index
    }

    /// The position of `word` in the list.
    #[inline(always)]
    #[allow(clippy::inline_always)] // Once for each key of a message.
    pub fn find(&self, word: &str) -> Option<usize> {
        let outline = Outline::of(word.as_bytes());
        let digest = outline.digest(self.case);
        let mut slot = slot(digest);
        loop {
            let position = usize::from(*self.slots.get(slot)?);
            let (listed, listed_digest) = self.outlines.get(position)?;
            if *listed_digest == digest {
                // Of equal digests and equal ends, the lengths are equal.
                let same_ends = listed.first == outline.first && listed.last == outline.last;
                let equal = same_ends
                    && (word.len() <= Outline::WHOLE || self.words.get(position) == Some(&word));
                return if equal {
                    Some(position)
                } else {
                    self.find_from(slot, word)
                };
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// As [`Index::find`], for words whose digest does not tell them apart.
    #[cold]
    #[inline(never)]
    fn find_from(&self, mut slot: usize, word: &str) -> Option<usize> {
        loop {
            // No word where the slot is empty.
            let position = usize::from(*self.slots.get(slot)?);
            let listed = self.words.get(position)?;
            if same(listed.as_bytes(), word.as_bytes(), self.case) {
                return Some(position);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

impl Outline {
    /// Bytes of the longest word that its outline holds completely.
    const WHOLE: usize = 16;

    #[inline(always)]
    #[allow(clippy::inline_always)] // Once for each key of a message.
    const fn of(word: &[u8]) -> Self {
        let (first, last) = if let (Some(first), Some(last)) =
            (word.first_chunk::<8>(), word.last_chunk::<8>())
        {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (word.first_chunk::<4>(), word.last_chunk::<4>())
        {
            (
                u32::from_le_bytes(*first) as u64,
                u32::from_le_bytes(*last) as u64,
            )
        } else if let (Some(first), Some(last)) = (word.first_chunk::<2>(), word.last_chunk::<2>())
        {
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
        Self {
            first,
            last,
            len: word.len(),
        }
    }

    /// A number in which the letter case that does not matter is left out. Of equal ends, it is equal for equal lengths only.
    #[inline]
    const fn digest(&self, case: Case) -> u64 {
        const TURN: u32 = 13;
        // Bits that tell small letters from capitals. The last bytes of a short word begin with its first.
        let case_bits: u64 = match case {
            Case::CapitalFirst => 0x20,
            Case::Any => 0x2020_2020_2020_2020,
            Case::Exact => 0,
        };
        let ends = self.first ^ self.last.rotate_left(TURN);
        (ends | case_bits | case_bits.rotate_left(TURN)) ^ self.len as u64
    }
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

    const LIST: [&str; 9] = [
        "role",
        "callId",
        "call_id",
        "$type",
        "FunctionName",
        "id",
        "x",
        "tool-call",
        "experimental_attachments",
    ];

    #[test]
    fn words_are_found_as_their_case_allows() {
        let find = |word, case| Index::of(&LIST, case).find(word);
        for (i, word) in LIST.iter().enumerate() {
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
            // Equal but for a bit that tells small letters from capitals, and more.
            ("\u{4}type", Case::CapitalFirst),
            ("tool\rcall", Case::Any),
            ("call\u{7f}id", Case::Any),
            // Equal at both ends.
            ("experimental.attachments", Case::Exact),
            ("experimental.attachments", Case::Any),
        ] {
            assert_eq!(find(word, case), None, "{word}");
        }
        assert_eq!(find("CALLID", Case::Any), Some(1));
        assert_eq!(
            find("Experimental_attachments", Case::CapitalFirst),
            Some(8)
        );
    }
}
