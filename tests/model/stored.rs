//! What a conversation holds, and what comes back after it was stored.

use conv::codec::{self, Texts};
use conv::conversation::Conversation;

use super::harness::{call, settle};

/// All that is held, whatever form it lies in.
pub fn content(conversation: &Conversation) -> String {
    let mut conversation = conversation.clone();
    settle(&mut conversation);
    let mut content = format!(
        "{:?} {:?} {} {:?}",
        conversation.attributes(),
        conversation.numbering(),
        conversation.updated(),
        conversation.log().totals(),
    );
    if let Some(summary) = conversation.summary() {
        let tokens = summary.tokens.known();
        content += &format!(
            " {:?}",
            (&summary.text, summary.upto, summary.updated, tokens)
        );
    }
    if let Some(session) = conversation.session() {
        let members: Vec<_> = session.members().collect();
        content += &format!(" {members:?} {:?}", session.history());
    }
    content += &format!(" {}", conversation.lease());
    conversation
        .visit(|m| {
            content += &format!("\n{:?} {}", m.meta, String::from_utf8_lossy(m.bytes));
        })
        .expect("memory");
    content
}

pub fn frames(conversation: &Conversation, texts: Texts) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    codec::encode(conversation, texts, |frame| frames.push(frame.to_vec()));
    frames
}

/// As it is after a restart: saved by the server or, every other time, by its child.
pub fn reloaded(conversation: &Conversation) -> Conversation {
    let texts = match conversation.log().len() % 2 {
        0 => Texts::AsHeld,
        _ => Texts::Compressed,
    };
    let mut frames = frames(conversation, texts).into_iter();
    codec::decode(codec::VERSION, codec::Source::File, || frames.next())
        .expect("what was encoded decodes")
}

/// A conversation rebuilt as an AOF rewrite does.
pub fn rewritten(conversation: &Conversation) -> Conversation {
    let mut log = Vec::new();
    codec::rebuild(conversation, |effect| {
        let (header, payload) = codec::encode_effect(effect);
        let payload: Vec<Vec<u8>> = payload.into_iter().map(<[u8]>::to_vec).collect();
        log.push((header, payload));
    })
    .expect("memory");
    let mut target = None;
    for (header, payload) in log {
        let mut args: Vec<&[u8]> = vec![&header];
        args.extend(payload.iter().map(Vec::as_slice));
        call(&mut target, 0, "CONV.EFFECT", &args)
            .0
            .expect("what was rewritten is read");
    }
    target.expect("a conversation")
}
