//! All write commands: with an effect, without effect, and rejected. Send each list in order to the keys that
//! [`prepare`] created. The key is the first argument.

use redis::{Connection, Value};

use crate::samples::*;

/// The arguments of a command.
pub type Args = Vec<String>;

fn commands(lines: &[&[&str]]) -> Vec<Args> {
    lines
        .iter()
        .map(|line| line.iter().map(|arg| arg.to_string()).collect())
        .collect()
}

/// Creates the keys that the commands below use.
pub fn prepare(con: &mut Connection) {
    let messages: Vec<String> = (1..=12)
        .map(|n| langchain("human", &format!("id{n}"), &format!("sesame {n}")))
        .collect();
    append(con, "k", &messages[..8]);
    go(
        con,
        &["CONV.SETSUMMARY", "k", "They spoke of sesame.", "UPTO", "3"],
    );
    append(con, "plain", &messages[..8]);
    append(con, "t", &messages);
    go(con, &["CONV.CREATE", "empty"]);
    go(con, &["RPUSH", "list", "sesame"]);
}

/// Commands that each have an effect.
pub fn effective() -> Vec<Args> {
    let m = &*says("user", "open, sesame");
    let (known, new) = (
        &*langchain("ai", "id2", "again"),
        &*langchain("ai", "id77", "sesame"),
    );
    commands(&[
        &["CONV.APPEND", "k", m],
        &["CONV.APPEND", "k", "XX", m],
        &["CONV.APPEND", "k", "IFLAST", "10", m],
        &["CONV.APPEND", "k", "UNIQUE", known, new, new],
        &["CONV.APPEND", "k", "TOKENS", "7", m, "tokens", "8", m, m],
        &[
            "CONV.APPEND",
            "new",
            " \t{\"role\":\"user\",\"content\":\"spaced\"} \r\n",
        ],
        &["CONV.APPEND", "new2", "NX", m],
        &["CONV.APPEND", "new3", "IFLAST", "0", m],
        &["CONV.APPEND", "k", &calls(&["x", "y"]), &answer("x")],
        &["CONV.APPEND", "k", &answer("y")],
        &["CONV.SETSUMMARY", "k", "So far: sesame.", "UPTO", "4"],
        &["CONV.SETSUMMARY", "k", "So far: sesame. \u{1f511}"],
        &[
            "CONV.SETSUMMARY",
            "k",
            "So far.",
            "UPTO",
            "5",
            "MINCHANGE",
            "1000",
        ],
        &[
            "CONV.SETSUMMARY",
            "k",
            "A wholly new text",
            "MINCHANGE",
            "3",
        ],
        &["CONV.SETSUMMARY", "k", ""],
        &["CONV.SETSUMMARY", "new4", "Only a summary."],
        &["CONV.CREATE", "new5"],
        &[
            "CONV.CREATE",
            "new6",
            "ENCODING",
            "gpt2",
            "MAXMESSAGES",
            "9",
            "TTL",
            "800",
            "COMPLETE",
            "no",
            "OVERHEAD",
            "0",
            "SCALE",
            "10",
        ],
        &["CONV.ALTER", "k", "TTL", "900"],
        &["CONV.APPEND", "k", m],
        &["CONV.ALTER", "k", "ENCODING", "gpt-4"],
        &["CONV.ALTER", "k", "MAXMESSAGES", "30", "MAXTOKENS", "3000"],
        &["CONV.ALTER", "k", "OVERHEAD", "5", "SCALE", "150"],
        &["CONV.PIN", "k", "5", "1", "999", "5"],
        &["CONV.PIN", "k", "2"],
        &["CONV.EDIT", "k", "2", &says("assistant", "edited sesame")],
        &["CONV.EDIT", "k", "13", &answer("x")],
        &["CONV.DEL", "k", "3"],
        &["CONV.DEL", "k", "5", "4", "999", "5"],
        &["CONV.UNPIN", "k", "1", "5"],
        &["CONV.POP", "k"],
        &["CONV.POP", "k", "2"],
        &["CONV.ALTER", "k", "MAXMESSAGES", "6", "TTL", "0"],
        &["CONV.APPEND", "k", m, m],
        &["CONV.ALTER", "k", "COMPLETE", "no"],
        &["CONV.TRIM", "t", "BEFORE", "3"],
        &["CONV.TRIM", "t", "MAXMESSAGES", "8"],
        &["CONV.TRIM", "t", "MAXTOKENS", "30"],
        &["CONV.ALTER", "t", "COMPLETE", "no"],
        &["CONV.POP", "t", "100"],
        &["CONV.APPEND", "t", m],
        &["CONV.DEL", "t", "13"],
        &[
            "CONV.SETSTATE",
            "k",
            "a",
            " {\"b\" : 1e400} ",
            "caf\u{e9}",
            "[ ]",
            "a",
            "2",
        ],
        &["CONV.SETSTATE", "new7", "a", "null"],
        &["CONV.DELSTATE", "k", "a", "missing", "a"],
        &["CONV.IMPORT", "new8", &format!("[{m}]")],
        &[
            "CONV.IMPORT",
            "new9",
            &format!(r#" {{"a" : -0.0,"\u0061b":"\ud800", "chat" : [ {m} , {new} ],"z":{{}} }} "#),
            "HISTORY",
            "chat",
        ],
        &["CONV.APPEND", "new9", m],
        &["CONV.SETSTATE", "new9", "ab", "1", "last", "2"],
        &["CONV.DELSTATE", "new9", "a"],
        &["CONV.IMPORT", "k", r#"{"messages":[],"x":[]}"#, "REPLACE"],
        &["CONV.APPEND", "k", m],
    ])
}

/// Commands that change nothing, with their replies.
pub fn idle() -> Vec<(Args, Value)> {
    let m = &*says("user", "open, sesame");
    let known = &*langchain("ai", "id2", "again");
    let same = &*langchain("human", "id1", "sesame 1");
    let commands = commands(&[
        &["CONV.APPEND", "k", "NX", m],
        &["CONV.APPEND", "missing", "XX", m],
        &["CONV.APPEND", "k", "IFLAST", "99", m],
        &["CONV.APPEND", "missing", "IFLAST", "1", m],
        &["CONV.APPEND", "k", "UNIQUE", known, known],
        &["CONV.SETSUMMARY", "k", "A late text.", "UPTO", "2"],
        &[
            "CONV.SETSUMMARY",
            "k",
            "They spoke of sesame!",
            "MINCHANGE",
            "50",
        ],
        &["CONV.SETSUMMARY", "plain", ""],
        &["CONV.SETSUMMARY", "missing", ""],
        &["CONV.EDIT", "plain", "1", same],
        &["CONV.ALTER", "plain"],
        &["CONV.ALTER", "plain", "TTL", "0"],
        &[
            "CONV.ALTER",
            "plain",
            "ENCODING",
            "gpt-4o",
            "COMPLETE",
            "yes",
        ],
        &["CONV.DEL", "plain", "77", "-1"],
        &["CONV.DEL", "missing", "1"],
        &["CONV.POP", "plain", "0"],
        &["CONV.POP", "missing"],
        &["CONV.POP", "empty", "3"],
        &["CONV.TRIM", "plain", "MAXMESSAGES", "8"],
        &["CONV.TRIM", "plain", "MAXTOKENS", "100000"],
        &["CONV.TRIM", "plain", "BEFORE", "1"],
        &["CONV.TRIM", "missing", "MAXMESSAGES", "1"],
        &["CONV.DELSTATE", "k", "a"],
        &["CONV.DELSTATE", "missing", "a", "b"],
        &["CONV.PIN", "plain", "77", "-1"],
        &["CONV.PIN", "missing", "1"],
        &["CONV.UNPIN", "plain", "1"],
        &["CONV.UNPIN", "missing", "1"],
        &["CONV.ALTER", "plain", "OVERHEAD", "3", "SCALE", "100"],
    ]);
    let (nil, none, int) = (Value::Nil, Value::Array(Vec::new()), Value::Int);
    let replies = [
        vec![nil.clone(); 4],
        [int(8), int(0), int(0), int(0), int(0)].to_vec(),
        [Value::Okay, Value::Okay, Value::Okay, Value::Okay].to_vec(),
        [int(0), int(0), none, nil.clone(), nil].to_vec(),
        [int(8), int(8), int(8), int(0), int(0), int(0)].to_vec(),
        [int(0), int(0), int(0), int(0), Value::Okay].to_vec(),
    ];
    commands.into_iter().zip(replies.concat()).collect()
}

/// Commands that fail, with the start of the error.
pub fn refused() -> Vec<(Args, &'static str)> {
    let m = &*says("user", "open, sesame");
    let commands = commands(&[
        &["CONV.APPEND", "k", "sesame"],
        &["CONV.APPEND", "k", m, "[]"],
        &["CONV.APPEND", "missing", m, "{\"role\":1}"],
        &["CONV.EDIT", "k", "1", "{\"sesame\":1}"],
        &["CONV.APPEND", "list", m],
        &["CONV.SETSUMMARY", "list", "text"],
        &["CONV.POP", "list"],
        &["CONV.CREATE", "k"],
        &["CONV.CREATE", "missing", "TTL", "-1"],
        &["CONV.ALTER", "k", "TTL", "5", "TTL", "6"],
        &["CONV.ALTER", "missing", "TTL", "5"],
        &["CONV.EDIT", "k", "99", m],
        &["CONV.EDIT", "missing", "1", m],
        &["CONV.DEL", "k", "1", "x"],
        &["CONV.POP", "k", "-1"],
        &["CONV.TRIM", "k", "MAXMESSAGES", "0"],
        &["CONV.SETSUMMARY", "k", "text", "UPTO", "99"],
        &["CONV.SETSUMMARY", "missing", "text", "UPTO", "1"],
        &["CONV.EFFECT", "k", "{}"],
        &["CONV.EFFECT", "missing", "{\"v\":1,\"at\":1}"],
        &["CONV.IMPORT", "k", "[]"],
        &["CONV.IMPORT", "missing", "{}"],
        &["CONV.SETSTATE", "k", "a", "1", "b", "sesame"],
        &["CONV.PIN", "k", "1", "x"],
        &["CONV.PIN", "k"],
        &["CONV.UNPIN", "k", "1.5"],
        &["CONV.ALTER", "k", "SCALE", "9"],
        &["CONV.CREATE", "missing", "OVERHEAD", "1001"],
    ]);
    let starts = [
        ["BADMSG message "; 4].to_vec(),
        ["WRONGTYPE "; 3].to_vec(),
        ["ERR "; 21].to_vec(),
    ];
    commands.into_iter().zip(starts.concat()).collect()
}
