//! What the parts that know no Redis cost: reading a message, counting it, appending it, selecting a prompt.
//!
//! `cargo bench`. Benchmarks of the module in a server, beside what one would use instead, are a matter of their own.

use std::hint::black_box;

use conv::commands::commit;
use conv::conversation::Conversation;
use conv::conversation::effect::{Count, Effect, NewMessage};
use conv::conversation::message::facts;
use conv::conversation::window::Request;
use conv::settings::Settings;
use conv::tokens::{Encoding, Inline, count};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A chat of short and long messages; every seventh is a tool call, followed by its result.
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

/// A conversation of so many messages, counted.
fn conversation(messages: usize) -> Conversation {
    let mut conversation = Conversation::new(Settings::default().attributes(), 0);
    for number in 0..messages {
        let json = message(number);
        let mut effect = Effect::new("", 0);
        effect.push.push(NewMessage {
            seq: number as i64 + 1,
            time: 0,
            count: Count::Given(20 + (number as u32 * 7 % 11) * 24),
            bytes: json.as_bytes(),
            facts: facts(json.as_bytes()).expect("a message"),
            text: None,
        });
        commit(&mut conversation, &mut effect, &Inline);
    }
    conversation
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("read a message");
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

fn counting(c: &mut Criterion) {
    let text = "The next train leaves at 10:42 from platform 7. ".repeat(20);
    let mut group = c.benchmark_group("count 1 kB");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for encoding in [
        Encoding::O200kBase,
        Encoding::Cl100kBase,
        Encoding::P50kBase,
    ] {
        group.bench_function(encoding.name(), |b| {
            b.iter(|| count(encoding, black_box(&text)))
        });
    }
}

fn selecting(c: &mut Criterion) {
    let mut group = c.benchmark_group("select 3000 tokens of so many messages");
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
