//! Compression of the log: which segments are compressed, when, and what stays uncompressed.

use super::compress::CompressJob;
use super::log::Log;
use super::search::Bytes;

/// How far before the last compressed segment others are looked for that are uncompressed.
const LOOK_BEFORE: usize = 8;

impl Log {
    /// Compresses the newest segment; `text` is the compressed form of its text.
    pub fn adopt(&mut self, text: Vec<u8>) {
        if let Some(last) = self.segments.len().checked_sub(1) {
            self.with_segment_mut(last, |segment| segment.adopt(text));
        }
    }

    /// Segments to be compressed: closed to further messages, all messages counted, and at least `hot_bytes` of messages
    /// after them. No more once `most` bytes are reached. [`Log::install`] takes the results.
    pub fn to_compress(&mut self, hot_bytes: usize, most: usize) -> Vec<CompressJob> {
        let leading = self.split_leading(hot_bytes);
        let mut jobs = Vec::new();
        let mut after = 0;
        let (mut compressed, mut bytes) = (0, 0);
        for (index, segment) in self.segments.iter().enumerate().skip(leading).rev() {
            if after >= hot_bytes && bytes < most {
                if segment.is_compressed() {
                    compressed += 1;
                } else if !self.has_pending_in(index)
                    && let Some(job) = segment.compress_job()
                {
                    bytes += job.bytes();
                    self.compression
                        .push((segment.base_seq, job.slot().clone()));
                    jobs.push(job);
                }
            }
            after = after.saturating_add(segment.stored().0);
            if compressed >= LOOK_BEFORE || bytes >= most {
                break;
            }
        }
        jobs
    }

    /// Segments to be compressed because nobody uses the conversation, whatever they hold: all that are uncompressed and
    /// have not been handed over, up to `most` bytes. [`Log::install`] takes the results.
    pub fn to_compress_all(&mut self, most: usize) -> Vec<CompressJob> {
        let mut jobs = Vec::new();
        let mut bytes = 0;
        for segment in &self.segments {
            if bytes >= most {
                break;
            }
            if let Some(job) = segment.compress_job() {
                bytes += job.bytes();
                self.compression
                    .push((segment.base_seq, job.slot().clone()));
                jobs.push(job);
            }
        }
        jobs
    }

    /// How many segments hold the leading system messages, and nothing else. These stay uncompressed, as RECENT returns
    /// them every time: they are split off a segment that is about to be compressed. No segments if the messages are
    /// larger than `hot_bytes`.
    fn split_leading(&mut self, hot_bytes: usize) -> usize {
        let leading = self.beginning.messages;
        if leading == 0 || self.before::<Bytes>(leading) > hot_bytes as u64 {
            return 0;
        }
        let Some((index, inner)) = self.locate(leading) else {
            return self.segments.len();
        };
        let after = self.end.bytes.wrapping_sub(self.sums_after(index).bytes);
        if inner > 0 && after >= hot_bytes as u64 {
            self.split(index, inner);
            return index + 1;
        }
        index
    }

    /// True if a message of the segment at `index` is not counted. What is compressed is costly to change.
    fn has_pending_in(&self, index: usize) -> bool {
        self.segments
            .get(index)
            .is_some_and(|s| self.sums_after(index).pending != s.before.pending)
    }

    /// True if segments are being compressed.
    #[must_use]
    pub fn is_compressing(&self) -> bool {
        !self.compression.is_empty()
    }

    /// Takes the compressed segments that have come in. Segments that have changed meanwhile stay uncompressed.
    pub fn install(&mut self) {
        if self.compression.is_empty() {
            return;
        }
        for (seq, slot) in std::mem::take(&mut self.compression) {
            if slot.result().is_none() {
                self.compression.push((seq, slot));
            } else if let Some(index) = self.segment_of(seq) {
                self.with_segment_mut(index, |segment| segment.install(&slot));
            }
        }
    }

    /// Drops the decompressed copies that nobody has read for a while.
    pub fn close_idle(&self) {
        for segment in &self.segments {
            segment.close_idle();
        }
    }
}
