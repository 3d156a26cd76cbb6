//! The role of a message.

use super::fields::Fields;
use super::vocabulary::{self as words, Kind};
use crate::conversation::facts::Class;
use crate::conversation::json::{Document, JsonError, NodeId};
use crate::conversation::message::{MAX_ROLE_BYTES, Refusal};

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role<'a> {
    /// What counts of it: the role as it is written, else the word of its class.
    pub text: &'a str,
    /// What it means.
    pub class: Class,
}

impl<'a> Role<'a> {
    /// The role of a class.
    pub fn of(class: Class) -> Self {
        Self {
            text: words::word(class),
            class,
        }
    }

    /// A role that is written out, by whatever key.
    fn written(text: &'a str) -> Self {
        Self {
            text,
            class: words::class(text),
        }
    }

    /// A role that only its meaning counts of, unless it has none.
    fn named(text: &'a str) -> Self {
        match words::class(text) {
            Class::Other => Self::written(text),
            class => Self::of(class),
        }
    }

    /// The role under `role`, if there is one.
    ///
    /// # Errors
    /// It is no role, or longer than [`MAX_ROLE_BYTES`].
    #[inline]
    pub fn given(doc: &Document<'a>, fields: &Fields<'_, 'a>) -> Result<Option<Self>, Refusal> {
        let Some(id) = fields.get(&words::ROLE) else {
            return Ok(None);
        };
        match doc.string(id) {
            Some(text) if text.len() <= MAX_ROLE_BYTES => Ok(Some(Self::written(text))),
            _ => Self::unusual(doc, id).map(Some),
        }
    }

    /// The role that is an object, or why there is none.
    #[inline(never)]
    fn unusual(doc: &Document<'a>, id: NodeId) -> Result<Self, Refusal> {
        let role = match doc.string(id) {
            Some(text) => Self::written(text),
            None => {
                let value = Fields::of(doc, id).string(&words::ROLE_VALUE);
                Self::named(value.ok_or_else(|| {
                    JsonError(format!("`role` must be a string, found {}", doc.kind(id)))
                })?)
            }
        };
        if role.text.len() > MAX_ROLE_BYTES {
            return Err(JsonError(format!(
                "`role` is {} bytes long, at most {MAX_ROLE_BYTES} are allowed",
                role.text.len()
            )));
        }
        Ok(role)
    }

    /// The role by the keys of one framework each: Spring AI, pydantic-ai, and those that name it in `type`.
    pub fn by_shape(doc: &Document<'a>, fields: &Fields<'_, 'a>) -> Option<Self> {
        if let Some(role) = fields.string(&words::MESSAGE_TYPE) {
            return Some(Self::named(role)).filter(|role| role.text.len() <= MAX_ROLE_BYTES);
        }
        match fields.string(&words::REQUEST_OR_RESPONSE) {
            Some("request") => return Some(Self::of(request_class(doc, fields))),
            Some("response") => return Some(Self::of(Class::Assistant)),
            _ => {}
        }
        let kind = fields.string(&words::TYPE)?;
        let class = words::class(kind);
        if class == Class::Other || !fields.has_any_key(HAS_CONTENT) {
            return None;
        }
        match Self::by_speaker(fields) {
            Some(role) if words::is_by_source(kind) => Some(role),
            _ => Some(Self::of(class)),
        }
    }

    /// The role by who speaks: `source` in AutoGen, `author` in Google's ADK.
    pub fn by_speaker(fields: &Fields<'_, 'a>) -> Option<Self> {
        let speaker = fields.string(&words::SPEAKER)?;
        Some(Self::of(match speaker {
            "user" => Class::User,
            _ => Class::Assistant,
        }))
    }
}

/// Where `type` may name a role: there are content, calls or results.
const HAS_CONTENT: u128 = words::PARTS.mask
    | words::STRINGS.mask
    | words::CALL_LISTS.mask
    | words::FUNCTION_CALL.mask
    | words::RESPONSES.mask
    | words::RESULT_ID.mask
    | words::EXTRAS.mask;

/// pydantic-ai: a request is user if it has a user prompt, tool if it has only results, system if it has only system
/// prompts.
fn request_class(doc: &Document<'_>, fields: &Fields<'_, '_>) -> Class {
    let parts = fields
        .all(&words::PARTS)
        .find(|&parts| doc.has_elements(parts));
    let (mut results, mut system) = (false, false);
    for part in parts.into_iter().flat_map(|parts| doc.elements(parts)) {
        let part = Fields::of(doc, part);
        let word = part.string(&words::KIND).unwrap_or_default();
        match words::kind(word) {
            Some(Kind::Result) => results = true,
            Some(Kind::Retry) if part.string(&words::CALL_NAME).is_some() => results = true,
            _ if word == "system-prompt" => system = true,
            _ => return Class::User,
        }
    }
    match (results, system) {
        (true, _) => Class::Tool,
        (false, true) => Class::System,
        (false, false) => Class::User,
    }
}
