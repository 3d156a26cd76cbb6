//! Compares the splitter of session documents with an independent implementation on serde_json.

use conv::conversation::document::split;
use conv::conversation::message::facts;
use proptest::prelude::*;
use serde_json::value::RawValue;

/// The result of splitting: fields, history, messages.
type Reading = (Vec<(String, String)>, Option<Place>, Vec<String>);

/// The history: name, position, and the text of the field's value before and after the array.
type Place = (String, usize, String, String);

/// The members of an object in order, with their values verbatim.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// The position of the only member with this name.
fn only(members: &[(String, &RawValue)], name: &str) -> Option<usize> {
    let mut found = (0..members.len()).filter(|&n| members[n].0 == name);
    found.next().filter(|_| found.next().is_none())
}

/// The value that these names lead to in nested objects of `value`.
fn inner<'a>(value: &'a str, names: &[&str]) -> Option<&'a str> {
    let Some((first, rest)) = names.split_first() else {
        return Some(value);
    };
    let Members(members) = serde_json::from_str(value).ok()?;
    inner(members[only(&members, first)?].1.get(), rest)
}

/// The expected result, or `None` if this is not a session document, or has no array at `path`.
fn reading(document: &str, path: Option<&str>) -> Option<Reading> {
    let texts = |json: &str| -> Option<Vec<String>> {
        let all: Vec<Box<RawValue>> = serde_json::from_str(json).ok()?;
        Some(all.iter().map(|value| value.get().to_owned()).collect())
    };
    if let Some(messages) = texts(document) {
        return path.is_none().then_some((Vec::new(), None, messages));
    }
    let Members(members) = serde_json::from_str(document).ok()?;
    for (n, (name, _)) in members.iter().enumerate() {
        if members[..n].iter().any(|(other, _)| other == name) {
            return None;
        }
    }
    let array = |wanted: &str| {
        members
            .iter()
            .position(|(name, value)| name == wanted && value.get().starts_with('['))
    };
    let (at, names) = match path {
        None => (array("history").or_else(|| array("messages"))?, Vec::new()),
        Some(path) => match only(&members, path) {
            Some(at) => (at, Vec::new()),
            None => {
                let mut names = path.split('.');
                (only(&members, names.next()?)?, names.collect())
            }
        },
    };
    let value = members[at].1.get();
    let list = inner(value, &names)?;
    let begin = list.as_ptr() as usize - value.as_ptr() as usize;
    let fields = members
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != at)
        .map(|(_, (name, value))| (name.clone(), value.get().to_owned()))
        .collect();
    let place = (
        members[at].0.clone(),
        at,
        value[..begin].to_owned(),
        value[begin + list.len()..].to_owned(),
    );
    Some((fields, Some(place), texts(list)?))
}

/// The result of the splitter with its messages parsed, or `None` if the document or a message is rejected.
fn found(document: &[u8], path: Option<&str>) -> Option<Reading> {
    let parts = split(document, path).ok()?;
    let mut messages = Vec::new();
    for message in parts.messages {
        // Valid JSON that is not a message is not tested here.
        let text = std::str::from_utf8(message).ok()?;
        serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
        let _ = facts(message);
        messages.push(text.to_owned());
    }
    let fields = parts
        .fields
        .iter()
        .map(|field| (field.name.text().to_owned(), field.value.to_owned()))
        .collect();
    let history = parts.history.map(|h| {
        let (before, after) = (h.before().to_owned(), h.after().to_owned());
        (h.name.text().to_owned(), h.position, before, after)
    });
    Some((fields, history, messages))
}

fn value() -> impl Strategy<Value = String> {
    let leaf = proptest::sample::select(vec![
        "1e400",
        "-0.0",
        "12345678901234567890",
        "null",
        "true",
        "\"\"",
        "\"]}\\\"[{\"",
        "\"é\\\\\"",
        "\"\\ud83d\\ude42\"",
        "\" \"",
        "[]",
        "{}",
        " [ ] ",
        "{\"role\":\"user\"}",
    ])
    .prop_map(String::from);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4);
        let pairs = proptest::collection::vec((name(), inner), 0..4);
        prop_oneof![
            list.prop_map(|all| format!("[{}]", all.join(" ,"))),
            pairs.prop_map(|all| object(&all)),
        ]
    })
}

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "history",
        "messages",
        "a",
        "b",
        "",
        "\\u0061",
        "hist\\u006fry",
        "c\\\"d",
        "é",
        "\\\\",
        "{",
        "]",
        "a.b",
        "a.",
    ])
}

fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\" :{value}"))
        .collect();
    format!("{{{}}}", members.join(", "))
}

fn messages() -> impl Strategy<Value = String> {
    proptest::collection::vec(value(), 0..5).prop_map(|all| format!("[{}]", all.join(",")))
}

/// An object with `member` somewhere among others.
fn among(
    member: (&'static str, String),
    mut others: Vec<(&'static str, String)>,
    at: proptest::sample::Index,
) -> String {
    others.insert(at.index(others.len() + 1), member);
    object(&others)
}

fn document() -> impl Strategy<Value = String> {
    prop_oneof![
        messages(),
        (
            proptest::collection::vec((name(), value()), 0..5),
            proptest::option::of((name(), messages())),
            any::<proptest::sample::Index>(),
        )
            .prop_map(|(mut members, history, at)| {
                members.extend(history);
                let len = members.len();
                if len > 1 {
                    members.swap(len - 1, at.index(len));
                }
                object(&members)
            }),
    ]
}

/// A document with messages in nested objects, and the path to them.
fn nested() -> impl Strategy<Value = (String, String)> {
    let level = (
        name(),
        proptest::collection::vec((name(), value()), 0..3),
        any::<proptest::sample::Index>(),
    );
    (
        proptest::collection::vec(level, 1..5),
        proptest::option::weighted(0.1, value()),
        messages(),
    )
        .prop_map(|(levels, other, messages)| {
            let names: Vec<String> = levels
                .iter()
                .map(|(name, ..)| serde_json::from_str(&format!("\"{name}\"")).expect("a name"))
                .collect();
            let mut document = other.unwrap_or(messages);
            for (name, others, at) in levels.into_iter().rev() {
                document = among((name, document), others, at);
            }
            (document, names.join("."))
        })
}

/// Replaces, removes or adds a byte.
fn damaged(document: String, at: proptest::sample::Index, byte: u8, kind: u8) -> Vec<u8> {
    let mut bytes = document.into_bytes();
    let at = at.index(bytes.len());
    match kind {
        0 => bytes[at] = byte,
        1 => bytes.truncate(at),
        _ => bytes.insert(at, byte),
    }
    bytes
}

fn byte() -> impl Strategy<Value = u8> {
    proptest::sample::select(b"{}[],:\" \\01ea".to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn documents_are_split_like_serde_json(document in document()) {
        prop_assert_eq!(found(document.as_bytes(), None), reading(&document, None));
    }

    #[test]
    fn damaged_documents_are_split_like_serde_json(
        document in document(),
        at in any::<proptest::sample::Index>(),
        byte in byte(),
        kind in 0..3u8,
    ) {
        let bytes = damaged(document, at, byte, kind);
        let expected = std::str::from_utf8(&bytes).ok().and_then(|d| reading(d, None));
        prop_assert_eq!(found(&bytes, None), expected);
    }

    #[test]
    fn nested_messages_are_found_like_serde_json((document, path) in nested()) {
        let expected = reading(&document, Some(&path));
        prop_assert_eq!(found(document.as_bytes(), Some(&path)), expected);
    }

    #[test]
    fn damaged_nested_documents_are_split_like_serde_json(
        (document, path) in nested(),
        at in any::<proptest::sample::Index>(),
        byte in byte(),
        kind in 0..3u8,
    ) {
        let bytes = damaged(document, at, byte, kind);
        let expected = std::str::from_utf8(&bytes).ok().and_then(|d| reading(d, Some(&path)));
        prop_assert_eq!(found(&bytes, Some(&path)), expected);
    }
}
