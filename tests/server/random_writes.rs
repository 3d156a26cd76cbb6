//! Random writes, reproducible by their seed.

use fastrand::Rng;
use serde_json::json;

use crate::samples::{answer, calls, langchain, says};

fn random_message(rng: &mut Rng) -> String {
    const IDS: [&str; 4] = ["a", "b", "c", "d"];
    let (id, other) = (*rng.choice(&IDS).unwrap(), *rng.choice(&IDS).unwrap());
    let text = "word ".repeat(rng.usize(..20));
    match rng.usize(..12) {
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

/// A write command that usually has an effect.
pub fn random_write(rng: &mut Rng, key: &str) -> Vec<String> {
    let seq = |rng: &mut Rng| (1 + rng.usize(..60)).to_string();
    let mut args: Vec<String> = match rng.usize(..36) {
        0 => vec!["CONV.DEL".into(), seq(rng), seq(rng), seq(rng)],
        1 | 2 => vec!["CONV.DEL".into(), seq(rng)],
        3 => vec!["CONV.POP".into(), rng.usize(..4).to_string()],
        4 | 5 => vec!["CONV.EDIT".into(), seq(rng), random_message(rng)],
        6 => vec!["CONV.TRIM".into(), "BEFORE".into(), seq(rng)],
        7 => vec![
            "CONV.TRIM".into(),
            "MAXMESSAGES".into(),
            (10 + rng.usize(..20)).to_string(),
        ],
        8 => vec![
            "CONV.TRIM".into(),
            "MAXTOKENS".into(),
            (100 + rng.usize(..300)).to_string(),
        ],
        9 => vec![
            "CONV.SETSUMMARY".into(),
            "so far ".repeat(rng.usize(..5)),
            "UPTO".into(),
            seq(rng),
        ],
        10 => vec!["CONV.SETSUMMARY".into(), "so far ".repeat(rng.usize(..5))],
        11 => vec![
            "CONV.ALTER".into(),
            "ENCODING".into(),
            rng.choice(&["gpt-4", "gpt-4o"]).unwrap().to_string(),
        ],
        12 => vec![
            "CONV.ALTER".into(),
            "MAXMESSAGES".into(),
            rng.choice(&["0", "25"]).unwrap().to_string(),
        ],
        13 => vec![
            "CONV.ALTER".into(),
            "TTL".into(),
            rng.choice(&["0", "1000"]).unwrap().to_string(),
        ],
        14 => vec![
            "CONV.APPEND".into(),
            "UNIQUE".into(),
            random_message(rng),
            random_message(rng),
        ],
        15 => vec![
            "CONV.APPEND".into(),
            "TOKENS".into(),
            seq(rng),
            random_message(rng),
        ],
        16 | 17 => vec![
            "CONV.BACKFILL".into(),
            random_message(rng),
            random_message(rng),
        ],
        18 => vec![
            "CONV.CLAIMSUMMARY".into(),
            seq(rng),
            "KEEP".into(),
            seq(rng),
            "LEASE".into(),
            "200".into(),
        ],
        19 => vec![
            "CONV.SETSTATE".into(),
            rng.choice(&["goal", "name"]).unwrap().to_string(),
            json!({"at": rng.usize(..5)}).to_string(),
        ],
        20 => vec!["CONV.DELSTATE".into(), "goal".into(), "facts".into()],
        21 => {
            let document =
                json!({"goal": rng.usize(..9), "history": [says("user", "old")], "facts": []});
            // Messages in a document are JSON objects, not strings.
            let document = document.to_string().replace(
                &json!(says("user", "old")).to_string(),
                &random_message(rng),
            );
            vec!["CONV.IMPORT".into(), document, "REPLACE".into()]
        }
        22 | 23 => vec!["CONV.PIN".into(), seq(rng), seq(rng)],
        24 => vec!["CONV.UNPIN".into(), seq(rng), seq(rng), seq(rng)],
        25 => vec![
            "CONV.ALTER".into(),
            "OVERHEAD".into(),
            rng.choice(&["0", "3", "11"]).unwrap().to_string(),
        ],
        26 => vec![
            "CONV.ALTER".into(),
            "SCALE".into(),
            rng.choice(&["40", "100", "117"]).unwrap().to_string(),
        ],
        _ => vec![
            "CONV.APPEND".into(),
            random_message(rng),
            random_message(rng),
        ],
    };
    args.insert(1, key.into());
    args
}
