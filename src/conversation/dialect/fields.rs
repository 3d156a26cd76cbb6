//! The members of an object that the vocabulary knows.

use super::vocabulary::{self, Key, Row};
use crate::conversation::json::{Document, NodeId};

/// The known members of an object. Of equal keys the last one counts; a null value is a missing member.
pub struct Fields<'d, 'a> {
    doc: &'d Document<'a>,
    /// One bit for each key that is there: nearly all keys that are looked for are not.
    mask: [u64; 2],
    /// How many of `values` are in use.
    len: usize,
    values: [u32; FEW],
    /// Where in `values` that of a key is, and from [`FEW`] on in `more`; says something only of keys that are there.
    places: [u8; u128::BITS as usize],
    /// Those that did not fit: rare enough to be allocated.
    more: Option<Box<More>>,
}

/// Values for which there is no room in [`Fields`]: one for each key that there is.
struct More {
    len: usize,
    values: [u32; u128::BITS as usize],
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
            mask: [0; 2],
            len: 0,
            values: [0; FEW],
            places: [0; u128::BITS as usize],
            more: None,
        }
    }

    /// Adds the members of the object at `id`.
    pub fn fill(&mut self, id: NodeId) {
        self.doc.visit_members(id, |name, value| {
            let Some(key) = vocabulary::position_of(name) else {
                return;
            };
            let (Some(place), Some(half)) = (self.places.get_mut(key), self.mask.get_mut(key / 64))
            else {
                return;
            };
            match self.values.get_mut(self.len) {
                Some(free) => {
                    (*free, *place) = (value, self.len as u8);
                    *half |= 1 << (key % 64);
                    self.len += 1;
                }
                None => self.add_more(key, value),
            }
        });
    }

    /// Adds a member for which there is no room in `values`. One of equal keys takes the place of the other, so that there
    /// are never more places than fit in a byte.
    #[cold]
    #[inline(never)]
    fn add_more(&mut self, key: usize, value: u32) {
        let (Some(place), Some(half)) = (self.places.get_mut(key), self.mask.get_mut(key / 64))
        else {
            return;
        };
        let more = self.more.get_or_insert_with(|| {
            Box::new(More {
                len: 0,
                values: [0; u128::BITS as usize],
            })
        });
        let bit = 1 << (key % 64);
        if *half & bit == 0 {
            *half |= bit;
            *place = (FEW + more.len) as u8;
            more.len += 1;
        }
        let at = usize::from(*place);
        let slot = match self.values.get_mut(at) {
            Some(slot) => Some(slot),
            None => more.values.get_mut(at - FEW),
        };
        if let Some(slot) = slot {
            *slot = value;
        }
    }

    /// One bit for each key that is there.
    #[inline]
    fn mask(&self) -> u128 {
        let [low, high] = self.mask;
        u128::from(low) | u128::from(high) << 64
    }

    /// True if a key of the row is there, whatever its value.
    #[inline]
    pub fn has_key(&self, row: &Row) -> bool {
        self.mask() & row.mask != 0
    }

    /// True if of the keys in `all`, none but those in `few` are there.
    #[inline]
    pub fn has_only(&self, few: u128, all: u128) -> bool {
        self.mask() & all & !few == 0
    }

    /// True if any of these keys is there, whatever its value.
    #[inline]
    pub fn has_any_key(&self, mask: u128) -> bool {
        self.mask() & mask != 0
    }

    /// True if all keys of the row are there, whatever their values.
    #[inline]
    pub fn has_all_keys(&self, row: &Row) -> bool {
        self.mask() & row.mask == row.mask
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
    #[inline(always)]
    #[allow(clippy::inline_always)] // See `first`.
    pub fn get(&self, row: &Row) -> Option<NodeId> {
        self.first(row, |value| {
            Some(value).filter(|_| !self.doc.is_null(value))
        })
    }

    /// The first value of a row that is a string.
    #[inline(always)]
    #[allow(clippy::inline_always)] // See `first`.
    pub fn string(&self, row: &Row) -> Option<&'a str> {
        self.first(row, |value| self.doc.string(value))
    }

    /// The first value of a row that is an id: a string that is not empty.
    #[inline(always)]
    #[allow(clippy::inline_always)] // See `first`.
    pub fn id(&self, row: &Row) -> Option<&'a str> {
        self.first(row, |value| {
            self.doc.string(value).filter(|id| !id.is_empty())
        })
    }

    /// The first value of a row that is an object.
    #[inline(always)]
    #[allow(clippy::inline_always)] // See `first`.
    pub fn object(&self, row: &Row) -> Option<NodeId> {
        self.first(row, |value| {
            Some(value).filter(|_| self.doc.is_object(value))
        })
    }

    /// The first value of a row of which `take` makes something. A row is a constant: that it has no key there, and what its
    /// first key holds, which is the usual one, takes a few instructions.
    #[inline(always)]
    #[allow(clippy::inline_always)] // Otherwise the row is no constant.
    fn first<T>(&self, row: &Row, take: impl Fn(NodeId) -> Option<T>) -> Option<T> {
        let (&key, others) = row.keys().split_first()?;
        if self.mask() & (1 << key) != 0
            && let Some(taken) = take(self.raw(key)?)
        {
            return Some(taken);
        }
        let left = self.mask() & row.mask & !(1 << key);
        if left == 0 {
            return None;
        }
        self.first_of(left, others, take)
    }

    /// As [`Fields::first`], of these keys, those of `left` of which are there.
    #[inline(never)]
    fn first_of<T>(
        &self,
        left: u128,
        keys: &[Key],
        take: impl Fn(NodeId) -> Option<T>,
    ) -> Option<T> {
        let mut entries = RawEntries {
            fields: self,
            left,
            keys,
        };
        entries.find_map(|(_, value)| take(value))
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

    /// The values of a row, in its order, nulls included.
    #[inline]
    pub fn raw_values<'f>(
        &'f self,
        row: &'f Row,
    ) -> impl Iterator<Item = NodeId> + use<'f, 'd, 'a> {
        self.raw_entries(row).map(|(_, value)| value)
    }

    /// The keys and values of a row, in its order.
    #[inline]
    pub fn entries<'f>(
        &'f self,
        row: &'f Row,
    ) -> impl Iterator<Item = (Key, NodeId)> + use<'f, 'd, 'a> {
        self.raw_entries(row)
            .filter(|&(_, value)| !self.doc.is_null(value))
    }

    /// As [`Fields::entries`], nulls included.
    #[inline]
    fn raw_entries<'f>(&'f self, row: &'f Row) -> RawEntries<'f, 'd, 'a> {
        RawEntries {
            fields: self,
            left: self.mask() & row.mask,
            keys: row.keys(),
        }
    }

    /// The value of a key that is there: the last of equal ones.
    #[inline]
    fn raw(&self, key: Key) -> Option<NodeId> {
        let at = usize::from(*self.places.get(usize::from(key))?);
        let value = match self.values.get(at) {
            Some(value) => value,
            None => self.more.as_ref()?.values.get(at - FEW)?,
        };
        Some(*value as NodeId)
    }
}

/// See [`Fields::raw_entries`].
struct RawEntries<'f, 'd, 'a> {
    fields: &'f Fields<'d, 'a>,
    /// One bit for each key of the row that is there and was not visited.
    left: u128,
    keys: &'f [Key],
}

impl Iterator for RawEntries<'_, '_, '_> {
    type Item = (Key, NodeId);

    #[inline]
    fn next(&mut self) -> Option<(Key, NodeId)> {
        if self.left == 0 {
            return None;
        }
        // Nearly always one key of a row is there, so its order does not matter.
        if self.left.is_power_of_two() {
            let key = self.left.trailing_zeros() as Key;
            self.left = 0;
            return Some((key, self.fields.raw(key)?));
        }
        self.next_of_several()
    }
}

impl RawEntries<'_, '_, '_> {
    #[inline(never)]
    fn next_of_several(&mut self) -> Option<(Key, NodeId)> {
        loop {
            let (&key, rest) = self.keys.split_first()?;
            self.keys = rest;
            if self.left & (1 << key) != 0 {
                self.left &= !(1 << key);
                return Some((key, self.fields.raw(key)?));
            }
        }
    }
}
