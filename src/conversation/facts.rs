//! What selecting, tracking and deduplicating need to know of a message: [`Facts`], all that is kept of it besides its bytes.

use serde::{Deserialize, Serialize};

/// What the role of a message means for selecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u16)]
pub enum Class {
    /// `system`, `developer` and their spellings.
    System,
    /// `user` and its spellings.
    User,
    /// `assistant` and its spellings.
    Assistant,
    /// `tool`, `function` and their spellings.
    Tool,
    /// Any other role.
    #[default]
    Other,
}

/// What a call or result is paired as: only equal kinds pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum CallKind {
    /// A tool call and its result.
    #[default]
    Tool,
    /// `mcp_approval_request` and `mcp_approval_response`.
    McpApproval,
}

/// A call that a message opens and does not itself answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Call {
    /// What it pairs with.
    pub kind: CallKind,
    /// The id that its result names; never empty.
    pub id: Option<Box<str>>,
    /// The `id` of a `local_shell_call` itself, if it differs from `id`: its result may name either.
    pub item_id: Option<Box<str>>,
    /// Name of the tool, if the call has no id: with one it pairs by the id alone.
    pub name: Option<Box<str>>,
}

/// A result in a message whose call is not in the same message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolResult {
    /// What it pairs with.
    pub kind: CallKind,
    /// The id of the call; never empty.
    pub id: Option<Box<str>>,
    /// A `local_shell_call_output`: `id` may name a call's [`Call::item_id`].
    pub by_item_id: bool,
    /// Name of the tool, if the result has one and no id.
    pub name: Option<Box<str>>,
}

/// The form in which a summary is returned to stand beside this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SummaryForm {
    /// `{"role":"system","content":...}`.
    #[default]
    Base,
    /// `{"type":"system","data":{"content":...}}`.
    LangChainDict,
    /// `{"type":"system","content":...}`.
    LangChainFlat,
    /// `{"lc":1,"type":"constructor","id":[...],"kwargs":{"content":...}}`.
    LangChainConstructor,
}

/// What selecting, tracking and deduplicating need to know of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The meaning of its role, from the role alone.
    pub class: Class,
    /// How a summary beside it is written.
    pub summary_form: SummaryForm,
    /// A Responses item (top-level `type`, no `data`): may continue a turn that a call item opened.
    pub item: bool,
    /// A Responses item that opens calls (`..._call`, `program`, `mcp_approval_request`).
    pub call_item: bool,
    /// A Responses `reasoning` item.
    pub reasoning: bool,
    /// Has a top-level `type`: a reasoning group holds items, and assistant messages without `type`.
    pub typed: bool,
    /// The message's own id; never empty.
    pub id: Option<Box<str>>,
    /// The calls it opens, in order, without those that it answers itself.
    pub calls: Vec<Call>,
    /// The results it holds, in order, without those whose call is in the message itself.
    pub results: Vec<ToolResult>,
    /// It holds non-empty text, a media part or unread content outside its results. Calls do not count.
    pub own_text: bool,
    /// Its results are blocks of its content that nothing else shares, so it can be returned without them.
    pub can_omit_results: bool,
    /// It holds approvals that open and answer nothing (`tool-approval-...`, `function_approval_...`).
    pub approvals: bool,
    /// It holds such approvals and nothing else: it belongs to its open turn.
    pub only_approvals: bool,
    /// Some of its content counted as JSON text, because its spelling is unknown.
    pub unread: bool,
}
