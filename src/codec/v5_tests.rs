//! Messages in nested objects, pins, `overhead` and `scale` come back through the stored form and the AOF rewrite; messages
//! in nested objects also through the header of an import.

use super::super::{Source, Texts, decode, decode_effect, encode, encode_effect, rebuild};
use crate::conversation::Conversation;
use crate::conversation::document::split;
use crate::conversation::effect::{Count, Effect, Event, Imported, NewMessage};
use crate::conversation::message::facts;
use crate::conversation::session::History;
use crate::settings::Settings;
use crate::tokens::Nobody;

const DOCUMENT: &str = "{\"v\":1,\"values\" : { \"x\":[1, 2], \"messages\":\t[{\"role\":\"user\"}] , \"y\":\"]\" },\"z\":2}";
const PATH: &str = "values.messages";

fn imported() -> Effect<'static> {
    let parts = split(DOCUMENT.as_bytes(), Some(PATH)).expect("a document");
    Effect {
        create: Some(Settings::default().attributes()),
        set_state: parts.fields,
        history: parts.history,
        imported: Some(Imported {
            document: DOCUMENT.as_bytes(),
            history: Some(PATH.into()),
        }),
        ..Effect::new(Event::Import, 7)
    }
}

fn applied<'a>(effects: impl IntoIterator<Item = Effect<'a>>) -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 7);
    for mut effect in effects {
        conversation.check(&effect).expect("an effect that fits");
        conversation.apply(&mut effect, &Nobody);
    }
    conversation
}

fn history(conversation: &Conversation) -> History {
    let session = conversation.session().expect("a session");
    let names: Vec<_> = session.fields().map(|(name, _)| name).collect();
    assert_eq!(names, ["v", "z"]);
    session.history().expect("a history").clone()
}

fn frames(conversation: &Conversation) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    encode(conversation, Texts::AsHeld, |frame| {
        frames.push(frame.to_vec())
    });
    frames
}

fn decoded(version: u32, frames: &[Vec<u8>]) -> Option<Conversation> {
    let mut frames = frames.iter();
    decode(version, Source::Client, || frames.next()).ok()
}

#[test]
fn stored_text_around_the_messages_comes_back() {
    let conversation = applied([imported()]);
    let expected = history(&conversation);
    assert_eq!(expected.name.text(), "values");
    assert_eq!(expected.position, 1);
    assert_eq!(expected.before(), "{ \"x\":[1, 2], \"messages\":\t");
    assert_eq!(expected.after(), " , \"y\":\"]\" }");
    let frames = frames(&conversation);
    let again = decoded(5, &frames).expect("what was stored");
    assert_eq!(history(&again), expected);
    assert!(decoded(5, &frames[..3]).is_none(), "no frame with the text");
}

#[test]
fn stored_text_that_is_no_object_around_an_array_is_rejected() {
    let frames = frames(&applied([imported()]));
    let value = frames[3].clone();
    for at in 0..value.len() {
        let mut damaged = frames.clone();
        for byte in [b'{', b'}', b'[', b']', b'"', b'\\', b' ', b'1', 0xff] {
            damaged[3].clone_from(&value);
            damaged[3][at] = byte;
            let Some(conversation) = decoded(5, &damaged) else {
                continue;
            };
            let history = history(&conversation);
            for messages in ["[]", "[{\"role\":\"user\"}]"] {
                let value = [history.before(), messages, history.after()].concat();
                serde_json::from_str::<serde::de::IgnoredAny>(&value).expect("JSON");
            }
        }
        damaged[3].truncate(at);
        assert!(decoded(5, &damaged).is_none(), "cut at {at}");
    }
    for around in [" ", ",", "]", "\"", "{", "1"] {
        let mut damaged = frames.clone();
        damaged[3].extend_from_slice(around.as_bytes());
        assert!(decoded(5, &damaged).is_none(), "followed by {around:?}");
    }
}

#[test]
fn rewritten_text_around_the_messages_comes_back() {
    let conversation = applied([imported()]);
    let mut commands = Vec::new();
    rebuild(&conversation, |effect| {
        let (header, payload) = encode_effect(effect);
        let payload: Vec<Vec<u8>> = payload.into_iter().map(Into::into).collect();
        commands.push((header, payload));
    })
    .expect("memory");
    let payloads: Vec<Vec<&[u8]>> = commands
        .iter()
        .map(|(_, payload)| payload.iter().map(Vec::as_slice).collect())
        .collect();
    let effects = commands
        .iter()
        .zip(&payloads)
        .map(|((header, _), payload)| decode_effect(header, payload).expect("readable"));
    assert_eq!(history(&applied(effects)), history(&conversation));
}

#[test]
fn an_import_is_split_by_the_same_path() {
    let (header, payload) = encode_effect(&imported());
    let text = String::from_utf8(header.clone()).expect("text");
    assert!(text.contains(r#""import":["values.messages"]"#), "{text}");
    assert_eq!(payload, [DOCUMENT.as_bytes()]);
    let effect = decode_effect(&header, &payload).expect("readable");
    assert_eq!(effect.history, imported().history);
    assert_eq!(effect.push.len(), 1);
}

#[test]
fn headers_whose_text_is_invalid_are_rejected() {
    let nested = |rest: &str, payload: &[&'static [u8]]| {
        let header = format!(r#"{{"v":1,"at":7{rest}}}"#);
        decode_effect(header.as_bytes(), payload).is_ok()
    };
    let history = r#","history":["a",0],"nested":true"#;
    assert!(nested(history, &[b"{\"b\":", b"}"]));
    assert!(!nested(history, &[b"{\"b\":"]));
    assert!(!nested(history, &[b"{\"b\":", b"}", b"}"]));
    assert!(!nested(history, &[b"{\"b\":", b"} "]));
    assert!(!nested(history, &[b"", b""]));
    assert!(!nested(history, &[b"\"", b"\""]));
    assert!(!nested(history, &[b"{\"\xff\":", b"}"]));
    assert!(!nested(r#","nested":true"#, &[b"{\"b\":", b"}"]));
}

/// A conversation with three messages, numbered 1 to 3, and two pins.
fn pinned() -> Conversation {
    let mut attributes = Settings::default().attributes();
    (attributes.overhead, attributes.scale) = (7, 115);
    let mut effect = Effect {
        push: (1..4).map(message).collect(),
        pin: vec![3, 1],
        alter: Some(attributes),
        ..Effect::new(Event::Append, 7)
    };
    let mut conversation = Conversation::new(Settings::default().attributes(), 7);
    conversation.check(&effect).expect("an effect that fits");
    conversation.apply(&mut effect, &Nobody);
    conversation
}

fn message(seq: i64) -> NewMessage<'static> {
    NewMessage {
        seq,
        time: 7,
        count: Count::Pending,
        bytes: br#"{"role":"user"}"#,
        facts: facts(br#"{"role":"user"}"#).expect("a message"),
        text: None,
        own: None,
    }
}

#[test]
fn stored_pins_overhead_and_scale_come_back() {
    let conversation = pinned();
    let frames = frames(&conversation);
    let again = decoded(5, &frames).expect("what was stored");
    assert_eq!(again.pins(), [1, 3]);
    assert_eq!(again.attributes(), conversation.attributes());
    assert!(decoded(4, &frames).is_none(), "version 4 had no pins");
}

#[test]
fn stored_pins_and_attributes_that_are_invalid_are_rejected() {
    let frames = frames(&pinned());
    // In MessagePack a short array is 0x90 plus its length, and 0xcd begins an integer of 16 bits.
    let damaged = |old: &[u8], new: &[u8]| {
        let at = frames[0].windows(old.len()).position(|w| w == old);
        let at = at.expect("part of the header");
        let mut frames = frames.clone();
        frames[0].splice(at..at + old.len(), new.iter().copied());
        decoded(5, &frames)
    };
    let pins = |new: &[u8]| damaged(b"pins\x92\x01\x03", &[b"pins", new].concat());
    assert!(pins(b"\x92\x01\x02").is_some());
    assert!(pins(b"\x92\x03\x01").is_none(), "out of order");
    assert!(pins(b"\x92\x01\x01").is_none(), "twice");
    assert!(pins(b"\x91\x04").is_none(), "not held");
    assert!(pins(b"\x91\xa11").is_none(), "no number");
    let overhead = |new: &[u8]| damaged(b"overhead\x07", &[b"overhead", new].concat());
    assert!(overhead(b"\xcd\x03\xe8").is_some(), "1000");
    assert!(overhead(b"\xcd\x03\xe9").is_none(), "1001");
    let scale = |new: &[u8]| damaged(b"scale\x73", &[b"scale", new].concat());
    assert!(scale(b"\xcd\x03\xe8").is_some(), "1000");
    assert!(scale(b"\xcd\x03\xe9").is_none(), "1001");
    assert!(scale(b"\x09").is_none(), "9");
}

#[test]
fn rewritten_pins_come_back() {
    let conversation = pinned();
    let mut commands = Vec::new();
    rebuild(&conversation, |effect| {
        let (header, payload) = encode_effect(effect);
        let payload: Vec<Vec<u8>> = payload.into_iter().map(Into::into).collect();
        commands.push((header, payload));
    })
    .expect("memory");
    let mut again: Option<Conversation> = None;
    for (header, payload) in &commands {
        let payload: Vec<&[u8]> = payload.iter().map(Vec::as_slice).collect();
        let mut effect = decode_effect(header, &payload).expect("readable");
        let conversation = again.get_or_insert_with(|| {
            Conversation::new(effect.create.expect("the first creates"), effect.at)
        });
        conversation.check(&effect).expect("an effect that fits");
        conversation.apply(&mut effect, &Nobody);
    }
    let again = again.expect("a conversation");
    assert_eq!(again.pins(), conversation.pins());
    assert_eq!(again.attributes(), conversation.attributes());
}
