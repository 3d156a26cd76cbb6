//! Reads a message from its place: content, then calls and results wherever they stand, then texts beside the content.

use super::calls::add_result;
use super::json::{Node, Value};
use super::kinds::*;
use super::message::NaiveRead;
use super::place::Place;
use super::unread::unread_text;

/// What a text is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Message,
    Result,
}

pub struct Reader<'a> {
    pub out: NaiveRead,
    pub top: &'a Value,
    pub place: &'a Place<'a>,
    /// Ids of calls that stand in a list beside the content: blocks that repeat them count nothing.
    pub listed: Vec<String>,
    /// Opaque data was found.
    pub opaque: bool,
    /// Of the result that is being read: what had counted before its value, and where its values stand.
    pub value_start: (usize, u64),
    pub value_places: Vec<(usize, usize)>,
}

impl<'a> Reader<'a> {
    pub fn new(top: &'a Value, place: &'a Place<'a>) -> Self {
        Reader {
            out: NaiveRead::new(top, place),
            top,
            place,
            listed: vec![],
            opaque: false,
            value_start: (0, 0),
            value_places: vec![],
        }
    }

    pub fn read(mut self) -> NaiveRead {
        let item_is_read = self.read_item();
        let found = item_is_read || {
            self.read_call_lists();
            let content = self.read_content();
            self.read_beside();
            content
        };
        let nothing_else = self.out.counted[1..].iter().all(String::is_empty)
            && self.out.calls.is_empty()
            && self.out.results.is_empty()
            && self.out.media == 0;
        if !found {
            self.read_whole();
        } else if self.opaque && nothing_else {
            // "an item or message with nothing else than opaque data is one media part"
            self.out.media += 1;
            self.out.own_text = true;
        }
        // "the `name` of a call item is counted once, as part of the call"
        if !self.out.is_call_item {
            self.name();
        }
        self.out
    }

    // ---- what counts -----------------------------------------------------------------------------------------------

    pub fn text(&mut self, text: &str, within: Within) {
        self.out.own_text |= within == Within::Message && !text.is_empty();
        self.out.counted.push(text.to_string());
    }

    pub fn media(&mut self, within: Within) {
        self.out.own_text |= within == Within::Message;
        self.out.media += 1;
    }

    /// "Unread content counts in full."
    pub fn unread(&mut self, v: &Value, within: Within) {
        let (text, media) = unread_text(v);
        self.out.media += media;
        if within == Within::Message {
            self.out.own_text = true;
            // "the flag is set only if anything else of the content counted as JSON text"
            self.out.unread |= text != "\"\"";
        }
        self.out.counted.push(text);
    }

    /// "(1 + E(name)  if `name` is given; LangChain: data.name)"
    fn name(&mut self) {
        if let Some(name) = self.place.outer.text("name") {
            self.out.name = Some(name.to_string());
            self.out.counted.push(name.to_string());
            self.out.fixed += 1;
        }
    }

    /// "A wholly unread message counts E(role) and its JSON text, on top of any calls it has."
    fn read_whole(&mut self) {
        let calls: usize = self.out.calls.len();
        let kept: Vec<String> = self.out.calls[..calls]
            .iter()
            .flat_map(|c| [c.name.clone(), c.arguments.clone()])
            .flatten()
            .collect();
        self.out.counted.truncate(1);
        self.out.counted.extend(kept);
        self.out.media = 0;
        let top = self.top;
        self.unread(top, Within::Message);
    }

    // ---- content ---------------------------------------------------------------------------------------------------

    /// False if there is no content of any known spelling, and nothing that makes up for it.
    fn read_content(&mut self) -> bool {
        let inner = self.place.inner;
        // "the first of these that is a non-empty array is read"
        let array = ARRAYS
            .iter()
            .filter_map(|key| inner.field(key))
            .find(|v| v.as_list().is_some_and(|list| !list.is_empty()));
        let blocks = array.and_then(Value::as_list).unwrap_or(&[]);
        // "else the first of `content`, `text`, `message` that is a string; the others count nothing"
        let mut strings = STRINGS.iter().filter_map(|key| inner.get(key));
        let string = strings.find(|v| v.as_str().is_some());

        let is_tool = self.out.class == Class::Tool && self.place.item.is_none();
        let special = |v: &Value| {
            let block = Block::of(v);
            let retry = block.kind == Kind::Retry && block.get("tool_name").is_some();
            v.is_object() && (block.kind == Kind::Result || block.kind == Kind::Approval || retry)
        };
        let responses = inner.list("responses");
        if is_tool && !blocks.iter().any(special) && responses.is_empty() {
            self.read_tool_message(array, string);
            return true;
        }
        for block in blocks {
            self.block(block, Within::Message);
        }
        if array.is_none()
            && let Some(text) = string.and_then(Value::as_str)
        {
            self.text(text, Within::Message);
        }
        if is_tool {
            for response in responses {
                add_result(self, &Block::of_result(response), Some(response.span));
            }
        }
        if array.is_some() || string.is_some() || !self.out.results.is_empty() {
            return true;
        }
        // "Content that is null, `""`, `[]` [...] is content and counts nothing"
        let objects = ARRAYS
            .iter()
            .chain(&STRINGS)
            .filter_map(|key| inner.field(key));
        let mut empty = false;
        for v in objects {
            match &v.node {
                Node::Object(_) => return false,
                Node::Null | Node::List(_) => empty = true,
                _ => {}
            }
        }
        // "or absent beside calls or results"
        empty || !self.out.calls.is_empty() || self.has_beside()
    }

    /// "messages of role tool": the message is the result.
    fn read_tool_message(&mut self, array: Option<&'a Value>, string: Option<&'a Value>) {
        let inner = self.place.inner;
        self.start_value();
        match array.or(string) {
            Some(value) => self.value_at(value),
            None => self.values(&Block::of_result(inner)),
        }
        let block = Block::of_result(inner);
        add_result(self, &block.without_values(), None);
    }

    pub fn block(&mut self, v: &'a Value, within: Within) {
        match &v.node {
            // "a null element counts nothing"
            Node::Null => return,
            // "A bare string in a content array is text."
            Node::Text(text) => return self.text(text, within),
            Node::Object(_) => {}
            _ => return self.unread(v, within),
        }
        let block = Block::of(v);
        match block.kind {
            Kind::Text | Kind::SearchResult | Kind::CodeResult => self.text_block(&block, within),
            Kind::Document => self.document(&block, within),
            Kind::Retry if block.get("tool_name").is_none() => self.text_block(&block, within),
            Kind::Result | Kind::Retry if within == Within::Message => {
                // "A `tool_result` block in LangChain content is counted and answers nothing."
                if self.place.is_langchain && block.word == "tool_result" {
                    let before = self.out.counted.len();
                    self.values(&block);
                    self.out.own_text |= self.out.counted[before..].iter().any(|t| !t.is_empty());
                } else {
                    add_result(self, &block, Some(v.span));
                }
            }
            Kind::Call | Kind::ApprovalRequest | Kind::Invocation if within == Within::Message => {
                self.call_block(&block);
            }
            Kind::Media | Kind::Data => self.media_block(&block, within),
            Kind::Nothing => {}
            Kind::Redacted => self.opaque = true,
            Kind::Approval => {
                self.out.approvals += 1;
                // "their `reason` counts"
                if let Some(reason) = block.text(&["reason"]) {
                    self.out.counted.push(reason);
                }
            }
            _ => self.unread(v, within),
        }
        self.opaque |= block
            .text(&["encrypted_content"])
            .is_some_and(|s| !s.is_empty())
            && block.kind == Kind::Text;
    }

    // ---- beside the content ----------------------------------------------------------------------------------------

    fn beside_texts(&self) -> Vec<&'a str> {
        let inner = self.place.inner;
        let mut keys = vec![
            "reasoning_content",
            "reasoning",
            "thinking",
            "thought",
            "tool_plan",
            "refusal",
        ];
        if self.place.is_pydantic {
            keys.push("instructions");
        }
        let mut texts: Vec<&str> = keys.iter().filter_map(|key| inner.text(key)).collect();
        texts.extend(inner.object("audio").and_then(|a| a.text("transcript")));
        texts
    }

    fn beside_media(&self) -> usize {
        let inner = self.place.inner;
        let lists = ["images", "media", "experimental_attachments"];
        let parts = lists
            .iter()
            .flat_map(|key| inner.list(key))
            .filter(|v| !v.is_null())
            .count();
        let audio = inner.object("audio").is_some_and(|a| {
            a.get("data").is_some() || a.text("transcript").is_none_or(str::is_empty)
        });
        parts + usize::from(audio)
    }

    fn has_beside(&self) -> bool {
        !self.beside_texts().is_empty() || self.beside_media() > 0
    }

    fn read_beside(&mut self) {
        // A message that is a result has no text of its own: it cannot be returned without the result.
        let is_result = self
            .out
            .results
            .iter()
            .any(|r| r.span.is_none() && !r.closed);
        let within = if is_result {
            Within::Result
        } else {
            Within::Message
        };
        for text in self.beside_texts() {
            self.text(text, within);
        }
        for _ in 0..self.beside_media() {
            self.media(within);
        }
    }
}
