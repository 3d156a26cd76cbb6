//! What the index remembers of a message besides its numbers: what it is, and what tracking made of it.

use super::facts::{Class, Facts};

/// What is remembered of a message in its index entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    const CLASS: u16 = 0b111;
    const UNREAD: u16 = 1 << 3;
    const PENDING: u16 = 1 << 4;
    const EXPLICIT: u16 = 1 << 5;
    const HIDDEN: u16 = 1 << 6;
    const GROUP_START: u16 = 1 << 7;
    const CLEAN: u16 = 1 << 8;
    const REASONING: u16 = 1 << 9;
    const CALLS: u16 = 1 << 10;
    const RESULTS: u16 = 1 << 11;
    const ITEM: u16 = 1 << 12;
    const HAS_ID: u16 = 1 << 13;
    const EDITED: u16 = 1 << 14;
    const READ_AGAIN: u16 = 1 << 15;

    /// All flags as a number, for the compressed index.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The flags of that number.
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    fn set(&mut self, bit: u16, on: bool) {
        if on {
            self.0 |= bit;
        } else {
            self.0 &= !bit;
        }
    }

    /// The flags that follow from the message itself. Until it is tracked it is hidden.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let mut flags = Self(facts.class as u16 & Self::CLASS);
        let calls = !facts.calls.is_empty();
        let results = !facts.results.is_empty();
        // Only this keeps an assistant message out of a reasoning group, and there is no bit for it.
        let typed = facts.typed && !facts.item && facts.class == Class::Assistant;
        flags.set(Self::UNREAD, facts.unread);
        flags.set(Self::REASONING, facts.reasoning);
        flags.set(Self::ITEM, facts.item);
        flags.set(Self::CALLS, calls);
        flags.set(Self::RESULTS, results);
        flags.set(
            Self::READ_AGAIN,
            calls || results || typed || facts.only_approvals,
        );
        flags.set(Self::HAS_ID, facts.id.is_some());
        flags.set(Self::PENDING, true);
        flags.set(Self::HIDDEN, true);
        flags
    }

    /// What tracking needs to know of the message; None if the flags do not tell, and the message must be read again.
    #[must_use]
    pub fn facts(self) -> Option<Facts> {
        (!self.has(Self::READ_AGAIN)).then(|| Facts {
            class: self.class(),
            item: self.item(),
            typed: self.item(),
            reasoning: self.reasoning(),
            ..Facts::default()
        })
    }

    /// The role's meaning.
    #[must_use]
    pub fn class(self) -> Class {
        match self.0 & Self::CLASS {
            0 => Class::System,
            1 => Class::User,
            2 => Class::Assistant,
            3 => Class::Tool,
            _ => Class::Other,
        }
    }

    /// Some of its content counted as JSON text, because its spelling is unknown.
    #[must_use]
    pub fn unread(self) -> bool {
        self.has(Self::UNREAD)
    }

    /// A `reasoning` item.
    #[must_use]
    pub fn reasoning(self) -> bool {
        self.has(Self::REASONING)
    }

    /// Has a `type` and no `data`.
    #[must_use]
    pub fn item(self) -> bool {
        self.has(Self::ITEM)
    }

    /// Opens at least one call.
    #[must_use]
    pub fn has_calls(self) -> bool {
        self.has(Self::CALLS)
    }

    /// Holds at least one result whose call is not in the message itself.
    #[must_use]
    pub fn has_results(self) -> bool {
        self.has(Self::RESULTS)
    }

    /// Has an id.
    #[must_use]
    pub fn has_id(self) -> bool {
        self.has(Self::HAS_ID)
    }

    /// Its tokens are not counted yet; all sums hold [the least that it can be](super::Conversation::least_tokens) for it.
    #[must_use]
    pub fn pending(self) -> bool {
        self.has(Self::PENDING)
    }

    /// Its tokens were given with `TOKENS`, and are never counted.
    #[must_use]
    pub fn explicit(self) -> bool {
        self.has(Self::EXPLICIT)
    }

    /// RECENT never returns it: an orphaned result, part of a turn with unanswered calls, or a reasoning item that led
    /// to nothing.
    #[must_use]
    pub fn hidden(self) -> bool {
        self.has(Self::HIDDEN)
    }

    /// RECENT returns it without its results, which are orphaned, because it has text of its own.
    #[must_use]
    pub fn edited(self) -> bool {
        self.has(Self::EDITED)
    }

    /// A window may begin before this message: no group has messages on both sides.
    #[must_use]
    pub fn group_start(self) -> bool {
        self.has(Self::GROUP_START)
    }

    /// After this message no group can grow and no reasoning item waits.
    #[must_use]
    pub fn clean(self) -> bool {
        self.has(Self::CLEAN)
    }

    /// A message that may be one of the leading system messages. One that has to do with calls or approvals may belong to
    /// a turn, as any other message would.
    #[must_use]
    pub fn system(self) -> bool {
        self.class() == Class::System && !self.has(Self::READ_AGAIN)
    }

    /// A user message that a prompt may start with. One within a group answers calls, or holds approvals.
    #[must_use]
    pub fn user_start(self) -> bool {
        self.class() == Class::User && self.group_start() && !self.hidden()
    }

    /// What tracking found out; see [`Flags::hidden`], [`Flags::group_start`] and [`Flags::edited`].
    pub fn set_tracked(&mut self, hidden: bool, group_start: bool, edited: bool) {
        self.set(Self::HIDDEN, hidden);
        self.set(Self::GROUP_START, group_start);
        self.set(Self::EDITED, edited);
    }

    /// See [`Flags::hidden`].
    pub fn set_hidden(&mut self, on: bool) {
        self.set(Self::HIDDEN, on);
    }

    /// It is part of a turn with unanswered calls.
    pub fn hide(&mut self) {
        self.set(Self::HIDDEN, true);
        self.set(Self::EDITED, false);
    }

    /// See [`Flags::group_start`].
    pub fn set_group_start(&mut self, on: bool) {
        self.set(Self::GROUP_START, on);
    }

    /// See [`Flags::clean`].
    pub fn set_clean(&mut self, on: bool) {
        self.set(Self::CLEAN, on);
    }

    /// It is a group of its own, with nothing open before or after it.
    pub fn set_alone(&mut self) {
        self.set_tracked(false, true, false);
        self.set(Self::CLEAN, true);
    }

    /// See [`Flags::pending`].
    pub fn set_pending(&mut self, on: bool) {
        self.set(Self::PENDING, on);
    }

    /// See [`Flags::explicit`].
    pub fn set_explicit(&mut self, on: bool) {
        self.set(Self::EXPLICIT, on);
    }
}
