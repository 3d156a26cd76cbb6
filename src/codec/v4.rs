//! Stored form, version 4: version 3, where the messages may be in nested objects of their field.
//!
//! In that case one frame follows those of the session fields: the field's value without white space around it, and with
//! an empty array in the place of the messages. The header says where the array is. The messages follow in [`segments`].

use super::header::StoredHeader;
use super::v3::{decode_fields, encode_fields};
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

/// See [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    mut next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    let frame = next().ok_or(DecodeError::Truncated)?;
    let header = StoredHeader::read(frame.as_ref(), 4)?;
    drop(frame);
    let mut conversation = header.begin();
    decode_fields(&header, &mut conversation, &mut next)?;
    if header.is_nested() {
        let frame = next().ok_or(DecodeError::Truncated)?;
        header.take_nested(&mut conversation, frame.as_ref())?;
    }
    segments::decode(&header, &mut conversation, next)?;
    header.finish(conversation)
}

#[cfg(test)]
#[path = "v4_tests.rs"]
mod tests;
