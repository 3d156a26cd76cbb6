//! A conversation as a series of effects that rebuild it, for the rewrite of an AOF.

use super::count;
use crate::conversation::effect::{Effect, Event, NewMessage, NewSummary};
use crate::conversation::session::{History, Session};
use crate::conversation::{Conversation, Unreadable, message};

/// Most messages in one effect of [`rebuild`].
const BATCH_MESSAGES: usize = 512;

/// Most session fields in one effect of [`rebuild`].
const BATCH_FIELDS: usize = 512;

/// An effect of [`rebuild`] ends with the session field that reaches this many bytes.
const BATCH_BYTES: usize = 64 << 10;

/// Effects of bounded size that rebuild `conversation` from nothing, one after the other handed to `sink`.
///
/// # Errors
/// There is not enough memory to decompress a segment: what was handed to `sink` is not the whole conversation.
pub fn rebuild(
    conversation: &Conversation,
    mut sink: impl FnMut(&Effect<'_>),
) -> Result<(), Unreadable> {
    let updated = conversation.updated();
    let mut first = Some(Effect {
        create: Some(*conversation.attributes()),
        numbering: Some(conversation.numbering()),
        ..Effect::new(Event::None, updated)
    });
    // A segment bounds the bytes of an effect, a batch the number of messages.
    for segment in conversation.log().segments() {
        let (bytes, entries) = (segment.bytes()?, segment.entries());
        let mut begin = 0;
        for batch in entries.chunks(BATCH_MESSAGES) {
            let mut effect = first
                .take()
                .unwrap_or_else(|| Effect::new(Event::None, updated));
            for entry in batch {
                let end = entry.end as usize;
                effect.push.push(NewMessage {
                    seq: segment.seq(entry),
                    time: segment.time(entry),
                    count: count(conversation, segment.seq(entry), entry),
                    bytes: bytes.get(begin..end).unwrap_or_default(),
                    // Not encoded: decoding the effect reads the message.
                    facts: message::Facts::default(),
                    text: None,
                    own: None,
                });
                begin = end + 1;
            }
            sink(&effect);
        }
    }
    if let Some(empty) = first {
        sink(&empty);
    }
    if let Some(session) = conversation.session() {
        rebuild_session(session, updated, &mut sink);
    }
    let summary = conversation.summary();
    if let Some(summary) = summary {
        sink(&Effect {
            summary: Some(NewSummary {
                text: &summary.text,
                upto: summary.upto,
            }),
            ..Effect::new(Event::None, summary.updated)
        });
    }
    if !conversation.pins().is_empty() {
        sink(&Effect {
            pin: conversation.pins().to_vec(),
            ..Effect::new(Event::None, updated)
        });
    }
    // The effect of the summary has set `updated` to the time of the summary, and has ended the lease.
    if summary.is_some() || conversation.lease() != 0 {
        sink(&Effect {
            lease: Some(conversation.lease()).filter(|&until| until != 0),
            ..Effect::new(Event::None, updated)
        });
    }
    Ok(())
}

/// The part of [`rebuild`] for session fields and for the position of the messages among them.
fn rebuild_session(session: &Session, updated: i64, sink: &mut impl FnMut(&Effect<'_>)) {
    let mut effect = Effect::new(Event::None, updated);
    let mut bytes = 0;
    for field in session.to_set() {
        bytes += field.name.text().len() + field.value.len();
        effect.set_state.push(field);
        if effect.set_state.len() >= BATCH_FIELDS || bytes >= BATCH_BYTES {
            sink(&effect);
            effect.set_state.clear();
            bytes = 0;
        }
    }
    effect.history = session.history().map(History::to_set);
    if effect.history.is_some() || !effect.set_state.is_empty() {
        sink(&effect);
    }
}
