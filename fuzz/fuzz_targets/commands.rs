//! Random commands with random arguments on one conversation. Commands must not panic or reply before they fail, and
//! arguments that were read in advance make no difference. Replicas must accept every effect and arrive at the same
//! conversation; so must what is loaded from a file, and what an AOF that was rewritten replays.
#![no_main]

use arbitrary::Arbitrary;
use conv::codec::{self, Texts};
use conv::commands::arg_parser::Args;
use conv::commands::prepared::Input;
use conv::commands::reply::Tree;
use conv::commands::spec::{COMMANDS, Handler, MultiKey};
use conv::commands::{CommandError, Env, Needs, Outcome, commit, fork, recent};
use conv::conversation::effect::Effect;
use conv::conversation::{Conversation, MissingCounts};
use conv::settings::Settings;
use conv::tokens::{Encoding, Inline, count};
use libfuzzer_sys::fuzz_target;

/// Keywords of the commands, and messages of all kinds.
const WORDS: &[&str] = &[
    "NX",
    "XX",
    "UNIQUE",
    "IFLAST",
    "TOKENS",
    "FORMAT",
    "JSON",
    "MSGPACK",
    "LIST",
    "MESSAGES",
    "START",
    "USER",
    "OVERSIZE",
    "KEEP",
    "EMPTY",
    "STEP",
    "NOSYSTEM",
    "NOSUMMARY",
    "NOPINS",
    "CLEAR",
    "ABOVE",
    "CUT",
    "REV",
    "ANY",
    "WITHINFO",
    "UPTO",
    "MINCHANGE",
    "ENCODING",
    "gpt-4",
    "p50k_base",
    "MAXMESSAGES",
    "MAXTOKENS",
    "TTL",
    "COMPLETE",
    "OVERHEAD",
    "SCALE",
    "yes",
    "no",
    "BEFORE",
    "0",
    "1",
    "2",
    "3",
    "LEASE",
    "WAIT",
    "FORMAT",
    "REGEX",
    "CASE",
    "ROLE",
    "user",
    "AFTER",
    "SINCE",
    "UNTIL",
    "LIMIT",
    "HISTORY",
    "REPLACE",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "KEEPTTL",
    "h.i",
    ".",
    "(?i)x|\\w+",
    "[]",
    r#"{"history":[],"a":1}"#,
    r#"{"a":2,"history":[{"role":"user","content":"hi"}],"b":[]}"#,
    r#"[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]"#,
    r#"{"values":{"messages":[{"role":"user","content":"hi"}],"x":1},"z":2}"#,
    "values.messages",
    "10",
    "100",
    "1000",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "",
    r#"{"role":"user","content":"hi","id":"a"}"#,
    r#"{"role":"system","content":"be kind"}"#,
    r#"{"role":"assistant","content":"","tool_calls":[{"id":"a"},{"id":"b"}]}"#,
    r#"{"role":"tool","tool_call_id":"a","content":"1"}"#,
    r#"{"role":"tool","tool_call_id":"b","content":"2"}"#,
    r#"{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}"#,
    r#"{"type":"function_call_output","call_id":"a","output":"x"}"#,
    r#"{"type":"reasoning","summary":[]}"#,
    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"image"}]}"#,
    r#"{"role":"tool","tool_call_id":"a","content":"a long result that is worth clearing, or cutting: 1 2 3 4 5 6 7 8 9 10 11 12"}"#,
    r#"{"type":"ai","data":{"content":"x","id":"a","tool_calls":[{"id":"a","name":"f","args":{"x":1e999}}]}}"#,
];

#[derive(Debug, Arbitrary)]
enum Word<'a> {
    Known(u8),
    Small(i8),
    Number(i64),
    Bytes(&'a [u8]),
}

#[derive(Debug, Arbitrary)]
struct Call<'a> {
    command: u8,
    /// The arguments are also read in advance.
    prepared: bool,
    words: Vec<Word<'a>>,
}

fn frames(conversation: &Conversation) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    codec::encode(conversation, Texts::AsHeld, |frame| frames.push(frame.to_vec()));
    frames
}

/// The content of a conversation regardless of its segments, which loading may merge.
fn content(conversation: &Conversation) -> Vec<String> {
    let summary = conversation.summary();
    let mut content = vec![
        format!(
            "{:?} {:?}",
            conversation.attributes(),
            conversation.numbering()
        ),
        format!("{} {}", conversation.updated(), conversation.lease()),
        format!(
            "{:?}",
            summary.map(|s| (&s.text, s.upto, s.updated, s.tokens.known()))
        ),
        format!("{:?}", conversation.pins()),
    ];
    if let Some(session) = conversation.session() {
        content.extend(session.members().map(|member| format!("{member:?}")));
        content.push(format!("{:?}", session.history()));
    }
    conversation
        .visit(|m| content.push(format!("{:?} {}", m.meta, String::from_utf8_lossy(m.bytes))))
        .expect("memory");
    content
}

/// The header and the payload of an effect.
type Wire = (Vec<u8>, Vec<Vec<u8>>);

fn wire(effect: &Effect<'_>) -> Wire {
    let (header, payload) = codec::encode_effect(effect);
    (header, payload.into_iter().map(<[u8]>::to_vec).collect())
}

/// What a command made, in a form that can be compared.
fn made(
    outcome: &Result<Outcome<Option<Effect<'_>>>, CommandError>,
) -> Result<Option<Wire>, String> {
    match outcome {
        Ok(Outcome::Done(effect)) => Ok(effect.as_ref().map(wire)),
        Ok(Outcome::Needs(needs)) => Err(format!("{needs:?}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Applies an effect as a replica does.
fn replay(target: &mut Option<Conversation>, (header, payload): &Wire) {
    let payload: Vec<&[u8]> = payload.iter().map(Vec::as_slice).collect();
    let mut effect = codec::decode_effect(header, &payload).expect("decode the effect");
    let target = target
        .get_or_insert_with(|| Conversation::new(effect.create.expect("attributes"), effect.at));
    target
        .check(&effect)
        .expect("the replica accepts the effect");
    target.apply(&mut effect, &Inline);
}

/// Counts what is missing. True if the command can run again.
fn provide(target: &mut Option<Conversation>, needs: &Needs) -> bool {
    let (Some(conversation), Needs::Counts { missing, .. }) = (target, needs) else {
        return false;
    };
    conversation
        .count_missing(missing, usize::MAX, &Inline, || {})
        .expect("memory");
    true
}

/// Counts all that is pending.
fn settle(conversation: &mut Conversation) {
    let missing = MissingCounts {
        ranges: conversation.missing_in_messages().ranges,
        ..conversation.missing_summary()
    };
    conversation
        .count_missing(&missing, usize::MAX, &Inline, || {})
        .expect("memory");
}

// The first count would load tables for some seconds.
fuzz_target!(init: { let _ = count(Encoding::O200K_BASE, "a"); }, |calls: Vec<Call>| {
    let (mut primary, mut other): (Option<Conversation>, Option<Conversation>) = (None, None);
    for (now, call) in (1..).zip(calls) {
        let spec = &COMMANDS[usize::from(call.command) % COMMANDS.len()];
        let owned: Vec<Vec<u8>> = call
            .words
            .iter()
            .map(|word| match word {
                Word::Known(i) => WORDS[usize::from(*i) % WORDS.len()].as_bytes().to_vec(),
                Word::Small(n) => n.to_string().into_bytes(),
                Word::Number(n) => n.to_string().into_bytes(),
                Word::Bytes(bytes) => bytes.to_vec(),
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
        let prepared = match spec.handler {
            Handler::WriteInput(_, input) if call.prepared => Some(match (input, &primary) {
                (Input::Document, Some(_)) => Input::Replacement.prepare(spec.name, &words, &env),
                _ => input.prepare(spec.name, &words, &env),
            }),
            _ => None,
        };
        let mut reply: Vec<Tree> = Vec::new();
        let mut args = Args::new(spec.name, &words);
        let outcome = match spec.handler {
            Handler::Read(read) => {
                let mut done = read(&mut args, primary.as_ref(), &env, &mut reply);
                if let Ok(Outcome::Needs(needs)) = &done
                    && provide(&mut primary, needs)
                {
                    assert!(reply.is_empty());
                    done = read(
                        &mut Args::new(spec.name, &words),
                        primary.as_ref(),
                        &env,
                        &mut reply,
                    );
                }
                assert!(matches!(done, Ok(Outcome::Done(()))) || reply.is_empty());
                continue;
            }
            Handler::Write(write) | Handler::WriteInput(write, _) | Handler::Replay(write) => {
                let mut done = write(&mut args, primary.as_ref(), &env, &mut reply);
                if let Ok(Outcome::Needs(needs)) = &done
                    && provide(&mut primary, needs)
                {
                    assert!(reply.is_empty());
                    done = write(
                        &mut Args::new(spec.name, &words),
                        primary.as_ref(),
                        &env,
                        &mut reply,
                    );
                }
                if let Some(prepared) = &prepared {
                    let env = Env {
                        prepared: Some(prepared),
                        ..env
                    };
                    let mut again: Vec<Tree> = Vec::new();
                    let second = write(
                        &mut Args::new(spec.name, &words),
                        primary.as_ref(),
                        &env,
                        &mut again,
                    );
                    assert_eq!((made(&done), &reply), (made(&second), &again));
                    done = second;
                }
                done
            }
            Handler::MultiKey(MultiKey::Recent) => {
                if let (Ok((options, _)), Some(primary)) = (recent::multi_key(&mut args), &primary)
                    && let Ok(recent::Lookup::Hit(window)) = recent::look(&options, primary)
                {
                    let unconverted =
                        recent::write(&options, primary, &window, &[], usize::MAX, &mut reply);
                    assert!(matches!(unconverted, Ok(None)));
                }
                continue;
            }
            Handler::MultiKey(MultiKey::Fork) => {
                if let (Ok(options), Some(primary)) = (fork::fork(&mut args), &primary) {
                    let copy = primary.fork(options.upto).expect("memory");
                    let stored = frames(&copy);
                    let mut frames = stored.iter();
                    codec::decode(codec::VERSION, codec::Source::File, || frames.next())
                        .expect("decode the copy");
                }
                continue;
            }
        };
        let mut effect = match outcome {
            Err(_) | Ok(Outcome::Needs(_)) => {
                assert!(reply.is_empty());
                continue;
            }
            Ok(Outcome::Done(None)) => continue,
            Ok(Outcome::Done(Some(effect))) => effect,
        };
        assert!(
            effect.expire.is_none_or(|at| at > 0) || matches!(spec.handler, Handler::Replay(_))
        );
        // The server sends a command of its own for it.
        if effect.only_expires() && !matches!(spec.handler, Handler::Replay(_)) {
            continue;
        }
        let built = effect.built.take();
        let target = primary.get_or_insert_with(|| match built {
            Some(built) => *built,
            None => Conversation::new(effect.create.expect("attributes"), effect.at),
        });
        match spec.handler {
            Handler::Replay(_) => target.apply(&mut effect, &Inline),
            _ => commit(target, &mut effect, &Inline),
        }
        replay(&mut other, &wire(&effect));
    }
    let (Some(mut primary), Some(mut other)) = (primary, other) else {
        return;
    };
    settle(&mut primary);
    settle(&mut other);
    let stored = frames(&primary);
    assert_eq!(stored, frames(&other));
    for source in [codec::Source::File, codec::Source::Client] {
        let mut next = stored.iter();
        let loaded =
            codec::decode(codec::VERSION, source, || next.next()).expect("decode the stored form");
        assert_eq!(content(&primary), content(&loaded));
        assert_eq!(stored.first(), frames(&loaded).first());
    }
    let mut rewritten = None;
    let mut effects = Vec::new();
    codec::rebuild(&primary, |effect| effects.push(wire(effect))).expect("memory");
    effects
        .iter()
        .for_each(|effect| replay(&mut rewritten, effect));
    let mut rewritten = rewritten.expect("a conversation");
    settle(&mut rewritten);
    assert_eq!(content(&primary), content(&rewritten));
});
