//! Arbitrary bytes as a replicated effect: either an error, or a conversation that can be stored and loaded.
#![no_main]

use conv::codec;
use conv::conversation::Conversation;
use conv::settings::Settings;
use conv::tokens::Inline;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|effects: Vec<(Vec<u8>, Vec<Vec<u8>>)>| {
    let mut conversation = Conversation::new(Settings::default().attributes(), 0);
    for (header, payload) in &effects {
        let payload: Vec<&[u8]> = payload.iter().map(Vec::as_slice).collect();
        let Ok(mut effect) = codec::decode_effect(header, &payload) else {
            continue;
        };
        if let Some(attributes) = effect.create {
            conversation = Conversation::new(attributes, effect.at);
        }
        if conversation.check(&effect).is_ok() {
            conversation.apply(&mut effect, &Inline);
        }
    }
    let mut stored = Vec::new();
    codec::encode(&conversation, |frame| stored.push(frame.to_vec()));
    let mut next = stored.into_iter();
    codec::decode(codec::VERSION, codec::Source::File, || next.next()).expect("decode the stored form");
});
