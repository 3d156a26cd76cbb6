//! Clients that are blocked until background work is done, and whose command then runs again.
//!
//! What runs again is a callback: this file knows no commands. Resuming happens in a [`Task`] of the main loop, with the
//! client's own arguments.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::ffi::blocking::{self, Blocked, Handle};
use super::ffi::client_reply::ClientReply;
use super::ffi::context::Context;
use super::ffi::main_thread::MainThread;
use super::ffi::string::{HeldArgs, RedisStr};
use super::main_loop::{self, Task};
use crate::commands::reply::Reply;
use crate::metrics;
use crate::tokens::background::CompletionGuard;

/// Identifies a blocked client.
pub type Id = u64;

/// What a resumed command is given.
pub struct Resumption<'a> {
    /// The context of the task: keys are opened and changed here.
    pub ctx: Context<'a>,
    /// The arguments of the command, its name first.
    pub args: &'a [RedisStr<'a>],
    /// The reply to the client.
    pub reply: &'a mut ClientReply<'a>,
}

/// Runs a command again. Returns what runs after the next wait, or `None` if it has replied.
pub type Resume = Box<dyn FnOnce(Resumption<'_>) -> Option<Again>>;

/// A command that waits for more.
pub struct Again {
    /// Runs it once more.
    pub resume: Resume,
    /// Resumes the client when its last clone is dropped; from [`completion_guard`], for this client.
    pub until: CompletionGuard,
}

struct Client {
    handle: Handle,
    database: i32,
    args: Arc<HeldArgs>,
    resume: Resume,
}

#[derive(Default)]
struct Table {
    clients: HashMap<Id, Client>,
    ids: HashMap<Handle, Id>,
}

static BLOCKED: MainThread<Option<Table>> = MainThread::new(None);

fn with<R>(f: impl FnOnce(&mut Table) -> R) -> R {
    BLOCKED.with(|table| f(table.get_or_insert_default()))
}

/// Number of blocked clients, for INFO.
pub fn count() -> u64 {
    with(|table| table.clients.len() as u64)
}

/// An id for a client that is about to be blocked.
pub fn next_id() -> Id {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// Resumes client `id` when its last clone is dropped, on whichever thread. `writes`: its command may write.
pub fn completion_guard(id: Id, writes: bool) -> CompletionGuard {
    CompletionGuard::new(move || {
        main_loop::post(Task {
            writes,
            run: Box::new(move |ctx| resume(ctx, id)),
        });
    })
}

/// Blocks the client of the call under way as client `id`, until `again.until` is dropped everywhere. False if it
/// cannot be blocked.
pub fn block(ctx: Context<'_>, id: Id, args: Arc<HeldArgs>, again: Again) -> bool {
    let Some(handle) = blocking::block::<Clients>(ctx) else {
        return false;
    };
    metrics::waited();
    let client = Client {
        handle,
        database: ctx.database(),
        args,
        resume: again.resume,
    };
    with(|table| {
        table.ids.insert(handle, id);
        table.clients.insert(id, client);
    });
    // Only now may it be resumed.
    drop(again.until);
    true
}

fn forget(id: Id) -> Option<Client> {
    with(|table| {
        let client = table.clients.remove(&id)?;
        table.ids.remove(&client.handle);
        Some(client)
    })
}

fn forget_handle(handle: Handle) -> Option<Client> {
    let id = with(|table| table.ids.get(&handle).copied())?;
    forget(id)
}

/// Runs the command of client `id` again.
fn resume(ctx: Context<'_>, id: Id) {
    let Some(client) = forget(id) else {
        // It has gone.
        return;
    };
    let Client {
        handle,
        database,
        args,
        resume,
    } = client;
    let again = handle.reply(|to_client| {
        let mut reply = ClientReply::new(to_client);
        if !ctx.select(database) {
            reply.internal_error();
            return None;
        }
        resume(Resumption {
            ctx,
            args: args.as_slice(),
            reply: &mut reply,
        })
    });
    let Some(again) = again.flatten() else {
        handle.unblock();
        return;
    };
    let client = Client {
        handle,
        database,
        args,
        resume: again.resume,
    };
    with(|table| {
        table.ids.insert(handle, id);
        table.clients.insert(id, client);
    });
    drop(again.until);
}

/// What Redis calls for clients that this file has blocked.
struct Clients;

impl Blocked for Clients {
    /// The client gets nil, as from Redis's own blocking commands.
    fn cancelled(ctx: Context<'_>, handle: Handle) {
        ClientReply::new(ctx).null();
        Self::disconnected(handle);
    }

    fn disconnected(handle: Handle) {
        if forget_handle(handle).is_some() {
            handle.unblock();
        }
    }
}
