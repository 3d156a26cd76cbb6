//! How the session fields of a conversation become those of another document: only what differs is changed.

use std::collections::HashMap;

use super::history::NewHistory;
use super::session::{NewField, Session};

/// What turns one session into another. [`Effect`] has a field for each of these.
///
/// [`Effect`]: super::effect::Effect
#[derive(Debug, Default)]
pub struct Difference<'a> {
    /// Removes all fields, and where the messages are.
    pub clear: bool,
    /// Removes these fields.
    pub remove: Vec<Box<str>>,
    /// Sets these fields.
    pub set: Vec<NewField<'a>>,
    /// Sets where the messages are.
    pub history: Option<NewHistory<'a>>,
}

impl<'a> Difference<'a> {
    /// What turns `held` into a session of these fields, with the messages at `history`.
    #[must_use]
    pub fn new(
        held: Option<&Session>,
        fields: Vec<NewField<'a>>,
        history: Option<NewHistory<'a>>,
    ) -> Self {
        let Some(held) = held else {
            return Self {
                set: fields,
                history,
                ..Self::default()
            };
        };
        if held.history().is_some() && history.is_none() {
            // The document was an object and is now a bare array.
            return Self {
                clear: true,
                set: fields,
                ..Self::default()
            };
        }
        let remove = removed(held, &fields);
        let kept = held.len() - remove.len();
        let set = fields
            .into_iter()
            .enumerate()
            .filter(|(index, new)| *index >= kept || held.get(new.name.text()) != Some(new.value))
            .map(|(_, new)| new)
            .collect();
        // A field that is removed before the messages moves them.
        let moved = held.history().map(|history| {
            let before = held.fields().take(history.position);
            let stay = before.filter(|(name, _)| !is_among(&remove, name));
            let mut moved = history.to_set();
            moved.position = stay.count();
            moved
        });
        let history = history.filter(|new| moved.as_ref() != Some(new));
        Self {
            clear: false,
            remove,
            set,
            history,
        }
    }

    /// True if nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self {
            clear,
            remove,
            set,
            history,
        } = self;
        !clear && remove.is_empty() && set.is_empty() && history.is_none()
    }
}

fn is_among(names: &[Box<str>], name: &str) -> bool {
    names.iter().any(|other| **other == *name)
}

/// The fields to remove: those that are not among `fields`, and those from the first on that has another place there.
/// They are set again at the end.
fn removed(held: &Session, fields: &[NewField<'_>]) -> Vec<Box<str>> {
    let names: HashMap<&str, &NewField<'_>> = fields.iter().map(|f| (f.name.text(), f)).collect();
    let (mut remove, mut kept) = (Vec::new(), 0);
    let mut in_place = true;
    for old in held.to_set() {
        // A key that is written differently has the same name, and another text in the document.
        let same = names
            .get(old.name.text())
            .is_some_and(|new| new.name == old.name);
        if same && in_place {
            in_place = fields.get(kept).is_some_and(|new| new.name == old.name);
            kept += usize::from(in_place);
        }
        if !same || !in_place {
            remove.push(old.name.text().into());
        }
    }
    remove
}

#[cfg(test)]
mod tests {
    use super::Difference;
    use crate::conversation::document::{Parts, split};
    use crate::conversation::effect::{Effect, Event};
    use crate::conversation::session::Session;

    fn parts(document: &str) -> Parts<'_> {
        split(document.as_bytes(), None).expect(document)
    }

    fn session(document: &str) -> Session {
        let parts = parts(document);
        let mut session = Session::default();
        session.apply(&mut Effect {
            set_state: parts.fields,
            history: parts.history,
            ..Effect::new(Event::Import, 1)
        });
        session
    }

    /// What a session consists of, in order.
    fn shown(session: &Session) -> String {
        let members: Vec<_> = session.members().collect();
        let history = session.history().map(|h| {
            (
                h.name.key(),
                h.position,
                h.before().to_owned(),
                h.after().to_owned(),
            )
        });
        format!("{members:?} {history:?}")
    }

    /// Turns the session of one document into that of another. Returns what was removed and set.
    fn change(from: &str, to: &str) -> (Vec<String>, Vec<String>) {
        let mut held = session(from);
        let new = parts(to);
        let difference = Difference::new(Some(&held), new.fields, new.history);
        let removed = difference.remove.iter().map(|n| n.to_string()).collect();
        let set = difference.set.iter().map(|f| f.name.text().to_owned());
        let set = set.collect();
        let empty = difference.is_empty();
        let mut effect = Effect {
            clear_session: difference.clear,
            del_state: difference.remove,
            set_state: difference.set,
            history: difference.history,
            ..Effect::new(Event::Import, 1)
        };
        held.check(&effect).expect("it fits");
        held.apply(&mut effect);
        assert_eq!(shown(&held), shown(&session(to)), "{from} -> {to}");
        assert_eq!(empty, from == to, "{from} -> {to}");
        (removed, set)
    }

    #[test]
    fn any_document_becomes_any_other() {
        let documents = [
            "[]",
            r#"{"history":[]}"#,
            r#"{"messages":[]}"#,
            r#"{"a":1,"history":[]}"#,
            r#"{"history":[],"a":1}"#,
            r#"{"history":[],"a":1.0}"#,
            r#"{"history":[],"\u0061":1}"#,
            r#"{"a":1,"b":2,"history":[],"c":3}"#,
            r#"{"c":3,"a":1,"history":[],"b":2}"#,
            r#"{"b":2,"history":[],"c":3}"#,
            r#"{"a":1,"x":0,"b":2,"history":[],"c":4}"#,
            r#"{"history":7,"messages":[],"a":1}"#,
            r#"{"messages":{},"a":1,"history":[]}"#,
        ];
        for from in documents {
            for to in documents {
                change(from, to);
            }
        }
    }

    #[test]
    fn only_what_differs_is_set() {
        let held = r#"{"a":1,"b":2,"history":[],"c":3}"#;
        let none: [&str; 0] = [];
        let (removed, set) = change(held, r#"{"a":1,"b":5,"history":[],"c":3}"#);
        assert_eq!((removed, set), (vec![], vec!["b".to_owned()]));
        let (removed, set) = change(held, r#"{"b":2,"history":[],"c":3}"#);
        assert_eq!(removed, ["a"]);
        assert_eq!(set, none);
        let (removed, set) = change(held, r#"{"a":1,"b":2,"history":[],"c":3,"d":4}"#);
        assert_eq!(removed, none);
        assert_eq!(set, ["d"]);
        // A field in the middle moves those after it.
        let (removed, set) = change(held, r#"{"a":1,"x":0,"b":2,"history":[],"c":3}"#);
        assert_eq!(removed, ["b", "c"]);
        assert_eq!(set, ["x", "b", "c"]);
    }
}
