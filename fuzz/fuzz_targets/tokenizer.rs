//! Tokenizer files. Arbitrary bytes are rejected or become a tokenizer that counts without panicking. A file that only
//! differs in its merges, tokens or added tokens from one of the fixtures counts as the library does that defines it.
#![no_main]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use conv::tokens::Tokenizer;
use conv::tokens::files::{Kind, read};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Files of every engine and every kind of splitter.
const FIXTURES: &[&str] = &[
    include_str!("../../tests/fixtures/tokenizers/llama2.json"),
    include_str!("../../tests/fixtures/tokenizers/gemma3.json"),
    include_str!("../../tests/fixtures/tokenizers/gemma3-early.json"),
    include_str!("../../tests/fixtures/tokenizers/llama3.json"),
    include_str!("../../tests/fixtures/tokenizers/gpt2.json"),
    include_str!("../../tests/fixtures/tokenizers/qwen35.json"),
    include_str!("../../tests/fixtures/tokenizers/deepseek.json"),
    include_str!("../../tests/fixtures/tokenizers/two-expressions.json"),
];

const TEKKEN: &str = include_str!("../../tests/fixtures/tokenizers/tekken.tekken.json");

/// Parts of texts and added tokens that tell tokenizers apart.
const PARTS: &[&str] = &[
    "a",
    "e",
    "the",
    "The",
    " the",
    "don't",
    "'S",
    "'ſ",
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "1",
    "12345",
    "١",
    "é",
    "e\u{301}",
    "\u{301}",
    "漢字",
    "한",
    "▁",
    "▁▁",
    "--",
    "---",
    "<|im_start|>",
    "<0x0A>",
    "😀",
    "\u{0}",
    "\u{a0}",
    "ab",
    "<unk>",
];

#[derive(Debug, Arbitrary)]
enum File<'a> {
    HuggingFace(&'a [u8]),
    Tekken(&'a [u8]),
    /// A fixture that was changed.
    Changed {
        fixture: u8,
        /// Merges after these are left out.
        keep: u16,
        /// Merges that change places.
        swaps: Vec<(u16, u16)>,
        /// Tokens that are joined to new ones.
        joined: Vec<(u16, u16)>,
        /// Added tokens: one of [`PARTS`] or a token, and their properties.
        added: Vec<(u16, u8)>,
    },
    /// The tekken file, without some tokens.
    Fewer {
        removed: Vec<u16>,
        size: u16,
    },
}

#[derive(Debug, Arbitrary)]
enum Piece<'a> {
    Part(u8, u8),
    Text(&'a str),
    /// A token of the file as it is written there.
    Token(u16),
}

fn fixtures() -> &'static [Value] {
    static PARSED: OnceLock<Vec<Value>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let files = FIXTURES.iter().chain([&TEKKEN]);
        files
            .map(|file| serde_json::from_str(file).expect("JSON"))
            .collect()
    })
}

/// The tokens of a tokenizer.json.
fn tokens(file: &Value) -> Vec<String> {
    let vocab = file["model"]["vocab"].as_object().expect("a vocabulary");
    vocab.keys().cloned().collect()
}

fn changed(
    fixture: u8,
    keep: u16,
    swaps: &[(u16, u16)],
    joined: &[(u16, u16)],
    added: &[(u16, u8)],
) -> Value {
    let mut file = fixtures()[usize::from(fixture) % FIXTURES.len()].clone();
    let mut known = tokens(&file);
    let model = &mut file["model"];
    let mut merges = model["merges"].as_array().expect("merges").clone();
    merges.truncate(usize::from(keep));
    for &(a, b) in joined {
        let part = |n: u16| known[usize::from(n) % known.len()].clone();
        let (a, b) = (part(a), part(b));
        // The library reads merges as lines with one space.
        let both = [&*a, &*b].concat();
        if a.contains(' ') || b.contains(' ') || both.len() > 400 {
            continue;
        }
        if model["vocab"].get(&both).is_none() {
            model["vocab"][&both] = (10_000 + known.len()).into();
            known.push(both);
        }
        merges.push(json!([a, b]));
    }
    let len = merges.len();
    for &(a, b) in swaps.iter().filter(|_| len > 0) {
        merges.swap(usize::from(a) % len, usize::from(b) % len);
    }
    model["merges"] = merges.into();
    let list = file["added_tokens"].as_array_mut().expect("added tokens");
    for &(n, bits) in added {
        let n = usize::from(n);
        let content = PARTS
            .get(n)
            .map_or_else(|| known[n % known.len()].clone(), |part| (*part).to_owned());
        let bit = |i: u8| bits & (1 << i) != 0;
        list.push(json!({"id": 20_000 + list.len(), "content": content, "single_word": bit(0), "lstrip": bit(1),
            "rstrip": bit(2), "normalized": bit(3), "special": bit(4)}));
    }
    file
}

/// The tekken file with fewer tokens besides the bytes.
fn fewer(removed: &[u16], size: u16) -> Value {
    let mut file = fixtures()[FIXTURES.len()].clone();
    let vocab = file["vocab"].as_array_mut().expect("a vocabulary");
    for n in removed {
        if vocab.len() > 256 {
            vocab.remove(256 + usize::from(*n) % (vocab.len() - 256));
        }
    }
    for (rank, entry) in vocab.iter_mut().enumerate() {
        entry["rank"] = rank.into();
    }
    let size = 256 + usize::from(size) % (vocab.len() - 255);
    file["config"]["default_vocab_size"] = (size + 20).into();
    file["config"]["default_num_special_tokens"] = 20.into();
    file
}

/// Counts a text; `None` if the library fails.
type Oracle = Box<dyn Fn(&str) -> Option<u64>>;

/// The library that defines the counts of a tokenizer.json. `None` if it does not read the file.
fn library(file: &str) -> Option<Oracle> {
    let parsed = catch_unwind(|| file.parse::<tokenizers::Tokenizer>().ok());
    let mut library = parsed.ok().flatten()?;
    library.set_encode_special_tokens(true);
    Some(Box::new(move |text| {
        let encoded = catch_unwind(AssertUnwindSafe(|| library.encode(text, false).ok()));
        Some(encoded.ok().flatten()?.len() as u64)
    }))
}

/// tiktoken with the vocabulary of a tekken file.
fn tiktoken(file: &Value) -> Option<Oracle> {
    let size = file["config"]["default_vocab_size"].as_u64()? - 20;
    let entries = file["vocab"].as_array()?.iter().take(size as usize);
    let ranks = entries.zip(0..).map(|(entry, rank)| {
        let token = entry["token_bytes"].as_str().expect("a token");
        (base64(token), rank)
    });
    let pattern = file["config"]["pattern"].as_str()?;
    let core = tiktoken_rs::CoreBPE::new(ranks.collect(), Default::default(), pattern).ok()?;
    Some(Box::new(move |text| {
        catch_unwind(AssertUnwindSafe(|| core.encode_ordinary(text).len() as u64)).ok()
    }))
}

fn base64(text: &str) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for digit in text.bytes().take_while(|digit| *digit != b'=') {
        let value = digits.iter().position(|d| *d == digit).expect("a digit");
        (bits, held) = (bits << 6 | value as u32, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

/// Counts, and finds the ends of as many tokens.
fn count(tokenizer: &Tokenizer, text: &str) -> u64 {
    let count = tokenizer.count(text);
    let ends = tokenizer.ends(text);
    assert_eq!(ends.len() as u64, count);
    assert!(ends.is_sorted() && ends.last().is_none_or(|end| *end as usize <= text.len()));
    count
}

/// Lets panics of libraries unwind: the module catches them. All others end the process.
fn let_libraries_panic() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |location| location.file());
        if !["/tokenizers-", "/onig", "/tiktoken-rs-", "/fancy-regex-"]
            .iter()
            .any(|library| file.contains(library))
        {
            abort(panic);
        }
    }));
}

/// The text of some pieces; `known` are the tokens of the file.
fn text(pieces: &[Piece<'_>], known: &[String]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Part(n, times) => {
                let part = PARTS[usize::from(*n) % PARTS.len()];
                text.push_str(&part.repeat(usize::from(times % 16) + 1));
            }
            Piece::Text(part) => text.push_str(part),
            Piece::Token(_) if known.is_empty() => {}
            Piece::Token(n) => text.push_str(&known[usize::from(*n) % known.len()]),
        }
    }
    text
}

// Several texts for each file: reading one takes longer than counting.
fuzz_target!(init: let_libraries_panic(), |input: (File, Vec<Vec<Piece>>)| {
    let (file, texts) = input;
    let (kind, value) = match &file {
        File::HuggingFace(bytes) | File::Tekken(bytes) => {
            let is_tekken = matches!(file, File::Tekken(_));
            let kind = if is_tekken { Kind::Tekken } else { Kind::HuggingFace };
            if let Ok(tokenizer) = read(kind, bytes) {
                for pieces in &texts {
                    count(&tokenizer, &text(pieces, &[]));
                }
            }
            return;
        }
        File::Changed { fixture, keep, swaps, joined, added } => {
            (Kind::HuggingFace, changed(*fixture, *keep, swaps, joined, added))
        }
        File::Fewer { removed, size } => (Kind::Tekken, fewer(removed, *size)),
    };
    let content = value.to_string();
    let (known, oracle) = match kind {
        Kind::HuggingFace => (tokens(&value), library(&content)),
        Kind::Tekken => (Vec::new(), tiktoken(&value)),
    };
    let tokenizer = match (read(kind, content.as_bytes()), &oracle) {
        (Ok(tokenizer), _) => tokenizer,
        (Err(_), None) => return,
        (Err(why), Some(_)) => panic!("{why}"),
    };
    for pieces in &texts {
        let text = text(pieces, &known);
        let counted = count(&tokenizer, &text);
        if let Some(expected) = oracle.as_ref().and_then(|oracle| oracle(&text)) {
            assert_eq!(counted, expected, "{text:?}");
        }
    }
});
