//! A conversation as a run of effects that make it anew: for the rewrite of an AOF.

use super::count;
use crate::conversation::effect::{Effect, Event, NewMessage, NewSummary};
use crate::conversation::session::{History, Session};
use crate::conversation::{Conversation, Unreadable, message};

/// Messages in one effect of [`rebuild`].
const BATCH_MESSAGES: usize = 512;

/// Session fields in one effect of [`rebuild`], and their bytes, one field apart.
const BATCH_FIELDS: usize = 512;

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
    // A segment is a batch of bounded size; many small messages are several.
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
                    count: count(entry),
                    bytes: bytes.get(begin..end).unwrap_or_default(),
                    // Not part of what is written; whoever reads it back reads the message.
                    facts: message::Facts::default(),
                    text: None,
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
    // The summary may be older than the last write.
    if summary.is_some() || conversation.lease() != 0 {
        sink(&Effect {
            lease: Some(conversation.lease()).filter(|&until| until != 0),
            ..Effect::new(Event::None, updated)
        });
    }
    Ok(())
}

/// Of [`rebuild`], the fields, then where the messages stand among them.
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
