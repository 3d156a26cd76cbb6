//! Benchmarks of the parts that do not depend on Redis: reading a message, counting it, appending it, selecting a
//! window. Run them with `make bench-pure`.
//!
//! `side_by_side` (`make bench`) measures the module in a server and compares it with alternatives.

use std::hint::black_box;

use conv::commands::commit;
use conv::conversation::Conversation;
use conv::conversation::effect::{Count, Effect, Event, NewMessage};
use conv::conversation::message::{facts, read};
use conv::conversation::window::Request;
use conv::settings::Settings;
use conv::tokens::{Encoding, Inline, count};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A chat of short and long messages. Every seventh message is a tool call, followed by its result.
fn message(number: usize) -> String {
    let text =
        "The next train to Gare du Nord leaves at 10:42 from platform 7; it takes 2 h 16 min. ";
    let long = text.repeat(1 + number * 7 % 11);
    match number % 7 {
        5 => format!(
            r#"{{"role":"assistant","content":null,"tool_calls":[{{"id":"call_{number}","type":"function","function":{{"name":"trains","arguments":"{{\"from\": \"London\"}}"}}}}]}}"#
        ),
        6 => format!(
            r#"{{"role":"tool","tool_call_id":"call_{}","content":"{long}"}}"#,
            number - 1
        ),
        n if n % 2 == 0 => format!(r#"{{"role":"user","content":"{long}"}}"#),
        _ => format!(r#"{{"role":"assistant","content":"{long}"}}"#),
    }
}

/// A conversation of `messages` messages, all counted.
fn conversation(messages: usize) -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 0);
    for number in 0..messages {
        let json = message(number);
        let mut effect = Effect::new(Event::None, 0);
        effect.push.push(NewMessage {
            seq: number as i64 + 1,
            time: 0,
            count: Count::Given(20 + (number as u32 * 7 % 11) * 24),
            bytes: json.as_bytes(),
            facts: facts(json.as_bytes()).expect("a message"),
            text: None,
            own: None,
        });
        commit(&mut conversation, &mut effect, &Inline);
    }
    conversation
}

/// One message of each kind that the four base dialects write.
const DIALECTS: [(&str, &str); 9] = [
    (
        "openai calls",
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call_9yKpZ2","type":"function","function":{"name":"find_trains","arguments":"{\"from\":\"London\",\"to\":\"Paris\",\"after\":\"10:00\"}"}},{"id":"call_Jd81Qx","type":"function","function":{"name":"find_hotels","arguments":"{\"city\":\"Paris\",\"nights\":2}"}}]}"#,
    ),
    (
        "openai result",
        r#"{"role":"tool","tool_call_id":"call_9yKpZ2","content":"[{\"train\":\"9024\",\"leaves\":\"10:24\",\"platform\":7,\"price\":149.9},{\"train\":\"9028\",\"leaves\":\"11:31\",\"platform\":5,\"price\":99.0}]"}"#,
    ),
    (
        "openai parts",
        r#"{"role":"user","content":[{"type":"text","text":"Is this the right platform for the train to Gare du Nord?"},{"type":"image_url","image_url":{"url":"https://example.org/platform.png","detail":"low"}}]}"#,
    ),
    (
        "anthropic calls",
        r#"{"role":"assistant","content":[{"type":"thinking","thinking":"The user wants the next train. I should look it up first.","signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},{"type":"text","text":"Let me look that up."},{"type":"tool_use","id":"toolu_01A09q90qw90lq917835lq9","name":"find_trains","input":{"from":"London","to":"Paris","after":"10:00"}}]}"#,
    ),
    (
        "anthropic results",
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01A09q90qw90lq917835lq9","content":[{"type":"text","text":"9024 leaves at 10:24 from platform 7."},{"type":"text","text":"9028 leaves at 11:31 from platform 5."}]},{"type":"text","text":"Take the earlier one, please."}]}"#,
    ),
    (
        "langchain calls",
        r#"{"type":"ai","data":{"content":"","additional_kwargs":{"tool_calls":[{"id":"call_9yKpZ2","function":{"arguments":"{\"from\":\"London\",\"to\":\"Paris\"}","name":"find_trains"},"type":"function"}]},"response_metadata":{"token_usage":{"completion_tokens":18,"prompt_tokens":81,"total_tokens":99},"model_name":"gpt-4o","finish_reason":"tool_calls"},"type":"ai","name":null,"id":"run-5f1c0b7e-8f4c-4a35-9e1d-3f0b8a1c2d4e-0","example":false,"tool_calls":[{"name":"find_trains","args":{"from":"London","to":"Paris"},"id":"call_9yKpZ2","type":"tool_call"}],"invalid_tool_calls":[],"usage_metadata":null}}"#,
    ),
    (
        "langchain result",
        r#"{"type":"tool","data":{"content":"9024 leaves at 10:24 from platform 7; 9028 leaves at 11:31 from platform 5.","additional_kwargs":{},"response_metadata":{},"type":"tool","name":"find_trains","id":null,"tool_call_id":"call_9yKpZ2","artifact":null,"status":"success"}}"#,
    ),
    (
        "responses call",
        r#"{"type":"function_call","id":"fc_67ca09c6bedc8190a7abfec07b1a1332","call_id":"call_unLAR8MvFNptuiZK6K6HCy5k","name":"find_trains","arguments":"{\"from\":\"London\",\"to\":\"Paris\"}","status":"completed"}"#,
    ),
    (
        "responses message",
        r#"{"type":"message","id":"msg_67b73f697ba4819183a15cc17d011509","status":"completed","role":"assistant","content":[{"type":"output_text","text":"The next train to Gare du Nord leaves at 10:24 from platform 7.","annotations":[]}]}"#,
    ),
];

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("read a message");
    for (name, json) in DIALECTS {
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_function(BenchmarkId::new("facts", name), |b| {
            b.iter(|| facts(black_box(json.as_bytes())));
        });
        group.bench_function(BenchmarkId::new("facts and text", name), |b| {
            b.iter(|| read(black_box(json.as_bytes())));
        });
    }
    for bytes in [200, 1_000, 16_000] {
        let json = format!(
            r#"{{"role":"user","content":"{}"}}"#,
            "word ".repeat(bytes / 5)
        );
        group.throughput(Throughput::Bytes(json.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(bytes), &json, |b, json| {
            b.iter(|| facts(black_box(json.as_bytes())));
        });
    }
}

/// Typical texts of chats.
const SAMPLES: [(&str, &str); 5] = [
    (
        "English",
        "I'd like to book a table for two at half past seven; what's their phone number? The next train to \
         Gare du Nord leaves at 10:42 from platform 7, and it takes 2 h 16 min. ",
    ),
    (
        "code",
        "fn longest(&self, text: &[u8]) -> Option<usize> {\n    for (i, b) in text.iter().enumerate() {\n        \
         if !b.is_ascii() { return Some(i + 1); } // UTF-8\n    }\n    None\n}\n",
    ),
    (
        "JSON",
        r#"{"from": "London", "to": "Paris", "seats": 2, "price": {"amount": 149.90, "currency": "EUR"}, "ok": true}"#,
    ),
    (
        "Chinese",
        "这部电影是哪年上映的呀？知道导演是谁吗？我觉得它的音乐特别好听，剧情也很感人，推荐你有空去看看。",
    ),
    (
        "Markdown",
        "## Install\n\n1. **Download** the [package](https://example.org/a.tar.gz)\n2. Run `make install`\n\n\
         | name | size |\n|------|-----:|\n| `a`  |  1024 |\n",
    ),
];

/// All texts of the conversations in the directory `CONV_CORPUS`.
fn corpus() -> Vec<String> {
    let Some(dir) = std::env::var_os("CONV_CORPUS") else {
        return Vec::new();
    };
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(&dir).expect("CONV_CORPUS is a directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "jsonl") {
            for line in std::fs::read_to_string(&path).expect("a file").lines() {
                let list: Vec<serde_json::Value> = serde_json::from_str(line).expect("an array");
                for message in list {
                    texts.extend(message["content"].as_str().map(str::to_owned));
                    for call in message["tool_calls"].as_array().into_iter().flatten() {
                        texts.extend(call["function"]["arguments"].as_str().map(str::to_owned));
                    }
                }
            }
        }
    }
    texts
}

/// Compares counters. Each text is counted repeatedly, so this counter has its pieces in the cache.
fn counting(c: &mut Criterion) {
    let mut sets: Vec<(&str, Vec<String>)> = SAMPLES
        .map(|(name, text)| (name, vec![text.repeat(8)]))
        .to_vec();
    sets.push(("corpus", corpus()));
    sets.retain(|(_, texts)| !texts.is_empty());
    let mut group = c.benchmark_group("count");
    for (name, texts) in &sets {
        let bytes: usize = texts.iter().map(String::len).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        if bytes > 100_000 {
            group.sample_size(10);
        }
        for (encoding, tiktoken, bpe) in [
            (
                Encoding::O200K_BASE,
                tiktoken_rs::o200k_base_singleton(),
                bpe_openai::o200k_base(),
            ),
            (
                Encoding::CL100K_BASE,
                tiktoken_rs::cl100k_base_singleton(),
                bpe_openai::cl100k_base(),
            ),
        ] {
            let mut bench = |what: &str, count: &dyn Fn(&str) -> usize| {
                group.bench_function(format!("{name}/{encoding}/{what}"), |b| {
                    b.iter(|| black_box(texts).iter().map(|t| count(t)).sum::<usize>());
                });
            };
            bench("conv", &|text| count(encoding, text) as usize);
            bench("tiktoken-rs", &|text| tiktoken.encode_ordinary(text).len());
            bench("bpe-openai", &|text| bpe.count(text));
        }
    }
}

fn selecting(c: &mut Criterion) {
    let mut group = c.benchmark_group("select 3000 tokens by number of messages");
    let request = Request {
        max_tokens: 3000,
        ..Request::default()
    };
    for messages in [100, 10_000, 1_000_000] {
        let conversation = conversation(messages);
        group.bench_function(BenchmarkId::from_parameter(messages), |b| {
            b.iter(|| conversation.select(black_box(&request)));
        });
    }
}

fn appending(c: &mut Criterion) {
    c.bench_function("append 100 messages, counts given", |b| {
        b.iter(|| conversation(100))
    });
}

criterion_group!(benches, reading, counting, selecting, appending);
criterion_main!(benches);
