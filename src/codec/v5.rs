//! Version 5 of the stored form, which this release writes: version 4 with pins and the attributes `overhead` and `scale`, all
//! of them in the header.

use super::header::StoredHeader;
use super::v3::encode_fields;
use super::v4::decode_version;
use super::{DecodeError, segments};
use crate::conversation::Conversation;

/// See [`super::encode`].
pub fn encode(conversation: &Conversation, mut sink: impl FnMut(&[u8])) {
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
    segments::encode(conversation, &mut sink);
}

/// Reads a conversation, see [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    decode_version(5, next)
}

#[cfg(test)]
#[path = "v5_tests.rs"]
mod tests;
