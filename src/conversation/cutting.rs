//! Applying `OVERSIZE CUT` to a selection: at once if the texts are short, otherwise on a background thread.

use std::sync::{Arc, OnceLock};

use super::costs::{Clearing, Costs};
use super::cut::{CutMessage, Whole, cut};
use super::window::Window;
use super::{Conversation, Unreadable};
use crate::tokens::{Counter, Rules, most_inline};

/// The newest group does not fit, and is to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Oversized {
    /// The user message that START USER places before it.
    pub user: Option<usize>,
    /// Where the group begins.
    pub start: usize,
    /// What both may count together.
    pub budget: i64,
}

/// A group that is to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutRequest {
    messages: Vec<Whole>,
    rules: Rules,
    budget: i64,
}

/// A group that was cut, and what it came from.
#[derive(Debug)]
struct Done {
    request: CutRequest,
    /// `None`: it cannot be cut to the budget.
    cut: OnceLock<Option<Vec<CutMessage>>>,
}

/// Where the background threads leave a group that was cut, for the command that waits for it. It is kept until the next
/// write or the next group to be cut.
#[derive(Debug, Default)]
pub(super) struct CutSlot(Option<Arc<Done>>);

impl Clone for CutSlot {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl CutSlot {
    /// The conversation is about to change.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Bytes on the heap, about.
    pub fn heap_bytes(&self) -> usize {
        let done = self.0.as_ref();
        done.map_or(0, |done| size_of::<Done>() + 2 * done.request.bytes())
    }

    /// The result for `request`, if it is there. It stays: CONV.MRECENT looks twice.
    fn find(&self, request: &CutRequest) -> Option<&Done> {
        let done = self.0.as_deref();
        done.filter(|done| done.request == *request && done.cut.get().is_some())
    }
}

impl CutRequest {
    /// Bytes of the messages.
    pub(super) fn bytes(&self) -> usize {
        self.messages.iter().map(|m| m.bytes.len()).sum()
    }

    fn run(&self) -> Option<Vec<CutMessage>> {
        cut(&self.messages, self.rules, self.budget)
    }
}

impl Conversation {
    /// `window` with its group cut, if it was selected with OVERSIZE CUT and its group does not fit. `Err` if that takes
    /// long, and has to be done by [`Conversation::count_missing`] first.
    ///
    /// # Errors
    /// There is not enough memory to decompress the messages.
    pub fn with_cut(&self, window: Window) -> Result<Result<Window, CutRequest>, Unreadable> {
        let Some(oversized) = window.basis.oversized.clone() else {
            return Ok(Ok(window));
        };
        let (request, members) = self.cut_request(&window, &oversized)?;
        let done = match self.cut.find(&request) {
            Some(done) => done.cut.get().cloned().flatten(),
            None if request.bytes() <= most_inline(self.attributes.encoding) => request.run(),
            None => return Ok(Err(request)),
        };
        Ok(Ok(match done {
            Some(cut) => self.cut_window(window, &oversized, &members, cut),
            None => window,
        }))
    }

    /// The messages of the group, and of each its number and whether it is edited already.
    fn cut_request(
        &self,
        window: &Window,
        oversized: &Oversized,
    ) -> Result<(CutRequest, Vec<(i64, bool)>), Unreadable> {
        let costs = self.costs_of(window);
        let rendering = self.rendering(window);
        let (mut messages, mut members) = (Vec::new(), Vec::new());
        let group = oversized.start..self.log.len();
        for position in oversized.user.into_iter().chain(group) {
            let Some(stored) = self.log.get(position).filter(|m| !m.flags.hidden()) else {
                continue;
            };
            let bytes = self.log.with_message(position, |message| {
                rendering
                    .render(stored.seq, stored.flags, message)
                    .into_owned()
            })?;
            let place = position..position + 1;
            let is_edited = stored.flags.edited() || costs.savings_of(&place).results > 0;
            messages.push(Whole {
                bytes: bytes.unwrap_or_default(),
                tokens: costs.of(&place),
            });
            members.push((stored.seq, is_edited));
        }
        let request = CutRequest {
            messages,
            rules: self.attributes.rules(),
            budget: oversized.budget,
        };
        Ok((request, members))
    }

    fn costs_of(&self, window: &Window) -> Costs<'_> {
        let clearing = window.border.and_then(|border| {
            let results = self.results.get()?;
            Some(Clearing { results, border })
        });
        Costs::new(&self.log, clearing)
    }

    /// The window that consists of the group that was cut.
    fn cut_window(
        &self,
        mut window: Window,
        oversized: &Oversized,
        members: &[(i64, bool)],
        cut: Vec<CutMessage>,
    ) -> Window {
        window.user = oversized.user;
        window.range.start = oversized.start;
        let costs = self.costs_of(&window);
        let last = self.log.last_visible_before(self.log.len());
        self.describe(&mut window, &costs, last);
        let user = oversized.user.map_or(0, |p| costs.of(&(p..p + 1)));
        let (group, _) = costs.from(oversized.start);
        window.tokens = window.tokens.saturating_sub(user).saturating_sub(group);
        for ((seq, is_edited), message) in members.iter().zip(cut) {
            window.tokens = window.tokens.saturating_add(message.tokens);
            window.cut = window.cut.saturating_add(message.cuts);
            if message.cuts > 0 {
                window.edited += u64::from(!is_edited);
                window.cut_messages.push((*seq, message.bytes));
            }
        }
        window
    }

    /// Cuts a group, and leaves it for the command that waits for it.
    pub(super) fn cut_missing(&mut self, request: &CutRequest, counter: &impl Counter) {
        let done = Arc::new(Done {
            request: request.clone(),
            cut: OnceLock::new(),
        });
        self.cut.0 = Some(Arc::clone(&done));
        counter.run(Box::new(move || {
            let _ = done.cut.set(done.request.run());
        }));
    }
}
