//! Reading JSON: simd-json's tape, made to take everything that JSON allows.
//!
//! simd-json validates and unescapes at memory speed, yet refuses three things that are valid JSON: numbers too
//! large for 64 bits, unpaired surrogates in `\u` escapes, and (by its default) deep nesting. Nothing here depends
//! on a number's value, so when simd-json refuses a text that the grammar allows, it is read once more from a copy
//! in which such numbers are `0` and such escapes are U+FFFD. All positions stay the same, so a value's verbatim
//! source can still be cut from the original.

mod document;

use std::cell::RefCell;

use simd_json::{Buffers, ErrorType, INPUT_PADDING, Tape, fill_tape_padded};

pub use self::document::{Document, NodeId};

/// Containers that may be nested in one another, the outermost the first.
pub const MAX_DEPTH: usize = 128;

/// Larger buffers are freed after use, so that one huge message does not take memory permanently.
const KEEP_BYTES: usize = 2 << 20;

/// As [`KEEP_BYTES`], for the parts of a message.
const KEEP_NODES: usize = 1 << 15;

/// Why a text is not usable JSON, in words for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError(pub String);

/// The parser's buffers, reused from text to text.
pub struct Reader {
    copy: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            copy: Vec::new(),
            buffers: Buffers::with_max_depth(1024, MAX_DEPTH),
            tape: Tape(Vec::new()),
        }
    }
}

thread_local! {
    static READER: RefCell<Reader> = RefCell::new(Reader::default());
}

/// Parses `source` with this thread's reader and hands the document to `f`.
///
/// # Errors
/// What `source` lacks to be JSON in UTF-8 of at most [`MAX_DEPTH`] nested containers.
pub fn with_document<R>(source: &[u8], f: impl FnOnce(&Document<'_>) -> R) -> Result<R, JsonError> {
    READER.with(|cell| match cell.try_borrow_mut() {
        Ok(mut reader) => reader.with_document(source, f),
        // A document read while another is being read: rare enough to pay for fresh buffers.
        Err(_) => Reader::default().with_document(source, f),
    })
}

impl Reader {
    /// See [`with_document`].
    ///
    /// # Errors
    /// As [`with_document`].
    pub fn with_document<R>(
        &mut self,
        source: &[u8],
        f: impl FnOnce(&Document<'_>) -> R,
    ) -> Result<R, JsonError> {
        let result = self.parse(source, f);
        // The tape of a message with many small parts takes several times the memory of its text.
        if self.copy.capacity() > KEEP_BYTES || self.tape.0.capacity() > KEEP_NODES {
            *self = Self::default();
        }
        result
    }

    #[inline]
    fn parse<R>(
        &mut self,
        source: &[u8],
        f: impl FnOnce(&Document<'_>) -> R,
    ) -> Result<R, JsonError> {
        let Self {
            copy: text,
            buffers,
            tape: kept,
        } = self;
        copy_padded(source, text);
        let copy = text.as_ptr().addr();
        let mut tape = std::mem::replace(kept, Tape(Vec::new())).reset();
        let mut repaired = false;
        if let Err(error) = fill_tape_padded(text, source.len(), buffers, &mut tape) {
            let mut again = tape.reset();
            if let Err(reason) = parse_repaired(source, error.error(), text, buffers, &mut again) {
                *kept = again.reset();
                return Err(reason);
            }
            repaired = true;
            tape = again;
        }
        let result = f(&Document {
            nodes: &tape.0,
            source,
            copy,
            structurals: buffers.structural_indexes(),
            repaired,
            starts: RefCell::new(Vec::new()),
        });
        *kept = tape.reset();
        Ok(result)
    }
}

/// Copies the source to `text`, and adds the padding that simd-json needs.
#[inline]
fn copy_padded(source: &[u8], text: &mut Vec<u8>) {
    text.clear();
    text.extend_from_slice(source);
    text.resize(source.len() + INPUT_PADDING, b' ');
}

/// Reads once more what simd-json refused with `error`, unless it is no JSON.
#[cold]
fn parse_repaired<'t>(
    source: &[u8],
    error: &ErrorType,
    text: &'t mut Vec<u8>,
    buffers: &mut Buffers,
    tape: &mut Tape<'t>,
) -> Result<(), JsonError> {
    if let Some(reason) = diagnose(source, error) {
        return Err(reason);
    }
    copy_padded(source, text);
    neutralise(text);
    fill_tape_padded(text, source.len(), buffers, tape).map_err(|error| {
        diagnose(source, error.error())
            // Valid by the grammar, and already repaired: a gap between the two parsers.
            .unwrap_or_else(|| JsonError("not JSON that can be read".into()))
    })
}

/// The reason why `source` is no JSON, or nothing if it is (and only simd-json cannot read it).
fn diagnose(source: &[u8], error: &ErrorType) -> Option<JsonError> {
    let text = match std::str::from_utf8(source) {
        Ok(text) => text,
        Err(e) => {
            return Some(JsonError(format!(
                "invalid UTF-8 at byte {}",
                e.valid_up_to()
            )));
        }
    };
    if matches!(error, ErrorType::DepthLimitExceeded) {
        return Some(JsonError(format!("nested deeper than {MAX_DEPTH}")));
    }
    if text.trim().is_empty() {
        return Some(JsonError("expected a JSON object, found nothing".into()));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => None,
        Err(_) if text.trim_start().starts_with("{'") => Some(JsonError(
            "not JSON: single quotes are not JSON; in Python, use json.dumps(message) instead of str(message)"
                .into(),
        )),
        Err(e) => Some(JsonError(format!("not JSON: {e}"))),
    }
}

/// Overwrites, in valid JSON, what simd-json cannot read though the grammar allows it: see the module documentation.
fn neutralise(json: &mut [u8]) {
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => at = neutralise_string(json, at + 1),
            b'-' | b'0'..=b'9' => {
                let number = json.get_mut(at..).unwrap_or_default();
                let end = number
                    .iter()
                    .position(|b| !is_number_byte(*b))
                    .unwrap_or(number.len());
                if let Some(number) = number.get_mut(..end) {
                    number.fill(b' ');
                    if let Some(first) = number.first_mut() {
                        *first = b'0';
                    }
                }
                at += end.max(1);
            }
            _ => at += 1,
        }
    }
}

/// Replaces unpaired surrogate escapes by `\uFFFD` from `at`, the position after the opening quote. Returns the position
/// after the closing quote.
fn neutralise_string(json: &mut [u8], mut at: usize) -> usize {
    loop {
        match json.get(at) {
            None => return at,
            Some(b'"') => return at + 1,
            Some(b'\\') if json.get(at + 1) == Some(&b'u') => {
                let first = hex4(json, at + 2);
                let pair = first.is_some_and(|c| (0xD800..0xDC00).contains(&c))
                    && json.get(at + 6..at + 8) == Some(b"\\u")
                    && hex4(json, at + 8).is_some_and(|c| (0xDC00..0xE000).contains(&c));
                if pair {
                    at += 12;
                } else {
                    if first.is_some_and(|c| (0xD800..0xE000).contains(&c))
                        && let Some(digits) = json.get_mut(at + 2..at + 6)
                    {
                        digits.copy_from_slice(b"FFFD");
                    }
                    at += 6;
                }
            }
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

fn hex4(json: &[u8], at: usize) -> Option<u32> {
    let digits = std::str::from_utf8(json.get(at..at + 4)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
}

#[cfg(test)]
mod tests;
