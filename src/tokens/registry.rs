//! The tokenizer files of this server, and the encodings that conversations name.
//!
//! An encoding of a file is identified by its name *and* its fingerprint, also on a server that does not have the file:
//! [`identify`] gives each such pair a number. The directory `conv.tokenizers` is listed when it is set; a thread of its own
//! reads the files, one after the other. Tables that nobody has used for [`KEEP`] are freed, and loaded again when they are
//! needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::background::CompletionGuard;
use super::directory::{self, MOST_FILES};
use super::encoding::{ENCODINGS, Encoding};
use super::files::{self, Kind};
use super::tokenizer::Tokenizer;
use crate::background::{Lane, Task, submit};

/// Tables that were not used for this long are freed: ten minutes, as loading them again takes up to a second.
const KEEP: Duration = Duration::from_secs(600);

/// How often the loading thread looks for tables to free.
const INSPECT: Duration = Duration::from_secs(30);

/// The most pairs of name and fingerprint that a server distinguishes. They are kept as long as the process lives, and
/// anybody who can RESTORE can make up new ones.
const MOST_IDENTITIES: usize = 4096;

/// Length of a name in bytes.
const MOST_NAME: usize = 64;

/// Length of a fingerprint.
pub(super) const FINGERPRINT: usize = 16;

/// What an encoding of a file is known by.
pub(super) struct Identity {
    pub name: Box<str>,
    /// Empty for a name of which only the file tells the fingerprint; see [`Encoding::resolve`].
    pub fingerprint: Box<str>,
    /// The log says that the file is missing.
    reported: AtomicBool,
}

static IDENTITIES: [OnceLock<Identity>; MOST_IDENTITIES] =
    [const { OnceLock::new() }; MOST_IDENTITIES];

/// Serializes the search for a free identity.
static IDENTIFYING: Mutex<()> = Mutex::new(());

/// What the directory holds.
struct Catalog {
    directory: Option<PathBuf>,
    files: BTreeMap<String, File>,
    /// Changes with the directory, so that what was read from an earlier one is not taken.
    generation: u64,
    /// Tasks to submit and guards to drop when the file of this name has been read.
    waiting: Vec<(String, Waiting)>,
}

enum Waiting {
    Task(Lane, Task),
    Guard(CompletionGuard),
}

struct File {
    path: PathBuf,
    kind: Kind,
    state: State,
    /// Size in bytes and time of the last change when it was read.
    version: Option<directory::Version>,
    /// Empty until it has been read.
    fingerprint: String,
    vocabulary: usize,
}

enum State {
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
static CHANGED: Condvar = Condvar::new();

/// Oniguruma reads 4,096 nested parentheses by recursion, 0.7 to 2 kB each. Only what is used takes memory.
const STACK: usize = 64 << 20;

static THREAD: Once = Once::new();

/// False if the thread could not be started.
static STARTED: AtomicBool = AtomicBool::new(true);

static LOG: OnceLock<fn(&str)> = OnceLock::new();

fn catalog() -> MutexGuard<'static, Catalog> {
    CATALOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where warnings go. Called from any thread.
pub fn on_warning(log: fn(&str)) {
    let _ = LOG.set(log);
}

fn warn(text: &str) {
    if let Some(log) = LOG.get() {
        log(text);
    }
}

pub(super) fn identity(encoding: Encoding) -> Option<&'static Identity> {
    let index = usize::from(encoding.0).checked_sub(ENCODINGS.len())?;
    IDENTITIES.get(index)?.get()
}

/// True for a name that a tokenizer file can have.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MOST_NAME
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && Encoding::by_name(name).is_none()
}

/// The encoding of this name and fingerprint. `None` if they are not valid, or too many others are known.
pub(super) fn identify(name: &str, fingerprint: &str) -> Option<Encoding> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let valid =
        is_name(name) && fingerprint.len() == FINGERPRINT && fingerprint.bytes().all(is_hex);
    if valid {
        intern(name, fingerprint)
    } else {
        None
    }
}

/// The number of a pair. An empty fingerprint stands for that of the file.
fn intern(name: &str, fingerprint: &str) -> Option<Encoding> {
    let _lock = IDENTIFYING.lock().unwrap_or_else(PoisonError::into_inner);
    for (index, slot) in IDENTITIES.iter().enumerate() {
        let identity = slot.get_or_init(|| Identity {
            name: name.into(),
            fingerprint: fingerprint.into(),
            reported: AtomicBool::new(false),
        });
        if &*identity.name == name && &*identity.fingerprint == fingerprint {
            return u16::try_from(index + ENCODINGS.len()).ok().map(Encoding);
        }
    }
    None
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
    if !identity.fingerprint.is_empty() && !identity.reported.swap(true, Ordering::Relaxed) {
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
    for identity in IDENTITIES.iter().map_while(OnceLock::get) {
        identity.reported.store(false, Ordering::Relaxed);
    }
    announce(waiting);
    Ok(())
}

/// Starts the thread that reads files, if there are any.
pub fn start() {
    if catalog().files.is_empty() {
        return;
    }
    THREAD.call_once(|| {
        let spawned = std::thread::Builder::new()
            .name("conv-tokenizers".into())
            .stack_size(STACK)
            .spawn(|| {
                loop {
                    work();
                }
            });
        if let Err(why) = spawned {
            STARTED.store(false, Ordering::Relaxed);
            warn(&format!(
                "cannot start the thread that reads tokenizers: {why}"
            ));
        }
    });
    CHANGED.notify_all();
}

impl File {
    fn new(path: PathBuf, kind: Kind, state: State) -> Self {
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
    fn is_loading(&self, name: &str) -> bool {
        let file = self.files.get(name);
        file.is_some_and(|file| matches!(file.state, State::Loading))
    }

    /// A name is used. If the directory has a file of that name that it did not have before, or if one that could not
    /// be used has changed, it is to be read.
    fn look_again(&mut self, name: &str) {
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
    fn settle(&mut self) -> Vec<Waiting> {
        let (waiting, rest) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(name, _)| !self.is_loading(name));
        self.waiting = rest;
        let waiting: Vec<(String, Waiting)> = waiting;
        waiting.into_iter().map(|(_, waiting)| waiting).collect()
    }
}

/// Tells everybody that the state of a file has changed.
fn announce(waiting: Vec<Waiting>) {
    CHANGED.notify_all();
    for waiting in waiting {
        match waiting {
            Waiting::Task(lane, task) => submit(lane, task),
            Waiting::Guard(guard) => drop(guard),
        }
    }
}

/// Reads the next file, or waits for one and frees tables.
fn work() {
    let (name, path, kind, generation) = {
        let mut catalog = catalog();
        loop {
            let next = catalog
                .files
                .iter()
                .find(|(_, file)| matches!(file.state, State::Loading));
            if let Some((name, file)) = next {
                break (
                    name.clone(),
                    file.path.clone(),
                    file.kind,
                    catalog.generation,
                );
            }
            let (again, timeout) = CHANGED
                .wait_timeout(catalog, INSPECT)
                .unwrap_or_else(PoisonError::into_inner);
            catalog = again;
            if timeout.timed_out() {
                drop(catalog);
                free_unused(KEEP);
                catalog = self::catalog();
            }
        }
    };
    let content = directory::read(&path);
    let version = content.as_ref().ok().map(|content| content.version);
    let read = content.and_then(|content| {
        // Not while the catalog is locked: this takes up to a second.
        let fingerprint = directory::fingerprint(&content.bytes);
        let tokenizer = files::read(kind, &content.bytes)?;
        Ok((fingerprint, Arc::new(tokenizer)))
    });
    let mut catalog = catalog();
    if catalog.generation != generation {
        return;
    }
    let Some(file) = catalog.files.get_mut(&name) else {
        return;
    };
    file.version = version.or_else(|| directory::version(&path).ok());
    let mut failed = None;
    match read {
        Ok((fingerprint, tokenizer)) => {
            file.fingerprint = fingerprint;
            file.vocabulary = tokenizer.vocabulary;
            file.state = State::Ready(tokenizer, Instant::now());
        }
        Err(why) => {
            failed = Some(format!("cannot read the tokenizer '{name}': {why}"));
            file.fingerprint.clear();
            file.state = State::Error(why);
        }
    }
    let waiting = catalog.settle();
    drop(catalog);
    if let Some(text) = failed {
        warn(&text);
    }
    announce(waiting);
}

/// Frees the tables that were not used for `time`.
fn free_unused(time: Duration) {
    let mut freed = Vec::new();
    let mut catalog = catalog();
    for file in catalog.files.values_mut() {
        if let State::Ready(_, used) = &file.state
            && used.elapsed() >= time
        {
            freed.push(std::mem::replace(&mut file.state, State::Unloaded));
        }
    }
    drop(catalog);
    // Freeing takes some milliseconds.
    drop(freed);
}

/// Memory of the tables of all files in bytes.
pub(super) fn memory() -> usize {
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
pub(super) fn listed() -> Vec<Listed> {
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

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
