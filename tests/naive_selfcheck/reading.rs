//! Reading a message.

use super::*;

/// json; role and class; counted strings besides the role; fixed part and media; calls to be answered and results of other
/// messages by id, `-` without one; `own` for text of its own, `unread`.
pub type Row<'a> = [&'a str; 6];

fn said(json: &str) -> [String; 5] {
    let m = read(json).unwrap_or_else(|e| panic!("{e}: {json}"));
    let id = |id: &Option<String>| id.clone().unwrap_or("-".into());
    let opens: Vec<String> = m.opens().map(|c| id(&c.id)).collect();
    let answers: Vec<String> = m.answers().map(|r| id(&r.id)).collect();
    let texts = m.counted[1..].iter().filter(|t| !t.is_empty());
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    let flags = [("own", m.own_text), ("unread", m.unread)];
    let flags: Vec<&str> = flags.iter().filter(|f| f.1).map(|f| f.0).collect();
    [
        format!("{} {}", m.role, m.class_in_log().word()),
        texts.join("|"),
        format!("{} {}", m.fixed, m.media),
        format!("{} > {}", opens.join(","), answers.join(",")),
        flags.join(" "),
    ]
}

pub fn check(rows: &[Row]) {
    for [json, wanted @ ..] in rows {
        assert_eq!(said(json), wanted.map(String::from), "{json}");
    }
}

#[test]
#[rustfmt::skip]
fn the_base_dialects() {
    check(&[
        [
            r#"{"role":"user","content":"hi","name":"bob"}"#,
            "user user", "hi|bob", "4 0", " > ", "own",
        ],
        [
            r#"{"role":"user","content":["a",null,{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"u"}}]}"#,
            "user user", "a|b", "3 1", " > ", "own",
        ],
        [
            r#"{"role":"assistant","content":null,"refusal":"no"}"#,
            "assistant assistant", "no", "3 0", " > ", "own",
        ],
        [
            r#"{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}"#,
            "assistant assistant", "no", "3 0", " > ", "own",
        ],
        [
            r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","custom":{"name":"g","input":"in"}}]}"#,
            "assistant assistant", "f|{}|g|in", "5 0", "a,b > ", "",
        ],
        [
            r#"{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{ "k" : 1.0, "k":2}}}]}"#,
            "assistant assistant", r#"f|{ "k" : 1.0, "k":2}"#, "4 0", "- > ", "",
        ],
        [
            r#"{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}"#,
            "assistant assistant", "f|{}", "4 0", "- > ", "",
        ],
        [
            r#"{"role":"function","name":"f","content":"r"}"#,
            "function tool", "r|f", "4 0", " > -", "",
        ],
        [
            r#"{"role":"tool","tool_call_id":"a","content":"r"}"#,
            "tool tool", "r", "3 0", " > a", "",
        ],
        [
            r#"{"role":"tool","tool_call_id":""}"#,
            "tool tool", "", "3 0", " > -", "",
        ],
        [
            r#"{"role":"tool","tool_call_id":7,"content":{"t":21}}"#,
            "tool tool", r#"{"t":21}"#, "3 0", " > -", "",
        ],
        [
            r#"{"role":"user","tool_call_id":"a","content":"r"}"#,
            "user user", "r", "3 0", " > ", "own",
        ],
        [
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"x"},{"type":"tool_use","id":"a","name":"f","input":{"k":[1,2]}}]}"#,
            "assistant assistant", r#"t|x|f|{"k":[1,2]}"#, "4 0", "a > ", "own",
        ],
        [
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"r"},{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"s"},{"type":"image","source":{}}]}]}"#,
            "user tool", "r|s", "3 1", " > a,b", "",
        ],
        [
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"odd"}]},{"type":"image"}]}"#,
            "user tool", r#"{"type":"odd"}"#, "3 1", " > a", "own",
        ],
        [
            r#"{"type":"human","data":{"content":"hi","name":"bob","id":"m1"}}"#,
            "user user", "hi|bob", "4 0", " > ", "own",
        ],
        [
            r#"{"type":"ai","data":{"content":[{"type":"tool_use","id":"a","name":"f","input":{}}],"tool_calls":[{"name":"f","args":{"k":1},"id":"a"}]}}"#,
            "assistant assistant", r#"f|{"k":1}"#, "4 0", "a > ", "",
        ],
        [
            r#"{"type":"human","data":{"content":[{"type":"tool_result","tool_use_id":"a","content":"r"}]}}"#,
            "user user", "r", "3 0", " > ", "own",
        ],
        [
            r#"{"type":"tool","data":{"content":"r","tool_call_id":"a"}}"#,
            "tool tool", "r", "3 0", " > a", "",
        ],
        [
            r#"{"type":"chat","data":{"content":"r","role":"critic"}}"#,
            "critic ", "r", "3 0", " > ", "own",
        ],
        [
            r#"{"type":"function","data":{"content":"r","name":"f"}}"#,
            "tool tool", "r|f", "4 0", " > -", "",
        ],
        [
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"x"},{"type":"input_image"}]}"#,
            "user user", "x", "3 1", " > ", "own",
        ],
    ]);
}

#[test]
#[rustfmt::skip]
fn items() {
    check(&[
        [
            r#"{"type":"function_call","call_id":"a","name":"f","arguments":"{}","id":"fc"}"#,
            "assistant assistant", "f|{}", "4 0", "a > ", "",
        ],
        [
            r#"{"type":"function_call","name":"f","arguments":"{}","id":"fc"}"#,
            "assistant assistant", "f|{}", "4 0", " > ", "",
        ],
        [
            r#"{"type":"custom_tool_call","call_id":"a","name":"f","input":"i"}"#,
            "assistant assistant", "f|i", "4 0", "a > ", "",
        ],
        [
            r#"{"type":"computer_call_output","call_id":"a","output":{"type":"computer_screenshot"}}"#,
            "tool tool", "", "3 1", " > a", "",
        ],
        [
            r#"{"type":"function_call_output","call_id":"a","output":"r"}"#,
            "tool tool", "r", "3 0", " > a", "",
        ],
        [
            r#"{"type":"function_call_result","callId":"a","name":"f","output":{"type":"text","text":"r"}}"#,
            "tool tool", "r|f", "4 0", " > a", "",
        ],
        [
            r#"{"type":"file_search_call","id":"fs","queries":["q"],"results":[{"filename":"f","text":"found","score":1}]}"#,
            "assistant assistant", r#"["q"]|found"#, "4 0", " > ", "",
        ],
        [
            r#"{"type":"code_interpreter_call","id":"ci","code":"1+1","outputs":[{"type":"logs","logs":"2"},{"type":"image","url":"u"}]}"#,
            "assistant assistant", "1+1|2", "4 1", " > ", "",
        ],
        [
            r#"{"type":"image_generation_call","id":"ig","result":"QUJD"}"#,
            "assistant assistant", "", "4 1", " > ", "own",
        ],
        [
            r#"{"type":"mcp_call","id":"m","name":"f","arguments":"{}","output":"r"}"#,
            "assistant assistant", "f|{}|r", "4 0", " > ", "",
        ],
        [
            r#"{"type":"shell_call_output","call_id":"a","output":[{"stdout":"o","stderr":"e"}]}"#,
            "tool tool", "o|e", "3 0", " > a", "",
        ],
        [
            r#"{"type":"tool_search_output","call_id":"a","tools":[{"type":"function"}]}"#,
            "tool tool", r#"{"type":"function"}"#, "3 0", " > a", "",
        ],
        [
            r#"{"type":"mcp_approval_request","id":"a","name":"f","arguments":"{}"}"#,
            "assistant assistant", "f|{}", "4 0", "a > ", "",
        ],
        [
            r#"{"type":"mcp_approval_response","approval_request_id":"a","reason":"no"}"#,
            "tool tool", "no", "3 0", " > a", "",
        ],
        [
            r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"content":[{"type":"reasoning_text","text":"c"}]}"#,
            "assistant assistant", "c|s", "3 0", " > ", "own",
        ],
        [
            r#"{"type":"reasoning","summary":[]}"#,
            "assistant assistant", "", "3 0", " > ", "",
        ],
        [
            r#"{"type":"reasoning","summary":[],"encrypted_content":"e"}"#,
            "assistant assistant", "", "3 1", " > ", "own",
        ],
        [
            r#"{"type":"compaction","encrypted_content":"e"}"#,
            "assistant assistant", "", "3 1", " > ", "own",
        ],
        [
            r#"{"type":"banana","content":"x"}"#,
            "assistant assistant", "x", "3 0", " > ", "own",
        ],
        [
            r#"{"type":"banana","peel":1}"#,
            "assistant assistant", r#"{"type":"banana","peel":1}"#, "3 0", " > ", "own unread",
        ],
    ]);
}

#[test]
fn unread_content() {
    let long = "QUJD".repeat(80);
    let short = "QUJD".repeat(64);
    let rows = [
        (
            r#"{"role":"user","content":{"text":"x"}}"#.to_string(),
            r#"{"role":"user","content":{"text":"x"}}"#.to_string(),
            0,
        ),
        (r#"{"role":"user"}"#.into(), r#"{"role":"user"}"#.into(), 0),
        (
            r#"{"role":"user","content":7}"#.into(),
            r#"{"role":"user","content":7}"#.into(),
            0,
        ),
        (r#"{"role":"user","content":[7]}"#.into(), "7".into(), 0),
        (
            format!(r#"{{"role":"user","content":[{{"type":"odd","a":"{long}","b":"{short}"}}]}}"#),
            format!(r#"{{"type":"odd","a":"","b":"{short}"}}"#),
            1,
        ),
        (
            format!(
                r#"{{"role":"user","content":[{{"type":"odd","a":"data:image/png;base64,{long}"}}]}}"#
            ),
            r#"{"type":"odd","a":""}"#.into(),
            1,
        ),
        (
            r#"{"role":"user","blob":{"type":"Buffer","data":[1,2]}}"#.into(),
            r#"{"role":"user","blob":""}"#.into(),
            1,
        ),
    ];
    for (json, text, media) in rows {
        let m = read(&json).unwrap();
        assert_eq!((&m.counted[1], m.media), (&text, media), "{json}");
        assert!(m.unread && m.own_text, "{json}");
    }
    // Content, though it says nothing.
    for json in [
        r#"{"role":"user","content":null}"#,
        r#"{"role":"user","content":""}"#,
        r#"{"role":"user","parts":[]}"#,
        r#"{"role":"user","content":[null]}"#,
        r#"{"role":"assistant","tool_calls":[{"id":"a"}]}"#,
        r#"{"role":"tool"}"#,
    ] {
        let m = read(json).unwrap();
        assert!(!m.unread && m.counted[1..].concat().is_empty(), "{json}");
    }
    // Base64 as text is text.
    let m = read(&format!(r#"{{"role":"user","content":"{long}"}}"#)).unwrap();
    assert_eq!((m.media, m.unread, m.counted[1].len()), (0, false, 320));
}

#[test]
fn ids_and_text() {
    let id = |json: &str| read(json).unwrap().id;
    assert_eq!(
        id(r#"{"type":"human","data":{"content":"hi","id":"m1"}}"#).as_deref(),
        Some("m1")
    );
    assert_eq!(
        id(r#"{"role":"user","id":"m2","id":"m3"}"#).as_deref(),
        Some("m3")
    );
    assert_eq!(id(r#"{"role":"user","id":7}"#), None);
    assert_eq!(id(r#"{"role":"user","id":""}"#), None);
    assert_eq!(
        read(r#"{"role":"user","role":"tool"}"#).unwrap().role,
        "tool"
    );
    // Surrogates, paired and not, and an escaped backslash before a `u`.
    let text = |json: &str| read(json).unwrap().counted[1].clone();
    assert_eq!(text(r#"{"role":"user","content":"\uD83D\uDE42"}"#), "🙂");
    assert_eq!(
        text(r#"{"role":"user","content":"\uD83Dx\uDE42"}"#),
        "\u{FFFD}x\u{FFFD}"
    );
    assert_eq!(
        text(r#"{"role":"user","content":"\uD83D\uD83D\uDE42"}"#),
        "\u{FFFD}🙂"
    );
    assert_eq!(
        text(r#"{"role":"user","content":"\\uD83D \"\/\n"}"#),
        "\\uD83D \"/\n"
    );
}

#[test]
fn rejected() {
    let long_role = format!(r#"{{"role":"{}"}}"#, "x".repeat(65));
    let deep = format!(
        r#"{{"role":"user","x":{}{}}}"#,
        "[".repeat(128),
        "]".repeat(128)
    );
    for json in [
        "",
        "x",
        "[]",
        "3",
        "{",
        "{}",
        r#"{"role":7}"#,
        r#"{"role":{"name":"user"}}"#,
        r#"{"role":null}"#,
        r#"{"content":"x"}"#,
        r#"{"parts":[{"text":"x"}]}"#,
        r#"{"type":"message"}"#,
        r#"{"type":"message","content":"x"}"#,
        r#"{"type":"remove","data":{"id":"a"}}"#,
        r#"{"type":"remove","content":"","id":"a"}"#,
        r#"{"type":7}"#,
        r#"{"role":"user"} x"#,
        &long_role,
        &deep,
    ] {
        assert!(read(json).is_err(), "{json}");
    }
    assert!(read(&long_role.replace("xx", "x")).is_ok());
}
