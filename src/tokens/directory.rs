//! The directory of tokenizer files: which files it has, and their content.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::files::Kind;
use super::registry::{FINGERPRINT, is_name};

/// The largest file that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// The most files that are considered.
pub(super) const MOST_FILES: usize = 256;

/// The most entries of a directory that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// Size in bytes and time of the last change.
pub(super) type Version = (u64, Option<SystemTime>);

/// The file of a name, or why that name cannot be used.
pub(super) type Found = Result<(PathBuf, Kind), String>;

const SUFFIX: &str = ".json";
const TEKKEN: &str = ".tekken";

/// The encodings that a directory has files for.
///
/// # Errors
/// It is not a directory, or cannot be read.
pub(super) fn list(directory: &Path) -> Result<BTreeMap<String, Found>, String> {
    let describe = |error: std::io::Error| format!("cannot read the directory: {error}");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory)
        .map_err(describe)?
        .take(MOST_ENTRIES)
    {
        let file_name = entry.map_err(describe)?.file_name();
        let name = file_name
            .to_str()
            .and_then(|name| name.strip_suffix(SUFFIX));
        let Some(name) = name else {
            continue;
        };
        let name = name.strip_suffix(TEKKEN).unwrap_or(name);
        if is_name(name)
            && found.len() < MOST_FILES
            && let Some(file) = find(directory, name)
        {
            found.insert(name.to_owned(), file);
        }
    }
    Ok(found)
}

/// The file of the encoding `name`, if there is one.
pub(super) fn find(directory: &Path, name: &str) -> Option<Found> {
    // Such a file is a tekken file of another name.
    let json = directory.join(format!("{name}{SUFFIX}"));
    let json = Some(json).filter(|path| !name.ends_with(TEKKEN) && exists(path));
    let tekken = directory.join(format!("{name}{TEKKEN}{SUFFIX}"));
    let tekken = Some(tekken).filter(|path| exists(path));
    match (json, tekken) {
        (None, None) => None,
        (Some(path), None) => Some(Ok((path, Kind::HuggingFace))),
        (None, Some(path)) => Some(Ok((path, Kind::Tekken))),
        (Some(_), Some(_)) => Some(Err(format!(
            "both {name}{SUFFIX} and {name}{TEKKEN}{SUFFIX} exist"
        ))),
    }
}

/// Broken symbolic links exist, too: using the name then tells what is wrong.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|file| !file.is_dir())
}

/// The version of a file now.
pub(super) fn version(path: &Path) -> Result<Version, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    Ok((metadata.len(), metadata.modified().ok()))
}

/// The content of a file.
pub(super) struct Content {
    pub bytes: Vec<u8>,
    pub version: Version,
}

/// Reads a regular file of at most [`MOST_BYTES`].
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(path: &Path) -> Result<Content, String> {
    let describe = |error: std::io::Error| error.to_string();
    // Before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(describe)?.is_file() {
        return Err("not a regular file".into());
    }
    let file = File::open(path).map_err(describe)?;
    let metadata = file.metadata().map_err(describe)?;
    if !metadata.is_file() {
        return Err("not a regular file".into());
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(metadata.len().min(MOST_BYTES)).unwrap_or_default();
    bytes
        .try_reserve_exact(room)
        .map_err(|_| "not enough memory".to_owned())?;
    let mut limited = file.take(MOST_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(describe)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("larger than {} MB", MOST_BYTES >> 20));
    }
    Ok(Content {
        bytes,
        version: (metadata.len(), metadata.modified().ok()),
    })
}

/// The first hex digits of the SHA-256 of a file.
pub(super) fn fingerprint(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .take(FINGERPRINT)
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}
