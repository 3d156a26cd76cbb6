//! Calls.

use super::fields::Fields;
use super::item::Item;
use super::usual;
use super::vocabulary::{self as words, TOOL_PREFIX};
use super::walk::{Context, Walk};
use super::{Counted, FoundCall, Visitor};
use crate::conversation::facts::CallKind;
use crate::conversation::json::NodeId;

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    /// A call outside the content.
    pub(super) fn listed_call(&mut self, id: NodeId, content: bool) {
        let plain_id = usual::call_id(self.doc, id).filter(|_| !V::TEXTS);
        let (found, closed) = match plain_id {
            Some(id) => {
                self.seen.calls = true;
                let found = FoundCall {
                    id: Some(id),
                    ..FoundCall::default()
                };
                (found, false)
            }
            None => {
                let fields = Fields::of(self.doc, id);
                let body = Self::call_body(&fields);
                let id = call_id(&fields, body.as_ref());
                let found = self.call(&fields, body.as_ref(), None, id);
                let closed = is_invocation(&fields) && self.embedded_result(&fields);
                (found, closed)
            }
        };
        if let (true, Some(id)) = (content, found.id) {
            self.listed.push((id, closed));
        }
        if !closed {
            self.visitor.call(found);
        }
    }

    /// A block that is a call, unless it repeats one outside the content.
    pub(super) fn call_block(&mut self, fields: &Fields<'d, 'a>) {
        let body = Self::call_body(fields);
        let id = call_id(fields, body.as_ref());
        if self.is_listed(id).is_none() {
            let found = self.call(fields, body.as_ref(), None, id);
            self.visitor.call(found);
        }
    }

    /// A block that is a call and may have its result with it.
    pub(super) fn invocation(&mut self, fields: &Fields<'d, 'a>, name: Option<&'a str>) {
        let body = fields.inner(&words::CALL_BODY);
        let fields = body.as_ref().unwrap_or(fields);
        let id = fields.id(&words::CALL_ID);
        match self.is_listed(id) {
            Some(true) => {}
            Some(false) => {
                // The call is known; its result is not, and closes it there.
                if self.embedded_result(fields) {
                    self.visitor.result(super::FoundResult {
                        id,
                        ..super::FoundResult::default()
                    });
                }
            }
            None => {
                let found = self.call(fields, None, name, id);
                if !self.embedded_result(fields) {
                    self.visitor.call(found);
                }
            }
        }
    }

    /// A Responses item that is a call; hosted tools have their result with them.
    pub(super) fn call_item(&mut self, fields: &Fields<'d, 'a>) {
        let shape = self.shape;
        let ids = match shape.item {
            Item::ApprovalRequest => &words::ID,
            _ => &words::ITEM_CALL_ID,
        };
        let mut found = self.call(fields, None, None, fields.id(ids));
        if shape.item == Item::ApprovalRequest {
            found.kind = CallKind::McpApproval;
            self.visitor.call(found);
            return;
        }
        if shape.kind == "local_shell_call" {
            found.item_id = fields.id(&words::ID).filter(|&id| Some(id) != found.id);
        }
        let closed = if shape.kind == "image_generation_call" {
            let image = fields.has_value(&words::RESULT);
            if image {
                self.media(Context::RESULT);
            }
            image
        } else {
            // What the provider's own tool returned is part of its call.
            self.visitor.begin_result();
            let closed = self.result_values(fields, Context::RESULT);
            self.visitor.end_result(false);
            closed
        };
        if found.id.is_some() && !closed {
            self.visitor.call(found);
        }
    }

    /// The object within a call that may have its name and arguments; not if only the id matters, and the call has one.
    #[inline]
    fn call_body(fields: &Fields<'d, 'a>) -> Option<Fields<'d, 'a>> {
        if V::TEXTS || fields.id(&words::CALL_ID).is_none() {
            fields.inner(&words::CALL_BODY)
        } else {
            None
        }
    }

    /// Counts a call. `body` is the object within it that may have its name and arguments.
    fn call(
        &mut self,
        fields: &Fields<'d, 'a>,
        body: Option<&Fields<'d, 'a>>,
        name: Option<&'a str>,
        id: Option<&'a str>,
    ) -> FoundCall<'a> {
        self.seen.calls = true;
        let in_body = |row| body.and_then(|body| body.string(row));
        let mut found = FoundCall {
            id,
            ..FoundCall::default()
        };
        if !V::TEXTS && id.is_some() {
            return found;
        }
        let name = name
            .or_else(|| fields.string(&words::CALL_NAME))
            .or_else(|| in_body(&words::CALL_NAME))
            .unwrap_or_default();
        if V::TEXTS {
            let arguments = fields
                .get(&words::ARGUMENTS)
                .or_else(|| body.and_then(|body| body.get(&words::ARGUMENTS)))
                .and_then(|id| self.doc.string(id).or_else(|| self.doc.verbatim(id)));
            let arguments = arguments.unwrap_or_default();
            self.visitor.counted(Counted::Call(name, arguments));
        }
        found.name = Some(name).filter(|name| id.is_none() && !name.is_empty());
        found
    }

    /// Whether a call of this id is listed outside the content, too, and if so whether with its result.
    fn is_listed(&self, id: Option<&str>) -> Option<bool> {
        if self.listed.is_empty() {
            return None;
        }
        let id = id?;
        let at = self.listed.partition_point(|&(listed, _)| listed < id);
        self.listed
            .get(at)
            .filter(|&&(listed, _)| listed == id)
            .map(|&(_, closed)| closed)
    }

    /// Counts the result that a call has with it; false if there is none.
    fn embedded_result(&mut self, fields: &Fields<'d, 'a>) -> bool {
        if let Some(approval) = fields.inner(&words::APPROVAL) {
            self.reason(&approval);
        }
        let ended = fields.string(&words::STATE).is_some_and(|state| {
            matches!(
                state,
                "result" | "output-available" | "output-error" | "output-denied"
            )
        });
        self.visitor.begin_result();
        let any = self.result_values(fields, Context::RESULT);
        self.visitor.end_result(any);
        any || ended
    }
}

/// The id of a call that may have an object within it.
#[inline]
fn call_id<'a>(fields: &Fields<'_, 'a>, body: Option<&Fields<'_, 'a>>) -> Option<&'a str> {
    let own = fields.id(&words::CALL_ID);
    own.or_else(|| body?.id(&words::CALL_ID))
}

/// AI SDK 4: an element of `toolInvocations`. Others do not have results with them.
fn is_invocation(fields: &Fields<'_, '_>) -> bool {
    fields.has_value(&words::STATE)
}

/// The NAME of a block of kind `tool-NAME`.
pub(super) fn tool_name<'a>(fields: &Fields<'_, 'a>) -> Option<&'a str> {
    let word = fields.string(&words::KIND)?;
    match words::listed_kind(word) {
        Some(_) => None,
        None => word.get(TOOL_PREFIX.len()..),
    }
}
