//! Random messages of the four base dialects. All JSON is compact and without duplicate keys.

use super::generate_base::{Dialect, answer, call_item, compact, opener, plain};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

/// A tiny alphabet, so that ids meet often.
const IDS: [&str; 5] = ["a", "b", "c", "d", "e"];

pub fn dialect() -> BoxedStrategy<Dialect> {
    select(vec![
        Dialect::Chat,
        Dialect::Anthropic,
        Dialect::LangChain,
        Dialect::Responses,
    ])
    .boxed()
}

fn call_id() -> BoxedStrategy<String> {
    select(IDS.to_vec()).prop_map(String::from).boxed()
}

/// 1 to 3 different ids, in any order.
fn call_ids() -> BoxedStrategy<Vec<String>> {
    subsequence(IDS.to_vec(), 1..=3)
        .prop_shuffle()
        .prop_map(|ids| ids.into_iter().map(String::from).collect())
        .boxed()
}

pub fn text() -> BoxedStrategy<String> {
    prop_oneof![
        6 => (0..1000u32).prop_map(|n| format!("w{n}")),
        1 => long_text(),
        1 => select(vec!["", " ", "line\nline", "say \"hi\"", "back\\slash", "é ß 世界 🙂", "<|endoftext|>"])
            .prop_map(String::from),
    ].boxed()
}

/// Results are long more often than other texts.
pub fn result_text() -> BoxedStrategy<String> {
    prop_oneof![1 => long_text(), 1 => text()].boxed()
}

/// Long enough to be cut.
fn long_text() -> BoxedStrategy<String> {
    let word = select(vec![
        "tide", "harbour", "ferry", "1953", "é", "世界", "🙂", "\"", "\n", "  ", "x-y", "Kai",
    ]);
    vec(word, 8..60).prop_map(|words| words.join(" ")).boxed()
}

/// Text parts of content arrays, media and refusals among them.
fn part() -> BoxedStrategy<Value> {
    prop_oneof![
        6 => text().prop_map(|t| json!({"type":"text","text":t})),
        1 => text().prop_map(Value::String),
        1 => text().prop_map(|t| json!({"type":"refusal","refusal":t})),
        1 => select(vec!["image_url", "input_image", "image", "input_audio", "audio", "file", "input_file", "document",
            "video"]).prop_map(|kind| json!({"type":kind,"data":"QUJD"})),
    ].boxed()
}

fn content() -> BoxedStrategy<Value> {
    prop_oneof![
        6 => text().prop_map(Value::String),
        2 => vec(part(), 0..3).prop_map(Value::Array),
    ]
    .boxed()
}

fn plain_of(roles: &'static [&'static str]) -> BoxedStrategy<String> {
    (
        dialect(),
        select(roles.to_vec()),
        content(),
        option::weighted(0.1, text()),
    )
        .prop_map(|(d, role, content, name)| plain(d, role, content, name))
        .boxed()
}

fn any_opener() -> BoxedStrategy<Vec<String>> {
    (dialect(), call_ids(), text(), any::<bool>())
        .prop_map(|(d, ids, t, odd)| opener(d, &ids, &t, odd))
        .boxed()
}

/// Ids may repeat here: such a message is an orphan.
fn any_answer() -> BoxedStrategy<String> {
    (
        dialect(),
        vec(call_id(), 1..=3),
        result_text(),
        any::<bool>(),
    )
        .prop_map(|(d, ids, t, odd)| answer(d, &ids, &t, odd))
        .boxed()
}

fn reasoning() -> BoxedStrategy<String> {
    vec(text(), 0..3)
        .prop_map(|texts| {
            let summary: Vec<Value> = texts
                .iter()
                .map(|t| json!({"type":"summary_text","text":t}))
                .collect();
            compact(&json!({"type":"reasoning","summary":summary}))
        })
        .boxed()
}

/// Messages that neither open nor answer anything, of unusual kinds.
fn oddity() -> BoxedStrategy<String> {
    prop_oneof![
        2 => text().prop_map(|t| compact(&json!({"type":"web_search_call","status":"completed","action":{"query":t}}))),
        1 => text().prop_map(|t| compact(&json!({"role":"function","name":"f","content":t}))),
        1 => text().prop_map(|t| compact(&json!({"role":"assistant","content":null,"refusal":t}))),
        1 => text().prop_map(|t| compact(
            &json!({"role":"assistant","content":null,"function_call":{"name":"f","arguments":t}}))),
        1 => text().prop_map(|t| compact(&json!({"type":"chat","data":{"role":"critic","content":t}}))),
        1 => text().prop_map(|t| compact(&json!({"role":"tool","content":t}))),
        1 => text().prop_map(|t| compact(&json!({"type":"function_call_output","output":t}))),
        1 => instructing(),
    ].boxed()
}

/// A message whose role is system although it opens or answers calls: what nobody should send, and what is to be taken.
fn instructing() -> BoxedStrategy<String> {
    let opening = (
        select(vec![Dialect::Chat, Dialect::Anthropic, Dialect::LangChain]),
        call_ids(),
        text(),
    )
        .prop_map(|(d, ids, t)| {
            opener(d, &ids, &t, false)
                .concat()
                .replace(r#""role":"assistant""#, r#""role":"system""#)
                .replace(r#""type":"ai""#, r#""type":"system""#)
        });
    let answering = (vec(call_id(), 1..=2), text()).prop_map(|(ids, t)| {
        answer(Dialect::Anthropic, &ids, &t, false)
            .replace(r#""role":"user""#, r#""role":"developer""#)
    });
    prop_oneof![opening, answering].boxed()
}

/// Any single message.
pub fn message() -> BoxedStrategy<String> {
    prop_oneof![
        4 => plain_of(&["user", "assistant"]),
        1 => plain_of(&["system", "developer"]),
        3 => (any_opener(), any::<Index>()).prop_map(|(m, i)| i.get(&m).clone()),
        4 => any_answer(),
        2 => reasoning(),
        1 => oddity(),
    ]
    .boxed()
}

/// What may stand inside a turn that should not, or need not.
fn disturbance() -> BoxedStrategy<String> {
    prop_oneof![
        5 => any_answer(),
        2 => reasoning(),
        2 => oddity(),
        2 => (call_id(), text(), any::<bool>()).prop_map(|(id, t, odd)| call_item(&id, &t, odd)),
        2 => content().prop_map(|c| plain(Dialect::Responses, "assistant", c, None)),
        1 => plain_of(&["user", "assistant", "system"]),
    ]
    .boxed()
}

/// A tool turn: calls and all their answers in any order, then perhaps disturbed or cut short.
fn turn() -> BoxedStrategy<Vec<String>> {
    let shape = (
        dialect(),
        prop_oneof![4 => Just(None), 1 => dialect().prop_map(Some)],
        call_ids(),
        any::<bool>(),
    );
    (
        shape,
        result_text(),
        any::<bool>(),
        vec((any::<Index>(), disturbance()), 0..3),
        0..10u8,
        vec(reasoning(), 0..2),
        0..3u8,
    )
        .prop_flat_map(
            |((d, other, ids, at_once), t, odd, disturb, flaw, thought, talk)| {
                Just(ids.clone()).prop_shuffle().prop_map(move |order| {
                    let mut out = opener(d, &ids, &t, odd);
                    // Ids pair across dialects as well.
                    let by = other.unwrap_or(d);
                    if by == Dialect::Anthropic && at_once {
                        out.push(answer(by, &order, &t, odd));
                    } else {
                        out.extend(
                            order
                                .iter()
                                .map(|id| answer(by, std::slice::from_ref(id), &t, odd)),
                        );
                    }
                    if d == Dialect::Responses && talk == 0 && ids.len() > 1 {
                        // Items alternate: the second call after the first answer.
                        out.swap(1, ids.len());
                    }
                    match flaw {
                        0 => {
                            out.pop();
                        }
                        1 => {
                            out.remove(0);
                        }
                        2..=4 => {
                            for (i, m) in &disturb {
                                out.insert(i.index(out.len() + 1), m.clone());
                            }
                        }
                        _ => {}
                    }
                    if d == Dialect::Responses {
                        out.splice(0..0, thought.clone());
                    }
                    out
                })
            },
        )
        .boxed()
}

/// A few messages that belong together, more or less.
pub fn fragment() -> BoxedStrategy<Vec<String>> {
    prop_oneof![
        6 => plain_of(&["user"]).prop_map(|m| vec![m]),
        4 => plain_of(&["assistant"]).prop_map(|m| vec![m]),
        1 => plain_of(&["system", "developer"]).prop_map(|m| vec![m]),
        7 => turn(),
        2 => any_opener(),
        3 => any_answer().prop_map(|m| vec![m]),
        2 => vec(reasoning(), 1..=3),
        1 => oddity().prop_map(|m| vec![m]),
    ]
    .boxed()
}

pub fn tokens() -> BoxedStrategy<u64> {
    prop_oneof![1 => Just(0u64), 9 => 0..=40u64].boxed()
}

/// The message with a number in a field that means nothing, so that no two messages of a log are equal.
pub fn numbered(json: &str, n: i64) -> String {
    format!("{},\"n\":{n}}}", json.strip_suffix('}').unwrap())
}

/// Messages with their tokens, oldest first; all different.
pub fn messages(fragments: usize) -> BoxedStrategy<Vec<(String, u64)>> {
    let lead = prop_oneof![2 => Just(0..=0usize), 3 => Just(0..=2usize)].prop_flat_map(|n| {
        let leads = prop_oneof![15 => plain_of(&["system", "developer"]), 1 => instructing()];
        vec(leads, n)
    });
    (lead, vec(fragment(), 0..=fragments))
        .prop_flat_map(|(mut list, fragments)| {
            list.extend(fragments.into_iter().flatten());
            let n = list.len();
            (Just(list), vec(tokens(), n)).prop_map(|(list, tokens)| {
                (1..)
                    .zip(list)
                    .map(|(n, m)| numbered(&m, n))
                    .zip(tokens)
                    .collect()
            })
        })
        .boxed()
}
