//! Promise 2: "What `CONV.RECENT` returns is a message list that chat APIs accept: no tool result without its call, no
//! unanswered call except in the newest, still running turn, no reasoning item without what it led to."
//! Looks at pairs of positions only, and knows nothing of how groups are formed.

use super::message::{NaiveRead, read};

pub fn check_valid_prompt(messages: &[String]) -> Result<(), String> {
    let list: Vec<NaiveRead> = messages.iter().map(|m| read(m)).collect::<Result<_, _>>()?;
    let opens = |i: usize, id: &String| list[i].opens.contains(id);
    let answers = |i: usize, id: &String| list[i].answers.contains(id);

    for (i, m) in list.iter().enumerate() {
        // "no tool result without its call"
        if m.is_answer && m.answers.is_empty() {
            return Err(format!("message {i} is a tool result that names no call"));
        }
        for (k, id) in m.answers.iter().enumerate() {
            let Some(call) = (0..i).rev().find(|&j| opens(j, id)) else {
                return Err(format!(
                    "message {i} answers {id:?}, which nothing before it calls"
                ));
            };
            if (call + 1..i).any(|j| answers(j, id)) || m.answers[..k].contains(id) {
                return Err(format!(
                    "message {i} answers {id:?} of message {call} a second time"
                ));
            }
        }

        // "no unanswered call except in the newest, still running turn": between a call and its answer, or between an
        // unanswered call and the end, nothing else may stand than answers and, for calls that are items, items.
        for id in &m.opens {
            let answer = (i + 1..list.len()).find(|&j| answers(j, id));
            let end = answer.unwrap_or(list.len());
            for (j, between) in list.iter().enumerate().take(end).skip(i + 1) {
                let talk = ["user", "system", "developer"].contains(&between.role.as_str());
                let item = m.is_item() && between.is_item() && !talk;
                if !between.is_answer && !item {
                    return Err(format!(
                        "message {j} stands between call {id:?} of message {i} and its answer"
                    ));
                }
            }
        }

        // "no reasoning item without what it led to"
        if m.is_reasoning {
            match list.get(i + 1) {
                None => return Err(format!("reasoning item {i} is the last message")),
                Some(next)
                    if !next.is_answer
                        && ["user", "system", "developer"].contains(&next.role.as_str()) =>
                {
                    return Err(format!(
                        "reasoning item {i} leads to a {} message",
                        next.role
                    ));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}
