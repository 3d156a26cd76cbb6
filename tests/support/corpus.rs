//! Real conversations as test data.

use std::fs;
use std::path::{Path, PathBuf};

/// Conversations. Each is a list of messages, each message the bytes of its JSON.
pub type Conversations = Vec<Vec<Vec<u8>>>;

/// Reads the real conversations from the directory that `CONV_CORPUS` names, if it is set. Returns the name of each
/// `*.jsonl` file with its conversations; a line of the file is a JSON array of messages.
pub fn corpus() -> Option<Vec<(String, Conversations)>> {
    let dir = PathBuf::from(std::env::var_os("CONV_CORPUS")?);
    let entries =
        fs::read_dir(&dir).unwrap_or_else(|e| panic!("CONV_CORPUS={}: {e}", dir.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a directory entry").path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "jsonl")
    });
    paths.sort();
    Some(
        paths
            .iter()
            .map(|path| {
                (
                    path.file_stem()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into(),
                    read(path),
                )
            })
            .collect(),
    )
}

fn read(path: &Path) -> Conversations {
    let lines = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    lines
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            serde_json::from_str::<Vec<serde_json::Value>>(line).expect("a JSON array of messages")
        })
        .map(|messages| {
            messages
                .iter()
                .map(|message| message.to_string().into_bytes())
                .collect()
        })
        .collect()
}
