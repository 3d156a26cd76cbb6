//! Which pinned groups RECENT returns, and where.

use super::tests::{ORPHAN, holding, recent, run, said, shown};
use crate::conversation::Conversation;

/// Messages of 10 tokens each, in words: `s` system, `u` user, `a` assistant, `c` a call, `r` its result, `o` an orphan; with
/// `!` it is pinned.
fn filled(words: &str) -> Conversation {
    let mut conversation = holding(&[]);
    for (word, seq) in words.split(' ').zip(1..) {
        let message = match word.trim_end_matches('!') {
            "s" => said("system", "x"),
            "u" => said("user", "x"),
            "a" => said("assistant", "x"),
            "c" => r#"{"role":"assistant","tool_calls":[{"id":"1"}]}"#.into(),
            "r" => r#"{"role":"tool","tool_call_id":"1","content":"x"}"#.into(),
            "o" => ORPHAN.into(),
            other => panic!("{other}"),
        };
        run(
            &mut conversation,
            "CONV.APPEND",
            &["TOKENS", "10", &message],
        );
        if word.ends_with('!') {
            run(&mut conversation, "CONV.PIN", &[&i64::to_string(&seq)]);
        }
    }
    conversation
}

/// What RECENT shows: window, number of messages, tokens, and the figures that are not 0.
fn shown_of(words: &str, args: &str) -> String {
    let args: Vec<&str> = args.split(' ').collect();
    let (messages, figures) = recent(&mut filled(words), &args);
    let tokens = figures.iter().find(|(name, _)| name == "tokens");
    format!(
        "{} {}, {}",
        messages.len(),
        tokens.map_or(0, |(_, n)| *n),
        shown(&figures)
    )
}

#[test]
fn pinned_groups_precede_the_window() {
    let mut wrong = Vec::new();
    for (words, args, want) in [
        (
            "u! a u a",
            "33",
            "3 33, first 3, last 4, skipped 1, pinned 1",
        ),
        (
            "u! a u a",
            "32",
            "2 23, first 4, last 4, skipped 2, pinned 1",
        ),
        ("u! a u a", "43", "4 43, first 1, last 4"),
        // A pinned group costs nothing more in the window.
        ("u a! u a", "33", "3 33, first 2, last 4, skipped 1"),
        ("u a! u! a", "33", "3 33, first 2, last 4, skipped 1"),
        // The whole group of a pinned message.
        (
            "u c r! u a",
            "33",
            "3 33, first 5, last 5, skipped 2, pinned 2",
        ),
        (
            "u c! r! u a",
            "42",
            "3 33, first 5, last 5, skipped 2, pinned 2",
        ),
        // If the newest group does not fit with the pins, none is included.
        ("u c r! u a", "32", "2 23, first 4, last 5, skipped 3"),
        ("u! u! u", "13", "1 13, first 3, last 3, skipped 2"),
        ("u! u! u!", "33", "3 33, first 1, last 3"),
        ("u! u! u!", "32", "2 23, first 2, last 3, skipped 1"),
        // NOPINS, MESSAGES.
        ("u! a u a", "33 NOPINS", "3 33, first 2, last 4, skipped 1"),
        (
            "u! a u a",
            "1000 MESSAGES 1",
            "2 23, first 4, last 4, skipped 2, pinned 1",
        ),
        ("u! a u a", "1000 MESSAGES 0", "1 13, skipped 3, pinned 1"),
        ("u! a u a!", "1000 MESSAGES 0", "2 23, skipped 2, pinned 2"),
        // Leading system messages are no pinned groups, others are.
        ("s! u a", "13", "1 13, skipped 2, system 1"),
        (
            "s! u a",
            "100 NOSYSTEM MESSAGES 0",
            "0 0, skipped 3, system-left-out 1",
        ),
        (
            "u s! a",
            "100 NOSYSTEM MESSAGES 1",
            "2 23, first 3, last 3, skipped 1, pinned 1",
        ),
        // What is hidden is not returned because it is pinned.
        (
            "u o! a",
            "100 MESSAGES 1",
            "1 13, first 3, last 3, skipped 2",
        ),
        (
            "u c! u a",
            "100 MESSAGES 1",
            "1 13, first 4, last 4, skipped 3",
        ),
        // START USER.
        (
            "u! a u a a",
            "43 START USER",
            "4 43, first 3, last 5, skipped 1, pinned 1",
        ),
        (
            "u! a a a",
            "33 START USER",
            "3 33, first 3, last 4, skipped 1, pinned 1",
        ),
        (
            "u u! a a",
            "100 MESSAGES 1 START USER",
            "2 23, first 4, last 4, skipped 2, pinned 1",
        ),
        (
            "u! u a a",
            "100 MESSAGES 2 START USER",
            "3 33, first 4, last 4, skipped 1, elided 1, pinned 1",
        ),
        (
            "u! u a a",
            "33 START USER",
            "3 33, first 4, last 4, skipped 1, elided 1, pinned 1",
        ),
        (
            "u! u a a",
            "32 START USER",
            "2 23, first 4, last 4, skipped 2, elided 1",
        ),
        (
            "u a! u a",
            "32 START USER",
            "2 23, first 3, last 4, skipped 2",
        ),
        // OVERSIZE KEEP returns the group alone.
        (
            "u! c r",
            "22 OVERSIZE KEEP",
            "2 23, first 2, last 3, skipped 1, over 1",
        ),
        (
            "u! c r",
            "32 OVERSIZE KEEP",
            "2 23, first 2, last 3, skipped 1",
        ),
        // STEP counts groups without pins.
        (
            "u! a u a u a",
            "43 STEP 20",
            "4 43, first 4, last 6, skipped 2, pinned 1",
        ),
        (
            "u! a u a u a",
            "53 STEP 20",
            "4 43, first 4, last 6, skipped 2, pinned 1",
        ),
        ("u! a u a u a", "63 STEP 20", "6 63, first 1, last 6"),
        (
            "u a u a u a",
            "53 STEP 20",
            "4 43, first 3, last 6, skipped 2",
        ),
    ] {
        let got = shown_of(words, args);
        if got != want {
            wrong.push(format!("{words} | {args}: {got}, not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pinned_groups_are_included_where_a_summary_covers_them() {
    let mut conversation = filled("u! a u a");
    run(&mut conversation, "CONV.SETSUMMARY", &["x", "UPTO", "3"]);
    let (messages, figures) = recent(&mut conversation, &["100"]);
    assert_eq!(messages.len(), 3);
    assert_eq!(
        shown(&figures),
        "first 4, last 4, skipped 2, summary 1, pinned 1"
    );
    run(&mut conversation, "CONV.SETSUMMARY", &["x", "UPTO", "4"]);
    let (messages, figures) = recent(&mut conversation, &["18"]);
    assert_eq!(messages.len(), 2);
    assert_eq!(shown(&figures), "skipped 3, summary 1, pinned 1");
    let (_, figures) = recent(&mut conversation, &["17"]);
    assert_eq!(shown(&figures), "skipped 4, summary 1");
    // The user message before the window, and a pinned one before that, in the order of the conversation.
    let mut conversation = filled("a! u a a");
    let (messages, _) = recent(&mut conversation, &["33", "START", "USER"]);
    assert_eq!(
        messages,
        [
            said("assistant", "x"),
            said("user", "x"),
            said("assistant", "x")
        ]
    );
    let mut conversation = filled("u a! a a");
    let (messages, _) = recent(&mut conversation, &["33", "START", "USER"]);
    assert_eq!(
        messages,
        [
            said("user", "x"),
            said("assistant", "x"),
            said("assistant", "x")
        ]
    );
}

/// Whether pinned groups fit depends on what clearing saves of them, also where that was not known yet.
#[test]
fn pins_that_fit_when_they_are_cleared_are_returned() {
    let mut conversation = holding(&[&said("user", "go on")]);
    recent(&mut conversation, &["1000", "CLEAR", "0"]);
    let call = r#"{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#;
    let long = "word ".repeat(200);
    let result = format!(r#"{{"role":"tool","tool_call_id":"1","content":"{long}"}}"#);
    run(&mut conversation, "CONV.BACKFILL", &[call, &result]);
    run(&mut conversation, "CONV.PIN", &["-1"]);
    let (messages, figures) = recent(&mut conversation, &["60", "CLEAR", "0"]);
    assert_eq!(messages.len(), 3, "{}", shown(&figures));
    let cleared = figures.iter().find(|(name, _)| name == "cleared");
    assert_eq!(cleared.map(|(_, n)| *n), Some(1));
}
