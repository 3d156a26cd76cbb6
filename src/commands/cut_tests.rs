//! `OVERSIZE CUT`: what is cut, and by how much.

use super::tests::{holding, recent, run, said, shown};
use crate::tokens::{Encoding, count};

const CALL: &str = r#"{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}},{"id":"2","function":{"name":"f","arguments":"{}"}}]}"#;

fn result(id: &str, text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(r#"{{"role":"tool","tool_call_id":"{id}", "content":{text} }}"#)
}

fn content(message: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(message).expect("valid JSON");
    message["content"].as_str().expect("a string").to_owned()
}

/// Checks the marker and both ends; the number of tokens that are kept at each.
fn kept(before: &str, after: &str) -> usize {
    let e = |text: &str| count(Encoding::default(), text) as usize;
    let (head, rest) = after.split_once("\n[... ").expect("a marker");
    let (number, tail) = rest.split_once(" tokens cut ...]\n").expect("a marker");
    assert!(
        before.starts_with(head) && before.ends_with(tail),
        "{after}"
    );
    let number: usize = number.parse().expect("a number");
    let left = e(before) - number;
    assert_eq!(left % 2, 0, "{after}");
    // The kept part may be encoded differently.
    assert!(
        e(head).abs_diff(left / 2) <= 3 && e(tail).abs_diff(left / 2) <= 3,
        "{after}"
    );
    left / 2
}

#[test]
fn results_are_cut_to_the_largest_common_length() {
    let long = "some words that go on 12345 and on, für immer 龦龧 \u{1F469}\u{200D}\u{1F680}.\n "
        .repeat(60);
    let (short, long_result) = (result("1", "a short one"), result("2", &long));
    let mut conversation = holding(&[&said("user", "go"), CALL, &short, &long_result]);
    let (whole, _) = recent(&mut conversation, &["100000"]);
    let mut last = 0;
    for budget in (45..1500).step_by(29).chain([100_000]) {
        let budget_text = budget.to_string();
        let args = [&budget_text, "OVERSIZE", "CUT", "MESSAGES", "3"];
        let (messages, figures) = recent(&mut conversation, &args);
        let tokens = figures[0].1;
        assert!(tokens <= budget);
        let Some(cut) = messages.last() else {
            assert!(budget < 70, "{budget}");
            continue;
        };
        if content(cut) == long {
            assert_eq!(messages[..], whole[1..]);
            continue;
        }
        assert_eq!(
            shown(&figures),
            "first 2, last 4, skipped 1, edited 1, cut 1",
            "{budget}"
        );
        assert_eq!(messages[..2], whole[1..3]);
        let length = kept(&long, &content(cut));
        assert!(length >= last, "{budget}: {length} after {last}");
        // Few tokens are wasted, and the count is that of the formula.
        assert!(budget - tokens <= 12, "{budget}: {tokens}");
        let mut held = holding(&[]);
        for message in &messages {
            run(&mut held, "CONV.APPEND", &[message]);
        }
        let (_, figures) = recent(&mut held, &["100000"]);
        assert_eq!(figures[0].1, tokens);
        last = length;
    }
    assert!(last > 100);
}

#[test]
fn two_results_have_a_common_length_and_users_come_last() {
    let (first, second) = ("one two three ".repeat(100), "vier fünf sechs ".repeat(200));
    let question = "what about this then? ".repeat(50);
    let results = [result("1", &first), result("2", &second)];
    let mut conversation = holding(&[&said("user", &question), CALL, &results[0], &results[1]]);
    let args = ["200", "OVERSIZE", "CUT"];
    let (messages, figures) = recent(&mut conversation, &args);
    assert_eq!(
        shown(&figures),
        "first 2, last 4, skipped 1, edited 2, cut 2"
    );
    let lengths = (
        kept(&first, &content(&messages[1])),
        kept(&second, &content(&messages[2])),
    );
    assert_eq!(lengths.0, lengths.1);
    // With its user message: results first, then the user's text.
    let args = ["600", "OVERSIZE", "CUT", "START", "USER"];
    let (messages, figures) = recent(&mut conversation, &args);
    assert_eq!(
        shown(&figures),
        "first 2, last 4, elided 1, edited 2, cut 2"
    );
    assert_eq!(content(&messages[0]), question);
    let args = ["200", "OVERSIZE", "CUT", "START", "USER"];
    let (messages, figures) = recent(&mut conversation, &args);
    assert_eq!(
        shown(&figures),
        "first 2, last 4, elided 1, edited 3, cut 3"
    );
    assert_eq!(kept(&first, &content(&messages[2])), 0);
    assert!(kept(&question, &content(&messages[0])) > 5);
    // Not even the markers fit; nothing can be cut.
    let (messages, figures) = recent(&mut conversation, &["30", "OVERSIZE", "CUT"]);
    assert!(messages.is_empty());
    assert_eq!(shown(&figures), "skipped 4");
    let mut conversation = holding(&[&said("assistant", &question)]);
    assert!(
        recent(&mut conversation, &["40", "OVERSIZE", "CUT"])
            .0
            .is_empty()
    );
    let mut conversation = holding(&[&said("user", &question)]);
    let (messages, figures) = recent(
        &mut conversation,
        &["40", "OVERSIZE", "CUT", "START", "USER"],
    );
    assert_eq!(shown(&figures), "first 1, last 1, edited 1, cut 1");
    kept(&question, &content(&messages[0]));
}

/// Tokens end where those of tiktoken do, also in pieces that are encoded in windows.
#[test]
fn ends_are_those_of_tiktoken() {
    let tiktoken = tiktoken_rs::o200k_base().expect("tables");
    let mut texts = vec![
        "-".repeat(100_000),
        "aA".repeat(30_000),
        " \n".repeat(5000),
        "für immer 龦龧 \u{1F469}\u{200D}\u{1F680} 12345 don't {\"a\":[1,2]}\r\n".repeat(20),
    ];
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let length = rng.usize(1..300);
        let any = (0..length).map(|_| match rng.u8(..4) {
            0 => rng.char(..),
            1 => rng.alphanumeric(),
            2 => ' ',
            _ => rng.lowercase(),
        });
        texts.push(any.collect());
    }
    for text in texts {
        let mut end = 0;
        let tokens = tiktoken.encode_ordinary(&text);
        let expected = tokens.iter().map(|&token| {
            end += tiktoken.decode_bytes(&[token]).expect("a token").len();
            end as u32
        });
        let expected: Vec<u32> = expected.collect();
        assert_eq!(
            crate::tokens::ends(Encoding::default(), &text),
            expected,
            "{text}"
        );
    }
}

/// A result that is no string is cut as the JSON text that counts, and carried as CLEAR carries its placeholder.
#[test]
fn results_of_any_form_are_cut() {
    let long = "some words that go on and on. ".repeat(40);
    let json = serde_json::json!({"found": [{"n": 1}, long], "more": false}).to_string();
    let openai = |value: &str| {
        let call = r#"{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#;
        let result = format!(r#"{{"role":"tool","tool_call_id":"1","content":{value}}}"#);
        (call.to_owned(), result)
    };
    let block = |call: &str, result: &str| {
        let call = format!(r#"{{"role":"assistant","content":[{call}]}}"#);
        let result = format!(r#"{{"role":"user","content":[{result}]}}"#);
        (call, result)
    };
    let text_and_unknown =
        format!(r#"[{{"type":"text","text":"{long}"}},{{"type":"new","v":[1,2]}}]"#);
    // The message, and what precedes and follows the text in the cut one.
    let cases = [
        (openai(&json), r#""content":""#, r#""}"#),
        (openai(&text_and_unknown), r#""content":""#, r#""}"#),
        (
            (
                r#"{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]}"#.to_owned(),
                format!(
                    r#"{{"role":"user","parts":[{{"functionResponse":{{"name":"f","response":{json}}}}}]}}"#
                ),
            ),
            r#""response":{"result":""#,
            r#""}}}]}"#,
        ),
        (
            block(
                r#"{"toolUse":{"toolUseId":"1","name":"f","input":{}}}"#,
                &format!(r#"{{"toolResult":{{"toolUseId":"1","content":[{{"json":{json}}}]}}}}"#),
            ),
            r#""content":[{"text":""#,
            r#""}]}}]}"#,
        ),
        (
            block(
                r#"{"type":"tool-call","toolCallId":"1","toolName":"f","input":{}}"#,
                &format!(
                    r#"{{"type":"tool-result","toolCallId":"1","toolName":"f","output":{{"type":"json","value":{json}}}}}"#
                ),
            ),
            r#""output":{"type":"text","value":""#,
            r#""}}]}"#,
        ),
    ];
    let shell = (
        r#"{"type":"shell_call","action":{"commands":["f"]},"call_id":"1"}"#.to_owned(),
        format!(
            r#"{{"type":"shell_call_output","call_id":"1","output":[{{"stdout":"{long}{long}","stderr":""}}]}}"#
        ),
    );
    let strings = (shell, r#""output":[{"stdout":"some"#, r#"","stderr":""}]}"#);
    for ((call, result), before, after) in cases.into_iter().chain([strings]) {
        let mut conversation = holding(&[&said("user", "go"), &call, &result]);
        for budget in (60..300).step_by(17) {
            let args = [&*budget.to_string(), "OVERSIZE", "CUT"];
            let (messages, figures) = recent(&mut conversation, &args);
            assert_eq!(
                shown(&figures),
                "first 2, last 3, skipped 1, edited 1, cut 1",
                "{result} {budget}"
            );
            let tokens = figures[0].1;
            assert!(
                tokens <= budget && budget - tokens <= 12,
                "{tokens} of {budget}"
            );
            let cut = &messages[1];
            assert!(cut.contains(before) && cut.ends_with(after), "{cut}");
            assert!(cut.contains(" tokens cut ...]"), "{cut}");
            serde_json::from_str::<serde_json::Value>(cut).expect("valid JSON");
            let mut held = holding(&[]);
            for message in &messages {
                run(&mut held, "CONV.APPEND", &[message]);
            }
            assert_eq!(recent(&mut held, &["100000"]).1[0].1, tokens);
        }
    }
}

/// Of several results each is cut to the same length, whatever their forms.
#[test]
fn results_of_different_forms_have_a_common_length() {
    let (text, json) = (
        "one two three ".repeat(300),
        format!(r#"{{"rows":"{}"}}"#, "4 5 6 ".repeat(200)),
    );
    let object = format!(r#"{{"role":"tool","tool_call_id":"2","content":{json}}}"#);
    let mut conversation = holding(&[&said("user", "go"), CALL, &result("1", &text), &object]);
    let (messages, figures) = recent(&mut conversation, &["300", "OVERSIZE", "CUT"]);
    assert_eq!(
        shown(&figures),
        "first 2, last 4, skipped 1, edited 2, cut 2"
    );
    assert_eq!(
        kept(&text, &content(&messages[1])),
        kept(&json, &content(&messages[2]))
    );
}
