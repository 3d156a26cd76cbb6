//! `CLEAR`: which tool results are cleared, and what must be examined before that is known.

use std::ops::Range;

use super::Conversation;
use super::costs::{Clearing, bytes_before};
use super::results::Border;
use super::search::VisibleTokens;
use super::window::{Request, Window};

/// Bytes of older messages that are examined at least, if those examined do not fill the window.
const EXAMINED_BYTES: u64 = 64 << 10;

/// `CLEAR n [ABOVE tokens]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clear {
    /// Number of the newest results that are returned in full.
    pub kept: u64,
    /// Nothing is cleared while the candidates count at most this many tokens.
    pub above: Option<u64>,
}

/// What CLEAR comes to for a request.
pub(super) struct ClearPlan<'a> {
    /// Nothing if nothing is cleared among the messages that were examined.
    pub clearing: Option<Clearing<'a>>,
    /// The messages from here on are examined, but for those in `newer`.
    pub examined_from: usize,
    /// Messages newer than those examined.
    newer: Range<usize>,
    /// The decision depends on the counts of all candidates.
    pub all_counts: bool,
}

impl Conversation {
    /// What is cleared if the candidates begin at `region`.
    pub(super) fn plan_clearing(&self, request: &Request, region: usize) -> ClearPlan<'_> {
        let log = &self.log;
        let mut plan = ClearPlan {
            clearing: None,
            examined_from: 0,
            newer: 0..0,
            all_counts: false,
        };
        let Some(clear) = request.clear else {
            return plan;
        };
        if let Some(above) = clear.above
            && log.visible_from(region).0 <= above
        {
            plan.all_counts = true;
            return plan;
        }
        let Some((results, examined)) = self.examined() else {
            plan.examined_from = log.len();
            plan.newer = bytes_before(log, log.len(), EXAMINED_BYTES)..log.len();
            return plan;
        };
        plan.examined_from = examined.start;
        plan.newer = examined.end..log.len();
        let border = results.border(clear.kept, !request.no_pins);
        let border = match request.step {
            Some(step) if clear.kept > 0 => {
                border.and_then(|border| self.stepped_border(border, step, region))
            }
            _ => border,
        };
        plan.clearing = border.map(|border| Clearing { results, border });
        plan
    }

    /// With STEP, the border before the group of the oldest result returned in full moves in steps of `step` tokens.
    fn stepped_border(&self, border: Border, step: u64, region: usize) -> Option<Border> {
        let log = &self.log;
        let group = log.group_start_until(log.position_of(border.seq))?;
        if group < region {
            return None;
        }
        let base = log.before::<VisibleTokens>(region);
        let offset = log.before::<VisibleTokens>(group).saturating_sub(base);
        let target = (offset / step.max(1)).saturating_mul(step);
        if target == 0 {
            return None;
        }
        let reached = log.first_reaching::<VisibleTokens>(base.saturating_add(target))?;
        let start = log.group_start_from(reached)?;
        Some(Border {
            seq: log.get(start)?.seq,
            results: 0,
            ..border
        })
    }

    /// What must be examined before `window`, selected by this plan, holds.
    pub(super) fn unexamined(
        &self,
        request: &Request,
        plan: &ClearPlan<'_>,
        window: &Window,
    ) -> Vec<Range<usize>> {
        let (from, basis) = (plan.examined_from, &window.basis);
        let mut missing = Vec::new();
        if request.clear.is_none() {
            return missing;
        }
        if !plan.newer.is_empty() {
            missing.push(plan.newer.clone());
            return missing;
        }
        if from > basis.region {
            if request.step.is_some() {
                missing.push(basis.region..from);
            } else if basis.newest < from {
                missing.push(basis.newest..from);
            } else if basis.fitting < self.log.len()
                && basis.fitting <= self.first_examined(plan, basis.region)
            {
                // All that was examined fits.
                let older = bytes_before(&self.log, from, EXAMINED_BYTES);
                missing.push(older.max(basis.region)..from);
            }
        }
        // What is before the window may be older than all that was examined.
        let user = window.basis.user.map(|p| p..p + 1);
        for range in basis.pinned.iter().cloned().chain(user) {
            for position in range.start..range.end.min(from) {
                let Some(stored) = self.log.get(position).filter(|m| !m.flags.hidden()) else {
                    continue;
                };
                if !request.no_pins && self.is_pinned(stored.seq) {
                    continue;
                }
                match self.results.get().and_then(|r| r.has_results(stored.seq)) {
                    Some(false) => {}
                    Some(true) => missing.push(position..from),
                    None => missing.push(position..position + 1),
                }
            }
        }
        missing
    }

    /// Where the first group begins that is known as a whole.
    pub(super) fn first_examined(&self, plan: &ClearPlan<'_>, region: usize) -> usize {
        let start = self.log.group_start_from(plan.examined_from.max(region));
        start.unwrap_or_else(|| self.log.len())
    }
}
