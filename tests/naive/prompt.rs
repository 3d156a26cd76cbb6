//! Guarantee 2: "no tool result without its call, no unanswered call except in the newest, still running turn, and no
//! reasoning item separated from the items it belongs to". Reads a reply from its first to its last message, as a chat API
//! does, and knows nothing of groups.

use super::kinds::Class;
use super::message::{NaiveCall, NaiveRead, answered, read};

pub fn check_valid_prompt(messages: &[String]) -> Result<(), String> {
    let list: Vec<NaiveRead> = messages.iter().map(|m| read(m)).collect::<Result<_, _>>()?;
    let mut open: Vec<NaiveCall> = vec![];
    let mut by_item = false;

    for (i, m) in list.iter().enumerate() {
        let talk = m.class == Class::User || m.class == Class::System;
        let was_open = !open.is_empty();
        // "no tool result without its call"
        for result in m.answers() {
            let Some(k) = answered(&open, result) else {
                return Err(format!(
                    "message {i} holds a result of no open call: {result:?}"
                ));
            };
            open.remove(k);
        }
        // "no unanswered call except in the newest, still running turn"
        if was_open && !m.is_answer() && !m.is_approval() && (talk || !by_item || !m.is_item()) {
            return Err(format!(
                "message {i} stands between a call and its result: {open:?}"
            ));
        }
        if m.is_answer() && m.class == Class::User && m.own_text && !open.is_empty() {
            return Err(format!(
                "message {i} talks before all calls have results: {open:?}"
            ));
        }
        if open.is_empty() && !(was_open && m.is_answer()) {
            by_item = m.is_call_item;
        }
        open.extend(m.opens().cloned());

        // "no reasoning item separated from the items it belongs to"
        if m.is_reasoning {
            let Some(next) = list.get(i + 1) else {
                return Err(format!("reasoning item {i} is the last message"));
            };
            let talk = next.class == Class::User || next.class == Class::System;
            let belongs = next.is_item() || next.class == Class::Assistant && !next.has_type;
            if !next.is_answer() && !next.is_approval() && (talk || !belongs) {
                return Err(format!(
                    "reasoning item {i} leads to a {} message",
                    next.role
                ));
            }
        }
    }
    Ok(())
}
