//! Which counts are there, which are still to come, and how they come in.
//!
//! As long as a message is *pending*, all sums contain [the least that it can count](Conversation::least_tokens). So the sums are lower bounds,
//! and a window selected by them is never too small: if nothing in it is pending, it is the right one. That is how
//! [`Conversation::missing_counts`] knows what must be counted before a selection holds.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::search::Pending;
use super::window::{Request, Window};
use super::{Conversation, Unreadable};
use crate::tokens::{Counter, Outcome, Text, Ticket};

/// So few counts may lie about until somebody asks for them.
const LEAST_PILE: usize = 4;

/// Whoever was told that counts pile up sees to it long before this is over, unless the key has another name now.
const COLLECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// What is known of the tokens of a summary.
#[derive(Debug, Clone)]
pub enum SummaryTokens {
    /// They have been counted.
    Counted(u32),
    /// They are being counted.
    Waiting(Ticket),
    /// Nothing yet.
    Pending,
}

impl From<Outcome> for SummaryTokens {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Known(tokens) => Self::Counted(tokens),
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
            Self::Counted(tokens) => Some(*tokens),
            Self::Waiting(_) | Self::Pending => None,
        }
    }
}

/// Counts that must be known before a command can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissingCounts {
    /// Positions among which there are pending messages.
    pub ranges: Vec<Range<usize>>,
    /// The summary's count.
    pub summary: bool,
}

impl MissingCounts {
    /// True if nothing lacks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && !self.summary
    }
}

impl Conversation {
    /// True if counts or packed texts are on their way to this conversation.
    #[must_use]
    pub fn expects_results(&self) -> bool {
        let summary = self.summary.as_ref().map(|s| &s.tokens);
        !self.tickets.is_empty()
            || self.log.is_compressing()
            || matches!(summary, Some(SummaryTokens::Waiting(_)))
    }

    /// True if counts pile up with `more` that are about to be added, and nobody has been told so since they were last
    /// collected (or that is long ago: it may have been told of another name of the key).
    pub fn piles_up(&mut self, more: usize) -> bool {
        if self.tickets.len().saturating_add(more) < LEAST_PILE {
            return false;
        }
        let now = Instant::now();
        let was_requested = self
            .collection_requested_at
            .is_some_and(|at| now.duration_since(at) < COLLECTION_TIMEOUT);
        if !was_requested {
            self.collection_requested_at = Some(now);
        }
        !was_requested
    }

    /// Takes all counts that have come in; if many are still to come, the ticket of the last of them.
    pub fn collect_pile(&mut self) -> Option<Ticket> {
        self.collect_all();
        self.collection_requested_at = None;
        if self.tickets.len() < LEAST_PILE {
            return None;
        }
        let last = self.tickets.last_queued();
        if last.is_none() {
            // They have come in just now.
            self.collect_all();
        } else {
            self.collection_requested_at = Some(Instant::now());
        }
        last
    }

    /// Takes the counts that have come in, up to the first that has not, and packed texts: cheap, for every command.
    pub fn collect(&mut self) {
        self.collect_counts();
        self.log.install();
    }

    fn collect_counts(&mut self) {
        if let Some(summary) = &mut self.summary
            && let SummaryTokens::Waiting(ticket) = &summary.tokens
            && let Some(tokens) = ticket.count()
        {
            summary.tokens = SummaryTokens::Counted(tokens);
        }
        let counts = self.tickets.take_first_counts();
        self.log.set_counts(&counts);
    }

    /// Takes all counts that have come in.
    pub fn collect_all(&mut self) {
        self.collect_counts();
        let counts = self.tickets.take_all_counts();
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
        let mut missing = MissingCounts::default();
        if !self.is_pending() {
            return missing;
        }
        if !request.no_summary {
            missing.summary = self
                .summary
                .as_ref()
                .is_some_and(|s| s.tokens.known().is_none());
        }
        let len = self.log.len();
        let from = match request.step {
            Some(_) => window.region,
            None => window.range.start.min(window.newest).min(window.fitting),
        };
        let system = if request.no_system {
            0..0
        } else {
            0..self.log.leading()
        };
        let front = window.looked_at.map_or(0..0, |p| p..p + 1);
        missing.ranges = [from..len, system, front]
            .into_iter()
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
            summary: false,
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
            summary: false,
        }
    }

    /// The summary, if it is pending.
    #[must_use]
    pub fn missing_summary(&self) -> MissingCounts {
        MissingCounts {
            ranges: Vec::new(),
            summary: self
                .summary
                .as_ref()
                .is_some_and(|s| s.tokens.known().is_none()),
        }
    }

    /// Bytes of what lacks, counted up to `most`.
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
        bytes
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
                Outcome::Later(ticket) => tickets.push((stored.seq, ticket)),
                Outcome::Unknown => {}
            }
            pause();
        }
        self.tickets.extend(tickets);
        counts.sort_unstable();
        self.log.set_counts(&counts);
        readable
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
