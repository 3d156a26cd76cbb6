//! What is selected: system messages, the summary, START USER, OVERSIZE, STEP, misses.

use super::*;

// ---- system messages and summary --------------------------------------------------------------------------------

#[test]
fn budget_is_max_tokens_less_three_and_equality_fits() {
    let l = log("u a u a");
    for (max, expected) in [
        (43, "1 2 3 4"),
        (42, "2 3 4"),
        (33, "2 3 4"),
        (32, "3 4"),
        (13, "4"),
        (12, ""),
        (0, ""),
    ] {
        assert_eq!(recent(&l, &max.to_string()), expected, "{max}");
    }
    assert_eq!(info(&l, "33"), (33, 2, 4, 1));
    assert_eq!(info(&l, "12"), (0, 0, 0, 4));
    // Messages of no tokens need the 3 of the reply all the same.
    let free = log("u=0 a=0");
    assert_eq!(
        (recent(&free, "3").as_str(), info(&free, "3")),
        ("1 2", (3, 1, 2, 0))
    );
    assert_eq!(
        (recent(&free, "2").as_str(), info(&free, "2")),
        ("", (0, 0, 0, 2))
    );
}

#[test]
fn system_messages_that_stand_first() {
    let l = log("s d u a");
    assert_eq!(recent(&l, "43"), "1 2 3 4");
    assert_eq!(
        (recent(&l, "42"), info(&l, "42")),
        ("1 2 4".into(), (33, 4, 4, 1))
    );
    // Together or not at all; left out they are no candidates, and the window has the whole budget.
    assert_eq!(
        (recent(&l, "22"), info(&l, "22")),
        ("4".into(), (13, 4, 4, 3))
    );
    assert_eq!(
        (recent(&l, "23"), info(&l, "23")),
        ("1 2".into(), (23, 0, 0, 2))
    );
    assert_eq!(
        (recent(&l, "1000 nosystem"), info(&l, "1000 nosystem")),
        ("3 4".into(), (23, 3, 4, 2))
    );
    // Only those that stand first now; others are groups by themselves.
    assert_eq!(recent(&log("u s a"), "23"), "2 3");
    let mut cut = log("u s a");
    cut.del(&[1]);
    assert_eq!(recent(&cut, "1000 nosystem"), "3");
    assert_eq!(recent(&log("ls lu"), "23"), "1 2");
}

#[test]
fn summary_is_taken_if_it_fits() {
    let l = log("s u a u a").summary(5, 3);
    assert_eq!(
        (recent(&l, "1000"), info(&l, "1000")),
        ("1 S 4 5".into(), (38, 4, 5, 2))
    );
    // It does not fit after the system message: then what it covers is a candidate again (but does not fit either).
    assert_eq!(recent(&l, "17"), "1");
    assert_eq!(
        (recent(&l, "18"), info(&l, "18")),
        ("1 S".into(), (18, 0, 0, 4))
    );
    assert_eq!(recent(&l, "1000 nosummary"), "1 2 3 4 5");
    assert!(!l.recent(&args("1000 nosummary")).unwrap().summary);
    assert_eq!(recent(&log("u a u").summary(50, 2), "33"), "1 2 3");
    // Without upto it only precedes the messages.
    assert_eq!(recent(&log("u a").summary(5, None), "1000"), "S 1 2");
    // An upto within the leading system messages changes nothing for them.
    assert_eq!(recent(&log("s s u").summary(5, 1), "1000"), "1 2 S 3");
    // All covered; "An empty reply with [...] a summary counts its tokens."
    assert_eq!(info(&log("u a").summary(5, 2), "1000"), (8, 0, 0, 2));
    assert_eq!(recent(&NaiveLog::default().summary(5, None), "8"), "S");
    assert_eq!(recent(&NaiveLog::default().summary(5, None), "7"), "");
}

#[test]
fn summary_as_a_message() {
    let first = |words: &str| {
        log(words)
            .summary(5, 1)
            .recent(&args("100"))
            .unwrap()
            .messages[0]
            .clone()
    };
    assert_eq!(first("u"), r#"{"role":"system","content":"sum"}"#);
    assert_eq!(
        first("lu u"),
        r#"{"type":"system","data":{"content":"sum"}}"#
    );
    assert_eq!(first("mu lu"), r#"{"role":"system","content":"sum"}"#);
}

// ---- START USER ---------------------------------------------------------------------------------------------------

#[test]
fn start_user_moves_forward() {
    let l = log("u a u a");
    assert_eq!(recent(&l, "43 user"), "1 2 3 4");
    assert_eq!(
        (recent(&l, "42 user"), info(&l, "42 user")),
        ("3 4".into(), (23, 3, 4, 2))
    );
    assert_eq!(recent(&log("a u a"), "1000 user"), "2 3");
    assert_eq!(recent(&log("a mu m"), "1000 user"), "2 3");
    assert_eq!(recent(&log("la lu"), "1000 user"), "2");
    // A tool result of role user is no user message.
    assert_eq!(recent(&log("u A.a R.a a"), "33 user"), "1 4 elided");
    // MESSAGES limits first.
    assert_eq!(recent(&log("u a u a"), "1000 user n=3"), "3 4");
    // The system messages stay.
    assert_eq!(recent(&log("s a u"), "1000 user"), "1 3");
}

#[test]
fn start_user_puts_the_nearest_earlier_user_message_in_front() {
    let l = log("u u=5 a c.a t.a c.b t.b a");
    // B = 30: the window would be 6 7 8; with the user message only 8 still fits.
    assert_eq!(recent(&l, "33 user"), "2 8 elided");
    assert_eq!(info(&l, "33 user"), (18, 8, 8, 6));
    // B = 35: 5 + 30.
    assert_eq!(recent(&l, "38 user"), "2 6 7 8 elided");
    assert_eq!(info(&l, "38 user"), (38, 6, 8, 4));
    // It and the newest group do not both fit.
    assert_eq!(recent(&l, "17 user"), "");
    assert_eq!(info(&l, "17 user"), (0, 0, 0, 8));
    assert_eq!(recent(&l, "18 user"), "2 8 elided");
    // "it counts for MESSAGES"
    assert_eq!(recent(&l, "1000 user n=4"), "2 6 7 8 elided");
    assert_eq!(recent(&l, "1000 user n=3"), "2 8 elided");
    assert_eq!(recent(&l, "1000 user n=1"), "");
    // Covered by a summary or not.
    let l = log("s u a a").summary(5, 2);
    assert_eq!(
        (recent(&l, "1000 user"), info(&l, "1000 user")),
        ("1 S 2 3 4 elided".into(), (48, 3, 4, 0))
    );
    let l = log("u a u a a").summary(5, 4);
    assert_eq!(
        (recent(&l, "1000 user"), info(&l, "1000 user")),
        ("S 3 5 elided".into(), (28, 5, 5, 3))
    );
    // No user message at all, or no window to put it before.
    assert_eq!(recent(&log("a a"), "1000 user"), "");
    assert_eq!(recent(&log("a a"), "1000 user keep"), "");
    assert_eq!(recent(&log("u a").summary(5, 2), "1000 user"), "S");
    // An orphan and an idle reasoning item between them stay out.
    assert_eq!(recent(&log("u t.z a=90 a"), "33 user"), "1 4 elided");
}

// ---- OVERSIZE -----------------------------------------------------------------------------------------------------

#[test]
fn oversize() {
    let l = log("s u c.a=50 t.a=50");
    assert_eq!(
        (recent(&l, "60"), info(&l, "60")),
        ("1".into(), (13, 0, 0, 3))
    );
    assert_eq!(
        (recent(&l, "60 keep"), info(&l, "60 keep")),
        ("1 3 4 over".into(), (113, 3, 4, 1))
    );
    assert_eq!(recent(&l, "113 keep"), "1 3 4");
    // "(under `START USER` with its user message in front, `elided` 1)", also if only both together do not fit
    assert_eq!(recent(&l, "60 keep user"), "1 2 3 4 elided over");
    assert_eq!(recent(&l, "122 keep user"), "1 2 3 4 elided over");
    assert_eq!(recent(&l, "123 keep user"), "1 2 3 4");
    assert_eq!(info(&l, "60 keep user"), (123, 3, 4, 0));
    // The newest group is a user message: nothing is put in front.
    assert_eq!(recent(&log("u u=90"), "50 keep user"), "2 over");
    // "No user message at all: empty, also with KEEP."
    assert_eq!(recent(&log("a a=90"), "50 keep user"), "");
    // "KEEP ignores MESSAGES", but "does not act on a group that fits but exceeds MESSAGES"
    assert_eq!(recent(&l, "60 keep n=1"), "1 3 4 over");
    assert_eq!(recent(&l, "1000 keep n=1"), "1");
    assert_eq!(recent(&l, "1000 keep user n=2"), "1");
    assert_eq!(recent(&l, "113 keep user n=2"), "1 2 3 4 elided over");
    // The newest group that may be returned; an older one that would fit is not looked for.
    assert_eq!(recent(&log("u=1 a=90 t.z r"), "50 keep"), "2 over");
    // Nothing to keep.
    assert_eq!(recent(&log("t.z"), "0 keep"), "");
    assert_eq!(recent(&log("u a").summary(5, 2), "8 keep"), "S");
    // Too small a budget even for the 3 of the reply.
    assert_eq!(
        (recent(&log("u=0"), "2 keep"), info(&log("u=0"), "2 keep")),
        ("1 over".into(), (3, 1, 1, 0))
    );
}

// ---- STEP ---------------------------------------------------------------------------------------------------------

#[test]
fn step_holds_the_start() {
    // B = 50, groups of 10, STEP 30: C = 60 needs offset 30 (ceil(10 / 30) * 30), and so on until C = 80.
    let tens = |n: usize| log(&"a ".repeat(n));
    for (n, first) in [
        (5, 1),
        (6, 4),
        (7, 4),
        (8, 4),
        (9, 7),
        (10, 7),
        (11, 7),
        (12, 10),
    ] {
        assert_eq!(
            tens(n).recent(&args("53 step=30")).unwrap().first,
            first,
            "{n}"
        );
    }
    // STEP 1 is the plain window where groups are of that size; equality needs no step.
    assert_eq!(recent(&tens(6), "53 step=1"), "2 3 4 5 6");
    assert_eq!(recent(&tens(5), "53 step=30"), "1 2 3 4 5");
    // The first group whose offset is at least that much, groups being whole: offsets 0 25 50.
    assert_eq!(recent(&log("a=25 a=25 a=25"), "53 step=10"), "3");
    assert_eq!(recent(&log("a=25 a=25 a=25"), "53 step=5"), "2 3");
    // "if no group starts there, the newest group, if it fits"
    assert_eq!(recent(&tens(6), "53 step=100"), "6");
    assert_eq!(recent(&log("a a=60"), "53 step=100"), "");
    assert_eq!(recent(&log("a a=60"), "53 step=100 keep"), "2 over");
    // Offsets count candidate groups only: no system messages, no summary, nothing that is never returned.
    assert_eq!(
        recent(&log("s t.z=99 c.z=99 a a a a a a"), "63 step=30"),
        "1 7 8 9"
    );
    let l = log("u a a a a a a a").summary(5, 2);
    assert_eq!(recent(&l, "58 step=30"), "S 6 7 8");
    assert_eq!(recent(&l, "58 step=30 nosummary"), "4 5 6 7 8");
    // MESSAGES as well.
    assert_eq!(recent(&tens(6), "53 step=30 n=2"), "5 6");
}

#[test]
fn step_is_decided_before_start_user() {
    // Offsets 0 10 .. 50; C = 60, B = 50: STEP 20 starts at 3.
    assert_eq!(recent(&log("u a u a a a"), "53 step=20 user"), "3 4 5 6");
    assert_eq!(recent(&log("u a a u a a"), "53 step=20 user"), "4 5 6");
    // No user message in STEP's window: put in front; "the groups that follow it are at most those of STEP's window".
    assert_eq!(
        recent(&log("u a a a a a"), "53 step=40 user"),
        "1 5 6 elided"
    );
    assert_eq!(recent(&log("u a a a a a"), "53 user"), "1 3 4 5 6 elided");
    assert_eq!(
        recent(&log("u=35 a a a a a"), "53 step=40 user"),
        "1 6 elided"
    );
    assert_eq!(recent(&log("u=45 a a a a a"), "53 step=40 user"), "");
    assert_eq!(
        recent(&log("u=45 a a a a a"), "53 step=40 user keep"),
        "1 6 elided over"
    );
}

// ---- misses --------------------------------------------------------------------------------------------------------

#[test]
fn hits_and_misses() {
    let l = log("s u a").incomplete();
    assert_eq!(recent(&l, "33"), "miss");
    assert_eq!(recent(&l, "33 any"), "1 2 3");
    // some candidate did not fit
    assert_eq!(recent(&l, "32"), "1 3");
    assert_eq!(recent(&l, "10"), "");
    // a window that MESSAGES ends
    assert_eq!(recent(&l, "33 n=2"), "miss");
    assert_eq!(recent(&l, "33 n=1"), "1 3");
    // A system message that does not fit is no candidate.
    assert_eq!(recent(&log("s=90 u").incomplete(), "13"), "miss");
    // No user message yet: older messages may have one.
    assert_eq!(recent(&log("a a").incomplete(), "1000 user"), "miss");
    // Nothing that could be returned.
    assert_eq!(recent(&log("t.z").incomplete(), "0"), "miss");
    assert_eq!(recent(&NaiveLog::default().incomplete(), "1000"), "miss");
    assert_eq!(recent(&NaiveLog::default(), "1000"), "");
    // "a summary is taken whose `upto` is at least the oldest number held"
    assert_eq!(
        recent(&log("u a").summary(5, 1).incomplete(), "1000"),
        "S 2"
    );
    assert_eq!(
        recent(&log("u a").summary(5, 0).incomplete(), "1000"),
        "miss"
    );
    assert_eq!(
        recent(&log("u a").summary(5, None).incomplete(), "1000"),
        "miss"
    );
    assert_eq!(
        recent(&log("u a").summary(5, 1).incomplete(), "1000 nosummary"),
        "miss"
    );
    assert_eq!(
        recent(&log("u a").summary(50, 1).incomplete(), "23"),
        "miss"
    );
    // what retention has cut
    let mut l = log("u a u").incomplete();
    l.retain(Some(3), None);
    assert_eq!(recent(&l, "1000"), "miss");
    l.retain(Some(2), None);
    assert_eq!(recent(&l, "1000"), "2 3");
    // KEEP: a candidate did not fit.
    assert_eq!(recent(&log("u").incomplete(), "5 keep"), "1 over");
}
