//! Finding messages by their text: what a model reads of them, decoded, one text at a time.

use std::ops::Range;

use memchr::memmem;
use regex::{Regex, RegexBuilder};

use super::compress::Unreadable;
use super::facts::Class;
use super::index;
use super::log::{Log, Meta, meta_of};
use super::message::{self, Counted};
use super::segment::Segment;

/// Characters of a snippet.
const SNIPPET: usize = 200;

/// Bytes that a compiled pattern may take. It bounds the time that a byte of text takes in the worst case.
const PATTERN_BYTES: usize = 1 << 20;

/// What a message must be to be found.
#[derive(Debug, Clone)]
pub struct Query {
    /// What one of its texts must contain.
    pub pattern: Pattern,
    /// What its role must mean.
    pub class: Option<Class>,
    /// Its sequence number must be larger.
    pub after: Option<i64>,
    /// Its sequence number must be smaller.
    pub before: Option<i64>,
    /// Earliest arrival, Unix ms.
    pub since: Option<i64>,
    /// Latest arrival, Unix ms.
    pub until: Option<i64>,
    /// Number of messages to find.
    pub limit: usize,
}

impl Query {
    /// True if the message is to be searched.
    fn admits(&self, meta: &Meta) -> bool {
        self.class.is_none_or(|class| meta.flags.class() == class)
            && self.after.is_none_or(|after| meta.seq > after)
            && self.before.is_none_or(|before| meta.seq < before)
            && self.since.is_none_or(|since| meta.time >= since)
            && self.until.is_none_or(|until| meta.time <= until)
    }
}

/// What to search for.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: Box<str>,
    regex: bool,
    case_sensitive: bool,
}

impl Pattern {
    /// A pattern that matches itself, with the simple case folding of Unicode unless `case_sensitive`.
    #[must_use]
    pub fn literal(text: &str, case_sensitive: bool) -> Self {
        Self {
            text: text.into(),
            regex: false,
            case_sensitive,
        }
    }

    /// A regular expression, case-insensitive unless `case_sensitive`.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn regex(text: &str, case_sensitive: bool) -> Result<Self, String> {
        match regex_syntax::Parser::new().parse(text) {
            Err(error) => Err(explain(&error)),
            Ok(_) => Ok(Self {
                regex: true,
                ..Self::literal(text, case_sensitive)
            }),
        }
    }

    /// True for a regular expression. To compile one can take longer than to search a short conversation.
    #[must_use]
    pub fn is_regex(&self) -> bool {
        self.regex
    }

    fn compile(&self) -> Result<Matcher, Failure> {
        // The characters that JSON escapes without `\u`.
        let escaped = |c: char| matches!(c, '"' | '\\' | '/') || c.is_control();
        let regex = if self.regex {
            compile(&self.text, self.case_sensitive)
        } else {
            compile(&regex::escape(&self.text), self.case_sensitive)
        };
        Ok(Matcher {
            regex: regex.map_err(Failure::Pattern)?,
            plain: !self.regex && !self.text.contains(escaped),
        })
    }
}

/// Why a search failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The pattern cannot be searched for.
    Pattern(String),
    /// There is not enough memory to decompress messages.
    Unreadable,
}

impl From<Unreadable> for Failure {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

/// A pattern that is ready to be searched for.
#[derive(Debug)]
struct Matcher {
    regex: Regex,
    /// A text that contains a match also contains it as the message is written in JSON, unless it has `\u` escapes.
    plain: bool,
}

impl Matcher {
    /// False if no text of any message in `json` matches. It is much faster to find this out than to read the messages.
    fn may_match(&self, json: &str) -> bool {
        !self.plain || self.regex.is_match(json) || memmem::find(json.as_bytes(), b"\\u").is_some()
    }
}

fn compile(pattern: &str, case_sensitive: bool) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .case_insensitive(!case_sensitive)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(most) => {
                format!("pattern too complex: it takes more than {most} bytes when compiled")
            }
            other => format!("invalid pattern: {other}"),
        })
}

/// The error on one line: what is wrong, and where.
fn explain(error: &regex_syntax::Error) -> String {
    use regex_syntax::Error;
    let (kind, span) = match error {
        Error::Parse(error) => (error.kind().to_string(), error.span()),
        Error::Translate(error) => (error.kind().to_string(), error.span()),
        other => return format!("invalid pattern: {other}"),
    };
    format!("invalid pattern at byte {}: {kind}", span.start.offset)
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Sequence number.
    pub seq: i64,
    /// Arrival, Unix ms.
    pub time: i64,
    /// T(message); `None` while it is pending.
    pub tokens: Option<u32>,
    /// The role, as it was counted.
    pub role: Box<str>,
    /// The text around the first match.
    pub snippet: Box<str>,
    /// The message.
    pub message: Box<[u8]>,
}

/// A search in progress, from the newest message to the oldest.
#[derive(Debug)]
pub struct Search {
    query: Query,
    matcher: Matcher,
    found: Vec<Found>,
    /// Number of segments that have not been searched yet.
    segments: usize,
}

impl Search {
    /// A search in `log`.
    ///
    /// # Errors
    /// The pattern is too complex.
    pub fn new(query: Query, log: &Log) -> Result<Self, Failure> {
        Ok(Self {
            matcher: query.pattern.compile()?,
            query,
            found: Vec::new(),
            segments: log.segments().len(),
        })
    }

    /// All messages that `query` finds, newest first.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn all(query: Query, log: &Log) -> Result<Vec<Found>, Failure> {
        let mut search = Self::new(query, log)?;
        while search.advance(log)? {}
        Ok(search.found)
    }

    /// The messages that were found, newest first.
    #[must_use]
    pub fn found(self) -> Vec<Found> {
        self.found
    }

    /// Searches the next segment of `log`, which is the same as before. False if the search is done.
    ///
    /// # Errors
    /// There is not enough memory to decompress it.
    pub fn advance(&mut self, log: &Log) -> Result<bool, Unreadable> {
        let Some(index) = self.segments.checked_sub(1) else {
            return Ok(false);
        };
        self.segments = index;
        if let Some(segment) = log.segments.get(index) {
            if self
                .query
                .before
                .is_none_or(|before| segment.base_seq < before)
            {
                self.segment(segment)?;
            }
            // Everything before it is older.
            if self
                .query
                .after
                .is_some_and(|after| segment.base_seq <= after)
            {
                self.segments = 0;
            }
        }
        if self.found.len() >= self.query.limit {
            self.segments = 0;
        }
        Ok(self.segments > 0)
    }

    fn segment(&mut self, segment: &Segment) -> Result<(), Unreadable> {
        let entries = segment.entries();
        let admitted: Vec<(Meta, Range<usize>)> = (0..entries.len())
            .rev()
            .filter_map(|inner| {
                let (begin, len) = (index::start(&entries, inner), index::len(&entries, inner));
                let meta = meta_of(segment, entries.get(inner)?, len);
                Some((meta, begin..begin + len)).filter(|(meta, _)| self.query.admits(meta))
            })
            .collect();
        if admitted.is_empty() {
            return Ok(());
        }
        let body = segment.read_once()?;
        // Messages are UTF-8, and so are the commas between them.
        let text = std::str::from_utf8(&body.bytes).map_err(|_| Unreadable)?;
        if !self.matcher.may_match(text) {
            return Ok(());
        }
        for (meta, range) in admitted {
            let message = text.get(range).unwrap_or_default();
            if self.matcher.may_match(message)
                && let Some(found) = look(&self.matcher.regex, meta, message)
            {
                self.found.push(found);
                if self.found.len() >= self.query.limit {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The message, if one of its texts matches.
fn look(regex: &Regex, meta: Meta, json: &str) -> Option<Found> {
    let (mut role, mut snippet, mut of_name) = (None, None, None);
    let around_match = |text: &str| Some(Box::from(around(text, regex.find(text)?.range())));
    // Stored messages are valid.
    message::with_message(json.as_bytes(), |message| {
        let mut text = |text: &str| {
            if snippet.is_none() {
                snippet = around_match(text);
            }
        };
        message.visit_counted(&mut |part| match part {
            Counted::Role(written) => role = Some(Box::from(written)),
            Counted::Text(part) => text(part),
            // The author's name says little: it is shown only if nothing else matches.
            Counted::Name(name) => of_name = around_match(name),
            Counted::Call(name, arguments) => {
                text(name);
                text(arguments);
            }
            Counted::Media => {}
        });
    })
    .ok()?;
    Some(Found {
        seq: meta.seq,
        time: meta.time,
        tokens: (!meta.flags.pending()).then_some(meta.tokens),
        role: role.unwrap_or_default(),
        snippet: snippet.or(of_name)?,
        message: json.as_bytes().into(),
    })
}

/// About [`SNIPPET`] characters of `text` around `range`, or the beginning of what is there if that is longer.
fn around(text: &str, range: Range<usize>) -> &str {
    let matched = text.get(range.clone()).unwrap_or_default();
    let (before, after) = (
        text.get(..range.start).unwrap_or_default(),
        text.get(range.end..).unwrap_or_default(),
    );
    let left = SNIPPET.saturating_sub(matched.chars().take(SNIPPET).count());
    let available = |n: usize| n.min(left);
    let (most_before, most_after) = (
        available(before.chars().rev().take(left).count()),
        available(after.chars().take(left).count()),
    );
    // What one side does not need goes to the other.
    let from_before = most_before.min((left / 2).max(left - most_after));
    let from_after = most_after.min(left - from_before);
    let begin = match from_before.checked_sub(1) {
        Some(last) => before
            .char_indices()
            .rev()
            .nth(last)
            .map_or(0, |(at, _)| at),
        None => range.start,
    };
    let end = if left == 0 {
        let end = matched.char_indices().nth(SNIPPET);
        end.map_or(range.end, |(at, _)| range.start + at)
    } else {
        let end = after.char_indices().nth(from_after);
        end.map_or(text.len(), |(at, _)| range.end + at)
    };
    text.get(begin..end).unwrap_or_default()
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
