//! Random operations on a conversation, through the commands and against a naive model written independently; each
//! effect is also sent, as replicas and the AOF get it, to a second conversation that must stay the same.

mod compare;
mod harness;
mod pair;
mod steps;
mod stored;

use compare::{Reads, compare, fork};
use conv::commands::spec::COMMANDS;
use conv::conversation::effect::Event;
use harness::{EAGER, call};
use naive::generate_ops::{self, Op};
use naive::{NaiveLog, generate_recent};
use pair::{Pair, recent};
use proptest::prelude::*;
use steps::{planned, step};
use stored::content;

/// How many random histories; `PROPTEST_CASES` for longer runs.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1500)
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![generate_ops::ops(14), generate_ops::mixed_ops(14)]
}

fn reads(recents: usize) -> impl Strategy<Value = Reads> {
    let recents = proptest::collection::vec(generate_recent::recent_args(), recents);
    (recents, generate_ops::reads()).prop_map(|(recents, others)| Reads { recents, others })
}

/// What happens between two writes.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Rest,
    Pack,
    Fork,
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        6 => Just(Between::Nothing),
        2 => Just(Between::Rest),
        2 => Just(Between::Pack),
        1 => Just(Between::Fork),
    ]
}

fn new_log(complete: bool) -> (NaiveLog, [String; 2]) {
    let model = NaiveLog {
        complete,
        ..NaiveLog::default()
    };
    let yes = if complete { "yes" } else { "no" };
    (model, ["COMPLETE".into(), yes.into()])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() })]

    #[test]
    fn conversation_is_the_model(
        ops in ops(),
        complete in any::<bool>(),
        long in proptest::bool::weighted(0.3),
        reads in reads(4),
        upto in proptest::option::of(any::<proptest::sample::Index>()),
        keeps in any::<bool>(),
        between in proptest::collection::vec(between(), 14),
    ) {
        let mut pair = Pair { keeps, ..Pair::default() };
        let (mut model, created) = new_log(complete);
        pair.run(0, "CONV.CREATE", &created).expect("CREATE");
        let mut copies: Vec<(Pair, NaiveLog)> = vec![];
        for (at, (op, between)) in ops.iter().zip(between).enumerate() {
            match between {
                Between::Nothing => {}
                Between::Rest => pair.rest(),
                Between::Pack => pair.pack(),
                Between::Fork if copies.len() < 2 => copies.push((pair.fork(None), model.fork(None))),
                Between::Fork => {}
            }
            // Copies share segments, and go another way.
            for (k, (copy, model)) in copies.iter_mut().enumerate() {
                if (at + k) % 2 == 0 {
                    step(copy, model, op, long);
                }
            }
            step(&mut pair, &mut model, op, long);
            compare(&mut pair, &model, &reads);
        }
        pair.agree();
        for (mut copy, model) in copies {
            compare(&mut copy, &model, &reads);
            copy.agree();
        }
        fork(&pair, &mut model, upto, &reads);
    }

    /// Whether counts are there at once, come later, late or only when somebody asks: no reply differs.
    #[test]
    fn counted_late_is_counted_at_once(
        ops in ops(),
        complete in any::<bool>(),
        reads in reads(3),
    ) {
        let (mut model, created) = new_log(complete);
        let (mut lazy, mut eager) = (None, None);
        let both = |now: i64, name: &str, args: &[String], lazy: &mut Option<_>, eager: &mut Option<_>| {
            let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
            let late = call(lazy, now, name, &args).0;
            EAGER.set(true);
            let at_once = call(eager, now, name, &args).0;
            EAGER.set(false);
            assert_eq!(late, at_once, "{name}");
        };
        both(0, "CONV.CREATE", &created, &mut lazy, &mut eager);
        for op in &ops {
            let Some(step) = planned(&model, op, false) else { continue };
            let step = step.uncounted();
            let (name, words) = step.command();
            model.apply(&step);
            both(model.now, name, &words, &mut lazy, &mut eager);
            for args in &reads.recents {
                let args = args.on(&model);
                let late = recent(&lazy, &args);
                EAGER.set(true);
                let at_once = recent(&eager, &args);
                EAGER.set(false);
                assert_eq!(late, at_once, "{args:?}");
            }
        }
        assert_eq!(lazy.as_ref().map(content), eager.as_ref().map(content));
    }
}

#[test]
fn events_of_effects_are_those_of_commands() {
    let by_itself = [Event::None, Event::SummaryDue];
    for event in Event::ALL.iter().filter(|event| !by_itself.contains(event)) {
        let command = event.name().to_uppercase();
        assert!(COMMANDS.iter().any(|s| s.name == command), "{event:?}");
    }
}
