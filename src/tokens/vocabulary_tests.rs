//! The tables that are written when the module is built, against the vocabularies of tiktoken-rs.

use tiktoken_rs::CoreBPE;

use super::super::counter::TABLES;
use super::{Made, Vocabulary};

impl Vocabulary {
    /// Takes the ordinary tokens with ids below `ids` from a table of tiktoken-rs.
    pub(in crate::tokens) fn new(table: &CoreBPE, ids: u32) -> Self {
        let specials = table.special_tokens();
        let special = |token: &[u8]| std::str::from_utf8(token).is_ok_and(|t| specials.contains(t));
        let tokens: Vec<(Vec<u8>, u32)> = (0..ids)
            .filter_map(|id| Some((table.decode_bytes(&[id]).ok()?, id)))
            .filter(|(token, _)| !special(token))
            .collect();
        let mut new = Self::empty(tokens.len());
        new.made = vec![Made::default(); ids as usize];
        for (token, rank) in &tokens {
            new.insert(token, *rank);
        }
        new.sort();
        for (token, rank) in &tokens {
            let made = new.make(token, *rank);
            if let (Some(entry), Some(made)) = (new.made.get_mut(*rank as usize), made) {
                *entry = made;
            }
        }
        new
    }

    /// Finds the last merge of a token. All lower ranks must be present already.
    fn make(&self, token: &[u8], rank: u32) -> Option<Made> {
        let length = u8::try_from(token.len()).ok()?;
        let (mut left, mut right) = (rank, rank);
        let mut below = token.len();
        while let Some((first, split)) = self.longest(token, 0, token.len(), below) {
            let second = self.any_rank(token, split, token.len());
            if first < rank && second < rank && self.fit_below(token, split, first, second, rank) {
                (left, right) = (first, second);
                break;
            }
            below = split;
        }
        Some(Made {
            left,
            right,
            length,
        })
    }
}

/// `build.rs` merges to find the last merge of a token; here it is the split whose sides may be adjacent.
#[test]
fn tables_are_those_of_tiktoken() {
    let encodings = [
        (tiktoken_rs::o200k_base(), 200_100),
        (tiktoken_rs::cl100k_base(), 100_300),
        (tiktoken_rs::p50k_base(), 50_400),
        (tiktoken_rs::r50k_base(), 50_400),
    ];
    for (table, (encoding, ids)) in TABLES.iter().zip(encodings) {
        let stored = Vocabulary::of_table(table).expect("a whole table");
        let made = Vocabulary::new(&encoding.expect("a vocabulary"), ids);
        assert_eq!(stored.made, made.made);
        assert_eq!(stored.singles, made.singles);
        assert!(
            stored.pairs == made.pairs && stored.keys == made.keys && stored.ranks == made.ranks
        );
        assert_eq!(stored.long, made.long);
        assert_eq!(stored.long_lengths, made.long_lengths);
        assert!(stored.filter == made.filter && stored.lengths == made.lengths);
        assert!(Vocabulary::of_table(&table[..4]).is_none(), "cut short");
    }
}
