//! Where in a session document the messages are: in a top-level field, or in an array in nested objects of one.

use memchr::{memchr2, memchr3};

use super::session::{Name, read_value};

/// Where the messages are in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Name of the top-level field that contains them.
    pub name: Name,
    /// Number of the fields before it.
    pub position: usize,
    before: Box<str>,
    after: Box<str>,
}

impl History {
    /// The text of the field's value before the array of messages; empty if the value is that array.
    #[must_use]
    pub fn before(&self) -> &str {
        &self.before
    }

    /// The text of the field's value after the array of messages; empty if the value is that array.
    #[must_use]
    pub fn after(&self) -> &str {
        &self.after
    }

    /// Bytes of the name and the texts.
    pub(super) fn bytes(&self) -> usize {
        self.name.bytes() + self.before.len() + self.after.len()
    }

    /// The same, for another session.
    #[must_use]
    pub fn to_set(&self) -> NewHistory<'_> {
        NewHistory {
            name: self.name.clone(),
            position: self.position,
            before: &self.before,
            after: &self.after,
        }
    }
}

impl From<&NewHistory<'_>> for History {
    fn from(new: &NewHistory<'_>) -> Self {
        Self {
            name: new.name.clone(),
            position: new.position,
            before: new.before.into(),
            after: new.after.into(),
        }
    }
}

/// A [`History`] to be set. Its texts are valid: with an array between them they are a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHistory<'a> {
    /// Name of the top-level field that contains the messages.
    pub name: Name,
    /// Number of the fields before it.
    pub position: usize,
    before: &'a str,
    after: &'a str,
}

impl<'a> NewHistory<'a> {
    /// The field's value is the array of messages.
    #[must_use]
    pub fn top_level(name: Name, position: usize) -> Self {
        Self {
            name,
            position,
            before: "",
            after: "",
        }
    }

    /// The array of messages is in nested objects of the field's value, between the texts `before` and `after`.
    ///
    /// # Errors
    /// With an array between them the texts are not a JSON object without white space around it, or the array is not
    /// where it can be reached through objects alone.
    pub fn nested(
        name: Name,
        position: usize,
        before: &'a str,
        after: &'a str,
    ) -> Result<Self, String> {
        let value = [before, "[]", after].concat();
        read_value(value.as_bytes())?;
        if !value.starts_with('{') || !value.ends_with('}') || !ends_in_objects(before) {
            return Err("the array of messages is not in nested objects".into());
        }
        Ok(Self {
            name,
            position,
            before,
            after,
        })
    }

    /// See [`History::before`].
    #[must_use]
    pub fn before(&self) -> &'a str {
        self.before
    }

    /// See [`History::after`].
    #[must_use]
    pub fn after(&self) -> &'a str {
        self.after
    }

    /// True if the array is in nested objects.
    #[must_use]
    pub fn is_nested(&self) -> bool {
        !self.before.is_empty()
    }
}

/// True if the beginning `text` of a JSON value ends neither in a string nor in an array.
fn ends_in_objects(text: &str) -> bool {
    let mut rest = text.as_bytes();
    let mut arrays = 0usize;
    while let Some(found) = memchr3(b'"', b'[', b']', rest) {
        let byte = rest.get(found);
        match byte {
            Some(b'[') => arrays += 1,
            Some(b']') => arrays = arrays.saturating_sub(1),
            _ => {}
        }
        rest = rest.get(found + 1..).unwrap_or_default();
        if byte != Some(&b'"') {
            continue;
        }
        loop {
            let Some(found) = memchr2(b'"', b'\\', rest) else {
                return false;
            };
            let escape = rest.get(found) == Some(&b'\\');
            rest = rest
                .get(found + 1 + usize::from(escape)..)
                .unwrap_or_default();
            if !escape {
                break;
            }
        }
    }
    arrays == 0
}

#[cfg(test)]
mod tests {
    use super::{Name, NewHistory};

    fn nested(before: &str, after: &str) -> bool {
        let name = Name::new("a").expect("a name");
        NewHistory::nested(name, 0, before, after).is_ok()
    }

    #[test]
    fn an_array_in_nested_objects_is_accepted() {
        for (before, after) in [
            (r#"{"b":"#, "}"),
            ("{ \"b\" :\t", " }"),
            (r#"{"x":[1,[2]],"b":{"c":"#, r#"},"y":"]"}"#),
            (r#"{"\"[":"[\\","b":"#, r#","z":[]}"#),
        ] {
            assert!(nested(before, after), "{before}[]{after}");
        }
    }

    #[test]
    fn an_array_elsewhere_is_rejected() {
        for (before, after) in [
            ("", ""),
            (" ", ""),
            ("[", "]"),
            ("\"", "\""),
            (r#"{"b":["#, "]}"),
            (r#"{"b":[{"c":"#, "}]}"),
            (r#"{"b":""#, r#""}"#),
            (r#"{"b":"\""#, r#""}"#),
            (r#"{""#, r#"":1}"#),
            (r#"{"b":1}"#, ""),
            (r#" {"b":"#, "}"),
            (r#"{"b":"#, "} "),
            (r#"{"b":"#, "},"),
            (r#"{"b":"#, "}{}"),
            (r#"{"b":"#, ""),
            (r#"{"b":"#, "1}"),
            (r#"{"b":01,"c":"#, "}"),
            (r#"{"b":"#, ",}"),
        ] {
            assert!(!nested(before, after), "{before}[]{after}");
        }
    }
}
