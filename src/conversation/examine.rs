//! What a message costs when its tool results are cleared. Found out once for each message, by reading and counting it.

use smallvec::SmallVec;

use super::cut::count;
use super::dialect::{self, Edit};
use super::message::{self, Message};
use crate::tokens::{Rules, Text};

/// A tool result of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearedResult {
    /// T of the message with this result and all before it cleared.
    pub tokens: u32,
    /// How to clear it. Nothing if it stays as it is, because it counts no more than the placeholder or has no value that
    /// can be located.
    pub edits: Box<[Edit]>,
}

/// The tool results of a message, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// T of the message as it was appended, by the formula.
    pub tokens: u32,
    /// The results.
    pub results: Box<[ClearedResult]>,
}

/// Reads a message and counts what its tool results cost. With `without_orphans` it is returned without orphaned results,
/// which are then none of its results.
#[must_use]
pub fn examine(source: &[u8], without_orphans: bool, rules: Rules) -> Examined {
    let returned = without_orphans
        .then(|| message::without_results(source))
        .flatten();
    let Some(examined) = examine_returned(returned.as_deref().unwrap_or(source), rules) else {
        // Unreachable, as stored messages are valid. Without results, nothing is cleared.
        return Examined {
            tokens: 0,
            results: Box::default(),
        };
    };
    if returned.is_none() || examined.results.is_empty() {
        return examined;
    }
    let tokens = message::with_message(source, |m| Text::of(m).count(rules).tokens);
    Examined {
        tokens: tokens.unwrap_or(examined.tokens),
        ..examined
    }
}

fn examine_returned(source: &[u8], rules: Rules) -> Option<Examined> {
    // Most messages have no results, and are not counted again.
    let any = message::with_message(source, |m| !results(m, None).results.is_empty());
    if !any.ok()? {
        return Some(Examined {
            tokens: 0,
            results: Box::default(),
        });
    }
    let (read, mut edits) = message::with_message(source, |m| {
        let read = results(m, Some(rules));
        let edits = m.clear_results(&read.results);
        (read, edits)
    })
    .ok()?;
    // All are cleared in order to know what the placeholders count, and that nothing else changes.
    let all: Vec<&Edit> = edits.iter().flatten().flatten().collect();
    let cleared = message::with_message(&apply(source, &all), |m| results(m, Some(rules)));
    let mut saved = vec![0u64; read.results.len()];
    if let Ok(cleared) = cleared
        && cleared.results.len() == read.results.len()
    {
        for ((saved, before), after) in saved.iter_mut().zip(&read.results).zip(&cleared.results) {
            *saved = before.counted.saturating_sub(after.counted);
        }
    }
    for (edits, saved) in edits.iter_mut().zip(&saved) {
        edits.take_if(|_| *saved == 0);
    }
    let all: Vec<&Edit> = edits.iter().flatten().flatten().collect();
    let expected = edits
        .iter()
        .zip(&saved)
        .filter(|(edits, _)| edits.is_some())
        .fold(read.counted, |sum, (_, saved)| sum.saturating_sub(*saved));
    let is_exact = message::with_message(&apply(source, &all), |m| {
        results(m, Some(rules)).counted == expected
    });
    let is_exact = is_exact == Ok(true);
    let mut counted = read.counted;
    let results = edits.into_iter().zip(saved).map(|(edits, saved)| {
        let edits = edits.filter(|_| is_exact).unwrap_or_default();
        if !edits.is_empty() {
            counted = counted.saturating_sub(saved);
        }
        ClearedResult {
            tokens: of_message(rules, counted),
            edits: edits.into(),
        }
    });
    Some(Examined {
        results: results.collect(),
        tokens: of_message(rules, read.counted),
    })
}

/// T of a message that counts so much without overhead.
fn of_message(rules: Rules, counted: u64) -> u32 {
    rules.scaled(counted.saturating_add(u64::from(rules.overhead)))
}

/// The results of a message; nothing is counted without `rules`.
fn results(message: &Message<'_, '_>, rules: Option<Rules>) -> dialect::ReadResults {
    message.results(|part| rules.map_or(0, |rules| count(part, rules)))
}

/// The message with these parts replaced. They do not overlap.
#[must_use]
pub fn apply(source: &[u8], edits: &[&Edit]) -> Vec<u8> {
    let mut in_order: SmallVec<[&Edit; 4]> = edits.iter().copied().collect();
    in_order.sort_unstable_by_key(|edit| edit.range.start);
    let mut edited = Vec::with_capacity(source.len());
    let mut from = 0;
    for edit in in_order {
        edited.extend_from_slice(source.get(from..edit.range.start).unwrap_or_default());
        edited.extend_from_slice(edit.with.as_bytes());
        from = edit.range.end;
    }
    edited.extend_from_slice(source.get(from..).unwrap_or_default());
    edited
}
