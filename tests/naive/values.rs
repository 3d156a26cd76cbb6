//! The values of results.

use super::content::{Reader, Within};
use super::json::{Node, Value};
use super::kinds::*;
use super::message::NaiveResult;

impl<'a> Reader<'a> {
    /// "value of a result", in every spelling that is there.
    pub fn values(&mut self, block: &Block<'a>) {
        let mut seen: Vec<&str> = vec![];
        for key in VALUES {
            let Some(v) = block.get(key) else { continue };
            // A flag, not a value: Haystack.
            if key == "error" && v.node == Node::Bool {
                continue;
            }
            if !seen.contains(&v.raw.as_str()) {
                seen.push(&v.raw);
                self.value_at(v);
            }
        }
        if let Some(v) = block.get("stderr").filter(|v| v.as_str().is_some()) {
            self.value_at(v);
        }
        // "`result` and `items` with the same value count once."
        for key in ["items", "parts"] {
            let Some(list) = block.get(key).and_then(Value::as_list) else {
                continue;
            };
            let said = |v: &Value| v.text("text").map(str::to_string);
            let texts: Vec<String> = list.iter().filter_map(said).collect();
            let result = block.get("result").and_then(Value::as_str);
            if texts.len() == list.len() && result == Some(texts.concat().as_str()) {
                continue;
            }
            self.value_places.push(block.get(key).unwrap().span);
            list.iter().for_each(|v| self.value_element(v));
        }
    }

    /// A value of a result, and where it stands.
    pub fn value_at(&mut self, v: &'a Value) {
        if !v.is_null() {
            self.value_places.push(v.span);
            self.value(v);
        }
    }

    /// What is read from here on is the value of a result.
    pub fn start_value(&mut self) {
        self.value_start = (self.out.counted.len(), self.out.media);
        self.value_places.clear();
    }

    pub fn finish_value(&mut self, result: &mut NaiveResult) {
        let (texts, media) = self.value_start;
        result.values = std::mem::take(&mut self.value_places);
        result.texts = self.out.counted[texts..].to_vec();
        result.media = self.out.media - media;
    }

    /// "a string as it is; an array is read as blocks, and so is an object of a known kind"
    pub fn value(&mut self, v: &'a Value) {
        match &v.node {
            Node::Null => {}
            Node::Text(s) => self.text(s, Within::Result),
            Node::List(list) => list.iter().for_each(|v| self.value_element(v)),
            _ => self.value_element(v),
        }
    }

    fn value_element(&mut self, v: &'a Value) {
        if !v.is_object() {
            return self.block(v, Within::Result);
        }
        // "(`{type,value}`: its value; `{json: v}`: the JSON text of `v`)"
        if v.text("type").is_some()
            && let Some(value) = v.get("value")
        {
            return self.value(value);
        }
        if v.text("type").is_none()
            && let Some(json) = v.get("json")
        {
            return self.text(&json.raw, Within::Result);
        }
        self.block(v, Within::Result);
    }
}
