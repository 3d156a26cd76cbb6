//! The members of an object that the vocabulary knows.

use super::vocabulary::{self, Key, Row};
use crate::conversation::json::{Document, NodeId};

/// The known members of an object. Of equal keys the last one counts; a null value is a missing member.
pub struct Fields<'d, 'a> {
    doc: &'d Document<'a>,
    /// One bit for each key in `found`: nearly all keys that are looked for are not there.
    mask: u128,
    /// How many of `keys` and `values` are in use.
    len: usize,
    /// In the order of the object.
    keys: [Key; FEW],
    values: [u32; FEW],
    /// Those that did not fit: rare enough to be allocated.
    more: Vec<(Key, u32)>,
}

/// Known members of nearly all objects.
const FEW: usize = 10;

impl<'d, 'a> Fields<'d, 'a> {
    /// The members of the object at `id`; none of any other value.
    #[inline]
    pub fn of(doc: &'d Document<'a>, id: NodeId) -> Self {
        let mut fields = Self::none(doc);
        // Filled where it is: returned from a function, it would be copied.
        fields.fill(id);
        fields
    }

    /// No members.
    #[inline]
    pub fn none(doc: &'d Document<'a>) -> Self {
        Self {
            doc,
            mask: 0,
            len: 0,
            keys: [0; FEW],
            values: [0; FEW],
            more: Vec::new(),
        }
    }

    /// Adds the members of the object at `id`.
    pub fn fill(&mut self, id: NodeId) {
        self.doc.visit_members(id, |name, value| {
            if let Some(key) = vocabulary::key(name) {
                self.mask |= bit(key);
                let free = self.len;
                match (self.keys.get_mut(free), self.values.get_mut(free)) {
                    (Some(free_key), Some(free_value)) => {
                        (*free_key, *free_value) = (key, value);
                        self.len += 1;
                    }
                    _ => self.more.push((key, value)),
                }
            }
        });
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
        self.get(row).is_some()
    }

    /// The values of a row, in its order.
    #[inline]
    pub fn all<'f>(&'f self, row: &'f Row) -> impl Iterator<Item = NodeId> + use<'f, 'd, 'a> {
        let doc = self.doc;
        self.raw_values(row)
            .filter(move |&value| !doc.is_null(value))
    }

    /// The first value of a row.
    #[inline]
    pub fn get(&self, row: &Row) -> Option<NodeId> {
        self.all(row).next()
    }

    /// The first value of a row that is a string.
    #[inline]
    pub fn string(&self, row: &Row) -> Option<&'a str> {
        self.raw_values(row)
            .find_map(|value| self.doc.string(value))
    }

    /// The first value of a row that is an id: a string that is not empty.
    #[inline]
    pub fn id(&self, row: &Row) -> Option<&'a str> {
        self.raw_values(row)
            .find_map(|value| self.doc.string(value).filter(|id| !id.is_empty()))
    }

    /// The first value of a row that is an object.
    #[inline]
    pub fn object(&self, row: &Row) -> Option<NodeId> {
        self.raw_values(row)
            .find(|&value| self.doc.is_object(value))
    }

    /// The members of the first value of a row that is an object.
    #[inline]
    pub fn inner(&self, row: &Row) -> Option<Fields<'d, 'a>> {
        self.object(row).map(|id| Fields::of(self.doc, id))
    }

    /// True if a value of the row, nulls included, is so.
    pub fn any_raw(&self, row: &Row, is: impl Fn(NodeId) -> bool) -> bool {
        self.raw_values(row).any(is)
    }

    /// The value of a key.
    pub fn value(&self, key: Key) -> Option<NodeId> {
        if self.mask & bit(key) == 0 {
            return None;
        }
        Some(self.raw(key)?).filter(|&value| !self.doc.is_null(value))
    }

    /// The values of a row, in its order, nulls included.
    #[inline]
    pub fn raw_values<'f>(&'f self, row: &'f Row) -> RawValues<'f, 'd, 'a> {
        RawValues {
            fields: self,
            left: self.mask & row.mask,
            keys: row.keys(),
        }
    }

    /// The value of a key that is there: the last of equal ones.
    #[inline]
    fn raw(&self, key: Key) -> Option<NodeId> {
        let mut more = self.more.iter().rev();
        let value = match more.find(|(found, _)| *found == key) {
            Some((_, value)) => value,
            None => {
                let at = (self.keys.get(..self.len)?.iter()).rposition(|&found| found == key)?;
                self.values.get(at)?
            }
        };
        Some(*value as NodeId)
    }
}

/// See [`Fields::raw_values`].
pub struct RawValues<'f, 'd, 'a> {
    fields: &'f Fields<'d, 'a>,
    /// One bit for each key of the row that is there and was not visited.
    left: u128,
    keys: &'f [Key],
}

impl Iterator for RawValues<'_, '_, '_> {
    type Item = NodeId;

    #[inline]
    fn next(&mut self) -> Option<NodeId> {
        if self.left == 0 {
            return None;
        }
        // Nearly always one key of a row is there, so its order does not matter.
        if self.left.is_power_of_two() {
            let key = self.left.trailing_zeros() as Key;
            self.left = 0;
            return self.fields.raw(key);
        }
        self.next_of_several()
    }
}

impl RawValues<'_, '_, '_> {
    #[inline(never)]
    fn next_of_several(&mut self) -> Option<NodeId> {
        loop {
            let (&key, rest) = self.keys.split_first()?;
            self.keys = rest;
            if self.left & bit(key) != 0 {
                self.left &= !bit(key);
                return self.fields.raw(key);
            }
        }
    }
}

/// As `1 << key`, which costs twice as much.
#[inline]
fn bit(key: Key) -> u128 {
    let half = 1u64 << (key & 63);
    let upper = 0u64.wrapping_sub(u64::from(key >> 6 & 1));
    u128::from(half & !upper) | u128::from(half & upper) << 64
}
