//! Which counts are known, which are pending, and how finished counts are taken in.
//!
//! While a message is *pending*, all sums contain [the least that it can count](Conversation::least_tokens) for it. The
//! sums are therefore lower bounds, and a window selected by them is never too small: if nothing in it is pending, it is
//! the right one. From this,
//! [`Conversation::missing_counts`] knows what must be counted before a selection holds.

use std::ops::Range;

use super::cutting::CutRequest;
use super::results::Results;
use super::search::Pending;
use super::temperature::CoarseTime;
use super::window::{Request, Window};
use super::{Conversation, Unreadable};
use crate::tokens::{Counter, Outcome, Text, Ticket};

/// Fewer finished counts than this are taken in only when a command needs them.
const LEAST_PILE: usize = 4;

/// Seconds. After a request to collect counts, they are collected long before this time is over, unless the key was renamed.
const COLLECTION_TIMEOUT: u32 = 10;

/// What is known of the tokens of a summary.
#[derive(Debug, Clone)]
pub enum SummaryTokens {
    /// They have been counted.
    Counted(u32),
    /// The bytes have been counted, because the tokenizer file is missing.
    Estimated(u32),
    /// They are being counted.
    Waiting(Ticket),
    /// Nothing yet.
    Pending,
}

impl From<Outcome> for SummaryTokens {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Known(tokens) => Self::Counted(tokens),
            Outcome::Estimated(tokens) => Self::Estimated(tokens),
            Outcome::Later(ticket) => Self::Waiting(ticket),
            Outcome::Unknown => Self::Pending,
        }
    }
}

impl SummaryTokens {
    /// The count, if it is known.
    #[must_use]
    pub fn known(&self) -> Option<u32> {
        match self {
            Self::Counted(tokens) | Self::Estimated(tokens) => Some(*tokens),
            Self::Waiting(_) | Self::Pending => None,
        }
    }

    /// The count to store, if it is known and no estimate: another server may have the file.
    #[must_use]
    pub fn exact(&self) -> Option<u32> {
        match self {
            Self::Counted(tokens) => Some(*tokens),
            Self::Estimated(_) | Self::Waiting(_) | Self::Pending => None,
        }
    }
}

/// Counts that must be known before a command can reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissingCounts {
    /// Positions among which there are pending messages.
    pub ranges: Vec<Range<usize>>,
    /// The summary's count.
    pub summary: bool,
    /// Positions of messages of which it must be known what they cost when their tool results are cleared.
    pub results: Vec<Range<usize>>,
    /// A group that is to be cut.
    pub cut: Option<Box<CutRequest>>,
}

impl MissingCounts {
    /// True if no count is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Exhaustive, so that nothing that is missing is forgotten.
        let Self {
            ranges,
            summary,
            results,
            cut,
        } = self;
        ranges.is_empty() && !summary && results.is_empty() && cut.is_none()
    }
}

impl Conversation {
    /// True if background threads count or compress texts of this conversation.
    #[must_use]
    pub fn expects_results(&self) -> bool {
        let summary = self.summary.as_ref().map(|s| &s.tokens);
        !self.tickets.is_empty()
            || !self.estimates.is_empty()
            || self.log.is_compressing()
            || self.results.get().is_some_and(Results::expects)
            || matches!(
                summary,
                Some(SummaryTokens::Waiting(_) | SummaryTokens::Estimated(_))
            )
    }

    /// True if many counts are pending, `more` about to be added included, and no collection was requested since the last
    /// one. A request that is long past does not count: the key may have been renamed since.
    pub fn piles_up(&mut self, more: usize) -> bool {
        if self.tickets.len().saturating_add(more) < LEAST_PILE {
            return false;
        }
        let was_requested = self.collection_requested_at.is_within(COLLECTION_TIMEOUT);
        if !was_requested {
            self.collection_requested_at = CoarseTime::now();
        }
        !was_requested
    }

    /// Takes in all finished counts. If many are still pending, returns the ticket of the last of them.
    pub fn collect_pile(&mut self) -> Option<Ticket> {
        self.collect_all();
        self.collection_requested_at = CoarseTime::default();
        if self.tickets.len() < LEAST_PILE {
            return None;
        }
        let last = self.tickets.last_queued();
        if last.is_none() {
            // They were finished just now.
            self.collect_all();
        } else {
            self.collection_requested_at = CoarseTime::now();
        }
        last
    }

    /// Takes in the finished counts up to the first that is pending, and compressed texts. Cheap enough for every command.
    pub fn collect(&mut self) {
        self.collect_counts();
        self.log.install();
    }

    fn collect_counts(&mut self) {
        self.take_findings();
        if let Some(summary) = &mut self.summary
            && let SummaryTokens::Waiting(ticket) = &summary.tokens
            && let Some(counted) = ticket.counted()
        {
            summary.tokens = Outcome::from(counted).into();
        }
        let counts = self.tickets.take_first_counts(&mut self.estimates);
        self.log.set_counts(&counts);
        self.recount_estimates();
    }

    /// If the tokenizer file has come, what was estimated is pending again.
    fn recount_estimates(&mut self) {
        let summary = self.summary.as_ref().map(|summary| &summary.tokens);
        let summary = matches!(summary, Some(SummaryTokens::Estimated(_)));
        if (!summary && self.estimates.is_empty()) || !self.attributes.encoding.is_usable() {
            return;
        }
        if let Some(summary) = self.summary.as_mut().filter(|_| summary) {
            summary.tokens = SummaryTokens::Pending;
        }
        let least = self.attributes.rules().least();
        for (first, last) in self.estimates.take() {
            let from = self.log.position_of(first);
            let to = self.log.position_of(last.saturating_add(1));
            self.log.update(from..to, |e| {
                if !e.flags.explicit() {
                    e.tokens = least;
                    e.flags.set_pending(true);
                }
            });
        }
    }

    /// True if the count of message `seq` is an estimate, because the tokenizer file is missing.
    #[must_use]
    pub fn is_estimated(&self, seq: i64) -> bool {
        self.estimates.contains(seq)
    }

    /// Takes in all finished counts.
    pub fn collect_all(&mut self) {
        self.collect_counts();
        let counts = self.tickets.take_all_counts(&mut self.estimates);
        self.log.set_counts(&counts);
        self.log.install();
    }

    /// True if some counts are not known yet.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.log.total::<Pending>() > 0
            || self
                .summary
                .as_ref()
                .is_some_and(|s| s.tokens.known().is_none())
    }

    pub(super) fn has_pending(&self, range: &Range<usize>) -> bool {
        if self.log.total::<Pending>() == 0 {
            return false;
        }
        let before = |position| self.log.before::<Pending>(position);
        range.start < range.end && before(range.end) > before(range.start)
    }

    /// What must be counted before `window`, which was selected for `request`, holds.
    #[must_use]
    pub fn missing_counts(&self, request: &Request, window: &Window) -> MissingCounts {
        let mut missing = MissingCounts {
            results: window.basis.unexamined.clone(),
            ..MissingCounts::default()
        };
        if !self.is_pending() {
            return missing;
        }
        if !request.no_summary {
            missing.summary = self
                .summary
                .as_ref()
                .is_some_and(|s| s.tokens.known().is_none());
        }
        let (len, basis) = (self.log.len(), &window.basis);
        let from = match request.step {
            _ if basis.all_counts => basis.region,
            Some(_) => basis.region,
            None => window.range.start.min(basis.newest).min(basis.fitting),
        };
        let system = if request.no_system {
            0..0
        } else {
            0..self.log.leading()
        };
        let user = basis.user.map(|p| p..p + 1);
        let pinned = basis.pinned.iter().filter(|range| range.start < from);
        missing.ranges = [from..len, system]
            .into_iter()
            .chain(user)
            .chain(pinned.cloned())
            .filter(|range| self.has_pending(range))
            .collect();
        missing
    }

    /// Everything that is pending among the messages.
    #[must_use]
    pub fn missing_in_messages(&self) -> MissingCounts {
        let all = 0..self.log.len();
        MissingCounts {
            ranges: Some(all)
                .filter(|all| self.has_pending(all))
                .into_iter()
                .collect(),
            ..MissingCounts::default()
        }
    }

    /// Everything that is pending.
    #[must_use]
    pub fn missing_anywhere(&self) -> MissingCounts {
        MissingCounts {
            ranges: self.missing_in_messages().ranges,
            ..self.missing_summary()
        }
    }

    /// What is pending of the messages at these positions.
    #[must_use]
    pub fn missing_at(&self, positions: impl Iterator<Item = usize>) -> MissingCounts {
        MissingCounts {
            ranges: positions
                .map(|p| p..p + 1)
                .filter(|range| self.has_pending(range))
                .collect(),
            ..MissingCounts::default()
        }
    }

    /// The summary, if it is pending.
    #[must_use]
    pub fn missing_summary(&self) -> MissingCounts {
        MissingCounts {
            summary: self
                .summary
                .as_ref()
                .is_some_and(|s| s.tokens.known().is_none()),
            ..MissingCounts::default()
        }
    }

    /// Bytes of the texts of the missing counts, at most `most`.
    #[must_use]
    pub fn missing_bytes(&self, missing: &MissingCounts, most: usize) -> usize {
        let mut bytes = match &self.summary {
            Some(summary) if missing.summary => summary.text.len(),
            _ => 0,
        };
        self.visit_missing(missing, |position| {
            bytes += self.log.get(position).map_or(0, |m| m.len);
            bytes <= most
        });
        if let Some(cut) = &missing.cut {
            bytes = bytes.saturating_add(cut.bytes());
        }
        let left = most.saturating_sub(bytes);
        bytes.saturating_add(self.bytes_to_examine(&missing.results, left))
    }

    /// Hands the texts of missing counts to `counter`, the newest first, until `most` bytes are handed over. `pause` is
    /// called after each.
    ///
    /// # Errors
    /// There is not enough memory to decompress a message; those before it were handed over.
    pub fn count_missing(
        &mut self,
        missing: &MissingCounts,
        most: usize,
        counter: &impl Counter,
        mut pause: impl FnMut(),
    ) -> Result<(), Unreadable> {
        let rules = self.attributes.rules();
        if missing.summary
            && let Some(summary) = &self.summary
            && let SummaryTokens::Waiting(ticket) = &summary.tokens
            && let Some(completion) = counter.completion()
        {
            ticket.hold(completion);
        } else if missing.summary
            && let Some(summary) = &mut self.summary
        {
            summary.tokens = counter.count(rules, Text::of_summary(&summary.text)).into();
            pause();
        }
        let mut bytes = 0;
        let mut positions = Vec::new();
        self.visit_missing(missing, |position| {
            positions.push(position);
            bytes += self.log.get(position).map_or(0, |m| m.len);
            bytes < most
        });
        let (mut counts, mut tickets) = (Vec::new(), Vec::new());
        let mut readable = Ok(());
        for position in positions {
            let Some(stored) = self.log.get(position) else {
                continue;
            };
            // A message that is being counted need not be handed over again if its count is only waited for.
            if let (Some(ticket), Some(completion)) =
                (self.tickets.get(stored.seq), counter.completion())
            {
                ticket.hold(completion);
                continue;
            }
            let text = self
                .log
                .with_message(position, |m| super::message::with_message(m, Text::of).ok());
            let text = match text {
                Ok(Some(Some(text))) => text,
                Ok(_) => continue,
                Err(why) => {
                    readable = Err(why);
                    break;
                }
            };
            match counter.count(rules, text) {
                Outcome::Known(tokens) => {
                    self.tickets.remove(stored.seq);
                    counts.push((stored.seq, tokens));
                }
                Outcome::Estimated(tokens) => {
                    self.tickets.remove(stored.seq);
                    self.estimates.insert(stored.seq);
                    counts.push((stored.seq, tokens));
                }
                Outcome::Later(ticket) => tickets.push((stored.seq, ticket)),
                Outcome::Unknown => {}
            }
            pause();
        }
        self.tickets.extend(tickets);
        counts.sort_unstable();
        self.log.set_counts(&counts);
        readable?;
        if let Some(request) = &missing.cut {
            self.cut_missing(request, counter);
        }
        let left = most.saturating_sub(bytes).max(1);
        self.examine_missing(&missing.results, left, counter, &mut pause)
    }

    /// Visits the positions of pending messages in `missing`, the newest first, as long as `visit` says so.
    fn visit_missing(&self, missing: &MissingCounts, mut visit: impl FnMut(usize) -> bool) {
        for range in &missing.ranges {
            if !self.log.visit_pending(range, &mut visit) {
                return;
            }
        }
    }
}
