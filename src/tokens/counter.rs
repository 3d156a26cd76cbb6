//! E(s) for vocabularies of byte-pair encoding, exactly as the reference library counts.
//!
//! A hand-written splitter ([`super::split`]) cuts the text into pieces. Most pieces are repeated words whose count is
//! in the cache (`piece_cache.rs`). Others are looked up as whole tokens (`vocabulary.rs`) or encoded (`backtrack.rs`,
//! and `merge.rs` where backtracking would take long). The total time is linear in the length of the text, for any
//! text.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::backtrack::{self, Backtrack};
use super::classes::{self, Classes, standard};
use super::encoding::Encoding;
use super::merge::Merger;
use super::piece_cache::{self, PieceCache, PieceKey};
use super::split::{Pattern, visit};
use super::vocabulary::{NONE, Vocabulary};

/// Number of distinct built-in vocabularies. `o200k_harmony` shares that of `o200k_base`: it only adds special tokens,
/// which ordinary text never yields.
const VOCABULARIES: usize = 4;

static LOADED: [OnceLock<Option<Vocabulary>>; VOCABULARIES] =
    [const { OnceLock::new() }; VOCABULARIES];

/// Total memory of the scratch space of all threads, in bytes.
static MEMORY: AtomicUsize = AtomicUsize::new(0);

/// The caches and buffers that a thread keeps per vocabulary.
pub(super) struct ThreadScratch {
    piece_cache: PieceCache,
    backtrack: Backtrack,
}

/// Memory of one [`ThreadScratch`], in bytes.
const SCRATCH_BYTES: usize = piece_cache::MEMORY + backtrack::MEMORY + size_of::<ThreadScratch>();

/// A thread keeps the scratch space of this many tokenizer files.
const MOST_FILES: usize = 4;

thread_local! {
    /// One per built-in vocabulary, taken out of the cell while a count runs.
    static SCRATCH: [Cell<Option<Box<ThreadScratch>>>; VOCABULARIES] = const { [const { Cell::new(None) }; VOCABULARIES] };

    /// Those of tokenizer files, by the number of the tokenizer, the one used last at the end.
    static OF_FILES: RefCell<Vec<(u64, Box<ThreadScratch>)>> = const { RefCell::new(Vec::new()) };
}

impl ThreadScratch {
    fn new() -> Self {
        MEMORY.fetch_add(SCRATCH_BYTES, Relaxed);
        Self {
            piece_cache: PieceCache::new(),
            backtrack: Backtrack::new(),
        }
    }

    /// The number of tokens of a text. One `ThreadScratch` serves one vocabulary.
    #[inline]
    pub(super) fn count(
        &mut self,
        vocabulary: &Vocabulary,
        pattern: Pattern,
        classes: &Classes,
        text: &[u8],
    ) -> u64 {
        let mut count = 0;
        visit(pattern, classes, text, |start, end| {
            count += self.count_piece(vocabulary, text, start, end);
        });
        count
    }

    /// The number of tokens of a piece.
    #[inline]
    pub(super) fn count_piece(
        &mut self,
        vocabulary: &Vocabulary,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> u64 {
        let Self {
            piece_cache,
            backtrack,
        } = self;
        match PieceKey::new(text, start, end) {
            Some(key) => piece_cache.count(key, || encode(vocabulary, backtrack, text, start, end)),
            None => encode(vocabulary, backtrack, text, start, end),
        }
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
    if end - start == 1
        || vocabulary.rank(text, start, end) != NONE
        || vocabulary.is_whole(text, start, end)
    {
        return 1;
    }
    let count = backtrack.count(vocabulary, text, start, end);
    count.unwrap_or_else(|| {
        let piece = text.get(start..end).unwrap_or_default();
        Merger::default().count(vocabulary, piece)
    })
}

/// Runs `count` with the scratch space that this thread keeps for the tokenizer with this number.
pub(super) fn with_scratch<T>(tokenizer: u64, count: impl FnOnce(&mut ThreadScratch) -> T) -> T {
    let taken = OF_FILES.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        let at = kept.iter().position(|(number, _)| *number == tokenizer)?;
        Some(kept.remove(at).1)
    });
    let mut scratch = taken
        .ok()
        .flatten()
        .unwrap_or_else(|| Box::new(ThreadScratch::new()));
    let result = count(&mut scratch);
    // While a thread shuts down its thread-local storage is gone, and the scratch space is simply dropped.
    let _ = OF_FILES.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() >= MOST_FILES {
            kept.remove(0);
        }
        kept.push((tokenizer, scratch));
    });
    result
}

fn number(encoding: Encoding) -> usize {
    match encoding {
        Encoding::CL100K_BASE => 1,
        Encoding::P50K_BASE => 2,
        Encoding::R50K_BASE => 3,
        _ => 0,
    }
}

/// The tables of the built-in encodings, in the order of [`number`]. They are written when the module is built.
pub(super) static TABLES: [&[u8]; 4] = [
    include_bytes!(concat!(env!("OUT_DIR"), "/o200k_base")),
    include_bytes!(concat!(env!("OUT_DIR"), "/cl100k_base")),
    include_bytes!(concat!(env!("OUT_DIR"), "/p50k_base")),
    include_bytes!(concat!(env!("OUT_DIR"), "/r50k_base")),
];

fn vocabulary(number: usize) -> Option<&'static Vocabulary> {
    let make = || Vocabulary::of_table(TABLES.get(number)?);
    LOADED.get(number)?.get_or_init(make).as_ref()
}

/// Loads the tables of a built-in encoding. The first call takes 10 to 60 ms, later calls return at once.
pub(super) fn load(encoding: Encoding) {
    let _ = (vocabulary(number(encoding)), standard());
}

/// True if the tables of the built-in encoding have been loaded.
#[must_use]
pub(super) fn is_loaded(encoding: Encoding) -> bool {
    let vocabulary = LOADED.get(number(encoding));
    vocabulary.is_some_and(|lazy| lazy.get().is_some()) && classes::are_loaded()
}

/// The memory of the tables of a built-in encoding in bytes, 0 if they have not been loaded.
#[must_use]
pub(super) fn memory_of(encoding: Encoding) -> usize {
    let vocabulary = LOADED.get(number(encoding)).and_then(OnceLock::get);
    vocabulary
        .and_then(Option::as_ref)
        .map_or(0, Vocabulary::memory)
}

/// The memory in bytes of the tables of the built-in encodings, of the character classes, and of the scratch space of
/// every thread that counts.
#[must_use]
pub(super) fn memory() -> usize {
    let loaded = LOADED.iter().filter_map(|lazy| lazy.get()?.as_ref());
    MEMORY.load(Relaxed) + classes::memory() + loaded.map(Vocabulary::memory).sum::<usize>()
}

/// E(text) in a built-in encoding: the number of tokens that `encode_ordinary` of OpenAI's tiktoken yields.
#[must_use]
pub(super) fn count(encoding: Encoding, text: &str) -> u64 {
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
    let count = scratch.count(
        vocabulary,
        Pattern::of(encoding),
        standard(),
        text.as_bytes(),
    );
    // While a thread shuts down its thread-local storage is gone, and the scratch space is simply dropped.
    let _ = SCRATCH.try_with(|slots| slots.get(number).map(|cell| cell.set(Some(scratch))));
    count
}

/// Where the tokens of a text in a built-in encoding end, in bytes. As many as [`count`] counts.
#[must_use]
pub(super) fn ends(encoding: Encoding, text: &str) -> Vec<u32> {
    let mut ends = Vec::new();
    if let Some(vocabulary) = vocabulary(number(encoding)) {
        let mut backtrack = Backtrack::new();
        visit(
            Pattern::of(encoding),
            standard(),
            text.as_bytes(),
            |start, end| {
                ends_of(
                    vocabulary,
                    &mut backtrack,
                    text.as_bytes(),
                    start..end,
                    &mut ends,
                );
            },
        );
    }
    ends
}

/// Adds the ends of the tokens of a piece.
pub(super) fn ends_of(
    vocabulary: &Vocabulary,
    backtrack: &mut Backtrack,
    text: &[u8],
    piece: Range<usize>,
    ends: &mut Vec<u32>,
) {
    let Range { start, end } = piece;
    // A text is far shorter than 4 GB.
    let at = |end: usize| u32::try_from(end).unwrap_or(u32::MAX);
    let first = ends.len();
    if end - start == 1
        || vocabulary.rank(text, start, end) != NONE
        || vocabulary.is_whole(text, start, end)
    {
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
    if vocabulary.is_weighted() {
        // Parts that are no tokens stand for one token per byte.
        let mut from = at(start);
        for end in ends.split_off(first) {
            let part = vocabulary.any_rank(text, from as usize, end as usize);
            if vocabulary.weight(part) > 1 {
                ends.extend(from + 1..end);
            }
            ends.push(end);
            from = end;
        }
    }
}
