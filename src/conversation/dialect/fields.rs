//! The members of an object that the vocabulary knows.

use smallvec::SmallVec;

use super::vocabulary::{self, Key, Row};
use crate::conversation::json::{Document, NodeId};

/// The known members of an object. Of equal keys the last one counts; a null value is a missing member.
pub struct Fields<'d, 'a> {
    doc: &'d Document<'a>,
    /// One bit for each key in `found`.
    mask: u128,
    /// In the order of the object. More than fit here are rare enough to be allocated.
    found: SmallVec<[(Key, u32); 12]>,
}

impl<'d, 'a> Fields<'d, 'a> {
    /// The members of the object at `id`; none of any other value.
    pub fn of(doc: &'d Document<'a>, id: NodeId) -> Self {
        let mut fields = Self {
            doc,
            mask: 0,
            found: SmallVec::new(),
        };
        for (name, value) in doc.members(id) {
            if let (Some(key), Ok(value)) = (vocabulary::key(name), u32::try_from(value)) {
                fields.mask |= 1 << key;
                fields.found.push((key, value));
            }
        }
        fields
    }

    /// True if a key of the row is there, whatever its value.
    pub fn has_key(&self, row: &Row) -> bool {
        self.mask & row.mask != 0
    }

    /// True if any of these keys is there, whatever its value.
    pub fn has_any_key(&self, mask: u128) -> bool {
        self.mask & mask != 0
    }

    /// True if the row has a value.
    pub fn has_value(&self, row: &Row) -> bool {
        self.get(row).is_some()
    }

    /// True if all keys of the row are there, whatever their values.
    pub fn has_all_keys(&self, row: &Row) -> bool {
        self.mask & row.mask == row.mask
    }

    /// The values of a row, in its order.
    pub fn all<'f>(&'f self, row: &'f Row) -> impl Iterator<Item = NodeId> + 'f {
        let present = if self.has_key(row) { usize::MAX } else { 0 };
        row.keys()
            .take(present)
            .filter_map(move |key| self.value(key))
    }

    /// The values of a row, in its order, nulls included.
    pub fn all_raw<'f>(&'f self, row: &'f Row) -> impl Iterator<Item = NodeId> + 'f {
        let present = if self.has_key(row) { usize::MAX } else { 0 };
        row.keys()
            .take(present)
            .filter_map(move |key| self.raw(key))
    }

    /// The first value of a row.
    pub fn get(&self, row: &Row) -> Option<NodeId> {
        self.all(row).next()
    }

    /// The first value of a row that is a string.
    pub fn string(&self, row: &Row) -> Option<&'a str> {
        self.all(row).find_map(|value| self.doc.string(value))
    }

    /// The first value of a row that is an id: a string that is not empty.
    pub fn id(&self, row: &Row) -> Option<&'a str> {
        self.all(row)
            .find_map(|value| self.doc.string(value).filter(|id| !id.is_empty()))
    }

    /// The first value of a row that is an object.
    pub fn object(&self, row: &Row) -> Option<NodeId> {
        self.all(row).find(|&value| self.doc.is_object(value))
    }

    /// The members of the first value of a row that is an object.
    pub fn inner(&self, row: &Row) -> Option<Fields<'d, 'a>> {
        self.object(row).map(|id| Fields::of(self.doc, id))
    }

    fn raw(&self, key: Key) -> Option<NodeId> {
        if self.mask & (1 << key) == 0 {
            return None;
        }
        let mut newest_first = self.found.iter().rev();
        newest_first
            .find(|(found, _)| *found == key)
            .map(|&(_, value)| value as NodeId)
    }

    /// The value of a key.
    pub fn value(&self, key: Key) -> Option<NodeId> {
        self.raw(key).filter(|&value| !self.doc.is_null(value))
    }
}
