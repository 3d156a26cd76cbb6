//! Calls.

use super::fields::Fields;
use super::shape::Item;
use super::vocabulary::{self as words, TOOL_PREFIX};
use super::walk::{Context, Walk};
use super::{Counted, FoundCall, Visitor};
use crate::conversation::facts::CallKind;
use crate::conversation::json::NodeId;

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    /// A call that stands beside the content.
    pub(super) fn listed_call(&mut self, id: NodeId, content: bool) {
        let fields = Fields::of(self.doc, id);
        let body = fields.inner(&words::CALL_BODY);
        let found = self.call(&fields, body.as_ref(), None);
        let closed = is_invocation(&fields) && self.embedded_result(&fields);
        if let (true, Some(id)) = (content, found.id) {
            self.listed.push((id, closed));
        }
        if !closed {
            self.visitor.call(found);
        }
    }

    /// A block that is a call, unless it repeats one beside the content.
    pub(super) fn call_block(&mut self, fields: &Fields<'d, 'a>) {
        let body = fields.inner(&words::CALL_BODY);
        if self.is_listed(fields, body.as_ref()).is_none() {
            let found = self.call(fields, body.as_ref(), None);
            self.visitor.call(found);
        }
    }

    /// A block that is a call and may have its result with it.
    pub(super) fn invocation(&mut self, fields: &Fields<'d, 'a>, name: Option<&'a str>) {
        let body = fields.inner(&words::CALL_BODY);
        let fields = body.as_ref().unwrap_or(fields);
        match self.is_listed(fields, None) {
            Some(true) => {}
            Some(false) => {
                // The call is known; its result is not, and closes it there.
                if self.embedded_result(fields) {
                    self.visitor.result(super::FoundResult {
                        id: fields.id(&words::CALL_ID),
                        ..super::FoundResult::default()
                    });
                }
            }
            None => {
                let found = self.call(fields, None, name);
                if !self.embedded_result(fields) {
                    self.visitor.call(found);
                }
            }
        }
    }

    /// A Responses item that is a call; hosted tools have their result with them.
    pub(super) fn call_item(&mut self, fields: &Fields<'d, 'a>) {
        let shape = self.shape;
        let mut found = self.call(fields, None, None);
        if shape.item == Item::ApprovalRequest {
            found.kind = CallKind::McpApproval;
            found.id = fields.id(&words::ID);
            self.visitor.call(found);
            return;
        }
        found.id = fields.id(&words::ITEM_CALL_ID);
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

    /// Counts a call. `body` is the object within it that may have its name and arguments.
    fn call(
        &mut self,
        fields: &Fields<'d, 'a>,
        body: Option<&Fields<'d, 'a>>,
        name: Option<&'a str>,
    ) -> FoundCall<'a> {
        self.seen.calls = true;
        let own = || [Some(fields), body].into_iter().flatten();
        let name = name.or_else(|| own().find_map(|fields| fields.string(&words::CALL_NAME)));
        let mut arguments = None;
        if V::TEXTS {
            arguments = own()
                .find_map(|fields| fields.get(&words::ARGUMENTS))
                .and_then(|id| self.doc.string(id).or_else(|| self.doc.verbatim(id)));
        }
        self.visitor.counted(Counted::Call(
            name.unwrap_or_default(),
            arguments.unwrap_or_default(),
        ));
        FoundCall {
            id: own().find_map(|fields| fields.id(&words::CALL_ID)),
            name: name.filter(|name| !name.is_empty()),
            ..FoundCall::default()
        }
    }

    /// Whether the call stands beside the content, too, and if so whether with its result.
    fn is_listed(&self, fields: &Fields<'d, 'a>, body: Option<&Fields<'d, 'a>>) -> Option<bool> {
        if self.listed.is_empty() {
            return None;
        }
        let mut own = [Some(fields), body].into_iter().flatten();
        let id = own.find_map(|fields| fields.id(&words::CALL_ID))?;
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
