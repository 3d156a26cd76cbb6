//! Segments with their index come back from a file without being read, and from a client only as they are read.

use std::fmt::Write as _;

use super::super::{Source, Texts, decode, encode};
use super::{CHECKSUM, seal};
use crate::conversation::Conversation;
use crate::conversation::effect::{Count, Effect, Event, NewMessage};
use crate::conversation::message::facts;
use crate::conversation::stored::READING;
use crate::conversation::value::{Rest, Value};
use crate::settings::Settings;
use crate::tokens::Inline;

fn holding<'a>(messages: impl IntoIterator<Item = &'a str>) -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 7);
    for (seq, message) in (1..).zip(messages) {
        let Ok(facts) = facts(message.as_bytes()) else {
            continue;
        };
        let count = if seq % 3 == 0 {
            Count::Given(11)
        } else {
            Count::Pending
        };
        let mut effect = Effect {
            push: vec![NewMessage {
                seq,
                time: 1000 * seq,
                count,
                bytes: message.as_bytes(),
                facts,
                text: None,
                own: None,
            }],
            ..Effect::new(Event::Append, 7)
        };
        conversation.check(&effect).expect("an effect that fits");
        conversation.apply(&mut effect, &Inline);
    }
    conversation
}

const MESSAGES: [&str; 9] = [
    r#"{"role":"system","content":"Be brief."}"#,
    r#"{"role":"user","content":"Ferries?","id":"u1"}"#,
    r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]}"#,
    r#"{"role":"tool","tool_call_id":"c1","content":"nine"}"#,
    r#"{"role":"tool","tool_call_id":"z","content":"an orphan"}"#,
    r#"{"role":"user","content":"And tides?","id":"u2"}"#,
    r#"{"type":"reasoning","id":"r1","summary":[]}"#,
    r#"{"type":"function_call","call_id":"c2","name":"tides","arguments":"{}","id":"fc"}"#,
    r#"{"type":"function_call","call_id":"c3","name":"tides","arguments":"{}"}"#,
];

const RESULT: &str = r#"{"type":"function_call_output","call_id":"c2","output":"high"}"#;

fn frames(conversation: &Conversation) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    encode(conversation, Texts::AsHeld, |frame| {
        frames.push(frame.to_vec())
    });
    frames
}

fn decoded(source: Source, frames: &[Vec<u8>]) -> Option<Conversation> {
    let mut frames = frames.iter();
    decode(5, source, || frames.next()).ok()
}

/// The frames of the conversation at rest, where segments are compressed.
fn frames_at_rest(conversation: Conversation) -> Vec<Vec<u8>> {
    let mut value = Value::new(conversation);
    for _ in 0..3 {
        if let Rest::Compress(jobs) = value.rest(true) {
            jobs.into_iter().for_each(|job| job.run());
        }
    }
    value.read(frames).expect("readable")
}

#[test]
fn what_is_loaded_is_what_was_stored() {
    for end in 0..=MESSAGES.len() {
        let conversation = holding(MESSAGES[..end].iter().copied());
        let stored = frames(&conversation);
        for source in [Source::File, Source::Client] {
            let mut again = decoded(source, &stored).expect("what was stored");
            again.check_invariants().expect("sound");
            assert_eq!(frames(&again), stored, "{source:?}");
            // Calls are open as before: the next message means the same.
            let mut push = Effect {
                push: vec![NewMessage {
                    seq: 90,
                    time: 90,
                    count: Count::Given(1),
                    bytes: RESULT.as_bytes(),
                    facts: facts(RESULT.as_bytes()).expect("a message"),
                    text: None,
                    own: None,
                }],
                ..Effect::new(Event::Append, 9)
            };
            again.apply(&mut push, &Inline);
            again.check_invariants().expect("sound");
            let is_held = again.holds_id("u1", MESSAGES[1].as_bytes());
            assert_eq!(is_held, Ok(end > 1));
        }
    }
}

/// Some hundred messages.
fn many() -> Vec<String> {
    (0..700)
        .map(|n| MESSAGES[n % 7].replace("u1", &n.to_string()))
        .collect()
}

fn messages(conversation: &Conversation) -> Vec<Vec<u8>> {
    let log = conversation.log();
    let message = |position| log.with_message(position, <[u8]>::to_vec);
    (0..log.len())
        .map(|position| message(position).expect("memory").expect("held"))
        .collect()
}

#[test]
fn what_is_stored_compressed_is_the_same() {
    let many = many();
    for end in (0..=MESSAGES.len()).chain([many.len()]) {
        let conversation = holding(many[..end].iter().map(String::as_str));
        let held = frames(&conversation);
        let mut stored = Vec::new();
        encode(&conversation, Texts::Compressed, |frame| {
            stored.push(frame.to_vec());
        });
        if end > MESSAGES.len() {
            let bytes = |frames: &[Vec<u8>]| frames.concat().len();
            assert!(bytes(&stored) * 3 < bytes(&held));
        }
        for source in [Source::File, Source::Client] {
            let again = decoded(source, &stored).expect("what was stored");
            again.check_invariants().expect("sound");
            assert_eq!(messages(&again), messages(&conversation), "{source:?}");
        }
        assert_eq!(frames(&conversation), held, "saving has changed it");
    }
}

#[test]
fn what_is_loaded_compressed_stays_compressed() {
    let many = many();
    let conversation = holding(many.iter().map(String::as_str));
    let expected = messages(&conversation);
    let stored = frames_at_rest(conversation);
    assert!(stored.concat().len() < 20_000);
    for source in [Source::File, Source::Client] {
        let again = decoded(source, &stored).expect("what was stored");
        again.check_invariants().expect("sound");
        assert_eq!(messages(&again), expected);
        assert_eq!(frames(&again), stored, "{source:?}");
    }
}

/// A text that is no message, with a checksum that matches.
#[test]
fn a_file_is_trusted_and_a_client_is_not() {
    let mut stored = frames(&holding(MESSAGES[..2].iter().copied()));
    let text = String::from_utf8(stored[2].clone()).expect("UTF-8");
    stored[2] = text.replace("Be brief.", "Be \"rief.").into_bytes();
    let (frame, text) = stored.split_at_mut(2);
    seal(&mut frame[1], &text[0]);
    assert!(decoded(Source::File, &stored).is_some());
    assert!(decoded(Source::Client, &stored).is_none());
}

/// Flags that reading the messages does not give, with a checksum that matches.
#[test]
fn a_client_cannot_invent_flags() {
    let stored = frames(&holding(MESSAGES.iter().copied()));
    let mut rejected = 0;
    for at in CHECKSUM + 3..stored[1].len() {
        let mut forged = stored.clone();
        forged[1][at] ^= 2;
        let (frame, text) = forged.split_at_mut(2);
        seal(&mut frame[1], &text[0]);
        match decoded(Source::Client, &forged) {
            Some(again) => again.check_invariants().expect("sound"),
            None => rejected += 1,
        }
    }
    assert!(rejected > 10);
}

#[test]
fn damage_is_found() {
    let stored = frames(&holding(MESSAGES.iter().copied()));
    assert_eq!(stored.len(), 4, "header, index, text and ids");
    for frame in 1..stored.len() {
        for at in 0..stored[frame].len() {
            let mut damaged = stored.clone();
            damaged[frame][at] ^= 1 << (at % 8);
            assert!(decoded(Source::File, &damaged).is_none(), "{frame} {at}");
            damaged[frame].truncate(at);
            assert!(decoded(Source::File, &damaged).is_none(), "{frame} {at}");
        }
    }
}

/// What is stored of the messages in `tests/cases`, in order to notice when it changes: then `READING` must rise, and the
/// file be written again (`CONV_WRITE_READING=1`).
#[test]
fn the_version_of_reading_rises_with_every_change() {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/fixtures/reading.txt");
    let mut now = format!("{READING}\n");
    let mut cases: Vec<_> = std::fs::read_dir(format!("{root}/tests/cases"))
        .expect("cases")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    for case in cases {
        let name = case.file_stem().unwrap_or_default().to_string_lossy();
        let text = std::fs::read(&case).expect("a case");
        let text: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let messages = text["messages"].as_array().expect("messages");
        for (number, message) in messages.iter().enumerate() {
            let message = message.to_string();
            let around = [MESSAGES[2], &message, MESSAGES[3]];
            let stored = frames(&holding(around));
            // Neither the header nor the hashes of ids.
            let checksum = crc32fast::hash(&stored[1..3].concat());
            let _ = writeln!(now, "{name} {number} {checksum:08x}");
        }
    }
    if std::env::var_os("CONV_WRITE_READING").is_some() {
        std::fs::write(&path, &now).expect("written");
    }
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<&str> = now.lines().filter(|line| !before.contains(line)).collect();
    assert!(
        changed.is_empty(),
        "what is stored of these has changed: raise READING in stored.rs, then CONV_WRITE_READING=1: {changed:?}"
    );
}
