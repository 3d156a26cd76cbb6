//! Random logs, and random options of RECENT.

use super::generate::{messages, numbered, text, tokens};
use super::generate_mixed::mixed_fragment;
use super::{NaiveLog, NaiveSummary, Oversize, RecentArgs};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Of the four base dialects.
pub fn log(fragments: usize) -> BoxedStrategy<NaiveLog> {
    log_of(messages(fragments).boxed()).boxed()
}

/// Of all dialects.
pub fn mixed_log(fragments: usize) -> BoxedStrategy<NaiveLog> {
    let list = (vec(mixed_fragment(), 0..=fragments), vec(tokens(), 16));
    let numbers = list.prop_map(|(list, tokens)| {
        let list = list.into_iter().flatten();
        (1..)
            .zip(list)
            .map(|(n, m)| numbered(&m, n))
            .zip(tokens.into_iter().cycle())
            .collect()
    });
    log_of(numbers.boxed()).boxed()
}

/// A log with gaps, perhaps a summary, perhaps incomplete, perhaps with pins.
fn log_of(list: BoxedStrategy<Vec<(String, u64)>>) -> BoxedStrategy<NaiveLog> {
    let summary = option::weighted(
        0.4,
        (text(), option::weighted(0.8, any::<Index>()), tokens()),
    );
    let some = || prop_oneof![2 => Just(vec![]), 1 => vec(any::<Index>(), 1..4)];
    (
        list,
        (some(), vec(any::<Index>(), 0..4), vec(any::<bool>(), 16)),
        summary,
        prop::bool::weighted(0.7),
    )
        .prop_map(|(list, (holes, pins, counted), summary, complete)| {
            let mut log = NaiveLog {
                complete,
                ..Default::default()
            };
            for ((json, tokens), counted) in list.iter().zip(counted.iter().cycle()) {
                log.append(json, Some(*tokens).filter(|_| !counted));
            }
            let top = log.next_seq as usize;
            let summary = summary.filter(|(text, ..)| !text.is_empty());
            log.summary = summary.map(|(text, upto, tokens)| NaiveSummary {
                text,
                upto: upto.map(|i| i.index(top) as i64),
                set: Some(tokens),
            });
            let numbers =
                |list: &[Index]| -> Vec<i64> { list.iter().map(|i| i.index(top) as i64).collect() };
            log.del(&numbers(&holes));
            log.pin(&numbers(&pins), true);
            log
        })
        .boxed()
}

/// Every option combination. The budget is a share of all that could be returned and reaches a bit beyond it.
#[derive(Debug, Clone)]
pub struct RandomArgs {
    budget_permille: i64,
    above_permille: Option<u64>,
    args: RecentArgs,
}

impl RandomArgs {
    pub fn on(&self, log: &NaiveLog) -> RecentArgs {
        let everything = RecentArgs {
            max_tokens: i64::MAX,
            any: true,
            no_system: self.args.no_system,
            no_summary: self.args.no_summary,
            clear: self.args.clear,
            ..RecentArgs::default()
        };
        let total = |clear: Option<u64>| {
            let a = RecentArgs {
                clear,
                ..everything.clone()
            };
            log.recent(&a).unwrap().tokens
        };
        let clear = self.args.clear;
        RecentArgs {
            max_tokens: (total(clear) + 12) * self.budget_permille / 1000,
            above: self
                .above_permille
                .filter(|_| clear.is_some())
                .map(|share| total(None).unsigned_abs() * share / 1000),
            ..self.args.clone()
        }
    }
}

pub fn recent_args() -> BoxedStrategy<RandomArgs> {
    let budget = prop_oneof![3 => 0..=1000i64, 2 => 0..=300i64, 1 => Just(1000i64)];
    let messages = option::weighted(0.3, 1..=12u64);
    let step = option::weighted(0.5, prop_oneof![1 => 1..=10u64, 3 => 10..=150u64]);
    let clear = option::weighted(0.6, prop_oneof![2 => Just(0u64), 3 => 1..=4u64]);
    let above = option::weighted(0.3, 0..=1000u64);
    let oversize = select(vec![Oversize::Empty, Oversize::Keep, Oversize::Cut]);
    let flags = (
        any::<bool>(),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        any::<bool>(),
    );
    (budget, messages, step, (clear, above), oversize, flags)
        .prop_map(
            |(budget_permille, messages, step, (clear, above_permille), oversize, flags)| {
                let (start_user, no_system, no_summary, no_pins, rev, any) = flags;
                RandomArgs {
                    budget_permille,
                    above_permille,
                    args: RecentArgs {
                        max_tokens: 0,
                        messages,
                        start_user,
                        oversize,
                        step,
                        clear,
                        above: None,
                        no_system,
                        no_summary,
                        no_pins,
                        rev,
                        any,
                    },
                }
            },
        )
        .boxed()
}
