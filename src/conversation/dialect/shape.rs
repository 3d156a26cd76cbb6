//! Finds the message in the object that was sent, and what it is: its role, its form, the Responses item.

use super::content::OWN_CONTENT;
use super::fields::Fields;
use super::item::Item;
use super::role::Role;
use super::vocabulary as words;
use crate::conversation::facts::{Class, SummaryForm};
use crate::conversation::json::{Document, JsonError, NodeId};
use crate::conversation::message::Refusal;

/// Where the message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The object itself.
    Own,
    /// LangChain's `data` or `kwargs`.
    LangChain,
    /// `content`, an object with `parts` (Google ADK, Mastra); what is not there may be in the object itself.
    Content,
    /// `message`, in an envelope.
    Envelope,
}

/// A message, found.
pub struct Shape<'d, 'a> {
    /// What was parsed.
    pub doc: &'d Document<'a>,
    /// Where the message is.
    pub place: Place,
    /// The members of the message.
    pub fields: Fields<'d, 'a>,
    /// Those of the object around it, unless that is the message or all that matters of it is known.
    pub outer: Option<Fields<'d, 'a>>,
    /// Its role.
    pub role: Role<'a>,
    /// The form of a summary beside it.
    pub form: SummaryForm,
    /// The top-level `type`.
    pub kind: &'a str,
    /// It has a top-level `type`.
    pub typed: bool,
    /// It has a top-level `type` and no `data`.
    pub is_item: bool,
    /// The item that it is, if it is one.
    pub item: Item,
    /// It has a role, or is an item that is known.
    pub known: bool,
}

impl<'d, 'a> Shape<'d, 'a> {
    /// Recognises the message and hands it to `f`.
    ///
    /// # Errors
    /// It is no message.
    #[inline]
    pub fn with<R>(doc: &'d Document<'a>, f: impl FnOnce(&Self) -> R) -> Result<R, Refusal> {
        if !doc.is_object(0) {
            return Err(no_object(doc));
        }
        let mut shape = Self {
            doc,
            place: Place::Own,
            role: Role::of(Class::Assistant),
            form: SummaryForm::Base,
            kind: "",
            typed: false,
            is_item: false,
            item: Item::None,
            known: true,
            outer: None,
            fields: Fields::none(doc),
        };
        if let Some([kind, data]) = doc.exactly(0, ["type", "data"])
            && shape.find_usual_langchain(kind, data)
        {
            return Ok(f(&shape));
        }
        // Filled where it is: moved there, it would be copied.
        shape.fields.fill(0);
        if let Some(kind) = shape.fields.string(&words::TYPE) {
            shape.kind = kind;
            shape.typed = true;
            shape.is_item = !shape.fields.has_value(&words::DATA);
        }
        shape.find()?;
        Ok(f(&shape))
    }

    /// Finds the message and its role.
    fn find(&mut self) -> Result<(), Refusal> {
        let given = Role::given(self.doc, &self.fields)?;
        if let Some(role) = given
            && self.is_flat()
        {
            // Nearly all messages but LangChain's: as below, with nothing around the message.
            self.role = role;
            if self.is_item {
                self.item = Item::of(self.kind);
            }
            if self.kind == "chat" {
                self.form = SummaryForm::LangChainFlat;
            }
            return Ok(());
        }
        if given.is_none() && self.find_langchain()? {
            return Ok(());
        }
        self.find_place();
        if self.is_item && self.outer.is_none() {
            self.item = Item::of(self.kind);
        }
        if let Some(role) = self.find_role(given)? {
            self.role = role;
            return Ok(());
        }
        if self.item.is_result() {
            self.role = Role::of(Class::Tool);
            return Ok(());
        }
        match (self.typed, self.kind) {
            (true, "message") => Err(JsonError(
                r#"no `role`: a `message` item needs one, as in {"type":"message","role":"user","content":"..."}"#.into(),
            )),
            (true, "remove") => Err(removal()),
            (true, _) => {
                self.known = self.item != Item::None;
                Ok(())
            }
            (false, _) => Err(unrecognised(self.doc, &self.fields)),
        }
    }

    /// LangChain's `message_to_dict`, from the values of `type` and `data` where nothing else is beside them, as nearly
    /// always. The same as [`Shape::find_langchain`], without looking at the object around it.
    fn find_usual_langchain(&mut self, kind: NodeId, data: NodeId) -> bool {
        let doc = self.doc;
        let Some(kind) = doc.string(kind).filter(|_| doc.is_object(data)) else {
            return false;
        };
        let class = words::class(kind);
        if class == Class::Other {
            return false;
        }
        self.kind = kind;
        self.typed = true;
        self.role = Role::of(class);
        self.form = SummaryForm::LangChainDict;
        self.place = Place::LangChain;
        self.fields.fill(data);
        true
    }

    /// LangChain's `message_to_dict` and `dumpd`.
    fn find_langchain(&mut self) -> Result<bool, Refusal> {
        let doc = self.doc;
        let (inner, name, form) = if self.fields.has_value(&words::LC) {
            let Some(kwargs) = self.fields.inner(&words::KWARGS) else {
                return Ok(false);
            };
            let path = self.fields.get(&words::ID);
            let last = path.and_then(|path| doc.elements(path).last());
            let last = last.and_then(|last| doc.string(last));
            let name = last
                .filter(|name| is_constructor(name))
                .or_else(|| kwargs.string(&words::TYPE))
                .unwrap_or_default();
            (kwargs, name, SummaryForm::LangChainConstructor)
        } else {
            match (self.typed, self.fields.inner(&words::DATA)) {
                (true, Some(data)) => (data, self.kind, SummaryForm::LangChainDict),
                _ => return Ok(false),
            }
        };
        let role = match name {
            "remove" | "RemoveMessage" => return Err(removal()),
            "chat" | "ChatMessage" | "ChatMessageChunk" => {
                Role::given(doc, &inner)?.ok_or_else(|| {
                    JsonError(format!("no `role`: LangChain's {name:?} messages need one"))
                })?
            }
            name => match words::class(name) {
                // A spelling of the role that we do not know: its calls must not lose their results, nor results their call.
                Class::Other if inner.has_any_key(OWN_CONTENT) => {
                    Role::given(doc, &inner)?.unwrap_or(self.role)
                }
                Class::Other => return Ok(false),
                class => Role::of(class),
            },
        };
        self.role = role;
        self.form = form;
        self.place = Place::LangChain;
        self.fields = inner;
        Ok(true)
    }

    /// True if [`Shape::find_place`] surely finds nothing.
    #[inline]
    fn is_flat(&self) -> bool {
        self.fields.has_any_key(OWN_CONTENT) && self.fields.object(&words::CONTENT).is_none()
    }

    /// `content` with `parts`, or `message` with a role or content.
    fn find_place(&mut self) {
        let doc = self.doc;
        if !self.fields.has_any_key(OWN_CONTENT)
            && let Some(message) = self.fields.inner(&words::ENVELOPE)
            && (message.has_value(&words::ROLE) || message.has_any_key(OWN_CONTENT))
        {
            self.outer = Some(std::mem::replace(&mut self.fields, message));
            self.place = Place::Envelope;
        }
        let content = self.fields.get(&words::CONTENT);
        if let Some(content) = content.filter(|&content| doc.is_object(content)) {
            let content = Fields::of(doc, content);
            if content
                .get(&words::INNER_PARTS)
                .is_some_and(|parts| doc.is_array(parts))
            {
                self.outer = Some(std::mem::replace(&mut self.fields, content));
                self.place = Place::Content;
            }
        }
    }

    /// The role, from the innermost object outwards.
    fn find_role(&mut self, given: Option<Role<'a>>) -> Result<Option<Role<'a>>, Refusal> {
        let doc = self.doc;
        if self.outer.is_some()
            && let Some(role) = Role::given(doc, &self.fields)?
        {
            return Ok(Some(role));
        }
        if let Some(role) = given {
            if self.kind == "chat" && self.outer.is_none() {
                self.form = SummaryForm::LangChainFlat;
            }
            return Ok(Some(role));
        }
        if let Some(outer) = &self.outer
            && let Some(role) = Role::given(doc, outer)?
        {
            return Ok(Some(role));
        }
        if self.item != Item::None {
            return Ok(None);
        }
        let own = [Some(&self.fields), self.outer.as_ref()];
        let own = || own.iter().copied().flatten();
        if let Some(role) = own().find_map(|fields| Role::by_shape(doc, fields)) {
            if self.place == Place::Own && is_langchain(self.kind) {
                self.form = SummaryForm::LangChainFlat;
            }
            return Ok(Some(role));
        }
        Ok(own().find_map(Role::by_speaker))
    }

    /// True for LangChain's messages, in any of their forms.
    pub fn is_langchain(&self) -> bool {
        self.form != SummaryForm::Base
    }

    /// The message's own id. An envelope's counts, not that of the message in it: Claude Code writes one message as several
    /// lines, all with its id. Where the id is that of a call, it is not the message's own.
    #[inline(always)]
    #[allow(clippy::inline_always)] // Most messages have none.
    pub fn id(&self) -> Option<&'a str> {
        let own = match self.place {
            Place::Own => &self.fields,
            Place::LangChain => return self.fields.id(&words::ID),
            Place::Content | Place::Envelope => self.outer.as_ref()?,
        };
        let id = own.id(&words::ID)?;
        Some(id).filter(|_| !self.id_names_a_call(own))
    }

    #[inline(never)]
    fn id_names_a_call(&self, own: &Fields<'d, 'a>) -> bool {
        (self.kind == LOCAL_SHELL_OUTPUT && !own.has_value(&words::RESULT_ID))
            || self.kind == LANGCHAIN4J_RESULT
    }
}

/// The item that answers its call by either of two ids.
pub const LOCAL_SHELL_OUTPUT: &str = "local_shell_call_output";

/// langchain4j's results name their call by `id`.
pub const LANGCHAIN4J_RESULT: &str = "TOOL_EXECUTION_RESULT";

/// The `type` of LangChain's messages.
fn is_langchain(kind: &str) -> bool {
    matches!(
        kind,
        "human" | "ai" | "system" | "tool" | "function" | "chat" | "developer"
    ) || kind.ends_with("MessageChunk")
}

/// The class that LangChain's `dumpd` names as the last element of `id`.
fn is_constructor(name: &str) -> bool {
    words::class(name) != Class::Other
        || matches!(name, "ChatMessage" | "ChatMessageChunk" | "RemoveMessage")
}

fn removal() -> Refusal {
    JsonError("a RemoveMessage is no message: remove messages with CONV.DEL".into())
}

#[cold]
fn no_object(doc: &Document<'_>) -> Refusal {
    JsonError(format!("expected a JSON object, found {}", doc.kind(0)))
}

#[cold]
fn unrecognised(doc: &Document<'_>, top: &Fields<'_, '_>) -> Refusal {
    let found = match top.get(&words::TYPE) {
        Some(id) => format!("`type` must be a string, found {}", doc.kind(id)),
        None => "no known `type`".into(),
    };
    JsonError(format!(
        r#"no `role`, and {found}: expected for example {{"role":"user","content":"..."}} or {{"type":"human","data":{{"content":"..."}}}}"#
    ))
}
