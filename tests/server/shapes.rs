//! The types of all replies in both protocol versions, and options in any order and letter case.

use redis::Value;

use crate::notation::{counted, fill, line, message, recent, transcript};
use crate::support::{Server, bytes, cmd, items, map, text};

/// The type of a reply including its elements. RESP3 maps are compared as flat RESP2 arrays.
fn shape(value: &Value) -> String {
    let all = |values: &mut dyn Iterator<Item = &Value>| {
        let shapes: Vec<String> = values.map(shape).collect();
        shapes.join(" ")
    };
    match value {
        Value::Nil => "nil".into(),
        Value::Int(_) => "int".into(),
        Value::BulkString(_) => "bulk".into(),
        Value::Okay | Value::SimpleString(_) => "status".into(),
        Value::Array(values) => format!("[{}]", all(&mut values.iter())),
        Value::Map(pairs) => format!("{{{}}}", all(&mut pairs.iter().flat_map(|(k, v)| [k, v]))),
        other => format!("{other:?}"),
    }
}

#[test]
fn reply_shapes_in_both_protocols() {
    let server = Server::start();
    let six = ["bulk int"; 6].join(" ");
    let info = format!("{{{six} bulk bulk {six} bulk bulk bulk int bulk nil {six}}}");
    let window = format!("{{bulk [bulk bulk] {}}}", ["bulk int"; 14].join(" "));
    let nothing = format!("{{bulk [] {}}}", ["bulk int"; 14].join(" "));
    let packed = format!("{{bulk bulk {}}}", ["bulk int"; 14].join(" "));
    for (command, want) in [
        ("CONV.CREATE k TTL 100", "status"),
        ("CONV.APPEND k TOKENS 5 @u TOKENS 5 @a", "int"),
        ("CONV.APPEND k NX @u", "nil"),
        ("CONV.APPEND missing XX @u", "nil"),
        ("CONV.APPEND k IFLAST 7 @u", "nil"),
        ("CONV.RECENT missing 100", "[]"),
        ("CONV.RECENT missing 100 WITHINFO", &nothing),
        ("CONV.RECENT missing 100 FORMAT JSON", "bulk"),
        ("CONV.RECENT missing 100 WAIT 0", "nil"),
        ("CONV.RECENT k 100 REV", "[bulk bulk]"),
        ("CONV.RECENT k 100", "[bulk bulk]"),
        ("CONV.RECENT k 0", "[]"),
        ("CONV.RECENT k 100 FORMAT LIST", "[bulk bulk]"),
        ("CONV.RECENT k 100 FORMAT JSON", "bulk"),
        ("CONV.RECENT k 0 FORMAT JSON", "bulk"),
        ("CONV.RECENT k 100 FORMAT MSGPACK", "bulk"),
        ("CONV.RECENT k 100 WITHINFO", &window),
        ("CONV.RECENT k 100 FORMAT MSGPACK WITHINFO", &packed),
        ("CONV.SUMMARY missing", "nil"),
        ("CONV.SUMMARY k", "nil"),
        ("CONV.INFO k", &info),
        ("CONV.SETSUMMARY k text", "int"),
        ("CONV.SUMMARY k", "bulk"),
        (
            "CONV.SUMMARY k WITHINFO",
            "{bulk bulk bulk int bulk nil bulk int}",
        ),
        ("CONV.SETSUMMARY k text UPTO 1", "int"),
        (
            "CONV.SUMMARY k WITHINFO",
            "{bulk bulk bulk int bulk int bulk int}",
        ),
        ("CONV.RANGE k 0 -1", "[bulk bulk]"),
        ("CONV.RANGE missing 0 -1", "[]"),
        ("CONV.RANGE k 0 -1 FORMAT JSON", "bulk"),
        ("CONV.RANGE k 0 -1 REV", "[bulk bulk]"),
        ("CONV.INDEX k 0", "bulk"),
        ("CONV.INDEX k 2", "nil"),
        ("CONV.INDEX missing 0", "nil"),
        ("CONV.SEARCH k x", "[bulk bulk]"),
        ("CONV.SEARCH missing x", "[]"),
        (
            "CONV.SEARCH k x LIMIT 1 WITHINFO",
            "[{bulk int bulk int bulk bulk bulk int bulk bulk bulk bulk}]",
        ),
        ("CONV.GET k 1 9", "[bulk nil]"),
        (
            "CONV.GET k 1 9 WITHINFO",
            "[{bulk int bulk int bulk int bulk int bulk int bulk bulk} nil]",
        ),
        ("CONV.EXPORT missing", "nil"),
        ("CONV.EXPORT k", "bulk"),
        ("CONV.GETSTATE missing", "{}"),
        ("CONV.GETSTATE missing a", "[nil]"),
        ("CONV.GETSTATE k", "{}"),
        ("CONV.SETSTATE k a 1 b 2", "int"),
        ("CONV.GETSTATE k", "{bulk bulk bulk bulk}"),
        ("CONV.GETSTATE k b c", "[bulk nil]"),
        ("CONV.DELSTATE k a c", "int"),
        ("CONV.LEN k", "int"),
        ("CONV.LEN missing", "int"),
        ("CONV.INFO missing", "nil"),
        ("CONV.TOKENS a b", "[int int]"),
        ("CONV.ALTER k MAXMESSAGES 9", "status"),
        ("CONV.EDIT k 1 @s", "status"),
        ("CONV.TRIM k MAXMESSAGES 9", "int"),
        ("CONV.TRIM missing MAXMESSAGES 9", "int"),
        ("CONV.POP k", "bulk"),
        ("CONV.POP k 5", "[bulk]"),
        ("CONV.POP k 0", "nil"),
        ("CONV.POP k", "nil"),
        ("CONV.POP missing", "nil"),
        ("CONV.POP missing 3", "nil"),
        ("CONV.DEL k 1", "int"),
        ("CONV.DEL missing 1", "int"),
        ("CONV.IMPORT k [] REPLACE", "int"),
    ] {
        // Every command runs in both protocol versions: on `k`, and on another key for RESP3.
        let flat = want.replace('{', "[").replace('}', "]");
        let two = line(&mut server.conn(), command).unwrap();
        assert_eq!(shape(&two), flat, "RESP2 {command}");
        let three = line(&mut server.conn3(), &command.replace(" k", " k3")).unwrap();
        assert_eq!(shape(&three), want, "RESP3 {command}");
        counted(&mut server.conn(), "k");
        counted(&mut server.conn(), "k3");
    }
    let mut con = server.conn();
    cmd!(con, "CONV.APPEND", "names", message("u", 0));
    for (reply, names) in [
        (
            cmd!(con, "CONV.RECENT", "names", 100, "WITHINFO"),
            "cleared cut dropped edited elided first last messages over pinned skipped summary system \
             system-left-out tokens",
        ),
        (
            items(&cmd!(con, "CONV.GET", "names", 1, "WITHINFO"))[0].clone(),
            "message pinned seq time tokens unread",
        ),
    ] {
        let got: Vec<String> = map(&reply).into_keys().collect();
        assert_eq!(got.join(" "), names);
    }
    assert_eq!(
        text(&cmd!(con, "CONV.RECENT", "k", 0, "FORMAT", "JSON")),
        "[]"
    );
    assert_eq!(
        bytes(&cmd!(con, "CONV.RECENT", "k", 0, "FORMAT", "MSGPACK")),
        [0x90]
    );
}

#[test]
fn options_in_any_order_and_letter_case() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.APPEND k unique IfLast 0 nx tokens 4 {"role":"user","id":"a"} => 1
        CONV.APPEND k iflast 1 XX Unique Tokens 4 {"role":"user","id":"b"} tokens 6 {"role":"user","id":"c"} => 3
        conv.Append k UNIQUE xx IFLAST 3 {"role":"user","id":"c"} => 3
        CONV.SETSUMMARY k text minchange 0 upto 1 => 1
        CONV.SETSUMMARY k text Upto 2 MinChange 5 => 1
        CONV.CREATE other complete NO ttl 100 maxtokens 7 encoding gpt-4 maxmessages 3 => OK
        CONV.ALTER other MaxMessages 4 Complete Yes => OK
        CONV.POP k 1 => [{"role":"user","id":"c"}]
        CONV.TRIM k before 2 => 1
        conv.trim k MaxMessages 1 => 1
        CONV.TRIM k maxtokens 100 => 1"#,
    );
    let (mut two, mut three) = (server.conn(), server.conn3());
    cmd!(two, "DEL", "k");
    fill(&mut two, "k", "s u c.a t.a c.b t.b");
    cmd!(two, "CONV.SETSUMMARY", "k", "x", "UPTO", 2);
    let want = recent(
        &mut two,
        &mut three,
        "k",
        "45 START USER MESSAGES 4 OVERSIZE KEEP STEP 7 ANY",
    );
    for args in [
        "45 any step 7 oversize keep messages 4 start user",
        "45 Step 7 Start User Any Messages 4 Oversize Keep",
        "45 MESSAGES 4 ANY START user STEP 7 OVERSIZE keep",
    ] {
        assert_eq!(recent(&mut two, &mut three, "k", args), want, "{args}");
    }
    let want = recent(
        &mut two,
        &mut three,
        "k",
        "100 NOSYSTEM NOSUMMARY OVERSIZE EMPTY",
    );
    let other = recent(
        &mut two,
        &mut three,
        "k",
        "100 nosummary oversize Empty NoSystem",
    );
    assert_eq!(other, want);
}
