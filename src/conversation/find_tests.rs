//! Tests of finding, on the log alone.

use proptest::prelude::*;

use super::{Failure, Found, Pattern, Query, SNIPPET, Search, around};
use crate::conversation::flags::Flags;
use crate::conversation::log::Log;
use crate::conversation::message::{self, Counted};

fn log(messages: &[String]) -> Log {
    let mut log = Log::default();
    for (at, message) in (1..).zip(messages) {
        let facts = message::facts(message.as_bytes()).expect(message);
        log.push(at, at * 10, 4, Flags::of(&facts), message.as_bytes());
    }
    log
}

fn query(pattern: Pattern) -> Query {
    Query {
        pattern,
        class: None,
        after: None,
        before: None,
        since: None,
        until: None,
        limit: 10,
    }
}

fn found(messages: &[&str], query: Query) -> Vec<Found> {
    let messages: Vec<String> = messages.iter().map(|m| (*m).to_owned()).collect();
    Search::all(query, &log(&messages)).expect("memory")
}

fn seqs(found: &[Found]) -> Vec<i64> {
    found.iter().map(|found| found.seq).collect()
}

fn literal(text: &str) -> Query {
    query(Pattern::literal(text, false))
}

fn regex(text: &str) -> Query {
    query(Pattern::regex(text, false).expect(text))
}

#[test]
fn decoded_text_is_searched() {
    let messages = [
        r#"{"role":"user","content":"a \"quoted\" word, caf\u00e9, 1\/2, line\nbreak"}"#,
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"call-1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Lisbon\"}"}}]}"#,
        r#"{"role":"tool","tool_call_id":"call-1","content":"sunny"}"#,
        r#"{"role":"user","name":"ana","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}"#,
    ];
    let of = |text: &str| seqs(&found(&messages, literal(text)));
    assert_eq!(of(r#""quoted" WORD"#), [1]);
    assert_eq!(of("CAFÉ"), [1]);
    assert_eq!(of("1/2"), [1]);
    assert_eq!(of("line\nbreak"), [1]);
    assert_eq!(of("get_weather"), [2]);
    assert_eq!(of(r#""city":"Lisbon""#), [2]);
    assert_eq!(of("sunny"), [3]);
    assert_eq!(of("Ana"), [4]);
    // Keys, ids and roles are no text, and a text ends where it ends.
    for none in [
        "role", "content", "call-1", "user", "onetwo", "u00e9", r"\n",
    ] {
        assert_eq!(of(none), [0; 0], "{none}");
    }
    assert_eq!(seqs(&found(&messages, regex("^one$"))), [4]);
    assert_eq!(seqs(&found(&messages, regex("e"))), [4, 2, 1]);
}

#[test]
fn case_folds_as_unicode_says() {
    let messages = [
        r#"{"role":"user","content":"Straße ΣΊΣΥΦΟΣ"}"#,
        "{\"role\":\"user\",\"content\":\"5 \u{212a}\"}",
    ];
    let of = |text: &str| seqs(&found(&messages, literal(text)));
    assert_eq!(of("STRAẞE"), [1]);
    assert_eq!(of("σίσυφος"), [1]);
    assert_eq!(of("5 k"), [2]);
    // Full case folding would find it.
    assert_eq!(of("strasse"), [0; 0]);
    let exact = Pattern::literal("straße", true);
    assert_eq!(found(&messages, query(exact)), []);
    let exact = Pattern::regex("Stra.e", true).expect("a pattern");
    assert_eq!(seqs(&found(&messages, query(exact))), [1]);
}

#[test]
fn bad_patterns_are_explained() {
    for (pattern, why) in [
        ("(", "invalid pattern at byte 0: unclosed group"),
        (
            "ab[c",
            "invalid pattern at byte 2: unclosed character class",
        ),
        (
            "é*{2",
            "invalid pattern at byte 3: unclosed counted repetition",
        ),
        (
            r"\p{Nothing}",
            "invalid pattern at byte 0: Unicode property not found",
        ),
        (
            r"(a)\1",
            "invalid pattern at byte 3: backreferences are not supported",
        ),
    ] {
        assert_eq!(Pattern::regex(pattern, false).expect_err(pattern), why);
    }
    let compile = |pattern: Pattern| pattern.compile().map(|_| ());
    let large = Pattern::regex(r"(\w{50}){50}", false).expect("valid");
    let Err(Failure::Pattern(why)) = compile(large) else {
        panic!("it is too large")
    };
    assert!(why.starts_with("pattern too complex"), "{why}");
    for fine in [
        r"\w{3,10}@\w+\.\w{2,4}",
        r"\b\d{4}-\d{2}-\d{2}\b",
        "(?-i)Ab",
        "a|b|c",
    ] {
        let pattern = Pattern::regex(fine, false).expect(fine);
        compile(pattern).expect(fine);
    }
    // The longest literals, and those with the most equivalents.
    for long in ["k".repeat(1024), "ΐ".repeat(512), "[".repeat(1024)] {
        compile(Pattern::literal(&long, false)).expect("a pattern");
    }
}

#[test]
fn conditions_are_combined() {
    let messages: Vec<String> = (1..=3000)
        .map(|n| {
            let role = ["system", "user", "assistant", "developer"][n % 4];
            format!(
                r#"{{"role":"{role}","content":"number {n} {}"}}"#,
                "filling ".repeat(20)
            )
        })
        .collect();
    let log = log(&messages);
    let search = |change: fn(&mut Query)| {
        let mut query = literal("number");
        change(&mut query);
        seqs(&Search::all(query, &log).expect("memory"))
    };
    use crate::conversation::facts::Class;
    let all: Vec<i64> = (2991..=3000).rev().collect();
    assert_eq!(search(|_| ()), all);
    assert_eq!(search(|q| q.limit = 2), [3000, 2999]);
    assert_eq!(search(|q| (q.before, q.limit) = (Some(5), 2)), [4, 3]);
    assert_eq!(search(|q| q.after = Some(2998)), [3000, 2999]);
    assert_eq!(
        search(|q| (q.after, q.before) = (Some(1500), Some(1503))),
        [1502, 1501]
    );
    assert_eq!(
        search(|q| (q.since, q.until) = (Some(100), Some(110))),
        [11, 10]
    );
    assert_eq!(search(|q| q.before = Some(i64::MIN)), [0; 0]);
    assert_eq!(search(|q| q.after = Some(i64::MAX)), [0; 0]);
    let system = search(|q| (q.class, q.limit) = (Some(Class::System), 4));
    assert_eq!(system, [3000, 2999, 2996, 2995]);
    let few = search(|q| (q.class, q.before) = (Some(Class::User), Some(6)));
    assert_eq!(few, [5, 1]);
}

#[test]
fn the_name_is_the_snippet_if_nothing_else_matches() {
    let messages = [r#"{"role":"user","name":"Ana","content":"Ana's own train"}"#];
    let snippet = |text| found(&messages, literal(text))[0].snippet.to_string();
    assert_eq!(snippet("ana"), "Ana's own train");
    let messages = [r#"{"role":"user","name":"Ana","content":"a train"}"#];
    assert_eq!(&*found(&messages, literal("ana"))[0].snippet, "Ana");
}

#[test]
fn snippets_have_whole_characters() {
    let text = "é".repeat(500) + "needle" + &"ü".repeat(500);
    let at = text.find("needle").expect("it is there");
    let snippet = around(&text, at..at + 6);
    assert_eq!(snippet.chars().count(), SNIPPET);
    assert_eq!(snippet.find("needle"), Some(97 * 2));
    assert_eq!(around("needle", 0..6), "needle");
    let start = "needle".to_owned() + &"x".repeat(500);
    assert_eq!(around(&start, 0..6), &start[..SNIPPET]);
    let end = "x".repeat(500) + "needle";
    assert_eq!(around(&end, 500..506), &end[end.len() - SNIPPET..]);
    let long = "y".repeat(700);
    assert_eq!(around(&long, 100..600).len(), SNIPPET);
    assert_eq!(around("", 0..0), "");
}

/// What is found by reading every text.
fn plainly(messages: &[String], text: &str) -> Vec<i64> {
    let regex = regex::RegexBuilder::new(&regex::escape(text))
        .case_insensitive(true)
        .build()
        .expect(text);
    let matches = |json: &String| {
        let mut any = false;
        let read = message::with_message(json.as_bytes(), |message| {
            message.visit_counted(&mut |part| match part {
                Counted::Name(part) | Counted::Text(part) => any |= regex.is_match(part),
                Counted::Call(name, arguments) => {
                    any |= regex.is_match(name) || regex.is_match(arguments);
                }
                Counted::Role(_) | Counted::Media => {}
            });
        });
        read.expect(json);
        any
    };
    let numbered = (1..).zip(messages);
    let mut found: Vec<i64> = numbered
        .filter(|(_, json)| matches(json))
        .map(|(seq, _)| seq)
        .collect();
    found.reverse();
    found
}

proptest! {
    /// Skipping messages that cannot match skips none that match.
    #[test]
    fn nothing_is_overlooked(
        texts in prop::collection::vec("[aAkKsſé\\\\\"/\n\u{212a}u0-2 ]{0,12}", 1..12),
        pattern in "[aAkKsſé\\\\\"/\nu0-2 ]{1,3}",
        escaped in any::<bool>(),
    ) {
        let messages: Vec<String> = texts.iter().map(|text| {
            let mut json = serde_json::json!({"role": "user", "content": text}).to_string();
            if escaped {
                json = json.replace('k', "\\u006b").replace('é', "\\u00e9").replace('/', "\\/");
            }
            json
        }).collect();
        let mut query = literal(&pattern);
        query.limit = 100;
        let found = Search::all(query, &log(&messages)).expect("memory");
        prop_assert_eq!(seqs(&found), plainly(&messages, &pattern));
    }
}
