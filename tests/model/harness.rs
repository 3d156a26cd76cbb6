//! Runs commands on a conversation as the server does.

use std::cell::{Cell, RefCell};

use conv::codec;
use conv::commands::arg_parser::Args;
use conv::commands::reply::Tree;
use conv::commands::spec::{COMMANDS, Handler};
use conv::commands::{Env, Needs, Outcome, commit};
use conv::conversation::Conversation;
use conv::conversation::MissingCounts;
use conv::conversation::find::Search;
use conv::settings::Settings;
use conv::tokens::{Counted, Counter, Inline, Outcome as TextCount, Rules, Text, Ticket};

/// An effect as replicas get it: header, and what follows it.
pub type Wire = (Vec<u8>, Vec<Vec<u8>>);

/// Runs a command on a conversation, as the server does.
pub fn call(
    target: &mut Option<Conversation>,
    now: i64,
    name: &str,
    args: &[&[u8]],
) -> (Result<Vec<Tree>, String>, Option<Wire>) {
    let spec = COMMANDS.iter().find(|s| s.name == name).expect(name);
    let mut env = Env {
        now,
        settings: Settings::default(),
        full: false,
        counts: None,
        found: None,
        prepared: None,
        decompress_at_once: usize::MAX,
        converted: &[],
    };
    let mut cursor = Args::new(spec.name, args);
    let mut reply = Vec::new();
    if let Some(conversation) = target {
        conversation.collect();
    }
    match spec.handler {
        Handler::Read(command) => {
            let done = command(&mut cursor, target.as_ref(), &env, &mut reply);
            match (done, target.as_mut()) {
                (Ok(Outcome::Needs(Needs::Counts { missing, .. })), Some(conversation)) => {
                    assert!(reply.is_empty(), "{name} replied too early");
                    conversation
                        .count_missing(&missing, usize::MAX, &Inline, || {})
                        .expect("memory");
                    call(target, now, name, args)
                }
                (Ok(Outcome::Needs(Needs::Search(query))), Some(conversation)) => {
                    assert!(reply.is_empty(), "{name} replied too early");
                    let found = Search::all(*query, conversation.log());
                    env.found = Some(&found);
                    let mut cursor = Args::new(spec.name, args);
                    let done = command(&mut cursor, target.as_ref(), &env, &mut reply);
                    (done.map(|_| reply).map_err(|e| e.to_string()), None)
                }
                (Ok(Outcome::Needs(needs)), _) => panic!("{name} needs {needs:?}"),
                (done, _) => (done.map(|_| reply).map_err(|e| e.to_string()), None),
            }
        }
        Handler::MultiKey(_) => panic!("{name} needs more than one key"),
        Handler::Write(command) | Handler::WriteInput(command, _) | Handler::Replay(command) => {
            let replayed = matches!(spec.handler, Handler::Replay(_));
            match command(&mut cursor, target.as_ref(), &env, &mut reply) {
                Ok(Outcome::Needs(Needs::Counts { missing, .. })) => {
                    assert!(reply.is_empty(), "{name} replied too early");
                    let conversation = target.as_mut().expect("a conversation with messages");
                    conversation
                        .count_missing(&missing, 1, &Inline, || {})
                        .expect("memory");
                    call(target, now, name, args)
                }
                Err(error) => {
                    assert!(reply.is_empty(), "{name} replied before it failed");
                    (Err(error.to_string()), None)
                }
                Ok(Outcome::Needs(needs)) => panic!("{name} needs {needs:?}"),
                Ok(Outcome::Done(None)) => (Ok(reply), None),
                // The expiry is the key's. The server sends a command of its own for it.
                Ok(Outcome::Done(Some(effect))) if !replayed && effect.only_expires() => {
                    (Ok(reply), None)
                }
                Ok(Outcome::Done(Some(mut effect))) => {
                    let conversation = match target {
                        Some(conversation) => conversation,
                        none => none.insert(Conversation::new(
                            effect.create.expect("attributes for a new key"),
                            effect.at,
                        )),
                    };
                    if replayed {
                        conversation.apply(&mut effect, &Someday);
                    } else {
                        commit(conversation, &mut effect, &Someday);
                    }
                    for job in conversation.to_compress(8_000, usize::MAX) {
                        job.run();
                    }
                    conversation.check_invariants().expect(name);
                    let (header, payload) = codec::encode_effect(&effect);
                    let payload = payload.into_iter().map(<[u8]>::to_vec).collect();
                    (Ok(reply), Some((header, payload)))
                }
            }
        }
    }
}

thread_local! {
    /// Everything is counted at once.
    pub static EAGER: Cell<bool> = const { Cell::new(false) };
    /// Counts that have not come in yet.
    static LATE: RefCell<Vec<(Ticket, Counted)>> = const { RefCell::new(Vec::new()) };
}

/// Counts at once, soon, late, or not at all.
pub struct Someday;

impl Counter for Someday {
    fn count(&self, rules: Rules, text: Text) -> TextCount {
        let count = text.count(rules);
        if EAGER.get() {
            return TextCount::Known(count.tokens);
        }
        let ticket = Ticket::default();
        LATE.with_borrow_mut(|late| {
            let half = late.len() / 2;
            for (ticket, count) in late.drain(half..) {
                ticket.set(count);
            }
            match text.len() % 4 {
                0 => return TextCount::Known(count.tokens),
                1 => ticket.set(count),
                2 => late.push((ticket.clone(), count)),
                _ => return TextCount::Unknown,
            }
            TextCount::Later(ticket)
        })
    }
}

/// Counts all that is not counted yet.
pub fn settle(conversation: &mut Conversation) {
    let everything = MissingCounts {
        ranges: conversation.missing_in_messages().ranges,
        ..conversation.missing_summary()
    };
    conversation
        .count_missing(&everything, usize::MAX, &Inline, || {})
        .expect("memory");
    assert!(!conversation.is_pending());
}
