//! The files of the directory `conv.tokenizers` and what is known of them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::super::background::CompletionGuard;
use super::super::directory::{self, MOST_FILES};
use super::super::files::Kind;
use super::super::tokenizer::Tokenizer;
use crate::background::{Lane, Task, submit};

/// What the directory holds.
pub struct Catalog {
    pub directory: Option<PathBuf>,
    pub files: BTreeMap<String, File>,
    /// Changes with the directory, so that what was read from an earlier one is not taken.
    pub generation: u64,
    /// Tasks to submit and guards to drop when the file of this name has been read.
    pub waiting: Vec<(String, Waiting)>,
}

/// What waits for a file.
pub enum Waiting {
    Task(Lane, Task),
    Guard(CompletionGuard),
}

/// A file of the directory.
pub struct File {
    pub path: PathBuf,
    pub kind: Kind,
    pub state: State,
    /// Size in bytes and time of the last change when it was read.
    pub version: Option<directory::Version>,
    /// Empty until it has been read.
    pub fingerprint: String,
    pub vocabulary: usize,
}

/// The state of a file.
pub enum State {
    /// Waits to be read, or is being read.
    Loading,
    /// Can be used; the tables have been freed.
    Unloaded,
    /// Can be used; when it was used last.
    Ready(Arc<Tokenizer>, Instant),
    /// Cannot be used.
    Error(String),
}

static CATALOG: Mutex<Catalog> = Mutex::new(Catalog {
    directory: None,
    files: BTreeMap::new(),
    generation: 0,
    waiting: Vec::new(),
});

/// Signalled when a file has to be read, and when one has been read.
pub static CHANGED: Condvar = Condvar::new();

/// Locks the catalog.
pub fn catalog() -> MutexGuard<'static, Catalog> {
    CATALOG.lock().unwrap_or_else(PoisonError::into_inner)
}

impl File {
    pub fn new(path: PathBuf, kind: Kind, state: State) -> Self {
        Self {
            path,
            kind,
            state,
            version: None,
            fingerprint: String::new(),
            vocabulary: 0,
        }
    }
}

impl Catalog {
    pub fn is_loading(&self, name: &str) -> bool {
        let file = self.files.get(name);
        file.is_some_and(|file| matches!(file.state, State::Loading))
    }

    /// A name is used. If the directory has a file of that name that it did not have before, or if one that could not
    /// be used has changed, it is to be read.
    pub fn look_again(&mut self, name: &str) {
        let Some(directory) = &self.directory else {
            return;
        };
        let known = self.files.get(name);
        let changed = match known.map(|file| &file.state) {
            None => self.files.len() < MOST_FILES,
            Some(State::Error(_)) => {
                let version = known.and_then(|file| file.version);
                version != known.and_then(|file| directory::version(&file.path).ok())
            }
            Some(_) => false,
        };
        if !changed {
            return;
        }
        if let Some(found) = directory::find(directory, name) {
            let file = match found {
                Ok((path, kind)) => File::new(path, kind, State::Loading),
                Err(why) => File::new(PathBuf::new(), Kind::HuggingFace, State::Error(why)),
            };
            self.files.insert(name.to_owned(), file);
        }
    }

    /// Takes out what waits for files that are not being read.
    pub fn settle(&mut self) -> Vec<Waiting> {
        let (waiting, rest) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(name, _)| !self.is_loading(name));
        self.waiting = rest;
        let waiting: Vec<(String, Waiting)> = waiting;
        waiting.into_iter().map(|(_, waiting)| waiting).collect()
    }
}

/// Tells everybody that the state of a file has changed.
pub fn announce(waiting: Vec<Waiting>) {
    CHANGED.notify_all();
    for waiting in waiting {
        match waiting {
            Waiting::Task(lane, task) => submit(lane, task),
            Waiting::Guard(guard) => drop(guard),
        }
    }
}

/// Memory of the tables of all files in bytes.
pub fn memory() -> usize {
    let catalog = catalog();
    let states = catalog.files.values().map(|file| &file.state);
    states
        .map(|state| match state {
            State::Ready(tokenizer, _) => tokenizer.memory(),
            State::Loading | State::Unloaded | State::Error(_) => 0,
        })
        .sum()
}

/// An encoding as `CONV.ENCODINGS` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// `builtin`, `huggingface` or `tekken`.
    pub kind: &'static str,
    /// Number of tokens, 0 if it is not known.
    pub vocabulary: usize,
    /// See [`Encoding::fingerprint`]; empty if it is not known.
    pub fingerprint: String,
    /// Memory of its tables in bytes, 0 if they are not loaded.
    pub memory: usize,
    /// `ready`, `loading` or `error`.
    pub state: &'static str,
    /// What is wrong with the file.
    pub error: Option<String>,
}

/// The encodings of files, in the order of their names.
pub fn listed() -> Vec<Listed> {
    let catalog = catalog();
    let list = catalog.files.iter().map(|(name, file)| {
        let (state, memory, error) = match &file.state {
            State::Loading => ("loading", 0, None),
            State::Unloaded => ("ready", 0, None),
            State::Ready(tokenizer, _) => ("ready", tokenizer.memory(), None),
            State::Error(why) => ("error", 0, Some(why.clone())),
        };
        Listed {
            name: name.clone(),
            kind: match file.kind {
                Kind::HuggingFace => "huggingface",
                Kind::Tekken => "tekken",
            },
            vocabulary: file.vocabulary,
            fingerprint: file.fingerprint.clone(),
            memory,
            state,
            error,
        }
    });
    list.collect()
}
