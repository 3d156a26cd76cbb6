//! Turn groups: which messages belong together, and which are never returned.
//!
//! A tracker is fed the messages in order and writes two flags into the log: *dead* (RECENT never returns it) and
//! *boundary* (a group begins here, or could; a cut in front of this message splits no group). What it knows at the
//! newest message is kept, so that an append costs nothing that depends on what came before. After a change in the
//! middle the groups are tracked anew from the last point where nothing was open, up to the first one behind the
//! change.
//!
//! Rules, in the order in which they are asked:
//! 1. An answer belongs to the open turn if each of its calls is open there; otherwise it is an orphan: dead,
//!    answering nothing, ending nothing.
//! 2. A `reasoning` item waits for the next message that is no orphan and joins its group, unless that is a user or
//!    system message. It ends an open turn that a `..._call` item did not open.
//! 3. In a turn that a `..._call` item opened, items other than user and system messages belong to it.
//! 4. Any other message ends the open turn, which is then dead, and starts a group of its own; a turn, if it opens
//!    calls.

use std::collections::HashSet;

use super::effect::NewMessage;
use super::flags::Flags;
use super::log::Log;
use super::message::{Class, Facts, ToolResult};

/// A turn with unanswered calls.
#[derive(Debug, Clone)]
struct Turn {
    /// Sequence number of its first message.
    start: i64,
    /// Opened by a `..._call` item.
    items: bool,
    /// Calls not answered yet.
    open: HashSet<Box<str>>,
}

/// What is open behind the last message fed.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    turn: Option<Box<Turn>>,
    /// Sequence number of the first reasoning item that waits for its successor.
    reasoning: Option<i64>,
}

impl Tracker {
    /// Nothing is open.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.turn.is_none() && self.reasoning.is_none()
    }

    /// True if calls of the newest turn are unanswered.
    #[must_use]
    pub fn has_open_turn(&self) -> bool {
        self.turn.is_some()
    }

    /// Sequence number of the first reasoning item that still waits for its successor.
    #[must_use]
    pub fn waiting_reasoning(&self) -> Option<i64> {
        self.reasoning
    }

    /// Sequence number of the first message of what is open, if anything is.
    #[must_use]
    pub fn open_from(&self) -> Option<i64> {
        let turn = self.turn.as_ref().map(|turn| turn.start);
        turn.into_iter().chain(self.reasoning).min()
    }

    /// Bytes on the heap, about.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.turn.as_ref().map_or(0, |turn| {
            let slot = size_of::<Box<str>>() + 1;
            size_of::<Turn>()
                + turn.open.capacity() * slot
                + turn.open.iter().map(|id| id.len()).sum::<usize>()
        })
    }

    /// True if a message is a group by itself, and leaves nothing open: feeding it would say so and change nothing.
    #[must_use]
    pub fn is_alone(&self, facts: &Facts) -> bool {
        self.is_clean() && facts.calls.is_empty() && facts.results.is_empty() && !facts.reasoning
    }

    /// Adds a message to the log, and takes it.
    pub fn push(&mut self, log: &mut Log, message: &NewMessage<'_>, tokens: u32, mut flags: Flags) {
        let position = log.len();
        let alone = self.is_alone(&message.facts);
        if alone {
            flags.set_alone();
        }
        log.push(message.seq, message.time, tokens, flags, message.bytes);
        if !alone {
            self.feed(log, position, &message.facts);
        }
    }

    /// Takes the message at `position`, the one behind the last fed.
    pub fn feed(&mut self, log: &mut Log, position: usize, facts: &Facts) {
        let seq = log.get(position).map_or(0, |m| m.seq);
        let clean_before = self.is_clean();
        if !facts.results.is_empty() {
            let answered = self.answer(&facts.results);
            if answered {
                self.join_reasoning(log, position);
                if let Some(turn) = &mut self.turn {
                    turn.open
                        .extend(facts.calls.iter().filter_map(|call| call.id.clone()));
                }
            }
            mark(log, position, !answered, clean_before);
            if self.turn.as_ref().is_some_and(|t| t.open.is_empty()) {
                self.turn = None;
            }
        } else if facts.reasoning {
            if self.turn.as_ref().is_some_and(|t| !t.items) {
                self.end_turn(log, position);
            }
            // Behind waiting ones, and within a turn, it begins nothing.
            mark(log, position, true, self.is_clean());
            self.reasoning.get_or_insert(seq);
        } else if self.turn.as_ref().is_some_and(|t| t.items) && continues_items(facts) {
            self.join_reasoning(log, position);
            mark(log, position, false, false);
            if let Some(turn) = &mut self.turn {
                turn.open
                    .extend(facts.calls.iter().filter_map(|call| call.id.clone()));
            }
        } else {
            self.end_turn(log, position);
            let mut start = seq;
            if let Some(first) = self.reasoning {
                if matches!(facts.class, Class::User | Class::System) {
                    self.drop_reasoning(log, position);
                } else {
                    self.join_reasoning(log, position);
                    log.update_at(log.position_of(first), |e| e.flags.set_boundary(true));
                    start = first;
                }
            }
            mark(log, position, false, start == seq);
            if !facts.calls.is_empty() {
                self.turn = Some(Box::new(Turn {
                    start,
                    items: facts.call_item,
                    open: facts
                        .calls
                        .iter()
                        .filter_map(|call| call.id.clone())
                        .collect(),
                }));
            }
        }
        let clean = self.is_clean();
        log.update_at(position, |e| e.flags.set_clean(clean));
    }

    /// Takes the answered calls from the open turn; false, and nothing taken, if one is not open or named twice.
    fn answer(&mut self, results: &[ToolResult]) -> bool {
        let ids: Option<Vec<&Box<str>>> = results.iter().map(|result| result.id.as_ref()).collect();
        let (Some(turn), Some(ids)) = (&mut self.turn, ids) else {
            return false;
        };
        let mut distinct = HashSet::with_capacity(ids.len());
        let open = ids
            .iter()
            .all(|&id| turn.open.contains(id) && distinct.insert(id));
        if open {
            for id in ids {
                turn.open.remove(id);
            }
        }
        open
    }

    /// Ends the open turn, if there is one, with calls unanswered: its messages are dead from now on. What stands
    /// behind its last one, up to `position`, belongs to no turn.
    fn end_turn(&mut self, log: &mut Log, position: usize) {
        let Some(turn) = self.turn.take() else {
            return;
        };
        let start = log.position_of(turn.start);
        let behind = log.live_before(position).map_or(start, |last| last + 1);
        log.update(start..behind.max(start), |e| e.flags.set_dead(true));
        log.update(behind.max(start)..position, |e| e.flags.set_boundary(true));
        if let Some(first) = self.reasoning {
            // The waiting ones are still one run: only the first may be a boundary.
            let first = log.position_of(first);
            if first < position {
                log.update(first + 1..position, |e| e.flags.set_boundary(false));
            }
        }
    }

    /// The waiting reasoning items belong to the group of the message at `position`.
    fn join_reasoning(&mut self, log: &mut Log, position: usize) {
        if let Some(first) = self.reasoning.take() {
            log.update(log.position_of(first)..position, |e| {
                if e.flags.reasoning() {
                    e.flags.set_dead(false);
                }
            });
        }
    }

    /// The waiting reasoning items led to nothing.
    fn drop_reasoning(&mut self, log: &mut Log, position: usize) {
        if let Some(first) = self.reasoning.take() {
            log.update(log.position_of(first)..position, |e| {
                e.flags.set_boundary(true);
            });
        }
    }
}

/// An item that belongs to an open turn of items although it answers nothing.
fn continues_items(facts: &Facts) -> bool {
    facts.item && !matches!(facts.class, Class::User | Class::System)
}

fn mark(log: &mut Log, position: usize, dead: bool, boundary: bool) {
    log.update_at(position, |e| {
        e.flags.set_dead(dead);
        e.flags.set_boundary(boundary);
    });
}
