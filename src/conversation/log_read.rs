//! Reading messages of the log: their segments are decompressed first, so that a reply is only begun if it can be
//! finished.

use std::ops::Range;

use smallvec::SmallVec;

use super::compress::Unreadable;
use super::index::{self, Entry};
use super::log::{Log, Stored, meta_of};
use super::rendering::Rendering;
use super::segment::{Readable, Segment};

/// The messages of a range, readable.
pub struct Messages<'l> {
    /// Mostly a window spans few segments.
    parts: SmallVec<[Part<'l>; 4]>,
    /// How those that RECENT may return are edited.
    rendering: Rendering<'l>,
}

/// The part of the range that is in one segment.
struct Part<'l> {
    segment: &'l Segment,
    body: Readable<'l>,
    range: Range<usize>,
    /// No message of the segment is hidden or edited.
    plain: bool,
}

impl Log {
    /// Makes the messages of a range readable.
    ///
    /// # Errors
    /// There is not enough memory to decompress them.
    pub fn read(&self, range: Range<usize>) -> Result<Messages<'_>, Unreadable> {
        let mut parts = SmallVec::new();
        let mut left = range.len();
        let Some((first, mut from)) = self.locate(range.start).filter(|_| left > 0) else {
            return Ok(Messages {
                parts,
                rendering: Rendering::default(),
            });
        };
        for (index, segment) in self.segments.range(first..).enumerate() {
            let body = segment.read()?;
            let messages = body.entries.len();
            let until = (from + left).min(messages);
            left -= until.saturating_sub(from);
            let sums = self.sums_after(first + index).minus(segment.before);
            let plain = sums.visible == messages as u64 && sums.edited == 0;
            parts.push(Part {
                segment,
                body,
                range: from..until,
                plain,
            });
            if left == 0 {
                break;
            }
            from = 0;
        }
        Ok(Messages {
            parts,
            rendering: Rendering::default(),
        })
    }

    /// Hands the bytes of the message at `position` to `f`. `None` if there is no such message.
    ///
    /// # Errors
    /// There is not enough memory to decompress it.
    pub fn with_message<R>(
        &self,
        position: usize,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Unreadable> {
        let Some((index, inner)) = self.locate(position) else {
            return Ok(None);
        };
        let Some(segment) = self.segments.get(index) else {
            return Ok(None);
        };
        let body = segment.read()?;
        let begin = index::start(&body.entries, inner);
        let end = begin + index::len(&body.entries, inner);
        Ok(body.bytes.get(begin..end).map(f))
    }
}

impl Part<'_> {
    /// Visits the message of `entry`, which starts at `begin`, unless it is hidden and only visible ones are wanted.
    fn visit_one(
        &self,
        entry: &Entry,
        begin: usize,
        visible: Option<&Rendering<'_>>,
        visit: &mut impl FnMut(Stored<'_>),
    ) {
        if visible.is_some() && entry.flags.hidden() {
            return;
        }
        let end = entry.end as usize;
        let message = self.body.bytes.get(begin..end).unwrap_or_default();
        let rendering = visible.filter(|_| !self.plain);
        let edited = rendering.map(|r| r.render(self.segment.seq(entry), entry.flags, message));
        visit(Stored {
            bytes: edited.as_deref().unwrap_or(message),
            meta: meta_of(self.segment, entry, end - begin.min(end)),
        });
    }
}

impl<'l> Messages<'l> {
    /// The same messages, edited in this way where only visible ones are visited.
    #[must_use]
    pub fn rendered(mut self, rendering: Rendering<'l>) -> Self {
        for part in &mut self.parts {
            let seq = |inner: usize| part.body.entries.get(inner).map(|e| part.segment.seq(e));
            let first = seq(part.range.start);
            let last = part.range.end.checked_sub(1).and_then(seq);
            if let (true, Some(first), Some(last)) = (part.plain, first, last) {
                part.plain = !rendering.changes(first, last);
            }
        }
        self.rendering = rendering;
        self
    }

    /// Visits the messages one by one, oldest first. With `visible` only those that RECENT may return, as it returns them.
    pub fn visit(&self, visible: bool, mut visit: impl FnMut(Stored<'_>)) {
        let visible = visible.then_some(&self.rendering);
        for part in &self.parts {
            let mut begin = index::start(&part.body.entries, part.range.start);
            let entries = part
                .body
                .entries
                .get(part.range.clone())
                .unwrap_or_default();
            for entry in entries {
                part.visit_one(entry, begin, visible, &mut visit);
                begin = entry.end as usize + 1;
            }
        }
    }

    /// As [`Messages::visit`], newest first.
    pub fn visit_newest_first(&self, visible: bool, mut visit: impl FnMut(Stored<'_>)) {
        let visible = visible.then_some(&self.rendering);
        for part in self.parts.iter().rev() {
            for inner in part.range.clone().rev() {
                if let Some(entry) = part.body.entries.get(inner) {
                    let begin = index::start(&part.body.entries, inner);
                    part.visit_one(entry, begin, visible, &mut visit);
                }
            }
        }
    }

    /// Visits the bytes of the messages in runs that are as long as they lie side by side, each message followed by a
    /// comma. With `visible` only messages that RECENT may return, as it returns them.
    pub fn visit_runs(&self, visible: bool, mut visit: impl FnMut(&[u8])) {
        for part in &self.parts {
            let run = |range: Range<usize>, visit: &mut dyn FnMut(&[u8])| {
                if range.start < range.end {
                    let begin = index::start(&part.body.entries, range.start);
                    let end = index::start(&part.body.entries, range.end);
                    visit(part.body.bytes.get(begin..end).unwrap_or_default());
                }
            };
            let Range { start, end } = part.range;
            let mut begin = start;
            // Most often none is hidden or edited, and then none is looked for.
            if visible && !part.plain {
                for (inner, entry) in part.body.entries.iter().enumerate().take(end).skip(start) {
                    if entry.flags.hidden() {
                        run(begin..inner, &mut visit);
                        begin = inner + 1;
                        continue;
                    }
                    let seq = part.segment.seq(entry);
                    if self.rendering.edits(seq, entry.flags) {
                        run(begin..inner, &mut visit);
                        begin = inner + 1;
                        let whole = index::start(&part.body.entries, inner)..entry.end as usize;
                        let message = part.body.bytes.get(whole).unwrap_or_default();
                        let edited = self.rendering.render(seq, entry.flags, message);
                        visit(&edited);
                        visit(b",");
                    }
                }
            }
            run(begin..end, &mut visit);
        }
    }
}
