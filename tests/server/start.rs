//! The start of CONV.RECENT's window: START USER, OVERSIZE, STEP. The cases use the notation of `selecting.rs`.

use crate::notation::{fill, recent};
use crate::selecting::cases;
use crate::support::Server;

#[test]
fn start_user_moves_the_start_forward() {
    cases(
        "u a u a | - | 33 START USER => 3 4 | 23 3-4 -2
         u a u a | - | 43 START USER => 1 2 3 4 | 43 1-4 -0
         a u a u a | - | 100 START USER => 2 3 4 5 | 43 2-5 -1
         la lu la | - | 100 START USER => 2 3 | 23 2-3 -1
         m mu m | - | 100 START USER => 2 3 | 23 2-3 -1
         s a u | - | 100 START USER => 1 3 | 23 3-3 -1
         s a u | x@1 | 100 START USER => 1 S 3 | 28 3-3 -1 summary
         u a u a | - | 100 START USER MESSAGES 3 => 3 4 | 23 3-4 -2
         # A user's message that is an answer is none.
         u A.a R.a u | - | 33 START USER => 4 | 13 4-4 -3
         # No user message at all: empty.
         a a | - | 100 START USER => | 0 0-0 -2
         a a | - | 100 START USER OVERSIZE KEEP => | 0 0-0 -2
         a=50 | - | 20 START USER OVERSIZE KEEP => | 0 0-0 -1
         A.a R.a | - | 100 START USER => | 0 0-0 -2
         s a | x | 100 START USER => 1 S | 18 0-0 -1 summary",
    );
}

#[test]
fn start_user_keeps_a_long_tool_loop_together() {
    cases(
        "u c.a t.a c.b t.b c.d t.d | - | 38 START USER => 1 6 7 | 33 6-7 -4 elided
         u c.a t.a c.b t.b c.d t.d | - | 33 START USER => 1 6 7 | 33 6-7 -4 elided
         u c.a t.a c.b t.b c.d t.d | - | 52 START USER => 1 6 7 | 33 6-7 -4 elided
         u c.a t.a c.b t.b c.d t.d | - | 53 START USER => 1 4 5 6 7 | 53 4-7 -2 elided
         u c.a t.a c.b t.b c.d t.d | - | 72 START USER => 1 4 5 6 7 | 53 4-7 -2 elided
         u c.a t.a c.b t.b c.d t.d | - | 73 START USER => 1 2 3 4 5 6 7 | 73 1-7 -0
         # It and the newest group do not both fit.
         u c.a t.a c.b t.b c.d t.d | - | 32 START USER => | 0 0-0 -7
         # The nearest user message, not one further back.
         u u c.a t.a c.b t.b | - | 40 START USER => 2 5 6 | 33 5-6 -3 elided
         u A.a R.a A.b R.b | - | 40 START USER => 1 4 5 | 33 4-5 -2 elided
         lu lc.a lt.a lc.b lt.b | - | 40 START USER => 1 4 5 | 33 4-5 -2 elided
         mu f.a o.a f.b o.b | - | 40 START USER => 1 4 5 | 33 4-5 -2 elided
         # Also one that a summary covers.
         u c.a t.a c.b t.b | x@1 | 100 START USER => S 1 2 3 4 5 | 58 2-5 -0 summary elided
         u c.a t.a c.b t.b | x@3 | 100 START USER => S 1 4 5 | 38 4-5 -2 summary elided
         u c.a t.a c.b t.b | x@3 | 38 START USER => S 1 4 5 | 38 4-5 -2 summary elided
         u c.a t.a c.b t.b | x@3 | 37 START USER => S | 8 0-0 -5 summary
         s u c.a t.a c.b t.b | - | 50 START USER => 1 2 5 6 | 43 5-6 -2 elided
         # It counts for MESSAGES.
         u c.a t.a c.b t.b | - | 100 START USER MESSAGES 3 => 1 4 5 | 33 4-5 -2 elided
         u c.a t.a c.b t.b | - | 100 START USER MESSAGES 4 => 1 4 5 | 33 4-5 -2 elided
         u c.a t.a c.b t.b | - | 100 START USER MESSAGES 2 => | 0 0-0 -5
         u a | - | 100 START USER MESSAGES 1 => | 0 0-0 -2
         # The newest, running turn.
         u c.a t.a c.b | - | 30 START USER => 1 4 | 23 4-4 -2 elided",
    );
}

#[test]
fn oversize_keep_returns_the_newest_group() {
    cases(
        "u a=50 | - | 23 => | 0 0-0 -2
         u a=50 | - | 23 OVERSIZE EMPTY => | 0 0-0 -2
         u a=50 | - | 23 OVERSIZE KEEP => 2 | 53 2-2 -1 over
         u a=50 | - | 53 OVERSIZE KEEP => 2 | 53 2-2 -1
         u a=50 | - | 52 OVERSIZE KEEP => 2 | 53 2-2 -1 over
         u a=50 | - | 0 OVERSIZE KEEP => 2 | 53 2-2 -1 over
         u=0 | - | 2 OVERSIZE KEEP => 1 | 3 1-1 -0 over
         u c.ab t.a=50 t.b | - | 20 OVERSIZE KEEP => 2 3 4 | 73 2-4 -1 over
         u c.a=50 | - | 20 OVERSIZE KEEP => 2 | 53 2-2 -1 over
         r m=50 | - | 30 OVERSIZE KEEP => 1 2 | 63 1-2 -0 over
         u=50 t.x | - | 20 OVERSIZE KEEP => 1 | 53 1-1 -0 over
         s u=50 | - | 30 OVERSIZE KEEP => 1 2 | 63 2-2 -0 over
         s=20 u=50 | - | 20 OVERSIZE KEEP => 2 | 53 2-2 -1 over
         u a=50 | x@1 | 20 OVERSIZE KEEP => S 2 | 58 2-2 -1 summary over
         empty | - | 20 OVERSIZE KEEP => | 0 0-0 -0
         s | - | 20 OVERSIZE KEEP => 1 | 13 0-0 -0
         # KEEP ignores MESSAGES, but does not act on a group that fits and exceeds them.
         c.a=50 t.a=50 | - | 20 OVERSIZE KEEP MESSAGES 1 => 1 2 | 103 1-2 -0 over
         c.a t.a | - | 23 OVERSIZE KEEP MESSAGES 1 => | 0 0-0 -2
         # Under START USER with the user's message in front.
         u c.a t.a=50 | - | 20 START USER OVERSIZE KEEP => 1 2 3 | 73 2-3 -0 elided over
         u a c.a t.a=50 | - | 63 START USER OVERSIZE KEEP => 1 3 4 | 73 3-4 -1 elided over
         u c.a t.a=50 | - | 20 START USER OVERSIZE KEEP MESSAGES 1 => 1 2 3 | 73 2-3 -0 elided over
         a u=50 | - | 20 START USER OVERSIZE KEEP => 2 | 53 2-2 -1 over
         incomplete u a=50 | - | 23 OVERSIZE KEEP => 2 | 53 2-2 -1 over",
    );
}

#[test]
fn step_moves_the_start_in_steps() {
    cases(
        "u a u a u a u a u a | - | 103 STEP 30 => 1 2 3 4 5 6 7 8 9 10 | 103 1-10 -0
         # C is 100, B 35: 65 too many, so the start is at 65, 80, 90, 100 ... tokens.
         u a u a u a u a u a | - | 38 STEP 1 => 8 9 10 | 33 8-10 -7
         u a u a u a u a u a | - | 38 STEP 20 => 9 10 | 23 9-10 -8
         u a u a u a u a u a | - | 38 STEP 30 => 10 | 13 10-10 -9
         u a u a u a u a u a | - | 38 STEP 70 => 8 9 10 | 33 8-10 -7
         # No group starts there: the newest, if it fits.
         u a u a u a u a u a | - | 38 STEP 50 => 10 | 13 10-10 -9
         u a u a u a u a u a | - | 38 STEP 1000 => 10 | 13 10-10 -9
         u a u a u a u a u a | - | 38 STEP 9223372036854775807 => 10 | 13 10-10 -9
         u a u=50 | - | 38 STEP 20 => | 0 0-0 -3
         u a u=50 | - | 38 STEP 20 OVERSIZE KEEP => 3 | 53 3-3 -2 over
         # Only whole groups: 20 lies within the turn.
         u c.ab t.a t.b u | - | 43 STEP 10 => 2 3 4 5 | 43 2-5 -1
         u c.ab t.a t.b u | - | 33 STEP 20 => 5 | 13 5-5 -4
         # System messages and what the summary covers are no candidates.
         s u a u a | - | 33 STEP 20 => 1 4 5 | 33 4-5 -2
         u a u a u a | x@2 | 28 STEP 20 => S 5 6 | 28 5-6 -4 summary
         # START USER afterwards, with at most what STEP left.
         u a u a u a u a u a | - | 38 STEP 70 START USER => 9 10 | 23 9-10 -8
         u c.a t.a c.b t.b c.d t.d | - | 53 STEP 10 START USER => 1 4 5 6 7 | 53 4-7 -2 elided
         u c.a t.a c.b t.b c.d t.d | - | 53 STEP 50 START USER => 1 6 7 | 33 6-7 -4 elided
         incomplete u a u a | - | 33 STEP 20 => 3 4 | 23 3-4 -2
         incomplete u a u a | - | 43 STEP 20 => nil",
    );
}

/// STEP keeps the start of the window while n more tokens arrive.
#[test]
fn step_keeps_the_start_while_n_tokens_arrive() {
    let server = Server::start();
    let (mut two, mut three) = (server.conn(), server.conn3());
    let mut starts = Vec::new();
    for total in 1..=40_i64 {
        fill(&mut two, "k", if total % 2 == 1 { "u" } else { "a" });
        // 10 tokens per message, budget B = 100, n = 50.
        let reply = recent(&mut two, &mut three, "k", "103 STEP 50");
        let too_many = (total * 10 - 100).max(0);
        let first = (too_many + 49) / 50 * 5 + 1;
        let figures = format!(
            "| {} {first}-{total} -{}",
            (total - first + 1) * 10 + 3,
            first - 1
        );
        assert!(reply.ends_with(&figures), "{total}: {reply}, not {figures}");
        starts.push(first);
    }
    for start in [6, 11, 16, 21, 26] {
        assert_eq!(starts.iter().filter(|s| **s == start).count(), 5);
    }
}
