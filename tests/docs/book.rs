//! Parses the pages into code blocks and links.

use std::fs;
use std::path::{Path, PathBuf};

/// A page of the documentation.
pub struct Page {
    /// Its path.
    pub path: PathBuf,
    /// Its path relative to the repository, for messages.
    pub name: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// A code block.
pub struct Block {
    /// The text after the opening fence.
    pub info: String,
    /// Index of its first line.
    pub start: usize,
    /// Index after its last line.
    pub end: usize,
}

/// The root of the repository.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Page {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.strip_prefix(top()).unwrap_or(path);
        Self {
            path: path.into(),
            name: name.display().to_string(),
            lines: text.lines().map(String::from).collect(),
        }
    }

    pub fn write(&self) {
        fs::write(&self.path, self.lines.join("\n") + "\n").expect("write the page");
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open = false;
        for (number, line) in self.lines.iter().enumerate() {
            let Some(info) = line.strip_prefix("```") else {
                continue;
            };
            match blocks.last_mut() {
                Some(block) if open => block.end = number,
                _ => blocks.push(Block {
                    info: info.trim().into(),
                    start: number + 1,
                    end: number + 1,
                }),
            }
            open = !open;
        }
        assert!(!open, "{}: unclosed code block", self.name);
        blocks
    }

    /// The lines outside of code blocks.
    pub fn prose(&self) -> Vec<&str> {
        let blocks = self.blocks();
        let is_code = |number| blocks.iter().any(|b| (b.start..b.end).contains(&number));
        (0..self.lines.len())
            .filter(|number| !is_code(*number))
            .map(|number| &*self.lines[number])
            .collect()
    }
}

fn collect(dir: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|e| e == "md") {
            pages.push(path);
        }
    }
}

/// All pages.
pub fn pages() -> Vec<Page> {
    let mut paths = vec![top().join("README.md"), top().join("CONTRIBUTING.md")];
    collect(&top().join("docs"), &mut paths);
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

/// Kinds of blocks that are not run: output, pseudocode, shell commands that build or install.
const NOT_RUN: [&str; 4] = ["text", "text,syntax", "sh", "json"];

#[test]
fn every_code_block_has_a_known_kind() {
    for page in pages() {
        for block in page.blocks() {
            let info = &*block.info;
            let known = NOT_RUN.contains(&info)
                || ["", "text,resp3", "python", "console", "ini"].contains(&info);
            assert!(
                known,
                "{}:{}: unknown kind of code block '{info}'",
                page.name, block.start
            );
        }
    }
}

/// Every `make` target in the text exists.
#[test]
fn make_targets_exist() {
    let makefile = fs::read_to_string(top().join("Makefile")).expect("a Makefile");
    for page in pages() {
        for line in &page.lines {
            for (at, _) in line.match_indices("make ") {
                let alone = at == 0 || line[..at].ends_with(['`', ' ', '(']);
                let quoted = at == 0 || line[..at].ends_with('`');
                let target: String = line[at + 5..]
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                    .collect();
                if alone && quoted && !target.is_empty() {
                    assert!(
                        makefile.contains(&format!("\n{target}: ")),
                        "{}: no target `make {target}`",
                        page.name
                    );
                }
            }
        }
    }
}

/// The anchor that GitHub and mdBook give a heading.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_')
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn link_targets_exist() {
    for page in pages() {
        for line in page.prose() {
            for (at, _) in line.match_indices("](") {
                let target = line[at + 2..].split(')').next().unwrap_or_default();
                if target.starts_with("http") {
                    continue;
                }
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let path = match file {
                    "" => page.path.clone(),
                    file => page.path.parent().expect("a directory").join(file),
                };
                assert!(path.exists(), "{}: no {target}", page.name);
                let there = heading.is_empty()
                    || Page::read(&path)
                        .prose()
                        .iter()
                        .any(|l| l.starts_with('#') && anchor(l) == heading);
                assert!(there, "{}: no heading for {target}", page.name);
            }
        }
    }
}

/// Every page in `docs/` is listed in the table of contents.
#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = fs::read_to_string(top().join("docs/SUMMARY.md")).expect("docs/SUMMARY.md");
    for page in pages() {
        if let Some(name) = page.name.strip_prefix("docs/")
            && name != "SUMMARY.md"
        {
            let link = format!("]({name})");
            assert!(summary.contains(&link), "docs/SUMMARY.md has no {name}");
        }
    }
}
