//! Messages in nested objects come back through the stored form, the AOF rewrite and the header of an import.

use super::super::{decode, decode_effect, encode, encode_effect, rebuild};
use crate::conversation::Conversation;
use crate::conversation::document::split;
use crate::conversation::effect::{Effect, Event, Imported};
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
    encode(conversation, |frame| frames.push(frame.to_vec()));
    frames
}

fn decoded(version: u32, frames: &[Vec<u8>]) -> Option<Conversation> {
    let mut frames = frames.iter();
    decode(version, || frames.next()).ok()
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
    let again = decoded(4, &frames).expect("what was stored");
    assert_eq!(history(&again), expected);
    assert!(
        decoded(3, &frames).is_none(),
        "version 3 had no nested form"
    );
    assert!(decoded(4, &frames[..3]).is_none(), "no frame with the text");
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
            let Some(conversation) = decoded(4, &damaged) else {
                continue;
            };
            let history = history(&conversation);
            for messages in ["[]", "[{\"role\":\"user\"}]"] {
                let value = [history.before(), messages, history.after()].concat();
                serde_json::from_str::<serde::de::IgnoredAny>(&value).expect("JSON");
            }
        }
        damaged[3].truncate(at);
        assert!(decoded(4, &damaged).is_none(), "cut at {at}");
    }
    for around in [" ", ",", "]", "\"", "{", "1"] {
        let mut damaged = frames.clone();
        damaged[3].extend_from_slice(around.as_bytes());
        assert!(decoded(4, &damaged).is_none(), "followed by {around:?}");
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
