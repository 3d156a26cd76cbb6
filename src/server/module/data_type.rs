//! The native type `conv-list`: the callbacks by which Redis saves, loads, copies, measures and frees values.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU32, Ordering};

use redis_module::raw::{
    RedisModuleCtx, RedisModuleDigest, RedisModuleIO, RedisModuleString, RedisModuleTypeMethods,
};

use super::super::ffi::api::{Level, call, log};
use super::super::ffi::open_key::{ON_USE, TYPE};
use super::super::ffi::panic_guard::guard;
use super::super::ffi::string::OwnedString;
use super::settings;
use super::stored_io::{load_string, log_io, source};
use crate::codec::{self, Texts, encode_effect};
use crate::conversation::Conversation;
use crate::conversation::attributes::Attributes;
use crate::conversation::effect::Effect;
use crate::conversation::value::Value;
use crate::metrics;
use crate::tokens::background::Background;
use crate::tokens::{DEFAULT_OVERHEAD, FULL_SCALE, preload};

/// Name of the type; nine characters, as Redis demands.
const NAME: &std::ffi::CStr = c"conv-list";

/// Version of the method table that is filled in here (4 came with Redis 7.0).
const METHODS_VERSION: u64 = 4;

/// What the log says of an error of this module.
const BROKEN: &str = "a conversation at rest is broken";

/// Registers the type.
pub fn register(ctx: *mut RedisModuleCtx) -> bool {
    let mut methods = RedisModuleTypeMethods {
        version: METHODS_VERSION,
        rdb_load: Some(rdb_load),
        rdb_save: Some(rdb_save),
        aof_rewrite: Some(aof_rewrite),
        mem_usage: Some(mem_usage),
        digest: Some(digest),
        free: Some(free),
        // Nothing is kept beside the keys.
        aux_load: None,
        aux_save: None,
        aux_save_triggers: 0,
        free_effort: Some(free_effort),
        // A value holds nothing that belongs to its key.
        unlink: None,
        copy: Some(copy),
        defrag: Some(super::defrag::defrag),
        // The variants that are told key and database need neither.
        mem_usage2: None,
        free_effort2: None,
        unlink2: None,
        copy2: None,
        aux_save2: None,
    };
    SERVER.store(std::process::id(), Ordering::Relaxed);
    let version = c_int::try_from(codec::VERSION).unwrap_or(c_int::MAX);
    // SAFETY: the context is that of the load under way; Redis copies the methods.
    let kind = unsafe {
        call!(
            RedisModule_CreateDataType,
            ctx,
            NAME.as_ptr(),
            version,
            &raw mut methods
        )
    };
    let kind = kind.unwrap_or(std::ptr::null_mut());
    TYPE.store(kind, Ordering::Relaxed);
    !kind.is_null()
}

/// # Safety
/// `value` is a value of our type that nobody changes during `'a`.
unsafe fn stored<'a>(value: *const c_void) -> Option<&'a Value> {
    // SAFETY: values of our type are boxed.
    unsafe { value.cast::<Value>().as_ref() }
}

unsafe extern "C" fn rdb_load(io: *mut RedisModuleIO, version: c_int) -> *mut c_void {
    guard(std::ptr::null_mut(), || {
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        match codec::decode(version, source(io), || load_string(io)) {
            Ok(mut conversation) => {
                // What was saved uncounted is counted in the background, as if it had been appended now.
                let missing = conversation.missing_anywhere();
                if !missing.is_empty() {
                    let counter = Background::default();
                    // Whatever cannot be read now is counted when it is needed.
                    let _ = conversation.count_missing(&missing, usize::MAX, &counter, || {});
                }
                metrics::created(conversation.footprint());
                preload(conversation.attributes().encoding);
                if let Some(used) = ON_USE.get() {
                    used();
                }
                Box::into_raw(Box::new(Value::new(conversation))).cast()
            }
            Err(error) => {
                log_io(io, &error);
                std::ptr::null_mut()
            }
        }
    })
}

unsafe extern "C" fn rdb_save(io: *mut RedisModuleIO, value: *mut c_void) {
    guard((), || {
        // SAFETY: Redis passes a value of our type, which it does not change meanwhile.
        let Some(stored) = (unsafe { stored(value) }) else {
            return;
        };
        let frame = |frame: &[u8]| {
            // SAFETY: the io is that of the save under way; pointer and length belong together.
            unsafe {
                call!(
                    RedisModule_SaveStringBuffer,
                    io,
                    frame.as_ptr().cast(),
                    frame.len()
                );
            }
        };
        // A child has the time. `SAVE` and `DUMP` run on the main thread.
        let texts = if is_child() && settings::compresses() {
            Texts::Compressed
        } else {
            Texts::AsHeld
        };
        if stored.read(|c| codec::encode(c, texts, frame)).is_none() {
            log(Level::Warning, BROKEN);
            fail_child();
        }
    });
}

unsafe extern "C" fn aof_rewrite(
    io: *mut RedisModuleIO,
    key: *mut RedisModuleString,
    value: *mut c_void,
) {
    guard((), || {
        // SAFETY: as in `rdb_save`.
        let Some(stored) = (unsafe { stored(value) }) else {
            return;
        };
        let emit = |effect: &Effect<'_>| {
            let (header, payload) = encode_effect(effect);
            let own: Vec<OwnedString> = payload
                .iter()
                .filter_map(|part| OwnedString::new(part))
                .collect();
            let strings: Vec<_> = own.iter().map(|part| part.as_str().as_ptr()).collect();
            // SAFETY: io and key are those of the rewrite under way; the format says: a string, a buffer with its
            // length, a vector with its length.
            unsafe {
                call!(
                    RedisModule_EmitAOF,
                    io,
                    c"CONV.EFFECT".as_ptr(),
                    c"sbv".as_ptr(),
                    key,
                    header.as_ptr().cast::<c_char>(),
                    header.len(),
                    strings.as_ptr(),
                    strings.len()
                );
            }
        };
        let why = match stored.read(|c| codec::rebuild(c, emit)) {
            Some(Ok(())) => return,
            Some(Err(why)) => why.to_string(),
            None => BROKEN.to_owned(),
        };
        log(
            Level::Warning,
            &format!("the rewrite of the AOF fails: {why}"),
        );
        fail_child();
    });
}

/// The process that was forked from, set when the type is registered.
static SERVER: AtomicU32 = AtomicU32::new(0);

/// True in a process that the server has forked to save its data.
fn is_child() -> bool {
    std::process::id() != SERVER.load(Ordering::Relaxed)
}

/// Ends a forked child, so that the server discards its incomplete file. Redis's API has no other way to fail a rewrite.
fn fail_child() {
    if is_child() {
        // SAFETY: ends the process without running anything else of it, as Redis ends its children.
        unsafe { libc::_exit(1) };
    }
}

unsafe extern "C" fn mem_usage(value: *const c_void) -> usize {
    guard(0, || {
        // SAFETY: as in `rdb_save`.
        unsafe { stored(value) }.map_or(0, Value::heap_bytes)
    })
}

unsafe extern "C" fn free(value: *mut c_void) {
    guard((), || {
        if !value.is_null() {
            // SAFETY: Redis gives the value back, for the last time.
            let stored = unsafe { Box::from_raw(value.cast::<Value>()) };
            metrics::freed(stored.footprint());
        }
    });
}

/// How many allocations freeing takes: Redis leaves large values to a background thread.
unsafe extern "C" fn free_effort(_key: *mut RedisModuleString, value: *const c_void) -> usize {
    guard(1, || {
        // SAFETY: as in `rdb_save`.
        unsafe { stored(value) }.map_or(1, Value::free_effort)
    })
}

unsafe extern "C" fn copy(
    _from: *mut RedisModuleString,
    _to: *mut RedisModuleString,
    value: *const c_void,
) -> *mut c_void {
    guard(std::ptr::null_mut(), || {
        // SAFETY: as in `rdb_save`.
        let Some(stored) = (unsafe { stored(value) }) else {
            return std::ptr::null_mut();
        };
        // It shares the segments with the original.
        let copy = stored.clone();
        metrics::created(copy.footprint());
        Box::into_raw(Box::new(copy)).cast()
    })
}

/// All that a replica must agree on. Counts are left out where they follow from the text: a server that has not
/// counted yet holds the same conversation.
fn add_to_digest(md: *mut RedisModuleDigest, conversation: &Conversation) {
    let text = |bytes: &[u8]| {
        // SAFETY: the digest is that of the call under way; pointer and length belong together.
        unsafe {
            call!(
                RedisModule_DigestAddStringBuffer,
                md,
                bytes.as_ptr().cast(),
                bytes.len()
            );
        }
    };
    let number = |value: i64| {
        // SAFETY: as above.
        unsafe { call!(RedisModule_DigestAddLongLong, md, value) };
    };
    // Exhaustive, so that a new attribute is part of the digest.
    let Attributes {
        encoding,
        overhead,
        scale,
        media_tokens,
        max_messages,
        max_tokens,
        ttl,
        complete,
    } = *conversation.attributes();
    let numbering = conversation.numbering();
    text(encoding.written().as_bytes());
    // A digest without them is that of a conversation with the defaults.
    if (overhead, scale) != (DEFAULT_OVERHEAD, FULL_SCALE) {
        text(b"overhead and scale");
        number(i64::from(overhead));
        number(i64::from(scale));
    }
    for value in [
        i64::from(media_tokens),
        max_messages.cast_signed(),
        max_tokens.cast_signed(),
        ttl.cast_signed(),
        i64::from(complete),
        numbering.created,
        numbering.next,
        numbering.lowest,
        conversation.updated(),
    ] {
        number(value);
    }
    if let Some(summary) = conversation.summary() {
        text(summary.text.as_bytes());
        number(i64::from(summary.upto.is_some()));
        number(summary.upto.unwrap_or_default());
        number(summary.updated);
    }
    if let Some(session) = conversation.session() {
        // SAFETY: the digest is that of the call under way.
        unsafe { call!(RedisModule_DigestEndSequence, md) };
        for (key, value) in session.members() {
            text(key.as_bytes());
            text(value.as_bytes());
        }
        if let Some(history) = session.history() {
            text(history.name.key().as_bytes());
            number(i64::try_from(history.position).unwrap_or(i64::MAX));
            if !history.before().is_empty() {
                text(history.before().as_bytes());
                text(history.after().as_bytes());
            }
        }
    }
    if conversation.lease() != 0 {
        text(b"lease");
        number(conversation.lease());
    }
    if !conversation.pins().is_empty() {
        text(b"pins");
        for &seq in conversation.pins() {
            number(seq);
        }
    }
    // SAFETY: the digest is that of the call under way.
    unsafe { call!(RedisModule_DigestEndSequence, md) };
    let visited = conversation.visit(|message| {
        text(message.bytes);
        number(message.meta.seq);
        number(message.meta.time);
        if message.meta.flags.explicit() {
            number(i64::from(message.meta.tokens));
        }
        // SAFETY: as above.
        unsafe { call!(RedisModule_DigestEndSequence, md) };
    });
    if let Err(why) = visited {
        log(Level::Warning, &format!("a digest is incomplete: {why}"));
    }
}

unsafe extern "C" fn digest(md: *mut RedisModuleDigest, value: *mut c_void) {
    guard((), || {
        // SAFETY: as in `rdb_save`.
        let Some(stored) = (unsafe { stored(value) }) else {
            return;
        };
        if stored.read(|c| add_to_digest(md, c)).is_none() {
            log(Level::Warning, BROKEN);
        }
    });
}
