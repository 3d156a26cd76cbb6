//! Messages as RECENT returns them.

use std::borrow::Cow;

use super::Conversation;
use super::costs::Clearing;
use super::examine::apply;
use super::flags::Flags;
use super::message;
use super::window::Window;

/// How messages are edited. Without further ado only orphaned results are taken out of messages that are flagged so.
#[derive(Clone, Copy, Default)]
pub struct Rendering<'a> {
    clearing: Option<Clearing<'a>>,
    /// Messages with other bytes, by number.
    replaced: &'a [(i64, Vec<u8>)],
}

impl Rendering<'_> {
    /// True if a message with a number in the range may be edited.
    pub(super) fn changes(&self, first: i64, last: i64) -> bool {
        self.clearing
            .is_some_and(|c| c.results.changes(c.border, first, last))
            || self
                .replaced
                .iter()
                .any(|(seq, _)| (first..=last).contains(seq))
    }

    /// True if this message may be edited.
    pub(super) fn edits(&self, seq: i64, flags: Flags) -> bool {
        flags.edited() || self.changes(seq, seq)
    }

    /// The message as it is returned. That an edited one can be returned without its results was found out when it was
    /// tracked.
    pub(super) fn render<'m>(&self, seq: i64, flags: Flags, message: &'m [u8]) -> Cow<'m, [u8]> {
        if let Some((_, bytes)) = self.replaced.iter().find(|(other, _)| *other == seq) {
            return Cow::Owned(bytes.clone());
        }
        let without = flags.edited().then(|| message::without_results(message));
        let returned = without.flatten().map_or(Cow::Borrowed(message), Cow::Owned);
        let edits = self
            .clearing
            .map(|c| c.results.edits(c.border, seq))
            .unwrap_or_default();
        if edits.is_empty() {
            return returned;
        }
        Cow::Owned(apply(&returned, &edits))
    }
}

impl Conversation {
    /// How the messages of `window` are edited.
    #[must_use]
    pub fn rendering<'a>(&'a self, window: &'a Window) -> Rendering<'a> {
        let clearing = window.border.and_then(|border| {
            let results = self.results.get()?;
            Some(Clearing { results, border })
        });
        Rendering {
            clearing,
            replaced: &window.cut_messages,
        }
    }
}
