//! Results of calls.

use super::fields::Fields;
use super::usual;
use super::vocabulary as words;
use super::walk::{Context, Walk, Within};
use super::{FoundResult, Visitor};
use crate::conversation::json::NodeId;

impl<'d, 'a, V: Visitor<'a>> Walk<'_, 'd, 'a, V> {
    /// A block of a kind of result. In LangChain's messages, `tool_result` answers nothing.
    pub(super) fn result_or_text(
        &mut self,
        id: NodeId,
        word: &str,
        fields: &Fields<'d, 'a>,
        context: Context,
    ) {
        if self.shape.is_langchain() && word.eq_ignore_ascii_case("tool_result") {
            self.seen.found = true;
            self.visitor.begin_result();
            self.result_values(fields, context.nested());
            self.visitor.end_result(false);
        } else {
            self.result_block(fields, Some(id));
        }
    }

    /// A block that is a result. The name of a result counts.
    pub(super) fn result_block(&mut self, fields: &Fields<'d, 'a>, block: Option<NodeId>) {
        let body = fields.inner(&words::RESULT_BODY);
        let fields = body.as_ref().unwrap_or(fields);
        self.seen.calls = true;
        self.seen.results = true;
        if let Some(name) = fields.string(&words::NAME) {
            self.text(name, Context::RESULT);
        }
        self.visitor.begin_result();
        self.result_values(fields, Context::RESULT);
        self.visitor.end_result(true);
        let origin = fields.inner(&words::ORIGIN);
        let name = [Some(fields), origin.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|fields| fields.id(&words::CALL_NAME));
        self.visitor.result(FoundResult {
            id: result_id(fields).or_else(|| fields.id(&words::ID)),
            name,
            block,
            ..FoundResult::default()
        });
    }

    /// All values of a result; false if it has none.
    pub(super) fn result_values(&mut self, fields: &Fields<'d, 'a>, context: Context) -> bool {
        let doc = self.doc;
        if !fields.has_any_key(VALUES) {
            return false;
        }
        // Of a result, only the text depends on its value.
        if !V::TEXTS && context.within == Within::Result {
            return self.has_values(fields);
        }
        let mut any = false;
        for (key, value) in fields.entries(&words::VALUE) {
            any |= self.keyed_value(key, value, context);
        }
        if let Some(items) = fields.get(&words::VALUE_ITEMS) {
            self.visitor.begin_value(items);
            if !self.repeats(fields.get(&words::RESULT), items) {
                self.value_in(items, context);
                any = true;
            }
            self.visitor.end_value();
        }
        if let Some(parts) = fields.get(&words::VALUE_PARTS)
            && doc.is_array(parts)
        {
            self.whole_value(parts, context);
            any = true;
        }
        any
    }

    /// As [`Walk::result_values`], of a message whose content has been read.
    pub(super) fn other_values(&mut self, fields: &Fields<'d, 'a>) {
        if !fields.has_key(&words::VALUE) {
            return;
        }
        if !V::TEXTS {
            self.seen.found |= self.has_values(fields);
            return;
        }
        for (key, value) in fields.entries(&words::VALUE) {
            self.keyed_value(key, value, Context::RESULT);
        }
    }

    fn keyed_value(&mut self, key: words::Key, value: NodeId, context: Context) -> bool {
        let is_value = self.is_value(key, value);
        if is_value {
            self.whole_value(value, context);
        }
        is_value
    }

    fn whole_value(&mut self, value: NodeId, context: Context) {
        self.visitor.begin_value(value);
        self.value_in(value, context);
        self.visitor.end_value();
    }

    /// True unless it says that there is none, as in `"error": false`.
    fn is_value(&self, key: words::Key, value: NodeId) -> bool {
        !(self.doc.is_scalar(value) && words::ERRORS.keys().contains(&key))
    }

    /// True if [`Walk::result_values`] would find any.
    fn has_values(&self, fields: &Fields<'d, 'a>) -> bool {
        let mut entries = fields.entries(&words::VALUE);
        entries.any(|(key, value)| self.is_value(key, value))
            || fields.has_value(&words::VALUE_ITEMS)
            || fields
                .get(&words::VALUE_PARTS)
                .is_some_and(|parts| self.doc.is_array(parts))
    }

    /// True if the items say the same as the value: Agent Framework writes both.
    fn repeats(&self, value: Option<NodeId>, items: NodeId) -> bool {
        let doc = self.doc;
        let Some(value) = value else {
            return false;
        };
        if doc.is_array(value) {
            return doc.verbatim(value) == doc.verbatim(items);
        }
        let Some(mut rest) = doc.string(value) else {
            return false;
        };
        let mut elements = doc.elements(items);
        let all = elements.all(|item| {
            let fields = Fields::of(doc, item);
            let text = doc
                .string(item)
                .or_else(|| fields.string(&words::PLAIN_TEXT));
            let after = text.and_then(|text| rest.strip_prefix(text));
            after
                .map(|after| rest = after.strip_prefix('\n').unwrap_or(after))
                .is_some()
        });
        all && rest.is_empty()
    }

    /// The value of a result.
    pub(super) fn value(&mut self, id: NodeId) {
        self.whole_value(id, Context::RESULT);
    }

    fn value_in(&mut self, id: NodeId, context: Context) {
        let doc = self.doc;
        self.seen.found = true;
        if let Some(text) = doc.string(id) {
            self.text(text, context);
        } else if doc.is_array(id) {
            for element in doc.elements(id) {
                self.element(element, context);
            }
        } else if doc.is_object(id) {
            self.object_value(id, context);
        } else if !doc.is_null(id) {
            self.json_text(id, context);
        }
    }

    /// An element of a value that is an array.
    fn element(&mut self, id: NodeId, context: Context) {
        if let Some(text) = usual::text(self.doc, id) {
            return self.text(text, context);
        }
        if !self.doc.is_object(id) {
            return self.block(id, context);
        }
        let fields = Fields::of(self.doc, id);
        if !self.wrapped(id, &fields, context) && !self.known_object(id, &fields, context) {
            self.unread(id, context);
        }
    }

    /// A value that is an object: of a known kind, or else JSON text.
    fn object_value(&mut self, id: NodeId, context: Context) {
        let doc = self.doc;
        let fields = Fields::of(doc, id);
        if self.wrapped(id, &fields, context) {
            return;
        }
        // What a tool returns may have any key: only one that says its kind, or has no other key, is taken for a block.
        let kind = fields.string(&words::KIND).is_some();
        let members = || doc.members(id).filter(|&(_, value)| !doc.is_null(value));
        let shell = fields.string(&words::STDOUT).is_some();
        if !((kind || shell || members().count() == 1) && self.known_object(id, &fields, context)) {
            self.unread(id, context);
        }
    }

    /// `{type, value}` (AI SDK) and `{json: value}` (Bedrock).
    fn wrapped(&mut self, id: NodeId, fields: &Fields<'d, 'a>, context: Context) -> bool {
        let doc = self.doc;
        if let (Some(kind), Some(value)) =
            (fields.string(&words::TYPE), fields.get(&words::TYPED_VALUE))
        {
            if matches!(kind, "json" | "error-json") && doc.string(value).is_none() {
                self.json_text(value, context);
            } else {
                self.value_in(value, context);
            }
            return true;
        }
        if let Some(value) = fields.get(&words::JSON)
            && doc.members(id).filter(|&(_, v)| !doc.is_null(v)).count() == 1
        {
            match doc.string(value) {
                Some(text) => self.text(text, context),
                None => self.json_text(value, context),
            }
            return true;
        }
        false
    }
}

/// Where a result may have its values.
const VALUES: u128 = words::VALUE.mask | words::VALUE_ITEMS.mask | words::VALUE_PARTS.mask;

/// The id of the call that a message or block names.
pub(super) fn result_id<'a>(fields: &Fields<'_, 'a>) -> Option<&'a str> {
    fields
        .id(&words::RESULT_ID)
        .or_else(|| fields.inner(&words::EXTRAS)?.id(&words::EXTRA_RESULT_ID))
        .or_else(|| fields.inner(&words::ORIGIN)?.id(&words::ID))
}
