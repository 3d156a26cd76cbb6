//! A text that was cut, and the texts of a message that may be.

use super::NaiveRead;
use super::json::{Node, Value};
use super::tokens::pieces;

pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// The counted texts that are neither role nor name nor part of a result or a call.
pub fn own_texts(m: &NaiveRead) -> Vec<String> {
    let mut texts = m.counted[1..].to_vec();
    let results = m.results.iter().flat_map(|r| r.texts.iter().chain(&r.name));
    let calls = m
        .calls
        .iter()
        .flat_map(|c| c.name.iter().chain(&c.arguments));
    for taken in results.chain(calls).chain(&m.name) {
        if let Some(at) = texts.iter().position(|t| t == taken) {
            texts.remove(at);
        }
    }
    texts
}

/// All strings in a value, keys excepted.
pub fn strings(v: &Value) -> Vec<&Value> {
    match &v.node {
        Node::Text(_) => vec![v],
        Node::List(list) => list.iter().flat_map(strings).collect(),
        Node::Object(fields) => fields.iter().flat_map(|(_, v)| strings(v)).collect(),
        _ => vec![],
    }
}

/// All strings in a value, without those in objects whose JSON is one of these texts.
pub fn strings_outside<'v>(v: &'v Value, texts: &[&String]) -> Vec<&'v Value> {
    let inner = |v: &'v Value| strings_outside(v, texts);
    match &v.node {
        Node::Object(_) if texts.iter().any(|text| **text == v.raw) => vec![],
        Node::List(list) => list.iter().flat_map(inner).collect(),
        Node::Object(fields) => fields.iter().flat_map(|(_, v)| inner(v)).collect(),
        _ => strings(v),
    }
}

/// Without the places.
pub fn plain(v: &Value) -> serde_json::Value {
    serde_json::from_str(&v.raw).unwrap()
}

/// "A cut text keeps equal numbers of tokens at both ends, with `\n[... N tokens cut ...]\n` between them (N exact)";
/// "characters stay whole". None if nothing would be cut.
pub fn cut_text(encoding: &'static str, text: &str, kept: usize) -> Option<String> {
    let all = pieces(encoding, text);
    if all.len() <= 2 * kept {
        return None;
    }
    // "equal numbers of tokens at both ends", "characters stay whole": of some encodings a character takes several tokens.
    let whole = |pieces: &[Vec<u8>]| String::from_utf8(pieces.concat()).ok();
    let (kept, head, tail) = (0..=kept)
        .rev()
        .find_map(|kept| Some((kept, whole(&all[..kept])?, whole(&all[all.len() - kept..])?)))?;
    let n = all.len() - 2 * kept;
    let cut = format!("{head}\n[... {n} tokens cut ...]\n{tail}");
    // With its marker it may be longer than before: then there was nothing to gain.
    Some(cut).filter(|cut| pieces(encoding, cut).len() < all.len())
}

/// How many tokens a cut text keeps at each end.
pub fn cut_of(encoding: &'static str, before: &str, after: &str) -> Result<usize, String> {
    // The text itself may hold such a marker: any place will do.
    let places = after.match_indices("\n[... ").map(|(at, _)| at);
    let mut why = "no marker".to_string();
    for at in places {
        match cut_at(encoding, before, after, at) {
            Ok(kept) => return Ok(kept),
            Err(e) => why = e,
        }
    }
    Err(why)
}

fn cut_at(encoding: &'static str, before: &str, after: &str, at: usize) -> Result<usize, String> {
    let head = &after[..at];
    let rest = &after[at + "\n[... ".len()..];
    let (n, tail) = rest
        .split_once(" tokens cut ...]\n")
        .ok_or("half a marker")?;
    let n: usize = n.parse().map_err(|_| "no number")?;
    if !before.starts_with(head) || !before.ends_with(tail) {
        return Err("not both ends of the text".into());
    }
    if head.len() + tail.len() > before.len() {
        return Err("the ends overlap".into());
    }
    let all = pieces(encoding, before);
    // Tokens that lie in what is kept as a whole, and that it touches.
    let whole = |len: usize, list: &mut dyn Iterator<Item = &Vec<u8>>| {
        let (mut sum, mut whole) = (0, 0);
        for piece in list {
            sum += piece.len();
            if sum > len {
                break;
            }
            whole += 1;
        }
        whole
    };
    let first: usize = whole(head.len(), &mut all.iter());
    let last: usize = whole(tail.len(), &mut all.iter().rev());
    // Where a character is split over tokens, up to two of them are cut with it at each end.
    let exact = all.len() - first - last;
    let split = !before.is_ascii();
    if n != exact && !(split && n.abs_diff(exact) <= 4) {
        return Err(format!("{n} tokens cut, not {exact}"));
    }
    if first.abs_diff(last) > if split { 3 } else { 1 } {
        return Err(format!("{first} tokens at one end, {last} at the other"));
    }
    Ok(first.min(last))
}
