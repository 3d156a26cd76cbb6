//! The tokenizer files of this server, and the encodings that conversations name.
//!
//! An encoding of a file is identified by its name *and* its fingerprint, also on a server that does not have the file:
//! [`identify`] gives each such pair a number. The directory `conv.tokenizers` is listed when it is set; a thread of its own
//! [reads](reading) the files. Tables that nobody has used for a while are freed, and loaded again when they are needed.

mod catalog;
mod identity;
mod reading;

pub use catalog::Listed;
pub(super) use catalog::{listed, memory};
pub use identity::is_name;
pub(super) use identity::{FINGERPRINT, identify, identity};
pub use reading::start;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use self::catalog::{CHANGED, Catalog, File, State, Waiting, announce, catalog};
use self::identity::{Identity, intern, report_again};
use self::reading::STARTED;
use super::background::CompletionGuard;
use super::directory;
use super::encoding::Encoding;
use super::files::Kind;
use super::tokenizer::Tokenizer;
use crate::background::{Lane, Task, submit};

static LOG: OnceLock<fn(&str)> = OnceLock::new();

/// Where warnings go. Called from any thread.
pub fn on_warning(log: fn(&str)) {
    let _ = LOG.set(log);
}

fn warn(text: &str) {
    if let Some(log) = LOG.get() {
        log(text);
    }
}

/// The result of looking for an encoding by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// It can be used.
    Ready(Encoding),
    /// Its file is being read.
    Loading,
    /// Its file cannot be used, for this reason.
    Broken(String),
    /// There is no such encoding.
    Unknown,
}

/// Looks for an encoding by its name or by the name of a model. A file of that name that the directory did not have
/// before starts loading.
#[must_use]
pub fn lookup(name: &str) -> Lookup {
    if let Some(builtin) = Encoding::by_name(name) {
        return Lookup::Ready(builtin);
    }
    if !is_name(name) {
        return Lookup::Unknown;
    }
    let mut catalog = catalog();
    catalog.look_again(name);
    let Some(file) = catalog.files.get(name) else {
        return Lookup::Unknown;
    };
    match &file.state {
        State::Loading if !STARTED.load(Ordering::Relaxed) => {
            Lookup::Broken("the thread that reads files could not be started".into())
        }
        State::Loading => {
            drop(catalog);
            start();
            Lookup::Loading
        }
        State::Error(why) => Lookup::Broken(why.clone()),
        State::Unloaded | State::Ready(..) => match intern(name, &file.fingerprint) {
            Some(encoding) => Lookup::Ready(encoding),
            None => Lookup::Broken("too many tokenizers were used since the server started".into()),
        },
    }
}

impl Encoding {
    /// An encoding that is known by its name only, until its file has been read. Finish with [`Encoding::resolve`].
    ///
    /// # Errors
    /// Why the encoding cannot be used; `None` if there is none of that name.
    pub fn named(name: &str) -> Result<Self, Option<String>> {
        match lookup(name) {
            Lookup::Ready(encoding) => Ok(encoding),
            Lookup::Loading => intern(name, "").ok_or_else(|| {
                Some("too many tokenizers were used since the server started".into())
            }),
            Lookup::Broken(why) => Err(Some(why)),
            Lookup::Unknown => Err(None),
        }
    }

    /// The encoding of this name, known by its name only if its file cannot be used now. A name that no file can have
    /// gives the default.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        match lookup(name) {
            Lookup::Ready(encoding) => encoding,
            Lookup::Loading | Lookup::Broken(_) | Lookup::Unknown => {
                intern(name, "").unwrap_or_default()
            }
        }
    }

    /// The encoding with the fingerprint that the file has now, if this one is known by its name only.
    #[must_use]
    pub fn resolve(self) -> Lookup {
        match identity(self) {
            Some(identity) if identity.fingerprint.is_empty() => lookup(&identity.name),
            _ => Lookup::Ready(self),
        }
    }

    /// True if this server does not have the file, or has a different one of that name. Texts then count their bytes.
    #[must_use]
    pub fn is_missing(self) -> bool {
        !self.is_builtin() && matches!(available(self, false), Available::Missing)
    }

    /// True if counts are exact as soon as they are there: the file is not missing, and it is not being read.
    #[must_use]
    pub fn is_usable(self) -> bool {
        self.is_builtin()
            || matches!(
                available(self, false),
                Available::Ready(_) | Available::Unloaded
            )
    }
}

/// Whether texts can be counted in an encoding of a file.
pub(super) enum Available {
    /// By this tokenizer.
    Ready(Arc<Tokenizer>),
    /// Once the tables have been loaded again.
    Unloaded,
    /// Once the file has been read.
    Loading,
    /// By their bytes.
    Missing,
}

/// Whether texts can be counted in an encoding of a file. With `load`, tables that were freed start loading.
pub(super) fn available(encoding: Encoding, load: bool) -> Available {
    let Some(identity) = identity(encoding) else {
        return Available::Missing;
    };
    let mut catalog = catalog();
    let Some(file) = catalog.files.get_mut(&*identity.name) else {
        drop(catalog);
        return missing(identity);
    };
    let matches = *file.fingerprint == *identity.fingerprint;
    let available = match &mut file.state {
        State::Ready(tokenizer, used) if matches => {
            *used = Instant::now();
            return Available::Ready(Arc::clone(tokenizer));
        }
        State::Unloaded if matches && !load => return Available::Unloaded,
        State::Unloaded if matches => {
            file.state = State::Loading;
            CHANGED.notify_all();
            Available::Loading
        }
        // Until a file has been read, it may be the one.
        State::Loading if !STARTED.load(Ordering::Relaxed) => {
            drop(catalog);
            return missing(identity);
        }
        State::Loading if matches || file.fingerprint.is_empty() => Available::Loading,
        State::Ready(..) | State::Unloaded | State::Loading | State::Error(_) => {
            drop(catalog);
            return missing(identity);
        }
    };
    drop(catalog);
    if load {
        start();
    }
    available
}

fn missing(identity: &Identity) -> Available {
    if identity.is_to_be_reported() {
        warn(&format!(
            "conversations use the encoding '{}' with the fingerprint {}, which conv.tokenizers does not have: their new \
             messages count their bytes until it has",
            identity.name, identity.fingerprint
        ));
    }
    Available::Missing
}

/// The tokenizer of an encoding of a file, which this thread waits for while it loads. `None` if the file is missing.
pub(super) fn wait(encoding: Encoding) -> Option<Arc<Tokenizer>> {
    loop {
        match available(encoding, true) {
            Available::Ready(tokenizer) => return Some(tokenizer),
            Available::Missing => return None,
            Available::Loading | Available::Unloaded => wait_for(|catalog| {
                identity(encoding).is_none_or(|identity| !catalog.is_loading(&identity.name))
            }),
        }
    }
}

/// Waits until the file of this name has been read. For commands whose client cannot be blocked.
pub fn wait_for_name(encoding: Encoding) {
    if let Some(identity) = identity(encoding) {
        start();
        wait_for(|catalog| !catalog.is_loading(&identity.name));
    }
}

fn wait_for(done: impl Fn(&Catalog) -> bool) {
    let mut catalog = catalog();
    while !done(&catalog) {
        // Should the loading thread not run, this one must not wait without end.
        let (again, timeout) = CHANGED
            .wait_timeout(catalog, Duration::from_secs(1))
            .unwrap_or_else(PoisonError::into_inner);
        catalog = again;
        if timeout.timed_out() && !STARTED.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Submits `task` when the file of the encoding has been read, at once if it is not being read.
pub(super) fn when_loaded(encoding: Encoding, lane: Lane, task: Task) {
    let mut catalog = catalog();
    match identity(encoding) {
        Some(identity) if catalog.is_loading(&identity.name) => {
            let name = identity.name.to_string();
            catalog.waiting.push((name, Waiting::Task(lane, task)));
        }
        _ => {
            drop(catalog);
            submit(lane, task);
        }
    }
}

/// Holds `guard` until the file of the encoding has been read.
pub fn hold_until_loaded(encoding: Encoding, guard: CompletionGuard) {
    let mut catalog = catalog();
    if let Some(identity) = identity(encoding)
        && catalog.is_loading(&identity.name)
    {
        let name = identity.name.to_string();
        catalog.waiting.push((name, Waiting::Guard(guard)));
    } else {
        // Dropping it may take locks.
        drop(catalog);
        drop(guard);
    }
}

/// True if there is a directory.
#[must_use]
pub fn is_configured() -> bool {
    catalog().directory.is_some()
}

/// Takes another directory, or none if `path` is empty. Its files start loading with [`start`].
///
/// # Errors
/// It is not a directory, or cannot be read; nothing changes then.
pub fn configure(path: &str) -> Result<(), String> {
    let directory = Some(Path::new(path)).filter(|_| !path.is_empty());
    let found = directory.map_or_else(|| Ok(BTreeMap::new()), directory::list)?;
    let mut catalog = catalog();
    let files = found.into_iter().map(|(name, found)| {
        let (path, kind, state) = match found {
            Ok((path, kind)) => (path, kind, State::Loading),
            Err(why) => (PathBuf::new(), Kind::HuggingFace, State::Error(why)),
        };
        (name, File::new(path, kind, state))
    });
    catalog.files = files.collect();
    catalog.directory = directory.map(Path::to_path_buf);
    catalog.generation += 1;
    let waiting = catalog.settle();
    drop(catalog);
    report_again();
    announce(waiting);
    Ok(())
}

#[cfg(test)]
mod tests;
