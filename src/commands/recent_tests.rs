//! What RECENT returns of groups, and what `WITHINFO` shows of it.

use crate::commands::arg_parser::Args;
use crate::commands::reply::Tree;
use crate::commands::spec::{COMMANDS, Handler};
use crate::commands::{Env, Needs, Outcome, commit};
use crate::conversation::Conversation;
use crate::settings::Settings;
use crate::tokens::Inline;

const CALL: &str = r#"{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"ferries","input":{}},{"type":"tool_use","id":"t2","name":"tides","input":{}}]}"#;
const PARTIAL: &str = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"nine"},{"type":"text","text":"Stop."}]}"#;
const PARTIAL_EDITED: &str = r#"{"role":"user","content":[{"type":"text","text":"Stop."}]}"#;
pub const ORPHAN: &str = r#"{"role":"tool","tool_call_id":"z","content":"late"}"#;

pub fn said(role: &str, text: &str) -> String {
    format!(r#"{{"role":"{role}","content":"{text}"}}"#)
}

pub fn holding(messages: &[&str]) -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 1);
    if !messages.is_empty() {
        run(&mut conversation, "CONV.APPEND", messages);
    }
    conversation
}

/// Runs a command whose key is left out.
pub fn run(conversation: &mut Conversation, name: &str, args: &[&str]) -> Vec<Tree> {
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
    let mut reply = Vec::new();
    match spec.handler {
        Handler::Read(command) => loop {
            let mut args = Args::new(spec.name, &args);
            let outcome = command(&mut args, Some(conversation), &env, &mut reply);
            match outcome.expect(name) {
                Outcome::Done(()) => break,
                Outcome::Needs(Needs::Counts { missing, .. }) => conversation
                    .count_missing(&missing, usize::MAX, &Inline, || {})
                    .expect("memory"),
                Outcome::Needs(needs) => panic!("{needs:?}"),
            }
        },
        Handler::Write(command) | Handler::WriteInput(command, _) => {
            let mut args = Args::new(spec.name, &args);
            let effect = command(&mut args, Some(conversation), &env, &mut reply).expect(name);
            if let Outcome::Done(Some(mut effect)) = effect {
                commit(conversation, &mut effect, &Inline);
            }
        }
        _ => panic!("{name} is not for this test"),
    }
    reply
}

fn text(tree: &Tree) -> String {
    match tree {
        Tree::Bulk(bytes) => String::from_utf8(bytes.clone()).expect("UTF-8"),
        other => panic!("expected a string, found {other:?}"),
    }
}

/// The messages that RECENT returns, and the figures of WITHINFO.
pub fn recent(conversation: &mut Conversation, args: &[&str]) -> (Vec<String>, Vec<(String, i64)>) {
    let args: Vec<&str> = args.iter().chain(&["WITHINFO"]).copied().collect();
    let reply = run(conversation, "CONV.RECENT", &args);
    let [Tree::Map(15), name, Tree::Array(messages), rest @ ..] = &reply[..] else {
        panic!("unexpected {reply:?}");
    };
    assert_eq!(text(name), "messages");
    let (messages, figures) = rest.split_at(*messages);
    let figures = figures.chunks(2).map(|pair| match pair {
        [name, Tree::Integer(value)] => (text(name), *value),
        other => panic!("unexpected {other:?}"),
    });
    (messages.iter().map(text).collect(), figures.collect())
}

/// The figures that are not 0, without the tokens.
pub fn shown(figures: &[(String, i64)]) -> String {
    let shown = figures
        .iter()
        .filter(|(name, value)| *value != 0 && name != "tokens");
    let shown: Vec<String> = shown
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    shown.join(", ")
}

#[test]
fn withinfo_shows_what_is_not_in_the_reply() {
    let (system, user) = (said("system", "Be brief."), said("user", "Ferries?"));
    let messages = [&system, &user, CALL, &user, ORPHAN, &user, ORPHAN];
    let mut conversation = holding(&messages);
    let (messages, figures) = recent(&mut conversation, &["1000"]);
    assert_eq!(messages, [&system, &user, &user, &user].map(String::as_str));
    assert_eq!(shown(&figures), "first 2, last 6, system 1, dropped 2");
    let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "tokens",
            "first",
            "last",
            "skipped",
            "summary",
            "elided",
            "over",
            "system",
            "system-left-out",
            "pinned",
            "dropped",
            "edited",
            "cleared",
            "cut"
        ]
    );
    let (messages, figures) = recent(&mut conversation, &["1000", "NOSYSTEM", "MESSAGES", "2"]);
    assert_eq!(messages, [&user, &user].map(String::as_str));
    assert_eq!(
        shown(&figures),
        "first 4, last 6, skipped 3, system-left-out 1, dropped 1"
    );
}

#[test]
fn orphaned_results_are_taken_out_of_messages_with_text() {
    let (user, done) = (said("user", "Ferries?"), said("assistant", "OK."));
    let mut conversation = holding(&[&user, CALL, PARTIAL, &done]);
    let expected = [&user, PARTIAL_EDITED, &done].map(str::to_owned);
    let (messages, figures) = recent(&mut conversation, &["1000"]);
    assert_eq!(messages, expected);
    assert_eq!(shown(&figures), "first 1, last 4, dropped 1, edited 1");

    let json = run(
        &mut conversation,
        "CONV.RECENT",
        &["1000", "FORMAT", "JSON"],
    );
    assert_eq!(text(&json[0]), format!("[{}]", expected.join(",")));

    // It is a user message for START USER, in the window and before it.
    let (messages, figures) = recent(
        &mut conversation,
        &["1000", "MESSAGES", "2", "START", "USER"],
    );
    assert_eq!(messages, expected[1..]);
    assert_eq!(shown(&figures), "first 3, last 4, skipped 2, edited 1");
    let more = said("assistant", "Anything else?");
    run(&mut conversation, "CONV.APPEND", &[&more]);
    let (messages, figures) = recent(
        &mut conversation,
        &["1000", "MESSAGES", "2", "START", "USER"],
    );
    assert_eq!(messages, [PARTIAL_EDITED, &more]);
    assert_eq!(
        shown(&figures),
        "first 5, last 5, skipped 3, elided 1, edited 1"
    );

    // Only RECENT edits.
    let held = run(&mut conversation, "CONV.GET", &["3"]);
    assert_eq!(text(&held[1]), PARTIAL);
    let range = run(
        &mut conversation,
        "CONV.RANGE",
        &["2", "2", "FORMAT", "JSON"],
    );
    assert_eq!(text(&range[0]), format!("[{PARTIAL}]"));
    let export = run(&mut conversation, "CONV.EXPORT", &[]);
    assert!(text(&export[0]).contains(PARTIAL));
}

#[test]
fn a_summary_has_the_form_of_the_first_message() {
    let langchain = r#"{"type":"human","data":{"content":"Ferries?"}}"#;
    let user = said("user", "Ferries?");
    let mut conversation = holding(&[langchain, &user, &user]);
    run(&mut conversation, "CONV.SETSUMMARY", &["Ferries."]);
    let mut summary = |name: &str, args: &[&str]| {
        if !name.is_empty() {
            run(&mut conversation, name, args);
        }
        recent(&mut conversation, &["1000"]).0.swap_remove(0)
    };
    let base = r#"{"role":"system","content":"Ferries."}"#;
    let dict = r#"{"type":"system","data":{"content":"Ferries."}}"#;
    assert_eq!(summary("", &[]), dict);
    assert_eq!(summary("CONV.APPEND", &[&user]), dict);
    assert_eq!(summary("CONV.DEL", &["1"]), base);
    assert_eq!(summary("CONV.EDIT", &["2", langchain]), dict);
    assert_eq!(summary("CONV.EDIT", &["2", &user]), base);
    assert_eq!(summary("CONV.BACKFILL", &[langchain]), dict);
}

#[test]
fn trimming_keeps_the_newest_message_if_there_is_no_group() {
    let mut conversation = holding(&[ORPHAN, ORPHAN, ORPHAN]);
    run(&mut conversation, "CONV.TRIM", &["MAXMESSAGES", "1"]);
    assert_eq!(conversation.log().last_seq(), Some(3));
    assert_eq!(conversation.log().len(), 1);
    run(&mut conversation, "CONV.TRIM", &["BEFORE", "9"]);
    assert_eq!(conversation.log().len(), 1);
    // Reasoning that waits is kept together.
    let reasoning = r#"{"type":"reasoning","summary":[]}"#;
    let mut conversation = holding(&[ORPHAN, ORPHAN, reasoning, reasoning]);
    run(&mut conversation, "CONV.TRIM", &["MAXMESSAGES", "1"]);
    assert_eq!(conversation.log().len(), 2);
    // A leading system message is no group.
    let mut conversation = holding(&[&said("system", "Be brief."), ORPHAN, ORPHAN]);
    run(&mut conversation, "CONV.TRIM", &["MAXMESSAGES", "1"]);
    assert_eq!(conversation.log().len(), 2);
}

/// Of a turn that `upto` cuts, the rest counts like a group.
#[test]
fn a_claim_keeps_the_rest_of_a_turn_that_the_summary_cuts() {
    let result = |id| format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"nine"}}"#);
    let (first, second) = (result("t1"), result("t2"));
    let user = said("user", "Thanks.");
    let mut conversation = holding(&[]);
    for message in [CALL, &first, &second, &user] {
        run(&mut conversation, "CONV.APPEND", &["TOKENS", "10", message]);
    }
    run(
        &mut conversation,
        "CONV.SETSUMMARY",
        &["Ferries.", "UPTO", "2"],
    );
    let mut claimed = |keep: &str| {
        let reply = run(&mut conversation, "CONV.CLAIMSUMMARY", &["1", "KEEP", keep]);
        match &reply[..] {
            [Tree::Null] => None,
            [Tree::Map(3), name, Tree::Integer(upto), ..] => {
                assert_eq!(text(name), "upto");
                Some(*upto)
            }
            other => panic!("unexpected {other:?}"),
        }
    };
    assert_eq!(claimed("0"), Some(4));
    assert_eq!(claimed("10"), Some(3));
    assert_eq!(claimed("19"), Some(3));
    assert_eq!(claimed("20"), None);
}

#[test]
fn unread_messages_are_shown() {
    let mut conversation = holding(&[&said("user", "Ferries?")]);
    let reply = run(&mut conversation, "CONV.INFO", &[]);
    let upto = Tree::Bulk(b"summary-upto".to_vec());
    let upto = reply.iter().position(|tree| *tree == upto).expect("shown");
    assert_eq!(text(&reply[upto + 4]), "unread");
    assert_eq!(reply[upto + 5], Tree::Integer(0));
    let reply = run(&mut conversation, "CONV.GET", &["1", "WITHINFO"]);
    let names: Vec<String> = reply[2..].chunks(2).map(|pair| text(&pair[0])).collect();
    assert_eq!(
        names,
        ["seq", "time", "tokens", "unread", "pinned", "message"]
    );
}
