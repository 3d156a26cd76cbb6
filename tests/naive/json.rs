//! JSON with the text of every value as it was written: serde_json decides what is JSON, this only takes it apart.

#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Where the value stands in the message.
    pub span: (usize, usize),
    /// Its text, byte for byte.
    pub raw: String,
    pub node: Node,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Null,
    Bool,
    Number,
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    pub fn parse(json: &str) -> Result<Value, String> {
        // "Up to 128 nested containers are accepted, the message itself being the first."
        if depth(json) > 128 {
            return Err("nested deeper than 128".into());
        }
        serde_json::from_str::<serde::de::IgnoredAny>(json)
            .map_err(|e| format!("not JSON: {e}"))?;
        let mut parser = Parser { text: json, at: 0 };
        Ok(parser.value())
    }

    pub fn is_null(&self) -> bool {
        self.node == Node::Null
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.node {
            Node::Text(s) => Some(s),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match &self.node {
            Node::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn is_object(&self) -> bool {
        matches!(self.node, Node::Object(_))
    }

    pub fn fields(&self) -> &[(String, Value)] {
        match &self.node {
            Node::Object(fields) => fields,
            _ => &[],
        }
    }

    /// The field, null or not. "Of duplicate keys the last one counts."; "Every key is also recognised with a capital
    /// first letter".
    pub fn field(&self, key: &str) -> Option<&Value> {
        let last = |key: &str| self.fields().iter().rev().find(|(k, _)| k == key);
        last(key)
            .or_else(|| last(&capitalized(key)))
            .map(|(_, v)| v)
    }

    /// "A null value is a missing field."
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.field(key).filter(|v| !v.is_null())
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    pub fn list(&self, key: &str) -> &[Value] {
        self.get(key).and_then(Value::as_list).unwrap_or(&[])
    }

    pub fn object(&self, key: &str) -> Option<&Value> {
        self.get(key).filter(|v| v.is_object())
    }

    /// The value without the elements that stand at these places; what holds none of them stays as it was written.
    pub fn without(&self, spans: &[(usize, usize)]) -> String {
        let holds = |v: &Value| {
            spans
                .iter()
                .any(|s| v.span.0 <= s.0 && s.1 <= v.span.1 && v.span != *s)
        };
        if !holds(self) {
            return self.raw.clone();
        }
        match &self.node {
            Node::List(list) => {
                let kept = list.iter().filter(|v| !spans.contains(&v.span));
                let kept: Vec<String> = kept.map(|v| v.without(spans)).collect();
                format!("[{}]", kept.join(","))
            }
            Node::Object(fields) => {
                let written: Vec<String> = fields
                    .iter()
                    .map(|(k, v)| {
                        format!("{}:{}", serde_json::to_string(k).unwrap(), v.without(spans))
                    })
                    .collect();
                format!("{{{}}}", written.join(","))
            }
            _ => self.raw.clone(),
        }
    }
}

pub fn capitalized(key: &str) -> String {
    let mut chars = key.chars();
    match chars.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(chars).collect(),
    }
}

/// Takes apart what is known to be JSON.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> u8 {
        while self.text.as_bytes()[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        self.text.as_bytes()[self.at]
    }

    fn value(&mut self) -> Value {
        let first = self.peek();
        let from = self.at;
        let node = match first {
            b'{' => {
                let mut fields = vec![];
                self.at += 1;
                while self.peek() != b'}' {
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                    self.peek();
                    let key = self.string();
                    assert_eq!(self.peek(), b':');
                    self.at += 1;
                    fields.push((key, self.value()));
                }
                self.at += 1;
                Node::Object(fields)
            }
            b'[' => {
                let mut list = vec![];
                self.at += 1;
                while self.peek() != b']' {
                    if self.peek() == b',' {
                        self.at += 1;
                    }
                    list.push(self.value());
                }
                self.at += 1;
                Node::List(list)
            }
            b'"' => Node::Text(self.string()),
            _ => {
                let rest = &self.text[self.at..];
                let end = rest
                    .find(|c: char| c == ',' || c == ']' || c == '}' || c.is_ascii_whitespace())
                    .unwrap_or(rest.len());
                self.at += end;
                match &rest[..end] {
                    "null" => Node::Null,
                    "true" | "false" => Node::Bool,
                    _ => Node::Number,
                }
            }
        };
        let span = (from, self.at);
        let raw = self.text[from..self.at].to_string();
        Value { span, raw, node }
    }

    fn string(&mut self) -> String {
        let from = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut end = from;
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.at = end + 1;
        unescaped(&self.text[from..end])
    }
}

/// "An unpaired `\uD8xx` counts as U+FFFD."
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (escape, mut taken) = (rest.as_bytes()[at + 1], 2);
        out.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = |from: usize| {
                    let hex = rest.get(from..from + 6)?.strip_prefix("\\u")?;
                    u32::from_str_radix(hex, 16).ok()
                };
                let (first, second) = (unit(at).unwrap(), unit(at + 6));
                taken = 6;
                match (first, second) {
                    (0xD800..0xDC00, Some(low @ 0xDC00..0xE000)) => {
                        taken = 12;
                        char::from_u32(0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00)).unwrap()
                    }
                    _ => char::from_u32(first).unwrap_or('\u{FFFD}'),
                }
            }
            other => char::from(other),
        });
        rest = &rest[at + taken..];
    }
    out + rest
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
