//! What one message says, and what of it counts.

use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveRead {
    /// `openai`, `anthropic` (role and tool or thinking blocks), `langchain`, `responses` (top-level `type`, no `data`).
    pub dialect: &'static str,
    pub role: String,
    pub opens: Vec<String>,
    pub answers: Vec<String>,
    /// The message is a tool result, whether or not it names a call.
    pub is_answer: bool,
    pub id: Option<String>,
    /// Every counted string: role, texts, name, call names and arguments.
    pub counted: Vec<String>,
    /// 3, and 1 per name, and 1 per call.
    pub fixed: u64,
    pub media: u64,
    /// A Responses item of type `reasoning`.
    pub is_reasoning: bool,
    /// A Responses item whose type ends in `_call`.
    pub is_call_item: bool,
}

impl NaiveRead {
    /// "Responses items (top-level `type`, no `data`)"
    pub fn is_item(&self) -> bool {
        self.dialect == "responses"
    }

    /// "(roles system, developer)"
    pub fn is_system(&self) -> bool {
        self.role == "system" || self.role == "developer"
    }

    /// "(role user, answering no call)"
    pub fn is_user(&self) -> bool {
        self.role == "user" && !self.is_answer
    }
}

/// "Media parts are ..."
const MEDIA: [&str; 9] = [
    "image_url",
    "input_image",
    "image",
    "input_audio",
    "audio",
    "file",
    "input_file",
    "document",
    "video",
];

fn string(o: &Map<String, Value>, key: &str) -> Option<String> {
    o.get(key).and_then(Value::as_str).map(str::to_string)
}

fn array<'a>(o: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    o.get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

pub fn read(json: &str) -> Result<NaiveRead, String> {
    // "128 nested containers are taken, the message itself the first." (serde_json itself stops at 127.)
    if depth(json) > 128 {
        return Err("nested deeper than 128".into());
    }
    let value: Value =
        serde_json::from_str(&pair_surrogates(json)).map_err(|e| format!("not JSON: {e}"))?;
    let Value::Object(top) = value else {
        return Err("not an object".into());
    };

    let item_type = string(&top, "type");
    let data = top.get("data").and_then(Value::as_object);
    let mut m = NaiveRead {
        dialect: "openai",
        role: String::new(),
        opens: vec![],
        answers: vec![],
        is_answer: false,
        id: string(&top, "id"),
        counted: vec![],
        fixed: 3,
        media: 0,
        is_reasoning: false,
        is_call_item: false,
    };

    // The rows of the table, in its order; a `role` decides before a `type` does.
    if let Some(role) = top.get("role") {
        m.role = role.as_str().ok_or("role is not a string")?.to_string();
        if item_type.is_some() && !top.contains_key("data") {
            m.dialect = "responses";
        }
        m.read_chat(&top);
    } else if let (Some(kind), Some(data)) = (&item_type, data) {
        m.dialect = "langchain";
        m.role = match kind.as_str() {
            "human" => "user".into(),
            "ai" => "assistant".into(),
            "system" | "tool" | "function" => kind.clone(),
            "chat" => string(data, "role").ok_or("chat without data.role")?,
            other => return Err(format!("unknown type {other}")),
        };
        m.id = string(data, "id");
        m.read_langchain(data);
    } else if let Some(kind) = item_type.filter(|_| !top.contains_key("data")) {
        m.dialect = "responses";
        m.read_item(&kind, &top)?;
    } else {
        return Err("no role and no known type".into());
    }
    if m.role.len() > 64 {
        return Err("role over 64 bytes".into());
    }
    m.counted.insert(0, m.role.clone());
    Ok(m)
}

impl NaiveRead {
    /// OpenAI chat and Anthropic, and Responses items of type `message`.
    fn read_chat(&mut self, top: &Map<String, Value>) {
        self.content(top.get("content"), true);
        // "`content` string, or its parts' `text`; `refusal`"
        self.counted.extend(string(top, "refusal"));
        self.name(top);
        // "`tool_calls[].id`"
        for call in array(top, "tool_calls").iter().filter_map(Value::as_object) {
            self.opens.extend(string(call, "id"));
            let of = |key: &str| call.get(key).and_then(Value::as_object);
            if let Some(f) = of("function") {
                self.call(string(f, "name"), f.get("arguments"));
            } else if let Some(c) = of("custom") {
                // "Custom tool calls (`custom.name`, `custom.input` ...)"
                self.call(string(c, "name"), c.get("input"));
            } else {
                self.call(None, None);
            }
        }
        // "legacy `function_call`/role `function` is counted but pairs nothing"
        if let Some(f) = top.get("function_call").and_then(Value::as_object) {
            self.call(string(f, "name"), f.get("arguments"));
        }
        // "`role` is `tool`: `tool_call_id`"
        if self.role == "tool" {
            self.is_answer = true;
            self.answers.extend(string(top, "tool_call_id"));
        }
    }

    fn read_langchain(&mut self, data: &Map<String, Value>) {
        // "A `tool_result` block in LangChain content is counted and answers nothing."
        // "`tool_use` blocks that repeat them are neither counted nor opened."
        self.content(data.get("content"), false);
        self.name(data);
        // "In LangChain calls are those of `data.tool_calls`"
        for call in array(data, "tool_calls")
            .iter()
            .filter_map(Value::as_object)
        {
            self.opens.extend(string(call, "id"));
            self.call(string(call, "name"), call.get("args"));
        }
        if self.role == "tool" {
            self.is_answer = true;
            self.answers.extend(string(data, "tool_call_id"));
        }
    }

    /// A Responses item without `role`.
    fn read_item(&mut self, kind: &str, top: &Map<String, Value>) -> Result<(), String> {
        // "`{"type":"message"}` without a role is refused."
        if kind == "message" {
            return Err("message item without a role".into());
        }
        // "`function_call_output`: tool; any other type: assistant"; "other `..._call` with their `..._output`, role tool"
        self.is_answer = kind.ends_with("_call_output");
        self.role = if self.is_answer { "tool" } else { "assistant" }.into();
        self.is_reasoning = kind == "reasoning";
        self.is_call_item = kind.ends_with("_call");
        // "parts' `text`; `output`; `summary[].text`"
        self.content(top.get("content"), false);
        self.content(top.get("output"), false);
        self.counted.extend(
            array(top, "summary")
                .iter()
                .filter_map(|s| string(s.as_object()?, "text")),
        );
        if self.is_call_item {
            // "pair by `call_id` like function calls, and without one open nothing"
            self.opens.extend(string(top, "call_id"));
            // "the `name` of a call item counts once, as the call's"
            let arguments = if kind == "custom_tool_call" {
                top.get("input")
            } else {
                top.get("arguments")
            };
            self.call(string(top, "name"), arguments);
        } else {
            self.name(top);
        }
        if self.is_answer {
            self.answers.extend(string(top, "call_id"));
        }
        Ok(())
    }

    /// "(1 + E(name)  if `name` is given; in LangChain data.name)"
    fn name(&mut self, o: &Map<String, Value>) {
        if let Some(name) = string(o, "name") {
            self.counted.push(name);
            self.fixed += 1;
        }
    }

    /// "sum over calls (E(call name) + E(call arguments) + 1)"
    fn call(&mut self, name: Option<String>, arguments: Option<&Value>) {
        self.fixed += 1;
        self.counted.extend(name);
        match arguments {
            // "(a string as it is; an object as its JSON text, verbatim)": compact JSON is assumed here.
            Some(Value::String(s)) => self.counted.push(s.clone()),
            Some(object @ Value::Object(_)) => {
                self.counted.push(serde_json::to_string(object).unwrap())
            }
            _ => {}
        }
    }

    /// A content: a string, or parts. `blocks`: Anthropic's tool blocks mean something here.
    fn content(&mut self, content: Option<&Value>, blocks: bool) {
        let parts = match content {
            Some(Value::String(s)) => return self.counted.push(s.clone()),
            Some(Value::Array(parts)) => parts,
            // "content of any other JSON type counts nothing"
            _ => return,
        };
        for part in parts {
            // "A bare string in a content array is text"
            if let Value::String(s) = part {
                self.counted.push(s.clone());
            }
            let Value::Object(part) = part else { continue };
            let kind = string(part, "type").unwrap_or_default();
            self.counted.extend(string(part, "text"));
            // "media-tokens * number of image, audio, file and document parts (never their base64)"
            if MEDIA.contains(&kind.as_str()) {
                self.media += 1;
            }
            match kind.as_str() {
                "thinking" => {
                    self.counted.extend(string(part, "thinking"));
                    self.anthropic(blocks);
                }
                // "a part of type `refusal` counts its `refusal`"
                "refusal" => self.counted.extend(string(part, "refusal")),
                "tool_use" if blocks => {
                    self.opens.extend(string(part, "id"));
                    self.call(string(part, "name"), part.get("input"));
                    self.anthropic(blocks);
                }
                "tool_result" => {
                    // "(its `content` counts as text)"; media "also inside tool results"
                    self.content(part.get("content"), false);
                    if blocks {
                        self.is_answer = true;
                        self.answers.extend(string(part, "tool_use_id"));
                        self.anthropic(blocks);
                    }
                }
                _ => {}
            }
        }
    }

    fn anthropic(&mut self, blocks: bool) {
        if blocks && self.dialect == "openai" {
            self.dialect = "anthropic";
        }
    }
}

/// The deepest nesting of containers outside strings.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for c in json.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '{' | '[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            '}' | ']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// "An unpaired `\uD8xx` counts as U+FFFD.": replaces such escapes, which serde_json refuses.
fn pair_surrogates(json: &str) -> String {
    let chars: Vec<char> = json.chars().collect();
    let unit = |at: usize| -> Option<u32> {
        if chars.get(at) != Some(&'\\') || chars.get(at + 1) != Some(&'u') {
            return None;
        }
        let hex: String = chars.get(at + 2..at + 6)?.iter().collect();
        hex.chars()
            .all(|c| c.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(&hex, 16).unwrap())
    };
    let is_low = |u: Option<u32>| u.is_some_and(|u| (0xDC00..0xE000).contains(&u));
    let mut out = String::new();
    let mut i = 0;
    while i < chars.len() {
        let taken = match unit(i) {
            Some(0xD800..0xDC00) if is_low(unit(i + 6)) => 12,
            Some(0xD800..0xE000) => {
                out.push_str("\\uFFFD");
                i += 6;
                continue;
            }
            Some(_) => 6,
            // An escaped backslash must not be read as the start of the next escape.
            None if chars[i] == '\\' => 2,
            None => 1,
        };
        out.extend(&chars[i..(i + taken).min(chars.len())]);
        i += taken;
    }
    out
}
