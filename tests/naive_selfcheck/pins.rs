//! Pins in RECENT and in retention.

use super::*;

#[test]
fn pins_precede_the_window() {
    let l = || log("u a u a u a").pinned(&[2]);
    assert_eq!(recent(&l(), "100"), "1 2 3 4 5 6");
    assert_eq!(recent(&l(), "43"), "2 4 5 6");
    assert_eq!(recent(&l(), "53"), "2 3 4 5 6");
    assert_eq!(recent(&l(), "23"), "2 6");
    // The newest group does not fit together with the pin.
    assert_eq!(recent(&l(), "22"), "6");
    assert_eq!(recent(&l(), "43 nopins"), "3 4 5 6");
    // Pins do not count for MESSAGES.
    assert_eq!(recent(&l(), "100 n=2"), "2 5 6");
    let r = l().recent(&args("43")).unwrap();
    assert_eq!((r.pinned, r.first, r.skipped, r.dropped), (1, 4, 2, 0));
    // A pinned message brings its whole group.
    let l = log("u c.a t.a a a a").pinned(&[3]);
    assert_eq!(recent(&l, "43"), "2 3 5 6");
    assert_eq!(recent(&l, "32"), "4 5 6".strip_prefix("4 ").unwrap());
    // What is never returned is not returned for a pin.
    let l = log("t.z c.a u a").pinned(&[1, 2]);
    assert_eq!(recent(&l, "1000"), "3 4");
    // System messages at the start are no pins.
    let l = log("s u a").pinned(&[1]);
    assert_eq!(recent(&l, "23"), "1 3");
    assert_eq!(recent(&l, "13 nosystem"), "3");
}

#[test]
fn pins_and_the_summary() {
    let l = log("u a u a").summary(5, 4).pinned(&[2]);
    // "Pins are included even where a summary covers them"; "Pins may be all that is returned."
    assert_eq!(recent(&l, "1000"), "S 2");
    assert_eq!(recent(&l, "17"), "S");
    assert_eq!(recent(&l, "1000 nosummary"), "1 2 3 4");
    let l = log("u c.a t.a a").summary(5, 2).pinned(&[3]);
    assert_eq!(recent(&l, "1000"), "S 2 3 4");
    assert_eq!(l.recent(&args("1000")).unwrap().pinned, 2);
}

#[test]
fn pins_and_start_user() {
    let l = log("u a a a a").pinned(&[1]);
    assert_eq!(recent(&l, "33 user"), "1 4 5");
    assert_eq!(info(&l, "33 user"), (33, 4, 5, 2));
    // Not pinned, it is placed.
    let l = log("u a a a a").pinned(&[2]);
    assert_eq!(recent(&l, "43 user"), "1 2 4 5 elided");
    assert_eq!(recent(&l, "33 user"), "1 2 5 elided");
    // User message and newest group do not fit together with the pin: the window is chosen without it.
    assert_eq!(recent(&l, "23 user"), "1 5 elided");
    assert_eq!(recent(&l, "22 user"), "");
    // A user message that is pinned, but for which there is no room as a pin.
    let l = log("u a=30 a a").pinned(&[1, 2]);
    assert_eq!(recent(&l, "23 user"), "1 4 elided");
    // The start moves forward over a pinned message, which is then a pin.
    let l = log("u a a u a").pinned(&[2]);
    assert_eq!(recent(&l, "43 user"), "2 4 5");
}

#[test]
fn pins_and_step() {
    // Groups of 10; C = 50 without the pin, B = 43 - 3 - 10 = 30: offsets of at least 20.
    let l = log("u a a a a a").pinned(&[1]);
    assert_eq!(recent(&l, "43 step=20"), "1 4 5 6");
    assert_eq!(recent(&l, "43 step=30"), "1 5 6");
    assert_eq!(recent(&l, "43 step=100"), "1 6");
    assert_eq!(recent(&l, "63 step=100"), "1 2 3 4 5 6");
    assert_eq!(recent(&l, "62 step=20"), "1 4 5 6");
}

#[test]
fn retention_keeps_pinned_groups() {
    let left = |words: &str, pins: &[i64], n: u64| {
        let mut l = log(words).pinned(pins);
        l.retain(Some(n), None);
        held(&l)
    };
    assert_eq!(left("u a u a", &[2], 2), "2 4");
    assert_eq!(left("u a u a", &[2], 3), "2 3 4");
    assert_eq!(left("u a u a", &[1, 2, 3], 1), "1 2 3 4");
    // "of a pinned message the whole group stays, older and younger messages go"
    assert_eq!(left("u c.a t.a a u", &[3], 1), "2 3 5");
    assert_eq!(left("t.z u", &[1], 1), "1 2");
    let mut l = log("u a u a").pinned(&[2]);
    l.trim_before(4);
    assert_eq!(held(&l), "2 4");
    let mut l = log("u a u a").pinned(&[2]);
    assert_eq!((l.pin(&[2, 3, 99], true), l.pin(&[2, 2, 1], false)), (1, 1));
    assert_eq!(held(&l.fork(Some(2))), "1 2");
}
