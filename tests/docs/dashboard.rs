//! The redis_exporter script returns the fields of INFO, and the dashboard shows the fields that the script returns.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value as Json;

use crate::book::top;
use crate::support::{Server, cmd, info, strings};

fn file(name: &str) -> String {
    fs::read_to_string(top().join("docs/operations").join(name)).expect(name)
}

/// Runs the script as the exporter does. The reply alternates names and values, all as text.
fn pairs(server: &Server) -> Vec<(String, String)> {
    let reply = cmd!(server.conn(), "EVAL", file("redis-exporter.lua"), 0, 0);
    let texts: Vec<String> = strings(&reply)
        .into_iter()
        .map(|bytes| String::from_utf8(bytes).expect("UTF-8"))
        .collect();
    assert_eq!(texts.len() % 2, 0, "{texts:?}");
    let pair = |pair: &[String]| (pair[0].clone(), pair[1].clone());
    texts.chunks_exact(2).map(pair).collect()
}

#[test]
fn the_script_returns_the_fields_of_info() {
    let server = Server::start();
    let mut con = server.conn();
    let message = r#"{"role":"user","content":"Hello"}"#;
    cmd!(con, "CONV.APPEND", "chat", message, message, message);
    cmd!(con, "CONV.RECENT", "chat", 1000);
    crate::support::settled(&mut con);
    let pairs = pairs(&server);
    let expected: Vec<(String, String)> = info(&mut con, "conv").into_iter().collect();
    let mut sorted = pairs.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    assert!(pairs.contains(&("conv_messages".into(), "3".into())));
    assert!(pairs.iter().all(|(_, value)| value.parse::<f64>().is_ok()));
}

#[test]
fn the_dashboard_shows_exactly_the_fields_of_the_script() {
    let dashboard: Json = serde_json::from_str(&file("grafana.json")).expect("JSON");
    let mut shown = BTreeSet::new();
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut places = BTreeSet::new();
    for panel in panels {
        for named in [&panel["title"], &panel["fieldConfig"]["defaults"]["unit"]] {
            assert!(named.as_str().is_some_and(|s| !s.is_empty()), "{panel}");
        }
        assert!(places.insert(panel["gridPos"].to_string()), "{panel}");
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let query = target["expr"].as_str().expect("a query");
            let keys = query.split("key=\"").skip(1);
            shown.extend(keys.filter_map(|rest| Some(rest.split_once('"')?.0.to_string())));
            assert_eq!(query.matches('(').count(), query.matches(')').count());
            let metrics = query.matches("redis_script_values{").count();
            assert_eq!(metrics, query.matches("key=\"conv_").count(), "{query}");
        }
    }
    let names: BTreeSet<String> = pairs(&Server::start()).into_iter().map(|p| p.0).collect();
    assert_eq!(shown, names);
}
