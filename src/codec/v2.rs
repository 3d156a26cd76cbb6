//! Version 2 of the stored form: the header, then the messages in [`segments`]. It is still read and no longer written.

use super::header::StoredHeader;
use super::{DecodeError, segments};
use crate::conversation::Conversation;

/// Reads a conversation, see [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    mut next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    let frame = next().ok_or(DecodeError::Truncated)?;
    let header = StoredHeader::read(frame.as_ref(), 2)?;
    drop(frame);
    let mut conversation = header.begin();
    segments::decode(&header, &mut conversation, next)?;
    header.finish(conversation)
}
