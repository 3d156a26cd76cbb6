//! Messages in MessagePack: at once, or converted in advance on a background thread.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use simd_json::{Node, StaticNode};

use crate::conversation::json::{Document, NodeId, with_document};

/// Most messages that are looked for among those that were converted, because others stand in their place.
const MOST_SEARCHES: usize = 64;

/// Messages that are to be converted to MessagePack.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unconverted {
    /// The messages, one after the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Unconverted {
    /// None, with room for so many messages and bytes.
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
        let header = msgpack.len();
        let mut ends = Vec::with_capacity(self.ends.len());
        for index in 0..self.ends.len() {
            push_msgpack(self.message(index), &mut msgpack);
            ends.push(msgpack.len());
        }
        Converted {
            messages: self,
            msgpack,
            header,
            ends,
        }
    }

    fn message(&self, index: usize) -> &[u8] {
        run(&self.bytes, &self.ends, 0, index)
    }
}

/// Messages and what they become in MessagePack.
#[derive(Debug)]
pub struct Converted {
    messages: Unconverted,
    msgpack: Vec<u8>,
    /// Bytes before the first message.
    header: usize,
    /// Where each message ends.
    ends: Vec<usize>,
}

impl Converted {
    /// `messages` in MessagePack, if they are these, but for messages that were removed, and at most `most` bytes of others, or
    /// half of all: those are converted now. So a list that grows all the time is not converted for ever.
    pub(super) fn of(&self, messages: &Unconverted, most: usize) -> Option<Cow<'_, [u8]>> {
        if *messages == self.messages {
            return Some(Cow::Borrowed(&self.msgpack));
        }
        let mut msgpack = array_of(messages.ends.len());
        msgpack.reserve(self.msgpack.len());
        let most = most.max(messages.bytes.len() / 2);
        let (mut next, mut searches, mut others) = (0, 0, 0usize);
        for index in 0..messages.ends.len() {
            let message = messages.message(index);
            let held = if next < self.ends.len() && self.messages.message(next) == message {
                Some(next)
            } else {
                // What follows the last one that was converted has been appended.
                searches += usize::from(next < self.ends.len());
                (next..self.ends.len()).find(|&held| self.messages.message(held) == message)
            };
            match held {
                Some(held) => {
                    msgpack.extend_from_slice(run(&self.msgpack, &self.ends, self.header, held));
                    next = held + 1;
                }
                None => {
                    others = others.saturating_add(message.len());
                    push_msgpack(message, &mut msgpack);
                }
            }
            if searches > MOST_SEARCHES || others > most {
                return None;
            }
        }
        Some(Cow::Owned(msgpack))
    }
}

/// What lies between the end at `index` and the one before it, or `begin`.
fn run<'b>(bytes: &'b [u8], ends: &[usize], begin: usize, index: usize) -> &'b [u8] {
    let before = index.checked_sub(1);
    let begin = before.map_or(Some(begin), |before| ends.get(before).copied());
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
