//! Where the values of tool results stand in a message, and what replaces a value that is emptied.

use super::json::{Node, Value};
use super::must_read;

/// "in older ones the value is replaced by `[tool result cleared]`"
pub const PLACEHOLDER: &str = "[tool result cleared]";

/// The message with the values of these results emptied; everything else byte for byte.
pub fn emptied(json: &str, which: &[usize]) -> String {
    let edits = which.iter().flat_map(|&k| carriers(json, k, PLACEHOLDER));
    splice(json, edits.collect())
}

/// What stands in the place of each value of a result if this text replaces the result.
pub fn carriers(json: &str, k: usize, text: &str) -> Vec<((usize, usize), String)> {
    let results = must_read(json).results;
    let top = Value::parse(json).unwrap();
    // "a result whose value conv cannot locate is never edited": without a value there is nothing to replace.
    let places = results[k].values.iter().enumerate();
    let edits = places.filter_map(|(n, &span)| {
        let (key, value) = find(&top, None, span)?;
        // Of several values the first carries the text.
        Some((
            span,
            replacement(key, value, if n == 0 { text } else { "" }),
        ))
    });
    edits.collect()
}

/// Replaces parts of a text.
pub fn splice(json: &str, mut edits: Vec<((usize, usize), String)>) -> String {
    edits.sort();
    let mut out = json.to_string();
    for ((from, to), with) in edits.iter().rev() {
        out.replace_range(from..to, with);
    }
    out
}

/// The value that stands at this place, and its key.
pub fn find<'v>(
    v: &'v Value,
    key: Option<&'v str>,
    span: (usize, usize),
) -> Option<(Option<&'v str>, &'v Value)> {
    if v.span == span {
        return Some((key, v));
    }
    match &v.node {
        Node::List(list) => list.iter().find_map(|v| find(v, None, span)),
        Node::Object(fields) => fields.iter().find_map(|(k, v)| find(v, Some(k), span)),
        _ => None,
    }
}

/// "a string where the dialect has a string, otherwise the smallest value of that dialect that carries this text"
fn replacement(key: Option<&str>, value: &Value, text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    let first = value.as_list().and_then(<[Value]>::first);
    match key.unwrap_or_default() {
        // Bedrock: blocks of one key.
        "content" if first.is_some_and(|b| b.is_object() && b.text("type").is_none()) => {
            format!(r#"[{{"text":{quoted}}}]"#)
        }
        // LlamaIndex.
        "blocks" => format!(r#"[{{"block_type":"text","text":{quoted}}}]"#),
        // Gemini: an object.
        "response" if value.is_object() => format!(r#"{{"result":{quoted}}}"#),
        // AI SDK: `{type,value}`.
        "output" if value.text("type").is_some() && value.get("value").is_some() => {
            format!(r#"{{"type":"text","value":{quoted}}}"#)
        }
        // `shell_call_output`.
        "output" if first.is_some_and(|b| b.get("stdout").is_some()) => {
            format!(r#"[{{"stdout":{quoted}}}]"#)
        }
        _ => quoted,
    }
}
