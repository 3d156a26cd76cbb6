//! Arbitrary frames as a stored conversation: either an error, or a conversation that supports selection, appends and
//! storing.
#![no_main]

use conv::codec;
use conv::commands::commit;
use conv::conversation::effect::{Event, Count, Effect, NewMessage};
use conv::conversation::message;
use conv::conversation::window::Request;
use conv::tokens::Inline;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let (version, frames) = input;
    let mut frames = frames.into_iter();
    let Ok(mut conversation) = codec::decode(u32::from(version % 6), codec::Source::Client, || frames.next()) else {
        return;
    };
    for max_tokens in [0, 3, 100, 3000, i64::MAX] {
        let window = conversation.select(&Request {
            max_tokens,
            start_user: true,
            step: Some(7),
            ..Request::default()
        });
        assert!(window.tokens <= max_tokens.max(0));
    }
    let json = br#"{"role":"user","content":"hi"}"#;
    if let Ok((facts, text)) = message::read(json)
        && conversation.numbering().next < i64::MAX
    {
        let mut effect = Effect::new(Event::None, 1);
        effect.push.push(NewMessage {
            seq: conversation.numbering().next,
            time: 1,
            count: Count::Pending,
            bytes: json,
            facts,
            text: Some(text),
            own: None,
        });
        commit(&mut conversation, &mut effect, &Inline);
    }
    let mut stored = Vec::new();
    codec::encode(&conversation, |frame| stored.push(frame.to_vec()));
    let mut next = stored.clone().into_iter();
    let again = codec::decode(codec::VERSION, codec::Source::File, || next.next()).expect("decode the stored form");
    let mut twice = Vec::new();
    codec::encode(&again, |frame| twice.push(frame.to_vec()));
    assert_eq!(stored, twice);
});
