//! CLEAR, with and without STEP.

use super::*;
use naive::results::PLACEHOLDER;
use naive::tokens::e;

#[test]
fn older_results_are_emptied() {
    assert_eq!(e("o200k_base", PLACEHOLDER), 5);
    let l = log("u c.a T.a c.b T.b a");
    assert_eq!(recent(&l, "1000"), "1 2 3 4 5 6");
    assert_eq!(recent(&l, "1000 clear=2"), "1 2 3 4 5 6");
    assert_eq!(recent(&l, "1000 clear=1"), "1 2 3c 4 5 6");
    assert_eq!(recent(&l, "1000 clear=0"), "1 2 3c 4 5c 6");
    // By the formula, although TOKENS had set 10: role 1, placeholder 5, 3.
    let r = l.recent(&args("1000 clear=0")).unwrap();
    assert_eq!((r.tokens, r.edited, r.cleared), (3 + 4 * 10 + 2 * 9, 2, 2));
    // A short result stays, but it is one of the newest.
    let l = log("c.a T.a c.b t.b");
    assert_eq!(recent(&l, "1000 clear=1"), "1 2c 3 4");
    assert_eq!(recent(&l, "1000 clear=0"), "1 2c 3 4");
    // One by one, in a message as well.
    let l = log("A.ab L.ab");
    let r = l.recent(&args("1000 clear=1")).unwrap();
    assert_eq!((r.cleared, r.edited), (1, 1));
    let m = read(&r.messages[1]).unwrap();
    assert_eq!(
        (&*m.results[0].texts[0], &*m.results[1].texts[0]),
        (PLACEHOLDER, LONG)
    );
    // What is never returned has no results.
    assert_eq!(recent(&log("c.a T.a T.z"), "1000 clear=1"), "1 2");
    // A pinned message keeps its result.
    let l = log("c.a T.a c.b T.b").pinned(&[2]);
    assert_eq!(recent(&l, "1000 clear=0"), "1 2 3 4c");
    assert_eq!(recent(&l, "1000 clear=0 nopins"), "1 2c 3 4c");
}

#[test]
fn above() {
    let l = log("u c.a T.a a");
    assert_eq!(recent(&l, "1000 clear=0 above=40"), "1 2 3 4");
    assert_eq!(recent(&l, "1000 clear=0 above=39"), "1 2 3c 4");
}

#[test]
fn the_border_moves_in_steps() {
    // Turns of 20; offsets 0 20 40 60.
    let l = log("c.a T.a c.b T.b c.c T.c c.d T.d");
    assert_eq!(recent(&l, "1000 clear=1 step=1"), "1 2c 3 4c 5 6c 7 8");
    // The result returned in full has the offset 60; the border is at 50: all below.
    assert_eq!(recent(&l, "1000 clear=1 step=50"), "1 2c 3 4c 5 6c 7 8");
    // The border is at 40.
    assert_eq!(recent(&l, "1000 clear=1 step=40"), "1 2c 3 4c 5 6 7 8");
    assert_eq!(recent(&l, "1000 clear=1 step=61"), "1 2 3 4 5 6 7 8");
    assert_eq!(recent(&l, "1000 clear=0 step=61"), "1 2c 3 4c 5 6c 7 8c");
    assert_eq!(recent(&l, "1000 clear=9 step=1"), "1 2 3 4 5 6 7 8");
}
