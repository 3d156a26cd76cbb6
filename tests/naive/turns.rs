//! How messages form turn groups.

use super::message::NaiveRead;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All calls answered, or no calls at all.
    Whole,
    /// The newest group with calls still unanswered.
    Open,
    /// Ended "with calls still unanswered": "never returned".
    Dangling,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Positions in the list, ascending; orphans may stand between them.
    pub members: Vec<usize>,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groups {
    /// In order of their first member.
    pub groups: Vec<Group>,
    pub orphans: Vec<usize>,
    /// Reasoning items that belong to no group: "never returned".
    pub idle: Vec<usize>,
}

struct Turn {
    members: Vec<usize>,
    open: Vec<String>,
    /// Opened by a Responses `..._call` item.
    by_item: bool,
}

pub fn group(list: &[NaiveRead]) -> Groups {
    let mut out = Groups::default();
    let mut turn: Option<Turn> = None;
    // Reasoning items that wait for "the next message".
    let mut reasoning: Vec<usize> = vec![];

    for (i, m) in list.iter().enumerate() {
        if m.is_answer {
            let open = turn.as_ref().map_or(&[][..], |t| &t.open[..]);
            let answers_open_calls =
                !m.answers.is_empty() && m.answers.iter().all(|id| open.contains(id));
            // "A message that answers one call twice is an orphan."
            let twice = (0..m.answers.len()).any(|k| m.answers[..k].contains(&m.answers[k]));
            if !answers_open_calls || twice {
                // "is an orphan, never returned, answers nothing, and does not end a turn"; between a reasoning item
                // "and its successor [it] is passed over"
                out.orphans.push(i);
                continue;
            }
            // "while calls are open only their answers belong to it"
            let t = turn.as_mut().unwrap();
            t.members.append(&mut reasoning);
            t.members.push(i);
            t.open.retain(|id| !m.answers.contains(id));
            add_calls(&mut t.open, &m.opens);
            // "The last answer completes it."
            if t.open.is_empty() {
                let t = turn.take().unwrap();
                out.groups.push(Group {
                    members: t.members,
                    kind: Kind::Whole,
                });
            }
            continue;
        }

        // "and in the Responses dialect further items other than user, system and developer messages";
        // "Responses items (top-level `type`, no `data`) continue a turn that a `..._call` item opened; nothing else does."
        let continues = turn.as_ref().is_some_and(|t| t.by_item)
            && m.is_item()
            && !m.is_user()
            && !m.is_system();

        // "Any other message ends it: with calls still unanswered it is never returned"
        if !continues && let Some(t) = turn.take() {
            out.groups.push(Group {
                members: t.members,
                kind: Kind::Dangling,
            });
        }

        // "A `reasoning` item belongs to the group of the next message"
        if m.is_reasoning {
            reasoning.push(i);
            continue;
        }
        // "or if that is a user, system or developer message, it is never returned"
        if m.is_user() || m.is_system() {
            out.idle.append(&mut reasoning);
        }
        if continues {
            let t = turn.as_mut().unwrap();
            t.members.append(&mut reasoning);
            t.members.push(i);
            add_calls(&mut t.open, &m.opens);
            continue;
        }

        // "and that message starts a group of its own"
        let mut members = std::mem::take(&mut reasoning);
        members.push(i);
        if m.opens.is_empty() {
            // "Any other message is a group by itself."
            out.groups.push(Group {
                members,
                kind: Kind::Whole,
            });
        } else {
            // "A message that opens calls starts one"
            let mut open = vec![];
            add_calls(&mut open, &m.opens);
            turn = Some(Turn {
                members,
                open,
                by_item: m.is_call_item,
            });
        }
    }

    // "The newest group may still be open and is returned."
    if let Some(t) = turn {
        out.groups.push(Group {
            members: t.members,
            kind: Kind::Open,
        });
    }
    // "while there is none [...] it is never returned"
    out.idle.append(&mut reasoning);
    out
}

/// Open calls are a set: an id that is open already stays open once.
fn add_calls(open: &mut Vec<String>, opens: &[String]) {
    for id in opens {
        if !open.contains(id) {
            open.push(id.clone());
        }
    }
}

/// "System messages that stand first now (roles system, developer)": how many. One with calls or answers belongs to a turn:
/// nothing else returns "no tool result without its call, no unanswered call" within the budget.
pub fn leading_system(list: &[NaiveRead]) -> usize {
    list.iter()
        .take_while(|m| m.is_system() && m.opens.is_empty() && !m.is_answer)
        .count()
}
