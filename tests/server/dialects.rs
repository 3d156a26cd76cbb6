//! The counted parts of a message (role, texts, names, calls, media parts) in the dialects with a `role`. The counts
//! are compared with those of tiktoken-rs for hand-picked strings.

use crate::notation::{counted, e, tokens_of};
use crate::support::{Server, bytes, cmd, int, items, map};

/// A message; its counted strings, separated by `|`, role first; the number of names and calls; the number of media
/// parts.
pub type Case = (&'static str, &'static str, i64, i64);

pub fn count(cases: &[Case]) {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<&str> = cases.iter().map(|case| case.0).collect();
    cmd!(con, "CONV.APPEND", "k", &messages);
    counted(&mut con, "k");
    let seqs: Vec<usize> = (1..=cases.len()).collect();
    let reply = cmd!(con, "CONV.GET", "k", &seqs, "WITHINFO");
    let mut failed = Vec::new();
    for ((message, texts, extra, media), info) in cases.iter().zip(items(&reply)) {
        let info = map(info);
        assert_eq!(bytes(&info["message"]), message.as_bytes(), "verbatim");
        let want = 3 + texts.split('|').map(e).sum::<i64>() + extra + 85 * media;
        let got = int(&info["tokens"]);
        if got != want {
            failed.push(format!("{message}\n   {got} tokens, not {want}"));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    // conv.media-tokens applies to new conversations only.
    cmd!(con, "CONFIG", "SET", "conv.media-tokens", 1000);
    cmd!(con, "CONV.APPEND", "other", &messages);
    for ((message, texts, extra, media), seq) in cases.iter().zip(1..) {
        let want = 3 + texts.split('|').map(e).sum::<i64>() + extra + 1000 * media;
        assert_eq!(tokens_of(&mut con, "other", seq), want, "{message}");
    }
}

#[test]
fn openai_chat_messages_are_counted() {
    count(&[
        (
            r#"{"role":"user","content":"hello world"}"#,
            "user|hello world",
            0,
            0,
        ),
        (r#"{"role":"user","content":""}"#, "user", 0, 0),
        // Without any content the whole message counts.
        (r#"{"role":"user"}"#, r#"user|{"role":"user"}"#, 0, 0),
        (
            r#"{"role":"developer","content":"Be brief."}"#,
            "developer|Be brief.",
            0,
            0,
        ),
        (
            r#"{"role":"critic at large","content":"x"}"#,
            "critic at large|x",
            0,
            0,
        ),
        (
            r#"{"role":"user","content":"x","name":"alice_b"}"#,
            "user|x|alice_b",
            1,
            0,
        ),
        (r#"{"role":"user","content":"x","name":""}"#, "user|x", 1, 0),
        (
            r#"{"role":"user","content":"x","name":null}"#,
            "user|x",
            0,
            0,
        ),
        (r#"{"role":"user","content":null}"#, "user", 0, 0),
        (
            r#"{"role":"user","content":12345678901234567890}"#,
            r#"user|{"role":"user","content":12345678901234567890}"#,
            0,
            0,
        ),
        (
            r#"{"role":"user","content":true}"#,
            r#"user|{"role":"user","content":true}"#,
            0,
            0,
        ),
        (
            r#"{"role":"user","content":{"type":"text","text":"as JSON"}}"#,
            r#"user|{"role":"user","content":{"type":"text","text":"as JSON"}}"#,
            0,
            0,
        ),
        // Each text is counted separately, without joining.
        (
            r#"{"role":"user","content":[{"type":"text","text":"some"},{"type":"text","text":"where"}]}"#,
            "user|some|where",
            0,
            0,
        ),
        (
            r#"{"role":"user","content":["bare",{"type":"text","text":"x"},"strings"]}"#,
            "user|bare|x|strings",
            0,
            0,
        ),
        (
            r#"{"role":"user","content":[{"text":"of no type"}]}"#,
            "user|of no type",
            0,
            0,
        ),
        (
            r#"{"role":"user","content":[{"type":"text","text":7},{"type":"text"},null,7,[]]}"#,
            "user|7|[]",
            0,
            0,
        ),
        (
            r#"{"role":"assistant","content":null,"refusal":"I must not."}"#,
            "assistant|I must not.",
            0,
            0,
        ),
        (
            r#"{"role":"assistant","content":"x","refusal":null}"#,
            "assistant|x",
            0,
            0,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"refusal","refusal":"No, never."}]}"#,
            "assistant|No, never.",
            0,
            0,
        ),
        // Other fields are stored but not interpreted, except for text outside the content.
        (
            r#"{"role":"user","content":"x","text":"y","metadata":{"content":"z"},"reasoning_content":"w"}"#,
            "user|x|w",
            0,
            0,
        ),
        // Calls: the name and the arguments. A string is counted as it is.
        (
            r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Bern\"}"}}]}"#,
            r#"assistant|get_weather|{"city": "Bern"}"#,
            1,
            0,
        ),
        (
            r#"{"role":"assistant","content":"two","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":""}}]}"#,
            "assistant|two|f|{}|g",
            2,
            0,
        ),
        // An object is counted as its JSON text, verbatim.
        (
            r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{ "b" : [1.50,2e3],"a":"\u0041 \/" }}}]}"#,
            r#"assistant|f|{ "b" : [1.50,2e3],"a":"\u0041 \/" }"#,
            1,
            0,
        ),
        (
            r#"{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{"name":"run_sql","input":"SELECT 1"}}]}"#,
            "assistant|run_sql|SELECT 1",
            1,
            0,
        ),
        // The legacy function_call field.
        (
            r#"{"role":"assistant","content":null,"function_call":{"name":"lookup","arguments":"{\"q\":1}"}}"#,
            r#"assistant|lookup|{"q":1}"#,
            1,
            0,
        ),
        (
            r#"{"role":"function","name":"lookup","content":"found"}"#,
            "function|lookup|found",
            1,
            0,
        ),
        // Tool results. The id is not counted.
        (
            r#"{"role":"tool","tool_call_id":"a_rather_long_id","content":"sunny"}"#,
            "tool|sunny",
            0,
            0,
        ),
        (
            r#"{"role":"tool","tool_call_id":"a","name":"get_weather","content":[{"type":"text","text":"sunny"}]}"#,
            "tool|get_weather|sunny",
            1,
            0,
        ),
        // Media parts. Their base64 data is never counted.
        (
            r#"{"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUg"}}]}"#,
            "user|look",
            0,
            1,
        ),
        (
            r#"{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},{"type":"file","file":{"file_data":"AAAA","filename":"a b.pdf"}},{"type":"video","video":"AAAA"},{"type":"audio"},{"type":"image"}]}"#,
            "user",
            0,
            5,
        ),
        (
            r#"{"role":"user","content":[{"type":"imagery"},{"type":"IMAGE"},{"type":"sound"}]}"#,
            r#"user|{"type":"imagery"}|{"type":"sound"}"#,
            0,
            1,
        ),
    ]);
}

#[test]
fn anthropic_messages_are_counted() {
    count(&[
        (
            r#"{"role":"user","content":[{"type":"text","text":"hello"}]}"#,
            "user|hello",
            0,
            0,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"Let me see.","signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},{"type":"text","text":"Yes."}]}"#,
            "assistant|Let me see.|Yes.",
            0,
            0,
        ),
        // Opaque data counts nothing beside known content. Alone it is one media part.
        (
            r#"{"role":"assistant","content":[{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3pzix"}]}"#,
            "assistant",
            0,
            1,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3pzix"},{"type":"text","text":"Yes."}]}"#,
            "assistant|Yes.",
            0,
            0,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"tool_use","id":"toolu_01","name":"get_weather","input":{"city": "Bern", "n":[1, 2]}}]}"#,
            r#"assistant|get_weather|{"city": "Bern", "n":[1, 2]}"#,
            1,
            0,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"text","text":"both"},{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"g","input":{}}]}"#,
            "assistant|both|f|{}|g|{}",
            2,
            0,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"sunny"}]}"#,
            "user|sunny",
            0,
            0,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"one"},{"type":"image","source":{"type":"base64","data":"iVBORw0KGgo"}}]},{"type":"text","text":"two"}]}"#,
            "user|one|two",
            0,
            1,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","is_error":true}]}"#,
            "user",
            0,
            0,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":["bare"]}]}"#,
            "user|bare",
            0,
            0,
        ),
        // A document with text in it is text, its title included.
        (
            r#"{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo"}},{"type":"document","source":{"type":"text","data":"some text"},"title":"t"}]}"#,
            "user|some text|t",
            0,
            1,
        ),
        (
            r#"{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"}}]}"#,
            "user",
            0,
            1,
        ),
    ]);
}
