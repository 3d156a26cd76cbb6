//! `CONV.EXPORT`: the session document with its current messages.

use std::sync::Arc;

use super::arg_parser::Args;
use super::error::CommandError;
use super::reply::Reply;
use super::{Env, Needs, Outcome, REPLIED, Target};
use crate::conversation::log_read::Messages;
use crate::conversation::log_snapshot::Snapshot;
use crate::conversation::session::Session;
use crate::conversation::{Conversation, Unreadable};

/// Copying is at least this many times as fast as decompressing.
const COPY_FACTOR: usize = 4;

/// A session document as it was when the command arrived, not yet in one piece.
#[derive(Debug)]
pub struct Document {
    session: Option<Arc<Session>>,
    messages: Snapshot,
    /// Number of messages.
    count: usize,
    /// Bytes of the document, about.
    bytes: usize,
}

/// `CONV.EXPORT key`: returns the session document with its current messages and fields, nil if the key is missing.
///
/// # Errors
/// Too many arguments, or not enough memory to decompress the messages.
pub fn export(
    args: &mut Args<'_>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<()>, CommandError> {
    args.finish()?;
    let Some(conversation) = target else {
        out.null();
        return Ok(REPLIED);
    };
    let document = Document::of(conversation);
    let most = env.decompress_at_once;
    if document.messages.bytes_to_decompress() > most
        || document.bytes() > most.saturating_mul(COPY_FACTOR)
    {
        return Ok(Outcome::Needs(Needs::Document(Box::new(document))));
    }
    out.bulk(&document.write()?);
    Ok(REPLIED)
}

impl Document {
    fn of(conversation: &Conversation) -> Self {
        let log = conversation.log();
        let held = 0..log.len();
        let session = conversation.shared_session();
        // Each message has a comma; each field a colon, a comma and two quotes.
        let fields = session.as_ref().map_or(0, |s| s.bytes() + 4 * s.len() + 8);
        Self {
            session,
            count: held.len(),
            bytes: log.bytes_of(&held) + held.len() + fields + 2,
            messages: log.snapshot(held),
        }
    }

    /// Bytes of the document, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The document in one piece.
    ///
    /// # Errors
    /// There is not enough memory to decompress the messages.
    pub fn write(&self) -> Result<Vec<u8>, Unreadable> {
        let messages = self.messages.read(0..self.count)?;
        // Reserve all at once, because growing would copy the document several times.
        let mut json = Vec::with_capacity(self.bytes);
        let session = self.session.as_deref();
        let Some((session, history)) = session.and_then(|s| Some((s, s.history()?))) else {
            push_messages(&messages, &mut json);
            return Ok(json);
        };
        json.push(b'{');
        let mut members = session.members();
        for (key, value) in members.by_ref().take(history.position) {
            member(&mut json, &key, value);
            json.push(b',');
        }
        member(&mut json, &history.name.key(), history.before());
        push_messages(&messages, &mut json);
        json.extend_from_slice(history.after().as_bytes());
        for (key, value) in members {
            json.push(b',');
            member(&mut json, &key, value);
        }
        json.push(b'}');
        Ok(json)
    }
}

/// Appends a member of a JSON object, or its beginning.
fn member(json: &mut Vec<u8>, key: &str, value: &str) {
    json.extend_from_slice(key.as_bytes());
    json.push(b':');
    json.extend_from_slice(value.as_bytes());
}

/// Appends messages as a JSON array.
fn push_messages(messages: &Messages<'_>, json: &mut Vec<u8>) {
    json.push(b'[');
    let begin = json.len();
    messages.visit_runs(false, |run| json.extend_from_slice(run));
    // The bracket replaces the comma after the last message.
    if json.len() > begin {
        json.pop();
    }
    json.push(b']');
}
