//! Splitting a session document: into its session fields and its messages, each a slice of the source, byte for byte.
//!
//! The scanner here only finds where values end, at the speed of looking for quotes; it builds no tree and copies
//! nothing. The caller checks what is between: each field's value as JSON, each message as a message. A document whose
//! frame and values are all valid is valid.

mod nested;
pub mod places;

use std::collections::HashSet;

use memchr::memchr2;

use super::message::trim;
use super::session::{Name, NewField, NewHistory, read_value};

/// Fields that hold the messages, unless another is named; the first that is an array does.
const HISTORY: [&str; 2] = ["history", "messages"];

const INCOMPLETE: &str = "not JSON: the document is incomplete";

/// A session document in parts.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// The session fields, in their order.
    pub fields: Vec<NewField<'a>>,
    /// Where the messages are; nothing if the document is a bare array.
    pub history: Option<NewHistory<'a>>,
    /// The messages, not read yet.
    pub messages: Vec<&'a [u8]>,
}

/// Splits a document. `history` names the field that holds the messages, or is the path to them: `a.b.c` is the field
/// `c` of the field `b` of the top-level field `a`, unless there is a top-level field `a.b.c`.
///
/// # Errors
/// Why it is no session document.
pub fn split<'a>(source: &'a [u8], history: Option<&str>) -> Result<Parts<'a>, String> {
    let source = trim(source);
    match (source.first(), history) {
        (Some(b'['), None) => Ok(Parts {
            messages: elements(source, 0)?,
            ..Parts::default()
        }),
        (Some(b'['), Some(name)) => Err(format!(
            "HISTORY names field {}, but the document is an array",
            shown(name)
        )),
        (Some(b'{'), _) => split_object(source, history),
        _ => Err(format!(
            "expected a JSON object or an array of messages, found {}",
            kind(source)
        )),
    }
}

fn split_object<'a>(source: &'a [u8], history: Option<&str>) -> Result<Parts<'a>, String> {
    let members = members(source)?;
    let mut names = HashSet::with_capacity(members.len());
    if let Some((name, _)) = members.iter().find(|(name, _)| !names.insert(name.text())) {
        return Err(format!("duplicate field {}", shown(name.text())));
    }
    let is_array = |value: &[u8]| value.first() == Some(&b'[');
    let find = |wanted: &str| members.iter().position(|(name, _)| name.text() == wanted);
    let mut path = None;
    let position = match history {
        Some(wanted) => match (find(wanted), wanted.split_once('.')) {
            (Some(position), _) => position,
            (None, Some((first, _))) => {
                path = Some(wanted);
                find(first).ok_or_else(|| {
                    nested::missing(wanted, &format!("it has no field {}", shown(first)))
                })?
            }
            (None, None) => return Err(format!("no field {} in the document", shown(wanted))),
        },
        None => HISTORY
            .iter()
            .filter_map(|wanted| find(wanted))
            .find(|&at| members.get(at).is_some_and(|(_, value)| is_array(value)))
            .ok_or(
                "no array 'history' or 'messages' in the document: name the field that holds the messages with HISTORY",
            )?,
    };
    let mut parts = Parts::default();
    for (index, (name, value)) in members.into_iter().enumerate() {
        let from = (value.as_ptr() as usize).saturating_sub(source.as_ptr() as usize);
        if index != position {
            let value =
                read_value(value).map_err(|why| format!("field {}: {why}", shown(name.text())))?;
            parts.fields.push(NewField::new(name, value));
        } else if let Some(path) = path {
            let nested = nested::find(value, from, path)?;
            let within = format!("the field {}", shown(name.text()));
            let history = NewHistory::nested(name, position, nested.before, nested.after)
                .map_err(|why| format!("{within}: {why}"))?;
            parts.messages = elements(nested.array, nested.array_from)?;
            parts.history = Some(history);
        } else if is_array(value) {
            parts.messages = elements(value, from)?;
            parts.history = Some(NewHistory::top_level(name, position));
        } else {
            return Err(format!(
                "field {} must be an array of messages, found {}",
                shown(name.text()),
                kind(value)
            ));
        }
    }
    Ok(parts)
}

/// A name for an error message.
fn shown(name: &str) -> String {
    let short: String = name
        .chars()
        .take(64)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    let dots = if short.len() < name.len() { "..." } else { "" };
    format!("'{short}{dots}'")
}

/// What a value is, by its first byte.
fn kind(value: &[u8]) -> &'static str {
    match value.first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(_) => "something that is not JSON",
        None => "nothing",
    }
}

/// Names and values of an object.
fn members(source: &[u8]) -> Result<Vec<(Name, &[u8])>, String> {
    let mut scanner = Scanner::new(source, 0);
    let mut members = Vec::new();
    let mut more = scanner.open(b'}');
    while more {
        members.push((Name::of_key(scanner.key()?)?, scanner.value()?));
        more = scanner.more(b'}')?;
    }
    scanner.end()?;
    Ok(members)
}

/// The elements of an array, which begins at byte `from` of the document.
fn elements(source: &[u8], from: usize) -> Result<Vec<&[u8]>, String> {
    let mut scanner = Scanner::new(source, from);
    let mut elements = Vec::new();
    let mut more = scanner.open(b']');
    while more {
        elements.push(scanner.value()?);
        more = scanner.more(b']')?;
    }
    scanner.end()?;
    Ok(elements)
}

/// Goes through an object or array, from value to value.
struct Scanner<'a> {
    source: &'a [u8],
    at: usize,
    /// Where the source begins in the document, for error messages.
    from: usize,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a [u8], from: usize) -> Self {
        Self {
            source,
            at: 0,
            from,
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        let rest = self.rest();
        self.at += rest.iter().position(|b| !space(b)).unwrap_or(rest.len());
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.rest().first().copied()
    }

    /// Takes the next byte that is no white space, if it is this one.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes the bracket that opens; true if `close` does not follow, which is taken.
    fn open(&mut self, close: u8) -> bool {
        self.peek();
        self.at += 1;
        !self.take(close)
    }

    /// After a value: takes a comma (true) or `close` (false).
    fn more(&mut self, close: u8) -> Result<bool, String> {
        if self.take(b',') {
            return Ok(true);
        }
        if self.take(close) {
            return Ok(false);
        }
        self.expected(&format!("a comma or {:?}", close as char))
    }

    /// Nothing may follow.
    fn end(&mut self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.expected("the end of the document"),
        }
    }

    /// The error for what stands here.
    fn expected<T>(&self, what: &str) -> Result<T, String> {
        if self.rest().is_empty() {
            return Err(INCOMPLETE.into());
        }
        let byte = self.from + self.at;
        Err(format!("not JSON: expected {what} at byte {byte}"))
    }

    /// Takes a field's name, quotes included, and the colon after it.
    fn key(&mut self) -> Result<&'a str, String> {
        if self.peek() != Some(b'"') {
            return self.expected("a field name");
        }
        let key = self.value()?;
        let key = std::str::from_utf8(key).map_err(|_| "a field name is not UTF-8")?;
        if !self.take(b':') {
            return self.expected("a colon");
        }
        Ok(key)
    }

    /// Takes a value: strings, objects and arrays up to where they end, of anything else what could belong to it.
    fn value(&mut self) -> Result<&'a [u8], String> {
        let first = self.peek();
        let begin = self.at;
        match first {
            Some(b'"') => self.string()?,
            Some(b'{' | b'[') => self.nested()?,
            _ => {
                let rest = self.rest();
                let ends = |b: &u8| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
            }
        }
        if self.at == begin {
            return self.expected("a value");
        }
        Ok(self.source.get(begin..self.at).unwrap_or_default())
    }

    /// Skips the string that begins here.
    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        while let Some(found) = memchr2(b'"', b'\\', self.rest()) {
            self.at += found;
            if self.rest().first() == Some(&b'"') {
                self.at += 1;
                return Ok(());
            }
            self.at += 2;
        }
        Err(INCOMPLETE.into())
    }

    /// Skips the object or array that begins here.
    fn nested(&mut self) -> Result<(), String> {
        let mut depth = 0usize;
        let special = |b: &u8| matches!(b, b'"' | b'{' | b'[' | b'}' | b']');
        while let Some(found) = self.rest().iter().position(special) {
            self.at += found;
            match self.rest().first() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                _ => depth = depth.saturating_sub(1),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(INCOMPLETE.into())
    }
}
