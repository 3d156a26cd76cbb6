//! A conversation at rest is the same conversation, and takes less memory.

use super::{Packed, Rest, Value};
use crate::codec::{self, Texts};
use crate::commands::arg_parser::Args;
use crate::commands::spec::{COMMANDS, Handler};
use crate::commands::{Env, Outcome, commit};
use crate::conversation::temperature::CoarseTime;
use crate::conversation::{Conversation, Footprint};
use crate::settings::Settings;
use crate::tokens::Inline;

fn write(conversation: &mut Conversation, name: &str, args: &[&str]) {
    let spec = COMMANDS.iter().find(|s| s.name == name).expect("a command");
    let env = Env {
        now: 1_700_000_000_000,
        settings: Settings::default(),
        full: false,
        counts: None,
        prepared: None,
        found: None,
        decompress_at_once: usize::MAX,
        converted: &[],
    };
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let mut args = Args::new(spec.name, &args);
    let mut reply = Vec::new();
    let (Handler::Write(command) | Handler::WriteInput(command, _)) = spec.handler else {
        panic!("{name} does not write");
    };
    let outcome = command(&mut args, Some(conversation), &env, &mut reply).expect(name);
    if let Outcome::Done(Some(mut effect)) = outcome {
        conversation.prepare(&effect).expect("memory");
        commit(conversation, &mut effect, &Inline);
    }
}

fn message(n: usize) -> String {
    let text = format!("Message {n} asks for a train, and for another one. ").repeat(1 + n % 4);
    format!(r#"{{"role":"user","id":"m{n}","content":"{text}"}}"#)
}

fn conversation(messages: usize) -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 1_699_999_999_000);
    for n in 0..messages {
        write(&mut conversation, "CONV.APPEND", &[&message(n)]);
    }
    conversation
}

fn frames(value: &Value) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let read =
        |c: &Conversation| codec::encode(c, Texts::AsHeld, |frame| frames.push(frame.to_vec()));
    value.read(read).expect("readable");
    frames
}

/// Brings the value to rest.
fn rest(value: &mut Value) {
    for _ in 0..10 {
        match value.rest(true) {
            Rest::Done => return,
            Rest::Later => panic!("it does not rest"),
            Rest::Compress(jobs) => jobs.into_iter().for_each(|job| job.run()),
        }
    }
    panic!("it does not come to rest");
}

/// All that the stored form holds, decompressed.
fn content(value: &Value) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let done = value.read(|c| {
        codec::rebuild(c, |effect| {
            let (header, payload) = codec::encode_effect(effect);
            out.push(header.to_vec());
            out.extend(payload.iter().map(|part| part.to_vec()));
        })
    });
    done.expect("readable").expect("memory");
    out
}

/// A conversation in use is the same when it is packed, takes less memory, and comes to rest as if it had stayed open.
fn check_same_packed(conversation: &Conversation) {
    let mut open = Value::new(unshared(conversation));
    let mut value = Value::new(unshared(conversation));
    let (before, footprint, size) = (content(&value), value.footprint(), value.heap_bytes());
    value.wake(true).expect("it wakes");
    let used = conversation_last_use(&value);
    value.pack();
    assert!(value.is_packed() && !value.is_at_rest());
    assert_eq!(content(&value), before);
    assert!(
        value.heap_bytes() < size,
        "{} of {size}",
        value.heap_bytes()
    );
    let packed = value.footprint();
    let stored = packed.stored;
    assert_eq!(
        Footprint {
            stored,
            ..footprint
        },
        packed
    );
    assert!(stored < footprint.stored + size_of::<Conversation>() as u64);
    // It is still in use, and was used when it was. It may not be compressed now or at all.
    assert!(matches!(value.rest(false), Rest::Later));
    assert!(matches!(value.rest(true), Rest::Later));
    assert!(value.is_packed());
    let mut copy = value.clone();
    assert_eq!(conversation_last_use(&value), used);
    let woken = value.wake(false).expect("it wakes");
    woken.check_invariants().expect("invariants");
    assert_eq!(conversation_last_use(&value), used);
    assert_eq!(content(&value), before);
    assert_eq!(content(&copy), before);
    // What was packed can be compressed later.
    for value in [&mut copy, &mut open] {
        value.wake(false).expect("it wakes").last_use = CoarseTime::default();
        rest(value);
    }
    assert_eq!(frames(&copy), frames(&open));
    assert_eq!(copy.heap_bytes(), open.heap_bytes());
}

/// A copy that shares nothing.
fn unshared(conversation: &Conversation) -> Conversation {
    let packed = Packed::pack(conversation, Some(CoarseTime::now())).expect("it can be packed");
    packed.unpack().expect("it can be unpacked")
}

fn conversation_last_use(value: &Value) -> CoarseTime {
    value.read(|c| c.last_use).expect("readable")
}

fn check_same_at_rest(conversation: Conversation, becomes_one_piece: bool) {
    if becomes_one_piece {
        check_same_packed(&conversation);
    }
    let mut value = Value::new(conversation);
    let (before, footprint) = (content(&value), value.footprint());
    let size = value.heap_bytes();
    rest(&mut value);
    assert_eq!(value.is_at_rest(), becomes_one_piece);
    assert_eq!(content(&value), before);
    assert!(value.heap_bytes() < size);
    let resting = value.footprint();
    assert_eq!(
        (
            resting.messages,
            resting.raw,
            resting.pending,
            resting.unread
        ),
        (
            footprint.messages,
            footprint.raw,
            footprint.pending,
            footprint.unread
        )
    );
    let stored = frames(&value);
    let copy = value.clone();
    let woken = value.wake(false).expect("it wakes");
    woken.check_invariants().expect("invariants");
    assert_eq!(
        woken.holds_id("m0", &[]),
        copy.read(|c| c.holds_id("m0", &[])).expect("readable")
    );
    assert_eq!(content(&value), before);
    // What was only read needs no compression to rest again.
    assert!(matches!(value.rest(true), Rest::Done));
    assert_eq!(frames(&value), stored);
    assert_eq!(frames(&copy), stored);
}

#[test]
fn conversations_rest_and_wake() {
    check_same_at_rest(conversation(0), true);
    check_same_at_rest(conversation(1), true);
    check_same_at_rest(conversation(25), true);
    // Too large for one piece.
    check_same_at_rest(conversation(10_000), false);
    let mut changed = conversation(20);
    write(&mut changed, "CONV.DEL", &["3"]);
    write(
        &mut changed,
        "CONV.SETSUMMARY",
        &["What was said before.", "UPTO", "2"],
    );
    write(
        &mut changed,
        "CONV.ALTER",
        &["MAXMESSAGES", "50", "TTL", "7"],
    );
    check_same_at_rest(changed, true);
    let document = format!(
        r#"{{"user":"u\u0031","state":{{"a":[1,2]}},"x":{{"history":[{},{}]}},"end":null}}"#,
        message(1),
        message(2)
    );
    let mut session = conversation(0);
    write(
        &mut session,
        "CONV.IMPORT",
        &[&document, "HISTORY", "x.history", "REPLACE"],
    );
    check_same_at_rest(session, true);
    let mut session = conversation(0);
    let document = format!(r#"{{"messages":[{}],"b":1}}"#, message(1));
    write(&mut session, "CONV.IMPORT", &[&document, "REPLACE"]);
    check_same_at_rest(session, true);
}

/// What may still grow at the end is the same after a rest: the next messages join it or end it.
#[test]
fn what_is_open_rests_too() {
    let calls = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}},{"function":{"name":"g","arguments":"{}"}}]}"#;
    let results = [
        r#"{"role":"tool","tool_call_id":"c","content":"12 degrees"}"#,
        r#"{"role":"tool","name":"g","content":"at nine"}"#,
    ];
    let reasoning = r#"{"type":"reasoning","id":"rs_1","summary":[]}"#;
    let item = r#"{"type":"message","role":"assistant","content":"It rains."}"#;
    let shell = r#"{"type":"local_shell_call","id":"lsh_1","call_id":"s","action":{"type":"exec","command":["ls"]}}"#;
    let output = r#"{"type":"local_shell_call_output","id":"lsh_1","output":"a b"}"#;
    let approval = r#"{"type":"mcp_approval_request","id":"a","name":"f","arguments":"{}"}"#;
    let response = r#"{"type":"mcp_approval_response","approval_request_id":"a","approve":true}"#;
    let cases: [&[&str]; 6] = [
        &[calls, results[0], results[1]],
        &[reasoning, item, item],
        &[reasoning, shell, reasoning, output],
        &[approval, response],
        &[calls, &message(7)],
        &[reasoning, calls, results[0], results[1], item],
    ];
    for case in cases {
        for open in 1..case.len() {
            let (begun, rest_of_it) = case.split_at(open);
            let mut expected = conversation(3);
            for message in begun {
                write(&mut expected, "CONV.APPEND", &[message]);
            }
            check_same_at_rest(expected.clone(), true);
            let mut value = Value::new(expected.clone());
            rest(&mut value);
            let woken = value.wake(false).expect("it wakes");
            for message in rest_of_it {
                write(woken, "CONV.APPEND", &[message]);
                write(&mut expected, "CONV.APPEND", &[message]);
                woken.check_invariants().expect("invariants");
            }
            assert_eq!(content(&value), content(&Value::new(expected)), "{begun:?}");
        }
    }
}

#[test]
fn appends_after_a_rest_go_into_the_same_segment() {
    let mut value = Value::new(conversation(3));
    for n in 3..30 {
        rest(&mut value);
        let woken = value.wake(false).expect("it wakes");
        write(woken, "CONV.APPEND", &[&message(n)]);
        assert_eq!(woken.log().segments().len(), 1);
        woken.check_invariants().expect("invariants");
    }
    assert_eq!(content(&value), content(&Value::new(conversation(30))));
}

/// Opening a packed conversation reads all that it holds, also what the size of its messages does not tell.
#[test]
fn what_has_many_open_calls_stays_open() {
    let ids: Vec<String> = (0..400).map(|n| format!(r#"{{"id":"a{n}"}}"#)).collect();
    let calls = format!(
        r#"{{"role":"assistant","content":"","tool_calls":[{}]}}"#,
        ids.join(",")
    );
    let mut conversation = conversation(1);
    write(&mut conversation, "CONV.APPEND", &[&calls]);
    let mut value = Value::new(conversation);
    value.pack();
    assert!(!value.is_packed());
    rest(&mut value);
    assert!(!value.is_at_rest());
}

/// Copies share what they hold, which takes less than packing each.
#[test]
fn what_is_shared_or_long_stays_open() {
    let mut value = Value::new(conversation(20));
    let mut copy = value.clone();
    value.pack();
    copy.pack();
    assert!(!value.is_packed() && !copy.is_packed());
    drop(copy);
    value.pack();
    assert!(value.is_packed());
    let mut long = Value::new(conversation(1_000));
    long.pack();
    assert!(!long.is_packed());
}

/// Between two turns a short conversation takes its text, about seven bytes a message, and less than 100 bytes.
#[test]
fn between_turns_short_conversations_take_little_memory() {
    for messages in [1, 3, 20] {
        let mut value = Value::new(conversation(messages));
        let raw = value.footprint().raw as usize;
        value.wake(true).expect("it wakes");
        value.pack();
        let most = raw + 100 + messages * 8 + messages * 6;
        assert!(value.heap_bytes() < most, "{} of {raw}", value.heap_bytes());
    }
}

/// Messages that nobody has counted are still pending after a rest.
#[test]
fn pending_messages_stay_pending() {
    let mut pending = conversation(2);
    write(&mut pending, "CONV.ALTER", &["ENCODING", "cl100k_base"]);
    assert!(pending.is_pending());
    let mut value = Value::new(pending);
    rest(&mut value);
    assert_eq!(value.footprint().pending, 2);
    assert!(value.wake(false).expect("it wakes").is_pending());
}

/// One byte more and the allocator takes 64 more of them for every conversation in use.
#[test]
fn a_conversation_fits_its_size_class() {
    assert!(
        size_of::<Conversation>() <= 384,
        "{}",
        size_of::<Conversation>()
    );
}

#[test]
fn at_rest_short_conversations_take_little_memory() {
    let mut value = Value::new(conversation(20));
    let raw = value.footprint().raw as usize;
    rest(&mut value);
    assert!(
        value.heap_bytes() * 3 < raw,
        "{} of {raw}",
        value.heap_bytes()
    );
}
