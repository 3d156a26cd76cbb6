//! Compression the log: which segments, when, and what stays open.

use super::compress::CompressJob;
use super::log::Log;
use super::search::Bytes;

/// How far beyond the first packed segment others are looked for that lie open.
const LOOK_BEHIND: usize = 8;

impl Log {
    /// The newest segment's text is packed; `text` is its packed form.
    pub fn adopt(&mut self, text: Vec<u8>) {
        if let Some(segment) = self.segments.back_mut() {
            let before = segment.heap_bytes();
            segment.adopt(text);
            self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
        }
    }

    /// Texts to be packed: of segments that lie open, closed to further messages, with at least `open_bytes` of
    /// messages behind them. They are packed when [`Log::install`] finds the results.
    pub fn to_compress(&mut self, open_bytes: usize, most: usize) -> Vec<CompressJob> {
        let head = self.split_leading(open_bytes);
        let mut jobs = Vec::new();
        let mut behind = 0;
        let (mut packed, mut bytes) = (0, 0);
        for segment in self.segments.range_mut(head..).rev() {
            if behind >= open_bytes && bytes < most {
                if segment.may_compress()
                    && let Some(job) = segment.ask()
                {
                    bytes += job.raw.len();
                    self.compression.push((segment.base_seq, job.slot.clone()));
                    jobs.push(job);
                } else {
                    packed += usize::from(segment.is_compressed());
                }
            }
            behind = behind.saturating_add(segment.stored().0);
            if packed >= LOOK_BEHIND || bytes >= most {
                break;
            }
        }
        jobs
    }

    /// How many segments hold the system messages that stand first, and nothing else. These stay open, as RECENT returns
    /// them every time: from a segment that is about to be packed they are split off. No segments if they are many, larger
    /// than `open_bytes`.
    fn split_leading(&mut self, open_bytes: usize) -> usize {
        let leading = self.beginning.messages;
        if leading == 0 || self.before::<Bytes>(leading) > open_bytes as u64 {
            return 0;
        }
        let Some((index, inner)) = self.locate(leading) else {
            return self.segments.len();
        };
        let behind = self.end.bytes.wrapping_sub(self.sums_after(index).bytes);
        if inner > 0 && behind >= open_bytes as u64 {
            self.split(index, inner);
            return index + 1;
        }
        index
    }

    /// True if a message of the segment at `index` is not counted.
    fn has_pending(&self, index: usize) -> bool {
        let behind = self
            .segments
            .get(index + 1)
            .map_or(&self.end, |s| &s.before);
        self.segments
            .get(index)
            .is_some_and(|s| behind.pending != s.before.pending)
    }

    /// True if texts are being packed.
    #[must_use]
    pub fn is_compressing(&self) -> bool {
        !self.compression.is_empty()
    }

    /// Packs the segments whose packed texts have come in, once all their messages are counted: what is packed is
    /// costly to change.
    pub fn install(&mut self) {
        if self.compression.is_empty() {
            return;
        }
        for (seq, slot) in std::mem::take(&mut self.compression) {
            let index = self.segment_of(seq);
            if slot.get().is_none() || index.is_some_and(|i| self.has_pending(i)) {
                self.compression.push((seq, slot));
                continue;
            }
            if let Some(segment) = index.and_then(|i| self.segments.get_mut(i)) {
                let before = segment.heap_bytes();
                segment.install(&slot);
                self.heap = (self.heap + segment.heap_bytes()).saturating_sub(before);
            }
        }
    }
}
