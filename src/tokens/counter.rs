//! E(s): the number of tokens of a string, exactly as OpenAI's tiktoken counts ordinary text.
//!
//! A hand-written splitter ([`super::split`]) cuts the text into pieces. Most pieces are repeated words whose count is
//! in the cache (`piece_cache.rs`). Others are looked up as whole tokens (`vocabulary.rs`) or encoded (`backtrack.rs`,
//! and `merge.rs` where backtracking would take long). The total time is linear in the length of the text, for any
//! text.

use std::cell::Cell;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::backtrack::{self, Backtrack};
use super::classes::{self, classes};
use super::encoding::Encoding;
use super::merge::Merger;
use super::piece_cache::{self, PieceCache, PieceKey};
use super::split::{Pattern, visit};
use super::vocabulary::{NONE, Vocabulary};

/// Number of distinct vocabularies. `o200k_harmony` shares that of `o200k_base`: it only adds special tokens, which
/// ordinary text never yields.
const VOCABULARIES: usize = 4;

static LOADED: [OnceLock<Option<Vocabulary>>; VOCABULARIES] =
    [const { OnceLock::new() }; VOCABULARIES];

/// Total memory of the scratch space of all threads, in bytes.
static MEMORY: AtomicUsize = AtomicUsize::new(0);

/// The caches and buffers that a thread keeps per vocabulary.
struct ThreadScratch {
    piece_cache: PieceCache,
    backtrack: Backtrack,
}

/// Memory of one [`ThreadScratch`], in bytes.
const SCRATCH_BYTES: usize = piece_cache::MEMORY + backtrack::MEMORY + size_of::<ThreadScratch>();

thread_local! {
    /// One per vocabulary, taken out of the cell while a count runs.
    static SCRATCH: [Cell<Option<Box<ThreadScratch>>>; VOCABULARIES] = const { [const { Cell::new(None) }; VOCABULARIES] };
}

impl ThreadScratch {
    fn new() -> Self {
        MEMORY.fetch_add(SCRATCH_BYTES, Relaxed);
        Self {
            piece_cache: PieceCache::new(),
            backtrack: Backtrack::new(),
        }
    }

    fn count(&mut self, vocabulary: &Vocabulary, pattern: Pattern, text: &[u8]) -> u64 {
        let Self {
            piece_cache,
            backtrack,
        } = self;
        let mut count = 0;
        visit(pattern, text, |start, end| {
            count += match PieceKey::new(text, start, end) {
                Some(key) => {
                    piece_cache.count(key, || encode(vocabulary, backtrack, text, start, end))
                }
                None => encode(vocabulary, backtrack, text, start, end),
            };
        });
        count
    }
}

impl Drop for ThreadScratch {
    fn drop(&mut self) {
        MEMORY.fetch_sub(SCRATCH_BYTES, Relaxed);
    }
}

/// Computes the number of tokens of a piece that is not in the cache.
fn encode(
    vocabulary: &Vocabulary,
    backtrack: &mut Backtrack,
    text: &[u8],
    start: usize,
    end: usize,
) -> u64 {
    if end - start == 1 || vocabulary.rank(text, start, end) != NONE {
        return 1;
    }
    let count = backtrack.count(vocabulary, text, start, end);
    count.unwrap_or_else(|| {
        let piece = text.get(start..end).unwrap_or_default();
        Merger::default().count(vocabulary, piece)
    })
}

fn number(encoding: Encoding) -> usize {
    match encoding {
        Encoding::O200kBase | Encoding::O200kHarmony => 0,
        Encoding::Cl100kBase => 1,
        Encoding::P50kBase => 2,
        Encoding::R50kBase => 3,
    }
}

fn vocabulary(number: usize) -> Option<&'static Vocabulary> {
    let make = || {
        // The id limits are slightly above the largest id of each vocabulary. The tables of tiktoken-rs are freed
        // afterwards.
        let (table, ids) = match number {
            0 => (tiktoken_rs::o200k_base(), 200_100),
            1 => (tiktoken_rs::cl100k_base(), 100_300),
            2 => (tiktoken_rs::p50k_base(), 50_400),
            _ => (tiktoken_rs::r50k_base(), 50_400),
        };
        Some(Vocabulary::new(&table.ok()?, ids))
    };
    LOADED.get(number)?.get_or_init(make).as_ref()
}

/// Loads the tables of an encoding. The first call takes 50 to 400 ms, later calls return at once.
pub fn load(encoding: Encoding) {
    let _ = (vocabulary(number(encoding)), classes());
}

/// True if the tables of the encoding have been loaded.
#[must_use]
pub fn is_loaded(encoding: Encoding) -> bool {
    let vocabulary = LOADED.get(number(encoding));
    vocabulary.is_some_and(|lazy| lazy.get().is_some()) && classes::are_loaded()
}

/// The memory used for counting, in bytes: the loaded tables and the scratch space of every thread that counts.
#[must_use]
pub fn memory() -> usize {
    let loaded = LOADED.iter().filter_map(|lazy| lazy.get()?.as_ref());
    MEMORY.load(Relaxed) + classes::memory() + loaded.map(Vocabulary::memory).sum::<usize>()
}

/// E(text): the number of tokens that `encode_ordinary` of OpenAI's tiktoken yields.
#[must_use]
pub fn count(encoding: Encoding, text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    let number = number(encoding);
    let Some(vocabulary) = vocabulary(number) else {
        return 0;
    };
    let taken = SCRATCH.try_with(|slots| slots.get(number)?.take());
    let mut scratch = taken
        .ok()
        .flatten()
        .unwrap_or_else(|| Box::new(ThreadScratch::new()));
    let count = scratch.count(vocabulary, Pattern::of(encoding), text.as_bytes());
    // While a thread shuts down its thread-local storage is gone, and the scratch space is simply dropped.
    let _ = SCRATCH.try_with(|slots| slots.get(number).map(|cell| cell.set(Some(scratch))));
    count
}

/// Where the tokens of a text end, in bytes. As many as [`count`] counts.
#[must_use]
pub fn ends(encoding: Encoding, text: &str) -> Vec<u32> {
    let mut ends = Vec::new();
    if let Some(vocabulary) = vocabulary(number(encoding)) {
        let mut backtrack = Backtrack::new();
        visit(Pattern::of(encoding), text.as_bytes(), |start, end| {
            ends_of(
                vocabulary,
                &mut backtrack,
                text.as_bytes(),
                start..end,
                &mut ends,
            );
        });
    }
    ends
}

/// Adds the ends of the tokens of a piece.
fn ends_of(
    vocabulary: &Vocabulary,
    backtrack: &mut Backtrack,
    text: &[u8],
    piece: Range<usize>,
    ends: &mut Vec<u32>,
) {
    let Range { start, end } = piece;
    // A text is far shorter than 4 GB.
    let at = |end: usize| u32::try_from(end).unwrap_or(u32::MAX);
    if end - start == 1 || vocabulary.rank(text, start, end) != NONE {
        ends.push(at(end));
    } else if let Some(lengths) = backtrack.lengths(vocabulary, text, start, end) {
        ends.extend(lengths.scan(start, |end, length| {
            *end += length;
            Some(at(*end))
        }));
    } else {
        let piece = text.get(start..end).unwrap_or_default();
        let found = Merger::default().ends(vocabulary, piece);
        ends.extend(found.into_iter().map(|end| at(start + end)));
    }
}
