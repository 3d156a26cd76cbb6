//! Tokens counted per second on one core, compared with tiktoken in Python and with tiktoken-rs, on the same texts.

use std::hint::black_box;
use std::time::Instant;

use conv::tokens::{Encoding, count};
use serde_json::Value;

use crate::Setup;
use crate::python;
use crate::row::{Goal, Line};

pub fn lines(setup: &Setup) -> Vec<Line> {
    let texts: Vec<String> = setup
        .data
        .messages()
        .flat_map(|message| texts(message))
        .collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let file = std::env::temp_dir().join(format!("conv-bench-{}.json", std::process::id()));
    std::fs::write(&file, serde_json::to_vec(&texts).expect("JSON")).expect("a file of texts");
    let conv = |text: &str| count(Encoding::O200K_BASE, text);
    let oracle = tiktoken_rs::o200k_base_singleton();
    let rs = |text: &str| oracle.encode_ordinary(text).len() as u64;
    // Loads the tables.
    conv("a");
    let (mut ours, mut rust, mut python, mut why) = (Vec::new(), Vec::new(), Vec::new(), None);
    for _ in 0..setup.rounds {
        let (tokens, rate) = timed(&texts, conv);
        ours.push(rate);
        let (same, rate) = timed(&texts, rs);
        assert_eq!(tokens, same, "tiktoken-rs counts differently");
        rust.push(rate);
        match python::run(&["count", &file.to_string_lossy()]) {
            Ok(results) => {
                assert_eq!(results["tokens"], tokens, "tiktoken counts differently");
                python.push(tokens as f64 / results["seconds"].as_f64().expect("seconds"));
            }
            Err(error) => why = Some(error),
        }
    }
    let _ = std::fs::remove_file(&file);
    let note = format!(
        "o200k_base, {:.1} MB in {} texts, equal counts; ours in process",
        bytes as f64 / 1e6,
        texts.len()
    );
    let what = "Tokens counted, one core";
    let line = |against: &str, theirs| {
        Line::new("counting", what, against)
            .unit("tokens/s")
            .goal(Goal::AtLeast(3.0))
            .figures(ours.clone(), theirs)
            .note(&note)
    };
    vec![
        match why {
            Some(why) => Line::skipped("counting", what, "Python tiktoken, encode_ordinary", why),
            None => line("Python tiktoken, encode_ordinary", python),
        },
        line("tiktoken-rs, encode_ordinary", rust),
    ]
}

fn timed(texts: &[String], count: impl Fn(&str) -> u64) -> (u64, f64) {
    let start = Instant::now();
    let tokens: u64 = texts.iter().map(|text| count(black_box(text))).sum();
    (tokens, tokens as f64 / start.elapsed().as_secs_f64())
}

/// The counted texts of a message: its content and its calls.
fn texts(message: &[u8]) -> Vec<String> {
    let message: Value = serde_json::from_slice(message).unwrap_or_default();
    let mut texts = Vec::new();
    let mut add = |value: &Value| texts.extend(value.as_str().map(str::to_owned));
    add(&message["role"]);
    add(&message["content"]);
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        add(&call["function"]["name"]);
        add(&call["function"]["arguments"]);
    }
    texts
}
