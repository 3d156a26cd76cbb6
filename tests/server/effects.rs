//! `CONV.EFFECT` carries writes to replicas and the AOF. Clients should not send it, but it must be as safe as any
//! command: whatever it receives, the conversation stays consistent, and the server can load what it saved.

use fastrand::Rng;
use redis::Connection;
use serde_json::json;

use crate::samples::*;
use crate::support::*;
use crate::views::*;

fn effect(con: &mut Connection, key: &str, header: &str, payload: &[&str]) -> Result<(), String> {
    let mut args = vec!["CONV.EFFECT", key, header];
    args.extend(payload);
    run(con, &args).map(drop).map_err(|e| error_line(&e))
}

fn ten(con: &mut Connection, key: &str) {
    let messages: Vec<String> = (1..=10)
        .map(|n| says("user", &format!("message {n}")))
        .collect();
    append(con, key, &messages);
}

/// DUMP and RESTORE must give an equal value. RESTORE derives everything again, so a difference shows an
/// inconsistency.
fn assert_storable(con: &mut Connection, key: &str, what: &str) {
    let before = view(con, key);
    let payload = bytes(&cmd!(*con, "DUMP", key));
    if let Err(e) = try_cmd!(*con, "RESTORE", "stored", 0, payload, "REPLACE") {
        panic!("{what}: cannot be loaded again: {}", error_line(&e));
    }
    let without_expiry = |view: Vec<(String, redis::Value)>| -> View {
        view.into_iter()
            .filter(|(what, _)| what != "PEXPIRETIME")
            .collect()
    };
    let after = without_expiry(view(con, "stored"));
    assert_same(&[key], &[without_expiry(before)], &[after], what);
}

#[test]
fn replayed_effects_rebuild_the_conversation() {
    let server = Server::start();
    let mut con = server.conn();
    let attributes = json!({"encoding": "cl100k_base", "media-tokens": 7, "max-messages": 2, "max-tokens": 0,
        "ttl": 50, "complete": false});
    let header = json!({"v": 1, "at": 1234, "create": attributes, "numbering": [1000, 20, -3],
        "push": [[-3, 1100, {"given": 5}], [4, 1200, {"counted": 6}], [19, 1234, "pending"]]});
    let messages = [says("user", "a"), says("user", "b"), says("user", "c")];
    let payload: Vec<&str> = messages.iter().map(String::as_str).collect();
    assert_eq!(effect(&mut con, "k", &header.to_string(), &payload), Ok(()));
    let info = map(&cmd!(con, "CONV.INFO", "k"));
    let figures = [
        "messages",
        "first",
        "last",
        "created",
        "updated",
        "max-messages",
        "ttl",
    ];
    assert_eq!(
        figures.map(|name| int(&info[name])),
        [3, -3, 19, 1000, 1234, 2, 50]
    );
    assert_eq!(
        (&*text(&info["encoding"]), &*text(&info["complete"])),
        ("cl100k_base", "no")
    );
    // The effect itself states that retention removed nothing, and that there is no expiry.
    assert_eq!(int(&cmd!(con, "TTL", "k")), -1);
    assert_storable(&mut con, "k", "built by hand");
    assert_eq!(append(&mut con, "k", &[says("user", "d")]), 20);
}

#[test]
fn effects_that_do_not_apply_are_rejected() {
    let server = Server::start();
    let mut con = server.conn();
    ten(&mut con, "k");
    let before = view(&mut con, "k");
    let create = json!({"encoding": "o200k_base", "media-tokens": 85, "max-messages": 0, "max-tokens": 0, "ttl": 0,
        "complete": true});
    let m = &*says("user", "hello");
    let with = |field: &str, value: serde_json::Value| {
        let mut header = json!({"v": 1, "at": 5});
        header[field] = value;
        header.to_string()
    };
    let cases: [(String, &[&str], &str); 20] = [
        (String::new(), &[], "unreadable header"),
        ("[]".into(), &[], "unreadable header"),
        ("{\"v\":1}".into(), &[], "unreadable header"),
        (
            "{\"v\":2,\"at\":1}".into(),
            &[],
            "header version must be 1, got 2",
        ),
        (with("surprise", json!(1)), &[], "unreadable header"),
        (with("event", json!("conv.nonsense")), &[], "unknown event"),
        (with("event", json!("del")), &[], "unknown event"),
        (with("create", create.clone()), &[], "exists"),
        (
            with("push", json!([[11, 0, "pending"]])),
            &[],
            "payload incomplete",
        ),
        (
            with("push", json!([[11, 0, "pending"]])),
            &[m, m],
            "unexpected argument after the payload",
        ),
        (
            with("push", json!([[10, 0, "pending"]])),
            &[m],
            "cannot follow",
        ),
        (
            with("push", json!([[12, 0, "pending"], [11, 0, "pending"]])),
            &[m, m],
            "cannot follow",
        ),
        (
            with("push", json!([[i64::MAX, 0, "pending"]])),
            &[m],
            "cannot follow",
        ),
        (
            with("push", json!([[11, 0, "pending"]])),
            &["[]"],
            "expected a JSON object",
        ),
        (
            with("push", json!([[11, 0, {"given": -1}]])),
            &[m],
            "unreadable header",
        ),
        (
            with("push", json!([[11, 0, {"given": 4_294_967_296u64}]])),
            &[m],
            "unreadable header",
        ),
        (
            with("edit", json!([11, 0, "pending"])),
            &[m],
            "no message 11",
        ),
        (with("numbering", json!([0, 1, 2])), &[], "numbering"),
        // Numbers that exist already, or that would be given twice.
        (with("numbering", json!([0, 5, 1])), &[], "numbering"),
        (with("numbering", json!([0, 20, 5])), &[], "numbering"),
    ];
    let mut accepted = Vec::new();
    for (header, payload, expected) in &cases {
        match effect(&mut con, "k", header, payload) {
            Ok(()) => accepted.push(header),
            Err(error) => assert!(error.contains(expected), "{header}: {error}"),
        }
    }
    assert_eq!(accepted, [""; 0], "accepted");
    let mut far = create;
    far["ttl"] = json!(i64::MAX);
    for (field, key) in [("alter", "k"), ("create", "new")] {
        assert!(
            effect(&mut con, key, &with(field, far.clone()), &[]).is_err(),
            "{field}"
        );
    }
    assert!(effect(&mut con, "missing", &with("remove", json!([1])), &[]).is_err());
    assert!(run(&mut con, &["CONV.EFFECT", "k", "\u{0}"]).is_err());
    assert_same(&["k"], &[before], &[view(&mut con, "k")], "refused");
    assert_eq!(int(&cmd!(con, "DBSIZE")), 1);
}

#[test]
fn effects_cannot_corrupt_sequence_numbers() {
    let server = Server::start();
    let mut con = server.conn();
    for (n, numbering) in [
        "[0,1,1]",
        "[0,5,-7]",
        "[0,100,50]",
        "[0,9223372036854775807,1]",
    ]
    .iter()
    .enumerate()
    {
        let key = format!("k{n}");
        ten(&mut con, &key);
        let _ = effect(
            &mut con,
            &key,
            &format!("{{\"v\":1,\"at\":9,\"numbering\":{numbering}}}"),
            &[],
        );
        assert_storable(&mut con, &key, numbering);
        if let Ok(seq) = run(&mut con, &["CONV.APPEND", &key, &says("user", "next")]) {
            assert!(
                int(&seq) > 10,
                "numbering {numbering}: number {} is given twice",
                int(&seq)
            );
        }
        assert_storable(&mut con, &key, numbering);
    }
}

#[test]
fn random_effects_keep_the_conversation_consistent() {
    let mut server = Server::start();
    let mut con = server.conn();
    let mut rng = Rng::with_seed(5);
    let number = |rng: &mut Rng| match rng.usize(..12) {
        0 => i64::MIN,
        1 => i64::MAX - rng.usize(..3) as i64,
        2 => -(rng.usize(..20) as i64),
        _ => rng.usize(..60) as i64,
    };
    for round in 0..400 {
        if round % 25 == 0 {
            cmd!(con, "DEL", "k");
            ten(&mut con, "k");
            append(&mut con, "k", &[calls(&["x", "y"]), answer("x")]);
        }
        let mut header = json!({"v": 1, "at": number(&mut rng)});
        let mut payload = Vec::new();
        let message = [says("user", "m"), calls(&["x"]), answer("x"), answer("y")];
        for _ in 0..=rng.usize(..2) {
            match rng.usize(..6) {
                0 => header["remove"] = json!([number(&mut rng), number(&mut rng)]),
                1 => header["drop"] = json!([[number(&mut rng), number(&mut rng)]]),
                2 => {
                    header["numbering"] =
                        json!([number(&mut rng), number(&mut rng), number(&mut rng)])
                }
                3 => header["summary"] = json!({"upto": number(&mut rng)}),
                4 => header["edit"] = json!([number(&mut rng), number(&mut rng), {"given": 4}]),
                _ => header["push"] = json!([[number(&mut rng), number(&mut rng), "pending"]]),
            }
        }
        for field in ["push", "edit"] {
            if header.get(field).is_some() {
                payload.push(&**rng.choice(&message).unwrap());
            }
        }
        if header.get("summary").is_some() {
            payload.push("a summary");
        }
        if effect(&mut con, "k", &header.to_string(), &payload).is_ok() {
            assert_storable(&mut con, "k", &format!("round {round}, {header}"));
        }
    }
    cmd!(con, "DEBUG", "RELOAD");
    assert!(server.is_alive() && !server.log().contains("internal error"));
}
