//! The commands as Redis describes them: flags, key specifications, documentation, ACL categories.

use redis::{Connection, Value};

use crate::samples::*;
use crate::support::*;
use crate::writes::*;

/// Name, minimum number of arguments including the name, flags.
const COMMANDS: &[(&str, i64, &str)] = &[
    ("conv.append", 3, "write denyoom fast"),
    ("conv.recent", 3, "readonly"),
    ("conv.summary", 2, "readonly fast"),
    ("conv.setsummary", 3, "write denyoom"),
    ("conv.range", 4, "readonly"),
    ("conv.index", 3, "readonly fast"),
    ("conv.search", 3, "readonly"),
    ("conv.get", 3, "readonly"),
    ("conv.len", 2, "readonly"),
    ("conv.info", 2, "readonly"),
    ("conv.tokens", 2, "readonly"),
    ("conv.encodings", 1, "readonly fast"),
    ("conv.create", 2, "write denyoom"),
    ("conv.alter", 2, "write"),
    ("conv.claimsummary", 3, "write"),
    ("conv.mrecent", 4, "readonly"),
    ("conv.fork", 3, "write denyoom"),
    ("conv.backfill", 3, "write denyoom"),
    ("conv.edit", 4, "write denyoom"),
    ("conv.del", 3, "write"),
    ("conv.pop", 2, "write"),
    ("conv.trim", 4, "write"),
    ("conv.import", 3, "write denyoom"),
    ("conv.export", 2, "readonly"),
    ("conv.getstate", 2, "readonly"),
    ("conv.setstate", 4, "write denyoom"),
    ("conv.delstate", 3, "write"),
    ("conv.pin", 3, "write denyoom fast"),
    ("conv.unpin", 3, "write fast"),
];

fn flags(value: &Value) -> Vec<String> {
    items(value).iter().map(text).collect()
}

/// The commands of the module, from COMMAND INFO.
fn described(con: &mut Connection) -> Vec<Value> {
    let mut names = strings(&cmd!(*con, "COMMAND", "LIST", "FILTERBY", "MODULE", "conv"));
    names.sort();
    items(&cmd!(*con, "COMMAND", "INFO", names)).to_vec()
}

#[test]
fn command_info_has_arity_and_flags() {
    let server = Server::start();
    let mut con = server.conn3();
    for (name, arity, expected) in COMMANDS.iter().copied() {
        let reply = cmd!(con, "COMMAND", "INFO", name);
        let [Value::Array(command)] = items(&reply) else {
            panic!("no {name}");
        };
        assert_eq!(int(&command[1]).abs(), arity, "{name}");
        let flags = flags(&command[2]);
        for flag in expected.split(' ') {
            assert!(
                flags.iter().any(|f| f == flag),
                "{name} is {flag}: {flags:?}"
            );
        }
        for flag in ["write", "readonly"]
            .into_iter()
            .filter(|f| !expected.contains(f))
        {
            assert!(!flags.iter().any(|f| f == flag), "{name} is not {flag}");
        }
        // Commands that free memory must be allowed when memory is full.
        if [
            "conv.del",
            "conv.pop",
            "conv.trim",
            "conv.delstate",
            "conv.unpin",
        ]
        .contains(&name)
        {
            assert!(!flags.iter().any(|f| f == "denyoom"), "{name}");
        }
    }
}

#[test]
fn key_positions_are_reported_for_every_command() {
    let server = Server::start();
    let mut con = server.conn3();
    let commands = described(&mut con);
    assert!(commands.len() >= COMMANDS.len());
    for command in &commands {
        let command = items(command);
        let (name, flags) = (text(&command[0]).to_lowercase(), flags(&command[2]));
        let specs = items(&command[8]);
        if ["conv.tokens", "conv.encodings"].contains(&name.as_str()) {
            assert!(
                specs.is_empty() && int(&command[3]) == 0,
                "{name} has no key"
            );
            continue;
        }
        assert!(
            !specs.is_empty() && (name == "conv.mrecent" || int(&command[3]) == 1),
            "{name}"
        );
        for spec in specs {
            let modes: Vec<String> = items(&map(spec)["flags"]).iter().map(text).collect();
            let (mode, other) = match flags.iter().any(|f| f == "readonly") {
                true => ("RO", "RW"),
                false => ("RW", "RO"),
            };
            // A command with two keys may read one and write the other.
            assert!(
                modes.iter().any(|m| m == mode) || specs.len() > 1,
                "{name}: {modes:?}"
            );
            assert!(
                !modes.iter().any(|m| m == other) || specs.len() > 1,
                "{name}: {modes:?}"
            );
        }
    }
    let mut getkeys = |args: &[&str]| run(&mut con, &[&["COMMAND", "GETKEYS"], args].concat());
    let keyless = ["conv.tokens", "conv.encodings"];
    for (name, arity, _) in COMMANDS.iter().filter(|(name, ..)| !keyless.contains(name)) {
        let args = vec!["a"; *arity as usize - 2];
        if *name == "conv.mrecent" {
            let keys = getkeys(&[name, "100", "2", "a", "b", "ANY"]).expect("keys");
            assert_eq!(strings(&keys), [b"a", b"b"], "{name}");
            continue;
        }
        if *name == "conv.fork" {
            let keys = getkeys(&[name, "a", "b", "REPLACE"]).expect("keys");
            assert_eq!(strings(&keys), [b"a", b"b"], "{name}");
            continue;
        }
        let keys = getkeys(&[&[*name, "the key"], &args[..]].concat()).expect("keys");
        assert_eq!(strings(&keys), [b"the key"], "{name}");
    }
    assert_eq!(
        err(getkeys(&["conv.tokens", "text"])),
        "ERR The command has no key arguments"
    );
}

#[test]
fn every_command_is_documented() {
    let server = Server::start();
    let mut con = server.conn3();
    for command in described(&mut con) {
        let name = text(&items(&command)[0]);
        let docs = map(&cmd!(con, "COMMAND", "DOCS", &name));
        let docs = map(&docs[&name]);
        let name = name.to_lowercase();
        assert!(
            text(&docs["summary"]).ends_with('.') && text(&docs["summary"]).len() > 10,
            "{name}"
        );
        assert!(text(&docs["since"]).split('.').count() == 3, "{name}");
        assert!(
            text(&docs["complexity"]).starts_with("O(") || name == "conv.effect",
            "{name}"
        );
        assert_eq!(text(&docs["module"]), "conv");
        // A command without arguments has no list of them.
        let arguments = docs.get("arguments").map_or(&[][..], items);
        let names: Vec<String> = arguments.iter().map(|a| text(&map(a)["name"])).collect();
        let mut distinct = names.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len(), "{name}: {names:?}");
        assert_eq!(
            !["conv.tokens", "conv.encodings"].contains(&name.as_str()),
            names.contains(&"key".to_string()),
            "{name}"
        );
        for argument in arguments {
            let argument = map(argument);
            let kind = text(&argument["type"]);
            if ["oneof", "block"].contains(&&*kind) {
                assert!(!items(&argument["arguments"]).is_empty(), "{name}");
            }
            if kind == "pure-token" {
                assert!(argument.contains_key("token"), "{name}");
            }
        }
    }
}

#[test]
fn access_is_granted_by_command_and_key() {
    let server = Server::start();
    let mut admin = server.conn();
    prepare(&mut admin);
    let rule = [
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">pw",
        "~*",
        "-@all",
        "+ping",
        "+conv.recent",
        "+conv.summary",
    ];
    go(&mut admin, &rule);
    go(
        &mut admin,
        &["ACL", "SETUSER", "looker", "on", ">pw", "%R~*", "+@all"],
    );
    go(
        &mut admin,
        &["ACL", "SETUSER", "owner", "on", ">pw", "~k*", "+@all"],
    );
    let user = |name: &str| {
        let mut con = server.conn();
        cmd!(con, "AUTH", name, "pw");
        con
    };
    let denied = |con: &mut Connection, args: &[&str]| match run(con, args) {
        Ok(_) => false,
        Err(e) => error_line(&e).starts_with("NOPERM "),
    };
    let m = &*says("user", "hello");
    let mut reader = user("reader");
    go(&mut reader, &["CONV.RECENT", "k", "100"]);
    go(&mut reader, &["CONV.SUMMARY", "k"]);
    for args in [
        &["CONV.APPEND", "k", m][..],
        &["CONV.GET", "k", "1"],
        &["CONV.EFFECT", "k", "{}"],
    ] {
        assert!(denied(&mut reader, args), "{args:?}");
    }
    // Users who may only read keys can use the commands that only read.
    let mut looker = user("looker");
    for line in [
        "CONV.RECENT k 9",
        "CONV.RANGE k 0 1",
        "CONV.GET k 1",
        "CONV.LEN k",
        "CONV.INFO k",
        "CONV.TOKENS k",
        "CONV.EXPORT k",
        "CONV.GETSTATE k a",
    ] {
        go(&mut looker, &line.split(' ').collect::<Vec<_>>());
    }
    for args in effective() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert!(denied(&mut looker, &args), "{args:?}");
    }
    let mut owner = user("owner");
    go(&mut owner, &["CONV.APPEND", "k", m]);
    assert!(denied(&mut owner, &["CONV.APPEND", "plain", m]));
    assert!(denied(&mut owner, &["CONV.RECENT", "plain", "100"]));
    let dry = cmd!(admin, "ACL", "DRYRUN", "looker", "CONV.POP", "k");
    assert!(text(&dry).contains("no permissions"), "{dry:?}");
}
