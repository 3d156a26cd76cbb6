//! How messages form groups.

use super::kinds::Class;
use super::message::{NaiveCall, NaiveRead, answered};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All calls answered, or no calls at all.
    Whole,
    /// The newest group with calls still unanswered.
    Open,
    /// Ended with unanswered calls: "never returned".
    Dangling,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Positions in the list, ascending; orphans may stand between them.
    pub members: Vec<usize>,
    pub kind: Kind,
    /// It begins with a message of role user that answers no call.
    pub is_user: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groups {
    /// In order of their first member.
    pub groups: Vec<Group>,
    pub orphans: Vec<usize>,
    /// Reasoning items that belong to no group: "never returned".
    pub idle: Vec<usize>,
    /// Those of them that no message has followed yet, orphans aside: the next message may still belong to them.
    pub waiting: Vec<usize>,
    /// Messages that are returned without their orphaned results; each is a group of its own, or opens one.
    pub edited: Vec<usize>,
    /// User messages that can stand alone before a window.
    pub users: Vec<usize>,
}

impl Groups {
    /// The positions in a longer list.
    pub fn shift(&mut self, by: usize) {
        let groups = self.groups.iter_mut().map(|g| &mut g.members);
        let others = [
            &mut self.orphans,
            &mut self.idle,
            &mut self.waiting,
            &mut self.edited,
            &mut self.users,
        ];
        for list in groups.chain(others) {
            list.iter_mut().for_each(|i| *i += by);
        }
    }
}

struct Turn {
    members: Vec<usize>,
    open: Vec<NaiveCall>,
    /// Opened by a Responses call item.
    by_item: bool,
}

struct Grouping<'a> {
    list: &'a [NaiveRead],
    out: Groups,
    turn: Option<Turn>,
    /// Reasoning items that wait for what follows them.
    waiting: Vec<usize>,
    /// A reasoning group without open calls that may still grow.
    collecting: Vec<usize>,
}

pub fn group(list: &[NaiveRead]) -> Groups {
    let mut g = Grouping {
        list,
        out: Groups::default(),
        turn: None,
        waiting: vec![],
        collecting: vec![],
    };
    for i in 0..list.len() {
        g.take(i);
    }
    // "The newest group may still be open and is returned."
    if let Some(turn) = g.turn.take() {
        g.push(turn.members, Kind::Open);
    }
    g.finish_reasoning();
    // "A reasoning item followed by nothing [...] is never returned."
    g.out.waiting.clone_from(&g.waiting);
    g.out.idle.append(&mut g.waiting);
    g.out
}

impl Grouping<'_> {
    fn push(&mut self, members: Vec<usize>, kind: Kind) {
        let first = members[0];
        let m = &self.list[first];
        let is_user =
            m.class == Class::User && (!m.is_answer() || self.out.edited.contains(&first));
        if is_user && members.len() == 1 && kind == Kind::Whole {
            self.out.users.push(first);
        }
        self.out.groups.push(Group {
            members,
            kind,
            is_user,
        });
    }

    fn finish_reasoning(&mut self) {
        if !self.collecting.is_empty() {
            let members = std::mem::take(&mut self.collecting);
            self.push(members, Kind::Whole);
        }
    }

    fn take(&mut self, i: usize) {
        let m = &self.list[i];
        let mut edited = false;
        if m.is_answer() {
            let mut open = self.turn.as_ref().map_or(vec![], |t| t.open.clone());
            let all = m.answers().all(|result| match answered(&open, result) {
                None => false,
                Some(k) => {
                    open.remove(k);
                    true
                }
            });
            // "Any other message ends it, a user message with text of its own also if it answers some of the calls"
            let closes = m.class == Class::User && m.own_text && !open.is_empty();
            if all && !closes {
                // "A message of another role than user with results and text of its own stays in the turn that it answers"
                return self.answer(i, open);
            }
            // A message of role tool is a result also without its blocks: it cannot be returned without them.
            if !m.own_text || m.class == Class::Tool {
                // "never returned and answers nothing at all", "does not end a turn"; "an orphaned output between them
                // is skipped"
                return self.out.orphans.push(i);
            }
            // "one with text of its own [...] is a group of its own and is returned without its result blocks"
            edited = true;
            self.out.edited.push(i);
        }

        // "A message that holds only approvals belongs to the open turn."
        if m.is_approval()
            && let Some(turn) = &mut self.turn
        {
            turn.members.append(&mut self.waiting);
            turn.members.push(i);
            return;
        }

        let talk = m.class == Class::User || m.class == Class::System;
        // "Responses items (top-level `type`, no `data`) continue a turn that a `..._call` item opened; nothing else does"
        let continues =
            self.turn.as_ref().is_some_and(|t| t.by_item) && m.is_item() && !talk && !edited;
        // "Any other message ends it"; "if calls are then unanswered, the group is never returned"
        if !continues && let Some(turn) = self.turn.take() {
            self.push(turn.members, Kind::Dangling);
        }

        // "Reasoning items in a row belong to the same group."; "up to the next [...] `reasoning` item"
        if m.is_reasoning && !edited {
            self.finish_reasoning();
            return self.waiting.push(i);
        }
        if continues {
            let turn = self.turn.as_mut().unwrap();
            turn.members.append(&mut self.waiting);
            turn.members.push(i);
            turn.open.extend(m.opens().cloned());
            return;
        }

        // "A reasoning group holds items, and assistant messages without `type`"
        let can_belong =
            !talk && !edited && (m.is_item() || m.class == Class::Assistant && !m.has_type);
        let mut members = vec![];
        let mut reasoning = false;
        if can_belong {
            members.append(&mut self.collecting);
            members.append(&mut self.waiting);
            reasoning = !members.is_empty();
        } else {
            self.finish_reasoning();
            // "by a message that cannot belong to the group, is never returned"
            self.out.idle.append(&mut self.waiting);
        }
        members.push(i);
        if m.opens().next().is_some() {
            // "A message that opens calls starts a group"
            self.turn = Some(Turn {
                members,
                open: m.opens().cloned().collect(),
                by_item: m.is_call_item,
            });
        } else if reasoning {
            self.collecting = members;
        } else {
            // "Every other message is a group of its own."
            self.push(members, Kind::Whole);
        }
    }

    /// A message whose results all answer open calls of the turn.
    fn answer(&mut self, i: usize, open: Vec<NaiveCall>) {
        let turn = self.turn.as_mut().unwrap();
        turn.members.append(&mut self.waiting);
        turn.members.push(i);
        turn.open = open;
        turn.open.extend(self.list[i].opens().cloned());
        // "The last answer completes the group."
        if turn.open.is_empty() {
            let turn = self.turn.take().unwrap();
            self.push(turn.members, Kind::Whole);
        }
    }
}

/// "System messages at the start of the conversation (roles system, developer; not those that open or answer calls)": how
/// many.
pub fn leading_system(list: &[NaiveRead]) -> usize {
    list.iter().take_while(|m| m.is_system()).count()
}
