//! The walk through a message.

use smallvec::SmallVec;

use super::content::Content;
use super::fields::Fields;
use super::item::Item;
use super::result::result_id;
use super::shape::{LANGCHAIN4J_RESULT, LOCAL_SHELL_OUTPUT, Place, Shape};
use super::vocabulary as words;
use super::{Counted, FoundResult, Visitor};
use crate::conversation::facts::{CallKind, Class};
use crate::conversation::json::Document;

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
    pub outside_results: bool,
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
    /// Ids of the calls outside the content, sorted, and whether they have their results with them: blocks that
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
        if is_result {
            self.visitor.begin_result();
        }
        if shape.item.calls() {
            self.call_item(fields);
        } else {
            let content = shape.content();
            self.call_lists(matches!(content, Content::Read(_)));
            match content {
                Content::Read(content) => {
                    self.seen.found = true;
                    if is_result {
                        self.visitor.begin_value(content);
                    }
                    self.blocks(content, context);
                    if is_result {
                        self.visitor.end_value();
                    }
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
        self.outside(fields, context);
        if let (Place::Content, Some(outer)) = (shape.place, &shape.outer) {
            self.outside(outer, context);
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
        self.seen.own_text |= self.seen.outside_results && self.seen.results;
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
        let other = self.seen.results || (self.seen.approvals && !self.seen.outside_results);
        let is_result = shape.item.is_result() || result.id.is_some() || !other;
        self.visitor.end_result(is_result);
        if is_result {
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
            Within::Either => self.seen.outside_results = true,
            Within::Result => {}
        }
    }

    /// Remembers that there is something that only its provider can read.
    pub(super) fn notice_opaque(&mut self, fields: &Fields<'d, 'a>) {
        self.seen.opaque |= fields.has_value(&words::OPAQUE);
    }
}
