//! Runs the Python examples: the blocks of a page in order, as one program, against a server of its own.

use std::process::Command;

use crate::book::{pages, top};
use crate::support::Server;
use crate::unbuilt;

#[test]
fn python_examples_run() {
    let Some(python) = std::env::var_os("CONV_DOCS_PYTHON") else {
        eprintln!("skipped: CONV_DOCS_PYTHON is not set to a Python (make docs-test creates one)");
        return;
    };
    let mut failed = Vec::new();
    for page in pages() {
        let blocks = page.blocks();
        let lines: Vec<&String> = blocks
            .iter()
            .filter(|block| block.info == "python")
            .flat_map(|block| &page.lines[block.start..block.end])
            .collect();
        if lines.is_empty() {
            continue;
        }
        // Python examples name commands in quotes: "CONV.APPEND".
        let waits = lines.iter().find_map(|l| l.split('"').find_map(unbuilt));
        if let Some(entry) = waits {
            eprintln!("{} is not run: {entry} is not implemented yet", page.name);
            continue;
        }
        let server = Server::start();
        let output = Command::new(&python)
            .arg(top().join("tests/docs/run_page.py"))
            .arg(&page.path)
            .arg(server.port().to_string())
            .output()
            .expect("Python");
        if !output.status.success() {
            failed.push(format!(
                "{}:\n{}",
                page.name,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
