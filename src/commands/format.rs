//! Lists of messages in the formats of `CONV.RECENT` and `CONV.RANGE`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use simd_json::{Node, StaticNode};
use smallvec::SmallVec;

use super::Env;
use super::arg_parser::Args;
use super::error::CommandError;
use super::reply::Reply;
use crate::conversation::json::{Document, NodeId, with_document};
use crate::conversation::log::Log;
use crate::conversation::log_read::Messages;
use crate::conversation::log_snapshot::Snapshot;
use crate::conversation::rendering::Rendering;
use crate::conversation::search::{Measure, Visible};
use crate::conversation::{Conversation, Unreadable};

/// The reply buffer is freed after use if it is larger than this, so that one large reply does not occupy memory
/// permanently.
const KEEP_BYTES: usize = 256 << 10;

/// Most messages that are looked for among those that were converted, because others stand in their place.
const MOST_SEARCHES: usize = 64;

thread_local! {
    static JSON: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The format of a list of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// An array of bulk strings.
    #[default]
    List,
    /// One bulk string with a JSON array.
    Json,
    /// One bulk string with a MessagePack array of maps.
    MsgPack,
}

impl Format {
    /// Takes the value of the option `FORMAT`.
    ///
    /// # Errors
    /// It is missing, or no format.
    pub fn take(args: &mut Args<'_>) -> Result<Self, CommandError> {
        Ok(match args.choice("FORMAT", &["LIST", "JSON", "MSGPACK"])? {
            "JSON" => Self::Json,
            "MSGPACK" => Self::MsgPack,
            _ => Self::List,
        })
    }
}

/// A part of a list of messages.
pub enum Piece<'a> {
    /// A message that the log does not contain, such as the summary.
    One(&'a [u8]),
    /// A range of the log. With `true`, only messages that are not hidden.
    Held(Range<usize>, bool),
    /// As `Held` with `true`, with messages edited in this way.
    Rendered(Range<usize>, Rendering<'a>),
}

/// Messages that are to be converted to MessagePack.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unconverted {
    /// The messages, one after the other.
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Unconverted {
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
    fn of(&self, messages: &Unconverted, most: usize) -> Option<Cow<'_, [u8]>> {
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

/// A piece that can be read.
#[expect(
    clippy::large_enum_variant,
    reason = "a handful on the stack, rather than an allocation in every RECENT"
)]
enum Readable<'a> {
    One(&'a [u8]),
    Held(Messages<'a>, bool),
}

/// A message list that can be written: its messages are readable.
#[derive(Default)]
pub struct MessageList<'a> {
    pieces: SmallVec<[Readable<'a>; 4]>,
    /// Number of messages.
    count: usize,
    /// Bytes of the messages, each with a comma.
    bytes: usize,
    /// The newest message is written first (`REV`).
    newest_first: bool,
}

impl<'a> MessageList<'a> {
    /// The messages of `pieces` that must be decompressed first, if those are more than the command may decompress itself.
    pub fn to_decompress(
        conversation: &Conversation,
        pieces: &[Piece<'_>],
        env: &Env<'_>,
    ) -> Option<Vec<Snapshot>> {
        let ranges = pieces.iter().filter_map(|piece| match piece {
            Piece::One(_) => None,
            Piece::Held(range, _) | Piece::Rendered(range, _) => Some(range.clone()),
        });
        let log = conversation.log();
        log.deeper_than(env.decompress_at_once, ranges)
    }

    /// Makes the messages of `pieces` readable.
    ///
    /// # Errors
    /// There is not enough memory to decompress them.
    pub fn read(
        conversation: &'a Conversation,
        pieces: impl IntoIterator<Item = Piece<'a>>,
    ) -> Result<Self, Unreadable> {
        let log = conversation.log();
        let mut list = Self {
            pieces: SmallVec::new(),
            count: 0,
            bytes: 0,
            newest_first: false,
        };
        for piece in pieces {
            let (range, visible, rendering) = match piece {
                Piece::One(_) => (0..0, false, None),
                Piece::Held(ref range, visible) => (range.clone(), visible, None),
                Piece::Rendered(ref range, rendering) => (range.clone(), true, Some(rendering)),
            };
            let (count, bytes, readable) = match piece {
                Piece::One(message) => (1, message.len() + 1, Readable::One(message)),
                Piece::Held(..) | Piece::Rendered(..) => {
                    let count = if visible {
                        sum_of::<Visible>(log, &range)
                    } else {
                        range.len()
                    };
                    let bytes = log.bytes_of(&range);
                    let messages = log.read(range)?;
                    let messages = match rendering {
                        Some(rendering) => messages.rendered(rendering),
                        None => messages,
                    };
                    (count, bytes, Readable::Held(messages, visible))
                }
            };
            list.count += count;
            list.bytes += bytes;
            list.pieces.push(readable);
        }
        Ok(list)
    }

    /// The same list in reverse order if `reversed`.
    #[must_use]
    pub fn in_reverse(mut self, reversed: bool) -> Self {
        self.newest_first = reversed;
        self
    }

    /// The list in MessagePack, if it is among `converted`, what was converted for this command; nothing if that is not
    /// needed.
    ///
    /// # Errors
    /// The messages must be converted first: they are more than `most` bytes, which the command may convert itself.
    pub fn converted<'c>(
        &self,
        format: Format,
        converted: &'c [Converted],
        most: usize,
    ) -> Result<Option<Cow<'c, [u8]>>, Unconverted> {
        if format != Format::MsgPack || (self.bytes <= most && converted.is_empty()) {
            return Ok(None);
        }
        let mut messages = Unconverted::default();
        messages.bytes.reserve_exact(self.bytes);
        messages.ends.reserve_exact(self.count);
        self.each(|message| {
            messages.bytes.extend_from_slice(message);
            messages.ends.push(messages.bytes.len());
        });
        match converted.iter().find_map(|c| c.of(&messages, most)) {
            None if self.bytes > most => Err(messages),
            done => Ok(done),
        }
    }

    /// Writes the messages in the format. `done`: what [`MessageList::converted`] returned.
    pub fn write(&self, format: Format, done: Option<&[u8]>, out: &mut dyn Reply) {
        match format {
            Format::List => {
                out.array(self.count);
                self.each(|message| out.bulk(message));
            }
            Format::Json => JSON.with_borrow_mut(|json| {
                json.clear();
                // Reserve all at once, because growing would copy the reply several times.
                json.reserve(self.bytes + 2);
                self.write_json(json);
                out.bulk(json);
                if json.capacity() > KEEP_BYTES {
                    *json = Vec::new();
                }
            }),
            Format::MsgPack => match done {
                Some(msgpack) => out.bulk(msgpack),
                None => out.bulk(&msgpack(self.count, |visit| self.each(visit))),
            },
        }
    }

    fn each(&self, mut visit: impl FnMut(&[u8])) {
        if self.newest_first {
            for piece in self.pieces.iter().rev() {
                match piece {
                    Readable::One(message) => visit(message),
                    Readable::Held(messages, visible) => {
                        messages.visit_newest_first(*visible, |m| visit(m.bytes));
                    }
                }
            }
            return;
        }
        for piece in &self.pieces {
            match piece {
                Readable::One(message) => visit(message),
                Readable::Held(messages, visible) => messages.visit(*visible, |m| visit(m.bytes)),
            }
        }
    }

    /// Appends the messages as a JSON array.
    fn write_json(&self, json: &mut Vec<u8>) {
        json.push(b'[');
        if self.newest_first {
            self.each(|message| {
                json.extend_from_slice(message);
                json.push(b',');
            });
        } else {
            self.push_runs(json);
        }
        // The bracket replaces the comma after the last message.
        if json.len() > 1 {
            json.pop();
        }
        json.push(b']');
    }

    /// Appends the messages in order, each with a comma, in runs as they are stored side by side.
    fn push_runs(&self, json: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Readable::One(message) => {
                    json.extend_from_slice(message);
                    json.push(b',');
                }
                Readable::Held(messages, visible) => {
                    messages.visit_runs(*visible, |run| json.extend_from_slice(run));
                }
            }
        }
    }
}

/// Appends messages as a JSON array.
pub(super) fn push_messages(messages: &Messages<'_>, json: &mut Vec<u8>) {
    json.push(b'[');
    let begin = json.len();
    messages.visit_runs(false, |run| json.extend_from_slice(run));
    // The bracket replaces the comma after the last message.
    if json.len() > begin {
        json.pop();
    }
    json.push(b']');
}

/// The sum of `M` over the messages of a range.
fn sum_of<M: Measure>(log: &Log, range: &Range<usize>) -> usize {
    log.before::<M>(range.end)
        .saturating_sub(log.before::<M>(range.start)) as usize
}

/// `count` messages, which `each` visits, as a MessagePack array.
fn msgpack(count: usize, each: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Vec<u8> {
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
