//! Version 5 of the stored form, which this release writes: version 4 with pins and the attributes `overhead` and `scale` in
//! the header, and with messages whose index is stored, see [`indexed`].

use super::header::StoredHeader;
use super::v3::encode_fields;
use super::v4::decode_before_messages;
use super::{DecodeError, Source, Texts, indexed};
use crate::conversation::Conversation;

/// See [`super::encode`].
pub fn encode(conversation: &Conversation, texts: Texts, mut sink: impl FnMut(&[u8])) {
    let header = StoredHeader::of(conversation);
    // Serialising plain data into memory cannot fail; an empty frame would be rejected when it is read.
    sink(&rmp_serde::to_vec_named(&header).unwrap_or_default());
    encode_fields(conversation, &mut sink);
    if header.is_nested()
        && let Some(history) = conversation.session().and_then(|s| s.history())
    {
        sink(
            [history.before(), "[]", history.after()]
                .concat()
                .as_bytes(),
        );
    }
    indexed::encode(conversation, texts, &mut sink);
}

/// Reads a conversation, see [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    source: Source,
    mut next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    let (header, mut conversation) = decode_before_messages(5, &mut next)?;
    indexed::decode(&header, &mut conversation, source, next)?;
    header.finish(conversation)
}

#[cfg(test)]
#[path = "v5_tests.rs"]
mod tests;
