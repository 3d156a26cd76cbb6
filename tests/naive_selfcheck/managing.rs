//! Numbering, DEL, POP, EDIT, retention, TRIM, SETSUMMARY.

use super::*;

#[test]
fn numbers_are_never_reused() {
    let mut l = log("u a u");
    assert_eq!(l.pop(2).len(), 2);
    assert_eq!(l.append(" {\"role\":\"user\"}\n", 1), 4);
    assert_eq!(l.messages.last().unwrap().json, r#"{"role":"user"}"#);
    assert_eq!((l.del(&[1, 2, 9]), held(&l).as_str()), (1, "4"));
    assert_eq!((l.pop(5).len(), l.pop(1).len(), l.next_seq), (1, 0, 5));
    let mut l = log("u a");
    assert_eq!(l.pop(9), [json_of("a", 2).0, json_of("u", 1).0]);
    assert!(!l.edit(1, "{}"));
}

#[test]
fn del_pop_and_edit_may_split_turns() {
    let mut l = log("u c.a t.a a");
    l.del(&[2]);
    assert_eq!(recent(&l, "1000"), "1 4");
    let mut l = log("u c.ab t.a t.b a");
    l.del(&[4]);
    assert_eq!(recent(&l, "1000"), "1 5");
    l.pop(1);
    assert_eq!(recent(&l, "1000"), "1 2 3");
    let mut l = log("u c.a a");
    assert!(l.edit(3, &json_of("t.a", 3).0));
    assert_eq!(recent(&l, "1000"), "1 2 3");
    // The message that ended a turn is gone: the turn goes on.
    let mut l = log("c.a u t.a a");
    assert_eq!(recent(&l, "1000"), "2 4");
    l.del(&[2]);
    assert_eq!(recent(&l, "1000"), "1 3 4");
}

#[test]
fn retention_drops_the_oldest_units() {
    let by_count = |n: u64| {
        move |words: &str| {
            let mut l = log(words);
            l.retain(Some(n), None);
            held(&l)
        }
    };
    table(
        by_count(2),
        &[
            ("u a", "1 2"),
            ("u a u", "2 3"),
            // never a leading system message, though it counts
            ("s u a u", "1 4"),
            ("s s s u", "1 2 3 4"),
            // never half a tool turn
            ("u c.a t.a a", "4"),
            ("c.a t.a u", "3"),
            // never the newest group, orphans behind it included
            ("u c.ab t.a t.b", "2 3 4"),
            ("u a t.x t.y", "2 3 4"),
            ("u c.a t.x t.a", "2 3 4"),
            ("u f.a m", "2 3"),
            // orphans go one by one, those within a turn with it
            ("t.x t.y u a", "3 4"),
            ("t.x t.y u", "2 3"),
            ("c.a t.x t.a u", "4"),
            // an unanswered turn goes whole
            ("c.ab t.a u", "3"),
            // reasoning goes with its group
            ("r m u", "3"),
            ("r u a", "2 3"),
            // a system message that has come to stand first is a leading one
            ("u s a u", "2 4"),
            ("s u s a a", "1 3 5"),
            // without any group the newest message stays
            ("t.x t.y t.z", "2 3"),
            // reasoning that waits has begun a group with what will follow
            ("r r r", "1 2 3"),
            ("t.x t.y r r", "3 4"),
            // a message that is edited when it is returned is a group
            ("Q.z a u", "2 3"),
            ("a Q.z t.z t.z", "2 3 4"),
        ],
    );
    let by_tokens = |words: &str| {
        let mut l = log(words);
        l.retain(None, Some(25));
        held(&l)
    };
    table(
        by_tokens,
        &[
            ("u=10 a=10 u=5", "1 2 3"),
            ("u=10 a=10 u=6", "2 3"),
            ("s=20 u=10 u=10", "1 3"),
            ("u=10 a=30", "2"),
            ("u=1 t.z=40 a", "3"),
        ],
    );
    let mut l = log("t.x t.y");
    l.retain(Some(0), Some(0));
    assert_eq!(held(&l), "2");
    let mut l = log("u a u a");
    l.retain(Some(3), Some(15));
    assert_eq!(held(&l), "4");
    l.retain(None, None);
    assert_eq!(held(&l), "4");
}

#[test]
fn trim_before() {
    for (words, seq, expected) in [
        ("u a u a", 3, "3 4"),
        ("u a u a", 1, "1 2 3 4"),
        ("u a u a", 99, "4"),
        ("s u a u", 99, "1 4"),
        ("u c.a t.a a", 3, "2 3 4"),
        ("u c.a t.a a", 4, "4"),
        ("u a t.x t.y", 99, "2 3 4"),
        ("u s a u", 4, "2 4"),
    ] {
        let mut l = log(words).incomplete();
        l.trim_before(seq);
        assert_eq!(held(&l), expected, "{words} {seq}");
        assert_eq!(l.complete, l.messages.len() < words.split(' ').count());
    }
}

#[test]
fn setsummary() {
    let mut l = log("u a u");
    assert!(!l.set_summary("", None));
    assert!(l.set_summary("one", None));
    assert_eq!(l.summary.as_ref().unwrap().upto, None);
    assert!(l.set_summary("two", Some(2)));
    assert!(!l.set_summary("late", Some(1)));
    assert!(l.set_summary("three", None));
    assert_eq!(
        l.summary,
        Some(NaiveSummary {
            text: "three".into(),
            upto: Some(2),
            set: None
        })
    );
    assert!(l.set_summary("four", Some(2)));
    assert!(l.set_summary("", Some(1)));
    assert_eq!(l.summary, None);
}

/// upto and the number of messages.
fn claim(log: &NaiveLog, min_tokens: u64, keep: u64) -> Option<(i64, usize)> {
    log.claim(min_tokens, keep)
        .map(|(upto, messages)| (upto, messages.len()))
}

#[test]
fn claimsummary() {
    let l = log("s u a u a");
    for (min, keep, expected) in [
        (40, 0, Some((5, 4))),
        (41, 0, None),
        (1, 20, Some((3, 2))),
        (1, 19, Some((4, 3))),
        (1, 40, None),
        (21, 20, None),
    ] {
        assert_eq!(claim(&l, min, keep), expected, "{min} {keep}");
    }
    // An open newest turn is never handed out and uses up KEEP; neither is what stands behind it.
    let l = log("u a u c.a");
    assert_eq!(claim(&l, 30, 0), Some((3, 3)));
    assert_eq!(claim(&l, 31, 0), None);
    assert_eq!(claim(&l, 1, 10), Some((3, 3)));
    assert_eq!(claim(&l, 1, 20), Some((2, 2)));
    assert_eq!(claim(&log("u c.a t.z"), 1, 0), Some((1, 1)));
    assert_eq!(claim(&log("c.a"), 0, 0), None);
    // Turns are not split; orphans are handed out.
    let l = log("u t.z c.a t.a");
    assert_eq!(claim(&l, 1, 10), Some((4, 4)));
    assert_eq!(claim(&l, 1, 20), Some((2, 2)));
    // An orphan within a turn is kept or handed out with it.
    let l = log("u c.a t.z t.a");
    assert_eq!(claim(&l, 1, 20), Some((4, 4)));
    assert_eq!(claim(&l, 1, 30), Some((1, 1)));
    // Of a turn that `upto` cuts, the rest counts.
    let l = log("c.ab t.a t.b u").summary(5, 2);
    assert_eq!(claim(&l, 20, 0), Some((4, 2)));
    assert_eq!(claim(&l, 21, 0), None);
    assert_eq!(claim(&l, 1, 10), Some((3, 1)));
    assert_eq!(claim(&l, 1, 20), None);
    // A newest reasoning item.
    assert_eq!(claim(&log("u r"), 1, 0), Some((1, 1)));
    assert_eq!(claim(&NaiveLog::default(), 0, 0), None);
}

#[test]
fn fork() {
    let l = log("u a u").summary(5, 2);
    let shown = |l: NaiveLog| (held(&l), l.summary.is_some(), l.next_seq);
    assert_eq!(shown(l.fork(None)), ("1 2 3".into(), true, 4));
    assert_eq!(shown(l.fork(Some(2))), ("1 2".into(), true, 3));
    assert_eq!(shown(l.fork(Some(1))), ("1".into(), false, 2));
    let mut l = l;
    l.del(&[1, 2, 3]);
    assert_eq!(shown(l.fork(None)), ("".into(), true, 3));
    assert_eq!(shown(l.fork(Some(1))), ("".into(), false, 1));
    let l = log("u").summary(5, None);
    assert_eq!(shown(l.fork(Some(0))), ("".into(), true, 1));
}
