//! CONV.RECENT and CONV.MRECENT of keys that do not exist, and REV.

use redis::Value;

use crate::samples::*;
use crate::support::*;

#[test]
fn a_missing_key_gives_an_empty_reply_unless_a_database_may_hold_it() {
    let server = Server::start();
    for mut con in [server.conn(), server.conn3()] {
        cmd!(con, "CONFIG", "SET", "conv.assume-complete", "yes");
        assert!(items(&cmd!(con, "CONV.RECENT", "none", 100)).is_empty());
        let json = cmd!(con, "CONV.RECENT", "none", 100, "FORMAT", "JSON", "REV");
        assert_eq!(text(&json), "[]");
        let packed = cmd!(con, "CONV.RECENT", "none", 100, "FORMAT", "MSGPACK");
        assert_eq!(bytes(&packed), [0x90]);
        let info = map(&cmd!(con, "CONV.RECENT", "none", 100, "WITHINFO"));
        assert_eq!(info.len(), 15);
        for (name, value) in &info {
            match name.as_str() {
                "messages" => assert!(items(value).is_empty()),
                name => assert_eq!(int(value), 0, "{name}"),
            }
        }
        let wait = cmd!(con, "CONV.RECENT", "none", 100, "WAIT", 0);
        assert_eq!(wait, Value::Nil);
        let both = cmd!(con, "CONV.MRECENT", 100, 2, "none", "neither");
        assert!(items(&both).iter().all(|reply| items(reply).is_empty()));

        cmd!(con, "CONFIG", "SET", "conv.assume-complete", "no");
        assert_eq!(cmd!(con, "CONV.RECENT", "none", 100), Value::Nil);
        let info = cmd!(con, "CONV.RECENT", "none", 100, "WITHINFO");
        assert_eq!(info, Value::Nil);
        let both = cmd!(con, "CONV.MRECENT", 100, 2, "none", "neither");
        assert_eq!(items(&both), [Value::Nil, Value::Nil]);
        let any = cmd!(con, "CONV.RECENT", "none", 100, "ANY");
        assert!(items(&any).is_empty());
        let both = cmd!(con, "CONV.MRECENT", 100, 2, "none", "neither", "ANY");
        assert!(items(&both).iter().all(|reply| items(reply).is_empty()));
    }
}

#[test]
fn rev_reverses_the_whole_reply() {
    let server = Server::start();
    let mut con = server.conn();
    append(
        &mut con,
        "k",
        &[
            says("system", "Be brief."),
            says("user", "Ferries?"),
            calls(&["c"]),
            answer("c"),
            answer("orphan"),
            says("assistant", "Nine."),
            says("user", "Thanks."),
        ],
    );
    cmd!(con, "CONV.SETSUMMARY", "k", "Ferries.");
    for options in [&["1000"][..], &["40"], &["40", "START", "USER"], &["0"]] {
        let mut forward = strings(&cmd!(con, "CONV.RECENT", "k", options));
        forward.reverse();
        let list = strings(&cmd!(con, "CONV.RECENT", "k", options, "REV"));
        assert_eq!(list, forward);
        let json = text(&cmd!(
            con,
            "CONV.RECENT",
            "k",
            options,
            "rev",
            "FORMAT",
            "JSON"
        ));
        let forward: Vec<String> = forward
            .into_iter()
            .map(|m| String::from_utf8(m).unwrap())
            .collect();
        assert_eq!(json, format!("[{}]", forward.join(",")));
    }
    let error = err(try_cmd!(con, "CONV.RECENT", "k", 9, "REV", "REV"));
    assert!(error.contains("REV"), "{error}");
}
