//! The content of a message: which of the keys is read.

use super::item::Item;
use super::shape::{Place, Shape};
use super::vocabulary as words;
use crate::conversation::facts::Class;
use crate::conversation::json::NodeId;

/// The content of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// An array that is not empty, or a string.
    Read(NodeId),
    /// An object of no known spelling.
    Unread(NodeId),
    /// Null, `""` or `[]`.
    Empty,
    /// There is none.
    Absent,
}

impl<'a> Shape<'_, 'a> {
    /// The text of a message that has nothing else: most messages are such, and need no walk.
    #[inline]
    pub fn plain_text(&self) -> Option<&'a str> {
        let plain = self.place == Place::Own
            && self.item == Item::None
            && self.role.class != Class::Tool
            && self.fields.has_only(PLAIN, u128::MAX);
        if plain {
            self.fields.string(&words::CONTENT)
        } else {
            None
        }
    }

    /// The first array that is not empty, else the first string.
    #[inline]
    pub fn content(&self) -> Content {
        let (doc, fields) = (self.doc, &self.fields);
        // Nearly all messages have no other key of content.
        if fields.has_only(words::CONTENT.mask, words::PARTS.mask | words::STRINGS.mask) {
            let content = fields.raw_values(&words::CONTENT).next();
            return match content {
                Some(id) if doc.string(id).is_some() || doc.has_elements(id) => Content::Read(id),
                Some(id) if doc.is_object(id) => Content::Unread(id),
                Some(id) if doc.is_null(id) || doc.is_array(id) => Content::Empty,
                None | Some(_) => Content::Absent,
            };
        }
        self.content_of_several()
    }

    /// As [`Shape::content`], where several keys may have it.
    #[inline(never)]
    fn content_of_several(&self) -> Content {
        let (doc, fields) = (self.doc, &self.fields);
        if let Some(parts) = fields
            .all(&words::PARTS)
            .find(|&parts| doc.has_elements(parts))
        {
            return Content::Read(parts);
        }
        if let Some(text) = fields
            .all(&words::STRINGS)
            .find(|&text| doc.string(text).is_some())
        {
            return Content::Read(text);
        }
        let is_object = |id: &NodeId| doc.is_object(*id);
        if let Some(content) = fields.get(&words::CONTENT).filter(is_object) {
            return Content::Unread(content);
        }
        let is_empty = |id| doc.is_null(id) || doc.is_array(id);
        let empty =
            fields.any_raw(&words::PARTS, is_empty) || fields.any_raw(&words::STRINGS, is_empty);
        if empty {
            return Content::Empty;
        }
        let mut others = fields.all(&words::PARTS).chain(fields.all(&words::STRINGS));
        match others.find(is_object) {
            Some(content) => Content::Unread(content),
            None => Content::Absent,
        }
    }

    /// The content, if it is an array of blocks.
    pub fn content_array(&self) -> Option<NodeId> {
        match self.content() {
            Content::Read(content) => Some(content).filter(|&content| self.doc.is_array(content)),
            _ => None,
        }
    }
}

/// What a message may have that is only text: neither key changes how another is read.
const PLAIN: u128 = words::ROLE.mask | words::CONTENT.mask | words::ID.mask | words::TYPE.mask;

/// Content of its own: an object with some is no envelope.
pub const OWN_CONTENT: u128 = (words::PARTS.mask | words::STRINGS.mask) & !words::ENVELOPE.mask
    | words::CALL_LISTS.mask
    | words::FUNCTION_CALL.mask;
