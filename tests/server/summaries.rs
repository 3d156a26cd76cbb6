//! CONV.SUMMARY and CONV.SETSUMMARY, and the message that contains the summary.

use redis::Value;

use crate::notation::{e, field, fill, line, message, transcript};
use crate::support::{Server, bytes, cmd, int, map, strings, text};

#[test]
fn setsummary_stores_the_summary() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.SUMMARY missing => nil
        CONV.SETSUMMARY k first => 1
        CONV.SUMMARY k => first
        # It creates the conversation.
        TYPE k => conv-list
        CONV.LEN k => 0
        CONV.SETSUMMARY k second => 1
        CONV.SUMMARY k => second
        CONV.APPEND k @u @a @u => 3
        CONV.SUMMARY k => second
        CONV.SETSUMMARY k third UPTO 2 => 1
        # Without UPTO the stored one is kept.
        CONV.SETSUMMARY k fourth => 1
        CONV.SUMMARY k => fourth
        CONV.SETSUMMARY k fifth UPTO 1 => 0
        CONV.SUMMARY k => fourth
        # A late writer never undoes a newer one; the same extent may be written again.
        CONV.SETSUMMARY k sixth UPTO 2 => 1
        CONV.SETSUMMARY k seventh UPTO 3 => 1
        CONV.SETSUMMARY k eighth UPTO 2 => 0
        CONV.SETSUMMARY k eighth UPTO 0 => 0
        CONV.SETSUMMARY k eighth UPTO -5 => 0
        CONV.SUMMARY k => seventh
        # Beyond the newest message.
        CONV.SETSUMMARY k ninth UPTO 4 => !ERR UPTO
        CONV.POP k => @u
        CONV.SETSUMMARY k ninth UPTO 3 => !ERR UPTO
        CONV.SUMMARY k => seventh
        # While no message is held UPTO is compared with 0.
        CONV.SETSUMMARY empty text UPTO 1 => !ERR UPTO
        EXISTS empty => 0
        CONV.SETSUMMARY empty text UPTO 0 => 1
        # What it covers may go.
        CONV.DEL k 1 2 => 2
        CONV.SUMMARY k => seventh"#,
    );
}

#[test]
fn an_empty_text_removes_the_summary() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.SETSUMMARY k "" => 0
        CONV.SETSUMMARY k "" UPTO 0 MINCHANGE 3 => 0
        EXISTS k => 0
        CONV.APPEND k @u @a @u => 3
        CONV.SETSUMMARY k "" => 0
        CONV.SETSUMMARY k text UPTO 2 => 1
        CONV.SETSUMMARY k "" => 1
        CONV.SUMMARY k => nil
        CONV.SETSUMMARY k "" => 0
        # The upto went with it.
        CONV.SETSUMMARY k text UPTO 1 => 1
        # Also where other text would be answered 0.
        CONV.SETSUMMARY k text UPTO 3 => 1
        CONV.SETSUMMARY k "" UPTO 1 => 1
        CONV.SUMMARY k => nil
        CONV.SETSUMMARY k text => 1
        CONV.SETSUMMARY k "" MINCHANGE 100 => 1
        CONV.SUMMARY k => nil
        EXISTS k => 1
        CONV.LEN k => 3"#,
    );
    let mut con = server.conn();
    cmd!(con, "CONV.SETSUMMARY", "k", "text", "UPTO", 2);
    assert_eq!(field(&mut con, "k", "summary-upto"), "2");
    cmd!(con, "CONV.SETSUMMARY", "k", "");
    assert_eq!(field(&mut con, "k", "summary-upto"), "nil");
    assert_eq!(field(&mut con, "k", "summary-tokens"), "0");
    cmd!(con, "CONV.SETSUMMARY", "k", "text");
    assert_eq!(field(&mut con, "k", "summary-upto"), "nil");
}

#[test]
fn minchange_skips_small_changes() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.APPEND k @u @a @u => 3
        # Nothing stored: anything is a change.
        CONV.SETSUMMARY k 1234567890 MINCHANGE 100 => 1
        CONV.SETSUMMARY k 123456789012 MINCHANGE 3 => 0
        CONV.SETSUMMARY k 12345678 MINCHANGE 3 => 0
        CONV.SETSUMMARY k other67890 MINCHANGE 1 => 0
        CONV.SUMMARY k => 1234567890
        CONV.SETSUMMARY k other67890 MINCHANGE 0 => 1
        CONV.SETSUMMARY k 1234567890123 MINCHANGE 3 => 1
        CONV.SETSUMMARY k 1234567890 MINCHANGE 3 => 1
        # Characters, not bytes.
        CONV.SETSUMMARY k äöüäöüäöüä MINCHANGE 1 => 0
        CONV.SETSUMMARY k äöüäöüäöüäöü MINCHANGE 2 => 1
        CONV.SETSUMMARY k 🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂 MINCHANGE 2 => 0
        # upto grows: whatever the text.
        CONV.SETSUMMARY k äöüäöüäöüäöü UPTO 1 MINCHANGE 100 => 1
        CONV.SETSUMMARY k äöüäöüäöüäöü UPTO 1 MINCHANGE 100 => 0
        CONV.SETSUMMARY k x UPTO 1 MINCHANGE 11 => 1
        CONV.SETSUMMARY k x UPTO 2 MINCHANGE 11 => 1
        CONV.SETSUMMARY k longer_text UPTO 1 MINCHANGE 0 => 0
        CONV.SETSUMMARY k longer_text MINCHANGE 11 => 0
        CONV.SETSUMMARY k longer_text MINCHANGE 10 => 1
        CONV.SUMMARY k => longer_text"#,
    );
}

#[test]
fn withinfo_returns_the_details_of_the_summary() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "DEL", "k");
        fill(&mut con, "k", "u a");
        let mut after = |upto: &[&str]| {
            cmd!(con, "CONV.SETSUMMARY", "k", "Sie fragte, 他回答了。", upto);
            map(&cmd!(con, "CONV.SUMMARY", "k", "WithInfo"))
        };
        let first = after(&[]);
        assert_eq!(first.len(), 4, "{first:?}");
        assert_eq!(text(&first["text"]), "Sie fragte, 他回答了。");
        let tokens = 3 + e("system") + e("Sie fragte, 他回答了。");
        assert_eq!(int(&first["tokens"]), tokens);
        assert_eq!(first["upto"], Value::Nil);
        std::thread::sleep(std::time::Duration::from_millis(3));
        let second = after(&["UPTO", "2"]);
        assert_eq!(int(&second["upto"]), 2);
        assert!(int(&second["updated"]) > int(&first["updated"]));
        // Rejected writes and writes without effect do not change it.
        let third = after(&["UPTO", "1"]);
        assert_eq!(third, second);
        assert_eq!(field(&mut con, "k", "summary-tokens"), tokens.to_string());
    }
}

/// Any text is stored unchanged and yields a valid message.
#[test]
fn any_text_is_a_valid_summary() {
    let server = Server::start();
    let mut con = server.conn();
    let long = "Zusammenfassung 🙂 ".repeat(20_000);
    for summary in [
        "x",
        " leading and trailing\n",
        "quotes \" and \\ and \u{8}\u{c}\n\r\t",
        "nul \0 nul",
        "\u{7f}\u{80}\u{2028}\u{2029}\u{feff}\u{ffff}\u{10ffff}",
        r#"{"role":"user"}"#,
        "<|endoftext|>",
        "</script>",
        &long,
    ] {
        for (first, langchain) in [
            ("u", false),
            ("lu", true),
            ("mu", false),
            ("ls", true),
            ("s", false),
        ] {
            cmd!(con, "DEL", "k");
            fill(&mut con, "k", first);
            fill(&mut con, "k", "lu u");
            cmd!(con, "CONV.SETSUMMARY", "k", summary);
            assert_eq!(bytes(&cmd!(con, "CONV.SUMMARY", "k")), summary.as_bytes());
            let reply = map(&cmd!(con, "CONV.RECENT", "k", 1_000_000, "WITHINFO"));
            let tokens = 3 + e("system") + e(summary);
            assert_eq!(int(&reply["tokens"]), 33 + tokens, "{summary:.40}");
            // The summary follows the system messages at the start.
            let at = usize::from(first.ends_with('s'));
            let sent = &strings(&reply["messages"])[at];
            let sent: serde_json::Value = serde_json::from_slice(sent).expect("JSON");
            let want = if langchain {
                serde_json::json!({"type": "system", "data": {"content": summary}})
            } else {
                serde_json::json!({"role": "system", "content": summary})
            };
            assert_eq!(sent, want);
            let packed = cmd!(con, "CONV.RECENT", "k", 1_000_000, "FORMAT", "MSGPACK");
            let packed: Vec<serde_json::Value> = rmp_serde::from_slice(&bytes(&packed)).unwrap();
            assert_eq!(packed[at], want);
        }
    }
    // The message has the dialect of the first message that the conversation still has.
    cmd!(con, "DEL", "k");
    cmd!(con, "CONV.SETSUMMARY", "k", "x");
    let mut first = |words: &str, command: &str| {
        fill(&mut con, "k", words);
        line(&mut con, command).unwrap();
        text(&crate::support::items(&cmd!(con, "CONV.RECENT", "k", 1000, "NOSYSTEM"))[0])
    };
    let (chat, langchain) = (
        r#"{"role":"system","content":"x"}"#,
        r#"{"type":"system","data":{"content":"x"}}"#,
    );
    assert_eq!(first("u lu", "PING"), chat);
    assert_eq!(first("u", "CONV.DEL k 1"), langchain);
    assert_eq!(first("u", "CONV.DEL k 2"), chat);
    assert_eq!(first("lu", "CONV.POP k 100"), chat);
    assert_eq!(
        first("lu", &format!("CONV.EDIT k 6 {}", message("u", 1))),
        chat
    );
}
