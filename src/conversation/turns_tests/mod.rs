//! Groups as they are tracked, against a model that follows the wording of the rules, and after changes anywhere.

mod cases;
mod model;

use proptest::prelude::*;

use self::model::Model;
use super::super::effect::{Count, NewMessage};
use super::super::facts::{Call, Class, Facts, ToolResult};
use super::super::flags::Flags;
use super::super::log::Log;
use super::super::open_calls::tests::{call, result};
use super::{Reading, Tracker};

/// All messages of a test; a stored one is its index in the table.
#[derive(Default)]
struct Table(Vec<Facts>);

impl Table {
    fn get(&self, source: &[u8]) -> &Facts {
        let index = std::str::from_utf8(source).expect("a number");
        &self.0[index.parse::<usize>().expect("a number")]
    }
}

impl Reading for Table {
    fn facts(&self, source: &[u8]) -> Facts {
        self.get(source).clone()
    }
}

fn item(class: Class) -> Facts {
    Facts {
        class,
        item: true,
        typed: true,
        ..Facts::default()
    }
}

fn class() -> impl Strategy<Value = Class> {
    proptest::sample::select(&[
        Class::System,
        Class::User,
        Class::Assistant,
        Class::Tool,
        Class::Other,
    ])
}

fn calls(most: usize) -> impl Strategy<Value = Vec<Call>> {
    proptest::collection::vec(call(), 0..=most)
}

fn results() -> impl Strategy<Value = Vec<ToolResult>> {
    proptest::collection::vec(result(), 1..4)
}

fn facts() -> impl Strategy<Value = Facts> {
    let reasoning = Facts {
        reasoning: true,
        ..item(Class::Assistant)
    };
    let approvals = |class| Facts {
        class,
        approvals: true,
        only_approvals: true,
        ..Facts::default()
    };
    let chat = (class(), calls(2), any::<bool>(), any::<bool>());
    let anything = (class(), calls(1), results(), any::<[bool; 4]>());
    prop_oneof![
        4 => Just(reasoning),
        2 => class().prop_map(item),
        5 => calls(2).prop_map(|calls| Facts { calls, call_item: true, ..item(Class::Assistant) }),
        4 => result().prop_map(|result| Facts { results: vec![result], ..item(Class::Tool) }),
        2 => class().prop_map(approvals),
        5 => chat.prop_map(|(class, calls, own_text, typed)| Facts {
            class, calls, own_text, typed, ..Facts::default()
        }),
        4 => results().prop_map(|results| Facts { class: Class::Tool, results, ..Facts::default() }),
        3 => (results(), any::<bool>()).prop_map(|(results, own_text)| Facts {
            class: Class::User, results, own_text, ..Facts::default()
        }),
        2 => anything.prop_map(|(class, calls, results, [own_text, item, call_item, typed])| Facts {
            class, calls, results, own_text, item,
            call_item: item && call_item,
            typed: item || typed,
            ..Facts::default()
        }),
    ]
}

fn message() -> impl Strategy<Value = Facts> {
    (facts(), proptest::bool::weighted(0.8)).prop_map(|(facts, can_omit_results)| Facts {
        can_omit_results,
        ..facts
    })
}

#[derive(Debug, Clone)]
enum Op {
    Push(Facts),
    Prepend(Vec<Facts>),
    Edit(usize, Facts),
    Remove(usize, usize),
    Compress,
}

fn op() -> impl Strategy<Value = Op> {
    let some = proptest::collection::vec(message(), 1..6);
    prop_oneof![
        12 => message().prop_map(Op::Push),
        1 => some.prop_map(Op::Prepend),
        2 => (0..40usize, message()).prop_map(|(at, message)| Op::Edit(at, message)),
        2 => (0..40usize, 1..4usize).prop_map(|(at, n)| Op::Remove(at, n)),
        1 => Just(Op::Compress),
    ]
}

fn new<'a>(seq: i64, facts: &Facts, bytes: &'a [u8]) -> NewMessage<'a> {
    NewMessage {
        seq,
        time: seq,
        count: Count::Counted(1),
        bytes,
        facts: facts.clone(),
        text: None,
        own: None,
    }
}

/// The log under test, and the messages that it should hold.
#[derive(Default)]
struct Test {
    table: Table,
    log: Log,
    tracker: Tracker,
    /// Sequence numbers and indexes in the table.
    held: Vec<(i64, usize)>,
    /// How many numbers were given at either end; none is given twice.
    appended: i64,
    prepended: i64,
}

impl Test {
    fn enter(&mut self, message: Facts) -> (usize, String) {
        self.table.0.push(message);
        let index = self.table.0.len() - 1;
        // Long enough that some segments can be compressed.
        (index, format!("{index:0>300}"))
    }

    fn push_to(table: &Table, log: &mut Log, tracker: &mut Tracker, seq: i64, bytes: &[u8]) {
        let facts = table.facts(bytes);
        let mut message = new(seq, &facts, bytes);
        tracker.push(log, &mut message, 1, Flags::of(&facts));
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Push(message) => {
                self.appended += 1;
                let seq = self.appended;
                let (index, bytes) = self.enter(message);
                Self::push_to(
                    &self.table,
                    &mut self.log,
                    &mut self.tracker,
                    seq,
                    bytes.as_bytes(),
                );
                self.held.push((seq, index));
            }
            Op::Prepend(messages) if !self.held.is_empty() => {
                let (mut front, mut tracker) = (Log::default(), Tracker::default());
                self.prepended += messages.len() as i64;
                let first = 1 - self.prepended;
                for (message, (at, seq)) in messages.into_iter().zip((first..).enumerate()) {
                    let (index, bytes) = self.enter(message);
                    Self::push_to(&self.table, &mut front, &mut tracker, seq, bytes.as_bytes());
                    self.held.insert(at, (seq, index));
                }
                let seam = front.len();
                self.log.prepend(front);
                if !tracker.is_clean() {
                    self.tracker
                        .track_from(tracker, &mut self.log, seam, seam, &self.table);
                }
            }
            Op::Edit(at, message) if at < self.held.len() => {
                let flags = Flags::of(&message);
                let (index, bytes) = self.enter(message);
                self.log.replace(at, 1, flags, bytes.as_bytes());
                self.held[at].1 = index;
                self.tracker.retrack(&mut self.log, at, &self.table);
            }
            Op::Remove(at, n) if at < self.held.len() => {
                let to = (at + n).min(self.held.len());
                self.log.remove(at..to);
                self.held.drain(at..to);
                self.tracker.retrack(&mut self.log, at, &self.table);
            }
            Op::Compress => {
                for job in self.log.to_compress(0, usize::MAX) {
                    job.run();
                }
                self.log.install();
            }
            _ => {}
        }
    }

    fn flags(log: &Log) -> Vec<Flags> {
        let flags = (0..log.len()).map(|at| log.get(at).expect("held").flags);
        flags
            .map(|mut flags| {
                flags.set_pending(false);
                flags
            })
            .collect()
    }

    fn check(&self) {
        let (mut log, mut tracker) = (Log::default(), Tracker::default());
        for &(seq, index) in &self.held {
            let bytes = index.to_string();
            Self::push_to(&self.table, &mut log, &mut tracker, seq, bytes.as_bytes());
        }
        let flags = Self::flags(&self.log);
        assert_eq!(flags, Self::flags(&log), "as tracked from the start");
        assert_eq!(self.tracker.is_clean(), tracker.is_clean());
        assert_eq!(self.tracker.open_from(), tracker.open_from());
        assert_eq!(
            self.tracker.waiting_reasoning(),
            tracker.waiting_reasoning()
        );

        let messages: Vec<&Facts> = self.held.iter().map(|h| &self.table.0[h.1]).collect();
        let model = Model::of(&messages);
        for (at, flags) in flags.iter().enumerate() {
            let expected = (model.hidden[at], model.edited[at], model.is_group_start(at));
            let found = (flags.hidden(), flags.edited(), flags.group_start());
            assert_eq!(
                found, expected,
                "hidden, edited, group start of {at}: {model:?}"
            );
        }
        let open = model.unfinished.map(|at| self.held[at].0);
        assert_eq!(self.tracker.open_from(), open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn groups_follow_the_rules_after_every_change(ops in proptest::collection::vec(op(), 1..40)) {
        let mut test = Test::default();
        for op in ops {
            test.apply(op);
            test.check();
        }
    }
}
