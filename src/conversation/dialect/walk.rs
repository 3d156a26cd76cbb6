//! The walk through a message.

use smallvec::SmallVec;

use super::fields::Fields;
use super::result::result_id;
use super::shape::{Content, Item, LANGCHAIN4J_RESULT, LOCAL_SHELL_OUTPUT, Place, Shape};
use super::vocabulary as words;
use super::{Counted, FoundResult, Visitor};
use crate::conversation::facts::{CallKind, Class};
use crate::conversation::json::{Document, NodeId};

/// What a walk notices besides what it reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// There is text, media or unread content outside results.
    pub own_text: bool,
    /// Content of the message counted as JSON text.
    pub unread: bool,
    /// There are approvals that open and answer nothing.
    pub approvals: bool,
    /// There are calls or results.
    pub calls: bool,
    /// There are results besides the message itself.
    pub results: bool,
    /// As `own_text`, in a message that may be a result itself: it is text of its own if results are found besides.
    pub beside_results: bool,
    /// Something was counted, besides role and name.
    pub counted: bool,
    /// A known spelling of content was found, even if it counts nothing.
    pub found: bool,
    /// There is something that only its provider can read.
    pub opaque: bool,
}

/// Whether what is read belongs to a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// It is the message's own.
    Own,
    /// It is in a message that is a result, unless it turns out to hold some.
    Either,
    /// It is in a result.
    Result,
}

/// Where in a message a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Calls and results mean something here: not inside other blocks.
    pub blocks: bool,
    /// Whose it is.
    pub within: Within,
}

impl Context {
    /// Inside a block.
    pub fn nested(self) -> Self {
        Self {
            blocks: false,
            ..self
        }
    }

    /// In the content of a message that is no result.
    const PLAIN: Self = Self {
        blocks: true,
        within: Within::Own,
    };

    /// In the value of a result.
    pub const RESULT: Self = Self {
        blocks: false,
        within: Within::Result,
    };
}

/// See [`walk`].
pub struct Walk<'w, 'd, 'a, V> {
    pub(super) doc: &'d Document<'a>,
    pub(super) shape: &'w Shape<'d, 'a>,
    pub(super) visitor: &'w mut V,
    pub(super) seen: Seen,
    /// Ids of the calls that stand beside the content, sorted, and whether they have their results with them: blocks that
    /// repeat them are skipped.
    pub(super) listed: SmallVec<[(&'a str, bool); 4]>,
}

/// Walks through a message once and reports what it finds.
pub fn walk<'a, V: Visitor<'a>>(shape: &Shape<'_, 'a>, visitor: &mut V) -> Seen {
    let mut walk = Walk {
        doc: shape.doc,
        shape,
        visitor,
        seen: Seen::default(),
        listed: SmallVec::new(),
    };
    walk.message();
    walk.seen
}

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    fn message(&mut self) {
        let shape = self.shape;
        let fields = &shape.fields;
        self.visitor.counted(Counted::Role(shape.role.text));
        if let Some(text) = shape.plain_text() {
            return self.text(text, Context::PLAIN);
        }
        if !shape.item.calls() {
            let named = match (shape.place, &shape.outer) {
                (Place::Content, Some(outer)) => outer,
                _ => fields,
            };
            if let Some(name) = named.string(&words::NAME) {
                self.visitor.counted(Counted::Name(name));
            }
        }
        let is_result = shape.item.is_result() || shape.role.class == Class::Tool;
        let context = Context {
            blocks: !shape.item.is_result(),
            within: match (shape.item.is_result(), is_result) {
                (true, _) => Within::Result,
                (false, true) => Within::Either,
                (false, false) => Within::Own,
            },
        };
        if shape.item.calls() {
            self.call_item(fields);
        } else {
            let content = shape.content();
            self.call_lists(matches!(content, Content::Read(_)));
            match content {
                Content::Read(content) => {
                    self.seen.found = true;
                    self.blocks(content, context);
                }
                Content::Unread(content) if is_result => self.value(content),
                Content::Unread(_) => {
                    self.responses();
                    return self.whole();
                }
                Content::Empty => self.seen.found = true,
                Content::Absent => {}
            }
            if is_result && matches!(content, Content::Empty | Content::Absent) {
                self.other_values(fields);
            }
        }
        self.beside(fields, context);
        if let (Place::Content, Some(outer)) = (shape.place, &shape.outer) {
            self.beside(outer, context);
        }
        self.responses();
        if is_result {
            self.own_result(fields);
        }
        self.seen.opaque |= shape.item == Item::Opaque;
        let seen = self.seen;
        if seen.opaque && shape.known && !seen.counted && !seen.calls {
            self.media(context);
        } else if !seen.found && !seen.calls && !seen.approvals {
            self.whole();
        }
        self.seen.own_text |= self.seen.beside_results && self.seen.results;
    }

    /// Calls that stand beside the content; `content` if there is some that may repeat them.
    fn call_lists(&mut self, content: bool) {
        let shape = self.shape;
        let none = !shape.fields.has_any_key(CALLS) && shape.place != Place::Content;
        // AutoGen's summary of calls repeats them.
        if none || shape.kind == "ToolCallSummaryMessage" {
            return;
        }
        // Mastra repeats the invocations that are parts.
        let skip = match (shape.place, content) {
            (Place::Content, true) => Some("toolInvocations"),
            _ => None,
        };
        self.lists_of(&shape.fields, content, skip);
        if let (Place::Content, Some(outer)) = (shape.place, &shape.outer) {
            self.lists_of(outer, content, None);
        }
        self.listed.sort_unstable();
    }

    fn lists_of(&mut self, fields: &Fields<'d, 'a>, content: bool, skip: Option<&str>) {
        let mut any = false;
        if fields.has_key(&words::CALL_LISTS) {
            for &key in words::CALL_LISTS.keys() {
                if skip.is_some_and(|skip| words::key(skip) == Some(key)) {
                    continue;
                }
                if let Some(list) = fields.value(key) {
                    any |= self.call_list(list, content);
                }
            }
        }
        if let Some(call) = fields.object(&words::FUNCTION_CALL) {
            self.listed_call(call, content);
            any = true;
        }
        let extras = fields.object(&words::EXTRAS);
        if let Some(extras) = extras.filter(|&extras| !any && self.doc.has_members(extras)) {
            let extras = Fields::of(self.doc, extras);
            if let Some(list) = extras.get(&words::RAW_CALLS) {
                any = self.call_list(list, content);
            }
            if !any && let Some(call) = extras.object(&words::FUNCTION_CALL) {
                self.listed_call(call, content);
            }
        }
    }

    fn call_list(&mut self, list: NodeId, content: bool) -> bool {
        let doc = self.doc;
        let mut any = false;
        for call in doc.elements(list).filter(|&call| doc.is_object(call)) {
            self.listed_call(call, content);
            any = true;
        }
        any
    }

    /// Text, audio and media beside the content.
    fn beside(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        let doc = self.doc;
        if !fields.has_any_key(BESIDE) {
            return;
        }
        for id in fields.all(&words::BESIDE) {
            if let Some(text) = doc.string(id) {
                self.text(text, context);
            }
        }
        if fields.has_key(&words::REQUEST_OR_RESPONSE)
            && let Some(text) = fields.string(&words::INSTRUCTIONS)
        {
            self.text(text, context);
        }
        if let Some(audio) = fields.object(&words::AUDIO) {
            self.audio(&Fields::of(doc, audio), context);
        }
        for list in fields.all(&words::MEDIA_LISTS) {
            let media = doc.elements(list).filter(|&media| !doc.is_null(media));
            for _ in media {
                self.media(context);
            }
        }
        if self.shape.item == Item::Reasoning
            && let Some(summary) = fields.get(&words::SUMMARY)
        {
            self.seen.found = true;
            self.pieces(summary, context);
        }
        if self.shape.item == Item::ApprovalResponse
            && let Some(reason) = fields.string(&words::REASON)
        {
            self.text(reason, Context::RESULT);
        }
        self.notice_opaque(fields);
    }

    /// Spring AI's results.
    fn responses(&mut self) {
        let doc = self.doc;
        if !self.shape.fields.has_key(&words::RESPONSES) {
            return;
        }
        for list in self.shape.fields.all(&words::RESPONSES) {
            for response in doc.elements(list).filter(|&id| doc.is_object(id)) {
                self.result_block(&Fields::of(doc, response), None);
            }
        }
    }

    /// The message itself is a result, unless it only holds some.
    fn own_result(&mut self, fields: &Fields<'d, 'a>) {
        let shape = self.shape;
        let mut result = FoundResult {
            id: result_id(fields),
            name: fields.string(&words::CALL_NAME),
            ..FoundResult::default()
        };
        if shape.item == Item::ApprovalResponse {
            result.kind = CallKind::McpApproval;
            result.id = fields.id(&words::APPROVED_ID);
        } else if result.id.is_none() {
            result.by_item_id = shape.kind == LOCAL_SHELL_OUTPUT;
            if result.by_item_id || shape.kind == LANGCHAIN4J_RESULT {
                result.id = fields.id(&words::ID);
            }
        }
        let other = self.seen.results || (self.seen.approvals && !self.seen.beside_results);
        if shape.item.is_result() || result.id.is_some() || !other {
            // Nothing says that it is a result of something.
            let bare = !self.seen.found && result.id.is_none() && !shape.item.is_result();
            self.seen.calls |= !bare;
            self.visitor.result(result);
        }
    }

    /// The whole message counts as JSON text.
    fn whole(&mut self) {
        let within = match self.shape.role.class {
            Class::Tool => Within::Result,
            _ => Within::Own,
        };
        self.unread(
            0,
            Context {
                blocks: false,
                within,
            },
        );
        self.seen.unread = true;
    }

    /// Text that counts.
    pub(super) fn text(&mut self, text: &str, context: Context) {
        self.visitor.counted(Counted::Text(text));
        self.seen.found = true;
        if !text.is_empty() {
            self.mark(context);
        }
    }

    /// A media part.
    pub(super) fn media(&mut self, context: Context) {
        self.visitor.counted(Counted::Media);
        self.seen.found = true;
        self.mark(context);
    }

    /// Something that a model reads was found there.
    pub(super) fn mark(&mut self, context: Context) {
        self.seen.counted = true;
        match context.within {
            Within::Own => self.seen.own_text = true,
            Within::Either => self.seen.beside_results = true,
            Within::Result => {}
        }
    }

    /// Remembers that there is something that only its provider can read.
    pub(super) fn notice_opaque(&mut self, fields: &Fields<'d, 'a>) {
        self.seen.opaque |= fields.has_value(&words::OPAQUE);
    }
}

/// Calls beside the content.
const CALLS: u128 = words::CALL_LISTS.mask | words::FUNCTION_CALL.mask | words::EXTRAS.mask;

/// What may stand beside the content.
const BESIDE: u128 = words::BESIDE.mask
    | words::INSTRUCTIONS.mask
    | words::AUDIO.mask
    | words::MEDIA_LISTS.mask
    | words::SUMMARY.mask
    | words::REASON.mask
    | words::OPAQUE.mask;
