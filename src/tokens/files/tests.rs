//! Compares counts with the libraries that define them: the small vocabularies of `tests/fixtures/tokenizers`, and real
//! ones if the environment names a directory (`make tokenizers-test`).

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::*;
use crate::tokens::tokenizer::Tokenizer;

/// Random strings per file, unless `CONV_TOKENIZERS_STRINGS` says otherwise.
const STRINGS: usize = 1000;

fn strings() -> usize {
    let set = std::env::var("CONV_TOKENIZERS_STRINGS").ok();
    set.map_or(STRINGS, |n| n.parse().expect("a number"))
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers")
}

/// The files of `directory`.
fn files_in(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    files
}

/// The library that defines the counts of a file.
enum Oracle {
    HuggingFace(Box<tokenizers::Tokenizer>),
    Tiktoken(Box<tiktoken_rs::CoreBPE>),
}

impl Oracle {
    fn new(path: &Path, content: &str) -> Self {
        if path.to_str().is_some_and(|p| p.ends_with(".tekken.json")) {
            return Self::tekken(content);
        }
        let mut tokenizer: tokenizers::Tokenizer = content.parse().expect("a tokenizer");
        tokenizer.set_encode_special_tokens(true);
        tokenizer.with_truncation(None).expect("none");
        Self::HuggingFace(Box::new(tokenizer))
    }

    fn tekken(content: &str) -> Self {
        let file: serde_json::Value = serde_json::from_str(content).expect("JSON");
        let config = &file["config"];
        let number = |name: &str| config[name].as_u64().expect("a number");
        let size = number("default_vocab_size") - number("default_num_special_tokens");
        let ranks = file["vocab"].as_array().expect("an array").iter();
        let ranks = ranks.take(size as usize).map(|entry| {
            let token = base64::decode(entry["token_bytes"].as_str().expect("a string"));
            let rank = entry["rank"].as_u64().expect("a rank");
            (token.expect("base64"), rank as u32)
        });
        let pattern = config["pattern"].as_str().expect("a pattern");
        let core = tiktoken_rs::CoreBPE::new(ranks.collect(), Default::default(), pattern);
        Self::Tiktoken(Box::new(core.expect("an encoding")))
    }

    fn count(&self, text: &str) -> u64 {
        match self {
            Self::HuggingFace(tokenizer) => {
                tokenizer.encode(text, false).expect("tokens").len() as u64
            }
            Self::Tiktoken(core) => core.encode_ordinary(text).len() as u64,
        }
    }
}

fn load(path: &Path) -> (Tokenizer, Oracle, String) {
    let content = fs::read_to_string(path).expect("a file");
    let name = path.to_str().expect("a name");
    let kind = if name.ends_with(".tekken.json") {
        Kind::Tekken
    } else {
        Kind::HuggingFace
    };
    let tokenizer = read(kind, content.as_bytes()).unwrap_or_else(|why| panic!("{name}: {why}"));
    let oracle = Oracle::new(path, &content);
    (tokenizer, oracle, content)
}

/// Parts that tell tokenizers apart: contractions, digits of several scripts, characters with marks, white space, scripts
/// without spaces, new characters, names of special tokens.
const PARTS: &[&str] = &[
    "the",
    "The",
    " THE",
    "don't",
    "I'LL",
    "we've",
    "'s",
    "'S",
    "'ſ",
    "'re",
    "x's",
    "été",
    "e\u{301}te\u{301}",
    "\u{301}",
    "Ǆ",
    "ǅ",
    "ʰ",
    "ª",
    "straße",
    "İ",
    "ŉ",
    "ﬀ",
    "ﬆ",
    "K",
    "Å",
    "Å",
    "１０",
    "١٢٣",
    "12345",
    "3.14",
    "1,000",
    "½",
    "Ⅻ",
    "²",
    "〇",
    "  ",
    "   ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    " \n ",
    "\n  ",
    "\u{a0}",
    "\u{3000}",
    "\u{200b}",
    "\u{85}",
    "\u{2028}",
    "\u{1c}",
    "龥",
    "龦",
    "  龦",
    "漢字",
    "カタカナ",
    "ひらがな",
    "゛",
    "ー",
    "・",
    "ヿ",
    "㐀",
    "𠀀",
    "한국어",
    "ㅎㅏㄴ",
    "각",
    "ไทย",
    "हिन्दी",
    "{\"a\": [1, 2.5]}",
    "--",
    "---",
    "//",
    "/*",
    "<",
    ">",
    "</div>",
    "<table>",
    "<think>",
    "</think>",
    "<tool_call>",
    "<|im_start|>",
    "<|endoftext|>",
    "<｜fim▁hole｜>",
    "<unused0>",
    "▁",
    "▁▁",
    "_",
    "__",
    "...",
    "!?",
    "¿",
    "€",
    "😀",
    "👩‍👩‍👧‍👦",
    "🇩🇪",
    "\u{1f979}",
    "\u{11f02}",
    "\u{0}",
    "\u{7}",
    "\u{7f}",
    "\u{ad}",
    "\u{feff}",
    "\u{fffd}",
    "\u{e000}",
    "\u{10ffff}",
    "<0x0A>",
    "<mask>",
    "[DAY]",
];

fn character(rng: &mut Rng) -> char {
    loop {
        let limit = [0x80, 0x300, 0x3100, 0x1_0000, 0x2_0000, 0x11_0000][rng.usize(..6)];
        if let Some(character) = char::from_u32(rng.u32(..limit)) {
            return character;
        }
    }
}

/// A random string; some parts of it are tokens of the vocabulary.
fn string(rng: &mut Rng, tokens: &[String]) -> String {
    let mut text = String::new();
    for _ in 0..rng.usize(1..12) {
        match rng.usize(..8) {
            0 => text.extend((0..rng.usize(1..6)).map(|_| character(rng))),
            1 => text.extend((0..rng.usize(1..8)).map(|_| rng.lowercase())),
            2 => text.push_str(&PARTS[rng.usize(..PARTS.len())].repeat(rng.usize(1..40))),
            3 if !tokens.is_empty() => text.push_str(&tokens[rng.usize(..tokens.len())]),
            4 => text.push(' '),
            _ => text.push_str(PARTS[rng.usize(..PARTS.len())]),
        }
    }
    text
}

/// Every string in the file: tokens as they are written there, and what byte-level tokens stand for.
fn tokens_of(content: &str) -> Vec<String> {
    let file: serde_json::Value = serde_json::from_str(content).expect("JSON");
    let mut tokens = Vec::new();
    if let Some(vocab) = file["model"]["vocab"].as_object() {
        for token in vocab.keys() {
            if let Some(Ok(text)) = byte_level::bytes(token).map(String::from_utf8) {
                tokens.push(text);
            }
            tokens.push(token.clone());
        }
    }
    for token in file["added_tokens"].as_array().into_iter().flatten() {
        tokens.push(token["content"].as_str().expect("a string").to_owned());
    }
    tokens
}

fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["README.md", "Makefile", "src/conversation/window.rs"] {
        texts.push((
            name.to_owned(),
            fs::read_to_string(top.join(name)).expect("a text"),
        ));
    }
    if let Some(directory) = std::env::var_os("CONV_TEXTS") {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if let Ok(text) = fs::read_to_string(&path) {
                let name = path.file_name().expect("a name").to_string_lossy();
                texts.push((name.into_owned(), text));
            }
        }
    }
    texts
}

fn compare(path: &Path, strings: usize) {
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let (tokenizer, oracle, content) = load(path);
    let tokens = tokens_of(&content);
    let mut rng = Rng::with_seed(0x7095);
    for _ in 0..strings {
        let text = string(&mut rng, &tokens);
        assert_eq!(
            tokenizer.count(&text),
            oracle.count(&text),
            "{name}: {text:?}"
        );
    }
    for (what, text) in texts() {
        for line in text.lines().chain([&*text]) {
            assert_eq!(
                tokenizer.count(line),
                oracle.count(line),
                "{name}: {what}: {line:?}"
            );
        }
    }
    println!(
        "{name}: {strings} strings and {} texts agree",
        texts().len()
    );
}

#[test]
fn small_vocabularies_agree_with_their_libraries() {
    for path in files_in(&fixtures()) {
        compare(&path, strings());
    }
}

/// The directory of real vocabularies.
fn real() -> Vec<PathBuf> {
    let directory = std::env::var_os("CONV_TOKENIZERS").expect("CONV_TOKENIZERS names a directory");
    let only = std::env::var("CONV_TOKENIZERS_ONLY").unwrap_or_default();
    let mut files = files_in(Path::new(&directory));
    files.retain(|path| path.to_str().is_some_and(|path| path.contains(&only)));
    files
}

#[test]
#[ignore = "needs real vocabularies: make tokenizers-test"]
fn real_vocabularies_agree_with_their_libraries() {
    for path in real() {
        compare(&path, strings());
    }
}

fn per_second(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e6
}

#[test]
#[ignore = "a measurement: make tokenizers-test"]
fn speed_of_real_vocabularies() {
    let texts = texts();
    let all: Vec<&str> = texts.iter().flat_map(|(_, text)| text.lines()).collect();
    let bytes: usize = all.iter().map(|line| line.len()).sum();
    let best = |count: &dyn Fn(&str) -> u64| {
        let times = (0..3).map(|_| {
            let start = Instant::now();
            let sum: u64 = all.iter().map(|line| count(line)).sum();
            (start.elapsed(), sum)
        });
        times.min().expect("a time")
    };
    let tiktoken = tiktoken_rs::o200k_base().expect("an encoding");
    let encoding = crate::tokens::Encoding::O200K_BASE;
    let (ours, sum) = best(&|line| crate::tokens::count(encoding, line));
    let (theirs, expected) = best(&|line| tiktoken.encode_ordinary(line).len() as u64);
    assert_eq!(sum, expected);
    println!(
        "{bytes} bytes; o200k_base {:.1} MB/s, tiktoken-rs {:.1} MB/s",
        per_second(bytes, ours),
        per_second(bytes, theirs),
    );
    for path in real() {
        let content = fs::read_to_string(&path).expect("a file");
        let start = Instant::now();
        let kind = if path.to_string_lossy().ends_with(".tekken.json") {
            Kind::Tekken
        } else {
            Kind::HuggingFace
        };
        let tokenizer = read(kind, content.as_bytes()).expect("a tokenizer");
        let load = start.elapsed();
        let start = Instant::now();
        let oracle = Oracle::new(&path, &content);
        let load_oracle = start.elapsed();
        let (ours, sum) = best(&|line| tokenizer.count(line));
        let (theirs, expected) = best(&|line| oracle.count(line));
        assert_eq!(sum, expected);
        println!(
            "{}: {} in {:.0} ms (library {:.0} ms), {} tokens, {:.1} MB; {:.1} MB/s, library {:.1} MB/s",
            path.file_name().expect("a name").to_string_lossy(),
            if tokenizer.is_linear() {
                "own engine"
            } else {
                "library or expression"
            },
            load.as_secs_f64() * 1e3,
            load_oracle.as_secs_f64() * 1e3,
            tokenizer.vocabulary,
            tokenizer.memory() as f64 / 1e6,
            per_second(bytes, ours),
            per_second(bytes, theirs),
        );
        for (what, text) in [
            ("spaces", " ".repeat(1 << 20)),
            ("dashes", "-".repeat(1 << 20)),
            ("letters", "a".repeat(1 << 20)),
            ("line breaks", "\n".repeat(1 << 20)),
            ("digits", "7".repeat(1 << 20)),
            ("Chinese", "的".repeat(1 << 18)),
            ("accents", "e\u{301}".repeat(1 << 18)),
            ("marks", "\u{301}".repeat(1 << 18)),
            ("space marks", "▁".repeat(1 << 18)),
            ("angles", "<".repeat(1 << 20)),
            ("controls", "\u{1}".repeat(1 << 20)),
        ] {
            let start = Instant::now();
            let count = tokenizer.count(&text);
            let time = start.elapsed();
            // tiktoken panics on some.
            let expected = catch_unwind(AssertUnwindSafe(|| oracle.count(&text))).ok();
            println!(
                "  1 MB of {what}: {count} tokens in {:.0} ms; library {expected:?} in {:.0} ms{}",
                time.as_secs_f64() * 1e3,
                (start.elapsed() - time).as_secs_f64() * 1e3,
                if expected.is_none_or(|n| n == count) {
                    ""
                } else {
                    ": DIFFERENT"
                },
            );
        }
    }
}
