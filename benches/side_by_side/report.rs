//! The table on the terminal, and the result files.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::measure::median;
use crate::row::Line;
use crate::support::{Server, cmd, info, items, map, text};
use crate::{Setup, python, svg};

/// The conditions of the run: machine, versions, data.
pub fn head(setup: &Setup) -> Vec<(&'static str, String)> {
    let server = Server::start();
    let mut con = server.conn();
    let module = items(&cmd!(con, "MODULE", "LIST"))
        .iter()
        .map(map)
        .find(|module| text(&module["name"]) == "conv")
        .map_or_else(String::new, |module| {
            format!("conv {}", text(&module["ver"]))
        });
    let commit = output(Command::new("git").args(["describe", "--always", "--dirty"]));
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        (
            "machine",
            format!(
                "{}, {cores} cores",
                model.map_or("unknown", |(_, model)| model)
            ),
        ),
        (
            "load before",
            fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .split(' ')
                .take(3)
                .collect::<Vec<_>>()
                .join(" "),
        ),
        ("system", output(Command::new("uname").args(["-sr"]))),
        ("server", server_version(&server)),
        ("module", format!("{module}, commit {commit}")),
        ("python", python::versions()),
        ("data", setup.data.source.clone()),
        (
            "rounds",
            format!("{} of {} s, in turn; medians", setup.rounds, setup.seconds),
        ),
    ]
}

pub fn server_version(server: &Server) -> String {
    let fields = info(&mut server.conn(), "server");
    let field = |name: &str| fields.get(name).cloned();
    let memory = info(&mut server.conn(), "memory");
    let allocator = memory.get("mem_allocator").cloned().unwrap_or_default();
    match field("valkey_version") {
        Some(version) => format!("Valkey {version}, {allocator}"),
        None => format!(
            "Redis {}, {allocator}",
            field("redis_version").unwrap_or_default()
        ),
    }
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_string()
}

pub fn print_head(head: &[(&'static str, String)]) {
    for (name, value) in head {
        println!("{name:<12} {value}");
    }
    println!(
        "\n{:<66} {:>12} {:>12} {:>9}  {:<9} reached",
        "what / against", "conv", "other", "ratio", "goal"
    );
}

/// A figure with a sensible number of digits.
pub fn figure(value: f64) -> String {
    match value.abs() {
        v if !v.is_finite() => "-".into(),
        v if v >= 1000.0 => {
            let digits = format!("{value:.0}");
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A ratio. Very small ratios are written as fractions.
pub fn ratio(value: f64) -> String {
    match value {
        v if v < 0.01 => format!("1/{}", figure(1.0 / v)),
        v if v < 10.0 => format!("{v:.3}"),
        v => figure(v),
    }
}

pub fn print_line(line: &Line) {
    println!(
        "{:<66} {:>12} {:>12} {:>9}  {:<9} {}",
        line.what,
        figure(median(&line.ours)),
        figure(median(&line.theirs)),
        line.ratio().map_or("-".into(), ratio),
        line.goal.text(),
        match line.reached() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        }
    );
    println!(
        "    {}{}",
        line.against,
        if line.ours.is_empty() {
            String::new()
        } else {
            format!(", {}", line.unit)
        }
    );
    if !line.note.is_empty() {
        println!("    {}", line.note);
    }
}

pub fn print_end(lines: &[Line]) {
    let reached = lines
        .iter()
        .filter(|line| line.reached() == Some(true))
        .count();
    let missed = lines
        .iter()
        .filter(|line| line.reached() == Some(false))
        .count();
    println!("\n{reached} goals reached, {missed} missed");
}

pub fn write_files(head: &[(&'static str, String)], lines: &[Line]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bench");
    let about: serde_json::Map<String, Value> = head
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value)))
        .collect();
    let results =
        json!({"about": about, "lines": lines.iter().map(Line::json).collect::<Vec<_>>()});
    let text = serde_json::to_string_pretty(&results).expect("JSON");
    fs::create_dir_all(&dir).expect("docs/bench");
    fs::write(dir.join("results.json"), text + "\n").expect("results.json");
    fs::write(dir.join("results.svg"), svg::chart(head, lines)).expect("results.svg");
    println!("written: docs/bench/results.json, docs/bench/results.svg");
}
