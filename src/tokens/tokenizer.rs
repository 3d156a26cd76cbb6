//! A tokenizer that was loaded from a file: on the engine of this module, or on the library that defines its counts.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::MOST_INLINE;
use super::added_tokens::AddedTokens;
use super::backtrack::Backtrack;
use super::classes::Classes;
use super::counter::{ThreadScratch, ends_of, with_scratch};
use super::early_merges::EarlyMerges;
use super::split::words::Words;
use super::split::{Pattern, visit};
use super::vocabulary::Vocabulary;

/// Longer texts count their bytes where the library counts. It takes up to 150 bytes of memory per byte of text, and a
/// second per megabyte.
pub(super) const MOST_LIBRARY_BYTES: usize = 4 << 20;

/// How many times as long the normalizers of known files make a text at most. If others can make it longer, only shorter
/// texts are counted: the normalized form stays below 256 MB.
const MOST_GROWTH: u64 = 64;

/// Splitting by an unknown regular expression may take this long, and [`MOST_TIME_PER_BYTE`].
const MOST_TIME: Duration = Duration::from_secs(1);

/// A hundred times what a common expression takes.
const MOST_TIME_PER_BYTE: Duration = Duration::from_micros(2);

/// A tokenizer.
pub struct Tokenizer {
    /// Distinguishes tokenizers, also if one was freed and loaded again.
    number: u64,
    engine: Engine,
    /// Number of tokens, added tokens included.
    pub vocabulary: usize,
    memory: usize,
    /// Longer texts count their bytes.
    most_bytes: usize,
}

enum Engine {
    Own(Box<Own>),
    Library(Box<tokenizers::Tokenizer>),
}

/// Byte-pair encoding on the engine of this module.
pub(super) struct Own {
    pub added: AddedTokens,
    pub normalizers: Vec<Normalizer>,
    pub splitter: Splitter,
    pub vocabulary: Vocabulary,
    /// Merges that `vocabulary` does not describe. Only with [`Splitter::Known`] and [`Splitter::Words`].
    pub early: Option<EarlyMerges>,
}

/// A step that changes the text before it is split.
pub(super) enum Normalizer {
    /// Unicode's NFC, by the tables of the library.
    Nfc,
    /// Replaces every occurrence of the first string by the second.
    Replace(String, String),
    /// Precedes a text that is not empty.
    Prepend(String),
}

/// How a text is split into pieces.
pub(super) enum Splitter {
    /// By known rules.
    Known(Pattern, fn() -> &'static Classes),
    /// Where no token of the vocabulary can span.
    Words(Box<Words>),
    /// By regular expressions, one after the other. What is between two matches is a piece too.
    Oniguruma(Vec<onig::Regex>),
    /// By the regular expression of a tiktoken encoding. What is between two matches is no piece.
    Fancy(Box<fancy_regex::Regex>),
}

impl Tokenizer {
    pub(super) fn own(own: Own, vocabulary: usize) -> Self {
        let early = own.early.as_ref().map_or(0, EarlyMerges::memory);
        let memory = size_of::<Own>() + own.vocabulary.memory() + own.added.memory() + early;
        if let Splitter::Known(_, classes) = &own.splitter {
            // The first count does not wait for them.
            classes();
        }
        Self::new(Engine::Own(Box::new(own)), vocabulary, memory)
    }

    /// `memory` is an estimate: the library does not report it.
    pub(super) fn library(library: tokenizers::Tokenizer, memory: usize) -> Self {
        let vocabulary = library.get_vocab_size(true);
        Self::new(Engine::Library(Box::new(library)), vocabulary, memory)
    }

    fn new(engine: Engine, vocabulary: usize, memory: usize) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBER.fetch_add(1, Relaxed),
            engine,
            vocabulary,
            memory,
            most_bytes: usize::MAX,
        }
    }

    /// Normalizing can make a text `growth` times as long.
    pub(super) fn limit(&mut self, growth: u64) {
        if growth > MOST_GROWTH {
            let most = MOST_GROWTH * MOST_LIBRARY_BYTES as u64 / growth;
            self.most_bytes = usize::try_from(most).unwrap_or(usize::MAX);
        }
    }

    /// Memory in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Bytes of text that may be counted on the main thread.
    #[must_use]
    pub fn most_inline(&self) -> usize {
        match &self.engine {
            // The library and unknown regular expressions take longer for some texts than the main thread has.
            _ if !self.is_linear() => 0,
            // A text of early merges only takes about four times as long as others.
            Engine::Own(own) if own.early.is_some() => MOST_INLINE / 4,
            Engine::Own(_) | Engine::Library(_) => MOST_INLINE,
        }
    }

    /// True if the time of a count is linear in the length of the text, for any text. With early merges: almost linear.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        match &self.engine {
            Engine::Own(own) => matches!(own.splitter, Splitter::Known(..) | Splitter::Words(_)),
            Engine::Library(_) => false,
        }
    }

    /// E(text). A text on which the library fails counts its bytes.
    #[must_use]
    pub fn count(&self, text: &str) -> u64 {
        if text.is_empty() {
            return 0;
        }
        let bytes = text.len() as u64;
        if text.len() > self.most_bytes {
            return bytes;
        }
        match &self.engine {
            Engine::Own(own) if self.is_linear() => {
                with_scratch(self.number, |scratch| own.count(scratch, text)).unwrap_or(bytes)
            }
            Engine::Own(own) => {
                // The scratch space is lost with a panic.
                let counted = catch_unwind(AssertUnwindSafe(|| {
                    with_scratch(self.number, |scratch| own.count(scratch, text))
                }));
                counted.ok().flatten().unwrap_or(bytes)
            }
            Engine::Library(_) if text.len() > MOST_LIBRARY_BYTES => bytes,
            Engine::Library(library) => {
                let counted = catch_unwind(AssertUnwindSafe(|| {
                    let encoded = library.encode_fast(text, false).ok()?;
                    Some(encoded.len() as u64)
                }));
                counted.ok().flatten().unwrap_or(bytes)
            }
        }
    }
}

impl Tokenizer {
    /// Where the tokens of a text end, in bytes: as many as [`Self::count`] counts, in ascending order. For a text that is
    /// normalized, or split by the library, the places between the first and the last token are approximate.
    #[must_use]
    pub fn ends(&self, text: &str) -> Vec<u32> {
        let count = self.count(text);
        let exact = match &self.engine {
            Engine::Own(own) => own.ends(text),
            Engine::Library(_) => None,
        };
        exact
            .filter(|ends| ends.len() as u64 == count)
            .unwrap_or_else(|| {
                // A text is far shorter than 4 GB, and has at least a byte for each token nearly always.
                let place = |n: u64| (text.len() as u64).saturating_mul(n) / count.max(1);
                (1..=count)
                    .map(|n| u32::try_from(place(n)).unwrap_or(u32::MAX))
                    .collect()
            })
    }
}

impl Own {
    /// Where the tokens end, if normalizing leaves the text as it is, or replaces single characters only.
    fn ends(&self, text: &str) -> Option<Vec<u32>> {
        let normalized = self.normalize(text);
        if !matches!(self.splitter, Splitter::Known(..) | Splitter::Words(_))
            || normalized.chars().count() != text.chars().count()
            || self.added.raw.visit(text, |_| ()) + self.added.normalized.visit(&normalized, |_| ())
                > 0
        {
            return None;
        }
        let (mut ends, mut backtrack) = (Vec::new(), Backtrack::new());
        let bytes = normalized.as_bytes();
        let mut each = |start, end| {
            if let Some(found) = self.early_ends(&normalized, start, end) {
                let place = |end| u32::try_from(start + end).unwrap_or(u32::MAX);
                ends.extend(found.into_iter().map(place));
                return;
            }
            ends_of(
                &self.vocabulary,
                &mut backtrack,
                bytes,
                start..end,
                &mut ends,
            );
        };
        match &self.splitter {
            Splitter::Known(pattern, classes) => visit(*pattern, classes(), bytes, &mut each),
            Splitter::Words(words) => words.visit(bytes, &mut each),
            Splitter::Oniguruma(_) | Splitter::Fancy(_) => {}
        }
        if *normalized == *text {
            return Some(ends);
        }
        // From bytes of the normalized text to bytes of the text; within a character, to its end.
        let mut characters = normalized
            .char_indices()
            .zip(text.char_indices())
            .peekable();
        let mut place = 0;
        for end in &mut ends {
            while let Some(((at, character), (of_text, replaced))) = characters.peek()
                && at + character.len_utf8() <= *end as usize
            {
                place = of_text + replaced.len_utf8();
                characters.next();
            }
            *end = u32::try_from(place).unwrap_or(u32::MAX);
        }
        Some(ends)
    }

    /// The number of tokens of a text, or `None` if splitting fails.
    fn count(&self, scratch: &mut ThreadScratch, text: &str) -> Option<u64> {
        let mut count = Some(0u64);
        // Tokens that are found in the text as it is; what is between them is normalized; tokens that are found then.
        let raw = self.added.raw.visit(text, |part| {
            let part = self.normalize(part);
            let found = self.added.normalized.visit(&part, |part| {
                let counted = self.count_part(scratch, part);
                count = count.zip(counted).map(|(a, b)| a + b);
            });
            count = count.map(|count| count + found);
        });
        count.map(|count| count + raw)
    }

    /// Where the tokens of a piece end, relative to its start, if an early merge applies to it.
    fn early_ends(&self, text: &str, start: usize, end: usize) -> Option<Vec<usize>> {
        let (early, piece) = (self.early.as_ref()?, text.get(start..end)?);
        early
            .occur_in(piece.as_bytes())
            .then(|| early.ends(&self.vocabulary, piece))
    }

    /// True if an early merge may apply to a piece of the text.
    fn has_early(&self, text: &str) -> bool {
        let early = self.early.as_ref();
        early.is_some_and(|early| early.occur_in(text.as_bytes()))
    }

    /// The tokens of a piece of a text with early merges.
    fn count_early(
        &self,
        scratch: &mut ThreadScratch,
        text: &str,
        start: usize,
        end: usize,
    ) -> u64 {
        match self.early_ends(text, start, end) {
            Some(ends) => ends.len() as u64,
            None => scratch.count_piece(&self.vocabulary, text.as_bytes(), start, end),
        }
    }

    pub(super) fn normalize<'t>(&self, text: &'t str) -> Cow<'t, str> {
        normalize(&self.normalizers, text)
    }

    fn count_part(&self, scratch: &mut ThreadScratch, text: &str) -> Option<u64> {
        match &self.splitter {
            Splitter::Known(pattern, classes) if !self.has_early(text) => {
                Some(scratch.count(&self.vocabulary, *pattern, classes(), text.as_bytes()))
            }
            Splitter::Known(pattern, classes) => {
                let mut count = 0;
                visit(*pattern, classes(), text.as_bytes(), &mut |start, end| {
                    count += self.count_early(scratch, text, start, end);
                });
                Some(count)
            }
            Splitter::Words(words) => {
                let mut count = 0;
                let has_early = self.has_early(text);
                words.visit(text.as_bytes(), |start, end| {
                    count += if has_early {
                        self.count_early(scratch, text, start, end)
                    } else {
                        scratch.count_piece(&self.vocabulary, text.as_bytes(), start, end)
                    };
                });
                Some(count)
            }
            Splitter::Oniguruma(steps) => {
                let until = Instant::now() + MOST_TIME + MOST_TIME_PER_BYTE * text.len() as u32;
                let mut count = 0;
                split(steps, text, (0, text.len()), &mut |start, end| {
                    count += scratch.count_piece(&self.vocabulary, text.as_bytes(), start, end);
                    Instant::now() < until
                })
                .then_some(count)
            }
            Splitter::Fancy(regex) => {
                let mut count = 0;
                for found in regex.find_iter(text) {
                    let found = found.ok()?;
                    if found.start() < found.end() {
                        count += scratch.count_piece(
                            &self.vocabulary,
                            text.as_bytes(),
                            found.start(),
                            found.end(),
                        );
                    }
                }
                Some(count)
            }
        }
    }
}

pub(super) fn normalize<'t>(normalizers: &[Normalizer], text: &'t str) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    for normalizer in normalizers {
        match normalizer {
            Normalizer::Nfc => {
                if is_nfc_quick(text.chars()) != IsNormalized::Yes {
                    text = Cow::Owned(text.nfc().map(|(c, _)| c).collect());
                }
            }
            Normalizer::Replace(from, to) => {
                if memchr::memmem::find(text.as_bytes(), from.as_bytes()).is_some() {
                    text = Cow::Owned(text.replace(from, to));
                }
            }
            Normalizer::Prepend(prefix) => {
                if !text.is_empty() {
                    text = Cow::Owned([prefix, &*text].concat());
                }
            }
        }
    }
    text
}

/// Splits the part `range` of a text by the expressions, each of which sees only the piece that the one before made.
/// False if `each` was not satisfied.
fn split(
    steps: &[onig::Regex],
    text: &str,
    range: (usize, usize),
    each: &mut impl FnMut(usize, usize) -> bool,
) -> bool {
    let (offset, end) = range;
    let Some((first, others)) = steps.split_first() else {
        return offset >= end || each(offset, end);
    };
    let part = text.get(offset..end).unwrap_or_default();
    let mut before = 0;
    for (start, end) in first.find_iter(part) {
        let gap = before >= start || split(others, text, (offset + before, offset + start), each);
        if !gap || !(start >= end || split(others, text, (offset + start, offset + end), each)) {
            return false;
        }
        before = end;
    }
    before >= part.len() || split(others, text, (offset + before, offset + part.len()), each)
}
