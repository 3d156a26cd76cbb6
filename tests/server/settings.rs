//! The `conv.*` settings in CONFIG GET and CONFIG SET, and their effect on commands.

use redis::Connection;

use crate::samples::*;
use crate::support::*;

/// Name; default; other values with the replies of CONFIG GET; rejected values.
pub type Setting = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

/// All settings.
pub const SETTINGS: [Setting; 9] = [
    (
        "encoding",
        "o200k_base",
        &[
            ("cl100k_base", "cl100k_base"),
            ("gpt-4", "cl100k_base"),
            ("gpt2", "r50k_base"),
        ],
        &["nonsense", "", "O200K"],
    ),
    (
        "max-messages",
        "0",
        &[("7", "7"), ("9223372036854775807", "9223372036854775807")],
        &["-1", "x", "1.5", ""],
    ),
    ("max-tokens", "0", &[("7000", "7000")], &["-1", "many"]),
    (
        "ttl",
        "0",
        &[("3600", "3600")],
        &["-1", "x", "9223372036854775807"],
    ),
    ("assume-complete", "yes", &[("no", "no")], &["maybe", "0"]),
    (
        "media-tokens",
        "85",
        &[("0", "0"), ("1105", "1105")],
        &["-1", "x"],
    ),
    (
        "overhead",
        "3",
        &[("0", "0"), ("1000", "1000")],
        &["-1", "1001", "x"],
    ),
    (
        "scale",
        "100",
        &[("10", "10"), ("1000", "1000")],
        &["9", "1001", "x"],
    ),
    (
        "max-message-bytes",
        "16777216",
        &[("1024", "1024"), ("1mb", "1048576")],
        &["-1", "x"],
    ),
];

/// The value that CONFIG GET returns.
pub fn get(con: &mut Connection, name: &str) -> Option<String> {
    map(&cmd!(*con, "CONFIG", "GET", format!("conv.{name}")))
        .values()
        .next()
        .map(text)
}

/// CONFIG SET of one setting.
pub fn set(con: &mut Connection, name: &str, value: &str) -> redis::RedisResult<redis::Value> {
    try_cmd!(*con, "CONFIG", "SET", format!("conv.{name}"), value)
}

fn get_and_set(settings: &[Setting]) {
    let server = Server::start();
    let mut con = server.conn();
    for (name, default, good, bad) in settings {
        assert_eq!(get(&mut con, name).as_deref(), Some(*default), "{name}");
        for (value, shown) in *good {
            set(&mut con, name, value).unwrap_or_else(|e| panic!("{name} {value}: {e}"));
            assert_eq!(
                get(&mut con, name).as_deref(),
                Some(*shown),
                "{name} {value}"
            );
            for value in *bad {
                let error = err(set(&mut con, name, value));
                assert!(
                    error.starts_with("ERR ") && error.contains(name),
                    "{name} {value}: {error}"
                );
                assert_eq!(
                    get(&mut con, name).as_deref(),
                    Some(*shown),
                    "{name} {value} is refused"
                );
            }
        }
        set(&mut con, name, default).expect("the default");
    }
}

#[test]
fn config_get_and_set() {
    get_and_set(&SETTINGS);
    let server = Server::start();
    let mut con = server.conn();
    let all = map(&cmd!(con, "CONFIG", "GET", "conv.*"));
    assert!(
        SETTINGS
            .iter()
            .all(|(name, ..)| all.contains_key(&format!("conv.{name}"))),
        "{all:?}"
    );
    // Several settings in one command: all are set or none.
    let pairs = ["conv.ttl", "5", "conv.max-messages", "-3"];
    assert!(try_cmd!(con, "CONFIG", "SET", &pairs[..]).is_err());
    assert_eq!(get(&mut con, "ttl").as_deref(), Some("0"));
    let error = err(set(&mut con, "encoding", "nonsense"));
    assert!(
        error.contains("cl100k_base") && error.contains("'nonsense'"),
        "{error}"
    );
}

#[test]
fn settings_apply_to_new_conversations() {
    let server = Server::start();
    let mut con = server.conn();
    append(&mut con, "old", &[says("user", "hello")]);
    for (name, value) in [
        ("encoding", "r50k_base"),
        ("max-messages", "2"),
        ("max-tokens", "500"),
        ("ttl", "60"),
        ("assume-complete", "no"),
        ("media-tokens", "1000"),
    ] {
        set(&mut con, name, value).expect("a setting");
    }
    let image = "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}";
    for key in ["old", "new"] {
        append(
            &mut con,
            key,
            &[says("user", "a"), says("user", "b"), image.into()],
        );
    }
    let tokens = |con: &mut Connection, key: &str, seq: i64| {
        int(&map(&items(&cmd!(*con, "CONV.GET", key, seq, "WITHINFO"))[0])["tokens"])
    };
    settled(&mut con);
    let (old, new) = (
        map(&cmd!(con, "CONV.INFO", "old")),
        map(&cmd!(con, "CONV.INFO", "new")),
    );
    assert_eq!(
        (&*text(&old["encoding"]), &*text(&new["encoding"])),
        ("o200k_base", "r50k_base")
    );
    assert_eq!(
        ["max-messages", "max-tokens", "ttl"].map(|name| int(&old[name])),
        [0, 0, 0]
    );
    assert_eq!(
        ["max-messages", "max-tokens", "ttl"].map(|name| int(&new[name])),
        [2, 500, 60]
    );
    assert_eq!(
        (int(&old["messages"]), int(&new["messages"])),
        (4, 1),
        "1,004 tokens are more than 500"
    );
    assert_eq!(
        (tokens(&mut con, "old", 4), tokens(&mut con, "new", 3)),
        (89, 1004)
    );
    assert_eq!(int(&cmd!(con, "TTL", "old")), -1);
    assert!((55..=60).contains(&int(&cmd!(con, "TTL", "new"))));
    cmd!(con, "CONV.SETSUMMARY", "newer", "text");
    assert_eq!(
        text(&map(&cmd!(con, "CONV.INFO", "newer"))["complete"]),
        "no"
    );
    // The encoding of CONV.TOKENS, too: this text is one token in one encoding and more in the other.
    let counts = cmd!(con, "CONV.TOKENS", "\u{4f60}\u{597d}");
    assert!(ints(&counts)[0] > 1);
    set(&mut con, "max-message-bytes", "100").expect("a setting");
    let error = err(try_cmd!(
        con,
        "CONV.APPEND",
        "old",
        says("user", &"x".repeat(100))
    ));
    assert!(
        error.starts_with("BADMSG message 1: ") && error.contains("max-message-bytes"),
        "{error}"
    );
    // 100 bytes, surrounded by white space that does not belong to the message.
    let frame = says("user", "").len();
    let exact = format!("  {}\n", says("user", &"x".repeat(100 - frame)));
    cmd!(con, "CONV.APPEND", "old", exact);
}
