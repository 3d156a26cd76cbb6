//! The settings `conv.*`: CONFIG GET and SET, redis.conf, and arguments of `loadmodule`.

mod arguments;
mod registration;

pub use arguments::take_arguments;
pub use registration::register;

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::commands::arg_parser::encoding;
use crate::conversation::attributes::{MAX_OVERHEAD, MAX_SCALE, MAX_TTL, MIN_SCALE};
use crate::settings::Settings;
use crate::tokens::{DEFAULT_OVERHEAD, ENCODINGS, Encoding, FULL_SCALE, preload, registry};

/// A setting that is a number; `yes` and `no` are 1 and 0.
struct Number {
    name: &'static str,
    value: AtomicI64,
    least: i64,
    most: i64,
    kind: Kind,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Plain,
    Bytes,
    YesNo,
}

const fn number(name: &'static str, value: i64, least: i64, most: i64, kind: Kind) -> Number {
    Number {
        name,
        value: AtomicI64::new(value),
        least,
        most,
        kind,
    }
}

/// Largest size of one message: what fits into one argument of Redis's protocol by default.
const MOST_MESSAGE_BYTES: i64 = 512 << 20;

static OVERHEAD: Number = number(
    "overhead",
    DEFAULT_OVERHEAD as i64,
    0,
    MAX_OVERHEAD as i64,
    Kind::Plain,
);
static SCALE: Number = number(
    "scale",
    FULL_SCALE as i64,
    MIN_SCALE as i64,
    MAX_SCALE as i64,
    Kind::Plain,
);
static MAX_MESSAGES: Number = number("max-messages", 0, 0, i64::MAX, Kind::Plain);
static MAX_TOKENS: Number = number("max-tokens", 0, 0, i64::MAX, Kind::Plain);
static TTL: Number = number("ttl", 0, 0, MAX_TTL.cast_signed(), Kind::Plain);
static ASSUME_COMPLETE: Number = number("assume-complete", 1, 0, 1, Kind::YesNo);
static MEDIA_TOKENS: Number = number("media-tokens", 85, 0, 1_000_000, Kind::Plain);
static MAX_MESSAGE_BYTES: Number = number(
    "max-message-bytes",
    16 << 20,
    64,
    MOST_MESSAGE_BYTES,
    Kind::Bytes,
);

static HOT_BYTES: Number = number("hot-bytes", 64 << 10, 0, i64::MAX, Kind::Bytes);
static SUMMARY_THRESHOLD: Number = number("summary-threshold", 0, 0, i64::MAX, Kind::Plain);
/// Seconds.
static IDLE_SECONDS: Number = number("idle-seconds", 60, 0, 1 << 30, Kind::Plain);
static COMPRESS: Number = number("compress", 1, 0, 1, Kind::YesNo);

/// Milliseconds. The upper bound, 34 years, is longer than any client lives, and clocks can still tell it.
static LOAD_TIMEOUT: Number = number("load-timeout", 60_000, 1, 1 << 40, Kind::Plain);

static NUMBERS: &[&Number] = &[
    &OVERHEAD,
    &SCALE,
    &MAX_MESSAGES,
    &MAX_TOKENS,
    &TTL,
    &ASSUME_COMPLETE,
    &MEDIA_TOKENS,
    &MAX_MESSAGE_BYTES,
    &HOT_BYTES,
    &COMPRESS,
    &IDLE_SECONDS,
    &SUMMARY_THRESHOLD,
    &LOAD_TIMEOUT,
];

/// A setting that is a text.
struct Text {
    name: &'static CStr,
    value: Mutex<TextValue>,
    /// Takes a new value and returns how CONFIG GET shows it; or says what is wrong with it.
    set: fn(&str) -> Result<String, String>,
}

struct TextValue {
    text: String,
    /// The values it has had, as Redis strings for CONFIG GET, which live as long as the server.
    shown: BTreeMap<String, usize>,
}

const fn text(name: &'static CStr, set: fn(&str) -> Result<String, String>) -> Text {
    Text {
        name,
        value: Mutex::new(TextValue {
            text: String::new(),
            shown: BTreeMap::new(),
        }),
        set,
    }
}

/// In the order in which redis.conf is read: `conv.encoding` may name a file.
static TOKENIZERS: Text = text(c"tokenizers", set_tokenizers);
static ENCODING: Text = text(c"encoding", set_encoding);
static TEXTS: [&Text; 2] = [&TOKENIZERS, &ENCODING];

/// A built-in encoding, by its index in [`ENCODINGS`], or [`OF_A_FILE`].
static DEFAULT_ENCODING: AtomicUsize = AtomicUsize::new(0);

/// `conv.encoding` is the name of a file.
const OF_A_FILE: usize = usize::MAX;

impl Text {
    fn value(&self) -> MutexGuard<'_, TextValue> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, text: &str) -> Result<(), String> {
        let shown = (self.set)(text)?;
        self.value().text = shown;
        Ok(())
    }
}

/// The encoding of new conversations. Of a file that is being read, the name alone; likewise of one that cannot be used.
fn encoding_now() -> Encoding {
    match ENCODINGS.get(DEFAULT_ENCODING.load(Relaxed)) {
        Some(builtin) => *builtin,
        None => Encoding::of_name(&ENCODING.value().text),
    }
}

fn set_encoding(name: &str) -> Result<String, String> {
    let new = encoding(name.as_bytes()).map_err(|error| error.text().clone())?;
    let builtin = ENCODINGS.iter().position(|e| *e == new);
    DEFAULT_ENCODING.store(builtin.unwrap_or(OF_A_FILE), Relaxed);
    if RUNNING.load(Relaxed) {
        preload(new);
    }
    Ok(new.name().to_owned())
}

fn set_tokenizers(path: &str) -> Result<String, String> {
    registry::configure(path)?;
    if RUNNING.load(Relaxed) {
        registry::start();
    }
    Ok(path.to_owned())
}

/// The server runs, and the module is part of it: threads may be started.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Called before the event loop waits for the first time after the module was loaded. Only then does the server keep
/// the module: after a misspelt MODULE LOADEX it unloads it although loading has succeeded.
pub fn server_runs() {
    if !RUNNING.swap(true, Relaxed) {
        registry::start();
        preload(encoding_now());
    }
}

/// The values of the settings. Takes locks: not for a forked child, where nobody would release them.
pub fn current() -> Settings {
    let unsigned = |number: &Number| number.value.load(Relaxed).unsigned_abs();
    Settings {
        encoding: encoding_now(),
        // Their ranges are far below 65536.
        overhead: u16::try_from(unsigned(&OVERHEAD)).unwrap_or(DEFAULT_OVERHEAD),
        scale: u16::try_from(unsigned(&SCALE)).unwrap_or(FULL_SCALE),
        max_messages: unsigned(&MAX_MESSAGES),
        max_tokens: unsigned(&MAX_TOKENS),
        ttl: unsigned(&TTL),
        assume_complete: ASSUME_COMPLETE.value.load(Relaxed) != 0,
        media_tokens: u32::try_from(unsigned(&MEDIA_TOKENS)).unwrap_or(u32::MAX),
        max_message_bytes: usize::try_from(unsigned(&MAX_MESSAGE_BYTES)).unwrap_or(usize::MAX),
        hot_bytes: usize::try_from(unsigned(&HOT_BYTES)).unwrap_or(usize::MAX),
        summary_threshold: unsigned(&SUMMARY_THRESHOLD),
        compress: compresses(),
    }
}

/// `conv.compress`.
pub fn compresses() -> bool {
    COMPRESS.value.load(Relaxed) != 0
}

/// How long a conversation must not have been used to be at rest, in seconds.
pub fn idle_seconds() -> u32 {
    u32::try_from(IDLE_SECONDS.value.load(Relaxed)).unwrap_or(u32::MAX)
}

/// How long a cache load lasts at most.
pub fn load_timeout() -> Duration {
    Duration::from_millis(LOAD_TIMEOUT.value.load(Relaxed).unsigned_abs())
}
