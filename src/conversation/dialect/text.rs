//! The text of a block.

use super::Visitor;
use super::fields::Fields;
use super::vocabulary as words;
use super::walk::{Context, Walk};
use crate::conversation::json::NodeId;

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    /// All text of a block, wherever the frameworks put it; `code` if its `output` is text, too.
    pub(super) fn text_fields(&mut self, fields: &Fields<'d, 'a>, code: bool, context: Context) {
        self.seen.found = true;
        // Nearly all blocks of text have nothing but that.
        if fields.has_only(words::KIND.mask | words::PLAIN_TEXT.mask, u128::MAX)
            && let Some(text) = fields.string(&words::PLAIN_TEXT)
        {
            return self.text(text, context);
        }
        self.notice_opaque(fields);
        for id in fields.all(&words::TEXT) {
            self.pieces(id, context.nested());
        }
        if code && let Some(output) = fields.get(&words::CODE_OUTPUT) {
            self.pieces(output, context.nested());
        }
        self.details(fields, context);
    }

    /// `details` of reasoning, unless they repeat its text.
    fn details(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        let doc = self.doc;
        let Some(details) = fields.get(&words::DETAILS) else {
            return;
        };
        if let Some(mut rest) = fields
            .string(&words::REASONING)
            .filter(|text| !text.is_empty())
        {
            let repeated = doc.elements(details).all(|detail| {
                let text = Fields::of(doc, detail).string(&words::PLAIN_TEXT);
                let after = text.and_then(|text| rest.strip_prefix(text));
                after.map(|after| rest = after).is_some()
            });
            if repeated && rest.is_empty() {
                return;
            }
        }
        self.pieces(details, context.nested());
    }

    /// The value of a field that holds text: a string, an object with it, or an array of these.
    pub(super) fn pieces(&mut self, id: NodeId, context: Context) {
        let doc = self.doc;
        if let Some(text) = doc.string(id) {
            self.text(text, context);
        } else if doc.is_array(id) {
            for element in doc.elements(id) {
                let text = Fields::of(doc, element).string(&words::PLAIN_TEXT);
                match text {
                    Some(text) => self.text(text, context),
                    None => self.block(element, context),
                }
            }
        } else if doc.is_object(id) {
            self.text_object(id, &Fields::of(doc, id), context);
        }
    }

    /// An object in the place of a text: one with text, a block, or content that is not understood.
    pub(super) fn text_object(&mut self, id: NodeId, fields: &Fields<'d, 'a>, context: Context) {
        if fields.has_value(&words::OPAQUE) {
            self.notice_opaque(fields);
        }
        let known = fields.has_value(&words::TEXT) || fields.has_value(&words::TYPED_VALUE);
        if fields.string(&words::KIND).is_none() && known {
            if let Some(value) = fields.get(&words::TYPED_VALUE) {
                self.pieces(value, context.nested());
            }
            self.text_fields(fields, false, context);
        } else if !fields.has_value(&words::OPAQUE) {
            self.block(id, context.nested());
        }
    }

    /// Text that stands in a media block.
    pub(super) fn caption(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        if let Some(text) = fields.string(&words::PLAIN_TEXT) {
            self.text(text, context);
        }
    }
}
