//! Running sums, by which everything that depends on a budget is found.

/// Sums over a run of messages. Differences of running sums wrap, so that a log may grow at its front too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Messages.
    pub messages: u64,
    /// Messages that are no system messages, see `Flags::system`.
    pub others: u64,
    /// Sum of T(message), of pending messages the least that it can be.
    pub tokens: u64,
    /// Messages that RECENT may return.
    pub visible: u64,
    /// Their tokens.
    pub visible_tokens: u64,
    /// Messages before which a window may begin.
    pub group_starts: u64,
    /// Possible starts of `START USER`.
    pub users: u64,
    /// Messages not counted yet.
    pub pending: u64,
    /// Messages of which some content counted as JSON text.
    pub unread: u64,
    /// Messages that RECENT returns without their results.
    pub edited: u64,
    /// Bytes of the messages, without what stands between them.
    pub bytes: u64,
}

macro_rules! each_sum {
    ($self:ident, $other:ident, $op:ident) => {
        Sums {
            messages: $self.messages.$op($other.messages),
            others: $self.others.$op($other.others),
            tokens: $self.tokens.$op($other.tokens),
            visible: $self.visible.$op($other.visible),
            visible_tokens: $self.visible_tokens.$op($other.visible_tokens),
            group_starts: $self.group_starts.$op($other.group_starts),
            users: $self.users.$op($other.users),
            pending: $self.pending.$op($other.pending),
            unread: $self.unread.$op($other.unread),
            edited: $self.edited.$op($other.edited),
            bytes: $self.bytes.$op($other.bytes),
        }
    };
}

impl Sums {
    /// The sums over both runs.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        each_sum!(self, other, wrapping_add)
    }

    /// The sums over this run without its part `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        each_sum!(self, other, wrapping_sub)
    }
}
