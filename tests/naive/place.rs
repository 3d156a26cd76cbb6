//! Where a message stands in what was appended, and who speaks.

use super::json::Value;
use super::kinds::*;

pub struct Place<'a> {
    /// Where calls, results and texts beside the content stand.
    pub inner: &'a Value,
    /// Where the content stands if it is not there.
    pub outer: &'a Value,
    pub class: Class,
    pub role: String,
    pub id: Option<String>,
    /// LangChain's `data`.
    pub is_data: bool,
    /// LangChain in any form.
    pub is_langchain: bool,
    /// pydantic-ai.
    pub is_pydantic: bool,
    /// The type of an item, if nothing else names the role.
    pub item: Option<String>,
}

/// The role that an object names, as written or by its class.
fn named_role(o: &Value) -> Result<Option<(Class, String)>, String> {
    // "`role` (string, or an object with string `value` or `label`)"
    if let Some(role) = o.get("role") {
        if let Some(word) = role.as_str() {
            return Ok(Some((class_of(word), word.to_string())));
        }
        let word = ["value", "label"].iter().find_map(|key| role.text(key));
        let word = word
            .filter(|_| role.is_object())
            .ok_or("role is not a string")?;
        let class = class_of(word);
        let counted = if class == Class::Other {
            word
        } else {
            class.word()
        };
        return Ok(Some((class, counted.to_string())));
    }
    let by_class = |class: Class| Some((class, class.word().to_string()));
    // "`messageType`"
    if let Some(word) = o.text("messageType") {
        let class = class_of(word);
        return Ok(match class {
            Class::Other => Some((class, word.to_string())),
            class => by_class(class),
        });
    }
    // "`kind` (pydantic-ai: `request`, `response`)"
    match o.text("kind") {
        Some("response") => return Ok(by_class(Class::Assistant)),
        Some("request") => return Ok(by_class(request_class(o))),
        _ => {}
    }
    Ok(None)
}

/// "a request is user if it has a user prompt, tool if it has only results, system if it has only system prompts"
fn request_class(o: &Value) -> Class {
    let (mut user, mut results, mut system) = (0, 0, 0);
    for part in o.list("parts") {
        let block = Block::of(part);
        match (block.kind, block.word.as_str()) {
            (Kind::Result, _) => results += 1,
            // "`retry-prompt` (pydantic-ai, with `tool_name`; without it user text)"
            (Kind::Retry, _) if block.get("tool_name").is_some() => results += 1,
            (_, "system-prompt") => system += 1,
            _ => user += 1,
        }
    }
    match (user, results, system) {
        (0, 1.., 0) => Class::Tool,
        (0, 0, 1..) => Class::System,
        _ => Class::User,
    }
}

/// "AutoGen's TextMessage, [...] by `source`"
fn by_source(o: &Value) -> Option<Class> {
    let source = o.text("source").or_else(|| o.text("author"))?;
    Some(if source == "user" {
        Class::User
    } else {
        Class::Assistant
    })
}

/// "where they name a role and there is content, calls or results"
fn has_content(o: &Value) -> bool {
    let keys = [
        "parts",
        "blocks",
        "contents",
        "items",
        "content",
        "text",
        "message",
        "tool_calls",
        "toolCalls",
        "toolInvocations",
        "toolExecutionRequests",
        "invalid_tool_calls",
        "function_call",
        "responses",
    ];
    keys.iter().any(|key| o.field(key).is_some())
        || o.object("additional_kwargs").is_some_and(|more| {
            more.get("tool_calls").is_some() || more.get("function_call").is_some()
        })
}

pub fn find_place(top: &Value) -> Result<Place<'_>, String> {
    let kind = top.text("type");
    let id = |o: &Value| o.text("id").filter(|id| !id.is_empty()).map(str::to_string);
    let mut place = Place {
        inner: top,
        outer: top,
        class: Class::Assistant,
        role: Class::Assistant.word().into(),
        id: id(top),
        is_data: false,
        is_langchain: false,
        is_pydantic: false,
        item: None,
    };
    let role = named_role(top)?;

    // "`content` if it is an object with `parts` (ADK, Mastra)"
    if let Some(content) = top.object("content").filter(|c| c.field("parts").is_some()) {
        place.inner = content;
    } else if role.is_none() {
        if let (Some(kind), Some(data)) = (kind, top.object("data")) {
            return langchain_data(place, kind, data);
        }
        // "`kwargs` (LangChain `lc`)"
        if let Some(kwargs) = top.object("kwargs").filter(|_| top.get("lc").is_some()) {
            return constructor(place, top, kwargs);
        }
    }
    // "`message` if it is an object with a role or content (envelopes, transcripts)"
    let is_message = |m: &&Value| m.get("role").is_some() || has_content(m);
    if place.outer.get("content").is_none()
        && let Some(message) = top.object("message").filter(is_message)
    {
        place.outer = message;
        place.inner = message;
        if let Some(content) = message
            .object("content")
            .filter(|c| c.field("parts").is_some())
        {
            place.inner = content;
        }
    }
    place.is_pydantic = ["request", "response"].contains(&place.inner.text("kind").unwrap_or(""));

    // Who speaks: the innermost object that says it.
    for o in [place.inner, place.outer, top] {
        if let Some((class, word)) = named_role(o)? {
            (place.class, place.role) = (class, word);
            return Ok(place);
        }
    }
    if kind == Some("remove") || kind == Some("RemoveMessage") {
        return Err("RemoveMessage is no message".into());
    }
    for o in [place.outer, top] {
        let Some(word) = o.text("type") else { continue };
        if class_of(word) != Class::Other && has_content(place.outer) {
            place.class = class_of(word);
            place.role = place.class.word().into();
            place.is_langchain = true;
            return Ok(place);
        }
    }
    for o in [place.inner, place.outer, top] {
        if let Some(class) = by_source(o) {
            (place.class, place.role) = (class, class.word().into());
            return Ok(place);
        }
    }
    match kind {
        None => Err("no role and no known type".into()),
        // "`{"type":"message"}` without a role is rejected."
        Some("message") => Err("message item without a role".into()),
        Some(kind) => {
            if is_result_item(kind) {
                (place.class, place.role) = (Class::Tool, "tool".into());
            }
            place.item = Some(kind.to_string());
            Ok(place)
        }
    }
}

/// "LangChain (`message_to_dict`) | `type` and object `data`"
fn langchain_data<'a>(
    mut place: Place<'a>,
    kind: &str,
    data: &'a Value,
) -> Result<Place<'a>, String> {
    place.inner = data;
    place.outer = data;
    place.is_data = true;
    place.is_langchain = true;
    // "(LangChain: `data.id`)"
    place.id = data
        .text("id")
        .filter(|id| !id.is_empty())
        .map(str::to_string);
    match class_of(kind) {
        Class::Other if kind == "remove" || kind == "RemoveMessage" => {
            Err("RemoveMessage is no message".into())
        }
        Class::Other => {
            // "`chat`→`data.role`"
            if let Some((class, word)) = named_role(data)? {
                (place.class, place.role) = (class, word);
            }
            Ok(place)
        }
        class => {
            (place.class, place.role) = (class, class.word().into());
            Ok(place)
        }
    }
}

/// "`type` or the last element of `id` of an `lc` object"
fn constructor<'a>(
    mut place: Place<'a>,
    top: &'a Value,
    kwargs: &'a Value,
) -> Result<Place<'a>, String> {
    place.inner = kwargs;
    place.outer = kwargs;
    place.is_langchain = true;
    place.id = kwargs
        .text("id")
        .filter(|id| !id.is_empty())
        .map(str::to_string);
    let last = top.list("id").last().and_then(Value::as_str);
    let words: Vec<&str> = [kwargs.text("type"), last].into_iter().flatten().collect();
    if words
        .iter()
        .any(|w| *w == "remove" || *w == "RemoveMessage")
    {
        return Err("RemoveMessage is no message".into());
    }
    if let Some((class, word)) = named_role(kwargs)? {
        (place.class, place.role) = (class, word);
        return Ok(place);
    }
    if let Some(word) = words.iter().find(|w| class_of(w) != Class::Other)
        && has_content(kwargs)
    {
        place.class = class_of(word);
        place.role = place.class.word().into();
        return Ok(place);
    }
    match top.text("type") {
        None => Err("no role and no known type".into()),
        // An object with a type and no role that is known: it counts whole.
        Some(_) => {
            place.inner = top;
            place.outer = top;
            place.is_langchain = false;
            Ok(place)
        }
    }
}
