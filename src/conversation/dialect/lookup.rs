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
    /// 0: empty; else the position of a word, plus 1.
    slots: [u8; SLOTS],
}

impl Index {
    /// An index over `words`, at most 255 of them.
    #[allow(clippy::indexing_slicing)] // Evaluated at compile time: a bad index does not compile.
    pub const fn of(words: &[&str]) -> Self {
        assert!(words.len() <= u8::MAX as usize);
        let mut slots = [0; SLOTS];
        let mut i = 0;
        while i < words.len() {
            let mut slot = hash(words[i].as_bytes());
            while slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = i as u8 + 1;
            i += 1;
        }
        Self { slots }
    }

    /// The position of `word` in `words`, the list that the index was made of.
    pub fn find(&self, words: &[&str], word: &str, case: Case) -> Option<usize> {
        let mut slot = hash(word.as_bytes());
        loop {
            let position = usize::from(*self.slots.get(slot)?).checked_sub(1)?;
            let listed = words.get(position)?;
            if same(listed.as_bytes(), word.as_bytes(), case) {
                return Some(position);
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// Length, first, middle and last letter tell nearly all words of a list apart. Letter case is left out.
const fn hash(word: &[u8]) -> usize {
    let (_, back) = word.split_at(word.len() / 2);
    let (Some(first), Some(middle), Some(last)) = (word.first(), back.first(), word.last()) else {
        return 0;
    };
    (word.len() * 67
        + (*first | 0x20) as usize * 11
        + (*middle | 0x20) as usize * 29
        + (*last | 0x20) as usize * 5)
        % SLOTS
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

    const WORDS: [&str; 5] = ["role", "callId", "call_id", "$type", "FunctionName"];
    static INDEX: Index = Index::of(&WORDS);

    #[test]
    fn words_are_found_as_their_case_allows() {
        let find = |word, case| INDEX.find(&WORDS, word, case);
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
