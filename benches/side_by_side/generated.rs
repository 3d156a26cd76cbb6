//! Generates conversations for machines without a corpus: chats with an assistant that calls tools.
//!
//! The word frequencies are as uneven as those of a natural language, so that compression and tokenization behave
//! about as with real text. The published figures are from real text.

use fastrand::Rng;
use serde_json::json;

use crate::data::Conversation;

const COMMON: &str = "the to of and a in is it you that for on was with as I be this have are not but at we can from by they an or will my all would there what so if about which when one do me out up your has more than no them some could time into only its now then over also back after use two how our work first well way even new want because any these give day most us";

const RARER: &str = "station ticket platform refund invoice schedule customer account password router firmware subscription reservation hotel airport luggage delayed connection baggage insurance deductible physician appointment prescription dosage allergy recipe flour butter oven temperature minutes vegetables marathon training knee muscle stretching budget mortgage interest payment deposit transfer currency exchange museum painting gallery century architect cathedral river mountain hiking weather forecast thunderstorm humidity garden tomato fertilizer compost planting python function variable exception database query index cache latency throughput server deploy container kubernetes cluster replica failover timeout algorithm recursion graph vertex matrix probability statistics regression hypothesis experiment laboratory molecule protein enzyme bacteria vaccine orchestra violin concert rehearsal melody lyrics novel chapter protagonist metaphor paragraph grammar translation dialect university lecture professor scholarship thesis deadline interview salary contract negotiation warranty return shipping warehouse package courier address signature apartment landlord lease electricity plumbing furniture carpet volcano earthquake satellite telescope galaxy orbit astronaut engine battery charging bicycle helmet traffic intersection detour festival birthday anniversary invitation restaurant vegetarian dessert espresso breakfast";

const TOOLS: [&str; 6] = [
    "search_flights",
    "get_weather",
    "lookup_order",
    "query_database",
    "book_table",
    "get_account",
];

fn words(rng: &mut Rng, count: usize) -> String {
    let (common, rarer): (Vec<_>, Vec<_>) = (
        COMMON.split(' ').collect(),
        RARER.split_whitespace().collect(),
    );
    let mut text = String::new();
    for number in 0..count {
        // The product of two uniform numbers prefers small indexes, so the first words of a list are the most
        // frequent.
        let skewed = |rng: &mut Rng, len: usize| rng.usize(..len) * rng.usize(..len) / len;
        let word = match rng.usize(..20) {
            0..12 => common[skewed(rng, common.len())].to_string(),
            12..19 => rarer[skewed(rng, rarer.len())].to_string(),
            _ => rng.usize(..3000).to_string(),
        };
        let begins = text.is_empty() || text.ends_with(". ") || text.ends_with("? ");
        match word.chars().next() {
            Some(first) if begins => {
                text.extend(first.to_uppercase());
                text.push_str(&word[first.len_utf8()..]);
            }
            _ => text.push_str(&word),
        }
        let last = number + 1 == count;
        text.push_str(match rng.usize(..14) {
            _ if last => ".",
            0 => ". ",
            1 => ", ",
            2 if number > 4 && rng.usize(..4) == 0 => "? ",
            _ => " ",
        });
    }
    text
}

fn record(rng: &mut Rng) -> serde_json::Value {
    let time = format!(
        "2026-{:02}-{:02}T{:02}:{:02}:00Z",
        1 + rng.usize(..12),
        1 + rng.usize(..28),
        rng.usize(..24),
        rng.usize(..60)
    );
    json!({
        "id": format!("{:08x}", rng.u64(..) as u32),
        "title": words(rng, 4),
        "price": rng.usize(..90_000) as f64 / 100.0,
        "time": time,
        "available": rng.usize(..3) > 0,
    })
}

fn conversation(rng: &mut Rng, number: usize) -> Conversation {
    let mut messages = Vec::new();
    if number.is_multiple_of(4) {
        let text = format!("You are a helpful assistant. {}", words(rng, 60));
        messages.push(json!({"role": "system", "content": text}));
    }
    for _ in 0..6 + rng.usize(..12) {
        let length = 6 + rng.usize(..30);
        messages.push(json!({"role": "user", "content": words(rng, length)}));
        if rng.usize(..3) == 0 {
            let id = format!("call_{:012x}", rng.u64(..) & 0xFFFF_FFFF_FFFF);
            let arguments = json!({"query": words(rng, 3), "limit": rng.usize(..20)}).to_string();
            messages.push(json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": id, "type": "function", "function": {"name": rng.choice(&TOOLS).unwrap(), "arguments": arguments}}]}));
            let count = 1 + rng.usize(..5);
            let results: Vec<_> = (0..count).map(|_| record(rng)).collect();
            messages.push(
                json!({"role": "tool", "tool_call_id": id, "content": json!(results).to_string()}),
            );
        }
        let length = 10 + rng.usize(..20) * rng.usize(..8);
        messages.push(json!({"role": "assistant", "content": words(rng, length)}));
    }
    messages
        .iter()
        .map(|m| m.to_string().into_bytes())
        .collect()
}

/// About 30,000 messages.
pub fn conversations() -> Vec<(String, Vec<Conversation>)> {
    let mut rng = Rng::with_seed(7);
    let all = (0..900)
        .map(|number| conversation(&mut rng, number))
        .collect();
    vec![("generated".into(), all)]
}

/// Messages of about 1 MB with different kinds of content, by name.
pub fn megabytes() -> Vec<(&'static str, Vec<u8>)> {
    const BYTES: usize = 1_000_000;
    let mut rng = Rng::with_seed(11);
    let code: String = [
        include_str!("main.rs"),
        include_str!("load.rs"),
        include_str!("skip.rs"),
        include_str!("svg.rs"),
    ]
    .iter()
    .cycle()
    .scan(0, |bytes, file| {
        *bytes += file.len();
        (*bytes < BYTES).then_some(*file)
    })
    .collect();
    let base64: String = (0..BYTES)
        .map(|_| {
            const SIGNS: &[u8; 64] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            SIGNS[rng.usize(..64)] as char
        })
        .collect();
    // Half of the characters are the most frequent ones, the others are spread over the whole block.
    let frequent: Vec<char> = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里".chars().collect();
    let cjk: String = (0..BYTES / 3)
        .map(|_| match rng.usize(..2) {
            0 => frequent[rng.usize(..frequent.len())],
            _ => char::from_u32(0x4E00 + rng.usize(..0x5000) as u32).unwrap_or('中'),
        })
        .collect();
    [
        ("code", code),
        ("base64", base64),
        ("runs of -", "-".repeat(BYTES)),
        ("CJK", cjk),
    ]
    .into_iter()
    .map(|(what, text)| {
        (
            what,
            json!({"role": "user", "content": text})
                .to_string()
                .into_bytes(),
        )
    })
    .collect()
}
