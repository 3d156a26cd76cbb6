//! Invalid arguments of every command: the error code, the argument named in the error, and that nothing changed.

use crate::notation::check_error;
use crate::side_effect_probe::with_probe;
use crate::support::error_line;

#[test]
fn append_rejects_invalid_arguments() {
    with_probe(|probe| {
        probe.rejects(
            "CONV.APPEND => ERR conv.append
             CONV.APPEND k => ERR conv.append
             CONV.APPEND k NX => ERR
             CONV.APPEND k UNIQUE XX => ERR
             CONV.APPEND k NX XX @u => ERR NX|XX
             CONV.APPEND missing xx nx @u => ERR NX|XX
             CONV.APPEND missing NX nx @u => ERR NX
             CONV.APPEND k XX XX @u => ERR XX
             CONV.APPEND k UNIQUE Unique @u => ERR UNIQUE
             CONV.APPEND k IFLAST => ERR IFLAST
             CONV.APPEND k IFLAST x @u => ERR IFLAST
             CONV.APPEND k IFLAST 1.5 @u => ERR IFLAST
             CONV.APPEND k IFLAST @u => ERR IFLAST
             CONV.APPEND k IFLAST 9223372036854775808 @u => ERR IFLAST
             CONV.APPEND k IFLAST 5 IFLAST 5 @u => ERR IFLAST
             CONV.APPEND k TOKENS => ERR TOKENS
             CONV.APPEND k TOKENS 5 => ERR TOKENS|conv.append
             CONV.APPEND k TOKENS @u => ERR TOKENS
             CONV.APPEND k TOKENS -1 @u => ERR TOKENS
             CONV.APPEND missing TOKENS -1 @u => ERR TOKENS
             CONV.APPEND k TOKENS 1.5 @u => ERR TOKENS
             CONV.APPEND k TOKENS 9223372036854775808 @u => ERR TOKENS
             CONV.APPEND k @u TOKENS 5 => ERR TOKENS
             CONV.APPEND k @u TOKENS => ERR TOKENS
             CONV.APPEND k @u TOKENS x @u => ERR TOKENS
             CONV.APPEND k BOGUS @u => BADMSG message 1
             CONV.APPEND k NOX @u => BADMSG message 1
             CONV.APPEND k UNIQUE BOGUS @u => BADMSG message 1
             CONV.APPEND k @u NX @u => BADMSG message 2
             CONV.APPEND k @u @a IFLAST 5 => BADMSG message 3
             CONV.APPEND missing @u BOGUS => BADMSG message 2
             CONV.APPEND k @u [] @u => BADMSG message 2 object array
             CONV.APPEND k TOKENS 1 @u TOKENS 2 7 => BADMSG message 2
             CONV.APPEND k UNIQUE TOKENS 1 @u @u @u nil => BADMSG message 4",
        );
    });
}

#[test]
fn recent_rejects_invalid_arguments() {
    with_probe(|probe| {
        probe.rejects(
            r#"CONV.RECENT => ERR conv.recent
             CONV.RECENT k => ERR conv.recent
             CONV.RECENT k x => ERR max_tokens|'x'
             CONV.RECENT k -1 => ERR max_tokens|'-1'
             CONV.RECENT k 1.5 => ERR max_tokens|'1.5'
             CONV.RECENT k 1e3 => ERR max_tokens|'1e3'
             CONV.RECENT k 0x10 => ERR max_tokens|'0x10'
             CONV.RECENT k "" => ERR
             CONV.RECENT k 9223372036854775808 => ERR max_tokens|9223372036854775808
             CONV.RECENT missing x => ERR max_tokens|'x'
             CONV.RECENT k FORMAT JSON => ERR max_tokens|FORMAT
             CONV.RECENT k 100 200 => ERR 200
             CONV.RECENT k 100 BOGUS => ERR BOGUS
             CONV.RECENT missing 100 BOGUS => ERR BOGUS
             CONV.RECENT k 100 FORMAT => ERR FORMAT
             CONV.RECENT k 100 FORMAT XML => ERR FORMAT XML
             CONV.RECENT k 100 FORMAT JSON FORMAT JSON => ERR FORMAT
             CONV.RECENT k 100 FORMAT JSON format LIST => ERR FORMAT
             CONV.RECENT k 100 JSON => ERR JSON
             CONV.RECENT k 100 MESSAGES => ERR MESSAGES
             CONV.RECENT k 100 MESSAGES -1 => ERR MESSAGES
             CONV.RECENT k 100 MESSAGES x => ERR MESSAGES
             CONV.RECENT k 100 MESSAGES ANY => ERR MESSAGES
             CONV.RECENT k 100 MESSAGES 1 MESSAGES 1 => ERR MESSAGES
             CONV.RECENT k 100 START => ERR START
             CONV.RECENT k 100 START TOOL => ERR START TOOL
             CONV.RECENT k 100 START USER START USER => ERR START
             CONV.RECENT k 100 USER => ERR USER
             CONV.RECENT k 100 OVERSIZE => ERR OVERSIZE
             CONV.RECENT k 100 OVERSIZE BIG => ERR OVERSIZE BIG
             CONV.RECENT k 100 OVERSIZE KEEP OVERSIZE EMPTY => ERR OVERSIZE
             CONV.RECENT k 100 STEP => ERR STEP
             CONV.RECENT k 100 STEP 0 => ERR STEP
             CONV.RECENT k 100 STEP -5 => ERR STEP
             CONV.RECENT k 100 STEP 1.0 => ERR STEP
             CONV.RECENT k 100 STEP 5 STEP 5 => ERR STEP
             CONV.RECENT k 100 NOSYSTEM NOSYSTEM => ERR NOSYSTEM
             CONV.RECENT k 100 NOSUMMARY ANY nosummary => ERR NOSUMMARY
             CONV.RECENT k 100 ANY any => ERR ANY
             CONV.RECENT k 100 WITHINFO WITHINFO => ERR WITHINFO"#,
        );
    });
}

#[test]
fn other_reads_reject_invalid_arguments() {
    with_probe(|probe| {
        probe.rejects(
            r#"CONV.SUMMARY => ERR conv.summary
             CONV.SUMMARY k text => ERR CONV.SETSUMMARY
             CONV.SUMMARY missing text => ERR CONV.SETSUMMARY
             CONV.SUMMARY k text UPTO 1 => ERR CONV.SETSUMMARY
             CONV.SUMMARY k WITHINFO WITHINFO => ERR WITHINFO
             CONV.SUMMARY k WITHINFO more => ERR more
             CONV.RANGE k => ERR conv.range
             CONV.RANGE k 0 => ERR conv.range
             CONV.RANGE k x 1 => ERR start|'x'
             CONV.RANGE k 0 x => ERR stop|'x'
             CONV.RANGE k 0 1.5 => ERR stop|1.5
             CONV.RANGE k 0 9223372036854775808 => ERR stop|9223372036854775808
             CONV.RANGE missing x 1 => ERR start|'x'
             CONV.RANGE k 0 1 2 => ERR '2'
             CONV.RANGE k 0 1 WITHINFO => ERR WITHINFO
             CONV.RANGE k 0 1 FORMAT => ERR FORMAT
             CONV.RANGE k 0 1 FORMAT XML => ERR FORMAT XML
             CONV.RANGE k 0 1 FORMAT LIST FORMAT LIST => ERR FORMAT
             CONV.RANGE k 0 1 REV rev => ERR REV
             CONV.RANGE k 0 REV => ERR stop|REV
             CONV.INDEX k => ERR conv.index
             CONV.INDEX k x => ERR index|'x'
             CONV.INDEX k 1.5 => ERR index|1.5
             CONV.INDEX k 9223372036854775808 => ERR index|9223372036854775808
             CONV.INDEX k REV 0 => ERR index|REV
             CONV.INDEX k 0 REV REV => ERR REV
             CONV.INDEX k 0 1 => ERR '1'
             CONV.INDEX missing x => ERR index|'x'
             CONV.GET k => ERR conv.get
             CONV.GET k x => ERR seq|'x'
             CONV.GET k 1 1.5 => ERR seq|1.5
             CONV.GET k 1 9223372036854775808 => ERR seq|9223372036854775808
             CONV.GET missing x => ERR seq|'x'
             CONV.GET k 1 BOGUS => ERR BOGUS
             CONV.GET k WITHINFO => ERR
             CONV.GET k 1 WITHINFO WITHINFO => ERR WITHINFO
             CONV.SEARCH k => ERR conv.search
             CONV.SEARCH k "" => ERR pattern empty
             CONV.SEARCH missing "" => ERR pattern empty
             CONV.SEARCH k x BOGUS => ERR BOGUS
             CONV.SEARCH k x more => ERR more
             CONV.SEARCH k ( REGEX => ERR pattern byte group
             CONV.SEARCH k a** REGEX REGEX => ERR REGEX
             CONV.SEARCH k [b REGEX CASE => ERR pattern byte class
             CONV.SEARCH k (\w{50}){50} REGEX => ERR pattern complex
             CONV.SEARCH k x ROLE => ERR ROLE
             CONV.SEARCH k x ROLE robot => ERR ROLE system assistant robot
             CONV.SEARCH k x LIMIT => ERR LIMIT
             CONV.SEARCH k x LIMIT 0 => ERR LIMIT 1
             CONV.SEARCH k x LIMIT -1 => ERR LIMIT
             CONV.SEARCH k x LIMIT x => ERR LIMIT integer
             CONV.SEARCH k x LIMIT 1 LIMIT 1 => ERR LIMIT twice
             CONV.SEARCH k x AFTER => ERR AFTER
             CONV.SEARCH k x AFTER x => ERR AFTER
             CONV.SEARCH k x BEFORE 1.5 => ERR BEFORE
             CONV.SEARCH k x SINCE now => ERR SINCE
             CONV.SEARCH k x UNTIL 9223372036854775808 => ERR UNTIL
             CONV.SEARCH k x WITHINFO WITHINFO => ERR WITHINFO
             CONV.LEN => ERR conv.len
             CONV.INFO => ERR conv.info
             CONV.TOKENS => ERR conv.tokens
             CONV.TOKENS ENCODING gpt-4o => ERR"#,
        );
        for text in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80"] {
            let reply = probe.unchanged(&[b"CONV.TOKENS", &b"fine"[..], text]);
            check_error(
                &error_line(&reply.unwrap_err()),
                "ERR text|UTF-8",
                "CONV.TOKENS",
            );
        }
    });
}

/// An error names the unexpected argument, also for commands with a fixed number of arguments.
#[test]
fn errors_name_unexpected_arguments() {
    with_probe(|probe| {
        probe.rejects(
            "CONV.LEN k more => ERR more
             CONV.LEN missing more => ERR more
             CONV.INFO k more => ERR more
             CONV.EDIT k 1 @u more => ERR more",
        );
    });
}

#[test]
fn session_commands_reject_invalid_arguments() {
    with_probe(|probe| {
        probe.rejects(
            r#"CONV.IMPORT missing => ERR conv.import
             CONV.IMPORT k [] => ERR REPLACE
             CONV.IMPORT k bogus => ERR REPLACE
             CONV.IMPORT missing [] BOGUS => ERR BOGUS
             CONV.IMPORT missing [] REPLACE replace => ERR REPLACE
             CONV.IMPORT missing [] HISTORY => ERR HISTORY
             CONV.IMPORT missing [] HISTORY h => ERR HISTORY 'h' array
             CONV.IMPORT missing {"h":[]} HISTORY h HISTORY h => ERR HISTORY
             CONV.IMPORT missing {"h":[]} => ERR history messages HISTORY
             CONV.IMPORT missing {} => ERR history messages
             CONV.IMPORT missing {"history":{},"messages":null} => ERR history messages
             CONV.IMPORT missing {"history":[]} HISTORY h => ERR 'h'
             CONV.IMPORT missing {"h":7} HISTORY h => ERR 'h' number
             CONV.IMPORT k {"h":{}} HISTORY h REPLACE => ERR 'h' object
             CONV.IMPORT missing {"a":{"b":{}}} HISTORY a.b.c => ERR array 'a.b.c': 'a.b' field 'c'
             CONV.IMPORT missing {"b":[]} HISTORY a.b.c => ERR array 'a.b.c': field 'a'
             CONV.IMPORT missing {"a":{"b":7}} HISTORY a.b.c => ERR array 'a.b.c': 'a.b' number
             CONV.IMPORT missing {"a":{"b":{"c":{}}}} HISTORY a.b.c => ERR array 'a.b.c' object
             CONV.IMPORT missing {"a":{"b":[],"b":[]}} HISTORY a.b => ERR duplicate 'b' 'a'
             CONV.IMPORT missing {"a":{"b":[],}} HISTORY a.b => ERR JSON
             CONV.IMPORT missing {"a":{"x":01,"b":[]}} HISTORY a.b => ERR 'a' JSON
             CONV.IMPORT missing {"a":{"b":[7]}} HISTORY a.b => BADMSG 1
             CONV.IMPORT missing [] HISTORY a.b => ERR HISTORY 'a.b' array
             CONV.IMPORT k "" REPLACE => ERR object array nothing
             CONV.IMPORT missing 7 => ERR object array number
             CONV.IMPORT missing "text" => ERR object array string
             CONV.IMPORT missing null => ERR object array null
             CONV.IMPORT missing true => ERR object array boolean
             CONV.IMPORT missing text => ERR object array
             CONV.IMPORT missing [1] => BADMSG message 1 object number
             CONV.IMPORT k [{"role":"user"},{}] REPLACE => BADMSG message 2 role
             CONV.IMPORT missing {"a":1,"messages":[{"role":"user"},{"role":"user"},{"role":7}]} => BADMSG message 3 role
             CONV.IMPORT missing [{"role":"user"} => ERR JSON
             CONV.IMPORT missing [{"role":"user"}}] => ERR JSON
             CONV.IMPORT missing [{"role":"user"},] => ERR JSON
             CONV.IMPORT missing [{"role":"user"}]] => ERR JSON
             CONV.IMPORT missing [{"role":"user"}{"role":"user"}] => ERR JSON
             CONV.IMPORT missing [{"role":"user",}] => BADMSG message 1 JSON
             CONV.IMPORT missing [{"role":"user}] => ERR JSON
             CONV.IMPORT missing {"history":[],} => ERR JSON
             CONV.IMPORT missing {"history":[],"a"} => ERR JSON
             CONV.IMPORT missing {"history":[],"a":} => ERR JSON
             CONV.IMPORT missing {"history":[],a:1} => ERR JSON
             CONV.IMPORT missing {"history":[],"a":01} => ERR 'a' JSON
             CONV.IMPORT missing {"history":[],"a":[1,}]} => ERR JSON
             CONV.IMPORT missing {"history":[],"a":{"b":1]} => ERR
             CONV.IMPORT missing {"history":[],"a":1,"a":1} => ERR duplicate 'a'
             CONV.IMPORT missing {"history":[],"a":1,"\u0061":1} => ERR duplicate 'a'
             CONV.IMPORT missing {"history":[],"history":[]} => ERR duplicate 'history'
             CONV.EXPORT => ERR conv.export
             CONV.EXPORT k more => ERR 'more'
             CONV.GETSTATE => ERR conv.getstate
             CONV.SETSTATE k => ERR conv.setstate
             CONV.SETSTATE k a => ERR conv.setstate
             CONV.SETSTATE k a 1 b => ERR conv.setstate
             CONV.SETSTATE k a x => ERR 'a' JSON
             CONV.SETSTATE missing a 1 b {"c":} => ERR 'b' JSON
             CONV.SETSTATE k a 1,2 => ERR 'a' JSON
             CONV.SETSTATE k a "" => ERR 'a' JSON
             CONV.DELSTATE k => ERR conv.delstate
             CONV.DELSTATE => ERR conv.delstate"#,
        );
    });
}

#[test]
fn other_writes_reject_invalid_arguments() {
    with_probe(|probe| {
        probe.rejects(
            "CONV.SETSUMMARY k => ERR conv.setsummary
             CONV.SETSUMMARY k text UPTO => ERR UPTO
             CONV.SETSUMMARY k text UPTO x => ERR UPTO
             CONV.SETSUMMARY k text UPTO 6 => ERR UPTO
             CONV.SETSUMMARY e text UPTO 1 => ERR UPTO
             CONV.SETSUMMARY missing text UPTO 1 => ERR UPTO
             CONV.SETSUMMARY k text UPTO 9223372036854775808 => ERR UPTO
             CONV.SETSUMMARY k text UPTO 3 UPTO 3 => ERR UPTO
             CONV.SETSUMMARY k text MINCHANGE => ERR MINCHANGE
             CONV.SETSUMMARY k text MINCHANGE -1 => ERR MINCHANGE
             CONV.SETSUMMARY k text MINCHANGE x => ERR MINCHANGE
             CONV.SETSUMMARY k text MINCHANGE 1 MINCHANGE 1 => ERR MINCHANGE
             CONV.SETSUMMARY k text more => ERR more
             CONV.SETSUMMARY k text UPTO 3 BOGUS 1 => ERR BOGUS
             CONV.EDIT k 1 => ERR conv.edit
             CONV.EDIT k x @u => ERR seq|'x'
             CONV.EDIT k 1.0 @u => ERR seq|1.0
             CONV.EDIT k 9 @u => ERR no such message
             CONV.EDIT e 1 @u => ERR no such message
             CONV.EDIT missing 1 @u => ERR no such key
             CONV.EDIT k 1 [] => BADMSG message
             CONV.EDIT k 1 {} => BADMSG message
             CONV.EDIT k 1 TOKENS 5 @u => ERR
             CONV.DEL k => ERR conv.del
             CONV.DEL k x => ERR seq|'x'
             CONV.DEL k 1 2 x => ERR seq|'x'
             CONV.DEL k 1 2 9223372036854775808 => ERR seq|9223372036854775808
             CONV.DEL missing x => ERR seq|'x'
             CONV.BACKFILL k => ERR conv.backfill
             CONV.BACKFILL k COMPLETE COMPLETE @u => ERR COMPLETE|twice
             CONV.BACKFILL k @u {} => BADMSG message|2
             CONV.BACKFILL k COMPLETE {} => BADMSG message|1
             CONV.BACKFILL k @u COMPLETE => BADMSG message|2
             CONV.BACKFILL missing [] => BADMSG message|1
             CONV.BACKFILL s @u => WRONGTYPE
             CONV.FORK k => ERR conv.fork
             CONV.FORK s new => WRONGTYPE
             CONV.FORK k new BOGUS => ERR BOGUS
             CONV.FORK k new UPTO => ERR UPTO
             CONV.FORK k new UPTO x => ERR UPTO
             CONV.FORK k new REPLACE REPLACE => ERR REPLACE
             CONV.RECENT k 9 WAIT => ERR WAIT
             CONV.RECENT k 9 WAIT -1 => ERR WAIT
             CONV.RECENT k 9 WAIT 5 ANY => ERR WAIT|ANY
             CONV.CLAIMSUMMARY k => ERR conv.claimsummary
             CONV.CLAIMSUMMARY k x => ERR min_tokens
             CONV.CLAIMSUMMARY k -1 => ERR min_tokens
             CONV.CLAIMSUMMARY k 5 BOGUS => ERR BOGUS
             CONV.CLAIMSUMMARY k 5 KEEP => ERR KEEP
             CONV.CLAIMSUMMARY k 5 KEEP -1 => ERR KEEP
             CONV.CLAIMSUMMARY k 5 LEASE -1 => ERR LEASE
             CONV.CLAIMSUMMARY k 5 LEASE x => ERR LEASE
             CONV.CLAIMSUMMARY s 5 => WRONGTYPE
             CONV.POP => ERR conv.pop
             CONV.POP k -1 => ERR count|-1
             CONV.POP k x => ERR count|'x'
             CONV.POP missing -1 => ERR count|-1
             CONV.POP k 1 2 => ERR '2'
             CONV.TRIM k => ERR conv.trim
             CONV.TRIM k 5 => ERR '5'|conv.trim
             CONV.TRIM k BOGUS 5 => ERR BOGUS
             CONV.TRIM k MAXMESSAGES => ERR MAXMESSAGES|conv.trim
             CONV.TRIM k MAXMESSAGES 0 => ERR MAXMESSAGES
             CONV.TRIM k MAXMESSAGES -1 => ERR MAXMESSAGES
             CONV.TRIM k MAXMESSAGES x => ERR MAXMESSAGES
             CONV.TRIM missing MAXMESSAGES 0 => ERR MAXMESSAGES
             CONV.TRIM k MAXTOKENS -1 => ERR MAXTOKENS
             CONV.TRIM k MAXTOKENS x => ERR MAXTOKENS
             CONV.TRIM k BEFORE x => ERR BEFORE
             CONV.TRIM k MAXMESSAGES 1 MAXMESSAGES 1 => ERR MAXMESSAGES
             CONV.TRIM k MAXMESSAGES 1 BEFORE 2 => ERR BEFORE
             CONV.TRIM k MAXTOKENS 1 more => ERR more",
        );
        let reply = probe.unchanged(&[&b"CONV.SETSUMMARY"[..], b"k", b"text \xff", b"UPTO", b"3"]);
        check_error(
            &error_line(&reply.unwrap_err()),
            "ERR UTF-8",
            "CONV.SETSUMMARY",
        );
        let reply = probe.unchanged(&[&b"CONV.SETSUMMARY"[..], b"missing", b"\xc3"]);
        check_error(
            &error_line(&reply.unwrap_err()),
            "ERR UTF-8",
            "CONV.SETSUMMARY",
        );
    });
}

#[test]
fn create_and_alter_reject_invalid_arguments() {
    with_probe(|probe| {
        probe.rejects("CONV.CREATE => ERR conv.create\n CONV.ALTER => ERR conv.alter");
        probe.rejects("CONV.CREATE k => ERR\n CONV.CREATE e MAXMESSAGES 4 => ERR");
        probe.rejects(
            "CONV.ALTER missing MAXMESSAGES 4 => ERR no such key\n CONV.ALTER missing => ERR",
        );
        for command in [
            "CONV.CREATE missing",
            "CONV.ALTER k",
            "CONV.ALTER missing",
            "CONV.CREATE k",
        ] {
            for wrong in [
                "BOGUS => BOGUS",
                "5 => '5'",
                "MAXMESSAGES 5 more => more",
                "ENCODING => ENCODING",
                "ENCODING bogus => bogus",
                "ENCODING gpt-4 ENCODING gpt-4 => ENCODING",
                "MAXMESSAGES => MAXMESSAGES",
                "MAXMESSAGES -1 => MAXMESSAGES",
                "MAXMESSAGES x => MAXMESSAGES",
                "MAXMESSAGES 9223372036854775808 => MAXMESSAGES",
                "MAXMESSAGES 5 maxmessages 5 => MAXMESSAGES",
                "MAXTOKENS => MAXTOKENS",
                "MAXTOKENS -1 => MAXTOKENS",
                "MAXTOKENS 1.5 => MAXTOKENS",
                "MAXTOKENS 5 MAXTOKENS 6 => MAXTOKENS",
                "TTL => TTL",
                "TTL -1 => TTL",
                "TTL soon => TTL",
                "TTL 5 TTL 5 => TTL",
                // A TTL that exceeds the range of times.
                "TTL 9223372036854775807 => TTL",
                "TTL 9223372036854775 => TTL",
                "TTL 9223372036854776 => TTL",
                "COMPLETE => COMPLETE",
                "COMPLETE maybe => COMPLETE maybe",
                "COMPLETE 1 => COMPLETE",
                "COMPLETE yes COMPLETE yes => COMPLETE",
            ] {
                let (args, words) = wrong.split_once(" => ").unwrap();
                probe
                    .rejects(&format!("{command} TTL 7 {args} => ERR").replace("TTL 7 TTL", "TTL"));
                probe.rejects(&format!("{command} {args} => ERR {words}"));
            }
        }
    });
}
