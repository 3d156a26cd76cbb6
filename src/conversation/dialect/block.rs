//! Blocks of a content array, by their kind.

use smallvec::SmallVec;

use super::Visitor;
use super::call::tool_name;
use super::fields::Fields;
use super::usual;
use super::vocabulary::{self as words, Kind};
use super::walk::{Context, Walk};
use crate::conversation::json::NodeId;

/// An object with more keys that name kinds is no block of a framework. They are compared with one another.
const MOST_KINDS: usize = 16;

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    /// A string, or an array of blocks; anything else is content of an unknown kind.
    #[inline]
    pub(super) fn blocks(&mut self, id: NodeId, context: Context) {
        if let Some(text) = self.doc.string(id) {
            return self.text(text, context);
        }
        if !self.doc.is_array(id) {
            return self.block(id, context);
        }
        for element in self.doc.elements(id) {
            self.block(element, context);
        }
    }

    /// A block.
    pub(super) fn block(&mut self, id: NodeId, context: Context) {
        let doc = self.doc;
        if let Some(text) = doc.string(id).or_else(|| usual::text(doc, id)) {
            self.text(text, context);
        } else if !doc.is_null(id) && !self.usual_block(id, context) && !self.object(id, context) {
            self.unread(id, context);
        }
    }

    /// An object, if it is of a known kind.
    pub(super) fn object(&mut self, id: NodeId, context: Context) -> bool {
        if !self.doc.is_object(id) {
            return false;
        }
        self.known_object(id, &Fields::of(self.doc, id), context)
    }

    /// As [`Walk::object`], of an object with these members.
    pub(super) fn known_object(
        &mut self,
        id: NodeId,
        fields: &Fields<'d, 'a>,
        context: Context,
    ) -> bool {
        match fields.string(&words::KIND) {
            Some(word) => {
                words::kind(word).is_some_and(|kind| self.typed(id, kind, word, fields, context))
            }
            None => self.keyed(id, context) || self.bare(id, fields, context),
        }
    }

    /// A block that says what it is.
    fn typed(
        &mut self,
        id: NodeId,
        kind: Kind,
        word: &str,
        fields: &Fields<'d, 'a>,
        context: Context,
    ) -> bool {
        match kind {
            Kind::Call | Kind::Invocation | Kind::Result if !context.blocks => return false,
            Kind::Call => self.call_block(fields),
            Kind::Invocation => self.invocation(fields, tool_name(fields)),
            Kind::Result => self.result_or_text(id, word, fields, context),
            Kind::Retry if fields.has_value(&words::CALL_NAME) && context.blocks => {
                self.result_block(fields, Some(id));
            }
            Kind::Text | Kind::Retry => self.text_fields(fields, false, context),
            Kind::Code => self.text_fields(fields, true, context),
            Kind::Document => self.document(fields, context),
            Kind::SearchResult => self.search_result(fields, context),
            Kind::Audio => self.audio(fields, context),
            Kind::Media => {
                self.caption(fields, context);
                self.media(context);
            }
            Kind::TypedMedia => {
                if !fields.has_value(&words::MEDIA_TYPE) && !self.is_data_url(fields) {
                    return false;
                }
                self.media(context);
            }
            Kind::Approval => {
                self.seen.approvals |= context.blocks;
                self.reason(fields);
            }
            Kind::Opaque => self.seen.opaque = true,
            Kind::Nothing => self.seen.found = true,
        }
        true
    }

    /// A block whose only kind is a key that the table knows, as in `{"functionCall":{...},"thoughtSignature":"..."}`.
    fn keyed(&mut self, id: NodeId, context: Context) -> bool {
        let doc = self.doc;
        let mut known: SmallVec<[(&str, Kind, NodeId); 4]> = SmallVec::new();
        let mut single = true;
        for (key, value) in doc.members(id) {
            let Some(kind) = words::listed_kind(key) else {
                single &= doc.is_null(value);
                continue;
            };
            // Of equal keys the last one counts, whatever its value.
            known.retain(|&mut (other, _, _)| other != key);
            if known.len() == MOST_KINDS {
                return false;
            }
            known.push((key, kind, value));
        }
        known.retain(|&mut (_, _, value)| !doc.is_null(value));
        single &= known.len() == 1;
        let mut any = false;
        for (_, kind, value) in known {
            any |= !doc.is_scalar(value) && self.member(id, kind, value, single, context);
        }
        any
    }

    /// The value of a key that names a kind; `single` if the block has no other.
    fn member(
        &mut self,
        block: NodeId,
        kind: Kind,
        value: NodeId,
        single: bool,
        context: Context,
    ) -> bool {
        let doc = self.doc;
        let is_object = doc.is_object(value);
        let fields = Fields::of(doc, value);
        match kind {
            Kind::Call | Kind::Invocation | Kind::Result if !context.blocks || !is_object => {
                return false;
            }
            Kind::Call => self.call_block(&fields),
            Kind::Invocation => self.invocation(&fields, None),
            Kind::Result => self.result_block(&fields, Some(block)),
            Kind::Text | Kind::Code | Kind::Retry if !is_object => {
                self.pieces(value, context.nested());
            }
            Kind::Text | Kind::Retry => self.text_object(value, &fields, context),
            Kind::Code => self.text_fields(&fields, true, context),
            Kind::Document if is_object => self.document(&fields, context),
            Kind::SearchResult if is_object => self.search_result(&fields, context),
            Kind::Audio if is_object => self.audio(&fields, context),
            Kind::Document | Kind::SearchResult | Kind::Audio | Kind::Media => self.media(context),
            Kind::Nothing if single => self.seen.found = true,
            Kind::TypedMedia | Kind::Approval | Kind::Opaque | Kind::Nothing => return false,
        }
        true
    }

    /// A block that only its fields tell: AutoGen's calls, results and images, and the output of a shell.
    fn bare(&mut self, id: NodeId, fields: &Fields<'d, 'a>, context: Context) -> bool {
        let doc = self.doc;
        if context.blocks && fields.has_all_keys(&words::BARE_CALL) {
            self.call_block(fields);
        } else if context.blocks && fields.has_all_keys(&words::BARE_RESULT) {
            self.result_block(fields, Some(id));
        } else if fields.string(&words::STDOUT).is_some() {
            for text in fields.all(&words::STDOUT) {
                self.pieces(text, context.nested());
            }
        } else if fields.has_value(&words::BYTES_FIELD)
            && (fields.has_value(&words::MEDIA_TYPE)
                || doc.members(id).filter(|&(_, v)| !doc.is_null(v)).count() == 1)
        {
            self.media(context);
        } else {
            return false;
        }
        true
    }

    /// The reason of an approval.
    pub(super) fn reason(&mut self, fields: &Fields<'d, 'a>) {
        self.seen.found = true;
        if let Some(reason) = fields.string(&words::REASON) {
            self.text(reason, Context::RESULT);
        }
    }
}
