//! The groups of a conversation as the rules word them, without tracking.

use super::super::super::facts::{Class, Facts};
use super::super::super::open_calls::tests::take;

/// What becomes of the messages, as the rules word it.
#[derive(Debug)]
pub struct Model {
    /// The messages of each group, those that are never returned among them.
    groups: Vec<Vec<usize>>,
    pub hidden: Vec<bool>,
    pub edited: Vec<bool>,
    /// From here on messages may still come to belong together.
    pub unfinished: Option<usize>,
}

/// An orphan that is never returned, and so passed over, wherever it is not answered by a turn.
fn is_passed_over(facts: &Facts) -> bool {
    !facts.results.is_empty() && (!facts.own_text || facts.class == Class::Tool)
}

fn is_by_user_or_system(facts: &Facts) -> bool {
    facts.class == Class::User || facts.class == Class::System
}

fn is_in_reasoning_groups(facts: &Facts) -> bool {
    let untyped = facts.class == Class::Assistant && !facts.typed;
    facts.results.is_empty()
        && !facts.reasoning
        && (untyped || (facts.item && !is_by_user_or_system(facts)))
}

impl Model {
    pub fn of(messages: &[&Facts]) -> Self {
        let mut model = Self {
            groups: Vec::new(),
            hidden: vec![true; messages.len()],
            edited: vec![false; messages.len()],
            unfinished: None,
        };
        let mut next = 0;
        while let Some(message) = messages.get(next) {
            let facts = *message;
            let first = next;
            next += 1;
            if facts.reasoning {
                if let Some(group) = led_to(messages, first) {
                    next = model.grow(messages, group, true);
                } else if messages[first..]
                    .iter()
                    .all(|m| m.reasoning || is_passed_over(m))
                {
                    model.unfinished.get_or_insert(first);
                }
            } else if facts.results.is_empty() {
                next = model.grow(messages, vec![first], false);
            } else if facts.own_text && facts.can_omit_results && facts.class != Class::Tool {
                model.edited[first] = true;
                next = model.grow(messages, vec![first], false);
            }
        }
        model
    }

    /// Adds what belongs to a group; returns what follows its last message.
    fn grow(&mut self, messages: &[&Facts], mut group: Vec<usize>, reasoning: bool) -> usize {
        let last = *group.last().expect("a group is not empty");
        let opener = messages[last];
        let (mut open, mut items) = (opener.calls.clone(), opener.call_item);
        let mut is_answered = true;
        let mut is_finished = false;
        let mut aside = Vec::new();
        for (at, message) in messages.iter().enumerate().skip(last + 1) {
            let facts = *message;
            let was_open = !open.is_empty();
            is_finished = true;
            let belongs = if !was_open {
                // A reasoning group without open calls.
                if !reasoning {
                    break;
                }
                items = facts.call_item;
                is_in_reasoning_groups(facts)
            } else if !facts.results.is_empty() {
                let mut left = open.clone();
                let user_has_spoken = facts.class == Class::User && facts.own_text;
                let answers =
                    take(&mut left, &facts.results) && (!user_has_spoken || left.is_empty());
                if answers {
                    open = left;
                }
                answers
            } else {
                let is_item = items && facts.item && !is_by_user_or_system(facts);
                if is_item && facts.reasoning {
                    aside.push(at);
                    is_finished = false;
                    continue;
                }
                facts.only_approvals || is_item
            };
            if belongs {
                group.append(&mut aside);
                group.push(at);
                open.extend(facts.calls.iter().cloned());
                if was_open && open.is_empty() {
                    break;
                }
                is_finished = false;
            } else if is_passed_over(facts) {
                is_finished = false;
            } else {
                is_answered = open.is_empty();
                break;
            }
        }
        if !is_finished && !open.is_empty() {
            self.unfinished.get_or_insert(group[0]);
        }
        for &at in &group {
            self.hidden[at] = !is_answered;
            self.edited[at] &= is_answered;
        }
        let last = *group.last().expect("a group is not empty");
        self.groups.push(group);
        last + 1
    }

    /// A window may begin here: no group has messages before and after.
    pub fn is_group_start(&self, at: usize) -> bool {
        let splits = |group: &Vec<usize>| group[0] < at && group[group.len() - 1] >= at;
        !self.groups.iter().any(splits) && self.unfinished.is_none_or(|first| first >= at)
    }
}

/// The reasoning items in a row from `first` on, and the message that they led to.
fn led_to(messages: &[&Facts], first: usize) -> Option<Vec<usize>> {
    let mut group = Vec::new();
    for (at, message) in messages.iter().enumerate().skip(first) {
        if is_passed_over(message) {
            continue;
        }
        group.push(at);
        if !message.reasoning {
            return is_in_reasoning_groups(message).then_some(group);
        }
    }
    None
}
