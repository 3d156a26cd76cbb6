//! Lists of messages in the formats of `CONV.RECENT` and `CONV.RANGE`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use smallvec::SmallVec;

use super::Env;
use super::arg_parser::Args;
use super::error::CommandError;
use super::msgpack::{Converted, Unconverted, msgpack};
use super::reply::Reply;
use crate::conversation::log::Log;
use crate::conversation::log_read::Messages;
use crate::conversation::log_snapshot::Snapshot;
use crate::conversation::rendering::Rendering;
use crate::conversation::search::{Measure, Visible};
use crate::conversation::{Conversation, Unreadable};

/// The reply buffer is freed after use if it is larger than this, so that one large reply does not occupy memory
/// permanently.
const KEEP_BYTES: usize = 256 << 10;

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

    /// The list in MessagePack, if messages were `converted` for this command; nothing if it converts them all itself.
    ///
    /// # Errors
    /// These messages must be converted first: they are more than the `most` bytes that the command may convert itself.
    pub fn converted<'c>(
        &self,
        format: Format,
        converted: &[&'c Converted],
        most: usize,
    ) -> Result<Option<Cow<'c, [u8]>>, Unconverted> {
        if format != Format::MsgPack || (self.bytes <= most && converted.is_empty()) {
            return Ok(None);
        }
        let done = converted.iter().find_map(|list| {
            let list: &'c Converted = list;
            list.array_of(self.count, |visit| self.each(visit))
        });
        if let Some(done) = done {
            return Ok(Some(Cow::Borrowed(done)));
        }
        let mut messages = Unconverted::with_room(self.count, self.bytes);
        self.each(|message| messages.push(message));
        if converted.is_empty() {
            return Err(messages);
        }
        let assembled = messages.assembled(converted, most)?;
        Ok(Some(Cow::Owned(assembled)))
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

/// The sum of `M` over the messages of a range.
fn sum_of<M: Measure>(log: &Log, range: &Range<usize>) -> usize {
    log.before::<M>(range.end)
        .saturating_sub(log.before::<M>(range.start)) as usize
}
