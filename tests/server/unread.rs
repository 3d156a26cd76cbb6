//! Content that the module does not understand counts in full and is flagged, and base64 in it is media.

use redis::Connection;

use crate::notation::{counted, e, field};
use crate::support::{Server, bytes, cmd, info, int, items, map};

/// A message; its counted strings, role first; the number of names and calls; the number of media parts; the flag.
type Case<'a> = (String, Vec<&'a str>, i64, i64, i64);

fn check(cases: &[Case<'_>]) {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<&String> = cases.iter().map(|case| &case.0).collect();
    cmd!(con, "CONV.APPEND", "k", &messages);
    counted(&mut con, "k");
    let seqs: Vec<usize> = (1..=cases.len()).collect();
    let reply = cmd!(con, "CONV.GET", "k", &seqs, "WITHINFO");
    let mut failed = Vec::new();
    for ((message, texts, extra, media, unread), info) in cases.iter().zip(items(&reply)) {
        let info = map(info);
        assert_eq!(bytes(&info["message"]), message.as_bytes(), "verbatim");
        let want = 3 + texts.iter().map(|text| e(text)).sum::<i64>() + extra + 85 * media;
        let got = (int(&info["tokens"]), int(&info["unread"]));
        if got != (want, *unread) {
            failed.push(format!("{message}\n   {got:?}, not {:?}", (want, unread)));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    let flagged: i64 = cases.iter().map(|case| case.4).sum();
    assert_eq!(field(&mut con, "k", "unread"), flagged.to_string());
}

fn unread_messages(con: &mut Connection) -> String {
    info(con, "conv")["conv_unread_messages"].clone()
}

#[test]
fn unknown_content_counts_as_json_text() {
    let whole = [
        r#"{"role":"user"}"#,
        r#"{"role":"user","letter":"Come at ten."}"#,
        r#"{"role":"user","content":7}"#,
        r#"{"role":"user","content":false}"#,
        r#"{ "role":"user", "content":{"text" : "x"} }"#,
        r#"{"message":{"role":"user"}}"#,
    ];
    let mut cases: Vec<Case<'_>> = whole
        .iter()
        .map(|whole| (whole.to_string(), vec!["user", whole], 0, 0, 1))
        .collect();
    for whole in [
        r#"{"type":"banana","peel":1}"#,
        r#"{"type":"item_reference","id":"msg_1"}"#,
    ] {
        cases.push((whole.into(), vec!["assistant", whole], 0, 0, 1));
    }
    // A call beside unread content counts on top of it.
    let calling = r#"{"role":"assistant","content":{"mood":"calm"},"tool_calls":[{"id":"a","function":{"name":"buses","arguments":"{}"}}]}"#;
    cases.push((
        calling.into(),
        vec!["assistant", calling, "buses", "{}"],
        1,
        0,
        1,
    ));
    // Elements of a content array one by one, as written.
    for (message, texts) in [
        (
            r#"{"role":"user","content":[{"type":"text","text":"When?"},{"type":"ticket", "line" : 7}]}"#,
            vec!["user", "When?", r#"{"type":"ticket", "line" : 7}"#],
        ),
        (
            r#"{"role":"user","parts":[{"holiday":true},null,"bare"]}"#,
            vec!["user", r#"{"holiday":true}"#, "bare"],
        ),
        (
            r#"{"role":"user","content":[7,[1],true]}"#,
            vec!["user", "7", "[1]", "true"],
        ),
        // A kind that no row names is unknown even if it has a text.
        (
            r#"{"role":"user","content":[{"type":"poem","text":"x"}]}"#,
            vec!["user", r#"{"type":"poem","text":"x"}"#],
        ),
    ] {
        cases.push((message.into(), texts, 0, 0, 1));
    }
    check(&cases);
}

#[test]
fn content_that_says_nothing_is_read() {
    let mut cases: Vec<Case<'_>> = Vec::new();
    for (message, texts, extra) in [
        (r#"{"role":"user","content":null}"#, vec!["user"], 0),
        (r#"{"role":"user","content":""}"#, vec!["user"], 0),
        (r#"{"role":"user","content":[]}"#, vec!["user"], 0),
        (r#"{"role":"user","content":[null]}"#, vec!["user"], 0),
        // Absent beside a call or a result.
        (
            r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
            vec!["assistant", "f", "{}"],
            1,
        ),
        (r#"{"role":"tool","tool_call_id":"a"}"#, vec!["tool"], 0),
        // Fields beside known content, and an unknown type with known content.
        (
            r#"{"role":"user","content":"x","metadata":{"a":"b"},"timestamp":"now","usage":{"n":1},"my_field":"y"}"#,
            vec!["user", "x"],
            0,
        ),
        (
            r#"{"type":"banana","content":"x"}"#,
            vec!["assistant", "x"],
            0,
        ),
        // LangChain's shape with an unknown role.
        (
            r#"{"type":"strange","data":{"content":"x"}}"#,
            vec!["assistant", "x"],
            0,
        ),
        // Its calls are calls.
        (
            r#"{"type":"Ai","data":{"content":"x","tool_calls":[{"id":"a","name":"f","args":{}}]}}"#,
            vec!["assistant", "x", "f", "{}"],
            1,
        ),
        // Unknown values of a result count as JSON text but are no reason for the flag.
        (
            r#"{"role":"tool","tool_call_id":"a","content":{"degrees": 21}}"#,
            vec!["tool", r#"{"degrees": 21}"#],
            0,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"odd"}]}]}"#,
            vec!["user", r#"{"type":"odd"}"#],
            0,
        ),
    ] {
        cases.push((message.into(), texts, extra, 0, 0));
    }
    check(&cases);
}

#[test]
fn base64_in_unread_content_is_media() {
    let base64 = |len: usize| "QUJD".repeat(len).split_at(len).0.to_string();
    let (long, limit) = (base64(257), base64(256));
    let urlsafe = format!("-_{long}");
    let at_the_limit = format!(r#"{{"type":"blob","bytes":"{limit}"}}"#);
    let blob = r#"{"type":"blob","note":"a map","bytes":""}"#;
    let of = |value: &str| blob.replace(r#""""#, value);
    let content = |block: &str| format!(r#"{{"role":"user","content":[{block}]}}"#);
    let quoted = |text: &str| format!(r#""{text}""#);
    let data_url = format!("data:image/png;base64,{long}");
    check(&[
        (content(&of(&quoted(&long))), vec!["user", blob], 0, 1, 1),
        (content(&of(&quoted(&urlsafe))), vec!["user", blob], 0, 1, 1),
        (
            content(&of(&quoted(&data_url))),
            vec!["user", blob],
            0,
            1,
            1,
        ),
        (
            content(&of(r#"{"__bytes_encoded__":true,"data":"QUJD"}"#)),
            vec!["user", blob],
            0,
            1,
            1,
        ),
        // Not more than 256 bytes.
        (content(&at_the_limit), vec!["user", &at_the_limit], 0, 0, 1),
        // Nothing else counted as JSON text.
        (
            content(r#"{"type":"Buffer","data":[1,2,3]}"#),
            vec!["user"],
            0,
            1,
            0,
        ),
        // As a text it is text.
        (
            format!(r#"{{"role":"user","content":"{long}"}}"#),
            vec!["user", &long],
            0,
            0,
            0,
        ),
        (
            content(&format!(r#"{{"type":"text","text":"{long}"}}"#)),
            vec!["user", &long],
            0,
            0,
            0,
        ),
        (
            format!(r#"{{"role":"tool","tool_call_id":"a","content":"{long}"}}"#),
            vec!["tool", &long],
            0,
            0,
            0,
        ),
    ]);
}

/// INFO shows how many of the messages that are held are flagged.
#[test]
fn unread_messages_are_counted_while_they_are_held() {
    let server = Server::start();
    let mut con = server.conn();
    let (known, unknown) = (r#"{"role":"user","content":"x"}"#, r#"{"role":"user"}"#);
    cmd!(con, "CONV.APPEND", "k", unknown, known, unknown, unknown);
    cmd!(con, "CONV.APPEND", "other", unknown);
    let mut shows = |command: &[&str], want: &str, all: &str| {
        crate::support::run(&mut con, command).expect("a reply");
        assert_eq!(field(&mut con, "k", "unread"), want, "{command:?}");
        assert_eq!(unread_messages(&mut con), all, "{command:?}");
    };
    shows(&["PING"], "3", "4");
    shows(&["CONV.EDIT", "k", "1", known], "2", "3");
    shows(&["CONV.EDIT", "k", "2", unknown], "3", "4");
    shows(&["CONV.DEL", "k", "2"], "2", "3");
    shows(&["CONV.POP", "k"], "1", "2");
    shows(&["DEL", "other"], "1", "1");
}
