//! Whether the documentation is true: every page of a command says what the table of commands says, every transcript
//! gives what stands there, every Python example runs, every link leads somewhere.
//!
//! What it looks at: `README.md`, `CONTRIBUTING.md` and all of `docs/`. Examples may stand in HTML comments, too: they
//! prepare or check something and are not shown. The notation of transcripts is that of [`transcripts::fits`].
//!
//! `CONV_WRITE_DOCS=1 cargo test --test docs` writes heads and outputs that differ into the pages instead of failing;
//! look at the difference before you commit it. `CONV_DOCS_PYTHON` names a Python with `redis`, `tiktoken` and
//! `langchain-community`
//! (`make docs-test` makes one); without it the Python examples are skipped.

#[path = "../support/mod.rs"]
mod support;

mod book;
mod dashboard;
mod figures;
mod heads;
mod python;
mod transcripts;

/// Commands that have a page, and no code yet. Pages that use them are not run.
const UNBUILT: &[&str] = &[];

/// True if differences are to be written into the pages.
fn writes() -> bool {
    std::env::var_os("CONV_WRITE_DOCS").is_some()
}

/// Held by whoever writes pages: tests run side by side.
static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// What of [`UNBUILT`] this command line uses.
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

/// As soon as a command is there, its page and all that use it must be run.
#[test]
fn nothing_waits_for_what_is_there() {
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
            "{entry} is there: strike it from UNBUILT in tests/docs/main.rs"
        );
    }
}
