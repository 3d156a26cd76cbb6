//! Replicated effects, either arbitrary bytes or arbitrary fields: either an error, or a conversation that can be stored
//! and loaded.
#![no_main]

use arbitrary::Arbitrary;
use conv::codec::{self, Texts};
use conv::conversation::Conversation;
use conv::conversation::effect::Event;
use conv::settings::Settings;
use conv::tokens::{Encoding, Inline, count};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const MESSAGES: &[&str] = &[
    r#"{"role":"user","content":"hi","id":"a"}"#,
    r#"{"role":"user","content":"ho","id":"b"}"#,
    r#"{"role":"system","content":"be kind"}"#,
    r#"{"role":"assistant","content":"","tool_calls":[{"id":"a"},{"id":"b"}]}"#,
    r#"{"role":"tool","tool_call_id":"a","content":"1"}"#,
    r#"{"type":"function_call_output","call_id":"b","output":"x"}"#,
    r#" {"role":"user"} "#,
    "[]",
];

const NAMES: &[&str] = &["a", "b", "messages", "", "\u{1}"];

const VALUES: &[&str] = &["1", "[]", " {\"a\":1} ", "\"\\u0000\"", "{", ""];

/// Documents, and what is before and after messages that lie in nested objects.
const DOCUMENTS: &[&str] = &[
    r#"{"messages":[{"role":"user"},{"role":"assistant"}],"a":1}"#,
    r#"{"a":{"b":[{"role":"user"}],"c":1}}"#,
    r#"[{"role":"user"}]"#,
    r#"{"b":"#,
    "}",
    r#",":1}"#,
    "[",
];

const PATHS: &[&str] = &["messages", "a.b", "b"];

/// Of a file that is missing, too.
const ENCODINGS: &[&str] = &[
    "o200k_base",
    "p50k_base",
    "x#0123456789abcdef",
    "x#",
    "gpt-4",
];

/// A number, mostly a small one.
#[derive(Debug, Arbitrary)]
struct Number(i8);

impl Number {
    fn value(&self) -> i64 {
        match self.0 {
            i8::MIN => i64::MIN,
            -127 => i64::MIN + 1,
            126 => i64::MAX - 1,
            i8::MAX => i64::MAX,
            n => n.into(),
        }
    }
}

#[derive(Debug, Arbitrary)]
struct Message {
    seq: Number,
    time: Number,
    count: Option<(bool, u32)>,
    message: u8,
}

impl Message {
    fn header(&self) -> Value {
        let count = match self.count {
            None => json!("pending"),
            Some((false, tokens)) => json!({ "counted": tokens }),
            Some((true, tokens)) => json!({ "given": tokens }),
        };
        json!([self.seq.value(), self.time.value(), count])
    }
}

#[derive(Debug, Arbitrary)]
struct Attributes {
    encoding: u8,
    overhead: u16,
    scale: u16,
    max_messages: u8,
    max_tokens: u8,
    ttl: u64,
}

impl Attributes {
    fn value(&self) -> Value {
        let encoding = pick(ENCODINGS, self.encoding);
        json!({"encoding": encoding, "overhead": self.overhead % 1024, "scale": self.scale % 1024, "media-tokens": 7,
            "max-messages": self.max_messages, "max-tokens": self.max_tokens, "ttl": self.ttl, "complete": true})
    }
}

#[derive(Debug, Arbitrary)]
struct Fields {
    event: u8,
    create: Option<Attributes>,
    numbering: Option<(Number, Number, Number)>,
    alter: Option<Attributes>,
    cut: Option<Number>,
    front: Vec<Message>,
    push: Vec<Message>,
    append: Option<(Number, Vec<u8>)>,
    edit: Option<Message>,
    pin: Vec<Number>,
    unpin: Vec<Number>,
    remove: Vec<Number>,
    summary: Option<(u8, Option<Number>)>,
    clear_session: bool,
    del_state: Vec<u8>,
    set_state: Vec<(u8, u8)>,
    history: Option<(u8, u8)>,
    nested: Option<(u8, u8)>,
    import: Option<(u8, Option<u8>)>,
    lease: Option<Number>,
    drop: Vec<(Number, Number)>,
    persist: bool,
    expire: Option<Number>,
}

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Bytes(&'a [u8], Vec<&'a [u8]>),
    Fields(Box<Fields>),
}

fn pick(list: &[&'static str], n: u8) -> &'static str {
    list[usize::from(n) % list.len()]
}

impl Fields {
    fn header(&self) -> Value {
        let all = |list: &[Number]| list.iter().map(Number::value).collect::<Vec<_>>();
        let messages = |list: &[Message]| list.iter().map(Message::header).collect::<Vec<_>>();
        let one = |number: &Option<Number>| number.as_ref().map(Number::value);
        let event = Event::ALL[usize::from(self.event) % Event::ALL.len()];
        let append = self.append.as_ref();
        json!({
            "v": if append.is_some() { 2 } else { 1 },
            "at": 7,
            "event": if append.is_some() { "" } else { event.name() },
            "create": self.create.as_ref().map(Attributes::value),
            "numbering": self.numbering.as_ref().map(|(a, b, c)| (a.value(), b.value(), c.value())),
            "alter": self.alter.as_ref().map(Attributes::value),
            "cut": one(&self.cut),
            "front": messages(&self.front),
            "push": messages(&self.push),
            "append": append.map(|(first, _)| first.value()),
            "edit": self.edit.as_ref().map(Message::header),
            "pin": all(&self.pin),
            "unpin": all(&self.unpin),
            "remove": all(&self.remove),
            "summary": self.summary.as_ref().map(|(_, upto)| json!({ "upto": one(upto) })),
            "clear_session": self.clear_session,
            "del_state": self.del_state.iter().map(|n| pick(NAMES, *n)).collect::<Vec<_>>(),
            "set_state": self.set_state.iter().map(|(n, _)| pick(NAMES, *n)).collect::<Vec<_>>(),
            "history": self.history.map(|(n, position)| (pick(NAMES, n), position)),
            "nested": self.nested.is_some(),
            "import": self.import.map(|(_, path)| (path.map(|path| pick(PATHS, path)),)),
            "lease": one(&self.lease),
            "drop": self.drop.iter().map(|(a, b)| (a.value(), b.value())).collect::<Vec<_>>(),
            "persist": self.persist,
            "expire": one(&self.expire),
        })
    }

    fn payload(&self) -> Vec<&'static [u8]> {
        let messages = self
            .front
            .iter()
            .chain(&self.push)
            .chain(&self.edit)
            .map(|m| m.message);
        let appended = self
            .append
            .iter()
            .flat_map(|(_, messages)| messages.iter().copied());
        let mut payload: Vec<_> = messages
            .chain(appended)
            .map(|n| pick(MESSAGES, n))
            .collect();
        payload.extend(self.summary.iter().map(|(text, _)| pick(VALUES, *text)));
        payload.extend(self.set_state.iter().map(|(_, value)| pick(VALUES, *value)));
        payload.extend(
            self.nested
                .iter()
                .flat_map(|(a, b)| [pick(DOCUMENTS, *a), pick(DOCUMENTS, *b)]),
        );
        payload.extend(
            self.import
                .iter()
                .map(|(document, _)| pick(DOCUMENTS, *document)),
        );
        payload.into_iter().map(str::as_bytes).collect()
    }
}

// The first count would load tables for some seconds.
fuzz_target!(init: { let _ = count(Encoding::O200K_BASE, "a"); }, |effects: Vec<Input>| {
    let mut conversation = Conversation::new(Settings::default().attributes(), 0);
    for input in &effects {
        let (header, payload) = match input {
            Input::Bytes(header, payload) => (header.to_vec(), payload.clone()),
            Input::Fields(fields) => (fields.header().to_string().into_bytes(), fields.payload()),
        };
        let Ok(mut effect) = codec::decode_effect(&header, &payload) else {
            continue;
        };
        if let Some(attributes) = effect.create {
            conversation = Conversation::new(attributes, effect.at);
        }
        if conversation.check(&effect).is_ok() {
            conversation.apply(&mut effect, &Inline);
        }
    }
    conversation.check_invariants().expect("sound");
    let mut stored = Vec::new();
    codec::encode(&conversation, Texts::AsHeld, |frame| stored.push(frame.to_vec()));
    for source in [codec::Source::File, codec::Source::Client] {
        let mut next = stored.iter();
        codec::decode(codec::VERSION, source, || next.next()).expect("decode the stored form");
    }
});
