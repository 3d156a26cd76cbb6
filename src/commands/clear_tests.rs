//! `CLEAR`: what is cleared in each dialect, and that selections with it are those of a naive model.

use super::tests::{holding, recent, run, said, shown};
use crate::codec::decode_effect;
use crate::commands::commit;
use crate::conversation::Conversation;
use crate::tokens::Inline;

const TEXT: &str =
    "a result of rather more tokens than the text that takes its place when it is cleared";
const PLACEHOLDER: &str = "[tool result cleared]";

/// A call and its result as different frameworks write them; in the result, `@` stands for its value.
const DIALECTS: &[(&str, &str, &str, &str)] = &[
    (
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"role":"tool", "tool_call_id":"1" ,"content": @ ,"x":1}"#,
        r#""TEXT""#,
        r#""CLEARED""#,
    ),
    (
        r#"{"role":"assistant","tool_calls":[{"id":"1"}]}"#,
        r#"{"role":"tool","tool_call_id":"1","content":@}"#,
        r#"[{"type":"text","text":"TEXT"},{"type":"image_url","image_url":{"url":"u"}}]"#,
        r#""CLEARED""#,
    ),
    (
        r#"{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]}"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","is_error":true,"content":@},{"type":"text","text":"so"}]}"#,
        r#"[{"type":"text","text":"TEXT"},{"type":"image","source":{"type":"base64","data":"AAAA"}}]"#,
        r#""CLEARED""#,
    ),
    (
        r#"{"type":"ai","data":{"content":"","tool_calls":[{"id":"1","name":"f","args":{}}]}}"#,
        r#"{"type":"tool","data":{"content":@,"tool_call_id":"1"}}"#,
        r#""TEXT""#,
        r#""CLEARED""#,
    ),
    (
        r#"{"type":"function_call","call_id":"1","name":"f","arguments":"{}"}"#,
        r#"{"type":"function_call_output","call_id":"1","output":@}"#,
        r#"[{"type":"input_text","text":"TEXT"}]"#,
        r#""CLEARED""#,
    ),
    (
        r#"{"type":"shell_call","call_id":"1","action":{"commands":["ls"]}}"#,
        r#"{"type":"shell_call_output","call_id":"1","output":@}"#,
        r#"[{"stdout":"TEXT","stderr":"","outcome":{"type":"exit","exit_code":0}}]"#,
        r#"[{"stdout":"CLEARED"}]"#,
    ),
    (
        r#"{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]}"#,
        r#"{"role":"user","parts":[{"functionResponse":{"name":"f","response":@}}]}"#,
        r#"{"answer":"TEXT","more":[1,2,3]}"#,
        r#"{"result":"CLEARED"}"#,
    ),
    (
        r#"{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f","input":{}}}]}"#,
        r#"{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":@,"status":"success"}}]}"#,
        r#"[{"text":"TEXT"},{"json":{"a":1}}]"#,
        r#"[{"text":"CLEARED"}]"#,
    ),
    (
        r#"{"role":"assistant","content":[{"type":"tool-call","toolCallId":"1","toolName":"f","input":{}}]}"#,
        r#"{"role":"tool","content":[{"type":"tool-result","toolCallId":"1","toolName":"f","output":@}]}"#,
        r#"{"type":"json","value":{"a":"TEXT"}}"#,
        r#"{"type":"text","value":"CLEARED"}"#,
    ),
    (
        r#"{"role":"user","parts":[{"type":"text","text":"go"}]}"#,
        r#"{"role":"assistant","parts":[{"type":"tool-f","toolCallId":"1","state":"output-available","input":{},"output":@}]}"#,
        r#"{"a":"TEXT"}"#,
        r#""CLEARED""#,
    ),
    (
        r#"{"role":"user","content":"go"}"#,
        r#"{"role":"assistant","content":"","toolInvocations":[{"state":"result","toolCallId":"1","toolName":"f","args":{},"result":@}]}"#,
        r#""TEXT""#,
        r#""CLEARED""#,
    ),
    (
        r#"{"kind":"response","parts":[{"part_kind":"tool-call","tool_name":"f","args":"{}","tool_call_id":"1"}]}"#,
        r#"{"kind":"request","parts":[{"part_kind":"tool-return","tool_name":"f","content":@,"tool_call_id":"1"}]}"#,
        r#"{"a":"TEXT"}"#,
        r#""CLEARED""#,
    ),
    (
        r#"{"messageType":"ASSISTANT","text":"","toolCalls":[{"id":"1","type":"function","name":"f","arguments":"{}"}]}"#,
        r#"{"messageType":"TOOL","text":"","responses":[{"id":"1","name":"f","responseData":@}]}"#,
        r#""TEXT""#,
        r#""CLEARED""#,
    ),
    (
        r#"{"type":"AI","toolExecutionRequests":[{"id":"1","name":"f","arguments":"{}"}]}"#,
        r#"{"type":"TOOL_EXECUTION_RESULT","id":"1","toolName":"f","text":@}"#,
        r#""TEXT""#,
        r#""CLEARED""#,
    ),
    (
        r#"{"role":"assistant","additional_kwargs":{"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},"blocks":[]}"#,
        r#"{"role":"tool","additional_kwargs":{"tool_call_id":"1"},"blocks":@}"#,
        r#"[{"block_type":"text","text":"TEXT"}]"#,
        r#"[{"block_type":"text","text":"CLEARED"}]"#,
    ),
    (
        r#"{"Role":"assistant","Items":[{"$type":"FunctionCallContent","Id":"1","FunctionName":"f"}]}"#,
        r#"{"Role":"tool","Items":[{"$type":"FunctionResultContent","CallId":"1","Result":@}]}"#,
        r#""TEXT""#,
        r#""CLEARED""#,
    ),
    (
        r#"{"role":"assistant","contents":[{"type":"function_call","call_id":"1","name":"f","arguments":"{}"}]}"#,
        r#"{"role":"tool","contents":[{"type":"function_result","call_id":"1","result":@}]}"#,
        r#""TEXT","items":[{"type":"text","text":"TEXT"}]"#,
        r#""CLEARED","items":[]"#,
    ),
];

fn filled(value: &str) -> String {
    value.replace("TEXT", TEXT).replace("CLEARED", PLACEHOLDER)
}

#[test]
fn results_are_cleared_in_every_dialect() {
    let mut wrong = Vec::new();
    for (call, result, value, cleared) in DIALECTS {
        let before = result.replace('@', &filled(value));
        let after = result.replace('@', &filled(cleared));
        let mut conversation = holding(&[call, &before, &said("user", "thanks")]);
        let (messages, figures) = recent(&mut conversation, &["10000", "CLEAR", "0"]);
        let figures = shown(&figures);
        if messages.get(1) != Some(&after) || !figures.ends_with("edited 1, cleared 1") {
            wrong.push(format!("{messages:?} {figures}"));
        }
        // The count is that of the cleared message, so the reply fits exactly.
        let mut expected = holding(&[call, &after, &said("user", "thanks")]);
        let (_, plain) = recent(&mut expected, &["10000"]);
        let (_, cleared) = recent(&mut conversation, &["10000", "CLEAR", "0"]);
        if plain[0] != cleared[0] {
            wrong.push(format!("{cleared:?}, not {plain:?} for {after}"));
        }
        let (messages, _) = recent(&mut conversation, &["10000", "CLEAR", "1"]);
        assert_eq!(messages.get(1), Some(&before));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn results_are_cleared_one_by_one() {
    let call = r#"{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}},{"type":"tool_use","id":"2","name":"f","input":{}},{"type":"tool_use","id":"3","name":"f","input":{}}]}"#;
    let result = |values: [&str; 3]| {
        let blocks = values.iter().zip(1..).map(|(value, id)| {
            format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"{value}"}}"#)
        });
        let blocks: Vec<String> = blocks.collect();
        format!(r#"{{"role":"user","content":[{}]}}"#, blocks.join(","))
    };
    let mut conversation = holding(&[call, &result([TEXT, "short", TEXT]), &said("user", "and")]);
    for (kept, values, figures) in [
        (
            "0",
            [PLACEHOLDER, "short", PLACEHOLDER],
            "first 1, last 3, edited 1, cleared 2",
        ),
        (
            "1",
            [PLACEHOLDER, "short", TEXT],
            "first 1, last 3, edited 1, cleared 1",
        ),
        (
            "2",
            [PLACEHOLDER, "short", TEXT],
            "first 1, last 3, edited 1, cleared 1",
        ),
        ("3", [TEXT, "short", TEXT], "first 1, last 3"),
    ] {
        let (messages, shown_figures) = recent(&mut conversation, &["10000", "CLEAR", kept]);
        assert_eq!(messages[1], result(values), "CLEAR {kept}");
        assert_eq!(shown(&shown_figures), figures, "CLEAR {kept}");
    }
    // Pinned messages keep their results.
    run(&mut conversation, "CONV.PIN", &["2"]);
    let (_, figures) = recent(&mut conversation, &["10000", "CLEAR", "0"]);
    assert_eq!(shown(&figures), "first 1, last 3");
    let (_, figures) = recent(&mut conversation, &["10000", "CLEAR", "0", "NOPINS"]);
    assert_eq!(shown(&figures), "first 1, last 3, edited 1, cleared 2");
    run(&mut conversation, "CONV.UNPIN", &["2"]);
    let (_, figures) = recent(&mut conversation, &["10000", "CLEAR", "0", "ABOVE", "1000"]);
    assert_eq!(shown(&figures), "first 1, last 3");
    let (_, figures) = recent(&mut conversation, &["10000", "CLEAR", "0", "ABOVE", "20"]);
    assert_eq!(shown(&figures), "first 1, last 3, edited 1, cleared 2");
    // A message that was replaced is examined again.
    run(
        &mut conversation,
        "CONV.EDIT",
        &["2", &result(["a", "b", TEXT])],
    );
    let (_, figures) = recent(&mut conversation, &["10000", "CLEAR", "0"]);
    assert_eq!(shown(&figures), "first 1, last 3, edited 1, cleared 1");
}

/// Steps of an agent: a call, a result with the given number of words, then what it says.
fn agent(steps: impl Iterator<Item = (usize, bool)>) -> Conversation {
    let mut conversation = holding(&[&said("user", "the task")]);
    for (words, user) in steps {
        let call = r#"{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#;
        let text = "word ".repeat(words);
        let result = format!(r#"{{"role":"tool","tool_call_id":"1","content":"{text}"}}"#);
        let next = said(if user { "user" } else { "assistant" }, "next");
        run(&mut conversation, "CONV.APPEND", &[call, &result, &next]);
    }
    conversation
}

/// For every budget the reply with CLEAR is that of a conversation in which the results are cleared.
#[test]
fn the_window_is_the_longest_that_fits_once_results_are_cleared() {
    let steps = |kept: usize, all: usize| {
        (0..all).map(move |i| {
            let words = [40, 3, 17, 90][i % 4];
            (
                if i + kept < all && words > 6 {
                    0
                } else {
                    words
                },
                i % 3 == 0,
            )
        })
    };
    for kept in [0, 1, 3] {
        let mut conversation = agent(steps(usize::MAX - 100, 12));
        let cleared = agent(steps(kept, 12));
        // In the cleared one the placeholder stands for no words.
        let mut expected = holding(&[]);
        for position in 0..cleared.log().len() {
            let message = cleared
                .log()
                .with_message(position, <[u8]>::to_vec)
                .unwrap()
                .unwrap();
            let message = String::from_utf8(message).unwrap();
            let message =
                message.replace(r#""content":"""#, &format!(r#""content":"{PLACEHOLDER}""#));
            run(&mut expected, "CONV.APPEND", &[&message]);
        }
        let kept = kept.to_string();
        for budget in (0..700).step_by(7).map(|n| n.to_string()) {
            for options in [&[][..], &["START", "USER"], &["MESSAGES", "8"]] {
                let mut args = vec![budget.as_str()];
                args.extend(options);
                let (want, want_figures) = recent(&mut expected, &args);
                args.extend(["CLEAR", &kept]);
                let (got, figures) = recent(&mut conversation, &args);
                assert_eq!(got, want, "{args:?}");
                // All but `edited` and `cleared`.
                let without = |figures: &[(String, i64)]| figures[..11].to_vec();
                assert_eq!(without(&figures), without(&want_figures), "{args:?}");
            }
        }
    }
}

/// Applies an effect as CONV.EFFECT does.
fn replay(conversation: &mut Conversation, header: &str, payload: &[&[u8]]) {
    let mut effect = decode_effect(header.as_bytes(), payload).expect(header);
    conversation.check(&effect).expect(header);
    commit(conversation, &mut effect, &Inline);
}

/// Whatever is read in between: the replies are those of a conversation that is read with CLEAR for the first time.
#[test]
fn what_is_known_grows_at_both_ends() {
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..60 {
        let mut conversation = holding(&[&said("user", "the task")]);
        for step in 0..40 {
            let id = step.to_string();
            let call = CALL.replace('1', &id);
            let words = "word ".repeat(rng.usize(..60));
            let result = format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"{words}"}}"#);
            let orphan = r#"{"role":"tool","tool_call_id":"orphan","content":"x"}"#;
            let user = said("user", "and");
            match rng.usize(..10) {
                0 => drop(run(&mut conversation, "CONV.APPEND", &[&call])),
                1 => drop(run(&mut conversation, "CONV.APPEND", &[orphan])),
                2 => drop(run(&mut conversation, "CONV.APPEND", &[&user])),
                3 => drop(run(&mut conversation, "CONV.BACKFILL", &[&call, &result])),
                4 => drop(run(&mut conversation, "CONV.POP", &["2"])),
                5 if !conversation.log().is_empty() => {
                    // As IMPORT ... REPLACE replicates it, but the numbers that follow are given again.
                    let position = rng.usize(..conversation.log().len());
                    let seq = conversation.log().get(position).expect("held").seq;
                    let cut = format!(r#"{{"v":1,"at":1,"cut":{seq}}}"#);
                    replay(&mut conversation, &cut, &[]);
                    let push = format!(r#"{{"v":1,"at":2,"push":[[{seq},2,"pending"]]}}"#);
                    replay(
                        &mut conversation,
                        &push,
                        &[if rng.bool() {
                            user.as_bytes()
                        } else {
                            result.as_bytes()
                        }],
                    );
                }
                6 if conversation.log().len() > 9 => {
                    let seqs: Vec<String> = (0..conversation.log().len())
                        .filter(|_| rng.u8(..3) == 0)
                        .filter_map(|position| conversation.log().get(position))
                        .map(|message| message.seq.to_string())
                        .collect();
                    let seqs: Vec<&str> = seqs.iter().map(String::as_str).collect();
                    run(&mut conversation, "CONV.DEL", &seqs);
                }
                _ => {
                    let messages = [&call, &result, &user];
                    let messages: Vec<&str> = messages.into_iter().map(String::as_str).collect();
                    run(&mut conversation, "CONV.APPEND", &messages);
                }
            }
            if rng.u8(..3) == 0 && conversation.log().len() > 2 {
                let position = rng.usize(..conversation.log().len());
                let seq = conversation
                    .log()
                    .get(position)
                    .expect("held")
                    .seq
                    .to_string();
                let name = ["CONV.PIN", "CONV.DEL", "CONV.UNPIN"][rng.usize(..3)];
                run(&mut conversation, name, &[&seq]);
            }
            if rng.bool() {
                continue;
            }
            let (budget, kept) = (rng.usize(..900).to_string(), rng.usize(..6).to_string());
            let mut args = vec![budget.as_str(), "CLEAR", &kept];
            for options in [
                &["STEP", "90"][..],
                &["START", "USER"],
                &["NOPINS"],
                &["ABOVE", "200"],
            ] {
                if rng.u8(..3) == 0 {
                    args.extend(options);
                }
            }
            let known = recent(&mut conversation, &args);
            let fresh = recent(&mut conversation.clone(), &args);
            assert_eq!(known, fresh, "{args:?}");
            conversation.check_invariants().expect("sound");
        }
    }
}

/// Messages far from those that were examined are examined one by one, each once.
#[test]
fn pins_before_an_empty_window() {
    let mut conversation = agent((0..60).map(|_| (600, false)));
    let args = ["1000000000", "MESSAGES", "0", "CLEAR", "0"];
    for pin in ["38", "2", "110"] {
        run(&mut conversation, "CONV.PIN", &[pin]);
        let known = recent(&mut conversation, &args);
        assert_eq!(known, recent(&mut conversation.clone(), &args));
        conversation.check_invariants().expect("sound");
        run(&mut conversation, "CONV.APPEND", &[&said("user", "hi")]);
    }
}

/// Without its call, a result in a message with text of its own is taken out of it: then the message is another.
#[test]
fn many_results_lose_their_call() {
    const RESULTS: usize = 20_000;
    let ids = (0..RESULTS).map(|id| format!(r#"{{"id":"{id}"}}"#));
    let calls = format!(
        r#"{{"role":"assistant","tool_calls":[{}]}}"#,
        ids.collect::<Vec<_>>().join(",")
    );
    let mut conversation = holding(&[&calls]);
    for id in 0..RESULTS {
        let result = format!(
            r#"{{"role":"assistant","content":[{{"type":"tool_result","tool_use_id":"{id}","content":"{TEXT}"}},{{"type":"text","text":"so"}}]}}"#
        );
        run(&mut conversation, "CONV.APPEND", &[&result]);
    }
    let args = ["1000000", "CLEAR", "0"];
    let (_, figures) = recent(&mut conversation, &args);
    assert!(
        figures.contains(&("cleared".into(), RESULTS as i64)),
        "{figures:?}"
    );
    run(&mut conversation, "CONV.DEL", &["1"]);
    let (_, figures) = recent(&mut conversation, &args);
    assert!(
        figures.contains(&("edited".into(), RESULTS as i64)),
        "{figures:?}"
    );
    assert!(figures.contains(&("cleared".into(), 0)), "{figures:?}");
}

const CALL: &str =
    r#"{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#;
