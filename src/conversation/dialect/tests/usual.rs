//! What is told by its members alone is read as it is by its fields.

use super::{counted, ids, known};
use crate::conversation::message::{read, without_results};

/// A value that may stand where a string is expected.
const VALUES: [&str; 6] = [
    r#""c1""#,
    r#""""#,
    "null",
    "7",
    r#"{"text":"t"}"#,
    r#"[{"type":"text","text":"t"}]"#,
];

/// Objects with these members in any order that begins with another of them, as seen from the first.
fn turned(members: &[String]) -> impl Iterator<Item = String> {
    (0..members.len()).map(|by| {
        let mut members = members.to_vec();
        members.rotate_left(by);
        format!("{{{}}}", members.join(","))
    })
}

/// Reads a message with each of the objects in the place of `$`: all are the same.
fn assert_same(message: &str, members: &[String]) {
    let mut before = None;
    for object in turned(members) {
        let json = message.replace('$', &object);
        let facts = known(&json);
        assert_eq!(
            read(json.as_bytes()).map(|(facts, _)| facts),
            Ok(facts.clone())
        );
        // Arguments and content that is not understood count as they are written.
        let sorted = |text: String| {
            let mut bytes = text.into_bytes();
            bytes.sort_unstable();
            bytes
        };
        let rest = without_results(json.as_bytes()).map(|rest| rest.len());
        let read = (facts, sorted(counted(&json)), rest);
        assert_eq!(*before.get_or_insert_with(|| read.clone()), read, "{json}");
    }
}

fn member(name: &str, value: &str) -> String {
    format!(r#""{name}":{value}"#)
}

#[test]
fn blocks_are_read_in_any_order_of_their_members() {
    let layouts: [(&str, &str, &[&str]); 6] = [
        ("text", "text", &[]),
        ("output_text", "text", &["annotations"]),
        ("thinking", "thinking", &["signature"]),
        ("image_url", "image_url", &[]),
        ("tool_use", "id", &["name", "input"]),
        ("tool_result", "tool_use_id", &["content"]),
    ];
    let kinds = [
        "text",
        "TEXT",
        "output_text",
        "thinking",
        "tool_use",
        "tool_result",
        "image_url",
        "no",
    ];
    for message in [
        r#"{"role":"assistant","content":[{"type":"text","text":"a"},$]}"#,
        r#"{"role":"tool","tool_call_id":"c0","content":[$]}"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"c0","content":[$]},$]}"#,
        r#"{"role":"assistant","content":[$],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f"}}]}"#,
        r#"{"type":"ai","data":{"content":[$]}}"#,
    ] {
        for (layout, key, others) in layouts {
            for kind in kinds
                .into_iter()
                .filter(|kind| *kind == layout || others.is_empty())
            {
                for value in VALUES {
                    let mut members =
                        vec![member("type", &format!("{kind:?}")), member(key, value)];
                    members.extend(others.iter().map(|other| member(other, value)));
                    assert_same(message, &members);
                }
            }
        }
    }
}

#[test]
fn calls_are_read_in_any_order_of_their_members() {
    for value in VALUES {
        for layout in [
            ["id", "type", "function"].as_slice(),
            &["name", "args", "id", "type"],
        ] {
            let members: Vec<_> = layout.iter().map(|name| member(name, value)).collect();
            for message in [
                r#"{"role":"assistant","content":null,"tool_calls":[$]}"#,
                r#"{"type":"ai","data":{"content":"","tool_calls":[$]}}"#,
            ] {
                assert_same(message, &members);
            }
        }
    }
}

#[test]
fn langchain_messages_are_found_in_any_order_of_their_members() {
    for kind in ["human", "ai", "tool", "custom", "AIMessageChunk"] {
        let data = r#"{"content":"x","id":"i","tool_call_id":"c1"}"#;
        let members = [member("type", &format!("{kind:?}")), member("data", data)];
        assert_same("$", &members);
    }
}

#[test]
fn more_members_than_usual_are_all_read() {
    // Known names, more of them than have room, with one of each twice: the last one counts.
    let names: Vec<_> = super::super::vocabulary::all_words().take(100).collect();
    let members = |value: &str| {
        let others = names
            .iter()
            .filter(|name| **name != "role" && **name != "tool_calls");
        let members = others.map(|name| format!(r#","{name}":{value}"#));
        members.collect::<String>()
    };
    let call = |id: &str| format!(r#","tool_calls":[{{"id":"{id}","x":0}}]"#);
    let json = format!(
        r#"{{"role":"assistant"{}{}{}{},"content":"text"}}"#,
        members("1"),
        call("first"),
        members("null"),
        call("last")
    );
    assert_eq!(ids(&known(&json)).0, [Some("last")]);
    assert_eq!(counted(&json), "assistant|call:()|text");
}
