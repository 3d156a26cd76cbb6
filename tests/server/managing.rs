//! CONV.CREATE, CONV.ALTER, CONV.EDIT, CONV.DEL, CONV.POP and CONV.TRIM on plain messages. `retention.rs` tests them
//! on turns.

use crate::notation::{chat, counted, field, fill, message, recent, tokens_of, transcript};
use crate::support::{Server, cmd, text};

#[test]
fn create_and_alter() {
    let server = Server::start();
    transcript(
        &server,
        "CONV.CREATE k => OK
         TYPE k => conv-list
         EXISTS k => 1
         CONV.LEN k => 0
         CONV.RECENT k 100 => []
         CONV.CREATE k => !ERR
         CONV.CREATE k MAXMESSAGES 5 => !ERR
         CONV.APPEND k @u => 1
         CONV.CREATE k => !ERR
         CONV.LEN k => 1
         CONV.ALTER missing TTL 5 => !ERR no such key
         CONV.ALTER missing => !ERR
         EXISTS missing => 0
         CONV.ALTER k MAXMESSAGES 0 MAXTOKENS 0 TTL 0 COMPLETE yes => OK",
    );
    let mut con = server.conn();
    let fields = ["encoding", "max-messages", "max-tokens", "ttl", "complete"];
    let mut after = |command: &str| {
        text(&crate::notation::line(&mut con, command).unwrap());
        fields.map(|name| field(&mut con, "n", name)).join(" ")
    };
    assert_eq!(after("CONV.CREATE n"), "o200k_base 0 0 0 yes");
    // Attributes that are not named keep their values.
    assert_eq!(
        after("CONV.ALTER n MAXTOKENS 500"),
        "o200k_base 0 500 0 yes"
    );
    assert_eq!(after("CONV.ALTER n COMPLETE no"), "o200k_base 0 500 0 no");
    assert_eq!(
        after("CONV.ALTER n TTL 60 MAXMESSAGES 7"),
        "o200k_base 7 500 60 no"
    );
    assert_eq!(
        after("CONV.ALTER n ENCODING gpt-4"),
        "cl100k_base 7 500 60 no"
    );
    assert_eq!(
        after("CONV.ALTER n MAXTOKENS 0 COMPLETE yes"),
        "cl100k_base 7 0 60 yes"
    );
}

#[test]
fn encodings_by_name_and_by_model() {
    let server = Server::start();
    let mut con = server.conn();
    for (name, encoding) in [
        ("o200k_base", "o200k_base"),
        ("cl100k_base", "cl100k_base"),
        ("o200k_harmony", "o200k_harmony"),
        ("p50k_base", "p50k_base"),
        ("r50k_base", "r50k_base"),
        ("gpt-4o", "o200k_base"),
        ("gpt-4o-2024-08-06", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("gpt-4.1", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("o1", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("gpt-3.5-turbo-16k", "cl100k_base"),
        ("text-davinci-003", "p50k_base"),
        ("davinci", "r50k_base"),
        ("gpt-oss-20b", "o200k_harmony"),
    ] {
        cmd!(con, "DEL", "k");
        cmd!(con, "CONV.CREATE", "k", "ENCODING", name);
        assert_eq!(field(&mut con, "k", "encoding"), encoding, "{name}");
        cmd!(con, "CONFIG", "SET", "conv.encoding", encoding);
        cmd!(con, "DEL", "k");
        cmd!(con, "CONV.APPEND", "k", message("u", 0));
        assert_eq!(field(&mut con, "k", "encoding"), encoding, "{name}");
    }
    // A new encoding causes a recount.
    let text = "Grüße, 多语言 и разные буквы, <|endoftext|> fn main() {}     x";
    let tables = [
        ("cl100k_base", tiktoken_rs::cl100k_base_singleton()),
        ("r50k_base", tiktoken_rs::r50k_base_singleton()),
        ("o200k_harmony", tiktoken_rs::o200k_harmony_singleton()),
        ("o200k_base", tiktoken_rs::o200k_base_singleton()),
    ];
    cmd!(con, "CONFIG", "SET", "conv.encoding", "p50k_base");
    cmd!(con, "DEL", "k");
    cmd!(
        con,
        "CONV.APPEND",
        "k",
        chat("user", text),
        chat("assistant", &text.repeat(500))
    );
    cmd!(con, "CONV.SETSUMMARY", "k", text);
    for (name, table) in tables {
        cmd!(con, "CONV.ALTER", "k", "ENCODING", name);
        counted(&mut con, "k");
        let of = |role: &str, text: &str| {
            3 + (table.encode_ordinary(role).len() + table.encode_ordinary(text).len()) as i64
        };
        let (one, two) = (of("user", text), of("assistant", &text.repeat(500)));
        assert_eq!(tokens_of(&mut con, "k", 1), one, "{name}");
        assert_eq!(tokens_of(&mut con, "k", 2), two, "{name}");
        assert_eq!(
            field(&mut con, "k", "tokens"),
            (one + two).to_string(),
            "{name}"
        );
        // The token count of the summary is that of the message that it becomes.
        let summary = of("system", text);
        assert_eq!(
            field(&mut con, "k", "summary-tokens"),
            summary.to_string(),
            "{name}"
        );
    }
}

#[test]
fn edit_replaces_a_message() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.EDIT missing 1 @u => !ERR no such key
        EXISTS missing => 0
        CONV.APPEND k @u @a @u => 3
        CONV.EDIT k 4 @u => !ERR no such message
        CONV.EDIT k 0 @u => !ERR no such message
        CONV.EDIT k -1 @u => !ERR no such message
        CONV.EDIT k 2 {"content":"other","role":"assistant"} => OK
        CONV.RANGE k 0 -1 => [@u {"content":"other","role":"assistant"} @u]
        CONV.EDIT k 2 @m => OK
        CONV.GET k 2 => [@m]
        CONV.LEN k => 3
        CONV.APPEND k IFLAST 3 @s => 4
        CONV.DEL k 2 => 1
        CONV.EDIT k 2 @u => !ERR no such message
        CONV.CREATE e => OK
        CONV.EDIT e 1 @u => !ERR no such message"#,
    );
    let mut con = server.conn();
    cmd!(con, "DEL", "k");
    let long = chat("user", &"many words ".repeat(3000));
    cmd!(
        con,
        "CONV.APPEND",
        "k",
        chat("user", "a"),
        &long,
        chat("user", "b")
    );
    let short = tokens_of(&mut con, "k", 1);
    let many = tokens_of(&mut con, "k", 2);
    cmd!(con, "CONV.EDIT", "k", 2, chat("user", "c"));
    assert_eq!(tokens_of(&mut con, "k", 2), short);
    cmd!(con, "CONV.EDIT", "k", 1, &long);
    assert_eq!(tokens_of(&mut con, "k", 1), many);
    assert_eq!(
        field(&mut con, "k", "tokens"),
        (many + 2 * short).to_string()
    );
}

#[test]
fn edit_changes_turns() {
    let server = Server::start();
    let (mut two, mut three) = (server.conn(), server.conn3());
    fill(&mut two, "k", "u=0 c.a=0 t.a=0 u=0");
    for (seq, word, want) in [
        (3, "t.x", "1 4"),
        (3, "t.a", "1 2 3 4"),
        (2, "c.b", "1 4"),
        (2, "A.a", "1 2 3 4"),
        (4, "r", "1 2 3"),
        (4, "R.a", "1 2 3"),
        (4, "m", "1 2 3 4"),
    ] {
        cmd!(two, "CONV.EDIT", "k", seq, message(word, seq));
        let reply = recent(&mut two, &mut three, "k", "1000");
        assert_eq!(reply.split(" |").next(), Some(want), "{seq} {word}");
    }
    // EDIT turns a message into a system message, at the start of the conversation.
    cmd!(two, "CONV.EDIT", "k", 1, message("s", 1));
    let reply = recent(&mut two, &mut three, "k", "1000 NOSYSTEM");
    assert!(reply.starts_with("2 3 4 |"), "{reply}");
}

#[test]
fn del_and_pop() {
    let server = Server::start();
    transcript(
        &server,
        "CONV.DEL missing 1 2 => 0
         CONV.POP missing => nil
         CONV.POP missing 5 => nil
         CONV.POP missing 0 => nil
         EXISTS missing => 0
         CONV.APPEND k @u @a @s @d @m => 5
         CONV.DEL k 9 0 -1 => 0
         CONV.DEL k 2 2 4 9 => 2
         CONV.RANGE k 0 -1 => [@u @s @m]
         CONV.DEL k 2 => 0
         CONV.POP k 0 => []
         CONV.POP k => @m
         CONV.APPEND k @r => 6
         CONV.POP k 2 => [@r @s]
         CONV.POP k 9223372036854775807 => [@u]
         CONV.POP k => nil
         CONV.POP k 1 => nil
         CONV.POP k 0 => nil
         CONV.LEN k => 0
         EXISTS k => 1
         TYPE k => conv-list
         CONV.RECENT k 100 => []
         CONV.RANGE k 0 -1 => []
         CONV.APPEND k @u => 7",
    );
}

/// DEL and POP may split turns. The remaining part then has an orphaned result or an unanswered call.
#[test]
fn del_and_pop_may_split_turns() {
    let server = Server::start();
    let (mut two, mut three) = (server.conn(), server.conn3());
    let mut after = |log: &str, command: &[&str]| {
        cmd!(two, "DEL", "k");
        fill(&mut two, "k", log);
        cmd!(two, command);
        recent(&mut two, &mut three, "k", "1000")
    };
    let call = &["CONV.DEL", "k", "2"];
    assert_eq!(after("u c.ab t.a t.b u", call), "1 5 | 23 1-5 -0");
    let answer = &["CONV.DEL", "k", "3"];
    assert_eq!(after("u c.ab t.a t.b u", answer), "1 5 | 23 1-5 -0");
    assert_eq!(after("u c.a t.a", answer), "1 2 | 23 1-2 -0");
    assert_eq!(after("mu r m", answer), "1 | 13 1-1 -0");
    assert_eq!(after("mu r m", call), "1 3 | 23 1-3 -0");
    // With the messages between a call and its late result removed, the turn is complete.
    assert_eq!(after("c.a u t.a a", call), "1 3 4 | 33 1-4 -0");
    let pop = &["CONV.POP", "k"];
    assert_eq!(after("u c.a t.a", pop), "1 2 | 23 1-2 -0");
    assert_eq!(after("u c.a u", pop), "1 2 | 23 1-2 -0");
    assert_eq!(
        after("u c.ab t.a t.b a", &["CONV.POP", "k", "2"]),
        "1 2 3 | 33 1-3 -0"
    );
    assert_eq!(after("u c.a t.a", &["CONV.POP", "k", "2"]), "1 | 13 1-1 -0");
}

#[test]
fn trim_removes_plain_messages() {
    let server = Server::start();
    transcript(
        &server,
        "CONV.TRIM missing MAXMESSAGES 3 => 0
         CONV.TRIM missing MAXTOKENS 3 => 0
         CONV.TRIM missing BEFORE 3 => 0
         EXISTS missing => 0
         CONV.APPEND k TOKENS 5 @u TOKENS 6 @a TOKENS 7 @u TOKENS 8 @a TOKENS 9 @u => 5
         CONV.TRIM k MAXMESSAGES 9 => 5
         CONV.TRIM k BEFORE 1 => 5
         CONV.TRIM k BEFORE -7 => 5
         CONV.TRIM k MAXTOKENS 35 => 5
         CONV.TRIM k MAXTOKENS 34 => 4
         CONV.TRIM k BEFORE 3 => 3
         CONV.GET k 1 2 3 4 5 => [nil nil @u @a @u]
         CONV.TRIM k MAXMESSAGES 2 => 2
         CONV.TRIM k BEFORE 100 => 1
         CONV.TRIM k MAXTOKENS 1 => 1
         CONV.GET k 5 => [@u]
         CONV.APPEND k @u => 6
         CONV.CREATE e => OK
         CONV.TRIM e MAXMESSAGES 1 => 0",
    );
}
