//! What the index remembers of a message beside its numbers: what it is, and what became of it in its turn.

use super::message::{Class, Facts, SummaryForm};

/// What is remembered of a message in its index entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    const CLASS: u16 = 0b111;
    const LANGCHAIN: u16 = 1 << 3;
    const PENDING: u16 = 1 << 4;
    const EXPLICIT: u16 = 1 << 5;
    const DEAD: u16 = 1 << 6;
    const BOUNDARY: u16 = 1 << 7;
    const CLEAN: u16 = 1 << 8;
    const REASONING: u16 = 1 << 9;
    const CALLS: u16 = 1 << 10;
    const ANSWERS: u16 = 1 << 11;
    const ITEM: u16 = 1 << 12;
    const HAS_ID: u16 = 1 << 13;

    /// All flags as a number, for the packed index.
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

    /// The flags that follow from the message itself; of its turn nothing is known yet.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let mut flags = Self(facts.class as u16 & Self::CLASS);
        flags.set(Self::LANGCHAIN, facts.summary_form != SummaryForm::Base);
        flags.set(Self::REASONING, facts.reasoning);
        flags.set(Self::ITEM, facts.item);
        flags.set(Self::CALLS, !facts.calls.is_empty());
        flags.set(Self::ANSWERS, !facts.results.is_empty());
        flags.set(Self::HAS_ID, facts.id.is_some());
        flags.set(Self::PENDING, true);
        flags.set(Self::DEAD, true);
        flags
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

    /// Written in LangChain's dialect.
    #[must_use]
    pub fn langchain(self) -> bool {
        self.has(Self::LANGCHAIN)
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
    pub fn opens(self) -> bool {
        self.has(Self::CALLS)
    }

    /// Is an answer, to whatever call.
    #[must_use]
    pub fn answers(self) -> bool {
        self.has(Self::ANSWERS)
    }

    /// Has an id.
    #[must_use]
    pub fn has_id(self) -> bool {
        self.has(Self::HAS_ID)
    }

    /// Its tokens are not counted yet (and stand as [`super::LEAST_TOKENS`] in all sums).
    #[must_use]
    pub fn pending(self) -> bool {
        self.has(Self::PENDING)
    }

    /// Its tokens were given with `TOKENS`, and are never counted.
    #[must_use]
    pub fn explicit(self) -> bool {
        self.has(Self::EXPLICIT)
    }

    /// It is not returned by RECENT: an orphan, part of an unanswered turn, or a reasoning item without successor.
    #[must_use]
    pub fn dead(self) -> bool {
        self.has(Self::DEAD)
    }

    /// No turn group has messages on both sides of the gap in front of this message.
    #[must_use]
    pub fn boundary(self) -> bool {
        self.has(Self::BOUNDARY)
    }

    /// Behind this message no call is open and no reasoning item waits.
    #[must_use]
    pub fn clean(self) -> bool {
        self.has(Self::CLEAN)
    }

    /// One of the system messages that may stand in front of the prompt. One that has to do with calls belongs to a turn,
    /// as any other message would.
    #[must_use]
    pub fn system(self) -> bool {
        self.class() == Class::System && !self.opens() && !self.answers()
    }

    /// A user message that a prompt may start with.
    #[must_use]
    pub fn user_start(self) -> bool {
        self.class() == Class::User && !self.answers() && !self.dead()
    }

    /// See [`Flags::dead`].
    pub fn set_dead(&mut self, on: bool) {
        self.set(Self::DEAD, on);
    }

    /// See [`Flags::boundary`].
    pub fn set_boundary(&mut self, on: bool) {
        self.set(Self::BOUNDARY, on);
    }

    /// See [`Flags::clean`].
    pub fn set_clean(&mut self, on: bool) {
        self.set(Self::CLEAN, on);
    }

    /// It is a group by itself, with nothing open before or behind it.
    pub fn set_alone(&mut self) {
        self.set(Self::DEAD, false);
        self.set(Self::BOUNDARY, true);
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
