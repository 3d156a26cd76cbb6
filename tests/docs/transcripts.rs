//! Runs the transcripts: starts a server per page, runs its blocks in order, and compares the output with the page.
//!
//! A block is a transcript if its first line begins with `> `. Such lines are typed into redis-cli, and the lines
//! after each are its expected output. Blocks of kind `text,resp3` are typed into a second redis-cli that uses RESP3.
//! In blocks of kind `console`, bash runs the lines that begin with `$ `; there `redis-cli` connects to the server of
//! the page. Blocks of kind `ini` are configurations with which a server must start.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::book::{Block, Page, pages, top};
use crate::support::{Server, module_path, settled};
use crate::{WRITING, unbuilt, writes};

/// redis-cli prints this for an unbalanced quote, without asking the server. It marks the end of an output.
const MARK: &str = "Invalid argument(s)";

/// A redis-cli process that the commands of a page are typed into.
struct Cli {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Cli {
    fn start(port: u16, options: &[&str]) -> Self {
        let mut child = Command::new("redis-cli")
            .args(["--no-raw", "-p", &port.to_string()])
            .args(options)
            .env_remove("REDISCLI_AUTH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-cli");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            stdin,
            stdout,
        }
    }

    fn type_in(&mut self, command: &str) -> Vec<String> {
        writeln!(self.stdin, "{command}\n\"").expect("write to redis-cli");
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let read = self
                .stdout
                .read_line(&mut line)
                .expect("read from redis-cli");
            assert!(read > 0, "redis-cli ended at: {command}");
            let line = line.trim_end();
            if line == MARK {
                return lines;
            }
            // redis-cli adds the duration of slow commands: `(0.72s)`.
            if !(line.starts_with('(') && line.ends_with("s)") && line.contains('.')) {
                lines.push(line.into());
            }
        }
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a shell line in which `redis-cli` connects to this server.
fn shell(line: &str, server: &Server) -> Vec<String> {
    let prefix = format!(
        "redis-cli() {{ command redis-cli -p {port} \"$@\"; }}; make() {{ command make -s PORT={port} \"$@\"; }};",
        port = server.port()
    );
    let output = Command::new("bash")
        .args(["-c", &format!("{prefix} {line}")])
        .current_dir(top())
        .output()
        .expect("bash");
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text)
        .lines()
        .map(|l| l.trim_end().into())
        .collect()
}

/// Whether a line matches the page. In the page, `<time>`, `<bytes>` and `<number>` stand for digits, `<date time>`
/// for a date like `11-21 02:35`, and `…` for any text.
fn line_fits(found: &str, page: &str) -> bool {
    let special = ["<time>", "<bytes>", "<number>", "<date time>", "…"]
        .into_iter()
        .filter_map(|word| Some((page.find(word)?, word)))
        .min();
    let Some((at, word)) = special else {
        return found == page;
    };
    let Some(rest) = found.strip_prefix(&page[..at]) else {
        return false;
    };
    let behind = &page[at + word.len()..];
    if word == "…" {
        let mut starts = rest.char_indices().map(|(i, _)| i).chain([rest.len()]);
        return starts.any(|i| line_fits(&rest[i..], behind));
    }
    if word == "<date time>" {
        let end = rest
            .char_indices()
            .nth(word.len())
            .map_or(rest.len(), |(i, _)| i);
        let (clock, rest) = rest.split_at(end);
        let part = |c: char| c.is_ascii_digit() || "-: ".contains(c);
        return clock.len() == word.len() && clock.chars().all(part) && line_fits(rest, behind);
    }
    let unsigned = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    unsigned.len() < rest.len() && line_fits(unsigned, behind)
}

/// Whether an output matches the page. A line `…` in the page stands for any number of lines.
pub fn fits(found: &[String], page: &[String]) -> bool {
    match page.split_first() {
        None => found.is_empty(),
        Some((line, behind)) if line == "…" => {
            (0..=found.len()).any(|skipped| fits(&found[skipped..], behind))
        }
        Some((line, behind)) => {
            found.first().is_some_and(|f| line_fits(f, line)) && fits(&found[1..], behind)
        }
    }
}

/// An output as it is written into a page, with a placeholder for Unix milliseconds, which differ from run to run.
fn noted(line: String) -> String {
    let is_time = |word: &str| word.len() == 13 && word.bytes().all(|b| b.is_ascii_digit());
    match line.split(' ').find(|word| is_time(word)) {
        Some(time) => line.replace(time, "<time>"),
        None => line,
    }
}

/// The commands of a block: the index of the command's line, and the index after its output.
fn commands(page: &Page, block: &Block, prompt: &str) -> Vec<(usize, usize)> {
    let starts: Vec<usize> = (block.start..block.end)
        .filter(|&line| page.lines[line].starts_with(prompt))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([block.end]);
    starts.iter().copied().zip(ends).collect()
}

fn prompt(page: &Page, block: &Block) -> Option<&'static str> {
    let first = page.lines[block.start..block.end].first()?;
    match &*block.info {
        "" | "text,resp3" if first.starts_with("> ") => Some("> "),
        "console" => Some("$ "),
        _ => None,
    }
}

/// Runs a page. Returns the differences.
fn run(page: &mut Page) -> Vec<String> {
    let blocks: Vec<Block> = page.blocks();
    let transcripts: Vec<(&Block, &str)> = blocks
        .iter()
        .filter_map(|b| Some((b, prompt(page, b)?)))
        .collect();
    if transcripts.is_empty() {
        return Vec::new();
    }
    let server = Server::start();
    let mut admin = server.conn();
    let mut cli = [
        Cli::start(server.port(), &[]),
        Cli::start(server.port(), &["-3"]),
    ];
    let (mut differ, mut new) = (Vec::new(), Vec::new());
    for (block, prompt) in transcripts {
        for (at, end) in commands(page, block, prompt) {
            let command = &page.lines[at][prompt.len()..];
            let found = match &*block.info {
                "console" => shell(command, &server),
                info => cli[usize::from(info == "text,resp3")].type_in(command),
            };
            let mut behind = end;
            while behind > at + 1 && page.lines[behind - 1].is_empty() {
                behind -= 1;
            }
            let expected = &page.lines[at + 1..behind];
            if !fits(&found, expected) {
                differ.push(format!(
                    "{}:{}: {command}\nin the page:\n{}\nfound:\n{}\n",
                    page.name,
                    at + 1,
                    expected.join("\n"),
                    found.join("\n")
                ));
                new.push((at + 1..behind, found));
            }
            // Waits for maintenance such as retention by tokens, so that the next command sees its result.
            settled(&mut admin);
        }
    }
    if writes() && !new.is_empty() {
        for (range, found) in new.into_iter().rev() {
            page.lines.splice(range, found.into_iter().map(noted));
        }
        page.write();
    }
    differ
}

#[test]
fn transcripts_show_the_real_output() {
    let _alone = WRITING.lock();
    let (mut differ, mut run_pages, mut left_out) = (Vec::new(), 0, Vec::new());
    for mut page in pages() {
        let waits_for = page
            .lines
            .iter()
            .find_map(|l| unbuilt(l.strip_prefix("> ")?));
        if let Some(entry) = waits_for {
            left_out.push(format!("{} ({entry})", page.name));
            continue;
        }
        differ.extend(run(&mut page));
        run_pages += 1;
    }
    if !left_out.is_empty() {
        eprintln!(
            "not run, because they use unimplemented commands: {}",
            left_out.join(", ")
        );
    }
    assert!(run_pages > 10, "only {run_pages} pages were run");
    assert!(differ.is_empty() || writes(), "{}", differ.join("\n"));
}

#[test]
fn servers_start_with_the_configurations_shown() {
    let module = module_path().display().to_string();
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.info == "ini") {
            let lines: Vec<Vec<&str>> = page.lines[block.start..block.end]
                .iter()
                .map(|line| line.split_whitespace().collect())
                .filter(|words: &Vec<&str>| !words.is_empty() && !words[0].starts_with('#'))
                .collect();
            let mut args = vec!["--loadmodule", &module];
            let mut options = Vec::new();
            for words in &lines {
                if words[0] == "loadmodule" {
                    args.extend(&words[2..]);
                } else {
                    options.push(format!("--{}", words[0]));
                    options.extend(
                        words[1..]
                            .iter()
                            .map(|word| word.trim_matches('"').to_string()),
                    );
                }
            }
            args.extend(options.iter().map(String::as_str));
            let server = Server::plain(&args);
            let at = format!("{}:{}", page.name, block.start);
            assert!(!server.log().contains("rror"), "{at}: {}", server.log());
        }
    }
}

#[test]
fn the_notation_matches_as_documented() {
    let lines = |text: &str| text.lines().map(String::from).collect::<Vec<_>>();
    let same = |found: &str, page: &str| fits(&lines(found), &lines(page));
    assert!(same("(integer) 1", "(integer) 1"));
    assert!(!same("(integer) 1", "(integer) 2"));
    assert!(!same("(integer) 1\nmore", "(integer) 1"));
    assert!(!same("", "(integer) 1"));
    assert!(same("(integer) 1700", "(integer) <time>"));
    assert!(!same("(integer) 17x", "(integer) <time>"));
    assert!(!same("(integer) ", "(integer) <bytes>"));
    assert!(same(
        "(error) NOPERM this user has no",
        "(error) NOPERM … has no"
    ));
    assert!(!same(
        "(error) ERR this user has no",
        "(error) NOPERM … has no"
    ));
    assert!(same("1 11-21 02:35 x", "1 <date time> x"));
    assert!(!same("1 11-21 02:3 x", "1 <date time> x"));
    assert!(same("a\nb\nc\nd", "a\n…\nd"));
    assert!(!same("a\nb\nc", "a\n…\nd"));
}
