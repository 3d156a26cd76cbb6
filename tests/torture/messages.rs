//! Realistic messages: every dialect, many languages, 20 bytes to 360 kB, tool calls with their results.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::samples::{answer, calls, langchain, says};

const WORDS: [&str; 24] = [
    "the ",
    "weather ",
    "in ",
    "Lisbon, ",
    "please: ",
    "caf\u{e9} ",
    "\u{4f60}\u{597d}\u{ff0c}",
    "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} ",
    "\u{645}\u{631}\u{62d}\u{628}\u{627} ",
    "\u{1f1f5}\u{1f1f9} ",
    "\u{1f469}\u{200d}\u{1f4bb} ",
    "<|endoftext|> ",
    "fn main() {\n    ",
    "\"quoted\" ",
    "C:\\path\\ ",
    "https://example.org/?q=1&r=2 ",
    "3.14159 ",
    "internationalisation ",
    "\r\n\r\n",
    "\t\t",
    "e\u{301} ",
    "```json\n",
    "\u{0}",
    "____________ ",
];

/// Text of about `len` bytes.
pub fn prose(rng: &mut Rng, len: usize) -> String {
    let mut text = String::with_capacity(len + 32);
    while text.len() < len {
        text.push_str(WORDS[rng.usize(..WORDS.len())]);
    }
    text
}

/// Most messages are short, some are long.
fn length(rng: &mut Rng) -> usize {
    match rng.usize(..200) {
        // Large enough to be read in the background.
        0 => 64_000 + rng.usize(..300_000),
        1..=4 => rng.usize(..20_000),
        5..=24 => rng.usize(..4_000),
        _ => rng.usize(..400),
    }
}

/// One to five messages that follow each other.
pub fn exchange(rng: &mut Rng) -> Vec<Vec<u8>> {
    let len = length(rng);
    let text = prose(rng, len);
    let id = |rng: &mut Rng, kind: &str| format!("{kind}_{:012x}", rng.u64(..) >> 16);
    let own = |values: Vec<Value>| values.iter().map(Value::to_string).collect();
    let messages: Vec<String> = match rng.usize(..10) {
        0 => vec![says("system", &text)],
        1 | 2 => vec![says("user", &text)],
        3 => vec![says("user", &text), says("assistant", &prose(rng, 80))],
        4 => {
            let ids = [id(rng, "call"), id(rng, "call")];
            let [a, b] = [&*ids[0], &*ids[1]];
            vec![
                says("user", &text),
                calls(&[a, b]),
                answer(a),
                answer(b),
                says("assistant", &prose(rng, 60)),
            ]
        }
        // A tool call that is never answered by a result.
        5 => vec![calls(&[&id(rng, "call")]), says("user", &text)],
        6 => {
            let id = id(rng, "toolu");
            own(vec![
                json!({"role": "assistant", "content": [
                    {"type": "thinking", "thinking": prose(rng, 50), "signature": "s"},
                    {"type": "tool_use", "id": id, "name": "look", "input": {"at": [1, 2.50], "why": text}}]}),
                json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": [
                    {"type": "text", "text": prose(rng, 90)},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
                ]}]}),
            ])
        }
        7 => {
            let id = id(rng, "fc");
            own(vec![
                json!({"type": "reasoning", "id": format!("rs_{id}"), "summary": []}),
                json!({"type": "function_call", "call_id": id, "name": "look", "arguments": text}),
                json!({"type": "function_call_output", "call_id": id, "output": prose(rng, 40)}),
            ])
        }
        8 => {
            let id = id(rng, "lc");
            vec![langchain("human", &id, &text)]
        }
        _ => vec![format!(
            " \n{{\"role\": \"user\",\t\"content\" : {}, \"n\": 1.50e3, \"n\": null}}\r\n ",
            json!(text)
        )],
    };
    messages.into_iter().map(String::into_bytes).collect()
}

/// A single message.
pub fn message(rng: &mut Rng) -> Vec<u8> {
    exchange(rng).swap_remove(0)
}
