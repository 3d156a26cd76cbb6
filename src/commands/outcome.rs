//! What a command comes to.

use std::time::Duration;

use crate::conversation::MissingCounts;
use crate::conversation::effect::Effect;
use crate::tokens::{Encoding, Text};

/// What a command comes to, unless it fails.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It is done.
    Done(T),
    /// It has neither replied nor decided anything: it needs this first, and then runs again.
    Needs(Needs),
}

/// What a command needs before it can run.
#[derive(Debug)]
pub enum Needs {
    /// Counts of its conversation.
    Counts {
        /// Which.
        missing: MissingCounts,
        /// How long the caller would wait for a load if the conversation turns out to be incomplete (`WAIT`).
        wait: Option<Duration>,
    },
    /// Counts of texts among its arguments, given in [`super::Env::counts`].
    TextCounts(Encoding, Vec<Text>),
    /// Older messages that are not held. The caller would wait this long for somebody to load them.
    Load(Duration),
}

/// What a command that only reads comes to when it has replied.
pub const REPLIED: Outcome<()> = Outcome::Done(());

impl<T> Outcome<T> {
    /// The command needs these counts of its conversation.
    #[must_use]
    pub fn needs_counts(missing: MissingCounts) -> Self {
        Self::Needs(Needs::Counts {
            missing,
            wait: None,
        })
    }
}

impl<'a> Outcome<Option<Effect<'a>>> {
    /// The command has replied and changes nothing.
    pub const UNCHANGED: Self = Self::Done(None);

    /// The command has replied, and makes this change.
    #[must_use]
    pub fn change(effect: Effect<'a>) -> Self {
        Self::Done(Some(effect))
    }
}
