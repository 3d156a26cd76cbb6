//! Messages in MessagePack: at once, or converted in advance on a background thread.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use simd_json::{Node, StaticNode};
use smallvec::SmallVec;

use crate::conversation::json::{Document, NodeId, with_document};

/// Most messages that are looked for in whole lists, because others stand in their place.
const MOST_SEARCHES: usize = 64;

/// Messages that are to be converted to MessagePack.
#[derive(Debug, Default)]
pub struct Unconverted {
    /// The messages, one after the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Unconverted {
    /// No messages yet, with room for `messages` of them and `bytes` in all.
    #[must_use]
    pub fn with_room(messages: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(messages),
        }
    }

    /// Adds a message.
    pub fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.ends.push(self.bytes.len());
    }

    /// Bytes of the messages.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Converts them. Takes much longer than copying them.
    #[must_use]
    pub fn convert(self) -> Converted {
        let mut msgpack = array_of(self.ends.len());
        let begin = msgpack.len();
        let mut ends = Vec::with_capacity(self.ends.len());
        for index in 0..self.ends.len() {
            push_msgpack(self.message(index), &mut msgpack);
            ends.push(msgpack.len());
        }
        Converted {
            messages: self,
            msgpack,
            begin,
            ends,
        }
    }

    /// The messages as a MessagePack array. What is among `converted` is copied, the rest is converted now.
    ///
    /// # Errors
    /// The rest is more than `most` bytes: these messages must be converted first. So a list that grows all the time needs less
    /// each time.
    pub(super) fn assembled(&self, converted: &[&Converted], most: usize) -> Result<Vec<u8>, Self> {
        let mut found = Finder::new(converted);
        let mut rest = Self::default();
        let mut msgpack = array_of(self.ends.len());
        msgpack.reserve(converted.iter().map(|list| list.msgpack.len()).sum());
        for index in 0..self.ends.len() {
            let message = self.message(index);
            if let Some(done) = found.next(message) {
                msgpack.extend_from_slice(done);
                continue;
            }
            rest.push(message);
            // Once there is too much, the rest is only collected.
            if rest.bytes() <= most {
                push_msgpack(message, &mut msgpack);
            }
        }
        if rest.bytes() > most {
            Err(rest)
        } else {
            Ok(msgpack)
        }
    }

    fn message(&self, index: usize) -> &[u8] {
        between(&self.bytes, &self.ends, 0, index)
    }
}

/// Messages and what they become in MessagePack.
#[derive(Debug)]
pub struct Converted {
    messages: Unconverted,
    /// The array.
    msgpack: Vec<u8>,
    /// Where its first message begins.
    begin: usize,
    /// Where each message ends.
    ends: Vec<usize>,
}

impl Converted {
    /// The array, if it is that of the `count` messages that `each` visits. Compares them where they are: a copy of megabytes
    /// takes as long as sending them.
    pub(super) fn array_of(
        &self,
        count: usize,
        each: impl FnOnce(&mut dyn FnMut(&[u8])),
    ) -> Option<&[u8]> {
        if count != self.ends.len() {
            return None;
        }
        let (mut index, mut is_same) = (0, true);
        each(&mut |message| {
            is_same = is_same && self.messages.message(index) == message;
            index += 1;
        });
        (is_same && index == count).then_some(&*self.msgpack)
    }

    fn message(&self, index: usize) -> &[u8] {
        between(&self.msgpack, &self.ends, self.begin, index)
    }
}

/// Finds messages in lists that were converted, in the order in which the lists have them.
struct Finder<'c> {
    /// Each list with the index of its next message.
    lists: SmallVec<[(&'c Converted, usize); 4]>,
    /// Messages that were looked for in whole lists because others stand in their place.
    searches: usize,
}

impl<'c> Finder<'c> {
    fn new(converted: &[&'c Converted]) -> Self {
        Self {
            lists: converted.iter().map(|list| (*list, 0)).collect(),
            searches: 0,
        }
    }

    /// `message` in MessagePack.
    fn next(&mut self, message: &[u8]) -> Option<&'c [u8]> {
        let is_next = |(list, next): &(&Converted, usize)| {
            *next < list.ends.len() && list.messages.message(*next) == message
        };
        if let Some((list, next)) = self.lists.iter_mut().find(|list| is_next(list)) {
            *next += 1;
            return Some(list.message(*next - 1));
        }
        // Messages before it may have been removed. What follows the last message of a list was appended to it.
        for (list, next) in &mut self.lists {
            if *next >= list.ends.len() || self.searches >= MOST_SEARCHES {
                continue;
            }
            self.searches += 1;
            let mut others = *next..list.ends.len();
            if let Some(index) = others.find(|&index| list.messages.message(index) == message) {
                *next = index + 1;
                return Some(list.message(index));
            }
        }
        None
    }
}

/// What lies between the end at `index` and the one before it, or `first`.
fn between<'b>(bytes: &'b [u8], ends: &[usize], first: usize, index: usize) -> &'b [u8] {
    let before = index.checked_sub(1);
    let begin = before.map_or(Some(first), |before| ends.get(before).copied());
    begin
        .zip(ends.get(index).copied())
        .and_then(|(begin, end)| bytes.get(begin..end))
        .unwrap_or_default()
}

/// `count` messages, which `each` visits, as a MessagePack array.
pub(super) fn msgpack(count: usize, each: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<u8> {
    let mut encoded = array_of(count);
    each(&mut |message| push_msgpack(message, &mut encoded));
    encoded
}

/// The beginning of an array of `count` elements.
fn array_of(count: usize) -> Vec<u8> {
    let mut encoded = Vec::new();
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    // Writing into memory cannot fail.
    let _ = rmp::encode::write_array_len(&mut encoded, count);
    encoded
}

/// Appends a message, which is valid JSON, as MessagePack.
fn push_msgpack(message: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    let encoded = with_document(message, |document| {
        let mut serializer = rmp_serde::Serializer::new(&mut *out);
        Value { document, id: 0 }.serialize(&mut serializer).is_ok()
    });
    if encoded != Ok(true) {
        // Unreachable, because stored messages are valid JSON. Nil keeps the array well formed.
        out.truncate(begin);
        let _ = rmp::encode::write_nil(out);
    }
}

/// A JSON value that serde serialises. Of duplicate keys the last one counts. Numbers that exceed 64 bits become floats,
/// as in Python's `json`.
struct Value<'d, 'a> {
    document: &'d Document<'a>,
    id: NodeId,
}

impl Serialize for Value<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = |id| Value {
            document: self.document,
            id,
        };
        match self.document.node(self.id) {
            Some(Node::Object { .. }) => {
                let members = distinct(self.document, self.id);
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, id) in members {
                    map.serialize_entry(key, &at(id))?;
                }
                map.end()
            }
            Some(Node::Array { len, .. }) => {
                let mut array = serializer.serialize_seq(Some(*len))?;
                for id in self.document.elements(self.id) {
                    array.serialize_element(&at(id))?;
                }
                array.end()
            }
            Some(Node::String(text)) => serializer.serialize_str(text),
            Some(Node::Static(StaticNode::Bool(value))) => serializer.serialize_bool(*value),
            Some(Node::Static(StaticNode::Null)) | None => serializer.serialize_none(),
            Some(Node::Static(number)) => {
                let Some(text) = self.document.number_source(self.id) else {
                    return match number {
                        StaticNode::I64(integer) => serializer.serialize_i64(*integer),
                        StaticNode::U64(integer) => serializer.serialize_u64(*integer),
                        StaticNode::F64(float) => serializer.serialize_f64(*float),
                        StaticNode::Bool(_) | StaticNode::Null => serializer.serialize_none(),
                    };
                };
                if let Ok(integer) = text.parse::<i64>() {
                    serializer.serialize_i64(integer)
                } else if let Ok(integer) = text.parse::<u64>() {
                    serializer.serialize_u64(integer)
                } else {
                    serializer.serialize_f64(text.parse().unwrap_or(f64::NAN))
                }
            }
        }
    }
}

/// The members of an object in order. Of duplicate keys only the last member is included.
fn distinct<'a>(document: &Document<'a>, id: NodeId) -> Vec<(&'a str, NodeId)> {
    let mut members: Vec<_> = document.members(id).collect();
    let mut seen = std::collections::HashSet::with_capacity(members.len());
    members.reverse();
    members.retain(|(key, _)| seen.insert(*key));
    members.reverse();
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(numbers: impl IntoIterator<Item = usize>) -> Unconverted {
        let mut list = Unconverted::default();
        for n in numbers {
            list.push(format!(r#"{{"role":"user","content":"message {n}"}}"#).as_bytes());
        }
        list
    }

    fn all(numbers: impl IntoIterator<Item = usize>) -> Vec<u8> {
        list(numbers).assembled(&[], usize::MAX).expect("no limit")
    }

    #[test]
    fn what_was_converted_is_used_whatever_has_changed() {
        let converted = list(0..1000).convert();
        // Nothing, removed from the front, from the middle, appended, prepended, all.
        for (numbers, rest) in [
            ((0..1000).collect::<Vec<_>>(), 0),
            ((200..1000).collect(), 0),
            ((0..1000).filter(|n| n % 50 != 7).collect(), 0),
            ((0..1010).collect(), 10),
            ((1000..1005).chain(0..1000).collect(), 5),
            ((5000..5100).collect(), 100),
        ] {
            let now = list(numbers.clone());
            let done = now.assembled(&[&converted], usize::MAX);
            assert_eq!(done.expect("no limit"), all(numbers.clone()));
            match now.assembled(&[&converted], 0) {
                Ok(_) => assert_eq!(rest, 0),
                Err(more) => assert_eq!(more.ends.len(), rest),
            }
        }
    }

    /// Each time only what is new must be converted, in several lists as in one.
    #[test]
    fn a_list_that_grows_needs_less_each_time() {
        let mut converted = vec![list(0..1000).convert()];
        for end in [1100, 1110, 1111] {
            let held: Vec<&Converted> = converted.iter().collect();
            let more = list(0..end).assembled(&held, 10).expect_err("too much");
            converted.push(more.convert());
            let held: Vec<&Converted> = converted.iter().collect();
            assert_eq!(list(0..end).assembled(&held, 0).ok(), Some(all(0..end)));
        }
        assert_eq!(converted[1].ends.len(), 100);
        assert_eq!(converted[3].ends.len(), 1);
    }
}
