//! Pairing against a plain list of open calls, with and without the index.

use proptest::prelude::*;

use super::super::facts::{Call, CallKind, ToolResult};
use super::OpenCalls;

fn text(letters: &'static [&'static str]) -> impl Strategy<Value = Option<Box<str>>> {
    proptest::option::of(proptest::sample::select(letters).prop_map(Box::from))
}

fn kind() -> impl Strategy<Value = CallKind> {
    prop_oneof![9 => Just(CallKind::Tool), 1 => Just(CallKind::McpApproval)]
}

pub fn call() -> impl Strategy<Value = Call> {
    let ids = text(&["a", "b", "c"]);
    (kind(), ids, text(&["b", "i"]), text(&["x", "y"])).prop_map(|(kind, id, item_id, name)| Call {
        kind,
        id,
        item_id,
        name,
    })
}

pub fn result() -> impl Strategy<Value = ToolResult> {
    let ids = text(&["a", "b", "c", "i"]);
    (kind(), ids, any::<bool>(), text(&["x", "y", "z"])).prop_map(|(kind, id, by_item_id, name)| {
        ToolResult {
            kind,
            id,
            by_item_id,
            name,
        }
    })
}

/// The call in the list, the oldest first, that the result answers, as the rules say it.
pub fn answered(open: &[Call], result: &ToolResult) -> Option<usize> {
    let oldest = |wanted: &dyn Fn(&Call) -> bool| {
        open.iter()
            .position(|call| call.kind == result.kind && wanted(call))
    };
    if result.id.is_some() {
        return oldest(&|call| {
            call.id == result.id || (result.by_item_id && call.item_id == result.id)
        });
    }
    let alike = |call: &Call| match (&call.name, &result.name) {
        (Some(called), Some(named)) => called == named,
        _ => true,
    };
    oldest(&|call| call.id.is_none() && alike(call))
        .or_else(|| oldest(&|call| call.id.is_none()))
        .or_else(|| oldest(&|_| true))
}

/// Takes the calls that the results answer from the list, if each of them answers one.
pub fn take(open: &mut Vec<Call>, results: &[ToolResult]) -> bool {
    let mut left = open.clone();
    for result in results {
        match answered(&left, result) {
            Some(at) => left.remove(at),
            None => return false,
        };
    }
    *open = left;
    true
}

#[derive(Debug, Clone)]
enum Op {
    Open(Vec<Call>),
    Answer(Vec<ToolResult>, bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => proptest::collection::vec(call(), 0..30).prop_map(Op::Open),
        4 => (proptest::collection::vec(result(), 1..6), any::<bool>())
            .prop_map(|(results, wanted)| Op::Answer(results, wanted)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn open_calls_are_a_list(ops in proptest::collection::vec(op(), 1..60)) {
        let (mut open, mut list) = (OpenCalls::default(), Vec::new());
        for op in ops {
            match op {
                Op::Open(calls) => {
                    open.extend(&calls);
                    list.extend(calls);
                }
                Op::Answer(results, wanted) => {
                    let mut left = list.clone();
                    let expected = take(&mut left, &results) && wanted;
                    let taken = open.take_if(&results, |open| {
                        assert_eq!(open, left.len());
                        wanted
                    });
                    prop_assert_eq!(taken, expected);
                    if expected {
                        list = left;
                    }
                }
            }
            let held: Vec<Call> = open.slots.iter().flatten().cloned().collect();
            prop_assert_eq!(&held, &list);
            prop_assert_eq!(open.is_empty(), list.is_empty());
        }
    }
}

/// Each result costs the same, however many calls are open.
#[test]
fn many_open_calls_are_indexed() {
    let call = |n: usize| Call {
        id: Some(n.to_string().into()),
        ..Call::default()
    };
    let calls: Vec<Call> = (0..50_000).map(call).collect();
    let mut open = OpenCalls::new(&calls);
    for n in (0..50_000).rev() {
        let result = ToolResult {
            id: Some(n.to_string().into()),
            ..ToolResult::default()
        };
        assert!(open.take_if(&[result], |_| true));
    }
    assert!(open.is_empty());
}
