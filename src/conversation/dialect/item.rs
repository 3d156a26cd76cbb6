//! Responses items.

/// What a Responses item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Not an item that needs to be read as such.
    None,
    /// A call.
    Call,
    /// A request of an approval that is answered by an item.
    ApprovalRequest,
    /// The result of a call.
    Output,
    /// The answer to [`Item::ApprovalRequest`].
    ApprovalResponse,
    /// Reasoning.
    Reasoning,
    /// What only its provider can read.
    Opaque,
}

impl Item {
    /// The item of this `type`.
    pub fn of(kind: &str) -> Self {
        match kind {
            "reasoning" => Self::Reasoning,
            "compaction" => Self::Opaque,
            "mcp_approval_request" => Self::ApprovalRequest,
            "mcp_approval_response" => Self::ApprovalResponse,
            "program" => Self::Call,
            "program_output" | "tool_search_output" => Self::Output,
            _ if kind.ends_with("_call") => Self::Call,
            _ if kind.ends_with("_call_output") || kind.ends_with("_call_result") => Self::Output,
            _ => Self::None,
        }
    }

    /// True for reasoning.
    pub fn is_reasoning(self) -> bool {
        self == Self::Reasoning
    }

    /// True for an item that holds a call.
    pub fn calls(self) -> bool {
        matches!(self, Self::Call | Self::ApprovalRequest)
    }

    /// True for an item that is a result.
    pub fn is_result(self) -> bool {
        matches!(self, Self::Output | Self::ApprovalResponse)
    }
}
