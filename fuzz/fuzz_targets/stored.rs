//! Stored conversations: arbitrary frames, frames of older releases, and frames of a conversation that were changed and
//! whose checksums are right. Either an error, or a conversation that supports selection, appends and storing. All come
//! from a client: a file with right checksums is trusted, so a changed one breaks invariants that debug builds check.
#![no_main]

use arbitrary::Arbitrary;
use conv::codec::{self, Source, Texts};
use conv::commands::commit;
use conv::conversation::Conversation;
use conv::conversation::document::split;
use conv::conversation::effect::{Count, Effect, Event, NewMessage, NewSummary};
use conv::conversation::message;
use conv::conversation::window::Request;
use conv::settings::Settings;
use conv::tokens::{Encoding, Inline, count};
use conv::varint::{put_signed, put_unsigned};
use libfuzzer_sys::fuzz_target;

const MESSAGES: &[&str] = &[
    r#"{"role":"user","content":"hi"}"#,
    r#"{"role":"system","content":"be kind","id":"s"}"#,
    r#"{"role":"assistant","content":"","tool_calls":[{"id":"a"},{"id":"b"}],"id":"m"}"#,
    r#"{"role":"tool","tool_call_id":"a","content":"1"}"#,
    r#"{"role":"tool","tool_call_id":"b","content":"22"}"#,
    r#"{"type":"human","data":{"content":"x","id":"h"}}"#,
    r#"[]"#,
];

const DOCUMENT: &str = r#"{"v":1,"values" : {"x":[1], "messages":[]},"z":"2"}"#;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Frames(u8, Vec<&'a [u8]>),
    /// Versions 1 to 4.
    Old {
        version: u8,
        /// A 32nd of it is added to the number of messages that the header announces.
        off_by: i8,
        fields: Vec<&'a [u8]>,
        segments: Vec<(bool, Vec<Described>)>,
    },
    Changed {
        messages: Vec<u8>,
        pins: Vec<u8>,
        /// An imported document; a summary.
        session: bool,
        summary: bool,
        compressed: bool,
        /// Frame, position in it, number of bytes to replace, and what replaces them.
        changes: Vec<(u8, u16, u8, &'a [u8])>,
        /// Frames that change places.
        swaps: Vec<(u8, u8)>,
    },
}

/// A message of versions 1 to 4: state, differences of number and time, tokens, and how much its length is wrong.
#[derive(Debug, Arbitrary)]
struct Described {
    state: u8,
    seq: i8,
    time: i64,
    tokens: u32,
    wrong: i8,
    message: u8,
}

impl Described {
    fn message(&self) -> &'static str {
        MESSAGES[usize::from(self.message) % MESSAGES.len()]
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.state % 4);
        put_signed(out, self.seq.into());
        put_signed(out, self.time);
        put_unsigned(out, self.tokens.into());
        let len = self.message().len() as u64;
        // Right most often.
        put_unsigned(out, len.saturating_add_signed((self.wrong / 32).into()));
    }
}

/// A header in MessagePack, with fields that all versions have, and those of version 3.
fn header(version: u32, messages: u8, fields: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.push(0xa0 + text.len() as u8);
        out.extend_from_slice(text.as_bytes());
    };
    out.push(if version < 3 { 0x87 } else { 0x8a });
    text(&mut out, "attributes");
    out.push(0x86);
    text(&mut out, "encoding");
    text(&mut out, "o200k_base");
    for (name, value) in [
        ("media-tokens", 1),
        ("max-messages", 0),
        ("max-tokens", 0),
        ("ttl", 0),
    ] {
        text(&mut out, name);
        out.push(value);
    }
    text(&mut out, "complete");
    out.push(0xc3);
    let numbers = [
        ("created", 1),
        ("updated", 2),
        ("next", 127),
        ("lowest", 0),
        ("messages", messages & 0x7f),
    ];
    let since_3 = [("fields", fields & 0x7f), ("lease", 0)];
    let since_3 = since_3.into_iter().filter(|_| version >= 3);
    for (name, value) in numbers.into_iter().chain(since_3) {
        text(&mut out, name);
        out.push(value);
    }
    text(&mut out, "summary");
    out.push(0xc0);
    if version >= 3 {
        text(&mut out, "history");
        out.push(0xc0);
    }
    out
}

fn old(
    version: u32,
    off_by: i8,
    fields: &[&[u8]],
    segments: &[(bool, Vec<Described>)],
) -> Vec<Vec<u8>> {
    let messages = segments
        .iter()
        .map(|(_, described)| described.len())
        .sum::<usize>() as u8;
    let fields = if version < 3 { &[] } else { fields };
    let mut frames = vec![header(
        version,
        messages.saturating_add_signed(off_by / 32),
        fields.len() as u8,
    )];
    frames.extend(fields.iter().map(|field| [b"\"a\":", *field].concat()));
    for (compressed, described) in segments {
        let (mut frame, mut content) = (Vec::new(), Vec::new());
        if version > 1 {
            frame.push((*compressed).into());
        }
        for one in described {
            one.put(&mut frame);
            if version == 1 {
                frame.extend_from_slice(one.message().as_bytes());
            } else {
                content.extend_from_slice(one.message().as_bytes());
                content.push(b',');
            }
        }
        frames.push(frame);
        if version > 1 {
            frames.push(content);
        }
    }
    frames
}

/// A conversation with these messages.
fn conversation(messages: &[u8], pins: &[u8], session: bool, summary: bool) -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 1);
    let parts = split(DOCUMENT.as_bytes(), Some("values.messages")).expect("a document");
    let mut effect = Effect {
        pin: pins.iter().map(|&seq| i64::from(seq)).collect(),
        summary: summary.then_some(NewSummary {
            text: "so far",
            upto: Some(1),
        }),
        ..Effect::new(Event::Append, 1)
    };
    if session {
        (effect.set_state, effect.history) = (parts.fields, parts.history);
    }
    for (seq, n) in (1..).zip(messages) {
        let json = MESSAGES[usize::from(*n) % MESSAGES.len()].as_bytes();
        if let Ok((facts, text)) = message::read(json) {
            let count = if n % 2 == 0 {
                Count::Pending
            } else {
                Count::Given(5)
            };
            effect.push.push(NewMessage {
                seq,
                time: seq * 9,
                count,
                bytes: json,
                facts,
                text: Some(text),
                own: None,
            });
        }
    }
    conversation
        .check(&effect)
        .map(|()| conversation.apply(&mut effect, &Inline))
        .unwrap_or_default();
    conversation
}

fn checksum(frame: &[u8], text: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(frame);
    hasher.update(text);
    hasher.finalize().to_le_bytes()
}

/// The text whose checksum frame `i` begins with, together with that of the frame itself.
fn sealed(frames: &[Vec<u8>], i: usize) -> Option<Vec<u8>> {
    let (sum, rest) = frames[i].split_first_chunk::<4>()?;
    let texts = [frames.get(i + 1).cloned().unwrap_or_default(), Vec::new()];
    texts.into_iter().find(|text| checksum(rest, text) == *sum)
}

fn changed(
    mut frames: Vec<Vec<u8>>,
    changes: &[(u8, u16, u8, &[u8])],
    swaps: &[(u8, u8)],
) -> Vec<Vec<u8>> {
    let len = frames.len();
    let seals: Vec<Option<bool>> = (0..len)
        .map(|i| sealed(&frames, i).map(|text| text.is_empty()))
        .collect();
    for (frame, at, cut, new) in changes {
        let frame = &mut frames[usize::from(*frame) % len];
        let at = usize::from(*at) % (frame.len() + 1);
        let end = (at + usize::from(*cut)).min(frame.len());
        frame.splice(at..end, new.iter().copied());
    }
    for i in 0..len {
        let Some(is_alone) = seals[i] else { continue };
        let text = if is_alone {
            Vec::new()
        } else {
            frames.get(i + 1).cloned().unwrap_or_default()
        };
        if let Some((sum, rest)) = frames[i].split_first_chunk_mut::<4>() {
            *sum = checksum(rest, &text);
        }
    }
    for (a, b) in swaps {
        frames.swap(usize::from(*a) % len, usize::from(*b) % len);
    }
    frames
}

fn encoded(conversation: &Conversation) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    codec::encode(conversation, Texts::AsHeld, |frame| frames.push(frame.to_vec()));
    frames
}

// The first count would load tables for some seconds.
fuzz_target!(init: { let _ = count(Encoding::O200K_BASE, "a"); }, |input: Input| {
    let (version, frames) = match input {
        Input::Frames(version, frames) => (
            u32::from(version % 6),
            frames.into_iter().map(<[u8]>::to_vec).collect(),
        ),
        Input::Old {
            version,
            off_by,
            fields,
            segments,
        } => {
            let version = u32::from(version % 4) + 1;
            (version, old(version, off_by, &fields, &segments))
        }
        Input::Changed {
            messages,
            pins,
            session,
            summary,
            compressed,
            changes,
            swaps,
        } => {
            let mut conversation = conversation(&messages, &pins, session, summary);
            if compressed {
                conversation
                    .to_compress(0, usize::MAX)
                    .into_iter()
                    .for_each(|job| job.run());
                conversation.collect();
            }
            (
                codec::VERSION,
                changed(encoded(&conversation), &changes, &swaps),
            )
        }
    };
    let mut frames = frames.into_iter();
    let Ok(mut conversation) = codec::decode(version, Source::Client, || frames.next()) else {
        return;
    };
    conversation.check_invariants().expect("sound");
    for max_tokens in [0, 3, 100, 3000, i64::MAX] {
        let window = conversation.select(&Request {
            max_tokens,
            start_user: true,
            step: Some(7),
            ..Request::default()
        });
        assert!(window.tokens <= max_tokens.max(0));
    }
    let json = br#"{"role":"user","content":"hi"}"#;
    if let Ok((facts, text)) = message::read(json)
        && conversation.numbering().next < i64::MAX
    {
        let mut effect = Effect::new(Event::None, 1);
        effect.push.push(NewMessage {
            seq: conversation.numbering().next,
            time: 1,
            count: Count::Pending,
            bytes: json,
            facts,
            text: Some(text),
            own: None,
        });
        commit(&mut conversation, &mut effect, &Inline);
    }
    let stored = encoded(&conversation);
    let mut next = stored.iter();
    let again = codec::decode(codec::VERSION, Source::File, || next.next())
        .expect("decode the stored form");
    assert_eq!(stored, encoded(&again));
});
