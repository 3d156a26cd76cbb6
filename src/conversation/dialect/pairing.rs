//! Calls and results of the same message close each other: what remains is what others have to know.

use std::collections::{HashMap, VecDeque};

use smallvec::SmallVec;

use super::{FoundCall, FoundResult};
use crate::conversation::facts::CallKind;

/// The calls and results of a message, as they are found.
#[derive(Default)]
pub struct Pairs<'a> {
    calls: SmallVec<[FoundCall<'a>; 2]>,
    /// With the number of calls found before.
    results: SmallVec<[(FoundResult<'a>, usize); 2]>,
}

/// Open calls in order, by what a result may name.
#[derive(Default)]
struct Open<'a> {
    by_id: HashMap<(CallKind, &'a str), VecDeque<usize>>,
    by_item_id: HashMap<(CallKind, &'a str), VecDeque<usize>>,
    /// Calls without an id, by their names, if they have any.
    without_id: HashMap<(CallKind, Option<&'a str>), VecDeque<usize>>,
    all_without_id: HashMap<CallKind, VecDeque<usize>>,
    all: HashMap<CallKind, VecDeque<usize>>,
    closed: Vec<bool>,
}

impl<'a> Pairs<'a> {
    /// A call was found.
    pub fn call(&mut self, call: FoundCall<'a>) {
        self.calls.push(call);
    }

    /// A result was found.
    pub fn result(&mut self, result: FoundResult<'a>) {
        self.results.push((result, self.calls.len()));
    }

    /// Lets results and calls of the message close each other. What is left are the calls that no result of the message
    /// closes, and the results that close none.
    #[inline]
    pub fn close(&mut self) {
        if !self.calls.is_empty() && !self.results.is_empty() {
            self.close_each_other();
        }
    }

    #[inline(never)]
    fn close_each_other(&mut self) {
        let mut open = Open::of(&self.calls);
        self.results
            .retain(|(result, before)| !open.close(result, *before));
        let mut closed = open.closed.into_iter();
        self.calls.retain(|_| !closed.next().unwrap_or_default());
    }

    /// True if there are neither calls nor results.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.results.is_empty()
    }

    /// True if there are results, each a block of the content.
    pub fn are_blocks(&self) -> bool {
        // They were found in the order of the content.
        let mut last = None;
        let mut blocks = self.results.iter().map(|(result, _)| result.block);
        !self.results.is_empty()
            && blocks.all(|block| {
                let is_next = block > last;
                last = block;
                is_next
            })
    }

    /// The calls.
    pub fn calls(&self) -> impl ExactSizeIterator<Item = &FoundCall<'a>> {
        self.calls.iter()
    }

    /// The results.
    pub fn results(&self) -> impl ExactSizeIterator<Item = &FoundResult<'a>> {
        self.results.iter().map(|(result, _)| result)
    }
}

impl<'a> Open<'a> {
    fn of(calls: &[FoundCall<'a>]) -> Self {
        let mut open = Self {
            closed: vec![false; calls.len()],
            ..Self::default()
        };
        for (i, call) in calls.iter().enumerate() {
            let kind = call.kind;
            match call.id {
                Some(id) => open.by_id.entry((kind, id)).or_default().push_back(i),
                None => {
                    let same_name = open.without_id.entry((kind, call.name)).or_default();
                    same_name.push_back(i);
                    open.all_without_id.entry(kind).or_default().push_back(i);
                }
            }
            if let Some(id) = call.item_id {
                open.by_item_id.entry((kind, id)).or_default().push_back(i);
            }
            open.all.entry(kind).or_default().push_back(i);
        }
        open
    }

    /// Closes the call that the result answers, if it is one of this message.
    fn close(&mut self, result: &FoundResult<'a>, before: usize) -> bool {
        let kind = result.kind;
        let closed = &mut self.closed;
        let first = |queue: Option<&mut VecDeque<usize>>, before: usize| {
            let queue = queue?;
            while let Some(&i) = queue.front() {
                if closed.get(i) == Some(&false) {
                    return Some(i).filter(|&i| i < before);
                }
                queue.pop_front();
            }
            None
        };
        let found = match result.id {
            // Calls outside the content may be found after the results in it.
            Some(id) => first(self.by_id.get_mut(&(kind, id)), usize::MAX).or_else(|| {
                let by_item_id = self.by_item_id.get_mut(&(kind, id));
                first(by_item_id.filter(|_| result.by_item_id), usize::MAX)
            }),
            None => {
                let named = match result.name {
                    Some(name) => {
                        let same = first(self.without_id.get_mut(&(kind, Some(name))), before);
                        let none = first(self.without_id.get_mut(&(kind, None)), before);
                        same.into_iter().chain(none).min()
                    }
                    None => None,
                };
                named
                    .or_else(|| first(self.all_without_id.get_mut(&kind), before))
                    .or_else(|| first(self.all.get_mut(&kind), before))
            }
        };
        let Some(slot) = found.and_then(|i| self.closed.get_mut(i)) else {
            return false;
        };
        *slot = true;
        true
    }
}
