//! Groups of short conversations, drawn.

use super::super::super::facts::{Call, Class, Facts, ToolResult};
use super::{Op, Test, item};

fn track(messages: &[Facts]) -> Test {
    let mut test = Test::default();
    for facts in messages {
        test.apply(Op::Push(Facts {
            can_omit_results: true,
            ..facts.clone()
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
