//! Blocks of text, documents and media.

use super::content::{Reader, Within};
use super::json::{Node, Value};
use super::kinds::{Block, Kind};
use super::unread::is_base64;

impl<'a> Reader<'a> {
    pub fn media_block(&mut self, block: &Block, within: Within) {
        let holders = ["input_audio", "audio"]
            .iter()
            .filter_map(|key| block.get(key));
        let has_data =
            block.get("data").is_some() || holders.into_iter().any(|v| v.get("data").is_some());
        let transcript = block
            .text(&["transcript"])
            .or_else(|| block.get("audio")?.text("transcript").map(str::to_string));
        // "A transcript beside audio counts; the part itself only if it has `data` or no transcript"
        let is_audio = block.word.to_lowercase().contains("audio");
        match transcript.filter(|t| is_audio && !t.is_empty()) {
            Some(transcript) => {
                self.text(&transcript, within);
                if has_data {
                    self.media(within);
                }
            }
            None => self.media(within),
        }
    }

    /// "text of a block"
    pub fn text_block(&mut self, block: &Block<'a>, within: Within) {
        let mut seen: Vec<String> = vec![];
        let mut keys = vec![
            "text",
            "content",
            "thinking",
            "thought",
            "reasoning",
            "reasoning_text",
            "reasoning_content",
            "refusal",
            "transcript",
            "input_text",
            "code",
            "logs",
            "stdout",
            "stderr",
            "summary",
            "details",
            "reasoningText",
        ];
        if block.kind == Kind::CodeResult {
            keys.push("output");
        }
        if block.kind == Kind::SearchResult {
            keys.extend(["title", "source", "context", "name"]);
        }
        for key in keys {
            let Some(v) = block.get(key) else { continue };
            match &v.node {
                Node::Text(text) if !seen.contains(text) => {
                    self.text(text, within);
                    seen.push(text.clone());
                }
                Node::List(list) => list.iter().for_each(|b| self.block(b, within)),
                Node::Object(_) => {
                    // "`text` (string or `{value}`)", `reasoningText.text`, `guardContent.text.text`
                    let text = ["value", "text"].iter().find_map(|k| v.text(k));
                    if let Some(text) = text {
                        self.text(text, within);
                    } else if key == "content" {
                        self.block(v, within);
                    }
                }
                _ => {}
            }
        }
    }

    /// "A document with text in it is text."
    pub fn document(&mut self, block: &Block<'a>, within: Within) {
        let source = block.get("source").filter(|s| s.is_object());
        let data = block.get("data");
        let typed = |v: Option<&Value>| {
            let keys = ["media_type", "mediaType", "mimeType", "mime_type"];
            v.is_some_and(|v| {
                keys.iter()
                    .any(|k| v.text(k).is_some_and(|t| t.starts_with("text/")))
            })
        };
        let mut text = false;
        for v in [
            block.get("text"),
            block.get("content"),
            source.and_then(|s| s.get("text")),
            source.and_then(|s| s.get("content")),
            // "`source.data` or `data` of a text document"
            source
                .filter(|s| s.text("type") == Some("text") || typed(Some(s)))
                .and_then(|s| s.get("data")),
            // Without a media type, a string is text unless it may be base64.
            data.filter(|d| {
                let typed_text = block.bodies.iter().any(|b| typed(Some(b)));
                let keys = [
                    "media_type",
                    "mediaType",
                    "mimeType",
                    "mime_type",
                    "document_mimetype",
                ];
                let untyped = !keys.iter().any(|k| block.get(k).is_some());
                d.as_str().is_some_and(|d| {
                    // Cohere's `document.data` is text, unless it is long base64.
                    let cohere = block.get("document").is_some_and(Value::is_object);
                    let text = !is_base64(d) || (cohere && d.len() <= 256);
                    typed_text || (untyped && text)
                })
            }),
        ]
        .into_iter()
        .flatten()
        {
            match &v.node {
                Node::Text(s) => self.text(s, within),
                Node::List(list) => list.iter().for_each(|b| self.block(b, within)),
                _ => continue,
            }
            text = true;
        }
        // "a document's `data` that is an object: its JSON text"
        if let Some(data) = data.filter(|d| d.is_object()) {
            self.text(&data.raw, within);
            text = true;
        }
        // "titles, sources, contexts and names of documents and search results"
        for key in ["title", "source", "context", "name"] {
            if let Some(s) = block.get(key).and_then(Value::as_str) {
                self.text(s, within);
            }
        }
        if !text {
            self.media(within);
        }
    }
}
