//! The settings `conv.*`: CONFIG GET and SET, redis.conf, and arguments of `loadmodule`.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_longlong, c_uint, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};

use super::super::ffi::api::{ERR, OK, c_text, call};
use super::super::ffi::panic_guard::guard;
use super::super::ffi::string::{OwnedString, RedisStr};
use crate::commands::arg_parser::{encoding, quoted};
use crate::commands::suggest::closest;
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

/// The values of the settings.
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
        compress: COMPRESS.value.load(Relaxed) != 0,
    }
}

/// How long a conversation must not have been used to be at rest, in seconds.
pub fn idle_seconds() -> u32 {
    u32::try_from(IDLE_SECONDS.value.load(Relaxed)).unwrap_or(u32::MAX)
}

/// How long a cache load lasts at most.
pub fn load_timeout() -> Duration {
    Duration::from_millis(LOAD_TIMEOUT.value.load(Relaxed).unsigned_abs())
}

/// Takes the arguments of `loadmodule`: `name value ...`, each name with or without `conv.`. They stand until
/// redis.conf or CONFIG SET says otherwise.
///
/// # Errors
/// Which argument is wrong, and what would be right; nothing is set then.
pub fn take_arguments(args: &[&[u8]]) -> Result<(), String> {
    let mut wanted_texts = Vec::new();
    let mut wanted = Vec::new();
    for pair in args.chunks(2) {
        let name = pair.first().copied().unwrap_or_default();
        let bare = match name.split_at_checked(5) {
            Some((prefix, bare)) if prefix.eq_ignore_ascii_case(b"conv.") => bare,
            _ => name,
        };
        let Some(value) = pair.get(1) else {
            return Err(format!("module argument {} needs a value", quoted(name)));
        };
        let text = TEXTS
            .iter()
            .find(|text| bare.eq_ignore_ascii_case(text.name.to_bytes()));
        if let Some(text) = text {
            wanted_texts.push((text, name, value));
            continue;
        }
        let Some(number) = NUMBERS
            .iter()
            .find(|n| bare.eq_ignore_ascii_case(n.name.as_bytes()))
        else {
            return Err(unknown(name, bare));
        };
        let parsed = number.parse(value);
        let Some(value) = parsed.filter(|n| (number.least..=number.most).contains(n)) else {
            return Err(format!(
                "module argument {} must be {}, got {}",
                quoted(name),
                number.expected(parsed),
                quoted(value)
            ));
        };
        wanted.push((number, value));
    }
    // The directory first: an encoding may be a file in it.
    wanted_texts.sort_by_key(|(text, ..)| text.name != TOKENIZERS.name);
    for (text, name, value) in wanted_texts {
        std::str::from_utf8(value)
            .map_err(|_| "not UTF-8".to_owned())
            .and_then(|value| text.take(value))
            .map_err(|why| format!("module argument {}: {why}", quoted(name)))?;
    }
    for (number, value) in wanted {
        number.value.store(value, Relaxed);
    }
    Ok(())
}

/// The error for a module argument that is no setting. `bare` is its name without `conv.`.
fn unknown(name: &[u8], bare: &[u8]) -> String {
    let mut known: Vec<&str> = vec!["encoding"];
    known.extend(NUMBERS.iter().map(|n| n.name));
    known.push("tokenizers");
    let found = quoted(name);
    match closest(bare, &known) {
        Some(meant) => format!("unknown module argument {found}: did you mean {meant}?"),
        None => format!(
            "unknown module argument {found}: expected {}",
            known.join(", ")
        ),
    }
}

impl Number {
    /// What a value must be, for the error about one that was read as `parsed`.
    fn expected(&self, parsed: Option<i64>) -> String {
        match (self.kind, parsed) {
            (Kind::YesNo, _) => "yes or no".to_owned(),
            (Kind::Plain, None) => "an integer".to_owned(),
            (Kind::Bytes, None) => "a number of bytes, such as 65536 or 64kb".to_owned(),
            (_, Some(_)) if self.most == i64::MAX => format!("{} or more", self.least),
            (_, Some(_)) => format!("from {} to {}", self.least, self.most),
        }
    }

    /// The value as CONFIG SET reads it.
    fn parse(&self, value: &[u8]) -> Option<i64> {
        let text = std::str::from_utf8(value).ok()?;
        match self.kind {
            Kind::YesNo => match text.to_ascii_lowercase().as_str() {
                "yes" => Some(1),
                "no" => Some(0),
                _ => None,
            },
            Kind::Plain => text.parse().ok(),
            Kind::Bytes => {
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let unit: i64 = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
                    "" | "b" => 1,
                    "k" => 1000,
                    "kb" => 1 << 10,
                    "m" => 1_000_000,
                    "mb" => 1 << 20,
                    "g" => 1_000_000_000,
                    "gb" => 1 << 30,
                    _ => return None,
                };
                digits.parse::<i64>().ok()?.checked_mul(unit)
            }
        }
    }
}

/// Registers the settings, with what [`take_arguments`] left as defaults, and reads redis.conf.
pub fn register(ctx: *mut RedisModuleCtx) -> bool {
    if ENCODING.value().text.is_empty() {
        Encoding::default()
            .name()
            .clone_into(&mut ENCODING.value().text);
    }
    let texts = TEXTS.iter().all(|text| {
        let default = c_text(&text.value().text);
        let privdata = std::ptr::from_ref::<Text>(text).cast_mut().cast();
        // SAFETY: the context is that of the load under way; names end in NUL; Redis copies them; the private data is a
        // static.
        let registered = unsafe {
            call!(
                RedisModule_RegisterStringConfig,
                ctx,
                text.name.as_ptr(),
                default.as_ptr(),
                raw::REDISMODULE_CONFIG_DEFAULT as c_uint,
                Some(get_text),
                Some(set_text),
                None,
                privdata
            )
        };
        registered == Some(OK)
    });
    let numbers = NUMBERS.iter().all(|number| {
        let name = c_text(number.name);
        let value = number.value.load(Relaxed);
        let privdata = std::ptr::from_ref::<Number>(number).cast_mut().cast();
        // SAFETY: as above; the private data is a static.
        let registered = unsafe {
            match number.kind {
                Kind::YesNo => call!(
                    RedisModule_RegisterBoolConfig,
                    ctx,
                    name.as_ptr(),
                    c_int::from(value != 0),
                    raw::REDISMODULE_CONFIG_DEFAULT as c_uint,
                    Some(get_bool),
                    Some(set_bool),
                    None,
                    privdata
                ),
                kind => call!(
                    RedisModule_RegisterNumericConfig,
                    ctx,
                    name.as_ptr(),
                    value,
                    if kind == Kind::Bytes {
                        raw::REDISMODULE_CONFIG_MEMORY as c_uint
                    } else {
                        raw::REDISMODULE_CONFIG_DEFAULT as c_uint
                    },
                    number.least,
                    number.most,
                    Some(get_number),
                    Some(set_number),
                    None,
                    privdata
                ),
            }
        };
        registered == Some(OK)
    });
    if !texts || !numbers {
        return false;
    }
    // SAFETY: the context is that of the load under way.
    let loaded = unsafe { call!(RedisModule_LoadConfigs, ctx) };
    loaded == Some(OK)
}

/// # Safety
/// `privdata` is what [`register`] passed.
unsafe fn number_of<'a>(privdata: *mut c_void) -> Option<&'a Number> {
    // SAFETY: it points to a static.
    unsafe { privdata.cast::<Number>().as_ref() }
}

unsafe extern "C" fn get_number(_name: *const c_char, privdata: *mut c_void) -> c_longlong {
    // SAFETY: Redis passes what was registered.
    unsafe { number_of(privdata) }.map_or(0, |n| n.value.load(Relaxed))
}

unsafe extern "C" fn set_number(
    _name: *const c_char,
    value: c_longlong,
    privdata: *mut c_void,
    _error: *mut *mut RedisModuleString,
) -> c_int {
    // SAFETY: Redis passes what was registered, and has checked the range.
    if let Some(number) = unsafe { number_of(privdata) } {
        number.value.store(value, Relaxed);
    }
    OK
}

unsafe extern "C" fn get_bool(_name: *const c_char, privdata: *mut c_void) -> c_int {
    // SAFETY: Redis passes what was registered.
    c_int::from(unsafe { number_of(privdata) }.is_some_and(|n| n.value.load(Relaxed) != 0))
}

unsafe extern "C" fn set_bool(
    _name: *const c_char,
    value: c_int,
    privdata: *mut c_void,
    _error: *mut *mut RedisModuleString,
) -> c_int {
    // SAFETY: Redis passes what was registered.
    if let Some(number) = unsafe { number_of(privdata) } {
        number.value.store(i64::from(value), Relaxed);
    }
    OK
}

/// # Safety
/// `privdata` is what [`register`] passed.
unsafe fn text_of<'a>(privdata: *mut c_void) -> Option<&'a Text> {
    // SAFETY: it points to a static.
    unsafe { privdata.cast::<Text>().as_ref() }
}

unsafe extern "C" fn get_text(
    _name: *const c_char,
    privdata: *mut c_void,
) -> *mut RedisModuleString {
    guard(std::ptr::null_mut(), || {
        // SAFETY: Redis passes what was registered.
        let Some(setting) = (unsafe { text_of(privdata) }) else {
            return std::ptr::null_mut();
        };
        let mut value = setting.value();
        let TextValue { text, shown } = &mut *value;
        let known = shown.get(text).copied();
        let string = known.or_else(|| {
            let new = OwnedString::new(text.as_bytes())?.into_raw() as usize;
            shown.insert(text.clone(), new);
            Some(new)
        });
        string.map_or(std::ptr::null_mut(), |string| {
            string as *mut RedisModuleString
        })
    })
}

unsafe extern "C" fn set_text(
    _name: *const c_char,
    value: *mut RedisModuleString,
    privdata: *mut c_void,
    error: *mut *mut RedisModuleString,
) -> c_int {
    guard(ERR, || {
        // SAFETY: Redis passes what was registered, and a valid string.
        let (setting, value) = unsafe { (text_of(privdata), RedisStr::new(value).bytes()) };
        let taken = match (setting, std::str::from_utf8(value)) {
            (Some(setting), Ok(value)) => setting.take(value),
            _ => Err("not UTF-8".to_owned()),
        };
        let Err(why) = taken else {
            return OK;
        };
        let text = OwnedString::new(why.as_bytes());
        if let (Some(text), false) = (text, error.is_null()) {
            // SAFETY: Redis passes a place for the error, which it frees.
            unsafe { *error = text.into_raw() };
        }
        ERR
    })
}
