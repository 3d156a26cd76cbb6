//! Prepares what the module is built with.
//!
//! - The tables of the built-in encodings, from tiktoken's in `tiktoken-rs`: the tokens and how each of them is merged. To
//!   work that out takes half a second of a core, which every start of a server would spend again.
//! - A linker option: the module's code stays mapped for as long as the server runs. Redis unloads a module by force if its
//!   `MODULE LOADEX` names a setting that does not exist. A background thread that runs at that moment, or ends later, must
//!   still find its code.

use std::collections::HashMap;
use std::path::PathBuf;

use tiktoken_rs::CoreBPE;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("a directory for the output"));
    // The limits are slightly above the largest id of each vocabulary.
    let encodings = [
        ("o200k_base", tiktoken_rs::o200k_base(), 200_100),
        ("cl100k_base", tiktoken_rs::cl100k_base(), 100_300),
        ("p50k_base", tiktoken_rs::p50k_base(), 50_400),
        ("r50k_base", tiktoken_rs::r50k_base(), 50_400),
    ];
    for (name, encoding, ids) in encodings {
        let encoding = encoding.expect("a vocabulary");
        std::fs::write(out.join(name), table(&encoding, ids)).expect("a table is written");
    }
}

/// The ordinary tokens by their ids, which are their ranks. For each its length (one byte, 0 if there is none with this id),
/// its bytes, and the ranks of the two tokens that are merged last (four bytes each, the least significant first).
fn table(encoding: &CoreBPE, ids: u32) -> Vec<u8> {
    let specials = encoding.special_tokens();
    let special = |token: &[u8]| std::str::from_utf8(token).is_ok_and(|t| specials.contains(t));
    let tokens: Vec<Option<Vec<u8>>> = (0..ids)
        .map(|id| encoding.decode_bytes(&[id]).ok())
        .map(|token| token.filter(|token| !special(token)))
        .collect();
    let ranks: HashMap<&[u8], u32> = tokens
        .iter()
        .zip(0..)
        .filter_map(|(token, rank)| Some((token.as_deref()?, rank)))
        .collect();
    let mut table = Vec::new();
    for (token, rank) in tokens.iter().zip(0..) {
        let Some(token) = token else {
            table.push(0);
            continue;
        };
        table.push(u8::try_from(token.len()).expect("a token of less than 256 bytes"));
        table.extend_from_slice(token);
        for side in last_merge(token, rank, &ranks) {
            table.extend_from_slice(&side.to_le_bytes());
        }
    }
    table
}

/// The ranks of the two tokens that byte-pair encoding merges last to arrive at a token. Its own rank, twice, if that is not
/// how it comes about: it is a single byte, or its bytes are merged otherwise.
fn last_merge(token: &[u8], rank: u32, ranks: &HashMap<&[u8], u32>) -> [u32; 2] {
    let mut bounds: Vec<usize> = (0..=token.len()).collect();
    loop {
        if let [first, split, end] = bounds[..] {
            return [&token[first..split], &token[split..end]].map(|side| ranks[side]);
        }
        let pairs = bounds.windows(3).enumerate();
        let merged = pairs.filter_map(|(at, pair)| {
            let merged = *ranks.get(&token[pair[0]..pair[2]])?;
            (merged < rank).then_some((merged, at + 1))
        });
        match merged.min() {
            Some((_, at)) => bounds.remove(at),
            None => return [rank; 2],
        };
    }
}
