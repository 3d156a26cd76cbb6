//! `OVERSIZE CUT`: the texts of a group that does not fit are cut to a common length.
//!
//! A text keeps the same number of tokens at both ends. The tokens are those of the whole text; as what is kept is encoded
//! anew, and the place of the cut changes how, each length that is tried is counted as it would be returned.

use std::ops::Range;

use super::dialect::{Counted, Edit};
use super::message;
use crate::tokens::{self, Rules};

/// A message of the group, as it would be returned uncut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its tokens.
    pub tokens: i64,
}

/// A message of the group that was cut, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutMessage {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its tokens.
    pub tokens: i64,
    /// How many of its texts were cut.
    pub cuts: u64,
}

/// How many tokens less a longer text may count than a shorter one: the count also depends on where the text is cut.
const SLACK: u64 = 24;

/// Cuts the texts of these messages so that they count at most `budget` tokens together: all tool results that are longer
/// than a common length; if there is no such length, the user's texts too. `None` if that is impossible.
#[must_use]
pub fn cut(messages: &[Whole], rules: Rules, budget: i64) -> Option<Vec<CutMessage>> {
    let read: Vec<Readable> = messages.iter().map(|m| Readable::of(m, rules)).collect();
    let group = Group { read, rules };
    let longest = |of_result| {
        let texts = group.read.iter().flat_map(Readable::all);
        let lengths = texts.filter(|text| text.of_result == of_result);
        lengths.map(|text| text.ends.len()).max()
    };
    let results = |kept| Lengths {
        results: kept,
        user: None,
    };
    if let Some(longest) = longest(true)
        && let Some(kept) = largest(longest / 2, budget, |kept| group.cost(results(kept)))
    {
        return group.cut(results(kept));
    }
    let users = |kept| Lengths {
        results: 0,
        user: Some(kept),
    };
    let longest = longest(false)?;
    let kept = largest(longest / 2, budget, |kept| group.cost(users(kept)))?;
    group.cut(users(kept))
}

/// The largest number up to `most` that costs at most `budget`; nothing if 0 costs more.
fn largest(most: usize, budget: i64, cost: impl Fn(usize) -> i64) -> Option<usize> {
    let left = |kept| u64::try_from(budget.saturating_sub(cost(kept))).ok();
    let (mut low, mut left_at_low) = (0, left(0)?);
    let mut high = most.saturating_add(1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match left(middle) {
            Some(left) => (low, left_at_low) = (middle, left),
            None => high = middle,
        }
    }
    // Halving takes the costs to rise, which they do but for the slack: each step adds a token at both ends.
    let beyond = usize::try_from(left_at_low.saturating_add(SLACK) / 2).unwrap_or(usize::MAX);
    let beyond = low + 1..=low.saturating_add(beyond).min(most);
    Some(
        beyond
            .rev()
            .find(|&kept| left(kept).is_some())
            .unwrap_or(low),
    )
}

/// How many tokens texts keep at each end.
#[derive(Debug, Clone, Copy)]
struct Lengths {
    results: usize,
    /// `None`: the user's texts stay whole.
    user: Option<usize>,
}

struct Group {
    read: Vec<Readable>,
    rules: Rules,
}

/// A message that has been read.
struct Readable {
    bytes: Vec<u8>,
    tokens: i64,
    /// What it counts, without overhead.
    counted: u64,
    /// Strings that may be cut, and where they are in the message.
    strings: Vec<(Range<usize>, Cuttable)>,
    /// Results that may be cut as a whole, and the edits that put a text in their place.
    results: Vec<(Vec<Edit>, Cuttable)>,
}

/// A text that may be cut.
struct Cuttable {
    text: String,
    of_result: bool,
    /// Where the tokens of the text end.
    ends: Vec<u32>,
}

impl Readable {
    fn of(whole: &Whole, rules: Rules) -> Self {
        let read = message::with_message(&whole.bytes, |message| {
            let read = message.texts(|part| count(part, rules));
            let strings = read.texts.iter().filter_map(|text| {
                let (string, span) = message.string(text.node)?;
                Some((span, Cuttable::of(string, text.of_result, rules)))
            });
            let results = read.results.into_iter().filter_map(|result| {
                let edits = message.clear_results(&[result.value]).pop()??;
                Some((edits, Cuttable::of(&result.text, true, rules)))
            });
            (strings.collect(), results.collect(), read.counted)
        });
        let (strings, results, counted) = read.unwrap_or_default();
        Self {
            bytes: whole.bytes.clone(),
            tokens: whole.tokens,
            counted,
            strings,
            results,
        }
    }

    /// All texts that may be cut.
    fn all(&self) -> impl Iterator<Item = &Cuttable> {
        let strings = self.strings.iter().map(|(_, text)| text);
        strings.chain(self.results.iter().map(|(_, text)| text))
    }

    /// The message with texts of these lengths, and how many of them are cut.
    fn cut(&self, lengths: Lengths, rules: Rules) -> (Vec<u8>, u64) {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let mut cuts = 0;
        for (span, text) in &self.strings {
            if let Some((cut, _)) = text.cut(lengths, rules) {
                edits.push((span.clone(), serde_json::Value::from(cut).to_string()));
                cuts += 1;
            }
        }
        for (places, text) in &self.results {
            if let Some((cut, _)) = text.cut(lengths, rules) {
                let with = |edit: &Edit| (edit.range.clone(), edit.carrying(&cut));
                edits.extend(places.iter().map(with));
                cuts += 1;
            }
        }
        edits.sort_unstable_by_key(|(span, _)| span.start);
        let (mut bytes, mut from) = (Vec::new(), 0);
        for (span, with) in &edits {
            bytes.extend_from_slice(self.bytes.get(from..span.start).unwrap_or_default());
            bytes.extend_from_slice(with.as_bytes());
            from = span.end;
        }
        bytes.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        (bytes, cuts)
    }
}

impl Group {
    /// What the messages count with texts of these lengths.
    fn cost(&self, lengths: Lengths) -> i64 {
        let costs = self
            .read
            .iter()
            .map(|message| self.cost_of(message, lengths));
        costs.fold(0, i64::saturating_add)
    }

    fn cost_of(&self, message: &Readable, lengths: Lengths) -> i64 {
        let is_cut = |text: &Cuttable| text.cut(lengths, self.rules).is_some();
        if message.results.iter().any(|(_, text)| is_cut(text)) {
            // What carries the text counts, too.
            let (bytes, _) = message.cut(lengths, self.rules);
            return counted(&bytes, self.rules).unwrap_or(i64::MAX);
        }
        let (mut counted, mut any) = (message.counted, false);
        for (_, text) in &message.strings {
            if let Some((_, tokens)) = text.cut(lengths, self.rules) {
                counted = counted
                    .saturating_sub(text.ends.len() as u64)
                    .saturating_add(tokens);
                any = true;
            }
        }
        if !any {
            return message.tokens;
        }
        let overhead = u64::from(self.rules.overhead);
        i64::from(self.rules.scaled(counted.saturating_add(overhead)))
    }

    /// The messages with texts of these lengths. `None` if one of them does not count what was expected, because something
    /// else in it counts now.
    fn cut(&self, lengths: Lengths) -> Option<Vec<CutMessage>> {
        let messages = self.read.iter().map(|message| {
            let (bytes, cuts) = message.cut(lengths, self.rules);
            let tokens = self.cost_of(message, lengths);
            let is_exact = cuts == 0 || counted(&bytes, self.rules) == Some(tokens);
            is_exact.then_some(CutMessage {
                bytes,
                tokens,
                cuts,
            })
        });
        messages.collect()
    }
}

impl Cuttable {
    fn of(text: &str, of_result: bool, rules: Rules) -> Self {
        Self {
            text: text.to_owned(),
            of_result,
            ends: tokens::ends(rules.encoding, text),
        }
    }

    /// The text with at most so many tokens at each end, and what it counts. `None` if it stays whole, because it is not
    /// longer or because the marker takes as many tokens as are cut.
    fn cut(&self, lengths: Lengths, rules: Rules) -> Option<(String, u64)> {
        let kept = if self.of_result {
            lengths.results
        } else {
            lengths.user?
        };
        let all = self.ends.len();
        if all <= kept.saturating_mul(2) {
            return None;
        }
        let (kept, head, tail) = (0..=kept).rev().find_map(|kept| {
            // A character may take several tokens, and stays whole.
            let head = self.text.get(..self.end_of(kept))?;
            let tail = self.text.get(self.end_of(all - kept)..)?;
            Some((kept, head, tail))
        })?;
        let cut = all - 2 * kept;
        let text = format!("{head}\n[... {cut} tokens cut ...]\n{tail}");
        let tokens = tokens::count(rules.encoding, &text);
        (tokens < all as u64).then_some((text, tokens))
    }

    /// Where the first so many tokens end.
    fn end_of(&self, tokens: usize) -> usize {
        let last = tokens.checked_sub(1);
        last.map_or(0, |last| {
            self.ends
                .get(last)
                .map_or(self.text.len(), |&end| end as usize)
        })
    }
}

/// T of a message by the formula.
fn counted(source: &[u8], rules: Rules) -> Option<i64> {
    let read = message::with_message(source, |m| m.texts(|part| count(part, rules)).counted);
    let counted = read.ok()?.saturating_add(u64::from(rules.overhead));
    Some(i64::from(rules.scaled(counted)))
}

/// What a part of a message counts.
pub(super) fn count(part: Counted<'_>, rules: Rules) -> u64 {
    let e = |text: &str| tokens::count(rules.encoding, text);
    match part {
        Counted::Role(text) | Counted::Text(text) => e(text),
        Counted::Name(name) => e(name).saturating_add(1),
        Counted::Call(name, arguments) => e(name).saturating_add(e(arguments)).saturating_add(1),
        Counted::Media => u64::from(rules.media_tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::largest;

    /// The costs of a text of characters of three tokens: what is kept falls back to the last whole character.
    #[test]
    fn the_largest_length_is_found_although_costs_fall() {
        let jagged =
            |kept: usize| 9 + 2 * (kept - kept % 7) as i64 - i64::from(kept.is_multiple_of(7));
        for budget in 0..120 {
            let expected = (0..=40).rev().find(|&kept| jagged(kept) <= budget);
            let expected = expected.filter(|_| jagged(0) <= budget);
            assert_eq!(largest(40, budget, jagged), expected, "{budget}");
        }
        // Beyond the middle one costs too much, the next ones do not.
        let spike = |kept: usize| 2 * kept as i64 + if kept == 20 { 20 } else { 0 };
        assert_eq!(largest(40, 50, spike), Some(25));
    }
}
