//! Random operations on a conversation, through the commands and against a naive model written independently; each
//! effect is also sent, as replicas and the AOF get it, to a second conversation that must stay the same.

#[path = "../naive/mod.rs"]
mod naive;

mod compare;
mod harness;
mod pair;
mod steps;
mod stored;

use compare::{compare, fork};
use conv::commands::spec::COMMANDS;
use conv::conversation::effect::Event;
use harness::{EAGER, call};
use naive::{NaiveLog, generate};
use pair::{Pair, recent};
use proptest::prelude::*;
use steps::{step, uncounted};
use stored::content;

/// How many random histories; `PROPTEST_CASES` for longer runs.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() })]

    #[test]
    fn conversation_is_the_model(
        ops in prop_oneof![naive::ops::ops(14), naive::ops::mixed_ops(14)],
        complete in any::<bool>(),
        long in proptest::bool::weighted(0.3),
        args in proptest::collection::vec(generate::recent_args(), 4),
        upto in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut pair = Pair::default();
        let mut model = NaiveLog { complete, ..NaiveLog::default() };
        pair.run("CONV.CREATE", &["COMPLETE", if complete { "yes" } else { "no" }]).expect("CREATE");
        for op in &ops {
            step(&mut pair, &mut model, op, long);
            compare(&pair, &model, &args);
        }
        pair.agree();
        fork(&pair, &mut model, upto, &args);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() })]

    /// Whether counts are there at once, come later, late or only when somebody asks: no answer differs.
    #[test]
    fn counted_late_is_counted_at_once(
        ops in prop_oneof![naive::ops::ops(14), naive::ops::mixed_ops(14)],
        complete in any::<bool>(),
        alter in 0..14usize,
        args in proptest::collection::vec(generate::recent_args(), 3),
    ) {
        let mut model = NaiveLog { complete, ..NaiveLog::default() };
        let (mut lazy, mut eager) = (None, None);
        let both = |now: i64, name: &str, args: &[String], lazy: &mut Option<_>, eager: &mut Option<_>| {
            let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
            let late = call(lazy, now, name, &args).0;
            EAGER.set(true);
            let at_once = call(eager, now, name, &args).0;
            EAGER.set(false);
            assert_eq!(late, at_once, "{name}");
        };
        let yes = if complete { "yes" } else { "no" };
        both(0, "CONV.CREATE", &["COMPLETE".into(), yes.into()], &mut lazy, &mut eager);
        for (now, op) in (1..).zip(&ops) {
            if now as usize == alter {
                both(now, "CONV.ALTER", &["ENCODING".into(), "r50k_base".into()], &mut lazy, &mut eager);
            }
            let Some(step) = op.on(&model) else { continue };
            let (name, words) = uncounted(&step);
            if words.is_empty() {
                continue;
            }
            both(now, name, &words, &mut lazy, &mut eager);
            model.apply(&step);
            for args in &args {
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
