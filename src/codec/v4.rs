//! Version 4 of the stored form, which is read but no longer written: version 3, where the messages may be in nested objects
//! of their field.
//!
//! In that case one frame follows those of the session fields: the field's value without white space around it, and with
//! an empty array in the place of the messages. The header says where the array is. The messages follow in [`segments`].

use super::header::StoredHeader;
use super::v3::decode_fields;
use super::{DecodeError, segments};
use crate::conversation::Conversation;

/// Reads a conversation, see [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    mut next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    let (header, mut conversation) = decode_before_messages(4, &mut next)?;
    segments::decode(&header, &mut conversation, next)?;
    header.finish(conversation)
}

/// Reads what precedes the messages, with the header of `version`.
pub fn decode_before_messages<F: AsRef<[u8]>>(
    version: u32,
    mut next: impl FnMut() -> Option<F>,
) -> Result<(StoredHeader, Conversation), DecodeError> {
    let frame = next().ok_or(DecodeError::Truncated)?;
    let header = StoredHeader::read(frame.as_ref(), version)?;
    drop(frame);
    let mut conversation = header.begin();
    decode_fields(&header, &mut conversation, &mut next)?;
    if header.is_nested() {
        let frame = next().ok_or(DecodeError::Truncated)?;
        header.take_nested(&mut conversation, frame.as_ref())?;
    }
    Ok((header, conversation))
}
