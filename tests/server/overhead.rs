//! `OVERHEAD` and `SCALE`: T(message) = ceil(scale / 100 * U(message)), in all sums.

use redis::Connection;

use crate::notation::{chat, counted, e, field, line, tokens_of};
use crate::samples::*;
use crate::support::*;

const TEXTS: [(&str, &str); 4] = [
    ("system", "Be brief."),
    ("user", "What is the capital of France?"),
    ("assistant", "Paris."),
    ("user", "And how many people live there, about?"),
];

/// T of a message with this role and text.
fn t(overhead: i64, scale: i64, role: &str, text: &str) -> i64 {
    (scale * (overhead + e(role) + e(text)) + 99) / 100
}

/// Checks all places where sums of T(message) are visible.
fn check(con: &mut Connection, key: &str, overhead: i64, scale: i64) {
    let each = TEXTS.map(|(role, text)| t(overhead, scale, role, text));
    let sum: i64 = each.iter().sum();
    let what = format!("{key}: overhead {overhead}, scale {scale}");
    for (seq, tokens) in (1..).zip(each) {
        assert_eq!(tokens_of(con, key, seq), tokens, "{what}: message {seq}");
    }
    assert_eq!(field(con, key, "tokens"), sum.to_string(), "{what}");
    let summary = t(overhead, scale, "system", "They spoke of Paris.");
    assert_eq!(
        field(con, key, "summary-tokens"),
        summary.to_string(),
        "{what}"
    );
    let reply = map(&cmd!(*con, "CONV.RECENT", key, 1_000_000, "WITHINFO"));
    assert_eq!(int(&reply["tokens"]), 3 + summary + sum, "{what}");
    // Exactly fitting fits, one token less does not.
    let all = 3 + summary + sum;
    for (budget, messages) in [(all, 5), (all - 1, 4)] {
        let reply = cmd!(*con, "CONV.RECENT", key, budget);
        assert_eq!(items(&reply).len(), messages, "{what}: {budget}");
    }
}

fn attributes(con: &mut Connection, key: &str) -> (String, String) {
    (field(con, key, "overhead"), field(con, key, "scale"))
}

#[test]
fn counts_follow_overhead_and_scale() {
    let server = Server::start();
    let mut con = server.conn();
    let messages = TEXTS.map(|(role, text)| chat(role, text));
    for (n, (overhead, scale)) in [(3, 100), (0, 100), (0, 10), (4, 115), (1000, 1000), (7, 99)]
        .into_iter()
        .enumerate()
    {
        let key = format!("k{n}");
        let words = [("OVERHEAD", overhead), ("SCALE", scale)];
        let mut args = vec!["CONV.CREATE".to_string(), key.clone()];
        args.extend(
            words
                .iter()
                .flat_map(|(name, value)| [name.to_string(), value.to_string()]),
        );
        go(&mut con, &args);
        append(&mut con, &key, &messages);
        cmd!(con, "CONV.SETSUMMARY", &key, "They spoke of Paris.");
        check(&mut con, &key, overhead, scale);
        // From there to others, one at a time and both.
        for (overhead, scale) in [
            (overhead, 250),
            (11, 250),
            (11, 61),
            (2, 61),
            (5, 100),
            (6, 100),
        ] {
            args[0] = "CONV.ALTER".into();
            (args[3], args[5]) = (overhead.to_string(), scale.to_string());
            go(&mut con, &args);
            let expected = (overhead.to_string(), scale.to_string());
            assert_eq!(attributes(&mut con, &key), expected);
            check(&mut con, &key, overhead, scale);
        }
    }
}

#[test]
fn given_counts_and_plain_texts_are_not_scaled() {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.CREATE", "k", "OVERHEAD", 50, "SCALE", 300);
    cmd!(con, "CONV.APPEND", "k", "TOKENS", 7, chat("user", "hello"));
    assert_eq!(tokens_of(&mut con, "k", 1), 7);
    cmd!(con, "CONV.ALTER", "k", "OVERHEAD", 0, "SCALE", 10);
    assert_eq!(tokens_of(&mut con, "k", 1), 7);
    // An edit ends a given count.
    cmd!(con, "CONV.EDIT", "k", 1, chat("user", "hello"));
    assert_eq!(tokens_of(&mut con, "k", 1), t(0, 10, "user", "hello"));
    cmd!(con, "CONFIG", "SET", "conv.overhead", 50, "conv.scale", 300);
    assert_eq!(ints(&cmd!(con, "CONV.TOKENS", "hello")), [e("hello")]);
    let long = "hello ".repeat(10_000);
    assert_eq!(ints(&cmd!(con, "CONV.TOKENS", &long)), [e(&long)]);
}

#[test]
fn media_parts_are_scaled() {
    let server = Server::start();
    let mut con = server.conn();
    let image = r#"{"role":"user","content":[{"type":"image_url","image_url":{}}]}"#;
    cmd!(con, "CONV.CREATE", "k", "SCALE", 150);
    cmd!(con, "CONV.APPEND", "k", image);
    assert_eq!(tokens_of(&mut con, "k", 1), (150 * (3 + 1 + 85) + 99) / 100);
}

#[test]
fn settings_are_those_of_new_conversations() {
    let server = Server::with_module_args(&[], &["overhead", "5", "conv.scale", "120"]);
    let mut con = server.conn();
    cmd!(con, "CONV.APPEND", "a", chat("user", "hello"));
    cmd!(con, "CONFIG", "SET", "conv.overhead", 9);
    cmd!(
        con,
        "CONV.IMPORT",
        "b",
        format!("[{}]", chat("user", "hello"))
    );
    cmd!(con, "CONV.CREATE", "c", "SCALE", 100);
    cmd!(con, "CONV.APPEND", "c", chat("user", "hello"));
    for (key, overhead, scale) in [("a", 5, 120), ("b", 9, 120), ("c", 9, 100)] {
        let expected = t(overhead, scale, "user", "hello");
        assert_eq!(tokens_of(&mut con, key, 1), expected, "{key}");
        let expected = (overhead.to_string(), scale.to_string());
        assert_eq!(attributes(&mut con, key), expected, "{key}");
    }
    // A copy keeps the attributes, whatever the settings are.
    cmd!(con, "CONV.FORK", "a", "d");
    assert_eq!(attributes(&mut con, "d"), ("5".into(), "120".into()));
}

#[test]
fn options_out_of_range_are_rejected() {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.CREATE", "k");
    for options in [
        "OVERHEAD -1",
        "OVERHEAD 1001",
        "OVERHEAD x",
        "OVERHEAD",
        "SCALE 9",
        "SCALE 1001",
        "SCALE 1.5",
        "SCALE 100 SCALE 100",
        "OVERHEAD 3 TTL",
    ] {
        for command in [
            format!("CONV.ALTER k {options}"),
            format!("CONV.CREATE n {options}"),
        ] {
            let error = err(line(&mut con, &command));
            assert!(error.starts_with("ERR "), "{command}: {error}");
        }
    }
    assert_eq!(attributes(&mut con, "k"), ("3".into(), "100".into()));
    assert_eq!(int(&cmd!(con, "EXISTS", "n")), 0);
    for attributes in [
        r#""overhead":1001,"scale":100"#,
        r#""overhead":3,"scale":9"#,
        r#""overhead":3,"scale":1001"#,
    ] {
        let effect = format!(
            r#"{{"v":1,"at":1,"alter":{{"encoding":"o200k_base",{attributes},"media-tokens":85,"max-messages":0,"max-tokens":0,"ttl":0,"complete":true}}}}"#
        );
        assert!(
            err(try_cmd!(con, "CONV.EFFECT", "k", &effect)).starts_with("ERR "),
            "{effect}"
        );
    }
}

#[test]
fn long_conversations_are_recounted_in_the_background() {
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<String> = (0..400)
        .map(|n| {
            chat(
                "user",
                &format!("{n} {}", "all work and no play ".repeat(20)),
            )
        })
        .collect();
    append(&mut con, "k", &messages);
    counted(&mut con, "k");
    let unscaled: i64 = field(&mut con, "k", "tokens").parse().expect("a number");
    for (overhead, scale) in [(13, 100), (13, 50), (13, 75), (3, 100)] {
        cmd!(con, "CONV.ALTER", "k", "OVERHEAD", overhead, "SCALE", scale);
        let at_once = int(&map(&cmd!(con, "CONV.RECENT", "k", 10_000_000, "WITHINFO"))["tokens"]);
        settled(&mut con);
        let sum: i64 = field(&mut con, "k", "tokens").parse().expect("a number");
        assert_eq!(at_once, 3 + sum);
        let exact = (unscaled + 400 * (overhead - 3)) * scale;
        // Each message is rounded up by less than one token.
        assert!(
            sum * 100 >= exact && sum * 100 < exact + 400 * 100,
            "{overhead} {scale}: {sum}"
        );
    }
    assert_eq!(field(&mut con, "k", "tokens"), unscaled.to_string());
}
