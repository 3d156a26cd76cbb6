//! Operations whose cost must not depend on the length of the conversation.

use fastrand::Rng;

use super::recent::{LONG, SHORT, as_times, long_and_short};
use crate::Setup;
use crate::load::{Shape, cycle, request};
use crate::rates::{in_turn, line};
use crate::row::{Goal, Line};
use crate::support::Server;

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    long_and_short(setup, &server);
    // A third of the usual time, because there are many lines.
    let shape = Shape {
        clients: 50,
        pipeline: 16,
        seconds: setup.seconds / 3.0,
    };
    let messages: Vec<&Vec<u8>> = setup
        .data
        .messages()
        .filter(|m| m.len() < 1000)
        .take(1000)
        .collect();
    let ask = |command: &'static str, goal, figure: &dyn Fn(&[u8]) -> Vec<u8>| {
        // Generated in advance, so that the load generator is not slowed down.
        let requests = |key| (0..4096).map(|_| figure(key)).collect::<Vec<_>>();
        let rates = in_turn(
            setup,
            &server,
            shape,
            &mut cycle(&requests(LONG)),
            &mut cycle(&requests(SHORT)),
            &mut |_| {},
        );
        let what = format!("{command}, 1,000,000 messages");
        as_times(line(Line::new("flat", what, "100 messages"), &rates)).goal(goal)
    };
    let rng = std::cell::RefCell::new(Rng::with_seed(3));
    let within = |bound: usize| rng.borrow_mut().usize(..bound);
    let goal = Goal::AtMost(1.1);
    let get = |key: &[u8], newest: usize| {
        let last = if key == LONG { 1_000_000 } else { 100 };
        let seq = last - within(if key == LONG { newest } else { 100 });
        request(&[b"CONV.GET", key, seq.to_string().as_bytes()])
    };
    vec![
        ask("LEN", goal, &|key| request(&[b"CONV.LEN", key])),
        ask("SUMMARY", goal, &|key| request(&[b"CONV.SUMMARY", key])),
        ask("GET of one of the newest 100", goal, &|key| get(key, 100)),
        ask("GET of any", Goal::None, &|key| get(key, 1_000_000)),
        // With counts given, to measure the log and not the tokenizer. It comes last because it makes both
        // conversations longer.
        ask("APPEND with TOKENS", goal, &|key| {
            let message = messages[within(messages.len())];
            request(&[b"CONV.APPEND", key, b"TOKENS", b"50", message])
        }),
    ]
}
