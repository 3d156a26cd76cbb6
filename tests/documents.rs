//! Compares the splitter of session documents with an independent implementation on serde_json.

use conv::conversation::document::split;
use conv::conversation::message::facts;
use proptest::prelude::*;
use serde_json::value::RawValue;

/// The result of splitting: fields, name and position of the history, messages.
type Reading = (Vec<(String, String)>, Option<(String, usize)>, Vec<String>);

/// The members of an object in order, with their values verbatim.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Members, A::Error> {
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

/// The expected result, or `None` if this is not a session document.
fn reading(document: &str) -> Option<Reading> {
    let texts = |json: &str| -> Option<Vec<String>> {
        let all: Vec<Box<RawValue>> = serde_json::from_str(json).ok()?;
        Some(all.iter().map(|value| value.get().to_owned()).collect())
    };
    if let Some(messages) = texts(document) {
        return Some((Vec::new(), None, messages));
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
    let at = array("history").or_else(|| array("messages"))?;
    let fields = members
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != at)
        .map(|(_, (name, value))| (name.clone(), value.get().to_owned()))
        .collect();
    Some((
        fields,
        Some((members[at].0.clone(), at)),
        texts(members[at].1.get())?,
    ))
}

/// The result of the splitter with its messages parsed, or `None` if the document or a message is rejected.
fn found(document: &[u8]) -> Option<Reading> {
    let parts = split(document, None).ok()?;
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
    let history = parts
        .history
        .map(|h| (h.name.text().to_owned(), h.position));
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
    ])
}

fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\" :{value}"))
        .collect();
    format!("{{{}}}", members.join(", "))
}

fn document() -> impl Strategy<Value = String> {
    let messages =
        || proptest::collection::vec(value(), 0..5).prop_map(|all| format!("[{}]", all.join(",")));
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn documents_are_split_like_serde_json(document in document()) {
        prop_assert_eq!(found(document.as_bytes()), reading(&document));
    }

    #[test]
    fn damaged_documents_are_split_like_serde_json(
        document in document(),
        at in any::<proptest::sample::Index>(),
        byte in proptest::sample::select(b"{}[],:\" \\01ea".to_vec()),
        kind in 0..3u8,
    ) {
        let mut bytes = document.into_bytes();
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.truncate(at),
            _ => bytes.insert(at, byte),
        }
        let expected = std::str::from_utf8(&bytes).ok().and_then(reading);
        prop_assert_eq!(found(&bytes), expected);
    }
}
