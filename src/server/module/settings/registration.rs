//! The settings as Redis knows them: registration, CONFIG GET and CONFIG SET.

use std::ffi::{c_char, c_int, c_longlong, c_uint, c_void};
use std::sync::atomic::Ordering::Relaxed;

use redis_module::raw::{self, RedisModuleCtx, RedisModuleString};

use super::super::super::ffi::api::{ERR, OK, c_text, call};
use super::super::super::ffi::panic_guard::guard;
use super::super::super::ffi::string::{OwnedString, RedisStr};
use super::{ENCODING, Kind, NUMBERS, Number, TEXTS, Text, TextValue};
use crate::tokens::Encoding;

/// Registers the settings, with what [`super::take_arguments`] left as defaults, and reads redis.conf.
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
