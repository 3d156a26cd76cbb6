//! Lines for a person.

use std::io::IsTerminal;
use std::time::Duration;

use serde_json::Value as Json;

use crate::calls_of;

const WIDTH: usize = 98;

/// Cuts to the width, and colours only on a terminal.
pub struct Screen {
    colour: bool,
}

impl Screen {
    pub fn new() -> Self {
        Self {
            colour: std::io::stdout().is_terminal(),
        }
    }

    fn line(&self, style: &str, indent: &str, line: &str) {
        let room = WIDTH - indent.len();
        let mut line = line.replace('\n', " ");
        if line.chars().count() > room {
            line = line.chars().take(room - 3).collect::<String>() + "...";
        }
        if self.colour && !style.is_empty() {
            println!("{indent}\x1b[{style}m{line}\x1b[0m");
        } else {
            println!("{indent}{line}");
        }
    }

    pub fn title(&self, line: &str) {
        self.line("1", "", line);
        self.blank();
    }

    pub fn blank(&self) {
        println!();
    }

    pub fn plain(&self, line: &str) {
        self.line("", "", line);
    }

    pub fn command(&self, line: &str) {
        self.line("1;36", "", &format!("> {line}"));
    }

    pub fn note(&self, line: &str) {
        self.line("32", "  ", line);
    }

    pub fn detail(&self, line: &str) {
        self.line("2", "    ", line);
    }

    pub fn message(&self, message: &Json) {
        let calls = calls_of(message).iter().map(|call| {
            let function = &call["function"];
            format!(
                "{}({})",
                function["name"].as_str().unwrap_or(""),
                function["arguments"].as_str().unwrap_or("")
            )
        });
        let content = message["content"]
            .as_str()
            .map_or_else(|| calls.collect::<Vec<_>>().join(", "), str::to_string);
        self.detail(&format!(
            "{:9} {content}",
            message["role"].as_str().unwrap_or("")
        ));
    }

    /// A line of the table: what, the bytes of its messages, and times, if they apply.
    pub fn row(&self, what: &str, messages: &[String], times: [Option<Duration>; 3]) {
        let bytes: usize = messages.iter().map(String::len).sum();
        let mut line = format!("{what:35}{:>14}", number(bytes as i64));
        for time in times {
            let time = time.map_or("-".to_string(), |time| format!("{} µs", micros(time)));
            line += &format!("{time:>15}");
        }
        self.line("", "  ", &line);
    }
}

pub fn micros(time: Duration) -> String {
    number(time.as_micros() as i64)
}

/// 12,345
pub fn number(n: i64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or(""))
        .collect();
    groups.join(",")
}
