//! Random writes on a log.

use super::NaiveLog;
use super::generate::{fragment, message, numbered, text, tokens};
use super::generate_mixed::{mixed_fragment, mixed_message};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

/// A write whose operands are still relative to the log it will meet.
#[derive(Debug, Clone)]
pub enum Op {
    Append(Vec<(String, u64)>),
    Backfill(Vec<(String, u64)>, bool),
    Edit(Index, String, u64),
    Del(Vec<Index>),
    Pop(usize),
    Retain(Option<u64>, Option<u64>),
    TrimBefore(Index),
    SetSummary(String, Option<Index>, u64),
}

/// The same with sequence numbers: what can be sent to an implementation as well.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Append(Vec<(String, u64)>),
    Backfill(Vec<(String, u64)>, bool),
    Edit(i64, String, u64),
    Del(Vec<i64>),
    Pop(usize),
    Retain(Option<u64>, Option<u64>),
    TrimBefore(i64),
    /// Text, upto, and T of the message it becomes. Empty text removes.
    SetSummary(String, Option<i64>, u64),
}

/// Of the four base dialects.
pub fn op() -> impl Strategy<Value = Op> {
    op_of(fragment(), message())
}

/// Of all dialects.
pub fn mixed_op() -> impl Strategy<Value = Op> {
    op_of(mixed_fragment(), mixed_message())
}

fn op_of(
    fragment: BoxedStrategy<Vec<String>>,
    message: BoxedStrategy<String>,
) -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (fragment.clone(), vec(tokens(), 8)).prop_map(|(list, tokens)| {
            Op::Append(list.into_iter().zip(tokens.into_iter().cycle()).collect())
        }),
        2 => (fragment, vec(tokens(), 8), prop::bool::weighted(0.2)).prop_map(|(list, tokens, complete)| {
            Op::Backfill(list.into_iter().zip(tokens.into_iter().cycle()).collect(), complete)
        }),
        2 => (any::<Index>(), message, tokens()).prop_map(|(i, m, t)| Op::Edit(i, m, t)),
        2 => vec(any::<Index>(), 1..3).prop_map(Op::Del),
        1 => (1..3usize).prop_map(Op::Pop),
        1 => (1..20u64).prop_map(|n| Op::Retain(Some(n), None)),
        1 => (1..300u64).prop_map(|n| Op::Retain(None, Some(n))),
        1 => any::<Index>().prop_map(Op::TrimBefore),
        2 => (text(), option::weighted(0.7, any::<Index>()), tokens()).prop_map(|(t, i, n)| Op::SetSummary(t, i, n)),
    ]
}

pub fn ops(n: usize) -> impl Strategy<Value = Vec<Op>> {
    vec(op(), 0..=n)
}

pub fn mixed_ops(n: usize) -> impl Strategy<Value = Vec<Op>> {
    vec(mixed_op(), 0..=n)
}

impl Op {
    /// None if the log is too short for it. DEL may name a number that is not held; the others name held messages.
    pub fn on(&self, log: &NaiveLog) -> Option<Step> {
        let held = |i: &Index| (!log.messages.is_empty()).then(|| i.get(&log.messages).seq);
        Some(match self {
            Op::Append(list) => Step::Append(
                (log.next_seq..)
                    .zip(list)
                    .map(|(n, (json, tokens))| (numbered(json, n), *tokens))
                    .collect(),
            ),
            Op::Backfill(list, complete) => Step::Backfill(
                (log.lowest - list.len() as i64..)
                    .zip(list)
                    .map(|(n, (json, tokens))| (numbered(json, n), *tokens))
                    .collect(),
                *complete,
            ),
            Op::Edit(i, json, tokens) => Step::Edit(held(i)?, numbered(json, -held(i)?), *tokens),
            Op::Del(picks) => Step::Del(
                picks
                    .iter()
                    .map(|i| i.index(log.next_seq as usize) as i64)
                    .collect(),
            ),
            Op::Pop(n) => Step::Pop(*n),
            Op::Retain(messages, tokens) => Step::Retain(*messages, *tokens),
            Op::TrimBefore(i) => Step::TrimBefore(held(i)?),
            Op::SetSummary(text, Some(i), tokens) => {
                Step::SetSummary(text.clone(), Some(held(i)?), *tokens)
            }
            Op::SetSummary(text, None, tokens) => Step::SetSummary(text.clone(), None, *tokens),
        })
    }
}

impl NaiveLog {
    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::Append(list) => {
                for (json, tokens) in list {
                    self.append(json, *tokens);
                }
            }
            Step::Backfill(list, complete) => self.backfill(list, *complete),
            Step::Edit(seq, json, tokens) => {
                self.edit(*seq, json, *tokens);
            }
            Step::Del(seqs) => {
                self.del(seqs);
            }
            Step::Pop(n) => {
                self.pop(*n);
            }
            Step::Retain(messages, tokens) => self.retain(*messages, *tokens),
            Step::TrimBefore(seq) => self.trim_before(*seq),
            Step::SetSummary(text, upto, tokens) => {
                self.set_summary(text, *upto, *tokens);
            }
        }
    }
}
