//! Messages of the four base dialects.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dialect {
    Chat,
    Anthropic,
    LangChain,
    Responses,
}

pub fn compact(v: &Value) -> String {
    v.to_string()
}

/// A message without calls. `role` is one of user, assistant, system, developer.
pub fn plain(d: Dialect, role: &str, content: Value, name: Option<String>) -> String {
    let kind = match role {
        "user" => "human",
        "assistant" => "ai",
        _ => "system",
    };
    let mut v = match d {
        Dialect::Chat => json!({"role":role,"content":content}),
        Dialect::Anthropic => match content {
            Value::String(t) => json!({"role":role,"content":[{"type":"text","text":t}]}),
            other => json!({"role":role,"content":other}),
        },
        Dialect::LangChain => json!({"type":kind,"data":{"content":content}}),
        Dialect::Responses => match content {
            Value::String(t) => {
                json!({"type":"message","role":role,"content":[{"type":"input_text","text":t}]})
            }
            other => json!({"type":"message","role":role,"content":other}),
        },
    };
    if let Some(name) = name {
        let holder = if d == Dialect::LangChain {
            &mut v["data"]
        } else {
            &mut v
        };
        holder["name"] = json!(name);
    }
    compact(&v)
}

/// The message, or for Responses the items, that open these calls. `odd` varies the form.
pub fn opener(d: Dialect, ids: &[String], t: &str, odd: bool) -> Vec<String> {
    let v = match d {
        Dialect::Chat => {
            let call = |id: &String| match odd {
                false => {
                    json!({"id":id,"type":"function","function":{"name":"f","arguments":format!("{{\"x\":{t:?}}}")}})
                }
                true => json!({"id":id,"type":"custom","custom":{"name":"g","input":t}}),
            };
            json!({"role":"assistant","content":null,"tool_calls":ids.iter().map(call).collect::<Vec<_>>()})
        }
        Dialect::Anthropic => {
            let mut blocks = vec![json!({"type":"text","text":t})];
            if odd {
                blocks.insert(
                    0,
                    json!({"type":"thinking","thinking":"hm","signature":"c2ln"}),
                );
            }
            blocks.extend(
                ids.iter()
                    .map(|id| json!({"type":"tool_use","id":id,"name":"f","input":{"x":t}})),
            );
            json!({"role":"assistant","content":blocks})
        }
        Dialect::LangChain => {
            let call = |id: &String| json!({"name":"f","args":{"x":t},"id":id,"type":"tool_call"});
            let content = match odd {
                false => json!(t),
                true => json!([{"type":"tool_use","id":ids[0],"name":"f","input":{"x":t}}]),
            };
            json!({"type":"ai","data":{"content":content,"tool_calls":ids.iter().map(call).collect::<Vec<_>>()}})
        }
        Dialect::Responses => {
            return ids.iter().map(|id| call_item(id, t, odd)).collect();
        }
    };
    vec![compact(&v)]
}

pub fn call_item(id: &str, t: &str, odd: bool) -> String {
    compact(&match odd {
        false => {
            json!({"type":"function_call","call_id":id,"name":"f","arguments":format!("{{\"x\":{t:?}}}")})
        }
        true => json!({"type":"custom_tool_call","call_id":id,"name":"g","input":t}),
    })
}

/// One message that answers these calls; only Anthropic can answer several at once, others take the first.
pub fn answer(d: Dialect, ids: &[String], t: &str, odd: bool) -> String {
    compact(&match d {
        Dialect::Chat => json!({"role":"tool","tool_call_id":ids[0],"content":t}),
        Dialect::Anthropic => {
            let mut blocks: Vec<Value> = ids
                .iter()
                .map(|id| json!({"type":"tool_result","tool_use_id":id,"content":t}))
                .collect();
            if odd {
                blocks.push(json!({"type":"text","text":"and more"}));
            }
            json!({"role":"user","content":blocks})
        }
        Dialect::LangChain => json!({"type":"tool","data":{"content":t,"tool_call_id":ids[0]}}),
        Dialect::Responses if odd => {
            json!({"type":"custom_tool_call_output","call_id":ids[0],"output":t})
        }
        Dialect::Responses => json!({"type":"function_call_output","call_id":ids[0],"output":t}),
    })
}
