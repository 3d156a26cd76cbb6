//! Snapshots: a part of the log that another thread can read while the log changes.

use std::ops::Range;
use std::sync::Arc;

use super::body::Uncompressed;
use super::compress::Unreadable;
use super::log::Log;
use super::log_read::Messages;
use super::segment::Segment;

/// Messages of a log as they were when the snapshot was taken. It shares the text and the index of its segments with the
/// log: taking one costs about 20 ns a segment, whatever the size of the messages. Messages keep the positions that they
/// had in the log.
///
/// It can be sent to another thread and read there. A segment that is changed or compressed meanwhile is copied or
/// replaced in the log, never in the snapshot.
///
/// ```
/// # use conv::conversation::log::Log;
/// fn export(log: &Log, first: usize) -> std::thread::JoinHandle<Vec<u8>> {
///     let (snapshot, end) = (log.snapshot(first..log.len()), log.len());
///     std::thread::spawn(move || {
///         let mut text = Vec::new();
///         let messages = snapshot.read(first..end).expect("memory");
///         messages.visit_runs(false, |run| text.extend_from_slice(run));
///         text
///     })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Snapshot {
    log: Log,
    /// Position of its first message in the log that it was taken of.
    first: usize,
}

const _: () = {
    const fn can_be_sent<T: Send + Sync>() {}
    can_be_sent::<Snapshot>();
};

impl Log {
    /// A snapshot of the segments that hold the messages of `range`.
    #[must_use]
    pub fn snapshot(&self, range: Range<usize>) -> Snapshot {
        let Some((from, to)) = self.segments_of(&range) else {
            return Snapshot {
                log: Self::default(),
                first: range.start,
            };
        };
        let before = self.segments.get(from).map_or(&self.end, |s| &s.before);
        let first = before.messages.wrapping_sub(self.origin().messages) as usize;
        Snapshot {
            log: Self {
                segments: self.segments.range(from..to).cloned().collect(),
                end: self.segments.get(to).map_or(self.end, |next| next.before),
                ..Self::default()
            },
            first,
        }
    }

    /// Bytes that reading the messages of `range` would decompress.
    #[must_use]
    pub fn bytes_to_decompress(&self, range: Range<usize>) -> usize {
        let Some((from, to)) = self.segments_of(&range) else {
            return 0;
        };
        let segments = self.segments.range(from..to);
        segments.map(Segment::bytes_to_decompress).sum()
    }

    /// Snapshots of the messages of `ranges` that must be decompressed to be read. Nothing if that are at most `most`
    /// bytes. The ranges are in any order; of several in one segment, those in a row count once.
    #[must_use]
    pub fn deeper_than(
        &self,
        most: usize,
        ranges: impl Iterator<Item = Range<usize>>,
    ) -> Option<Vec<Snapshot>> {
        if self.compressed_bytes() == 0 {
            return None;
        }
        let (mut bytes, mut last, mut deep) = (0usize, None, Vec::new());
        for range in ranges {
            let segments = self.segments_of(&range);
            if segments.is_none() || segments == last {
                continue;
            }
            last = segments;
            let more = self.bytes_to_decompress(range.clone());
            if more > 0 {
                bytes = bytes.saturating_add(more);
                deep.push(range);
            }
        }
        let snapshot = |range: &Range<usize>| self.snapshot(range.clone());
        (bytes > most).then(|| deep.iter().map(snapshot).collect())
    }

    /// Numbers of the segments that hold the messages of `range`; nothing if it is empty.
    fn segments_of(&self, range: &Range<usize>) -> Option<(usize, usize)> {
        let last = range.end.min(self.len()).checked_sub(1)?;
        if range.start > last {
            return None;
        }
        let (from, to) = (self.locate(range.start)?, self.locate(last)?);
        Some((from.0, to.0 + 1))
    }
}

/// The decompressed messages of a snapshot. As long as they are kept, readers of the log find them decompressed.
#[derive(Debug)]
pub struct Decompressed {
    _bodies: Vec<Arc<Uncompressed>>,
}

impl Snapshot {
    /// Bytes that decompressing it takes.
    #[must_use]
    pub fn bytes_to_decompress(&self) -> usize {
        let segments = self.log.segments.iter();
        segments.map(Segment::bytes_to_decompress).sum()
    }

    /// Decompresses the messages.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn decompress(&self) -> Result<Decompressed, Unreadable> {
        let lent = self.log.segments.iter().map(Segment::lend);
        let bodies: Result<Vec<_>, _> = lent.filter_map(Result::transpose).collect();
        Ok(Decompressed { _bodies: bodies? })
    }

    /// The segments that it holds, as a log of their own.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Makes messages readable, by their positions in the log. Positions that the snapshot does not hold are left out.
    ///
    /// # Errors
    /// There is not enough memory to decompress them.
    pub fn read(&self, range: Range<usize>) -> Result<Messages<'_>, Unreadable> {
        let end = range.end.saturating_sub(self.first).min(self.log.len());
        let start = range.start.saturating_sub(self.first).min(end);
        self.log.read(start..end)
    }

    /// Positions of the messages that it holds: those that were asked for, and the others of their segments.
    #[must_use]
    pub fn positions(&self) -> Range<usize> {
        self.first..self.first + self.log.len()
    }
}
