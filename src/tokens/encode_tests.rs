//! Compares the two encoders with each other: `merge.rs` follows the definition of byte-pair encoding, `backtrack.rs`
//! works from left to right. `tests/counting` compares the totals with tiktoken.

use fastrand::Rng;

use super::backtrack::Backtrack;
use super::merge::Merger;
use super::vocabulary::{NONE, Vocabulary};

fn vocabulary() -> (Vocabulary, Vec<Vec<u8>>) {
    let table = tiktoken_rs::r50k_base().expect("tables");
    let tokens = (0..50_256).map(|id| table.decode_bytes(&[id]).expect("a token"));
    let tokens = tokens.collect();
    (Vocabulary::new(&table, 50_400), tokens)
}

/// Random bytes that yield long and short tokens and many possible splits.
fn piece(rng: &mut Rng, tokens: &[Vec<u8>]) -> Vec<u8> {
    let mut piece = Vec::new();
    for _ in 0..=rng.usize(..12) {
        match rng.usize(..5) {
            0 => piece.extend(vec![b"-=a \n\xc3"[rng.usize(..6)]; rng.usize(..200)]),
            1 => piece.extend((0..rng.usize(..20)).map(|_| b'a' + rng.usize(..26) as u8)),
            2 => piece.extend((0..rng.usize(..9)).map(|_| rng.usize(..256) as u8)),
            _ => piece.extend(&tokens[rng.usize(..tokens.len())]),
        }
    }
    piece
}

#[test]
fn backtracking_and_merging_in_any_window_give_equal_counts() {
    let (vocabulary, tokens) = vocabulary();
    let (mut merger, mut backtrack) = (Merger::default(), Backtrack::new());
    let mut rng = Rng::with_seed(0x2545_f491_4f6c_dd1d);
    let (mut fast, mut cut, mut failed) = (0, 0, 0);
    for _ in 0..4000 {
        let piece = piece(&mut rng, &tokens);
        let count = merger.count(&vocabulary, &piece);
        if let Some(found) = backtrack.count(&vocabulary, &piece, 0, piece.len()) {
            assert_eq!(found, count, "{piece:?}");
            fast += 1;
        }
        let window = 64 + rng.usize(..300);
        if piece.len() > window {
            match merger.count_by(&vocabulary, &piece, window) {
                Some(windows) => {
                    assert_eq!(windows, count, "windows of {window}: {piece:?}");
                    cut += 1;
                }
                None => failed += 1,
            }
        }
    }
    println!("backtracked {fast}, merged in windows {cut}, windows that did not fit {failed}");
    assert!(fast > 3000 && cut > 1000, "{fast} {cut}");
}

#[test]
fn every_token_is_found_whole_and_in_two() {
    let (vocabulary, tokens) = vocabulary();
    let mut backtrack = Backtrack::new();
    for (id, token) in tokens.iter().enumerate() {
        let length = token.len();
        assert_eq!(
            vocabulary.longest(token, 0, length, usize::MAX),
            Some((id as u32, length))
        );
        assert_eq!(vocabulary.length(id as u32), length);
        if length > 1 {
            assert_eq!(vocabulary.rank(token, 0, length), id as u32);
            assert_eq!(
                vocabulary.rank(&[token, &b"\xff\xfe"[..]].concat(), 0, length + 2),
                NONE
            );
        }
        assert_eq!(
            backtrack.count(&vocabulary, token, 0, length),
            Some(1),
            "{token:?}"
        );
    }
}
