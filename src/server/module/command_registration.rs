//! Registers the commands of the table: function, flags, key specs, documentation, ACL categories.

use std::ffi::{CString, c_char, c_int};
use std::ptr::{null, null_mut};

use redis_module::raw::{
    self, RedisModuleCommand, RedisModuleCommandArg, RedisModuleCommandInfo,
    RedisModuleCommandInfoVersion, RedisModuleCommandKeySpec, RedisModuleCtx,
};

use super::super::execute::Table;
use super::super::ffi::api::{Level, OK, c_text, call, log};
use super::super::ffi::entry::{Entry, MOST_COMMANDS, entries};
use crate::commands::spec::{Arg, COMMANDS, Key, Kind, Spec};

const _: () = assert!(
    COMMANDS.len() <= MOST_COMMANDS,
    "more commands than entries"
);

/// The ACL category of all commands, where the server lets modules have one.
const CATEGORY: &str = "conv";

/// Registers all commands.
///
/// # Errors
/// Which command the server refused.
pub fn register(ctx: *mut RedisModuleCtx) -> Result<(), String> {
    let category = c_text(CATEGORY);
    // It fails if the category is there from an earlier load that the server undid; then it is used all the same.
    // SAFETY: the context is that of the load under way. Only servers from 7.2 on have the function.
    let categories = unsafe { call!(RedisModule_AddACLCategory, ctx, category.as_ptr()) };
    for (spec, entry) in COMMANDS.iter().zip(entries::<Table>()) {
        create(ctx, spec, entry)?;
        let name = c_text(spec.name);
        // SAFETY: the command has just been created.
        let command = unsafe { call!(RedisModule_GetCommand, ctx, name.as_ptr()) };
        let Some(command) = command.filter(|c| !c.is_null()) else {
            return Err(format!("{} is not found after its creation", spec.name));
        };
        if !describe(command, spec) {
            log(
                Level::Warning,
                &format!("{}: the server refused its documentation", spec.name),
            );
        }
        let all = c_text(&format!("{CATEGORY} {}", spec.categories));
        // SAFETY: as above.
        let set = unsafe { call!(RedisModule_SetCommandACLCategories, command, all.as_ptr()) };
        if categories.is_some() && set != Some(OK) {
            log(
                Level::Warning,
                &format!("{}: the server refused its ACL categories", spec.name),
            );
        }
    }
    if categories.is_none() {
        log(
            Level::Notice,
            "this server has no ACL categories for modules: name commands one by one, such as +conv.recent",
        );
    }
    Ok(())
}

fn create(ctx: *mut RedisModuleCtx, spec: &Spec, entry: Entry) -> Result<(), String> {
    let (name, flags) = (c_text(spec.name), c_text(spec.flags));
    // For those that do not know key specs.
    let (first, last) = match spec.key {
        Key::None => (0, 0),
        Key::ReadMany => (3, 3),
        Key::Copy => (1, 2),
        _ => (1, 1),
    };
    // SAFETY: the context is that of the load under way; the entry lives as long as the module.
    let created = unsafe {
        call!(
            RedisModule_CreateCommand,
            ctx,
            name.as_ptr(),
            Some(entry),
            flags.as_ptr(),
            first,
            last,
            c_int::from(first > 0)
        )
    };
    if created == Some(OK) {
        Ok(())
    } else {
        Err(format!("the server refused the command {}", spec.name))
    }
}

/// The layout of the structures below, as Redis's own header declares it.
static INFO_VERSION: RedisModuleCommandInfoVersion = RedisModuleCommandInfoVersion {
    version: 1,
    sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
    sizeof_keyspec: size_of::<RedisModuleCommandKeySpec>(),
    sizeof_arg: size_of::<RedisModuleCommandArg>(),
};

/// What must stay alive until Redis has copied it.
#[derive(Default)]
struct Pool {
    texts: Vec<CString>,
    lists: Vec<Vec<RedisModuleCommandArg>>,
}

impl Pool {
    fn text(&mut self, text: &str) -> *const c_char {
        self.texts.push(c_text(text));
        self.texts.last().map_or(null(), |t| t.as_ptr())
    }

    /// The arguments as a list that ends in zeroes.
    fn list(&mut self, args: &[Arg]) -> *mut RedisModuleCommandArg {
        if args.is_empty() {
            return null_mut();
        }
        let mut list: Vec<_> = args.iter().map(|arg| self.arg(arg)).collect();
        list.push(no_arg());
        let pointer = list.as_mut_ptr();
        self.lists.push(list);
        pointer
    }

    fn arg(&mut self, arg: &Arg) -> RedisModuleCommandArg {
        let mut flags = raw::REDISMODULE_CMD_ARG_NONE;
        if arg.optional {
            flags |= raw::REDISMODULE_CMD_ARG_OPTIONAL;
        }
        if arg.multiple {
            flags |= raw::REDISMODULE_CMD_ARG_MULTIPLE;
        }
        RedisModuleCommandArg {
            name: self.text(arg.name),
            type_: match arg.kind {
                Kind::Key => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY,
                Kind::String => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
                Kind::Integer => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER,
                Kind::Token => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN,
                Kind::OneOf => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF,
                Kind::Block => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK,
            },
            key_spec_index: if arg.kind == Kind::Key {
                c_int::from(arg.key)
            } else {
                -1
            },
            token: arg.token.map_or(null(), |token| self.text(token)),
            flags: c_int::try_from(flags).unwrap_or_default(),
            subargs: self.list(arg.sub),
            ..no_arg()
        }
    }
}

fn no_arg() -> RedisModuleCommandArg {
    RedisModuleCommandArg {
        name: null(),
        type_: 0,
        key_spec_index: 0,
        token: null(),
        summary: null(),
        since: null(),
        flags: 0,
        deprecated_since: null(),
        subargs: null_mut(),
        display_text: null(),
    }
}

fn key_flags(key: Key) -> u32 {
    match key {
        Key::None => 0,
        Key::Read | Key::ReadMany | Key::Copy => {
            raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS
        }
        Key::Insert => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_INSERT,
        Key::Update => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_UPDATE,
        Key::Delete => raw::REDISMODULE_CMD_KEY_RW | raw::REDISMODULE_CMD_KEY_DELETE,
        Key::Claim => {
            raw::REDISMODULE_CMD_KEY_RW
                | raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_UPDATE
        }
        Key::Take => {
            raw::REDISMODULE_CMD_KEY_RW
                | raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_DELETE
        }
    }
}

/// What a copy does with the key that it makes.
const REPLACES: u32 = raw::REDISMODULE_CMD_KEY_OW | raw::REDISMODULE_CMD_KEY_UPDATE;

fn describe(command: *mut RedisModuleCommand, spec: &Spec) -> bool {
    let mut pool = Pool::default();
    // SAFETY: all fields of the structure may be zero; a zeroed one ends the list.
    let mut keys: [RedisModuleCommandKeySpec; 3] = unsafe { std::mem::zeroed() };
    let flags: Vec<u32> = match spec.key {
        Key::None => Vec::new(),
        Key::Copy => vec![key_flags(Key::Read), REPLACES],
        key => vec![key_flags(key)],
    };
    for ((key, flags), pos) in keys.iter_mut().zip(flags).zip(1..) {
        key.flags = u64::from(flags);
        key.begin_search_type = raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX;
        key.bs.index.pos = pos;
        if spec.key == Key::ReadMany {
            key.bs.index.pos = 2;
            key.find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_KEYNUM;
            key.fk.keynum.keynumidx = 0;
            key.fk.keynum.firstkey = 1;
            key.fk.keynum.keystep = 1;
            continue;
        }
        key.find_keys_type = raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE;
        key.fk.range.lastkey = 0;
        key.fk.range.keystep = 1;
        key.fk.range.limit = 0;
    }
    let info = RedisModuleCommandInfo {
        version: &raw const INFO_VERSION,
        summary: pool.text(spec.summary),
        complexity: pool.text(spec.complexity),
        since: pool.text(spec.since),
        history: null_mut(),
        tips: null(),
        arity: spec.arity,
        key_specs: if spec.key == Key::None {
            null_mut()
        } else {
            keys.as_mut_ptr()
        },
        args: pool.list(spec.args),
    };
    // SAFETY: the command exists; Redis copies all that `info` points to, which lives until then.
    unsafe { call!(RedisModule_SetCommandInfo, command, &raw const info) == Some(OK) }
}
