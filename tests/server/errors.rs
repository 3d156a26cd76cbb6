//! The texts of errors: what was wrong, where, and what would be right.

use redis::Connection;

use crate::notation::{line, message};
use crate::support::{Server, err, error_line, run};

/// Runs lines of the form `command => error` and compares the whole error, except that `...` stands for any end.
fn check(con: &mut Connection, table: &str) {
    let mut failed = Vec::new();
    for case in table.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (command, want) = case.split_once(" => ").expect("command => error");
        let got = match line(con, command) {
            Ok(reply) => format!("{reply:?} and no error"),
            Err(error) => error_line(&error),
        };
        let same = match want.strip_suffix("...") {
            Some(begin) => got.starts_with(begin),
            None => got == want,
        };
        if !same {
            failed.push(format!("{command}\n   want {want}\n   got  {got}"));
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

fn with_key(test: impl FnOnce(&mut Connection)) {
    let server = Server::start();
    let mut con = server.conn();
    line(&mut con, "CONV.APPEND k @u @a").expect("a conversation");
    test(&mut con);
}

#[test]
fn positional_integers_show_the_syntax() {
    with_key(|con| {
        check(
            con,
            r#"CONV.RECENT k m => ERR max_tokens must be an integer, got 'm'; syntax: CONV.RECENT key max_tokens [options]
            CONV.RECENT k JSON 5 => ERR max_tokens must be an integer, got 'JSON'; syntax: CONV.RECENT key max_tokens [options]
            CONV.RECENT k "" => ERR max_tokens must be an integer, got ''; syntax: CONV.RECENT key max_tokens [options]
            CONV.RECENT k +5 => ERR max_tokens must be an integer, got '+5'; syntax: CONV.RECENT key max_tokens [options]
            CONV.MRECENT m 1 k => ERR max_tokens must be an integer, got 'm'; syntax: CONV.MRECENT max_tokens numkeys key [key ...] [options]
            CONV.MRECENT 50 k k => ERR numkeys must be an integer, got 'k'; syntax: CONV.MRECENT max_tokens numkeys key [key ...] [options]
            CONV.RANGE k 0 1.5 => ERR stop must be an integer, got '1.5'; syntax: CONV.RANGE key start stop [...
            CONV.GET k 1 BOGUS => ERR seq must be an integer, got 'BOGUS'; syntax: CONV.GET key seq [seq ...] [WITHINFO]
            CONV.DEL k first => ERR seq must be an integer, got 'first'; syntax: CONV.DEL key seq [seq ...]
            CONV.EDIT k first @u => ERR seq must be an integer, got 'first'; syntax: CONV.EDIT key seq message
            CONV.POP k all => ERR count must be an integer, got 'all'; syntax: CONV.POP key [count]
            CONV.CLAIMSUMMARY k m => ERR min_tokens must be an integer, got 'm'; syntax: CONV.CLAIMSUMMARY key min_tokens [KEEP tokens] [LEASE milliseconds]"#,
        );
    });
}

#[test]
fn numbers_out_of_range_show_the_range() {
    with_key(|con| {
        check(
            con,
            "CONV.RECENT k -1 => ERR max_tokens must be 0 or more, got '-1'
            CONV.RECENT k 9223372036854775808 => ERR max_tokens must be from 0 to 9223372036854775807, got '9223372036854775808'
            CONV.RECENT k 9 STEP 0 => ERR STEP must be 1 or more, got '0'
            CONV.RECENT k 9 STEP x => ERR STEP must be an integer, got 'x'
            CONV.RECENT k 9 MESSAGES ANY => ERR MESSAGES must be an integer, got 'ANY'
            CONV.APPEND k TOKENS -1 @u => ERR TOKENS must be from 0 to 4294967295, got '-1'
            CONV.APPEND k IFLAST 9223372036854775808 @u => ERR IFLAST must be from -9223372036854775808 to 9223372036854775807, got '9223372036854775808'
            CONV.POP k -1 => ERR count must be 0 or more, got '-1'
            CONV.ALTER k TTL 9000000000001 => ERR TTL must be from 0 to 9000000000000, got '9000000000001'
            CONV.TRIM k MAXMESSAGES 0 => ERR MAXMESSAGES must be 1 or more, got '0'
            CONV.MRECENT 50 3 k k => ERR numkeys must be at most 2, the number of arguments that follow, got 3
            CONV.SETSUMMARY k text UPTO 9 => ERR UPTO must be at most 2, the newest message, got 9",
        );
    });
}

#[test]
fn unknown_options_suggest_what_was_meant() {
    with_key(|con| {
        check(
            con,
            "CONV.RECENT k 100 BOGUS => ERR unknown option 'BOGUS' for CONV.RECENT: expected FORMAT, MESSAGES, ...
            CONV.RECENT k 100 JSON => ERR unknown option 'JSON' for CONV.RECENT: did you mean FORMAT JSON? Expected FORMAT, ...
            CONV.RECENT k 100 list => ERR unknown option 'list' for CONV.RECENT: did you mean FORMAT LIST? Expected FORMAT, ...
            CONV.RECENT k 100 MsgPack => ERR unknown option 'MsgPack' for CONV.RECENT: did you mean FORMAT MSGPACK? Expected ...
            CONV.RECENT k 100 USER => ERR unknown option 'USER' for CONV.RECENT: did you mean START USER? Expected ...
            CONV.RECENT k 100 KEEP => ERR unknown option 'KEEP' for CONV.RECENT: did you mean OVERSIZE KEEP? Expected ...
            CONV.RECENT k 100 EMPTY => ERR unknown option 'EMPTY' for CONV.RECENT: did you mean OVERSIZE EMPTY? Expected ...
            CONV.RECENT k 100 MESSAGE 5 => ERR unknown option 'MESSAGE' for CONV.RECENT: did you mean MESSAGES? Expected ...
            CONV.RECENT k 100 WITH_INFO => ERR unknown option 'WITH_INFO' for CONV.RECENT: did you mean WITHINFO? Expected ...
            CONV.RECENT k 100 jsno => ERR unknown option 'jsno' for CONV.RECENT: did you mean FORMAT JSON? Expected ...
            CONV.MRECENT 100 1 k JSON => ERR unknown option 'JSON' for CONV.MRECENT: did you mean FORMAT JSON? Expected ...
            CONV.RANGE k 0 1 JSON => ERR unknown option 'JSON' for CONV.RANGE: did you mean FORMAT JSON? Expected REV, FORMAT
            CONV.RANGE k 0 1 WITHINFO => ERR unknown option 'WITHINFO' for CONV.RANGE: expected REV, FORMAT
            CONV.INDEX k 0 FORMAT => ERR unknown option 'FORMAT' for CONV.INDEX: expected REV
            CONV.CREATE new MAXTOKEN 5 => ERR unknown option 'MAXTOKEN' for CONV.CREATE: did you mean MAXTOKENS? Expected ...
            CONV.FORK k new REPLACES => ERR unknown option 'REPLACES' for CONV.FORK: did you mean REPLACE? Expected UPTO, REPLACE
            CONV.TRIM k 5 6 => ERR unknown option '5' for CONV.TRIM: expected MAXMESSAGES, MAXTOKENS, BEFORE",
        );
    });
}

#[test]
fn options_given_twice_or_without_a_value_are_named() {
    with_key(|con| {
        check(
            con,
            "CONV.APPEND k nx NX @u => ERR option NX given twice
            CONV.APPEND k NX xx @u => ERR options NX and XX cannot be combined
            CONV.APPEND k TOKENS 5 TOKENS 6 @u => ERR option TOKENS given twice
            CONV.APPEND k @u TOKENS 5 TOKENS 6 @u => ERR option TOKENS given twice for message 2
            CONV.APPEND k @u TOKENS 5 => ERR TOKENS 5 must be followed by a message
            CONV.APPEND k IFLAST => ERR option IFLAST needs a value: IFLAST seq
            CONV.APPEND k @u TOKENS => ERR option TOKENS needs a value: TOKENS tokens
            CONV.RECENT k 9 FORMAT => ERR option FORMAT needs a value: FORMAT <LIST | JSON | MSGPACK>
            CONV.RECENT k 9 START => ERR option START needs a value: START USER
            CONV.RECENT k 9 WAIT => ERR option WAIT needs a value: WAIT milliseconds
            CONV.RECENT k 9 ANY WAIT 5 => ERR options ANY and WAIT cannot be combined
            CONV.FORK k new UPTO => ERR option UPTO needs a value: UPTO seq
            CONV.RECENT k 9 FORMAT XML => ERR FORMAT must be LIST, JSON or MSGPACK, got 'XML'
            CONV.RECENT k 9 START TOOL => ERR START must be USER, got 'TOOL'
            CONV.ALTER k COMPLETE maybe => ERR COMPLETE must be yes or no, got 'maybe'",
        );
    });
}

#[test]
fn unexpected_arguments_show_the_syntax() {
    with_key(|con| {
        check(
            con,
            "CONV.LEN k more => ERR unexpected argument 'more' for CONV.LEN; syntax: CONV.LEN key
            CONV.POP k 1 2 => ERR unexpected argument '2' for CONV.POP; syntax: CONV.POP key [count]
            CONV.EDIT k 1 @u TOKENS 5 => ERR unexpected argument 'TOKENS' for CONV.EDIT; syntax: CONV.EDIT key seq message
            CONV.TRIM k MAXTOKENS 1 BEFORE 2 => ERR unexpected argument 'BEFORE' for CONV.TRIM; syntax: CONV.TRIM key <MAXMESSAGES ...
            CONV.SUMMARY k text => ERR unexpected argument 'text' for CONV.SUMMARY; to store a summary, use CONV.SETSUMMARY key text",
        );
    });
}

#[test]
fn messages_that_look_like_options_get_a_hint() {
    with_key(|con| {
        check(
            con,
            "CONV.APPEND k @u NX @u => BADMSG message 2: 'NX' is an option of CONV.APPEND, and options precede messages
            CONV.APPEND k @u @a iflast 5 => BADMSG message 3: 'iflast' is an option of CONV.APPEND, and options precede messages
            CONV.APPEND k UNIQ @u => BADMSG message 1: expected a message, found 'UNIQ': did you mean the option UNIQUE?
            CONV.APPEND k @u uniqe => BADMSG message 2: expected a message, found 'uniqe': did you mean the option UNIQUE, which precedes messages?
            CONV.APPEND k MAXLEN 5 @u => BADMSG message 1: expected a message, found 'MAXLEN'; the options of CONV.APPEND are NX, XX, UNIQUE, IFLAST, TOKENS
            CONV.BACKFILL k @u COMPLETE => BADMSG message 2: 'COMPLETE' is an option of CONV.BACKFILL, and options precede messages
            CONV.BACKFILL k COMPLET @u => BADMSG message 1: expected a message, found 'COMPLET': did you mean the option COMPLETE?
            CONV.APPEND k null => BADMSG message 1: expected a JSON object, found null
            CONV.APPEND k [] => BADMSG message 1: expected a JSON object, found an array",
        );
        let python = "{'role': 'user', 'content': 'hello'}";
        let error = err(run(con, &["CONV.APPEND", "k", &message("u", 0), python]));
        assert!(
            error.starts_with("BADMSG message 2: not JSON: single quotes")
                && error.contains("json.dumps"),
            "{error}"
        );
    });
}

#[test]
fn documents_name_the_field() {
    with_key(|con| {
        check(
            con,
            r#"CONV.IMPORT k [] => ERR the key already exists: use REPLACE to replace its contents
            CONV.CREATE k => ERR the key already exists
            CONV.IMPORT new {"history":[],"a":1,"\u0061":1} => ERR duplicate field 'a'
            CONV.IMPORT new {"a":1} => ERR no array 'history' or 'messages' in the document: name the field that holds the messages with HISTORY
            CONV.IMPORT new {"a":1} HISTORY b => ERR no field 'b' in the document
            CONV.IMPORT new {"a":1} HISTORY a => ERR field 'a' must be an array of messages, found a number
            CONV.IMPORT new [] HISTORY a => ERR HISTORY names field 'a', but the document is an array
            CONV.IMPORT new {"history":[],"a":01} => ERR field 'a': not JSON: ...
            CONV.IMPORT new {"history":[],} => ERR not JSON: expected a field name at byte 14
            CONV.IMPORT new {"history":[] => ERR not JSON: the document is incomplete
            CONV.IMPORT new []] => ERR not JSON: expected the end of the document at byte 2
            CONV.SETSTATE k a x => ERR value of field 'a': not JSON: ..."#,
        );
    });
}

#[test]
fn effects_name_what_does_not_fit() {
    with_key(|con| {
        check(
            con,
            r#"CONV.EFFECT k {"v":1,"at":1} @u => ERR effect '{"v":1,"at":1}': unexpected argument after the payload
            CONV.EFFECT k {"v":1,"at":1,"push":[[3,1,"pending"]]} => ERR effect '{"v":1,"at":1,"push":[[3,1,"pending"]]}': payload incomplete: fewer arguments than the header names
            CONV.EFFECT k {"v":9,"at":1} => ERR effect '{"v":9,"at":1}': header version must be 1, got 9
            CONV.EFFECT k {"v":1,"at":1,"replace":true} => ERR effect '{"v":1,"at":1,"replace":true}': unreadable header: unknown field `replace`..."#,
        );
    });
}
