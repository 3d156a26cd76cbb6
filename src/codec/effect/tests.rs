//! Tests of the short header. `tests/model` tests that every effect is read as it was written.

use super::{decode_effect, encode_effect};
use crate::conversation::effect::{Count, Effect, Event, NewMessage};
use crate::conversation::message::Facts;

const MESSAGE: &[u8] = br#"{"role":"user"}"#;

fn appended(seq: i64, count: Count) -> NewMessage<'static> {
    NewMessage {
        seq,
        time: 1_732_150_000_000,
        count,
        bytes: MESSAGE,
        facts: Facts::default(),
        text: None,
        own: None,
    }
}

fn header(push: Vec<NewMessage<'_>>) -> String {
    let effect = Effect {
        push,
        ..Effect::new(Event::Append, 1_732_150_000_000)
    };
    String::from_utf8(encode_effect(&effect).0).expect("text")
}

fn decoded(header: &str, messages: usize) -> Result<Effect<'static>, String> {
    decode_effect(header.as_bytes(), &vec![MESSAGE; messages])
}

#[test]
fn plain_appends_have_a_short_header() {
    let two = header(vec![
        appended(7, Count::Pending),
        appended(8, Count::Pending),
    ]);
    assert_eq!(two, r#"{"v":2,"at":1732150000000,"append":7}"#);
    let effect = decoded(&two, 2).expect("readable");
    let seqs: Vec<_> = effect
        .push
        .iter()
        .map(|m| (m.seq, m.time, m.count))
        .collect();
    let at = 1_732_150_000_000;
    assert_eq!(seqs, [(7, at, Count::Pending), (8, at, Count::Pending)]);
    assert_eq!(effect.event, Event::Append);
}

#[test]
fn other_appends_have_a_full_header() {
    for push in [
        vec![appended(7, Count::Pending), appended(9, Count::Pending)],
        vec![appended(7, Count::Given(1))],
        vec![NewMessage {
            time: 1,
            ..appended(7, Count::Pending)
        }],
    ] {
        let header = header(push);
        assert!(header.starts_with(r#"{"v":1,"#), "{header}");
    }
}

#[test]
fn a_contradictory_short_header_is_rejected() {
    let rejected = |header: &str, messages| decoded(header, messages).expect_err(header);
    assert!(rejected(r#"{"v":1,"at":1,"append":7}"#, 1).contains("must be 2"));
    assert!(rejected(r#"{"v":3,"at":1,"append":7}"#, 1).contains("must be 2"));
    assert!(rejected(r#"{"v":2,"at":1}"#, 0).contains("must be 1"));
    assert!(rejected(r#"{"v":2,"at":1,"append":7}"#, 0).contains("incomplete"));
    assert!(
        rejected(r#"{"v":2,"at":1,"append":9223372036854775807}"#, 1).contains("exceed 64 bits")
    );
    for beside in [
        r#""push":[[7,1,"pending"]]"#,
        r#""edit":[7,1,"pending"]"#,
        r#""event":"conv.append""#,
        r#""summary":{"upto":null}"#,
    ] {
        let header = format!(r#"{{"v":2,"at":1,"append":7,{beside}}}"#);
        assert!(rejected(&header, 1).contains("another payload"), "{beside}");
    }
}
