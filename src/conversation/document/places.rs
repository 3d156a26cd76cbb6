//! A split document by places in it: what one thread has found, another takes from the same document.

use std::ops::Range;

use super::{Parts, split};
use crate::conversation::session::{Name, NewField, NewHistory};

/// Where the parts of a document are, as bytes in it.
#[derive(Debug)]
pub struct Places {
    fields: Vec<(Name, Range<usize>)>,
    history: Option<History>,
    messages: Vec<Range<usize>>,
}

#[derive(Debug)]
struct History {
    name: Name,
    position: usize,
    /// The texts around the array, if it is in nested objects.
    around: Option<(Range<usize>, Range<usize>)>,
}

impl Places {
    /// Splits a document as [`split`] does.
    ///
    /// # Errors
    /// Why it is no session document.
    pub fn of(document: &[u8], history: Option<&str>) -> Result<Self, String> {
        let parts = split(document, history)?;
        let place = |part: &[u8]| {
            let from = part
                .as_ptr()
                .addr()
                .saturating_sub(document.as_ptr().addr());
            from..from.saturating_add(part.len())
        };
        let fields = parts.fields.into_iter().map(|field| {
            let value = place(field.value.as_bytes());
            (field.name, value)
        });
        let history = parts.history.map(|history| {
            let around = (
                place(history.before().as_bytes()),
                place(history.after().as_bytes()),
            );
            History {
                position: history.position,
                around: history.is_nested().then_some(around),
                name: history.name,
            }
        });
        Ok(Self {
            fields: fields.collect(),
            history,
            messages: parts.messages.into_iter().map(place).collect(),
        })
    }

    /// The parts of the same document. `None` if it is another one.
    #[must_use]
    pub fn parts<'a>(&self, document: &'a [u8]) -> Option<Parts<'a>> {
        let text = |range: &Range<usize>| std::str::from_utf8(document.get(range.clone())?).ok();
        let fields = self.fields.iter().map(|(name, value)| {
            let value = text(value)?;
            Some(NewField::new(name.clone(), value))
        });
        let history = match &self.history {
            None => None,
            Some(history) => {
                let (name, position) = (history.name.clone(), history.position);
                Some(match &history.around {
                    None => NewHistory::top_level(name, position),
                    Some((before, after)) => {
                        NewHistory::nested(name, position, text(before)?, text(after)?).ok()?
                    }
                })
            }
        };
        let messages = self
            .messages
            .iter()
            .map(|range| document.get(range.clone()));
        Some(Parts {
            fields: fields.collect::<Option<_>>()?,
            history,
            messages: messages.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Places, split};

    #[test]
    fn the_same_document_has_the_same_parts() {
        for (document, history) in [
            ("[]", None),
            (" [ {\"role\":\"user\"} ,{}] ", None),
            (r#"{"a":1,"history":[{"x":"\u00e9"}],"b":"é"}"#, None),
            (
                r#"{"a":1,"b":{"c": [1, 2] ,"d":3},"\u0065":[]}"#,
                Some("b.c"),
            ),
        ] {
            let document = document.as_bytes();
            let places = Places::of(document, history).expect("a document");
            let (got, want) = (places.parts(document), split(document, history));
            let (got, want) = (got.expect("the same"), want.expect("a document"));
            assert_eq!(format!("{got:?}"), format!("{want:?}"));
            assert!(places.parts(b"").is_none() || want.messages.is_empty());
        }
        assert!(Places::of(b"{}", None).is_err());
    }
}
