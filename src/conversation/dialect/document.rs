//! Documents, search results and audio: media with text in them.

use super::Visitor;
use super::fields::Fields;
use super::unread::{is_base64, is_long_base64};
use super::vocabulary as words;
use super::walk::{Context, Walk};
use crate::conversation::json::NodeId;

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    /// A document: its titles and its text, or else a media part.
    pub(super) fn document(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        let inner = fields.inner(&words::DOCUMENT_BODY);
        let mut has_text = false;
        for (fields, is_inner) in [(Some(fields), false), (inner.as_ref(), true)] {
            let Some(fields) = fields else { continue };
            self.titles(fields, context);
            has_text |= self.document_text(fields, is_inner, context);
        }
        if !has_text {
            self.media(context);
        }
    }

    /// Text in a document; false if there is none.
    fn document_text(&mut self, fields: &Fields<'d, 'a>, is_inner: bool, context: Context) -> bool {
        let mut any = false;
        for text in fields.all(&words::DOCUMENT_TEXT) {
            self.pieces(text, context.nested());
            any = true;
        }
        if let Some(source) = fields.inner(&words::SOURCE) {
            for text in source.all(&words::DOCUMENT_TEXT) {
                self.pieces(text, context.nested());
                any = true;
            }
            if let Some(data) = source.get(&words::BYTES_FIELD)
                && (source.string(&words::TYPE) == Some("text") || says_text(&source))
            {
                self.pieces(data, context.nested());
                any = true;
            }
        }
        if let Some(data) = fields.get(&words::BYTES_FIELD) {
            any |= self.document_data(fields, data, is_inner, context);
        }
        any
    }

    /// The `data` of a document: text, unless it is said or looks to be something else. An object counts as its JSON text.
    /// Without a media type, the string in Cohere's `document.data` is text unless it is long base64; elsewhere it is text
    /// only if it cannot be base64.
    fn document_data(
        &mut self,
        fields: &Fields<'d, 'a>,
        data: NodeId,
        is_inner: bool,
        context: Context,
    ) -> bool {
        let doc = self.doc;
        if doc.is_object(data) {
            self.json_text(data, context);
            return true;
        }
        let Some(text) = doc.string(data) else {
            return false;
        };
        let is_text = if fields.has_value(&words::MEDIA_TYPE) {
            says_text(fields)
        } else {
            !is_base64(text) || (is_inner && !is_long_base64(text))
        };
        if is_text {
            self.text(text, context);
        }
        is_text
    }

    /// A search result: its titles, where it is from, its text.
    pub(super) fn search_result(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        self.seen.found = true;
        let inner = fields.inner(&words::DOCUMENT_BODY);
        for fields in [Some(fields), inner.as_ref()].into_iter().flatten() {
            self.titles(fields, context);
            for text in fields.all(&words::DOCUMENT_TEXT) {
                self.pieces(text, context.nested());
            }
        }
    }

    fn titles(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        let doc = self.doc;
        let titles = fields.all(&words::TITLES).chain(fields.all(&words::SOURCE));
        for title in titles.filter_map(|title| doc.string(title)) {
            self.text(title, context);
        }
    }

    /// Audio: its transcript, and the part itself if it has data or no transcript.
    pub(super) fn audio(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        let inner = fields.inner(&words::AUDIO_BODY);
        let (mut transcript, mut data) = (false, false);
        for fields in [Some(fields), inner.as_ref()].into_iter().flatten() {
            self.caption(fields, context);
            if let Some(text) = fields.string(&words::TRANSCRIPT)
                && !text.is_empty()
            {
                self.text(text, context);
                transcript = true;
            }
            data |=
                fields.has_value(&words::AUDIO_DATA) || fields.string(&words::AUDIO_BODY).is_some();
        }
        if data || !transcript {
            self.media(context);
        }
    }

    /// True if the block's URI is a `data:` URL, which says its media type.
    pub(super) fn is_data_url(&self, fields: &Fields<'d, 'a>) -> bool {
        fields.all(&words::URI).any(|id| {
            self.doc
                .string(id)
                .is_some_and(|uri| uri.starts_with("data:"))
        })
    }
}

/// Its media type is one of text.
fn says_text(fields: &Fields<'_, '_>) -> bool {
    fields
        .string(&words::MEDIA_TYPE)
        .is_some_and(|media| media.starts_with("text/"))
}
