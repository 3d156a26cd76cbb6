//! Session fields: what a session document holds besides its messages, as JSON values byte for byte, in their order; and
//! where in the document the messages are.

use std::borrow::Cow;
use std::collections::HashSet;

use indexmap::IndexMap;

use super::effect::Effect;
pub use super::history::{History, NewHistory};
use super::json::with_document;
use super::message::trim;

/// Longest name of a field, in bytes.
pub const MAX_NAME_BYTES: usize = 64 << 10;

/// The name of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    text: Box<str>,
    /// The key as it stood in the document, quotes included, if it is not as [`Name::key`] would write it.
    written: Option<Box<str>>,
}

impl Name {
    /// A name given as a command argument.
    ///
    /// # Errors
    /// Why it cannot be a name.
    pub fn new(text: &str) -> Result<Self, String> {
        Self::bounded(text, None)
    }

    /// A name by the key of a JSON object, quotes included.
    ///
    /// # Errors
    /// Why it cannot be a name.
    pub fn of_key(key: &str) -> Result<Self, String> {
        let plain = key
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        if let Some(plain) = plain
            && plain.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\')
        {
            return Self::bounded(plain, None);
        }
        let read = with_document(key.as_bytes(), |document| {
            document.string(0).map(|text| {
                let own = serde_json::Value::from(text).to_string();
                Self::bounded(text, (own != key).then(|| key.into()))
            })
        });
        match read {
            Ok(Some(name)) if trim(key.as_bytes()).len() == key.len() => name,
            _ => Err("a field's name is no JSON string".into()),
        }
    }

    fn bounded(text: &str, written: Option<Box<str>>) -> Result<Self, String> {
        let len = text.len().max(written.as_ref().map_or(0, |w| w.len()));
        if len > MAX_NAME_BYTES {
            return Err(format!(
                "a field's name is {len} bytes long, at most {MAX_NAME_BYTES} are allowed"
            ));
        }
        Ok(Self {
            text: text.into(),
            written,
        })
    }

    /// The name itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As the key of a JSON object, quotes included: as it was written.
    #[must_use]
    pub fn key(&self) -> Cow<'_, str> {
        key(&self.text, self.written.as_deref())
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.written.as_ref().map_or(0, |w| w.len())
    }
}

fn key<'k>(text: &str, written: Option<&'k str>) -> Cow<'k, str> {
    match written {
        Some(written) => Cow::Borrowed(written),
        None => Cow::Owned(serde_json::Value::from(text).to_string()),
    }
}

/// Checks that `value` is one JSON value with nothing around it.
///
/// # Errors
/// What it is instead.
pub fn read_value(value: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(value)
        .map_err(|e| format!("invalid UTF-8 at byte {}", e.valid_up_to()))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|e| format!("not JSON: {e}"))?;
    Ok(text)
}

/// A field to be set.
#[derive(Debug, Clone)]
pub struct NewField<'a> {
    /// Its name.
    pub name: Name,
    /// Its value, JSON without white space around it.
    pub value: &'a str,
    /// The value once more, in a buffer that the session takes over instead of copying it. Only if it is large.
    pub own: Option<Box<str>>,
}

impl<'a> NewField<'a> {
    /// A field whose value is copied.
    #[must_use]
    pub fn new(name: Name, value: &'a str) -> Self {
        Self {
            name,
            value,
            own: None,
        }
    }
}

#[derive(Debug, Clone)]
struct Field {
    written: Option<Box<str>>,
    value: Box<str>,
}

impl Field {
    fn bytes(&self, name: &str) -> usize {
        name.len() + self.value.len() + self.written.as_ref().map_or(0, |w| w.len())
    }
}

/// See the head of this file. A document that is a bare array has no fields and no [`History`]; fields may be set for it
/// all the same.
#[derive(Debug, Clone, Default)]
pub struct Session {
    fields: IndexMap<Box<str>, Field>,
    history: Option<History>,
    /// Bytes of all names and values.
    bytes: usize,
}

impl Session {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|field| &*field.value)
    }

    /// Number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// True if there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Names and values, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, field)| (&**name, &*field.value))
    }

    /// Names as keys of a JSON object, quotes included, and values, in their order.
    pub fn members(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        self.fields
            .iter()
            .map(|(name, field)| (key(name, field.written.as_deref()), &*field.value))
    }

    /// The fields in their order, for a session that is to become the same.
    pub fn to_set(&self) -> impl Iterator<Item = NewField<'_>> {
        self.fields.iter().map(|(name, field)| NewField {
            name: Name {
                text: name.clone(),
                written: field.written.clone(),
            },
            value: &field.value,
            own: None,
        })
    }

    /// Where the messages stand; nothing if the document is a bare array.
    #[must_use]
    pub fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Bytes of all names and values, the texts around the messages included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes + self.history.as_ref().map_or(0, History::bytes)
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // Of each field an entry with its hash, and a place in the table with a byte for looking.
        let entry = size_of::<(u64, Box<str>, Field)>() + size_of::<usize>() + 1;
        size_of::<Self>() + self.bytes() + self.fields.capacity() * entry
    }

    /// Allocations to be freed, about.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        1 + 2 * self.fields.len()
    }

    /// Checks that the changes of an effect can be made.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, effect: &Effect<'_>) -> Result<(), String> {
        let new = effect.history.as_ref().map(|h| &h.name);
        let held = self.history.as_ref().filter(|_| !effect.clear_session);
        let history = new.or(held.map(|h| &h.name));
        let kept = if effect.clear_session { 0 } else { self.len() };
        let taken = |name: &str| history.is_some_and(|h| h.text() == name);
        if let Some(new) = &effect.history
            && (self.keeps(new.name.text(), effect) || new.position > kept + effect.set_state.len())
        {
            return Err("the history's field cannot stand there".into());
        }
        if effect.set_state.iter().any(|f| taken(f.name.text())) {
            return Err("a field is named as the history's".into());
        }
        Ok(())
    }

    /// True if the field is held and `effect` does not remove it.
    fn keeps(&self, name: &str, effect: &Effect<'_>) -> bool {
        let is_removed = || effect.del_state.iter().any(|removed| **removed == *name);
        self.fields.contains_key(name) && !effect.clear_session && !is_removed()
    }

    /// Makes the changes of an effect.
    pub(super) fn apply(&mut self, effect: &mut Effect<'_>) {
        if effect.clear_session {
            *self = Self::default();
        }
        self.remove(&effect.del_state);
        for new in &mut effect.set_state {
            self.set(new);
        }
        if let Some(history) = &effect.history {
            let mut history = History::from(history);
            history.position = history.position.min(self.len());
            self.history = Some(history);
        }
    }

    fn set(&mut self, new: &mut NewField<'_>) {
        let value = new.own.take().unwrap_or_else(|| new.value.into());
        if let Some(field) = self.fields.get_mut(new.name.text()) {
            self.bytes = (self.bytes + new.value.len()).saturating_sub(field.value.len());
            field.value = value;
            return;
        }
        let field = Field {
            written: new.name.written.clone(),
            value,
        };
        self.bytes += field.bytes(new.name.text());
        self.fields.insert(new.name.text.clone(), field);
    }

    /// Removes fields, all in one pass: the fields after a removed one move up.
    fn remove(&mut self, names: &[Box<str>]) {
        if names.is_empty() {
            return;
        }
        let names: HashSet<&str> = names.iter().map(|name| &**name).collect();
        let (mut index, mut before, mut bytes) = (0, 0, 0);
        let position = self.history.as_ref().map_or(0, |h| h.position);
        self.fields.retain(|name, field| {
            let keep = !names.contains(&**name);
            if !keep {
                bytes += field.bytes(name);
                before += usize::from(index < position);
            }
            index += 1;
            keep
        });
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(history) = &mut self.history {
            history.position = position.saturating_sub(before);
        }
    }
}
