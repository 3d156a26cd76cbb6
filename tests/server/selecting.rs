//! The window that CONV.RECENT selects, on small conversations with given counts, so that every figure is exact. A
//! line is `log
//!
//! summary
//!
//! arguments => reply` in the notation of [`fill`] and [`recent`]; `x@2` is a summary `x` with UPTO 2. A reply costs 3
//! tokens plus those of its messages. The summary `x` costs 5 (3, role and text).

use crate::notation::{fill, line, recent};
use crate::support::{Server, cmd};

pub fn cases(lines: &str) {
    let server = Server::start();
    let (mut two, mut three) = (server.conn(), server.conn3());
    let mut failed = Vec::new();
    for case in lines.lines().map(str::trim) {
        if case.is_empty() || case.starts_with('#') {
            continue;
        }
        let (given, want) = case.split_once(" => ").expect("given => reply");
        let [log, summary, args] = given.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("log | summary | arguments: {case}");
        };
        cmd!(two, "DEL", "k");
        // A log that begins with `incomplete` may have older messages in a database.
        let words = match log.strip_prefix("incomplete") {
            Some(words) => {
                cmd!(two, "CONV.CREATE", "k", "COMPLETE", "no");
                words
            }
            None => log,
        };
        match words.trim() {
            "" => {}
            "empty" => {
                cmd!(two, "CONV.CREATE", "k");
            }
            words => {
                fill(&mut two, "k", words);
            }
        }
        match summary.trim().split_once('@') {
            Some((text, upto)) => {
                cmd!(two, "CONV.SETSUMMARY", "k", text, "UPTO", upto);
            }
            None if summary.trim() == "-" => {}
            None => {
                cmd!(two, "CONV.SETSUMMARY", "k", summary.trim());
            }
        }
        let got = recent(&mut two, &mut three, "k", args);
        if got != want.trim() {
            failed.push(format!("{given}\n   want {want}\n   got  {got}"));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// A system message with tool calls or results belongs to a group: it counts, and is only returned with the whole
/// group.
#[test]
fn system_messages_with_calls_belong_to_their_group() {
    cases(
        "S.a=15 u=5 | - | 8 => 2 | 8 2-2 -1
         S.a=15 u=5 | - | 100 => 2 | 8 2-2 -1
         S.a=15 u=5 | - | 3 => | 0 0-0 -2
         S.a=15 | - | 18 => 1 | 18 1-1 -0
         S.a t.a u | - | 33 => 1 2 3 | 33 1-3 -0
         S.a t.a u | - | 32 => 3 | 13 3-3 -2
         s S.a t.a u | - | 33 => 1 4 | 23 4-4 -2
         D.x=1000000 u | - | 13 => 2 | 13 2-2 -1
         s D.x u | - | 23 => 1 3 | 23 3-3 -1",
    );
}

#[test]
fn the_window_is_the_longest_within_the_budget() {
    cases(
        "u a u | - | 33 => 1 2 3 | 33 1-3 -0
         u a u | - | 32 => 2 3 | 23 2-3 -1
         u a u | - | 23 => 2 3 | 23 2-3 -1
         u a u | - | 13 => 3 | 13 3-3 -2
         u a u | - | 12 => | 0 0-0 -3
         u a u | - | 3 => | 0 0-0 -3
         u a u | - | 0 => | 0 0-0 -3
         u a u | - | 9223372036854775807 => 1 2 3 | 33 1-3 -0
         # The first group that does not fit ends the window, even if older ones would fit.
         u=5 a=50 u=5 | - | 20 => 3 | 8 3-3 -2
         # What counts nothing still needs the 3 tokens of the reply.
         u=0 | - | 3 => 1 | 3 1-1 -0
         u=0 | - | 2 => | 0 0-0 -1
         u=0 | - | 0 => | 0 0-0 -1
         s=0 u=5 | - | 2 => | 0 0-0 -2
         u a=0 u=0 | - | 3 => 2 3 | 3 2-3 -1
         # An empty conversation.
         empty | - | 100 => | 0 0-0 -0
         empty | x | 100 => S | 8 0-0 -0 summary",
    );
}

#[test]
fn system_messages_come_first_if_all_of_them_fit() {
    cases(
        "s s u a | - | 43 => 1 2 3 4 | 43 3-4 -0
         s s u a | - | 42 => 1 2 4 | 33 4-4 -1
         s s u a | - | 33 => 1 2 4 | 33 4-4 -1
         s s u a | - | 32 => 1 2 | 23 0-0 -2
         s s u a | - | 23 => 1 2 | 23 0-0 -2
         # Not taken, they are no candidates for the window either.
         s s u a | - | 22 => 4 | 13 4-4 -3
         s=500 u a | - | 100 => 2 3 | 23 2-3 -1
         s s u a | - | 12 => | 0 0-0 -4
         s s u a | - | 100 NOSYSTEM => 3 4 | 23 3-4 -2
         s s u a | - | 22 NOSYSTEM => 4 | 13 4-4 -3
         d s u | - | 100 => 1 2 3 | 33 3-3 -0
         d s u | - | 100 NOSYSTEM => 3 | 13 3-3 -2
         ls lu la | - | 33 => 1 2 3 | 33 2-3 -0
         # Those further down are messages as others.
         s u s a | - | 33 => 1 3 4 | 33 3-4 -1
         s u s a | - | 100 NOSYSTEM => 2 3 4 | 33 2-4 -1
         u s | - | 100 NOSYSTEM => 1 2 | 23 1-2 -0
         s s | - | 23 => 1 2 | 23 0-0 -0
         s s | - | 22 => | 0 0-0 -2
         s s | - | 100 NOSYSTEM => | 0 0-0 -2",
    );
    // The system messages at the start, after the messages before them were removed.
    let server = Server::start();
    let (mut two, mut three) = (server.conn(), server.conn3());
    fill(&mut two, "k", "u s a u");
    let mut now = |args: &str| recent(&mut two, &mut three, "k", args);
    assert_eq!(now("23"), "3 4 | 23 3-4 -2");
    cmd!(server.conn(), "CONV.DEL", "k", 1);
    assert_eq!(now("23"), "2 4 | 23 4-4 -1");
    assert_eq!(now("100 NOSYSTEM"), "3 4 | 23 3-4 -1");
}

#[test]
fn a_summary_replaces_what_it_covers() {
    let long = "word".repeat(60);
    let lines = "u a u a | x@2 | 28 => S 3 4 | 28 3-4 -2 summary
         u a u a | x@2 | 27 => S 4 | 18 4-4 -3 summary
         u a u a | x@2 | 8 => S | 8 0-0 -4 summary
         u a u a | x@2 | 7 => | 0 0-0 -4
         u a u a | x@4 | 100 => S | 8 0-0 -4 summary
         u a u a | x@0 | 100 => S 1 2 3 4 | 48 1-4 -0 summary
         # Without UPTO it only precedes the messages.
         u a u a | x | 48 => S 1 2 3 4 | 48 1-4 -0 summary
         u a u a | x | 47 => S 2 3 4 | 38 2-4 -1 summary
         # Left out or not taken, what it covers are candidates.
         u a u a | x@2 | 43 NOSUMMARY => 1 2 3 4 | 43 1-4 -0
         u a u a | LONG@2 | 43 => 1 2 3 4 | 43 1-4 -0
         u a u a | LONG@4 | 33 => 2 3 4 | 33 2-4 -1
         # After the system messages, whose cost comes first.
         s u a | x@2 | 100 => 1 S 3 | 28 3-3 -1 summary
         s u a | x@1 | 100 => 1 S 2 3 | 38 2-3 -0 summary
         s u a | x@3 | 17 => 1 | 13 0-0 -2
         s u a | x@3 | 18 => 1 S | 18 0-0 -2 summary
         s u a | x@2 | 100 NOSYSTEM => S 3 | 18 3-3 -2 summary
         s u a | x@2 | 100 NOSYSTEM NOSUMMARY => 2 3 | 23 2-3 -1
         s u a | x@2 | 17 NOSYSTEM => S | 8 0-0 -3 summary
         # Of a turn that it cuts nothing is left that could be returned.
         c.ab t.a t.b u | x@2 | 100 => S 4 | 18 4-4 -3 summary
         c.ab t.a t.b | x@1 | 100 => S | 8 0-0 -3 summary
         u c.a | x@2 | 100 => S | 8 0-0 -2 summary
         f.a o.a m | x@1 | 100 => S 3 | 18 3-3 -2 summary
         # MESSAGES speaks of the window.
         s u a u | x@1 | 100 MESSAGES 2 => 1 S 3 4 | 38 3-4 -1 summary
         # OVERSIZE KEEP does not help a summary or a system message.
         s=50 u=50 | x | 20 OVERSIZE KEEP => S 2 | 58 2-2 -1 summary over";
    cases(&lines.replace("LONG", &long));
}

#[test]
fn groups_are_returned_completely_or_not_at_all() {
    cases(
        "u c.ab t.b t.a u | - | 13 => 5 | 13 5-5 -4
         u c.ab t.b t.a u | - | 42 => 5 | 13 5-5 -4
         u c.ab t.b t.a u | - | 43 => 2 3 4 5 | 43 2-5 -1
         u c.ab t.b t.a u | - | 53 => 1 2 3 4 5 | 53 1-5 -0
         u A.ab R.ab u | - | 32 => 4 | 13 4-4 -3
         u A.ab R.ab u | - | 33 => 2 3 4 | 33 2-4 -1
         u A.ab R.a R.b u | - | 42 => 5 | 13 5-5 -4
         u A.ab R.b R.a u | - | 43 => 2 3 4 5 | 43 2-5 -1
         lu lc.ab lt.a lt.b la | - | 42 => 5 | 13 5-5 -4
         lu lc.ab lt.a lt.b la | - | 43 => 2 3 4 5 | 43 2-5 -1
         mu f.a f.b o.b o.a m | - | 52 => 6 | 13 6-6 -5
         mu f.a f.b o.b o.a m | - | 53 => 2 3 4 5 6 | 53 2-6 -1
         mu x.a y.a m | - | 32 => 4 | 13 4-4 -3
         # The last answer completes a turn, what follows is a group of its own.
         c.a t.a a | - | 13 => 3 | 13 3-3 -2
         f.a o.a m | - | 13 => 3 | 13 3-3 -2
         # An id may be used again once its turn is over.
         c.a t.a c.a t.a | - | 43 => 1 2 3 4 | 43 1-4 -0
         c.a t.a c.a t.a | - | 42 => 3 4 | 23 3-4 -2
         # The dialects may be mixed, and answer each other's calls.
         c.ab R.a lt.b u | - | 100 => 1 2 3 4 | 43 1-4 -0
         lc.a t.a A.b o.b u | - | 100 => 1 2 3 4 5 | 53 1-5 -0
         # A call without an id opens nothing.
         f u | - | 100 => 1 2 | 23 1-2 -0
         x u | - | 100 => 1 2 | 23 1-2 -0
         c u | - | 100 => 1 2 | 23 1-2 -0",
    );
}

#[test]
fn unanswered_calls_and_orphaned_results_are_never_returned() {
    cases(
        "u c.a u a | - | 100 => 1 3 4 | 33 1-4 -0
         u c.a u a | - | 33 => 1 3 4 | 33 1-4 -0
         u c.a u a | - | 32 => 3 4 | 23 3-4 -2
         c.ab t.a u | - | 100 => 3 | 13 3-3 -2
         A.ab R.a u | - | 100 => 3 | 13 3-3 -2
         lc.ab lt.a lu | - | 100 => 3 | 13 3-3 -2
         f.a f.b o.a mu | - | 100 => 4 | 13 4-4 -3
         c.a c.b t.b | - | 100 => 2 3 | 23 2-3 -1
         # An answer that comes after its turn has ended.
         c.a u t.a | - | 100 => 2 | 13 2-2 -1
         c.a u t.a a | - | 100 => 2 4 | 23 2-4 -1
         # The newest, still running turn.
         u c.a | - | 100 => 1 2 | 23 1-2 -0
         u c.ab t.a | - | 100 => 1 2 3 | 33 1-3 -0
         u c.ab t.a | - | 32 => 2 3 | 23 2-3 -1
         u c.ab t.a | - | 22 => | 0 0-0 -3
         u A.ab R.b | - | 100 => 1 2 3 | 33 1-3 -0
         mu f.a f.b o.b | - | 100 => 1 2 3 4 | 43 1-4 -0
         # Unknown, answered already, or before its call.
         u t.x a | - | 100 => 1 3 | 23 1-3 -0
         u t.x a | - | 13 => 3 | 13 3-3 -2
         t.x | - | 100 => | 0 0-0 -1
         t.a c.a t.a | - | 100 => 2 3 | 23 2-3 -1
         c.a t.a t.a u | - | 100 => 1 2 4 | 33 1-4 -0
         u t.x | - | 13 => 1 | 13 1-1 -0
         R.x u | - | 100 => 2 | 13 2-2 -1
         lt.x lu | - | 100 => 2 | 13 2-2 -1
         o.x y.x mu | - | 100 => 3 | 13 3-3 -2
         t u | - | 100 => 2 | 13 2-2 -1
         o u | - | 100 => 2 | 13 2-2 -1
         # An orphan answers nothing, and does not end a turn.
         c.a t.x t.a u | - | 100 => 1 3 4 | 33 1-4 -0
         c.a t.x t.a u | - | 32 => 4 | 13 4-4 -3
         c.a t.x | - | 100 => 1 | 13 1-1 -0
         # Several answers of which one is not open: the message is an orphan, the other call stays open.
         A.a R.ab u | - | 100 => 3 | 13 3-3 -2
         A.a R.ab R.a u | - | 100 => 1 3 4 | 33 1-4 -0
         A.a R.aa u | - | 100 => 3 | 13 3-3 -2
         A.a R.aa R.a u | - | 100 => 1 3 4 | 33 1-4 -0",
    );
}

#[test]
fn responses_items_continue_the_group_of_a_call() {
    cases(
        "f.a m o.a mu | - | 43 => 1 2 3 4 | 43 1-4 -0
         f.a m o.a mu | - | 42 => 4 | 13 4-4 -3
         f.a r o.a m | - | 43 => 1 2 3 4 | 43 1-4 -0
         f.a f.b r f.c o.a o.b o.c m | - | 82 => 8 | 13 8-8 -7
         # Not a user's message, and nothing that is no item.
         f.a mu o.a | - | 100 => 2 | 13 2-2 -1
         f.a u o.a | - | 100 => 2 | 13 2-2 -1
         f.a a o.a | - | 100 => 2 | 13 2-2 -1
         f.a c.b o.a t.b | - | 100 => 2 4 | 23 2-4 -1
         # A chat turn is not continued by items.
         c.a m t.a u | - | 100 => 2 4 | 23 2-4 -1
         A.a m R.a u | - | 100 => 2 4 | 23 2-4 -1
         c.a f.b t.a o.b u | - | 100 => 2 4 5 | 33 2-5 -1",
    );
}

#[test]
fn reasoning_belongs_to_the_item_that_follows() {
    cases(
        "mu r m | - | 33 => 1 2 3 | 33 1-3 -0
         mu r m | - | 32 => 2 3 | 23 2-3 -1
         mu r m | - | 22 => | 0 0-0 -3
         r f.a o.a mu | - | 43 => 1 2 3 4 | 43 1-4 -0
         r f.a o.a mu | - | 42 => 4 | 13 4-4 -3
         r r m | - | 32 => | 0 0-0 -3
         r r m | - | 33 => 1 2 3 | 33 1-3 -0
         mu r a | - | 23 => 2 3 | 23 2-3 -1
         # Newest, or before somebody else's message: never returned.
         mu r | - | 100 => 1 | 13 1-1 -0
         mu r r | - | 13 => 1 | 13 1-1 -0
         r mu | - | 100 => 2 | 13 2-2 -1
         m r u a | - | 100 => 1 3 4 | 33 1-4 -0
         m r s a | - | 100 => 1 3 4 | 33 1-4 -0
         m r d a | - | 33 => 1 3 4 | 33 1-4 -0
         r | - | 100 => | 0 0-0 -1
         # An orphan between it and its successor is passed over.
         r t.x m | - | 23 => 1 3 | 23 1-3 -0
         r t.x m | - | 22 => | 0 0-0 -3
         # With an unanswered call it goes as the call does.
         mu r f.a | - | 33 => 1 2 3 | 33 1-3 -0
         r f.a mu | - | 100 => 3 | 13 3-3 -2",
    );
}

#[test]
fn messages_option_limits_the_window() {
    cases(
        "u c.a t.a u | - | 100 MESSAGES 1 => 4 | 13 4-4 -3
         u c.a t.a u | - | 100 MESSAGES 2 => 4 | 13 4-4 -3
         u c.a t.a u | - | 100 MESSAGES 3 => 2 3 4 | 33 2-4 -1
         u c.a t.a u | - | 100 MESSAGES 4 => 1 2 3 4 | 43 1-4 -0
         u c.a t.a u | - | 100 MESSAGES 9223372036854775807 => 1 2 3 4 | 43 1-4 -0
         u c.a t.a u | - | 42 MESSAGES 4 => 2 3 4 | 33 2-4 -1
         u c.a t.a | - | 100 MESSAGES 1 => | 0 0-0 -3
         s s u a | - | 100 MESSAGES 1 => 1 2 4 | 33 4-4 -1
         # What is never returned does not count.
         u t.x a | - | 100 MESSAGES 2 => 1 3 | 23 1-3 -0
         u c.a u | - | 100 MESSAGES 2 => 1 3 | 23 1-3 -0",
    );
}

#[test]
fn incomplete_conversations_return_misses() {
    cases(
        "incomplete u a | - | 100 => nil
         incomplete u a | - | 23 => nil
         incomplete u a | - | 22 => 2 | 13 2-2 -1
         incomplete u a | - | 12 => | 0 0-0 -2
         incomplete u a | - | 100 ANY => 1 2 | 23 1-2 -0
         incomplete | - | 100 => nil
         incomplete | - | 100 ANY => | 0 0-0 -0
         # A window that MESSAGES ends is a hit.
         incomplete u a | - | 100 MESSAGES 1 => 2 | 13 2-2 -1
         incomplete u a | - | 100 MESSAGES 2 => nil
         incomplete u a | - | 100 MESSAGES 3 => nil
         # System messages are no candidates.
         incomplete s=50 u | - | 20 => nil
         incomplete s u a | - | 32 => 1 3 | 23 3-3 -1
         # Also a hit: a summary is taken that covers the oldest message held.
         incomplete u a | x@1 | 100 => S 2 | 18 2-2 -1 summary
         incomplete u a | x@2 | 100 => S | 8 0-0 -2 summary
         incomplete u a | x@0 | 100 => nil
         incomplete u a | x | 100 => nil
         incomplete u a | x@1 | 100 NOSUMMARY => nil
         incomplete u a | x@1 | 22 NOSUMMARY => 2 | 13 2-2 -1",
    );
}

#[test]
fn removing_the_oldest_messages_completes_a_conversation() {
    let server = Server::with_module_args(&[], &["assume-complete", "no"]);
    let (mut two, mut three) = (server.conn(), server.conn3());
    let mut steps = |key: &str, commands: &[&str]| {
        for command in commands {
            line(&mut two, command).unwrap();
        }
        recent(&mut two, &mut three, key, "100")
    };
    let append = "CONV.APPEND k TOKENS 10 {\"role\":\"user\",\"content\":\"x\",\"n\":1}";
    assert_eq!(steps("missing", &[]), "nil");
    assert_eq!(steps("k", &[append]), "nil");
    assert_eq!(steps("k", &["CONV.ALTER k COMPLETE yes"]), "1 | 13 1-1 -0");
    assert_eq!(steps("k", &["CONV.ALTER k COMPLETE no"]), "nil");
    let made = ["DEL k", "CONV.CREATE k COMPLETE yes", append];
    assert_eq!(steps("k", &made), "1 | 13 1-1 -0");
    // A summary whose messages were removed covers none of the others.
    let covered = ["DEL k", append, append, "CONV.SETSUMMARY k x UPTO 1"];
    assert_eq!(steps("k", &covered), "S 1 | 18 2-2 -1 summary");
    assert_eq!(steps("k", &["CONV.DEL k 1"]), "nil");
}
