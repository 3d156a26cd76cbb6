//! The members of an object that the vocabulary knows.

use smallvec::SmallVec;

use super::vocabulary::{self, Key, Row};
use crate::conversation::json::{Document, NodeId};

/// The known members of an object. Of equal keys the last one counts; a null value is a missing member.
pub struct Fields<'d, 'a> {
    doc: &'d Document<'a>,
    /// One bit for each key in `found`: nearly all keys that are looked for are not there.
    mask: u128,
    /// In the order of the object. More than fit here are rare enough to be allocated.
    found: SmallVec<[(Key, u32); 10]>,
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
                fields.mask |= bit(key);
                fields.found.push((key, value));
            }
        }
        fields
    }

    /// True if a key of the row is there, whatever its value.
    #[inline]
    pub fn has_key(&self, row: &Row) -> bool {
        self.mask & row.mask != 0
    }

    /// True if of the keys in `all`, none but those in `few` are there.
    #[inline]
    pub fn has_only(&self, few: u128, all: u128) -> bool {
        self.mask & all & !few == 0
    }

    /// True if any of these keys is there, whatever its value.
    #[inline]
    pub fn has_any_key(&self, mask: u128) -> bool {
        self.mask & mask != 0
    }

    /// True if all keys of the row are there, whatever their values.
    #[inline]
    pub fn has_all_keys(&self, row: &Row) -> bool {
        self.mask & row.mask == row.mask
    }

    /// True if the row has a value.
    #[inline]
    pub fn has_value(&self, row: &Row) -> bool {
        self.has_key(row) && self.find(row, |_| true).is_some()
    }

    /// The values of a row, in its order.
    #[inline]
    pub fn all<'f>(&'f self, row: &'f Row) -> impl Iterator<Item = NodeId> + 'f {
        let keys = if self.has_key(row) { row.keys() } else { &[] };
        keys.iter().filter_map(move |&key| self.value(key))
    }

    /// The first value of a row.
    #[inline]
    pub fn get(&self, row: &Row) -> Option<NodeId> {
        if self.has_key(row) {
            self.find(row, |_| true)
        } else {
            None
        }
    }

    /// The first value of a row that is a string.
    #[inline]
    pub fn string(&self, row: &Row) -> Option<&'a str> {
        if self.has_key(row) {
            self.find_string(row, |_| true)
        } else {
            None
        }
    }

    /// The first value of a row that is an id: a string that is not empty.
    #[inline]
    pub fn id(&self, row: &Row) -> Option<&'a str> {
        if self.has_key(row) {
            self.find_string(row, |id| !id.is_empty())
        } else {
            None
        }
    }

    /// The first value of a row that is an object.
    #[inline]
    pub fn object(&self, row: &Row) -> Option<NodeId> {
        if self.has_key(row) {
            self.find(row, |value| self.doc.is_object(value))
        } else {
            None
        }
    }

    /// The members of the first value of a row that is an object.
    #[inline]
    pub fn inner(&self, row: &Row) -> Option<Fields<'d, 'a>> {
        self.object(row).map(|id| Fields::of(self.doc, id))
    }

    /// True if a value of the row, nulls included, is so.
    pub fn any_raw(&self, row: &Row, is: impl Fn(NodeId) -> bool) -> bool {
        self.has_key(row) && row.keys().iter().any(|&key| self.raw(key).is_some_and(&is))
    }

    /// The value of a key.
    pub fn value(&self, key: Key) -> Option<NodeId> {
        self.raw(key).filter(|&value| !self.doc.is_null(value))
    }

    fn find(&self, row: &Row, is: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let mut keys = row.keys().iter();
        keys.find_map(|&key| self.value(key).filter(|&value| is(value)))
    }

    fn find_string(&self, row: &Row, is: impl Fn(&str) -> bool) -> Option<&'a str> {
        let mut keys = row.keys().iter();
        keys.find_map(|&key| {
            let text = self.doc.string(self.raw(key)?)?;
            Some(text).filter(|text| is(text))
        })
    }

    fn raw(&self, key: Key) -> Option<NodeId> {
        if self.mask & bit(key) == 0 {
            return None;
        }
        let mut newest_first = self.found.iter().rev();
        newest_first
            .find(|(found, _)| *found == key)
            .map(|&(_, value)| value as NodeId)
    }
}

#[inline]
fn bit(key: Key) -> u128 {
    1 << (key & 127)
}
