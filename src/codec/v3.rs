//! Version 3 of the stored form, which is read but no longer written: version 2 with session fields and the end of the
//! summary's lease.
//!
//! After the header follows one frame for each session field, in order: the member of a JSON object, that is the name
//! verbatim, a colon, and the value, without white space between them. Then follow the messages in [`segments`].

use super::header::{StoredHeader, take};
use super::{DecodeError, invalid, segments};
use crate::conversation::Conversation;
use crate::conversation::effect::Effect;
use crate::conversation::session::{Name, NewField, Session, read_value};

/// Writes the frames of the session fields.
pub fn encode_fields(conversation: &Conversation, sink: &mut impl FnMut(&[u8])) {
    let mut frame = Vec::new();
    for (key, value) in conversation
        .session()
        .into_iter()
        .flat_map(Session::members)
    {
        frame.clear();
        for part in [&key, ":", value] {
            frame.extend_from_slice(part.as_bytes());
        }
        sink(&frame);
    }
}

/// Reads a conversation, see [`super::decode`].
pub fn decode<F: AsRef<[u8]>>(
    mut next: impl FnMut() -> Option<F>,
) -> Result<Conversation, DecodeError> {
    let frame = next().ok_or(DecodeError::Truncated)?;
    let header = StoredHeader::read(frame.as_ref(), 3)?;
    drop(frame);
    let mut conversation = header.begin();
    decode_fields(&header, &mut conversation, &mut next)?;
    segments::decode(&header, &mut conversation, next)?;
    header.finish(conversation)
}

/// Reads the session fields that `header` announces into `conversation`.
pub fn decode_fields<F: AsRef<[u8]>>(
    header: &StoredHeader,
    conversation: &mut Conversation,
    mut next: impl FnMut() -> Option<F>,
) -> Result<(), DecodeError> {
    for held in 0..header.fields {
        let frame = next().ok_or(DecodeError::Truncated)?;
        let effect = Effect {
            set_state: vec![read_field(frame.as_ref())?],
            ..Effect::default()
        };
        take(conversation, effect)?;
        if conversation.session().map(|s| s.len() as u64) != Some(held + 1) {
            return Err(invalid("a session field is duplicated"));
        }
    }
    Ok(())
}

fn read_field(frame: &[u8]) -> Result<NewField<'_>, DecodeError> {
    // The name is a JSON string: it ends at the first quote that is not escaped.
    let mut end = 1;
    let after_name = loop {
        match frame.get(end) {
            Some(b'"') => break end + 1,
            Some(b'\\') => end += 2,
            Some(_) => end += 1,
            None => return Err(invalid("a session field has no name")),
        }
    };
    let unreadable = |_| invalid("a session field is not readable");
    let (key, rest) = frame.split_at_checked(after_name).unwrap_or_default();
    let key = std::str::from_utf8(key).map_err(|_| unreadable(String::new()))?;
    let name = Name::of_key(key).map_err(unreadable)?;
    let value = rest.strip_prefix(b":").unwrap_or_default();
    let value = read_value(value).map_err(unreadable)?;
    if value.trim().len() != value.len() {
        return Err(invalid("a session field has surrounding white space"));
    }
    Ok(NewField::new(name, value))
}
