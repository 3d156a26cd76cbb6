//! Loading a conversation by what was stored of it, without reading its messages.
//!
//! The results of reading and tracking the messages are stored with them: the flags in the index, and the hashes of ids.
//! They are used only if the source is trusted.

use std::borrow::Cow;

use super::Conversation;
use super::ids::Ids;
use super::index;
use super::segment::Segment;
use super::turns::Dialects;

/// The version of what is stored with messages. It must rise when [`super::message::facts`], tracking, or the least count of
/// a pending message change for any message, and when the bits of [`super::flags::Flags`] change. Otherwise a conversation
/// that was stored before the change would be loaded with outdated flags.
pub const READING: u32 = 1;

impl Conversation {
    /// Adds a stored segment at the end. [`Conversation::finish_loading`] follows the last one.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn push_stored(&mut self, segment: Segment) -> Result<(), String> {
        let mut last = self.log.last_seq().unwrap_or(i64::MIN);
        let least = self.least_tokens();
        for entry in segment.entries().iter() {
            let seq = segment.seq(entry);
            if seq <= last || seq == i64::MAX {
                return Err(format!("message {seq} cannot follow {last}"));
            }
            if entry.flags.pending() && entry.tokens != least {
                return Err(format!("the pending message {seq} has a count"));
            }
            last = seq;
        }
        self.log.push_segment(segment);
        Ok(())
    }

    /// Sets what follows from the messages as a whole. `ids` are hashes and sequence numbers.
    pub fn finish_loading(&mut self, ids: Vec<(u32, i64)>) {
        self.ids = Ids::of(ids);
        self.log.update_beginning();
        let end = self.log.len();
        self.tracker.retrack(&mut self.log, end, &Dialects);
    }

    /// The index of a segment as it is stored. Estimated counts are pending: another server may have the tokenizer file.
    #[must_use]
    pub fn stored_index<'a>(&self, segment: &'a Segment) -> Cow<'a, [u8]> {
        if self.estimates.is_empty() {
            return segment.compressed_index();
        }
        let mut entries = segment.entries().to_vec();
        let least = self.least_tokens();
        for entry in &mut entries {
            if self.is_estimated(segment.seq(entry)) && !entry.flags.explicit() {
                entry.tokens = least;
                entry.flags.set_pending(true);
            }
        }
        Cow::Owned(index::encode(&entries))
    }

    /// True if a message has an id.
    #[must_use]
    pub fn has_ids(&self) -> bool {
        !self.ids.is_empty()
    }

    /// Hashes and sequence numbers of the messages that have ids. Those of removed messages may be among them.
    pub fn id_hashes(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.ids.iter()
    }
}
