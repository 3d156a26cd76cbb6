//! Turn groups and their corners.

use super::*;

#[test]
fn turns_are_whole_or_absent() {
    let l = log("u c.ab t.a t.b a");
    for (max, expected) in [(53, "1 2 3 4 5"), (43, "2 3 4 5"), (42, "5"), (13, "5")] {
        assert_eq!(recent(&l, &max.to_string()), expected, "{max}");
    }
    // The first group that does not fit ends the window, also if an older one would fit.
    assert_eq!(recent(&log("u=1 a=50 u=1"), "20"), "3");
    table(
        all,
        &[
            // Any order of answers, every dialect, ids pair across dialects.
            ("c.ab t.b t.a", "1 2 3"),
            ("A.ab R.ab a", "1 2 3"),
            ("A.ab R.b R.a a", "1 2 3 4"),
            ("lc.ab lt.a lt.b la", "1 2 3 4"),
            ("f.a o.a m", "1 2 3"),
            ("x.a y.a", "1 2"),
            ("c.ab R.a lt.b u", "1 2 3 4"),
            // "The last answer completes it": an id may then be opened again.
            ("c.a t.a c.a t.a", "1 2 3 4"),
            // A result without an id answers the oldest open call, the legacy role function as well.
            ("c.a F t.a u", "1 2 4"),
            ("c.ab F t.b t.a u", "1 2 3 5"),
            // Calls that name no id open nothing.
            ("w u", "1 2"),
        ],
    );
    // A completed turn and what follows it are two groups.
    assert_eq!(recent(&log("c.a t.a a"), "13"), "3");
    assert_eq!(recent(&log("f.a o.a f.b o.b"), "23"), "3 4");
}

#[test]
fn unanswered_turns() {
    table(
        all,
        &[
            // "Any other message ends it: with calls still unanswered it is never returned"
            ("c.a u", "2"),
            ("c.ab t.a u a", "3 4"),
            ("c.ab t.a c.b t.b", "3 4"),
            ("c.a s u", "2 3"),
            // The answer comes too late: an orphan.
            ("c.a u t.a", "2"),
            // "The newest group may still be open and is returned."
            ("u c.ab t.a", "1 2 3"),
            ("u c.ab", "1 2"),
            ("c.a c.b", "2"),
        ],
    );
    // It does not end the window: what is never returned is no group that could fail to fit.
    assert_eq!(recent(&log("u c.a=99 u"), "23"), "1 3");
    // An open newest group is whole or absent as well.
    assert_eq!(recent(&log("u c.ab t.a"), "22"), "");
}

#[test]
fn orphans() {
    table(
        all,
        &[
            ("t.a u", "2"),
            ("u t.a", "1"),
            // answered already
            ("c.a t.a t.a u", "1 2 4"),
            // does not end a turn, is left out of its middle
            ("c.ab t.a t.z t.a t.b u", "1 2 5 6"),
            ("c.a R.z t.a", "1 3"),
            // a message with several answers of which one is not open; it answers nothing
            ("A.a R.ab u", "3"),
            ("A.ab R.a R.ab R.b u", "1 2 4 5"),
            // "A message that answers one call twice is an orphan."
            ("A.a R.aa R.a u", "1 3 4"),
            // behind an open newest turn
            ("u c.a t.z", "1 2"),
        ],
    );
    // It is no user message, though its role is user.
    assert_eq!(recent(&log("R.z a"), "1000 user"), "");
    assert_eq!(info(&log("u t.z a"), "13"), (13, 3, 3, 2));
    assert_eq!(info(&log("u c.a t.z t.a"), "1000"), (33, 1, 4, 0));
}

#[test]
fn responses_items_continue_a_turn() {
    table(
        all,
        &[
            ("f.a m o.a u", "1 2 3 4"),
            ("f.a f.b o.a o.b", "1 2 3 4"),
            ("f.a f.b o.a w m o.b u", "1 2 3 4 5 6 7"),
            ("f.ab o.a u", "1 2 3"),
            // a call opened within it must be answered within it
            ("f.a f.b o.a u", "4"),
            // answered, then opened again while another call is open
            ("f.a f.b o.a f.a o.b o.a u", "1 2 3 4 5 6 7"),
            ("f.a f.b o.a f.a o.b u", "6"),
            // ids are multisets: two equal calls need two results
            ("f.a f.a o.a u", "4"),
            ("f.a f.a o.a o.a u", "1 2 3 4 5"),
            ("A.aa R.a R.a u", "1 2 3 4"),
            ("A.aa R.aa u", "1 2 3"),
            // user, system and developer messages end it, in any dialect
            ("f.a mu o.a", "2"),
            ("f.a s o.a", "2"),
            // messages of other dialects end it
            ("f.a a o.a", "2"),
            ("f.a la o.a", "2"),
            ("f.a c.b t.b o.a", "2 3"),
            // "nothing else does": items do not continue a turn that a chat message opened
            ("c.a m t.a u", "2 4"),
            ("c.a f.b o.b t.a u", "2 3 5"),
            ("A.a w R.a u", "2 4"),
            // the answers may come in any dialect
            ("f.a t.a u", "1 2 3"),
        ],
    );
    // It is one group.
    assert_eq!(recent(&log("f.a m o.a u"), "42"), "4");
    assert_eq!(recent(&log("f.a m f.b"), "33"), "1 2 3");
    assert_eq!(recent(&log("f.a m f.b"), "32"), "");
}

#[test]
fn reasoning_items() {
    table(
        all,
        &[
            ("r m u", "1 2 3"),
            ("r r f.a o.a u", "1 2 3 4 5"),
            ("r a", "1 2"),
            // "while there is none [...] it is never returned"
            ("u r", "1"),
            ("u r r", "1"),
            // "or if that is a user, system or developer message"
            ("r u", "2"),
            ("r mu a", "2 3"),
            ("u r s a", "1 3 4"),
            ("u r d a", "1 3 4"),
            ("r r u", "3"),
            // of a dangling turn
            ("r f.a u", "3"),
            // inside a turn
            ("f.a f.b o.a r o.b u", "1 2 3 4 5 6"),
            ("f.a r f.b o.a o.b u", "1 2 3 4 5 6"),
            // while nothing follows it in the newest, open turn
            ("u f.a r", "1 2"),
            ("u f.a r f.b", "1 2 3 4"),
            // its turn is ended by a message of another dialect: it belongs to that message
            ("f.a r a", "2 3"),
            // it ends a turn that no item opened
            ("c.a r t.a u", "4"),
            ("c.a r m", "2 3"),
            ("u c.a r", "1"),
            // "an orphan between it and its successor is passed over"
            ("r o.z m", "1 3"),
            ("r o.z u", "3"),
            ("r o.z", ""),
            // the newest turn
            ("u r f.a", "1 2 3"),
        ],
    );
    assert_eq!(recent(&log("r m"), "22"), "");
    assert_eq!(recent(&log("r m"), "23"), "1 2");
    assert_eq!(recent(&log("u r f.a o.a"), "32"), "");
    // Answered by a message of role user, which is no user message then.
    assert_eq!(all("f.a r R.a u"), "1 2 3 4");
}

#[test]
fn what_a_summary_leaves_of_a_group_is_absent() {
    // "Groups are formed of the messages that are held.", and they are whole or absent.
    assert_eq!(recent(&log("c.ab t.a t.b a").summary(5, 2), "1000"), "S 4");
    assert_eq!(recent(&log("f.a m o.a u").summary(5, 1), "1000"), "S 4");
    assert_eq!(recent(&log("r m u").summary(5, 1), "1000"), "S 3");
    assert!(log("r m u").summary(5, 1).summary_cuts_a_group());
    assert!(!log("r m u").summary(5, 2).summary_cuts_a_group());
    assert!(log("c.a t.z t.a u").summary(5, 2).summary_cuts_a_group());
    assert!(!log("c.a t.z t.a u").summary(5, 3).summary_cuts_a_group());
}

#[test]
fn messages_limits_the_window() {
    let l = log("s u c.a t.a a").summary(5, None);
    // System messages and the summary do not count.
    for (n, expected) in [
        (1, "1 S 5"),
        (2, "1 S 5"),
        (3, "1 S 3 4 5"),
        (4, "1 S 2 3 4 5"),
        (9, "1 S 2 3 4 5"),
    ] {
        assert_eq!(recent(&l, &format!("1000 n={n}")), expected, "{n}");
    }
    assert_eq!(recent(&log("u a c.a t.a"), "1000 n=1"), "");
    // As well as the budget.
    assert_eq!(recent(&log("u a u"), "13 n=2"), "3");
}
