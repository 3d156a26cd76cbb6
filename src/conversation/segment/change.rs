//! Changes to a segment: the index and the text stay in step.

use std::ops::Range;

use super::super::body::Uncompressed;
use super::super::compress::Unreadable;
use super::super::flags::Flags;
use super::super::growth::reserve_for_append;
use super::super::index::{self, Entry};
use super::super::sums::Sums;
use super::{Body, SEGMENT_BYTES, Segment};

impl Segment {
    /// True if a message of that number, time and length can be added at the end.
    #[must_use]
    pub fn takes(&self, seq: i64, time: i64, len: usize) -> bool {
        let Body::Uncompressed(body) = &self.body else {
            return false;
        };
        let bytes = body.bytes.len();
        (bytes == 0 || bytes.saturating_add(len) < SEGMENT_BYTES)
            && seq
                .checked_sub(self.base_seq)
                .is_some_and(|d| u16::try_from(d).is_ok())
            && time
                .checked_sub(self.base_time)
                .is_some_and(|d| i32::try_from(d).is_ok())
    }

    /// Decompresses the segment if a message of that length fits into it.
    pub fn reopen(&mut self, len: usize) {
        if let Body::Compressed(body) = &self.body
            && body.text_len().saturating_add(len) < SEGMENT_BYTES
        {
            // Without the memory, the message begins a segment of its own.
            let _ = self.decompress();
        }
    }

    /// Adds a message at the end, which [`Segment::takes`] allows. Returns what it adds to the sums.
    pub fn push(&mut self, seq: i64, time: i64, tokens: u32, flags: Flags, message: &[u8]) -> Sums {
        let time = time.saturating_sub(self.base_time);
        let seq = seq.saturating_sub(self.base_seq);
        let Body::Uncompressed(body) = &mut self.body else {
            return Sums::default();
        };
        let body = body.to_mut();
        body.changes();
        reserve_for_append(&mut body.bytes, message.len() + 1);
        body.bytes.extend_from_slice(message);
        let end = u32::try_from(body.bytes.len()).unwrap_or(u32::MAX);
        body.bytes.push(b',');
        reserve_for_append(&mut body.entries, 1);
        body.entries.push(Entry {
            end,
            tokens,
            time: i32::try_from(time).unwrap_or_default(),
            seq: u16::try_from(seq).unwrap_or_default(),
            flags,
        });
        index::weight(&body.entries, body.entries.len() - 1)
    }

    /// Adds the first and only message, as [`Segment::push`]. Takes over `text`: the message and a comma.
    pub fn push_owned(&mut self, tokens: u32, flags: Flags, text: Vec<u8>) -> Sums {
        let entries = vec![Entry {
            end: u32::try_from(text.len().saturating_sub(1)).unwrap_or(u32::MAX),
            tokens,
            time: 0,
            seq: 0,
            flags,
        }];
        let weight = index::weight(&entries, 0);
        self.body = Body::from(Uncompressed::new(text, entries));
        weight
    }

    /// Releases what was reserved for further messages, unless a copy would have to be made for that.
    pub fn close(&mut self) {
        if let Body::Uncompressed(body) = &mut self.body
            && let Some(body) = body.get_mut()
        {
            body.bytes.shrink_to_fit();
            body.entries.shrink_to_fit();
        }
    }

    /// Changes entries; a compressed index is compressed again. The caller corrects the running sums.
    pub fn change_entries(&mut self, change: impl FnOnce(&mut [Entry])) {
        match &mut self.body {
            Body::Uncompressed(body) => {
                let body = body.to_mut();
                body.changes();
                change(&mut body.entries);
            }
            Body::Compressed(body) => body.to_mut().change_entries(change),
        }
    }

    /// Decompresses the segment, to be changed.
    ///
    /// # Errors
    /// There is not enough memory; nothing is done.
    pub fn decompress(&mut self) -> Result<(), Unreadable> {
        if let Body::Compressed(body) = &self.body {
            self.body = Body::from(body.decompress()?);
        }
        Ok(())
    }

    /// The body, to be changed. Nothing if it must be decompressed and there is not enough memory.
    fn uncompressed(&mut self) -> Option<&mut Uncompressed> {
        self.decompress().ok()?;
        match &mut self.body {
            Body::Uncompressed(body) => {
                let body = body.to_mut();
                body.changes();
                Some(body)
            }
            Body::Compressed(_) => None,
        }
    }

    /// Splits the messages from `at` on off into a segment of their own. Nothing, and nothing done, if there are none,
    /// or if there is not enough memory to decompress the text.
    pub fn split_off(&mut self, at: usize) -> Option<Self> {
        let (base_seq, base_time, mut before) = (self.base_seq, self.base_time, self.before);
        let body = self.uncompressed()?;
        let first = body.entries.get(at).copied()?;
        let begin = index::start(&body.entries, at);
        for inner in 0..at {
            before = before.plus(index::weight(&body.entries, inner));
        }
        let bytes = body.bytes.split_off(begin.min(body.bytes.len()));
        let mut entries = body.entries.split_off(at);
        let cut = u32::try_from(begin).unwrap_or_default();
        for entry in &mut entries {
            entry.end = entry.end.saturating_sub(cut);
            entry.seq = entry.seq.saturating_sub(first.seq);
        }
        self.close();
        Some(Self {
            base_seq: base_seq.saturating_add(i64::from(first.seq)),
            base_time,
            before,
            body: Body::from(Uncompressed::new(bytes, entries)),
        })
    }

    /// Removes the messages of the range. False, and nothing done, if there is not enough memory to decompress the text.
    pub fn remove(&mut self, range: Range<usize>) -> bool {
        let Some(body) = self.uncompressed() else {
            return false;
        };
        let begin = index::start(&body.entries, range.start);
        let end = index::start(&body.entries, range.end);
        body.bytes.drain(begin..end);
        body.entries.drain(range.clone());
        let cut = u32::try_from(end - begin).unwrap_or_default();
        for entry in body.entries.iter_mut().skip(range.start) {
            entry.end = entry.end.saturating_sub(cut);
        }
        true
    }

    /// Replaces bytes, tokens and flags of the message at `index`. False, and nothing done, if there is not enough memory
    /// to decompress the text.
    pub fn replace(&mut self, index: usize, tokens: u32, flags: Flags, message: &[u8]) -> bool {
        let Some(body) = self.uncompressed() else {
            return false;
        };
        let begin = index::start(&body.entries, index);
        let end = begin + index::len(&body.entries, index);
        let grown = message.len() as i64 - (end - begin) as i64;
        body.bytes.splice(begin..end, message.iter().copied());
        for entry in body.entries.iter_mut().skip(index) {
            entry.end = u32::try_from(i64::from(entry.end) + grown).unwrap_or(u32::MAX);
        }
        if let Some(entry) = body.entries.get_mut(index) {
            entry.tokens = tokens;
            entry.flags = flags;
        }
        true
    }

    /// As [`Segment::replace`], for the only message of a segment. Takes over `text`: the message and a comma. False, and
    /// nothing done, if there are other messages.
    pub fn replace_owned(&mut self, tokens: u32, flags: Flags, text: Vec<u8>) -> bool {
        let &[mut entry] = &*self.entries() else {
            return false;
        };
        entry.end = u32::try_from(text.len().saturating_sub(1)).unwrap_or(u32::MAX);
        entry.tokens = tokens;
        entry.flags = flags;
        self.body = Body::from(Uncompressed::new(text, vec![entry]));
        true
    }
}
