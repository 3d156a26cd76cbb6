//! Content that is not understood.

use super::json::{Node, Value};

/// The JSON text of unread content and the media parts in it. "*Within unread content*, a string of more than 256 bytes that
/// is only base64 [...] counts as one media part instead of text; so do serialised bytes"; "`""` stands in its place".
pub fn unread_text(v: &Value) -> (String, u64) {
    let mut places = vec![];
    find_media(v, &mut places);
    let mut text = String::new();
    let mut at = v.span.0;
    for (from, to) in &places {
        text += &v.raw[at - v.span.0..from - v.span.0];
        text += "\"\"";
        at = *to;
    }
    text += &v.raw[at - v.span.0..];
    (text, places.len() as u64)
}

fn find_media(v: &Value, places: &mut Vec<(usize, usize)>) {
    match &v.node {
        Node::Text(s) if s.len() > 256 && is_base64(s) => places.push(v.span),
        Node::Object(_) if is_bytes(v) => places.push(v.span),
        Node::Object(fields) => fields.iter().for_each(|(_, v)| find_media(v, places)),
        Node::List(list) => list.iter().for_each(|v| find_media(v, places)),
        _ => {}
    }
}

/// `{"type":"Buffer","data":[...]}`, `{"__bytes_encoded__":true,...}`
fn is_bytes(v: &Value) -> bool {
    let buffer = v.text("type") == Some("Buffer")
        && v.get("data").is_some_and(|data| data.as_list().is_some());
    buffer || v.get("__bytes_encoded__").is_some_and(|b| b.raw == "true")
}

/// "(standard or URL-safe alphabet, or a `data:` URL)"
pub fn is_base64(s: &str) -> bool {
    let body = match s.strip_prefix("data:") {
        None => s,
        Some(url) => match url.split_once(";base64,") {
            Some((_, body)) => body,
            None => return false,
        },
    };
    let digits = body.trim_end_matches('=');
    let all = |more: &[u8]| {
        digits
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    body.len() - digits.len() <= 2 && (all(b"+/") || all(b"-_"))
}
