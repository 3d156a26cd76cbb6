//! Open calls, and which of them a result answers.
//!
//! Ids may be missing or equal, so open calls are a multiset in the order in which they were opened:
//!
//! - A result with an id answers the oldest open call with that id, never a call without one.
//! - A result without an id answers the oldest open call that has no id and, if both have a name, the same name; else
//!   the oldest open call without an id; else the oldest open call.
//!
//! Only equal kinds pair.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::facts::{Call, CallKind, ToolResult};

/// Up to this number, calls are searched one by one. More are indexed, so that pairing stays fast for a turn with many.
const SEARCHED: usize = 16;

/// The calls of a turn that are not answered yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Call>", into = "Vec<Call>")]
pub struct OpenCalls {
    /// In the order in which they were opened; answered ones are None until the next compaction.
    slots: Vec<Option<Call>>,
    open: usize,
    index: Option<Box<Index>>,
}

/// The slots of the open calls with each property.
type Index = HashMap<Property, BTreeSet<usize>>;

/// What a result looks for in a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Property {
    /// It has this id.
    Id(CallKind, Box<str>),
    /// It is an item with this id.
    ItemId(CallKind, Box<str>),
    /// It has no id, but this name.
    NamedWithoutId(CallKind, Box<str>),
    /// It has neither an id nor a name.
    Nameless(CallKind),
    /// It has no id.
    WithoutId(CallKind),
    /// Any call.
    Any(CallKind),
}

impl Property {
    fn of(call: &Call) -> impl Iterator<Item = Self> {
        let kind = call.kind;
        let without_id = call.id.is_none();
        let name = match &call.name {
            Some(name) => Self::NamedWithoutId(kind, name.clone()),
            None => Self::Nameless(kind),
        };
        let id = call.id.clone().map(|id| Self::Id(kind, id));
        let item_id = call.item_id.clone().map(|id| Self::ItemId(kind, id));
        let nameless = without_id.then_some([name, Self::WithoutId(kind)]);
        id.into_iter()
            .chain(item_id)
            .chain(nameless.into_iter().flatten())
            .chain([Self::Any(kind)])
    }

    fn is_of(&self, call: &Call) -> bool {
        let named = |id: &Option<Box<str>>, wanted: &str| id.as_deref() == Some(wanted);
        match self {
            Self::Id(kind, id) => call.kind == *kind && named(&call.id, id),
            Self::ItemId(kind, id) => call.kind == *kind && named(&call.item_id, id),
            Self::NamedWithoutId(kind, name) => {
                call.kind == *kind && call.id.is_none() && named(&call.name, name)
            }
            Self::Nameless(kind) => call.kind == *kind && call.id.is_none() && call.name.is_none(),
            Self::WithoutId(kind) => call.kind == *kind && call.id.is_none(),
            Self::Any(kind) => call.kind == *kind,
        }
    }
}

impl From<Vec<Call>> for OpenCalls {
    fn from(calls: Vec<Call>) -> Self {
        Self::new(&calls)
    }
}

impl From<OpenCalls> for Vec<Call> {
    fn from(calls: OpenCalls) -> Self {
        calls.slots.into_iter().flatten().collect()
    }
}

impl OpenCalls {
    /// These calls are open.
    #[must_use]
    pub fn new(calls: &[Call]) -> Self {
        let mut open = Self::default();
        open.extend(calls);
        open
    }

    /// Number of calls that are held, open or not.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// No call is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
        let texts: usize = self
            .slots
            .iter()
            .flatten()
            .map(|call| text(&call.id) + text(&call.item_id) + text(&call.name))
            .sum();
        // An indexed call is in about three sets, with its text in two of the keys.
        let index = self.index.as_ref().map_or(0, |_| {
            2 * texts + self.open * 3 * (size_of::<(Property, BTreeSet<usize>)>() + 16)
        });
        self.slots.capacity() * size_of::<Option<Call>>() + texts + index
    }

    /// Opens further calls.
    pub fn extend(&mut self, calls: &[Call]) {
        if self.slots.len() > 2 * self.open + SEARCHED {
            self.slots.retain(Option::is_some);
            self.index = None;
        }
        for call in calls {
            self.slots.push(Some(call.clone()));
            self.open += 1;
            if self.index.is_some() {
                self.enter(self.slots.len() - 1);
            }
        }
        if self.index.is_none() && self.slots.len() > SEARCHED {
            self.index = Some(Box::default());
            for slot in 0..self.slots.len() {
                self.enter(slot);
            }
        }
    }

    /// Takes the calls that these results answer. False, and none is taken, if one of the results answers none, or if
    /// `wanted` rejects the number of calls that would be left open.
    pub fn take_if(&mut self, results: &[ToolResult], wanted: impl FnOnce(usize) -> bool) -> bool {
        if results.len() > self.open {
            return false;
        }
        let mut taken = Vec::with_capacity(results.len());
        for result in results {
            match self.find(result).and_then(|slot| self.remove(slot)) {
                Some(pair) => taken.push(pair),
                None => break,
            }
        }
        let done = taken.len() == results.len() && wanted(self.open);
        if !done {
            for (slot, call) in taken {
                if let Some(free) = self.slots.get_mut(slot) {
                    *free = Some(call);
                    self.open += 1;
                    self.enter(slot);
                }
            }
        }
        done
    }

    /// The slot of the call that `result` answers.
    fn find(&self, result: &ToolResult) -> Option<usize> {
        let kind = result.kind;
        if let Some(id) = &result.id {
            let call = self.oldest(&Property::Id(kind, id.clone()));
            if !result.by_item_id {
                return call;
            }
            let item = self.oldest(&Property::ItemId(kind, id.clone()));
            return call.into_iter().chain(item).min();
        }
        let alike = match &result.name {
            Some(name) => {
                let named = self.oldest(&Property::NamedWithoutId(kind, name.clone()));
                let nameless = self.oldest(&Property::Nameless(kind));
                named.into_iter().chain(nameless).min()
            }
            None => None,
        };
        alike
            .or_else(|| self.oldest(&Property::WithoutId(kind)))
            .or_else(|| self.oldest(&Property::Any(kind)))
    }

    fn oldest(&self, property: &Property) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(property)?.first().copied(),
            None => self
                .slots
                .iter()
                .position(|slot| slot.as_ref().is_some_and(|call| property.is_of(call))),
        }
    }

    fn remove(&mut self, slot: usize) -> Option<(usize, Call)> {
        let call = self.slots.get_mut(slot)?.take()?;
        self.open -= 1;
        if let Some(index) = &mut self.index {
            for property in Property::of(&call) {
                if let Some(slots) = index.get_mut(&property) {
                    slots.remove(&slot);
                    if slots.is_empty() {
                        index.remove(&property);
                    }
                }
            }
        }
        Some((slot, call))
    }

    /// Enters the call in `slot` into the index, if there is one.
    fn enter(&mut self, slot: usize) {
        if let (Some(index), Some(Some(call))) = (&mut self.index, self.slots.get(slot)) {
            for property in Property::of(call) {
                index.entry(property).or_default().insert(slot);
            }
        }
    }
}

#[cfg(test)]
#[path = "open_calls_tests.rs"]
pub(super) mod tests;
