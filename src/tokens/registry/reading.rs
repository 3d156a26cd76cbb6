//! The thread that reads tokenizer files, one after the other, and frees tables that nobody uses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, PoisonError};
use std::time::{Duration, Instant};

use super::super::{directory, files};
use super::catalog::{CHANGED, State, announce, catalog};
use super::warn;

/// Tables that were not used for this long are freed: ten minutes, as loading them again takes up to a second.
const KEEP: Duration = Duration::from_secs(600);

/// How often the loading thread looks for tables to free.
const INSPECT: Duration = Duration::from_secs(30);

/// Oniguruma reads 4,096 nested parentheses by recursion, 0.7 to 2 kB each. Only what is used takes memory.
const STACK: usize = 64 << 20;

static THREAD: Once = Once::new();

/// False if the thread could not be started.
pub static STARTED: AtomicBool = AtomicBool::new(true);

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

/// Reads the next file, or waits for one and frees tables.
pub fn work() {
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
                catalog = super::catalog::catalog();
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
pub fn free_unused(time: Duration) {
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
