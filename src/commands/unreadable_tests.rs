//! Without the memory to decompress messages, commands fail with an error and change nothing.

use crate::codec::{self, Texts};
use crate::commands::arg_parser::Args;
use crate::commands::reply::Tree;
use crate::commands::spec::{COMMANDS, Handler};
use crate::commands::{CommandError, Env, Outcome, commit};
use crate::conversation::Conversation;
use crate::server::failing_allocations;
use crate::settings::Settings;
use crate::tokens::Inline;

/// More segments than decompressed ones are kept, so that some must be decompressed again.
const MESSAGES: usize = 600;

/// Decompressing a segment takes 32 kB in one piece; nothing else here takes as much.
const SEGMENT: usize = 16 << 10;

fn conversation() -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 1);
    let messages: Vec<String> = (0..MESSAGES)
        .map(|n| {
            let text = format!("{n} and some words that compress well. ").repeat(25);
            format!(r#"{{"role":"user","id":"m{n}","content":"{text}"}}"#)
        })
        .collect();
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    run(&mut conversation, "CONV.APPEND", &messages).expect("appended");
    for job in conversation.to_compress(0, usize::MAX) {
        job.run();
    }
    conversation.collect_all();
    let compressed = conversation.log().segments().filter(|s| s.is_compressed());
    assert!(compressed.count() > 12);
    conversation
}

/// Runs a command whose key is left out.
fn run(
    conversation: &mut Conversation,
    name: &str,
    args: &[&str],
) -> Result<Vec<Tree>, CommandError> {
    let spec = COMMANDS.iter().find(|s| s.name == name).expect("a command");
    let env = Env {
        now: 1,
        settings: Settings::default(),
        full: false,
        counts: None,
        found: None,
        prepared: None,
        decompress_at_once: usize::MAX,
        converted: &[],
    };
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
    let mut args = Args::new(spec.name, &args);
    let mut reply = Vec::new();
    let effect = match spec.handler {
        Handler::Read(command) => {
            let done = command(&mut args, Some(conversation), &env, &mut reply);
            assert!(
                done.is_ok() || reply.is_empty(),
                "{name} replied before it failed"
            );
            done?;
            return Ok(reply);
        }
        Handler::Write(command) | Handler::WriteInput(command, _) => {
            command(&mut args, Some(conversation), &env, &mut reply)?
        }
        _ => panic!("{name} is not for this test"),
    };
    if let Outcome::Done(Some(mut effect)) = effect {
        conversation.prepare(&effect)?;
        commit(conversation, &mut effect, &Inline);
    }
    Ok(reply)
}

fn frames(conversation: &Conversation) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    codec::encode(conversation, Texts::AsHeld, |frame| {
        frames.push(frame.to_vec())
    });
    frames
}

#[test]
fn commands_fail_and_change_nothing() {
    let mut held = conversation();
    let before = frames(&held);
    let message = r#"{"role":"user","content":"new"}"#;
    let with_known_id = r#"{"role":"user","id":"m5","content":"x"}"#;
    for (name, args) in [
        ("CONV.RECENT", &["1000000"][..]),
        ("CONV.RECENT", &["1000000", "FORMAT", "JSON", "WITHINFO"]),
        ("CONV.RECENT", &["1000000", "FORMAT", "MSGPACK"]),
        ("CONV.RANGE", &["0", "-1"]),
        ("CONV.GET", &["3", "600"]),
        ("CONV.EXPORT", &[]),
        ("CONV.CLAIMSUMMARY", &["1"]),
        ("CONV.EDIT", &["3", message]),
        ("CONV.DEL", &["3"]),
        ("CONV.POP", &["599"]),
        ("CONV.TRIM", &["BEFORE", "3"]),
        ("CONV.APPEND", &["UNIQUE", with_known_id]),
        ("CONV.BACKFILL", &[with_known_id]),
    ] {
        // Other segments than those that are needed are kept decompressed.
        run(&mut held, "CONV.RANGE", &["-300", "-1"]).expect("readable");
        let result = failing_allocations(SEGMENT, || run(&mut held, name, args));
        assert_eq!(result, Err(CommandError::Unreadable), "{name} {args:?}");
        assert_eq!(frames(&held), before, "{name} {args:?}");
    }
    let fork = failing_allocations(SEGMENT, || held.fork(Some(3)).map(|_| ()));
    assert!(fork.is_err());
    let rewritten = failing_allocations(SEGMENT, || codec::rebuild(&held, |_| ()));
    assert!(rewritten.is_err());
    // With memory everything works.
    run(&mut held, "CONV.EDIT", &["3", message]).expect("edited");
    let reply = run(&mut held, "CONV.GET", &["3"]).expect("read");
    assert_eq!(reply[1], Tree::Bulk(message.into()));
    held.check_invariants().expect("invariants");
}
