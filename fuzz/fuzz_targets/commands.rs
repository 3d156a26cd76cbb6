//! Random commands with random arguments on one conversation. Commands must not panic or reply before they fail.
//! Replicas must accept every effect and arrive at the same conversation.
#![no_main]

use arbitrary::Arbitrary;
use conv::codec;
use conv::commands::arg_parser::Args;
use conv::commands::reply::Tree;
use conv::commands::spec::{COMMANDS, Handler, MultiKey};
use conv::commands::{Outcome, Env, commit, fork, recent};
use conv::conversation::Conversation;
use conv::settings::Settings;
use conv::tokens::Inline;
use libfuzzer_sys::fuzz_target;

/// Keywords of the commands, and messages of all kinds.
const WORDS: &[&str] = &[
    "NX", "XX", "UNIQUE", "IFLAST", "TOKENS", "FORMAT", "JSON", "MSGPACK", "LIST", "MESSAGES", "START", "USER",
    "OVERSIZE", "KEEP", "EMPTY", "STEP", "NOSYSTEM", "NOSUMMARY", "NOPINS", "CLEAR", "ABOVE", "CUT", "REV", "ANY", "WITHINFO", "UPTO", "MINCHANGE", "ENCODING",
    "gpt-4", "p50k_base", "MAXMESSAGES", "MAXTOKENS", "TTL", "COMPLETE", "OVERHEAD", "SCALE", "yes", "no", "BEFORE", "0", "1", "2", "3",
    "NOPINS", "REGEX", "CASE", "ROLE", "user", "AFTER", "SINCE", "UNTIL", "LIMIT", "HISTORY", "REPLACE", "EX", "PX", "EXAT", "PXAT", "KEEPTTL",
    "h.i", ".", "(?i)x|\\w+", "[]",
    r#"{"history":[],"a":1}"#,
    r#"{"a":2,"history":[{"role":"user","content":"hi"}],"b":[]}"#,
    r#"[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]"#,
    "10", "100", "-1", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "",
    r#"{"role":"user","content":"hi","id":"a"}"#,
    r#"{"role":"system","content":"be kind"}"#,
    r#"{"role":"assistant","content":"","tool_calls":[{"id":"a"},{"id":"b"}]}"#,
    r#"{"role":"tool","tool_call_id":"a","content":"1"}"#,
    r#"{"role":"tool","tool_call_id":"b","content":"2"}"#,
    r#"{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}"#,
    r#"{"type":"function_call_output","call_id":"a","output":"x"}"#,
    r#"{"type":"reasoning","summary":[]}"#,
    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"image"}]}"#,
    r#"{"type":"ai","data":{"content":"x","id":"a","tool_calls":[{"id":"a","name":"f","args":{"x":1e999}}]}}"#,
];

#[derive(Debug, Arbitrary)]
enum Word {
    Known(u8),
    Number(i64),
    Bytes(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
struct Call {
    command: u8,
    words: Vec<Word>,
}

fn frames(conversation: &Conversation) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    codec::encode(conversation, |frame| frames.push(frame.to_vec()));
    frames
}

/// The content of a conversation regardless of its segments, which loading may merge.
fn content(conversation: &Conversation) -> Vec<(i64, i64, u32, u16, Vec<u8>)> {
    let mut messages = Vec::new();
    conversation.visit(|m| {
        let meta = m.meta;
        messages.push((meta.seq, meta.time, meta.tokens, meta.flags.bits(), m.bytes.to_vec()));
    });
    messages
}

fuzz_target!(|calls: Vec<Call>| {
    let (mut primary, mut other): (Option<Conversation>, Option<Conversation>) = (None, None);
    for (now, call) in (1..).zip(calls) {
        let spec = &COMMANDS[usize::from(call.command) % COMMANDS.len()];
        let owned: Vec<Vec<u8>> = call
            .words
            .iter()
            .map(|word| match word {
                Word::Known(i) => WORDS[usize::from(*i) % WORDS.len()].as_bytes().to_vec(),
                Word::Number(n) => n.to_string().into_bytes(),
                Word::Bytes(bytes) => bytes.clone(),
            })
            .collect();
        let words: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
        let env = Env {
            now,
            settings: Settings::default(),
            full: false,
            counts: None,
            found: None,
        prepared: None,
        decompress_at_once: usize::MAX,
        converted: &[],
        };
        let mut args = Args::new(spec.name, &words);
        let mut reply: Vec<Tree> = Vec::new();
        let effect = match spec.handler {
            Handler::Read(read) => {
                let _ = read(&mut args, primary.as_ref(), &env, &mut reply);
                continue;
            }
            Handler::Write(write) | Handler::WriteInput(write, _) | Handler::Replay(write) => {
                write(&mut args, primary.as_ref(), &env, &mut reply)
            }
            Handler::MultiKey(MultiKey::Recent) => {
                let _ = recent::multi_key(&mut args);
                continue;
            }
            Handler::MultiKey(MultiKey::Fork) => {
                if let (Ok(options), Some(primary)) = (fork::fork(&mut args), &primary) {
                    let copy = primary.fork(options.upto).expect("memory");
                    let stored = frames(&copy);
                    let mut frames = stored.iter();
                    codec::decode(codec::VERSION, codec::Source::File, || frames.next()).expect("decode the copy");
                }
                continue;
            }
        };
        let mut effect = match effect {
            Err(_) | Ok(Outcome::Needs(_)) => {
                assert!(reply.is_empty());
                continue;
            }
            Ok(Outcome::Done(None)) => continue,
            Ok(Outcome::Done(Some(effect))) => effect,
        };
        let target = primary.get_or_insert_with(|| {
            Conversation::new(effect.create.expect("attributes"), effect.at)
        });
        match spec.handler {
            Handler::Replay(_) => target.apply(&mut effect, &Inline),
            _ => commit(target, &mut effect, &Inline),
        }
        let (header, payload) = codec::encode_effect(&effect);
        let mut effect = codec::decode_effect(&header, &payload).expect("decode the effect");
        let target = other.get_or_insert_with(|| {
            Conversation::new(effect.create.expect("attributes"), effect.at)
        });
        target.check(&effect).expect("the replica accepts the effect");
        target.apply(&mut effect, &Inline);
    }
    if let (Some(primary), Some(other)) = (&primary, &other) {
        let stored = frames(primary);
        assert_eq!(stored, frames(other));
        let mut next = stored.clone().into_iter();
        let loaded = codec::decode(codec::VERSION, codec::Source::File, || next.next()).expect("decode the stored form");
        assert_eq!(content(primary), content(&loaded));
        assert_eq!(stored.first(), frames(&loaded).first());
    }
});
