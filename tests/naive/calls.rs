//! Calls and results of a message, wherever they stand.

use super::content::{Reader, Within};
use super::json::{Node, Value};
use super::kinds::*;
use super::message::{NaiveCall, NaiveResult, answered};

impl<'a> Block<'a> {
    /// A result whose place says that it is one.
    pub fn of_result(v: &'a Value) -> Block<'a> {
        let (kind, word, bodies) = (Kind::Result, String::new(), vec![v]);
        Block { kind, word, bodies }
    }

    /// The ids and the name only.
    pub fn without_values(&self) -> Block<'a> {
        let (kind, bodies) = (Kind::Unknown, self.bodies.clone());
        let word = self.word.clone();
        Block { kind, word, bodies }
    }
}

/// Adds a result; `span` if it is a block of the message.
pub fn add_result<'a>(r: &mut Reader<'a>, block: &Block<'a>, span: Option<(usize, usize)>) {
    let origin = block.get("origin").and_then(|o| o.text("id"));
    let kwargs = block
        .get("additional_kwargs")
        .and_then(|o| o.text("tool_call_id"));
    let nested = [kwargs, origin]
        .into_iter()
        .flatten()
        .find(|id| !id.is_empty());
    // "else `id` of the block, or of langchain4j's TOOL_EXECUTION_RESULT"
    let own = span.is_some() || r.top.text("type") == Some("TOOL_EXECUTION_RESULT");
    let id = block
        .id(&RESULT_IDS)
        .or_else(|| nested.map(str::to_string))
        .or_else(|| block.id(&["id"]).filter(|_| own));
    let name = block.text(&NAMES).or_else(|| {
        block
            .get("origin")
            .and_then(|o| o.text("tool_name"))
            .map(str::to_string)
    });
    if block.kind != Kind::Unknown {
        // "The name of a result counts only as `name`: [...] E(name) for a block"
        if let Some(name) = block.text(&["name"]) {
            r.out.counted.push(name);
        }
        r.start_value();
        r.values(block);
    }
    push_result(
        r,
        NaiveResult {
            id,
            name,
            span,
            ..NaiveResult::default()
        },
    );
}

/// Takes what was read since the value began. "A call with its output in the same message is closed there."
fn push_result(r: &mut Reader, mut result: NaiveResult) {
    r.finish_value(&mut result);
    let calls = &mut r.out.calls;
    let places: Vec<usize> = (0..calls.len())
        .filter(|&k| calls[k].opens && !calls[k].closed)
        .collect();
    let open: Vec<NaiveCall> = places.iter().map(|&k| calls[k].clone()).collect();
    if let Some(k) = answered(&open, &result) {
        calls[places[k]].closed = true;
        result.closed = true;
    }
    r.out.results.push(result);
}

impl<'a> Reader<'a> {
    // ---- calls -----------------------------------------------------------------------------------------------------

    /// "sum over calls (E(call name) + E(call arguments) + 1)"
    fn add_call(&mut self, block: &Block<'a>, ids: &[&str]) -> usize {
        let of = |key: &str| block.get(key).filter(|v| v.is_object());
        let nested = |key: &str| of("function").or(of("custom")).and_then(|f| f.get(key));
        let named = || {
            let tool = block
                .word
                .get(5..)
                .filter(|_| block.word.to_lowercase().starts_with("tool-"));
            tool.filter(|_| block.kind == Kind::Invocation && block.word != "tool-invocation")
        };
        let name = block
            .text(&NAMES)
            .or_else(|| nested("name").and_then(Value::as_str).map(str::to_string))
            .or_else(|| named().map(str::to_string));
        // "a string as it is, anything else as its JSON text, verbatim"
        let arguments = ARGUMENTS
            .iter()
            .find_map(|key| block.get(key))
            .or_else(|| nested("arguments"))
            .or_else(|| nested("input"))
            .map(|v| v.as_str().map_or(v.raw.clone(), str::to_string));
        self.out.fixed += 1;
        self.out.counted.extend(name.clone());
        self.out.counted.extend(arguments.clone());
        self.out.calls.push(NaiveCall {
            id: block.id(ids),
            item_id: None,
            name,
            arguments,
            opens: true,
            closed: false,
            approval: false,
        });
        self.out.calls.len() - 1
    }

    /// The result that an AI SDK call carries.
    fn add_output(&mut self, block: &Block<'a>, call: usize) {
        let mut found = false;
        self.start_value();
        for key in ["output", "result", "errorText"] {
            if let Some(v) = block.get(key) {
                self.value_at(v);
                found = true;
            }
        }
        if found {
            self.out.calls[call].closed = true;
            let mut result = NaiveResult {
                id: self.out.calls[call].id.clone(),
                closed: true,
                ..NaiveResult::default()
            };
            self.finish_value(&mut result);
            self.out.results.push(result);
        }
    }

    pub fn call_block(&mut self, block: &Block<'a>) {
        let ids: &[&str] = match block.kind {
            Kind::ApprovalRequest => &["id"],
            _ => &CALL_IDS,
        };
        // "Neither counted nor opened again: a call block whose id is among `tool_calls`"
        if block.id(ids).is_some_and(|id| self.listed.contains(&id)) {
            return;
        }
        let call = self.add_call(block, ids);
        self.out.calls[call].approval = block.kind == Kind::ApprovalRequest;
        if block.kind == Kind::Invocation {
            self.add_output(block, call);
        }
    }

    pub fn read_call_lists(&mut self) {
        let inner = self.place.inner;
        // "the `tool_calls` and `results` that AutoGen's ToolCallSummaryMessage repeats"
        if self.top.text("type") == Some("ToolCallSummaryMessage") {
            return;
        }
        let lists = [
            "tool_calls",
            "toolCalls",
            "toolInvocations",
            "toolExecutionRequests",
            "invalid_tool_calls",
        ];
        for key in lists {
            for call in inner.list(key).iter().filter(|v| v.is_object()) {
                let block = Block::of_result(call);
                let call = self.add_call(&block, &CALL_IDS);
                if key == "toolInvocations" {
                    self.add_output(&block, call);
                }
            }
        }
        if let Some(call) = inner.object("function_call") {
            self.add_call(&Block::of_result(call), &CALL_IDS);
        }
        // "`additional_kwargs.tool_calls[]` or `.function_call` if there is no `tool_calls`"
        if self.out.calls.is_empty()
            && let Some(more) = inner.object("additional_kwargs")
        {
            for call in more.list("tool_calls").iter().filter(|v| v.is_object()) {
                self.add_call(&Block::of_result(call), &CALL_IDS);
            }
            if self.out.calls.is_empty()
                && let Some(call) = more.object("function_call")
            {
                self.add_call(&Block::of_result(call), &CALL_IDS);
            }
        }
        self.listed = self.out.calls.iter().filter_map(|c| c.id.clone()).collect();
    }

    // ---- items -----------------------------------------------------------------------------------------------------

    /// Items that are calls, results, reasoning or compaction. False if the message is none of them.
    pub fn read_item(&mut self) -> bool {
        let Some(kind) = self.place.item.as_deref() else {
            return false;
        };
        let top = self.top;
        let block = Block {
            kind: Kind::Text,
            word: kind.to_string(),
            bodies: vec![top],
        };
        if is_call_item(kind) {
            self.call_item(kind, &block);
        } else if is_result_item(kind) {
            self.result_item(kind, &block);
        } else if kind == "reasoning" {
            self.text_block(&block, Within::Message);
            self.opaque = top.text("encrypted_content").is_some_and(|s| !s.is_empty());
        } else if kind == "compaction" {
            self.opaque = true;
        } else {
            return false;
        }
        true
    }

    fn call_item(&mut self, kind: &str, block: &Block<'a>) {
        self.out.is_call_item = true;
        let approval = kind == "mcp_approval_request";
        let ids: &[&str] = if approval { &["id"] } else { &ITEM_IDS };
        let call = self.add_call(block, ids);
        let call = &mut self.out.calls[call];
        call.approval = approval;
        // "an item without `call_id` opens nothing"
        call.opens = call.id.is_some();
        if kind == "local_shell_call" {
            call.item_id = block.id(&["id"]);
        }
        // "`image_generation_call.result`"
        if kind == "image_generation_call" {
            if block.get("result").is_some() {
                self.media(Within::Message);
            }
            return;
        }
        // Hosted tools: "whose result is in the item".
        for key in ["output", "outputs", "result", "results", "error"] {
            if let Some(v) = block.get(key).filter(|v| v.node != Node::Bool) {
                self.value(v);
            }
        }
    }

    fn result_item(&mut self, kind: &str, block: &Block<'a>) {
        let approval = kind == "mcp_approval_response";
        let shell = kind == "local_shell_call_output";
        self.start_value();
        if approval {
            // "`reason` of an approval"
            self.out.counted.extend(block.text(&["reason"]));
        } else {
            self.values(&Block::of_result(self.top));
        }
        let id = match approval {
            true => block.id(&["approval_request_id"]),
            false => block
                .id(&RESULT_IDS)
                .or_else(|| block.id(&["id"]).filter(|_| shell)),
        };
        push_result(
            self,
            NaiveResult {
                id,
                name: block.text(&NAMES),
                approval,
                by_item_id: shell,
                ..NaiveResult::default()
            },
        );
    }
}
