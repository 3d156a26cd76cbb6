//! What a message holds outside its content: lists of calls, text, audio, media, and Spring AI's results.

use super::Visitor;
use super::fields::Fields;
use super::item::Item;
use super::shape::Place;
use super::vocabulary as words;
use super::walk::{Context, Walk};
use crate::conversation::json::NodeId;

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    /// Calls outside the content; `content` if there is some that may repeat them.
    #[inline]
    pub(super) fn call_lists(&mut self, content: bool) {
        let shape = self.shape;
        let none = shape.place != Place::Content && self.has_no_calls(&shape.fields);
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

    /// True if there are surely no calls outside the content. LangChain's messages nearly always have empty extras.
    #[inline]
    fn has_no_calls(&self, fields: &Fields<'d, 'a>) -> bool {
        !fields.has_any_key(CALLS)
            && fields
                .object(&words::EXTRAS)
                .is_none_or(|extras| !self.doc.has_members(extras))
    }

    fn lists_of(&mut self, fields: &Fields<'d, 'a>, content: bool, skip: Option<&str>) {
        let mut any = false;
        for (key, list) in fields.entries(&words::CALL_LISTS) {
            if skip.is_none_or(|skip| words::key(skip) != Some(key)) {
                any |= self.call_list(list, content);
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

    /// Text, audio and media outside the content.
    #[inline]
    pub(super) fn outside(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        if fields.has_any_key(OUTSIDE) {
            self.known_outside(fields, context);
        }
    }

    #[inline(never)]
    fn known_outside(&mut self, fields: &Fields<'d, 'a>, context: Context) {
        let doc = self.doc;
        for id in fields.all(&words::OUTSIDE) {
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
    #[inline]
    pub(super) fn responses(&mut self) {
        if self.shape.fields.has_key(&words::RESPONSES) {
            self.known_responses();
        }
    }

    #[inline(never)]
    fn known_responses(&mut self) {
        let doc = self.doc;
        for list in self.shape.fields.all(&words::RESPONSES) {
            for response in doc.elements(list).filter(|&id| doc.is_object(id)) {
                self.result_block(&Fields::of(doc, response), None);
            }
        }
    }
}

/// Calls outside the content, besides those in extras.
const CALLS: u128 = words::CALL_LISTS.mask | words::FUNCTION_CALL.mask;

/// What may be outside the content.
const OUTSIDE: u128 = words::OUTSIDE.mask
    | words::INSTRUCTIONS.mask
    | words::AUDIO.mask
    | words::MEDIA_LISTS.mask
    | words::SUMMARY.mask
    | words::REASON.mask
    | words::OPAQUE.mask;
