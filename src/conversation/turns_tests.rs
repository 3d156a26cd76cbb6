//! Groups as they are tracked, against a model that follows the wording of the rules, and after changes anywhere.

use proptest::prelude::*;

use super::super::effect::{Count, NewMessage};
use super::super::facts::{Call, Class, Facts, ToolResult};
use super::super::flags::Flags;
use super::super::log::Log;
use super::super::open_calls::tests::{call, result, take};
use super::{Reading, Tracker};

/// A message for the tracker: what was read of it, and whether its results can be taken out.
#[derive(Debug, Clone)]
struct Message {
    facts: Facts,
    can_omit: bool,
}

/// All messages of a test; a stored one is its index in the table.
#[derive(Default)]
struct Table(Vec<Message>);

impl Table {
    fn get(&self, source: &[u8]) -> &Message {
        let index = std::str::from_utf8(source).expect("a number");
        &self.0[index.parse::<usize>().expect("a number")]
    }
}

impl Reading for Table {
    fn facts(&self, source: &[u8]) -> Facts {
        self.get(source).facts.clone()
    }

    fn can_omit_results(&self, source: &[u8]) -> bool {
        self.get(source).can_omit
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

fn message() -> impl Strategy<Value = Message> {
    (facts(), proptest::bool::weighted(0.8))
        .prop_map(|(facts, can_omit)| Message { facts, can_omit })
}

#[derive(Debug, Clone)]
enum Op {
    Push(Message),
    Prepend(Vec<Message>),
    Edit(usize, Message),
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

/// What becomes of the messages, as the rules word it.
#[derive(Debug)]
struct Model {
    /// The messages of each group, those that are never returned among them.
    groups: Vec<Vec<usize>>,
    hidden: Vec<bool>,
    edited: Vec<bool>,
    /// From here on messages may still come to belong together.
    unfinished: Option<usize>,
}

/// An orphan that is never returned, and so passed over, wherever it is not answered by a turn.
fn is_passed_over(facts: &Facts) -> bool {
    !facts.results.is_empty() && (!facts.own_text || facts.class == Class::Tool)
}

fn is_by_user_or_system(facts: &Facts) -> bool {
    facts.class == Class::User || facts.class == Class::System
}

fn is_in_reasoning_groups(facts: &Facts) -> bool {
    let untyped = facts.class == Class::Assistant && !facts.typed;
    facts.results.is_empty()
        && !facts.reasoning
        && (untyped || (facts.item && !is_by_user_or_system(facts)))
}

impl Model {
    fn of(messages: &[&Message]) -> Self {
        let mut model = Self {
            groups: Vec::new(),
            hidden: vec![true; messages.len()],
            edited: vec![false; messages.len()],
            unfinished: None,
        };
        let mut next = 0;
        while let Some(message) = messages.get(next) {
            let facts = &message.facts;
            let first = next;
            next += 1;
            if facts.reasoning {
                if let Some(group) = led_to(messages, first) {
                    next = model.grow(messages, group, true);
                } else if messages[first..]
                    .iter()
                    .all(|m| m.facts.reasoning || is_passed_over(&m.facts))
                {
                    model.unfinished.get_or_insert(first);
                }
            } else if facts.results.is_empty() {
                next = model.grow(messages, vec![first], false);
            } else if facts.own_text && message.can_omit && facts.class != Class::Tool {
                model.edited[first] = true;
                next = model.grow(messages, vec![first], false);
            }
        }
        model
    }

    /// Adds what belongs to a group; returns what follows its last message.
    fn grow(&mut self, messages: &[&Message], mut group: Vec<usize>, reasoning: bool) -> usize {
        let last = *group.last().expect("a group is not empty");
        let opener = &messages[last].facts;
        let (mut open, mut items) = (opener.calls.clone(), opener.call_item);
        let mut is_answered = true;
        let mut is_finished = false;
        let mut aside = Vec::new();
        for (at, message) in messages.iter().enumerate().skip(last + 1) {
            let facts = &message.facts;
            let was_open = !open.is_empty();
            is_finished = true;
            let belongs = if !was_open {
                // A reasoning group without open calls.
                if !reasoning {
                    break;
                }
                items = facts.call_item;
                is_in_reasoning_groups(facts)
            } else if !facts.results.is_empty() {
                let mut left = open.clone();
                let user_has_spoken = facts.class == Class::User && facts.own_text;
                let answers =
                    take(&mut left, &facts.results) && (!user_has_spoken || left.is_empty());
                if answers {
                    open = left;
                }
                answers
            } else {
                let is_item = items && facts.item && !is_by_user_or_system(facts);
                if is_item && facts.reasoning {
                    aside.push(at);
                    is_finished = false;
                    continue;
                }
                facts.only_approvals || is_item
            };
            if belongs {
                group.append(&mut aside);
                group.push(at);
                open.extend(facts.calls.iter().cloned());
                if was_open && open.is_empty() {
                    break;
                }
                is_finished = false;
            } else if is_passed_over(facts) {
                is_finished = false;
            } else {
                is_answered = open.is_empty();
                break;
            }
        }
        if !is_finished && !open.is_empty() {
            self.unfinished.get_or_insert(group[0]);
        }
        for &at in &group {
            self.hidden[at] = !is_answered;
            self.edited[at] &= is_answered;
        }
        let last = *group.last().expect("a group is not empty");
        self.groups.push(group);
        last + 1
    }

    /// A window may begin here: no group has messages before and after.
    fn is_group_start(&self, at: usize) -> bool {
        let splits = |group: &Vec<usize>| group[0] < at && group[group.len() - 1] >= at;
        !self.groups.iter().any(splits) && self.unfinished.is_none_or(|first| first >= at)
    }
}

/// The reasoning items in a row from `first` on, and the message that they led to.
fn led_to(messages: &[&Message], first: usize) -> Option<Vec<usize>> {
    let mut group = Vec::new();
    for (at, message) in messages.iter().enumerate().skip(first) {
        if is_passed_over(&message.facts) {
            continue;
        }
        group.push(at);
        if !message.facts.reasoning {
            return is_in_reasoning_groups(&message.facts).then_some(group);
        }
    }
    None
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
    fn enter(&mut self, message: Message) -> (usize, String) {
        self.table.0.push(message);
        let index = self.table.0.len() - 1;
        // Long enough that some segments can be compressed.
        (index, format!("{index:0>300}"))
    }

    fn push_to(table: &Table, log: &mut Log, tracker: &mut Tracker, seq: i64, bytes: &[u8]) {
        let facts = table.facts(bytes);
        let mut message = new(seq, &facts, bytes);
        tracker.push(log, &mut message, 1, Flags::of(&facts), table);
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
                let flags = Flags::of(&message.facts);
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

        let messages: Vec<&Message> = self.held.iter().map(|h| &self.table.0[h.1]).collect();
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

fn track(messages: &[Facts]) -> Test {
    let mut test = Test::default();
    for facts in messages {
        test.apply(Op::Push(Message {
            facts: facts.clone(),
            can_omit: true,
        }));
    }
    test.check();
    test
}

fn said(class: Class) -> Facts {
    Facts {
        class,
        own_text: true,
        ..Facts::default()
    }
}

fn calling(ids: &[&str]) -> Facts {
    let call = |id: &&str| Call {
        id: Some((*id).into()),
        ..Call::default()
    };
    Facts {
        class: Class::Assistant,
        calls: ids.iter().map(call).collect(),
        ..Facts::default()
    }
}

fn answering(class: Class, ids: &[&str], own_text: bool) -> Facts {
    let result = |id: &&str| ToolResult {
        id: Some((*id).into()),
        ..ToolResult::default()
    };
    Facts {
        class,
        own_text,
        results: ids.iter().map(result).collect(),
        ..Facts::default()
    }
}

fn as_item(facts: Facts) -> Facts {
    Facts {
        item: true,
        typed: true,
        call_item: !facts.calls.is_empty(),
        ..facts
    }
}

fn reasoning() -> Facts {
    Facts {
        reasoning: true,
        ..item(Class::Assistant)
    }
}

/// One letter a message: `|` before a group start, `-` hidden, `e` edited, `u` a start for START USER, `.` other.
fn drawn(messages: &[Facts]) -> String {
    let mut drawn = String::new();
    for flags in Test::flags(&track(messages).log) {
        if flags.group_start() {
            drawn.push('|');
        }
        drawn.push(match flags {
            f if f.hidden() => '-',
            f if f.edited() && f.user_start() => 'E',
            f if f.edited() => 'e',
            f if f.user_start() => 'u',
            _ => '.',
        });
    }
    drawn
}

#[test]
fn user_text_with_some_of_the_results_ends_the_turn() {
    use Class::{Assistant, Tool, User};
    let call = calling(&["a", "b"]);
    let messages = |result| [said(User), call.clone(), result, said(Assistant)];
    assert_eq!(drawn(&messages(answering(User, &["a"], true))), "|u|-|E|.");
    assert_eq!(
        drawn(&messages(answering(User, &["a", "b"], true))),
        "|u|..|."
    );
    assert_eq!(drawn(&messages(answering(User, &["a"], false))), "|u|--|.");
    assert_eq!(drawn(&messages(answering(Tool, &["a"], false))), "|u|--|.");
    // Another role with text of its own stays in the turn, unless one of its results is orphaned.
    let other = answering(Assistant, &["a"], true);
    let last = answering(Tool, &["b"], false);
    assert_eq!(drawn(&[call.clone(), other, last.clone()]), "|...");
    let orphaned = answering(Assistant, &["a", "c"], true);
    assert_eq!(drawn(&[call, orphaned, last]), "|-|e|-");
}

#[test]
fn an_orphan_answers_nothing_and_ends_nothing() {
    use Class::{Tool, User};
    let call = calling(&["a", "b"]);
    let orphan = answering(Tool, &["c", "a"], false);
    let results = [
        answering(Tool, &["b"], false),
        answering(Tool, &["a"], false),
    ];
    let [first, second] = results;
    assert_eq!(
        drawn(&[call.clone(), first.clone(), orphan.clone(), second]),
        "|..-."
    );
    // After a turn that was never answered, orphans are apart from it.
    assert_eq!(drawn(&[call, first, orphan, said(User)]), "|--|-|u");
}

#[test]
fn reasoning_belongs_to_all_that_follows_it() {
    use Class::{Assistant, Tool, User};
    let text = as_item(said(Assistant));
    let search = item(Assistant);
    let call = as_item(calling(&["a"]));
    let output = as_item(answering(Tool, &["a"], false));
    let orphan = as_item(answering(Tool, &["z"], false));
    let user = as_item(said(User));
    let of = |rest: &[&Facts]| {
        let rest = rest.iter().map(|facts| (*facts).clone());
        drawn(&[reasoning()].into_iter().chain(rest).collect::<Vec<_>>())
    };
    assert_eq!(of(&[&search, &search, &text, &user]), "|....|u");
    assert_eq!(of(&[&text, &call, &output, &text]), "|....|.");
    assert_eq!(
        of(&[&reasoning(), &orphan, &text, &orphan, &text]),
        "|..-.-."
    );
    assert_eq!(of(&[&text, &orphan, &user]), "|..|-|u");
    assert_eq!(of(&[&search, &reasoning(), &text]), "|..|..");
    assert_eq!(of(&[&said(Assistant), &text]), "|...");
    assert_eq!(of(&[]), "|-");
    assert_eq!(of(&[&user, &reasoning()]), "|-|u|-");
    let langchain = Facts {
        typed: true,
        ..said(Assistant)
    };
    assert_eq!(of(&[&langchain, &text]), "|-|.|.");
    // The call is never answered: all of the group is hidden.
    assert_eq!(of(&[&text, &call, &user]), "|---|u");
    // Parallel calls, each with its reasoning.
    let other = as_item(calling(&["b"]));
    let others = as_item(answering(Tool, &["b"], false));
    assert_eq!(
        of(&[&call, &reasoning(), &other, &output, &others]),
        "|......"
    );
}

#[test]
fn approvals_belong_to_the_open_turn() {
    use Class::{Assistant, Tool, User};
    let approvals = Facts {
        class: User,
        approvals: true,
        only_approvals: true,
        ..Facts::default()
    };
    let result = answering(Tool, &["a"], false);
    assert_eq!(drawn(&[calling(&["a"]), approvals.clone(), result]), "|...");
    assert_eq!(drawn(&[said(Assistant), approvals]), "|.|u");
}
