//! Random messages of all dialects, mixed, with what frameworks and people get wrong.

use super::generate::{self, result_text, text};
use super::generate_dialects::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

fn framework() -> BoxedStrategy<Framework> {
    select(FRAMEWORKS.to_vec()).boxed()
}

/// Few ids and names, so that they meet often; ids that are none.
fn call() -> BoxedStrategy<Call> {
    let id = prop_oneof![
        8 => select(vec!["a", "b", "c"]).prop_map(|id| Some(json!(id))),
        2 => Just(None),
        1 => select(vec![Value::Null, json!(""), json!(7)]).prop_map(Some),
    ];
    (id, select(vec!["f", "g"]), text())
        .prop_map(|(id, name, text)| Call {
            id,
            name: name.into(),
            text,
        })
        .boxed()
}

fn one_to_three() -> BoxedStrategy<Vec<Call>> {
    // Ids that all are missing belong to frameworks that have none.
    (vec(call(), 1..=3), prop::bool::weighted(0.3))
        .prop_map(|(mut calls, none)| {
            if none {
                calls.iter_mut().for_each(|c| c.id = None);
            }
            calls
        })
        .boxed()
}

fn said() -> BoxedStrategy<Value> {
    let role = select(vec!["user", "user", "assistant", "assistant", "system"]);
    (framework(), role, text())
        .prop_map(|(f, role, t)| say(f, role, &t))
        .boxed()
}

/// Base64 of some length; 256 bytes are not enough to be media.
fn base64() -> BoxedStrategy<String> {
    select(vec![
        "QUJD".repeat(64),
        "QUJD".repeat(65),
        "QUJ-_D".repeat(50),
        format!("{}QQ==", "QUJD".repeat(70)),
        format!("data:image/png;base64,{}", "QUJD".repeat(65)),
        format!("{} ", "QUJD".repeat(65)),
    ])
    .boxed()
}

/// Blocks of content arrays: media, documents, what counts nothing, and what nobody knows.
fn block() -> BoxedStrategy<Value> {
    prop_oneof![
        4 => text().prop_map(|t| json!({"type":"text","text":t})),
        1 => text().prop_map(Value::String),
        1 => Just(Value::Null),
        1 => Just(json!(7)),
        2 => (text(), base64()).prop_map(|(t, b)| json!({"type":"postcard","front":t,"back":{"scan":b}})),
        1 => text().prop_map(|t| json!({"picture":{"type":"Buffer","data":[1,2,3]},"title":t})),
        1 => text().prop_map(|t| json!({"type":"postcard","text":t})),
        1 => base64().prop_map(|b| json!({"inlineData":{"mimeType":"image/png","data":b}})),
        1 => base64().prop_map(|b| json!({"type":"file","mediaType":"text/csv","data":b})),
        1 => text().prop_map(|t| json!({"type":"document","source":{"type":"text","media_type":"text/plain","data":t},"title":"t"})),
        1 => base64().prop_map(|b| json!({"type":"document","source":{"type":"base64","data":b}})),
        1 => text().prop_map(|t| json!({"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":t}]})),
        1 => select(vec![
            json!({"type":"step-start"}),
            json!({"type":"source-url","url":"u","title":"t"}),
            json!({"type":"redacted_thinking","data":"b3BhcXVl"}),
        ]),
        1 => text().prop_map(|t| json!({"type":"thinking","thinking":t,"signature":"c2ln"})),
        1 => text().prop_map(|t| json!({"type":"audio","transcript":t,"data":"QUJD"})),
    ].boxed()
}

fn blocks() -> BoxedStrategy<Value> {
    (
        select(vec!["content", "parts", "blocks", "contents", "items"]),
        select(vec!["user", "assistant", "model", "critic"]),
        vec(block(), 0..4),
    )
        .prop_map(|(key, role, blocks)| {
            let mut v = json!({"role":role});
            v[key] = Value::Array(blocks);
            v
        })
        .boxed()
}

/// Calls whose results stand in the same message.
fn closed() -> BoxedStrategy<Value> {
    let ui = (call(), result_text(), any::<bool>()).prop_map(|(c, t, done)| {
        let mut part = json!({"type":format!("tool-{}", c.name),"toolCallId":c.id,"state":"input-available","input":{"x":c.text}});
        if done {
            part["output"] = json!({"r":t});
        }
        json!({"role":"assistant","parts":[{"type":"step-start"},part,{"type":"text","text":t}]})
    });
    let v4 = (call(), result_text()).prop_map(|(c, t)| {
        let call = json!({"state":"result","toolCallId":c.id,"toolName":c.name,"args":{"x":c.text},"result":t});
        json!({"role":"assistant","content":t,"toolInvocations":[call],"parts":[]})
    });
    let mastra = (call(), result_text()).prop_map(|(c, t)| {
        let call = json!({"state":"result","toolCallId":c.id,"toolName":c.name,"args":{},"result":t});
        json!({"role":"assistant","content":{"format":2,"parts":[{"type":"tool-invocation","toolInvocation":call}],"content":t}})
    });
    let server = (one_to_three(), text()).prop_map(|(calls, t)| {
        let mut content = vec![];
        for c in &calls {
            content.push(json!({"type":"server_tool_use","id":c.id,"name":c.name,"input":{"x":c.text}}));
            content.push(json!({"type":"web_search_tool_result","tool_use_id":c.id,"content":[{"type":"web_search_result","title":t}]}));
        }
        content.push(json!({"type":"text","text":t}));
        json!({"role":"assistant","content":content})
    });
    let gemini = (call(), text()).prop_map(|(c, t)| {
        json!({"role":"model","parts":[{"functionCall":{"name":c.name,"args":{}}},{"functionResponse":{"name":c.name,"response":{"r":t}}}]})
    });
    prop_oneof![ui, v4, mastra, server, gemini].boxed()
}

/// Items that are neither calls with a call id nor their outputs.
fn item() -> BoxedStrategy<Value> {
    prop_oneof![
        2 => text().prop_map(|t| json!({"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":t}],"encrypted_content":"e"})),
        1 => Just(json!({"type":"reasoning","summary":[],"encrypted_content":"e"})),
        1 => text().prop_map(|t| json!({"type":"web_search_call","id":"w","action":{"type":"search","query":t}})),
        1 => text().prop_map(|t| json!({"type":"file_search_call","id":"w","queries":[t],"results":[{"file_id":"f","text":t}]})),
        1 => text().prop_map(|t| json!({"type":"mcp_call","id":"m","name":"f","arguments":"{}","output":t})),
        1 => base64().prop_map(|b| json!({"type":"image_generation_call","id":"i","result":b})),
        1 => Just(json!({"type":"compaction","encrypted_content":"e"})),
        1 => text().prop_map(|t| json!({"type":"message","role":"assistant","content":[{"type":"output_text","text":t}]})),
        1 => text().prop_map(|t| json!({"type":"banana","peel":t})),
        1 => text().prop_map(|t| json!({"type":"banana","content":t})),
    ].boxed()
}

/// Messages in which nothing is known, or hardly anything.
fn strange() -> BoxedStrategy<Value> {
    prop_oneof![
        1 => text().prop_map(|t| json!({"role":"user","letter":t})),
        1 => base64().prop_map(|b| json!({"role":"user","scan":b})),
        1 => text().prop_map(|t| json!({"role":"assistant","content":{"mood":t}})),
        1 => base64().prop_map(|b| json!({"role":"user","content":b})),
        1 => Just(json!({"role":"user"})),
        1 => Just(json!({"role":"assistant","content":[{"type":"redacted_thinking","data":"b3BhcXVl"}]})),
        1 => text().prop_map(|t| json!({"role":"assistant","content":"","reasoning_content":t})),
        1 => text().prop_map(|t| json!({"role":"user","content":t,"images":["QUJD"]})),
        1 => text().prop_map(|t| json!({"role":"assistant","content":null,"audio":{"id":"x","transcript":t}})),
    ].boxed()
}

fn approval() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(json!({"role":"assistant","content":[{"type":"tool-approval-request","approvalId":"p","toolCallId":"a"}]})),
        text().prop_map(|t| json!({"role":"tool","content":[{"type":"tool-approval-response","approvalId":"p","approved":false,"reason":t}]})),
    ].boxed()
}

/// A turn whose results come in any order, in this dialect or another, and that is then perhaps disturbed.
fn turn() -> BoxedStrategy<Vec<Value>> {
    let flaw = 0..12u8;
    let odd = (
        any::<Index>(),
        prop_oneof![item(), said(), approval(), closed()],
    );
    let other = option::weighted(0.2, framework());
    (framework(), other, one_to_three(), result_text(), flaw, odd, any::<[bool; 3]>()).prop_flat_map(
        |(f, other, list, t, flaw, (at, odd), [together, reasons, asks])| {
            Just(list.clone()).prop_shuffle().prop_map(move |order| {
                let by = other.unwrap_or(f);
                // Frameworks without ids rely on the order.
                let order = if matches!(by, Framework::Ollama | Framework::Legacy) {
                    list.clone()
                } else {
                    order
                };
                let mut out = calls(f, &list, &t);
                if f == Framework::Legacy {
                    out.truncate(1);
                }
                if asks {
                    out.push(json!({"role":"tool","content":[{"type":"tool-approval-response","approvalId":"p","approved":true}]}));
                }
                let order = if f == Framework::Legacy { &order[..1] } else { &order[..] };
                match flaw {
                    0 => out.push(results_and_text(by, &order[..1], &t, "and more")),
                    1 => out.push(results_and_text(by, order, &t, "and more")),
                    _ if together => out.push(results(by, order, &t)),
                    _ => {
                        let one = order.iter().map(|c| results(by, std::slice::from_ref(c), &t));
                        out.extend(one);
                    }
                }
                match flaw {
                    2 => drop(out.pop()),
                    3 => drop(out.remove(0)),
                    4 | 5 => out.insert(at.index(out.len() + 1), odd.clone()),
                    6 => out.push(results_and_text(by, &order[..1], &t, "once more")),
                    _ => {}
                }
                if reasons && matches!(f, Framework::Shell | Framework::AgentsJs) {
                    out.insert(0, json!({"type":"reasoning","summary":[]}));
                }
                out
            })
        },
    ).boxed()
}

/// `mcp_approval_request` and its response, which may be missing or come twice.
fn mcp_approval() -> BoxedStrategy<Vec<Value>> {
    (0..3usize, text())
        .prop_map(|(n, t)| {
            let mut out =
                vec![json!({"type":"mcp_approval_request","id":"p","name":"f","arguments":t})];
            out.resize(
                n + 1,
                json!({"type":"mcp_approval_response","approval_request_id":"p","approve":true}),
            );
            out
        })
        .boxed()
}

fn local_shell() -> BoxedStrategy<Vec<Value>> {
    (any::<bool>(), text()).prop_map(|(by_item, t)| {
        let id = if by_item { "lsh" } else { "a" };
        vec![
            json!({"type":"local_shell_call","call_id":"a","id":"lsh","action":{"type":"exec","command":[t]}}),
            json!({"type":"local_shell_call_output","id":id,"output":t}),
        ]
    }).boxed()
}

/// A message under `message`, or as it is.
fn wrapped(v: Value, wrap: bool) -> String {
    let chat = v["role"].is_string() && v.get("message").is_none() && v.get("type").is_none();
    match wrap && chat {
        true => json!({"uuid":"u","message":v}).to_string(),
        false => v.to_string(),
    }
}

/// A few messages of any dialect that belong together, more or less; those of the older generators among them.
pub fn mixed_fragment() -> BoxedStrategy<Vec<String>> {
    let single = prop_oneof![
        6 => said(),
        2 => blocks(),
        2 => closed(),
        3 => item(),
        1 => strange(),
        1 => approval(),
        2 => (framework(), one_to_three(), text()).prop_map(|(f, c, t)| results_and_text(f, &c, &t, "own")),
    ];
    let several = prop_oneof![
        6 => turn(),
        3 => vec(item(), 1..4),
        1 => mcp_approval(),
        1 => local_shell(),
        8 => single.prop_map(|v| vec![v]),
    ];
    let new = (several, prop::bool::weighted(0.1))
        .prop_map(|(list, wrap)| list.into_iter().map(|v| wrapped(v, wrap)).collect());
    prop_oneof![4 => new, 1 => generate::fragment()].boxed()
}

/// Any single message of any dialect.
pub fn mixed_message() -> BoxedStrategy<String> {
    (mixed_fragment(), any::<Index>())
        .prop_map(|(list, i)| match list.is_empty() {
            true => r#"{"role":"user","content":"x"}"#.to_string(),
            false => i.get(&list).clone(),
        })
        .boxed()
}
