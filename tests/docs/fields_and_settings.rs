//! INFO fields and settings in the pages exist on a server, and the reference pages explain all of them.

use std::collections::BTreeSet;

use crate::book::{Page, pages, top};
use crate::support::{Server, cmd, info, strings};

/// Words made of `letters` that begin with `prefix`.
fn words<'t>(text: &'t str, prefix: &str, letters: &str) -> Vec<&'t str> {
    let part = |c: char| c.is_ascii_lowercase() || letters.contains(c);
    text.match_indices(prefix)
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| part(c) || c == '/' || c == '.'))
        .map(|(at, _)| {
            let rest = &text[at..];
            rest[..rest.find(|c| !part(c)).unwrap_or(rest.len())].trim_end_matches('.')
        })
        .collect()
}

#[test]
fn info_fields_are_explained_and_exist() {
    let server = Server::start();
    let there: BTreeSet<String> = info(&mut server.conn(), "conv").into_keys().collect();
    for page in pages() {
        for name in page.lines.iter().flat_map(|line| words(line, "conv_", "_")) {
            assert!(there.contains(name), "{}: INFO has no {name}", page.name);
        }
    }
    let page = Page::read(&top().join("docs/operations/metrics.md"));
    for name in &there {
        let row = format!("| `{name}` |");
        assert!(
            page.lines.iter().any(|l| l.starts_with(&row)),
            "{} does not explain {name}",
            page.name
        );
    }
}

#[test]
fn settings_are_explained_and_exist() {
    let server = Server::start();
    let mut con = server.conn();
    let reply = strings(&match cmd!(con, "CONFIG", "GET", "conv.*") {
        redis::Value::Map(pairs) => {
            redis::Value::Array(pairs.into_iter().flat_map(|(k, v)| [k, v]).collect())
        }
        list => list,
    });
    let there: Vec<String> = reply
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(&pair[0]).into())
        .collect();
    assert!(there.len() >= 9, "{there:?}");
    let page = Page::read(&top().join("docs/operations/settings.md"));
    for name in &there {
        let row = format!("| `{name}` |");
        assert!(
            page.lines.iter().any(|l| l.starts_with(&row)),
            "{} does not explain {name}",
            page.name
        );
    }
    for page in pages() {
        for (number, line) in page.lines.iter().enumerate() {
            // Settings appear in backquotes, like `conv.ttl`. Elsewhere, names of commands, events and files look the
            // same.
            for quoted in line.split('`').skip(1).step_by(2) {
                let name = quoted.split(' ').next().unwrap_or_default();
                if name.starts_with("conv.") && name.contains('-') && !name.ends_with(".md") {
                    assert!(
                        there.iter().any(|t| t == name),
                        "{}:{}: no setting {name}",
                        page.name,
                        number + 1
                    );
                }
            }
        }
    }
}
