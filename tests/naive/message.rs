//! What one message says, and what of it counts.

use super::content::Reader;
use super::json::Value;
use super::kinds::Class;
use super::place::{Place, find_place};

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveCall {
    /// "anything but a non-empty string is no id"
    pub id: Option<String>,
    /// The other id of a `local_shell_call`.
    pub item_id: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<String>,
    /// It has to be answered by another message.
    pub opens: bool,
    /// Its result stands in the same message.
    pub closed: bool,
    /// "answered by the `approval_request_id` of `mcp_approval_response`, and by nothing else"
    pub approval: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct NaiveResult {
    pub id: Option<String>,
    pub name: Option<String>,
    /// Its call stands in the same message.
    pub closed: bool,
    pub approval: bool,
    /// "`local_shell_call_output` answers the call whose `call_id` or `id` its `id` is."
    pub by_item_id: bool,
    /// Where it stands, if it is a block that can be removed.
    pub span: Option<(usize, usize)>,
    /// Where its values stand, and what of them counts.
    pub values: Vec<(usize, usize)>,
    pub texts: Vec<String>,
    pub media: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveRead {
    /// `langchain` (`type` and object `data`), `item` (top-level `type`, no `data`), `other`.
    pub dialect: &'static str,
    pub class: Class,
    /// The word of which E(role) is taken.
    pub role: String,
    pub calls: Vec<NaiveCall>,
    pub results: Vec<NaiveResult>,
    pub id: Option<String>,
    /// Every counted string: role, texts, name, call names and arguments.
    pub counted: Vec<String>,
    /// The `name` that is among them with 1 more.
    pub name: Option<String>,
    /// 3, and 1 per name, and 1 per call.
    pub fixed: u64,
    pub media: u64,
    /// "a non-empty text, a media part or unread content outside its results"
    pub own_text: bool,
    /// Approvals that open and answer nothing.
    pub approvals: u64,
    pub unread: bool,
    pub is_reasoning: bool,
    /// An item that is a call.
    pub is_call_item: bool,
    /// It has a string `type`.
    pub has_type: bool,
}

pub fn read(json: &str) -> Result<NaiveRead, String> {
    let json = json.trim_matches([' ', '\t', '\r', '\n']);
    let top = Value::parse(json)?;
    if !top.is_object() {
        return Err("not an object".into());
    }
    let place = find_place(&top)?;
    if place.role.len() > 64 {
        return Err("role over 64 bytes".into());
    }
    Ok(Reader::new(&top, &place).read())
}

impl NaiveRead {
    pub fn new(top: &Value, place: &Place) -> Self {
        let has_type = top.text("type").is_some();
        NaiveRead {
            dialect: match top.object("data") {
                // "Responses items (top-level `type`, no `data`)"
                _ if has_type && top.get("data").is_none() => "item",
                Some(_) if place.is_data => "langchain",
                _ => "other",
            },
            class: place.class,
            role: place.role.clone(),
            calls: vec![],
            results: vec![],
            // The `id` of these is that of the call that they answer.
            id: place.id.clone().filter(|_| {
                !matches!(
                    top.text("type"),
                    Some("local_shell_call_output" | "TOOL_EXECUTION_RESULT")
                )
            }),
            counted: vec![place.role.clone()],
            name: None,
            fixed: 3,
            media: 0,
            own_text: false,
            approvals: 0,
            unread: false,
            is_reasoning: has_type
                && top.get("data").is_none()
                && top.text("type") == Some("reasoning"),
            is_call_item: false,
            has_type,
        }
    }

    pub fn is_item(&self) -> bool {
        self.dialect == "item"
    }

    /// "Leading system messages [...] (roles system, developer; not those that open or answer calls)"
    pub fn is_system(&self) -> bool {
        self.class == Class::System && self.calls.is_empty() && self.results.is_empty()
    }

    /// "(role user, answering no call)", as far as the message itself tells.
    pub fn is_user(&self) -> bool {
        self.class == Class::User && self.results.is_empty()
    }

    /// "for sections 6 and 7": "A message of role user that holds results is `tool`".
    pub fn class_in_log(&self) -> Class {
        match self.class {
            Class::User if !self.results.is_empty() => Class::Tool,
            class => class,
        }
    }

    /// Calls that other messages have to answer.
    pub fn opens(&self) -> impl Iterator<Item = &NaiveCall> {
        self.calls.iter().filter(|c| c.opens && !c.closed)
    }

    /// Results of calls of other messages.
    pub fn answers(&self) -> impl Iterator<Item = &NaiveResult> {
        self.results.iter().filter(|r| !r.closed)
    }

    pub fn is_answer(&self) -> bool {
        self.answers().next().is_some()
    }

    /// "A message that holds only approvals belongs to the open turn."
    pub fn is_approval(&self) -> bool {
        self.approvals > 0
            && !self.own_text
            && self.calls.is_empty()
            && self.results.is_empty()
            && self.media == 0
    }

    /// What comes back of a message whose results are orphans and that has text of its own.
    pub fn edited(&self, json: &str) -> String {
        let spans: Vec<(usize, usize)> = self.answers().filter_map(|r| r.span).collect();
        Value::parse(json).unwrap().without(&spans)
    }
}

/// Which of the open calls a result answers (rule 3). Calls are in the order in which they were opened.
pub fn answered(open: &[NaiveCall], result: &NaiveResult) -> Option<usize> {
    // "by the `approval_request_id` of `mcp_approval_response`, and by nothing else"
    let usable: Vec<usize> = (0..open.len())
        .filter(|&k| open[k].approval == result.approval)
        .collect();
    let first =
        |fits: &dyn Fn(&NaiveCall) -> bool| usable.iter().copied().find(|&k| fits(&open[k]));
    if result.id.is_some() {
        // "A result *with* an id never answers a call without one."
        return first(&|c| c.id == result.id || result.by_item_id && c.item_id == result.id);
    }
    if result.approval {
        return None;
    }
    // "answers the oldest open call of its turn that has no id and, if both have a name, the same name; failing that,
    // the oldest open call without an id; failing that, the oldest open call"
    let named = |c: &NaiveCall| match (&c.name, &result.name) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    first(&|c| c.id.is_none() && named(c))
        .or_else(|| first(&|c| c.id.is_none()))
        .or_else(|| first(&|_| true))
}
