//! Random writes and reads. Their operands are relative to the log that they will meet.

use super::NaiveLog;
use super::document::{Document, Fields};
use super::generate::{fragment, message, numbered, text, tokens};
use super::generate_mixed::{mixed_fragment, mixed_message};
use super::kinds::Class;
use super::ops::{Attributes, Step};
use super::search::{Pattern, REGEXES, SearchArgs};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[derive(Debug, Clone)]
pub enum Op {
    Append(Vec<(String, Option<u64>)>),
    /// Messages, COMPLETE, and perhaps a message that is held already.
    Backfill(Vec<String>, bool),
    Edit(Index, String),
    Del(Vec<Index>),
    Pop(Option<u64>),
    TrimMessages(u64),
    TrimTokens(u64),
    TrimBefore(Index),
    SetSummary(String, Option<Index>),
    Pin(Vec<Index>),
    Unpin(Vec<Index>),
    Alter(Attributes),
    Import(RandomDocument),
    SetState(Vec<(String, String)>),
    DelState(Vec<String>),
}

/// The messages held, up to one of them, and then others.
#[derive(Debug, Clone)]
pub struct RandomDocument {
    keep: Index,
    all: bool,
    more: Vec<String>,
    fields: Option<Fields>,
    named: bool,
}

/// Of the four base dialects.
pub fn op() -> BoxedStrategy<Op> {
    op_of(fragment(), message()).boxed()
}

/// Of all dialects.
pub fn mixed_op() -> BoxedStrategy<Op> {
    op_of(mixed_fragment(), mixed_message()).boxed()
}

pub fn ops(n: usize) -> BoxedStrategy<Vec<Op>> {
    vec(op(), 0..=n).boxed()
}

pub fn mixed_ops(n: usize) -> BoxedStrategy<Vec<Op>> {
    vec(mixed_op(), 0..=n).boxed()
}

fn op_of(
    fragment: BoxedStrategy<Vec<String>>,
    message: BoxedStrategy<String>,
) -> BoxedStrategy<Op> {
    let set = vec(option::weighted(0.5, tokens()), 8);
    let appended = (fragment.clone(), set).prop_map(|(list, set)| {
        Op::Append(list.into_iter().zip(set.into_iter().cycle()).collect())
    });
    let indexes = || vec(any::<Index>(), 1..4);
    prop_oneof![
        20 => appended,
        4 => (fragment.clone(), prop::bool::weighted(0.2)).prop_map(|(list, complete)| Op::Backfill(list, complete)),
        4 => (any::<Index>(), message).prop_map(|(i, m)| Op::Edit(i, m)),
        4 => vec(any::<Index>(), 1..3).prop_map(Op::Del),
        2 => option::weighted(0.7, 0..3u64).prop_map(Op::Pop),
        2 => (1..20u64).prop_map(Op::TrimMessages),
        2 => (1..300u64).prop_map(Op::TrimTokens),
        2 => any::<Index>().prop_map(Op::TrimBefore),
        4 => (text(), option::weighted(0.7, any::<Index>())).prop_map(|(t, i)| Op::SetSummary(t, i)),
        8 => indexes().prop_map(Op::Pin),
        2 => indexes().prop_map(Op::Unpin),
        2 => attributes().prop_map(Op::Alter),
        3 => document(fragment).prop_map(Op::Import),
        2 => vec((field(), value()), 1..3).prop_map(Op::SetState),
        1 => vec(field(), 1..3).prop_map(Op::DelState),
    ].boxed()
}

fn attributes() -> BoxedStrategy<Attributes> {
    (
        option::weighted(0.2, select(vec!["o200k_base", "r50k_base"])),
        option::weighted(0.3, select(vec![0, 1, 3, 7, 100])),
        option::weighted(0.3, select(vec![10, 50, 100, 115, 133, 1000])),
        option::weighted(0.2, 0..12u64),
        option::weighted(0.1, any::<bool>()),
    )
        .prop_map(
            |(encoding, overhead, scale, max_messages, complete)| Attributes {
                encoding,
                // One at least must be given.
                overhead: overhead.or(Some(3).filter(|_| encoding.is_none() && scale.is_none())),
                scale,
                max_messages,
                complete,
            },
        )
        .boxed()
}

fn field() -> BoxedStrategy<String> {
    select(vec!["user", "cart", "history", "n é \"q\""])
        .prop_map(String::from)
        .boxed()
}

fn value() -> BoxedStrategy<String> {
    select(vec!["1", "\"x\"", "[1, 2]", "{\"a\": 1.0e5}", "null"])
        .prop_map(String::from)
        .boxed()
}

fn document(fragment: BoxedStrategy<Vec<String>>) -> BoxedStrategy<RandomDocument> {
    let state = || {
        vec((field(), value()), 0..3).prop_map(|list| {
            let mut seen: Vec<(String, String)> = vec![];
            for (k, v) in list {
                if k != "history" && seen.iter().all(|(s, _)| *s != k) {
                    seen.push((k, v));
                }
            }
            seen
        })
    };
    let names = select(vec![
        vec!["history"],
        vec!["messages"],
        vec!["log"],
        vec!["values", "messages"],
        vec!["a", "b", "c"],
    ]);
    let fields = (
        state(),
        names,
        select(vec!["\"x\":1", "\"y\":[{}]"]),
        any::<bool>(),
    )
        .prop_map(|(list, names, beside, first)| Fields {
            before: if first { list.clone() } else { vec![] },
            names: names.into_iter().map(String::from).collect(),
            beside: beside.into(),
            after: if first { vec![] } else { list },
        });
    (
        any::<Index>(),
        prop::bool::weighted(0.4),
        fragment,
        option::weighted(0.7, fields),
        any::<bool>(),
    )
        .prop_map(|(keep, all, more, fields, named)| RandomDocument {
            keep,
            all,
            more,
            fields,
            named,
        })
        .boxed()
}

impl RandomDocument {
    fn on(&self, log: &NaiveLog) -> Document {
        let held = log.messages.len();
        let kept = if self.all {
            held
        } else {
            self.keep.index(held + 1)
        };
        let mut messages: Vec<String> = log.messages[..kept]
            .iter()
            .map(|m| m.json.clone())
            .collect();
        // Half of the documents that hold all messages hold nothing else: nothing is to be stored.
        if !self.all || self.named {
            let numbers = log.next_seq..;
            messages.extend(self.more.iter().zip(numbers).map(|(m, n)| numbered(m, n)));
        }
        let names = self.fields.as_ref().map(|f| f.names.clone());
        let path = names.filter(|names| {
            let known = ["history", "messages"].contains(&names[0].as_str()) && names.len() == 1;
            self.named || !known
        });
        Document {
            path: path.map(|names| names.join(".")),
            fields: self.fields.clone(),
            messages,
        }
    }
}

impl Op {
    /// None if the log is too short for it. DEL, PIN and UNPIN may name a number that is not held; the others name held
    /// messages.
    pub fn on(&self, log: &NaiveLog) -> Option<Step> {
        let held = |i: &Index| (!log.messages.is_empty()).then(|| i.get(&log.messages).seq);
        let any_number = |picks: &[Index]| -> Vec<i64> {
            let numbers = log.next_seq - log.lowest + 1;
            let picks = picks.iter().map(|i| i.index(numbers as usize) as i64);
            picks.map(|i| log.lowest + i).collect()
        };
        Some(match self {
            Op::Append(list) if list.is_empty() => return None,
            Op::Backfill(list, _) if list.is_empty() => return None,
            Op::Append(list) => Step::Append(
                (log.next_seq..)
                    .zip(list)
                    .map(|(n, (json, set))| (numbered(json, n), *set))
                    .collect(),
            ),
            Op::Backfill(list, complete) => Step::Backfill(
                (log.lowest - list.len() as i64..)
                    .zip(list)
                    .map(|(n, json)| numbered(json, n))
                    .collect(),
                *complete,
            ),
            Op::Edit(i, json) => Step::Edit(held(i)?, numbered(json, -held(i)?)),
            Op::Del(picks) => Step::Del(any_number(picks)),
            Op::Pop(n) => Step::Pop(*n),
            Op::TrimMessages(n) => Step::TrimMessages(*n),
            Op::TrimTokens(n) => Step::TrimTokens(*n),
            Op::TrimBefore(i) => Step::TrimBefore(held(i)?),
            Op::SetSummary(text, Some(i)) => Step::SetSummary(text.clone(), Some(held(i)?)),
            Op::SetSummary(text, None) => Step::SetSummary(text.clone(), None),
            Op::Pin(picks) => Step::Pin(any_number(picks)),
            Op::Unpin(picks) => Step::Unpin(any_number(picks)),
            Op::Alter(attributes) => Step::Alter(*attributes),
            Op::Import(document) => Step::Import(document.on(log)),
            Op::SetState(fields) => Step::SetState(fields.clone()),
            Op::DelState(names) => Step::DelState(names.clone()),
        })
    }
}

/// Reads besides RECENT.
#[derive(Debug, Clone)]
pub struct RandomReads {
    pub index: i64,
    pub range: (i64, i64),
    pub rev: bool,
    pub claim: (u64, u64),
    search: SearchArgs,
    bounds: [Option<Index>; 4],
}

pub fn reads() -> BoxedStrategy<RandomReads> {
    let pattern = prop_oneof![
        3 => text().prop_filter("empty", |t| !t.is_empty()).prop_map(Pattern::Literal),
        3 => select(vec!["W", "w1", "SAY \"H", "É SS", "É ß", "世", "line\nl", "F", "and more", "K"])
            .prop_map(|p| Pattern::Literal(p.into())),
        3 => (0..REGEXES.len()).prop_map(Pattern::Regex),
    ];
    let role = option::weighted(
        0.3,
        select(vec![
            Class::System,
            Class::User,
            Class::Assistant,
            Class::Tool,
        ]),
    );
    let bound = || option::weighted(0.2, any::<Index>());
    let search = (pattern, any::<bool>(), role, option::weighted(0.4, 1..4u64));
    (
        (-15..15i64, (-15..15i64, -15..15i64), any::<bool>()),
        (0..150u64, prop_oneof![Just(0), 0..100u64]),
        search,
        [bound(), bound(), bound(), bound()],
    )
        .prop_map(
            |((index, range, rev), claim, (pattern, case, role, limit), bounds)| RandomReads {
                index,
                range,
                rev,
                claim,
                search: SearchArgs {
                    pattern,
                    case,
                    role,
                    after: None,
                    before: None,
                    since: None,
                    until: None,
                    limit,
                },
                bounds,
            },
        )
        .boxed()
}

impl RandomReads {
    /// Bounds are numbers and times of messages held.
    pub fn search(&self, log: &NaiveLog) -> SearchArgs {
        let of = |k: usize| {
            let i = self.bounds[k].filter(|_| !log.messages.is_empty())?;
            Some(i.get(&log.messages))
        };
        SearchArgs {
            after: of(0).map(|m| m.seq),
            before: of(1).map(|m| m.seq),
            since: of(2).map(|m| m.time),
            until: of(3).map(|m| m.time),
            ..self.search.clone()
        }
    }
}
