//! What tracking needs to know about a message: from its flags, from facts that are already known, or by reading it again.

use super::super::Unreadable;
use super::super::facts::{Facts, ToolResult};
use super::super::log::Log;
use super::super::message;

/// How the tracker reads messages that are stored.
pub trait Reading {
    /// What tracking needs to know of the message.
    fn facts(&self, source: &[u8]) -> Facts;
    /// What is already known of the message at `position`, so that it is not read.
    fn known(&self, _position: usize) -> Option<Facts> {
        None
    }
}

/// Reading as the dialects define it.
#[derive(Debug, Clone, Copy)]
pub struct Dialects;

impl Reading for Dialects {
    fn facts(&self, source: &[u8]) -> Facts {
        message::facts(source).unwrap_or_default()
    }
}

/// As [`Dialects`], where one message was read by somebody else: it may be large.
#[derive(Debug, Clone, Copy)]
pub struct WithFacts<'f> {
    /// The position of the message.
    pub position: usize,
    /// What was read.
    pub facts: &'f Facts,
}

impl Reading for WithFacts<'_> {
    fn facts(&self, source: &[u8]) -> Facts {
        Dialects.facts(source)
    }

    fn known(&self, position: usize) -> Option<Facts> {
        (position == self.position).then(|| self.facts.clone())
    }
}

/// What tracking needs to know of the message at `position`. It is read again only if the flags do not tell.
pub fn facts_at(log: &Log, position: usize, reading: &impl Reading) -> Facts {
    let known = log
        .get(position)
        .map_or(Some(Facts::default()), |stored| stored.flags.facts());
    let known = known.or_else(|| reading.known(position));
    known.unwrap_or_else(|| {
        match log.with_message(position, |bytes| reading.facts(bytes)) {
            Ok(facts) => facts.unwrap_or_default(),
            // Hidden until it is tracked again, like an orphaned result: its calls and results are not known.
            Err(Unreadable) => Facts {
                results: vec![ToolResult::default()],
                ..Facts::default()
            },
        }
    })
}
