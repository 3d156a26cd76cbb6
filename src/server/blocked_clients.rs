//! Clients that wait, for counts or for a backfill: blocked, and their commands run again when what they wait for may be
//! there.

use std::collections::HashMap;
use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use redis_module::raw::{RedisModuleBlockedClient, RedisModuleCtx, RedisModuleString};

use super::cache_loads as misses;
use super::execute::Call;
use super::ffi::api::{OK, OwnedString, bytes, call, lock};
use super::ffi::client_reply::ClientReply;
use super::ffi::panic_guard::guard;
use super::main_loop::{Word, leave};
use super::request::{Wait, Waited};
use crate::commands::spec::COMMANDS;
use crate::metrics;
use crate::tokens::background::{CompletionGuard, Ticket};

/// Names a waiting client.
pub type ClientId = u64;

/// A command is run again as long as its counts come in, `WAIT_BYTES` at a time; this often only if something is wrong.
const MOST_RUNS: u32 = 100_000;

/// A client that waits.
struct Waiting {
    blocked: *mut RedisModuleBlockedClient,
    /// The client as the server numbers it.
    client: u64,
    database: c_int,
    command: usize,
    strings: Vec<OwnedString>,
    tickets: Vec<Ticket>,
    /// How often it was run again.
    runs: u32,
    /// Whoever misses a conversation waits no longer.
    until: Option<Instant>,
    /// It will be run again already.
    woken: bool,
    /// What it is to be answered with is there: it does not wait for a backfill any more.
    answer: bool,
}

// SAFETY: only the main thread touches what waits: commands, timers and callbacks of blocked clients all run there.
unsafe impl Send for Waiting {}

static WAITING: Mutex<Option<HashMap<ClientId, Waiting>>> = Mutex::new(None);
static NEXT: AtomicU64 = AtomicU64::new(1);

fn with_waiting<R>(f: impl FnOnce(&mut HashMap<ClientId, Waiting>) -> R) -> R {
    f(lock(&WAITING).get_or_insert_default())
}

/// True if what the client waits with is a write.
pub fn writes(id: ClientId) -> bool {
    let command = with_waiting(|all| all.get(&id).map(|waiting| waiting.command));
    let spec = command.and_then(|index| COMMANDS.get(index));
    spec.is_some_and(|spec| spec.handler.writes())
}

/// A name for a client that is about to wait.
pub fn next_id() -> ClientId {
    NEXT.fetch_add(1, Relaxed)
}

/// A name for a client that is about to wait, and a completion that wakes it.
pub fn completion() -> (ClientId, CompletionGuard) {
    let id = next_id();
    (id, CompletionGuard::new(move || leave(Word::Client(id))))
}

/// Has the command of a client run again that waits for a backfill; with `answer` for the last time.
pub fn wake(id: ClientId, answer: bool) {
    let woken = with_waiting(|all| {
        let waiting = all.get_mut(&id)?;
        waiting.answer |= answer;
        Some(std::mem::replace(&mut waiting.woken, true))
    });
    if woken == Some(false) {
        leave(Word::Client(id));
    }
}

/// Blocks the client of the call under way until what it waits for is done; then the command is run again. False if it
/// cannot be blocked.
pub fn block(
    ctx: *mut RedisModuleCtx,
    command: usize,
    strings: &[*mut RedisModuleString],
    wait: Wait,
) -> bool {
    // SAFETY: the context is that of the call under way. Without a time limit the time-out callback is for CLIENT
    // UNBLOCK.
    let blocked = unsafe { call!(RedisModule_BlockClient, ctx, None, Some(unblocked), None, 0) };
    let Some(blocked) = blocked.filter(|b| !b.is_null()) else {
        return false;
    };
    // SAFETY: the client was blocked above.
    unsafe { call!(RedisModule_SetDisconnectCallback, blocked, Some(gone)) };
    // SAFETY: the context is that of the call under way.
    let (database, client) = unsafe {
        (
            call!(RedisModule_GetSelectedDb, ctx).unwrap_or_default(),
            call!(RedisModule_GetClientId, ctx).unwrap_or_default(),
        )
    };
    let waiting = Waiting {
        blocked,
        client,
        database,
        command,
        // SAFETY: the arguments are valid during the call.
        strings: strings
            .iter()
            .filter_map(|s| OwnedString::new(unsafe { bytes(*s) }))
            .collect(),
        tickets: Vec::new(),
        runs: 0,
        until: None,
        woken: false,
        answer: false,
    };
    metrics::waited();
    waiting.settle_down(ctx, wait);
    true
}

impl Waiting {
    /// Waits until it is woken. The context has selected the client's database.
    fn settle_down(mut self, ctx: *mut RedisModuleCtx, wait: Wait) {
        match wait {
            Wait::Counts {
                completion,
                client,
                tickets,
            } => {
                self.tickets = tickets;
                with_waiting(|all| all.insert(client, self));
                // Only now may it be woken.
                drop(completion);
            }
            Wait::Backfill {
                client,
                places,
                until,
            } => {
                self.until = Some(until);
                with_waiting(|all| all.insert(client, self));
                misses::wait(ctx, client, places, until);
            }
        }
    }
}

/// Runs the command of a waiting client again.
pub fn go_on(ctx: *mut RedisModuleCtx, id: ClientId) {
    let Some(mut waiting) = with_waiting(|all| all.remove(&id)) else {
        return;
    };
    misses::leave(id);
    let strings: Vec<_> = waiting.strings.iter().map(OwnedString::as_ptr).collect();
    // SAFETY: the strings are ours.
    let args: Vec<&[u8]> = strings.iter().map(|s| unsafe { bytes(*s) }).collect();
    let counts: Option<Vec<u32>> = waiting.tickets.iter().map(Ticket::count).collect();
    let given = counts.as_deref().filter(|counts| !counts.is_empty());
    // SAFETY: the client is still blocked; the context is freed below.
    let to_client = unsafe { call!(RedisModule_GetThreadSafeContext, waiting.blocked) };
    let Some(to_client) = to_client.filter(|c| !c.is_null()) else {
        // It gets no reply, yet goes on.
        release(&waiting);
        return;
    };
    // SAFETY: the contexts are those of this timer and of the blocked client.
    let (mut reply, selected) = unsafe {
        (
            ClientReply::new(to_client),
            call!(RedisModule_SelectDb, ctx, waiting.database),
        )
    };
    let again = guard(ctx, None, || {
        if selected != Some(OK) || (given.is_none() && !waiting.tickets.is_empty()) {
            return None;
        }
        let call = Call {
            ctx,
            strings: &strings,
            args: &args,
            counts: given,
            waited: Some(Waited {
                id,
                client: waiting.client,
                until: waiting.until,
                answer: waiting.answer,
            }),
        };
        Some(call.run_and_reply(waiting.command, &mut reply))
    });
    if again.is_none() {
        reply.internal_error();
    }
    waiting.runs += 1;
    match again.flatten() {
        Some(wait) if waiting.runs < MOST_RUNS || waiting.until.is_some() => {
            free(to_client);
            waiting.woken = false;
            waiting.settle_down(ctx, wait);
        }
        Some(_) => {
            reply.error("ERR internal error, the tokens cannot be counted");
            free(to_client);
            release(&waiting);
        }
        None => {
            free(to_client);
            release(&waiting);
        }
    }
}

/// Frees the context of a blocked client.
fn free(context: *mut RedisModuleCtx) {
    // SAFETY: the context was made for this use, which is over.
    unsafe { call!(RedisModule_FreeThreadSafeContext, context) };
}

fn release(waiting: &Waiting) {
    // SAFETY: the client was blocked by us, and is released once: it is out of the table.
    unsafe { call!(RedisModule_UnblockClient, waiting.blocked, null_mut()) };
}

fn forget(blocked: *mut RedisModuleBlockedClient) {
    let waiting = with_waiting(|all| {
        let id = all.iter().find(|(_, w)| w.blocked == blocked)?.0;
        let id = *id;
        Some((id, all.remove(&id)?))
    });
    if let Some((id, waiting)) = waiting {
        release(&waiting);
        misses::leave(id);
    }
}

/// The client has gone.
unsafe extern "C" fn gone(_ctx: *mut RedisModuleCtx, blocked: *mut RedisModuleBlockedClient) {
    guard(null_mut(), (), || forget(blocked));
}

/// Somebody has unblocked the client: it gets nil, as from Redis's own blocking commands.
unsafe extern "C" fn unblocked(
    ctx: *mut RedisModuleCtx,
    _argv: *mut *mut RedisModuleString,
    _argc: c_int,
) -> c_int {
    guard(ctx, (), || {
        // SAFETY: the context is that of this callback.
        let blocked = unsafe { call!(RedisModule_GetBlockedClientHandle, ctx) };
        // SAFETY: as above.
        unsafe { call!(RedisModule_ReplyWithNull, ctx) };
        if let Some(blocked) = blocked {
            forget(blocked);
        }
    });
    OK
}
