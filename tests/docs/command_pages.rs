//! Generates the first lines of each command page from the command table.

use conv::commands::spec::{Arg, COMMANDS, Kind, Spec};
use conv::conversation::effect::Event;

use crate::book::{Page, pages, top};
use crate::{UNBUILT, WRITING, writes};

/// Maximum length of a syntax line. Longer syntax is written with one option per line.
const LINE: usize = 76;

/// An argument in the notation of Redis's documentation.
fn syntax(arg: &Arg) -> String {
    let each = |separator: &str| {
        let parts: Vec<String> = arg.sub.iter().map(syntax).collect();
        parts.join(separator)
    };
    let value = match arg.kind {
        Kind::Token => String::new(),
        Kind::OneOf if arg.sub.len() == 1 => each(""),
        Kind::OneOf if arg.token.is_some() => format!("<{}>", each(" | ")),
        Kind::OneOf if !arg.optional => format!("<{}>", each(" | ")),
        Kind::OneOf => each(" | "),
        Kind::Block => each(" "),
        Kind::Key | Kind::String | Kind::Integer => arg.name.to_string(),
    };
    let mut text = [arg.token.unwrap_or_default(), &value]
        .join(" ")
        .trim()
        .to_string();
    if arg.multiple {
        text = format!("{text} [{text} ...]");
    }
    if arg.optional {
        format!("[{text}]")
    } else {
        text
    }
}

/// The syntax of a command: on one line, or from the first option on with one option per line.
fn usage(spec: &Spec) -> Vec<String> {
    let args: Vec<String> = spec.args.iter().map(syntax).collect();
    let line = format!("{} {}", spec.name, args.join(" "))
        .trim_end()
        .to_owned();
    if line.len() <= LINE {
        return vec![line];
    }
    let plain = spec
        .args
        .iter()
        .take_while(|a| !a.optional && a.sub.is_empty())
        .count();
    let mut lines = vec![format!("{} {}", spec.name, args[..plain].join(" "))];
    lines.extend(args[plain..].iter().map(|arg| format!("  {arg}")));
    lines
}

fn words(list: &str, mark: &str) -> String {
    let words: Vec<String> = list.split(' ').map(|w| format!("`{mark}{w}`")).collect();
    words.join(" ")
}

/// The lines of a command page before its first section.
fn head(spec: &Spec) -> Vec<String> {
    let mut lines = vec![
        format!("# {}", spec.name),
        String::new(),
        spec.summary.into(),
        String::new(),
    ];
    lines.push("```text,syntax".into());
    lines.extend(usage(spec));
    lines.push("```".into());
    lines.extend([
        String::new(),
        format!("- **Since:** {}", spec.since),
        format!("- **Time:** {}", spec.complexity),
        format!("- **Flags:** {}", words(spec.flags, "")),
        format!(
            "- **ACL categories:** {}",
            words(&format!("conv {}", spec.categories), "@")
        ),
        String::new(),
    ]);
    lines
}

fn file(name: &str) -> String {
    format!("docs/commands/{}.md", name.to_lowercase())
}

#[test]
fn every_command_has_a_page_that_matches_the_table() {
    let _alone = WRITING.lock();
    for spec in COMMANDS {
        let path = top().join(file(spec.name));
        assert!(
            path.exists(),
            "{} has no page: write {}",
            spec.name,
            file(spec.name)
        );
        let mut page = Page::read(&path);
        let found = page.lines.iter().position(|line| line.starts_with("## "));
        let sections = found.unwrap_or(page.lines.len());
        let head = head(spec);
        if page.lines[..sections] == head {
            continue;
        }
        assert!(
            writes(),
            "{} differs from src/commands/table.rs (CONV_WRITE_DOCS=1 writes it); it must begin with:\n\n{}",
            page.name,
            head.join("\n")
        );
        page.lines.splice(..sections, head);
        page.write();
    }
}

/// The sections of a command page, in order.
const SECTIONS: [&str; 5] = [
    "## Arguments",
    "## Replies",
    "## Examples",
    "## Errors",
    "## See also",
];

#[test]
fn pages_of_commands_have_the_usual_form() {
    let _alone = WRITING.lock();
    for page in pages() {
        let Some(name) = page.name.strip_prefix("docs/commands/") else {
            continue;
        };
        let name = name.trim_end_matches(".md").to_uppercase();
        if name == "README" {
            continue;
        }
        let known = COMMANDS.iter().any(|spec| spec.name == name) || UNBUILT.contains(&&*name);
        assert!(known, "{}: unknown command {name}", page.name);
        if name == "CONV.EFFECT" {
            continue; // Only servers send it.
        }
        let mut from = 0;
        for section in SECTIONS {
            let found = page.lines[from..].iter().position(|line| line == section);
            from += found.unwrap_or_else(|| {
                panic!("{}: section '{section}' is missing or misplaced", page.name)
            });
        }
        let replies = page.lines[..from].join("\n");
        for protocol in ["RESP2", "RESP3"] {
            assert!(
                replies.contains(protocol),
                "{}: {protocol} is not described",
                page.name
            );
        }
    }
}

#[test]
fn the_list_of_commands_is_complete() {
    let _alone = WRITING.lock();
    let mut list = Page::read(&top().join("docs/commands/README.md"));
    for spec in COMMANDS.iter().filter(|spec| spec.name != "CONV.EFFECT") {
        let start = format!("| [{}]({}.md) |", spec.name, spec.name.to_lowercase());
        let line = format!("{start} {} |", spec.summary);
        if list.lines.contains(&line) {
            continue;
        }
        let other = list.lines.iter_mut().find(|l| l.starts_with(&start));
        match other {
            Some(other) if writes() => *other = line,
            _ => panic!("{} lacks this line:\n{line}", list.name),
        }
        list.write();
    }
}

#[test]
fn all_events_are_listed() {
    let page = Page::read(&top().join("docs/operations/events.md"));
    for event in Event::ALL.iter().filter(|event| **event != Event::None) {
        let event = event.name();
        let quoted = format!("`{event}`");
        let listed = page
            .lines
            .iter()
            .any(|l| l.starts_with("| `") && l.contains(&quoted));
        assert!(listed, "{} does not list {event}", page.name);
    }
}
