//! Random writes that a seed repeats.

use serde_json::json;

use crate::samples::{answer, calls, langchain, says};
pub use crate::support::Dice;

fn random_message(dice: &mut Dice) -> String {
    const IDS: [&str; 4] = ["a", "b", "c", "d"];
    let (id, other) = (*dice.pick(&IDS), *dice.pick(&IDS));
    let text = "word ".repeat(dice.below(20));
    match dice.below(12) {
        0 => says("system", &text),
        1 => says("user", &text),
        2 => says("assistant", &text),
        3 => calls(&[id, other]),
        4 | 5 => answer(id),
        6 => langchain("human", id, &text),
        7 => json!({"type": "reasoning", "id": id, "summary": []}).to_string(),
        8 => json!({"type": "function_call", "call_id": id, "name": "f", "arguments": text}).to_string(),
        9 => json!({"type": "function_call_output", "call_id": id, "output": text}).to_string(),
        10 => json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]})
            .to_string(),
        _ => json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": text}]})
            .to_string(),
    }
}

/// A command that writes, most often with an effect.
pub fn random_write(dice: &mut Dice, key: &str) -> Vec<String> {
    let seq = |dice: &mut Dice| (1 + dice.below(60)).to_string();
    let mut args: Vec<String> = match dice.below(31) {
        0 => vec!["CONV.DEL".into(), seq(dice), seq(dice), seq(dice)],
        1 | 2 => vec!["CONV.DEL".into(), seq(dice)],
        3 => vec!["CONV.POP".into(), dice.below(4).to_string()],
        4 | 5 => vec!["CONV.EDIT".into(), seq(dice), random_message(dice)],
        6 => vec!["CONV.TRIM".into(), "BEFORE".into(), seq(dice)],
        7 => vec![
            "CONV.TRIM".into(),
            "MAXMESSAGES".into(),
            (10 + dice.below(20)).to_string(),
        ],
        8 => vec![
            "CONV.TRIM".into(),
            "MAXTOKENS".into(),
            (100 + dice.below(300)).to_string(),
        ],
        9 => vec![
            "CONV.SETSUMMARY".into(),
            "so far ".repeat(dice.below(5)),
            "UPTO".into(),
            seq(dice),
        ],
        10 => vec!["CONV.SETSUMMARY".into(), "so far ".repeat(dice.below(5))],
        11 => vec![
            "CONV.ALTER".into(),
            "ENCODING".into(),
            dice.pick(&["gpt-4", "gpt-4o"]).to_string(),
        ],
        12 => vec![
            "CONV.ALTER".into(),
            "MAXMESSAGES".into(),
            dice.pick(&["0", "25"]).to_string(),
        ],
        13 => vec![
            "CONV.ALTER".into(),
            "TTL".into(),
            dice.pick(&["0", "1000"]).to_string(),
        ],
        14 => vec![
            "CONV.APPEND".into(),
            "UNIQUE".into(),
            random_message(dice),
            random_message(dice),
        ],
        15 => vec![
            "CONV.APPEND".into(),
            "TOKENS".into(),
            seq(dice),
            random_message(dice),
        ],
        16 | 17 => vec![
            "CONV.BACKFILL".into(),
            random_message(dice),
            random_message(dice),
        ],
        18 => vec![
            "CONV.CLAIMSUMMARY".into(),
            seq(dice),
            "KEEP".into(),
            seq(dice),
            "LEASE".into(),
            "200".into(),
        ],
        19 => vec![
            "CONV.SETSTATE".into(),
            dice.pick(&["goal", "name"]).to_string(),
            json!({"at": dice.below(5)}).to_string(),
        ],
        20 => vec!["CONV.DELSTATE".into(), "goal".into(), "facts".into()],
        21 => {
            let document =
                json!({"goal": dice.below(9), "history": [says("user", "old")], "facts": []});
            // Messages are objects, not strings.
            let document = document.to_string().replace(
                &json!(says("user", "old")).to_string(),
                &random_message(dice),
            );
            vec!["CONV.IMPORT".into(), document, "REPLACE".into()]
        }
        _ => vec![
            "CONV.APPEND".into(),
            random_message(dice),
            random_message(dice),
        ],
    };
    args.insert(1, key.into());
    args
}
