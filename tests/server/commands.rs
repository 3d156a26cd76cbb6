//! CONV.APPEND with its options, sequence numbers, and the keyspace event of each write.

use redis::Value;

use crate::notation::{line, message, show, tokens_of, transcript};
use crate::support::{Server, cmd, int, map};

#[test]
fn append_checks_its_conditions() {
    let server = Server::start();
    transcript(
        &server,
        "CONV.APPEND k XX @u => nil
         EXISTS k => 0
         CONV.APPEND k IFLAST 1 @u => nil
         CONV.APPEND k XX IFLAST 0 @u => nil
         EXISTS k => 0
         CONV.APPEND k NX IFLAST 0 @u @a => 2
         CONV.APPEND k NX @u => nil
         CONV.APPEND k NX IFLAST 2 @u => nil
         CONV.APPEND k XX IFLAST 1 @u => nil
         CONV.APPEND k IFLAST 0 @u => nil
         CONV.APPEND k IFLAST 3 @u => nil
         CONV.APPEND k XX IFLAST 2 @s => 3
         CONV.RANGE k 0 -1 => [@u @a @s]
         # IFLAST speaks of the newest message held, sequence numbers are never reused.
         CONV.POP k 2 => [@s @a]
         CONV.APPEND k IFLAST 3 @u => nil
         CONV.APPEND k IFLAST 1 @d => 4
         CONV.DEL k 1 4 => 2
         CONV.LEN k => 0
         EXISTS k => 1
         CONV.APPEND k IFLAST 4 @u => nil
         CONV.APPEND k NX @u => nil
         CONV.APPEND k XX IFLAST 0 @m => 5
         CONV.GET k 1 2 3 4 5 => [nil nil nil nil @m]
         # An empty conversation exists.
         CONV.CREATE e => OK
         CONV.APPEND e NX @u => nil
         CONV.APPEND e IFLAST 0 XX @u => 1",
    );
}

#[test]
fn append_unique_skips_known_ids() {
    let server = Server::start();
    transcript(
        &server,
        r#"CONV.APPEND k UNIQUE {"role":"user","id":"a"} {"role":"user","id":"b"} => 2
        CONV.APPEND k UNIQUE {"role":"user","id":"a"} => 2
        CONV.APPEND k UNIQUE {"role":"assistant","id":"a","content":"other"} {"role":"user","id":"c"} => 3
        CONV.APPEND k UNIQUE {"role":"user","id":"d"} {"role":"user","id":"a"} => 4
        CONV.LEN k => 4
        # Twice within one command; the first counts.
        CONV.APPEND k UNIQUE {"role":"user","id":"e"} {"id":"e","role":"user"} {"role":"user"} => 6
        CONV.GET k 5 6 => [{"role":"user","id":"e"} {"role":"user"}]
        # An id is what the string says, wherever the dialect has it.
        CONV.APPEND k UNIQUE {"role":"user","i\u0064":"\u0061"} => 6
        CONV.APPEND k UNIQUE {"type":"human","data":{"content":"x","id":"a"}} => 6
        CONV.APPEND k UNIQUE {"type":"human","id":"a","data":{"content":"x"}} => 7
        CONV.APPEND k UNIQUE {"type":"reasoning","id":"a","summary":[]} => 7
        CONV.APPEND k UNIQUE {"role":"user","id":"z","id":"a"} => 7
        CONV.APPEND k UNIQUE {"role":"user","id":"a","id":"z"} => 8
        CONV.APPEND k UNIQUE {"role":"user","x":{"id":"a"}} => 9
        # Only strings are ids.
        CONV.APPEND k UNIQUE {"role":"user","id":1} {"role":"user","id":1} => 11
        CONV.APPEND k UNIQUE {"role":"user","id":null} {"role":"user","id":null} => 13
        # Without UNIQUE anything goes in.
        CONV.APPEND k {"role":"user","id":"a"} {"role":"user","id":"a"} => 15
        # Held is what has not been removed or changed since.
        CONV.DEL k 1 14 => 2
        CONV.APPEND k UNIQUE {"role":"user","id":"a"} => 15
        CONV.DEL k 15 => 1
        CONV.APPEND k UNIQUE {"role":"user","id":"a"} => 16
        CONV.EDIT k 16 {"role":"user","id":"n"} => OK
        CONV.APPEND k UNIQUE {"role":"user","id":"n"} => 16
        CONV.APPEND k UNIQUE {"role":"user","id":"a"} => 17
        # "the reply is then the newest sequence number held"
        CONV.POP k => {"role":"user","id":"a"}
        CONV.APPEND k UNIQUE {"role":"user","id":"n"} => 16
        CONV.APPEND k UNIQUE {"role":"user","id":"a"} => 18
        # Trimming forgets ids as well.
        CONV.TRIM k MAXMESSAGES 1 => 1
        CONV.APPEND k UNIQUE {"role":"user","id":"n"} {"role":"user","id":"a"} => 19"#,
    );
}

#[test]
fn given_token_counts_are_used() {
    let server = Server::start();
    let mut con = server.conn();
    let reply = cmd!(
        con,
        "CONV.APPEND",
        "k",
        "TOKENS",
        1000,
        message("u", 1),
        message("a", 2),
        "tokens",
        0,
        message("u", 3)
    );
    assert_eq!(int(&reply), 3);
    let own = tokens_of(&mut con, "k", 2);
    assert_eq!(
        (tokens_of(&mut con, "k", 1), tokens_of(&mut con, "k", 3)),
        (1000, 0)
    );
    // A given count survives a change of encoding, until EDIT replaces the message.
    for encoding in ["r50k_base", "o200k_base"] {
        cmd!(con, "CONV.ALTER", "k", "ENCODING", encoding);
        assert_eq!(
            (tokens_of(&mut con, "k", 1), tokens_of(&mut con, "k", 3)),
            (1000, 0)
        );
    }
    cmd!(con, "CONV.EDIT", "k", 1, message("a", 2));
    assert_eq!(tokens_of(&mut con, "k", 1), own);
    // EDIT to the same text removes the given count, too.
    cmd!(con, "CONV.EDIT", "k", 3, message("u", 3));
    assert_eq!(tokens_of(&mut con, "k", 3), own);
    // Sums of extreme counts must neither overflow nor exceed the budget.
    let absurd = [u64::from(u32::MAX), i64::MAX.unsigned_abs()];
    for tokens in absurd {
        cmd!(con, "DEL", "k");
        for n in 1..4 {
            let _ = crate::support::try_cmd!(
                con,
                "CONV.APPEND",
                "k",
                "TOKENS",
                tokens,
                message("u", n)
            );
        }
        cmd!(con, "CONV.APPEND", "k", "TOKENS", 1, message("u", 4));
        let reply = map(&cmd!(con, "CONV.RECENT", "k", 1000, "WITHINFO"));
        assert_eq!(int(&reply["tokens"]), 4);
        cmd!(
            con,
            "CONV.RECENT",
            "k",
            i64::MAX,
            "WITHINFO",
            "STEP",
            i64::MAX
        );
        cmd!(con, "CONV.TRIM", "k", "MAXTOKENS", i64::MAX);
        cmd!(con, "CONV.INFO", "k");
    }
}

/// Each effective write emits one keyspace event of class module. Writes without effect emit none.
#[test]
fn each_effective_write_emits_one_event() {
    let server = Server::with(&["--notify-keyspace-events", "KEA"]);
    let (mut con, mut listening) = (server.conn(), server.conn());
    let mut events = listening.as_pubsub();
    events.psubscribe("__keyevent@0__:*").unwrap();
    for (command, want) in [
        ("CONV.APPEND k UNIQUE @u @a @s @u", "conv.append"),
        ("CONV.APPEND k NX @u", ""),
        ("CONV.APPEND missing XX @u", ""),
        ("CONV.APPEND k IFLAST 1 @u", ""),
        (
            r#"CONV.APPEND k UNIQUE {"role":"user","id":"a"}"#,
            "conv.append",
        ),
        (r#"CONV.APPEND k UNIQUE {"role":"user","id":"a"}"#, ""),
        ("CONV.EDIT k 1 @a", "conv.edit"),
        ("CONV.SETSUMMARY k text UPTO 2", "conv.setsummary"),
        ("CONV.SETSUMMARY k text UPTO 1", ""),
        ("CONV.SETSUMMARY k text2 MINCHANGE 3", ""),
        (r#"CONV.SETSUMMARY k """#, "conv.setsummary"),
        (r#"CONV.SETSUMMARY k """#, ""),
        (r#"CONV.SETSUMMARY missing """#, ""),
        ("CONV.SETSUMMARY new text", "conv.setsummary"),
        ("CONV.DEL k 2 3", "conv.del"),
        ("CONV.DEL k 2 3", ""),
        ("CONV.DEL missing 2", ""),
        ("CONV.ALTER k MAXMESSAGES 2 TTL 100", "conv.alter"),
        // The expiry and retention that a write causes emit no events of their own.
        ("CONV.APPEND k @u @u @u", "conv.append"),
        ("CONV.TRIM k MAXMESSAGES 2", ""),
        ("CONV.TRIM k MAXMESSAGES 1", "conv.trim"),
        ("CONV.TRIM missing MAXMESSAGES 1", ""),
        ("CONV.POP k", "conv.pop"),
        ("CONV.POP k 0", ""),
        ("CONV.APPEND k @u @u", "conv.append"),
        ("CONV.POP k 9", "conv.pop"),
        ("CONV.POP k", ""),
        ("CONV.POP missing", ""),
        ("CONV.CREATE created", "conv.create"),
        ("CONV.APPEND claimed TOKENS 9 @u", "conv.append"),
        ("CONV.CLAIMSUMMARY claimed 9", ""),
        ("CONV.CLAIMSUMMARY claimed 10 LEASE 9000", ""),
        (
            "CONV.CLAIMSUMMARY claimed 9 LEASE 9000",
            "conv.claimsummary",
        ),
        ("CONV.CLAIMSUMMARY claimed 9 LEASE 9000", ""),
        ("CONV.CLAIMSUMMARY missing 0 LEASE 9000", ""),
        (
            r#"CONV.BACKFILL k {"role":"user","id":"b"}"#,
            "conv.backfill",
        ),
        (r#"CONV.BACKFILL k {"role":"user","id":"b"}"#, ""),
        ("CONV.BACKFILL k COMPLETE", ""),
        ("CONV.BACKFILL filled COMPLETE @u", "conv.backfill"),
        ("CONV.FORK k filled", ""),
        ("CONV.FORK k fork", "conv.fork"),
        ("CONV.FORK k filled REPLACE", "conv.fork"),
        ("CONV.FORK missing other", ""),
        ("CONV.MRECENT 100 2 k missing", ""),
        ("CONV.IMPORT imported []", "conv.import"),
        ("CONV.IMPORT imported [] REPLACE", ""),
        (
            "CONV.IMPORT imported [{\"role\":\"user\"}] REPLACE",
            "conv.import",
        ),
        ("CONV.SETSTATE imported a 1 b 2", "conv.setstate"),
        ("CONV.SETSTATE imported a 1", ""),
        ("CONV.SETSTATE set a 1", "conv.setstate"),
        ("CONV.DELSTATE imported a b", "conv.delstate"),
        ("CONV.DELSTATE imported a b", ""),
        ("CONV.DELSTATE missing a", ""),
        ("CONV.RECENT k 100", ""),
        ("CONV.GET k 1", ""),
    ] {
        line(&mut con, command).unwrap();
        cmd!(con, "PUBLISH", "__keyevent@0__:end", "");
        let mut seen = Vec::new();
        loop {
            let event = events.get_message().unwrap();
            let name = event
                .get_channel_name()
                .trim_start_matches("__keyevent@0__:");
            if name == "end" {
                break;
            }
            seen.push(name.to_string());
        }
        assert_eq!(seen.join(" "), want, "{command}");
    }
}

#[test]
fn sequence_numbers_are_never_reused() {
    let server = Server::start();
    let mut con = server.conn();
    let mut held: Vec<i64> = Vec::new();
    let mut next = 1;
    for round in 0..40 {
        let many: Vec<String> = (0..=round % 4).map(|n| message("u", n)).collect();
        let last = int(&cmd!(con, "CONV.APPEND", "k", &many));
        held.extend(next..=last);
        assert_eq!(last, next + round as i64 % 4, "round {round}");
        next = last + 1;
        match round % 5 {
            0 => {
                cmd!(con, "CONV.POP", "k", 2);
                held.truncate(held.len().saturating_sub(2));
            }
            1 => {
                cmd!(con, "CONV.DEL", "k", last);
                held.retain(|seq| *seq != last);
            }
            2 => {
                cmd!(con, "CONV.TRIM", "k", "BEFORE", last - 3);
                held.retain(|seq| *seq >= last - 3);
            }
            3 => {
                cmd!(con, "CONV.POP", "k", 1000);
                held.clear();
            }
            _ => {
                cmd!(con, "CONV.EDIT", "k", last, message("a", 0));
            }
        }
        let all: Vec<i64> = (1..next).collect();
        let reply = cmd!(con, "CONV.GET", "k", &all, "WITHINFO");
        let seqs: Vec<i64> = crate::support::items(&reply)
            .iter()
            .filter(|one| **one != Value::Nil)
            .map(|one| int(&map(one)["seq"]))
            .collect();
        assert_eq!(seqs, held, "round {round}");
        assert_eq!(show(&cmd!(con, "CONV.LEN", "k")), held.len().to_string());
    }
}
