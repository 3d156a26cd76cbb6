//! Checks the documentation: command pages agree with the command table, transcripts show the real output, Python
//! examples run, links have targets.
//!
//! The tests read `README.md`, `CONTRIBUTING.md` and all of `docs/`. Examples in HTML comments are executed, too; they
//! prepare or check something without being shown. [`transcripts::fits`] explains the notation of transcripts.
//!
//! `CONV_WRITE_DOCS=1 cargo test --test docs` writes differing page heads and outputs into the pages instead of
//! failing. Review the difference before committing it. `CONV_DOCS_PYTHON` names a Python with `redis`, `tiktoken` and
//! `langchain-community` (`make docs-test` creates one). Without it the Python examples are skipped.

#[path = "../support/mod.rs"]
mod support;

mod book;
mod command_pages;
mod dashboard;
mod fields_and_settings;
mod python;
mod transcripts;

/// Commands with a page that are not implemented yet. Pages that use them are not run.
const UNBUILT: &[&str] = &[];

/// True if differences are to be written into the pages.
fn writes() -> bool {
    std::env::var_os("CONV_WRITE_DOCS").is_some()
}

/// Serializes writing: the tests of this binary run in parallel.
static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// The command of [`UNBUILT`] that this command line uses, if any.
fn unbuilt(line: &str) -> Option<&'static str> {
    let words: Vec<String> = line.split(' ').map(str::to_uppercase).collect();
    let [name, rest @ ..] = &*words else {
        return None;
    };
    // ACL rules name commands as `+conv.append`.
    let is_named = |entry: &str| name == entry || words.contains(&format!("+{entry}"));
    UNBUILT.iter().copied().find(|entry| {
        let mut entry = entry.split(' ');
        entry.next().is_some_and(is_named)
            && entry.all(|option| rest.iter().any(|word| word == option))
    })
}

/// Pages that use a command must be run once the command is implemented.
#[test]
fn unbuilt_lists_no_implemented_command() {
    use conv::commands::spec::{Arg, COMMANDS};
    fn tokens(args: &[Arg]) -> Vec<&'static str> {
        args.iter()
            .flat_map(|arg| arg.token.into_iter().chain(tokens(arg.sub)))
            .collect()
    }
    for entry in UNBUILT {
        let mut words = entry.split(' ');
        let name = words.next().unwrap_or_default();
        let spec = COMMANDS.iter().find(|spec| spec.name == name);
        let there = spec.is_some_and(|spec| words.all(|word| tokens(spec.args).contains(&word)));
        assert!(
            !there,
            "{entry} is implemented: remove it from UNBUILT in tests/docs/main.rs"
        );
    }
}
