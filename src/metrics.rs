//! Counters and gauges of the whole server, for `INFO conv`. They are relaxed atomics because lazy freeing drops
//! conversations on a background thread.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::conversation::{Footprint, body, value};
use crate::tokens::{self, background::queued};

// Gauges: what the server holds at present.
static CONVERSATIONS: AtomicI64 = AtomicI64::new(0);
static MESSAGES: AtomicI64 = AtomicI64::new(0);
static BYTES_RAW: AtomicI64 = AtomicI64::new(0);
static BYTES_STORED: AtomicI64 = AtomicI64::new(0);
static BYTES_COMPRESSED: AtomicI64 = AtomicI64::new(0);
static PENDING: AtomicI64 = AtomicI64::new(0);
static UNREAD: AtomicI64 = AtomicI64::new(0);
static TO_REVISIT: AtomicI64 = AtomicI64::new(0);

// Counters: what has happened since the server started.
static TOKENS_COUNTED: AtomicU64 = AtomicU64::new(0);
static RECENT_HITS: AtomicU64 = AtomicU64::new(0);
static RECENT_MISSES: AtomicU64 = AtomicU64::new(0);
static TOKENS_RETURNED: AtomicU64 = AtomicU64::new(0);
static BACKFILLED: AtomicU64 = AtomicU64::new(0);
static WAITS: AtomicU64 = AtomicU64::new(0);
static SEARCHES: AtomicU64 = AtomicU64::new(0);

fn shift(gauge: &AtomicI64, before: u64, after: u64) {
    // Most commands change few gauges, and an atomic addition is not free.
    if before != after {
        gauge.fetch_add(after.wrapping_sub(before).cast_signed(), Relaxed);
    }
}

/// Records that the footprint of a conversation changed from `before` to `after`.
pub fn resized(before: Footprint, after: Footprint) {
    shift(&MESSAGES, before.messages, after.messages);
    shift(&BYTES_RAW, before.raw, after.raw);
    shift(&BYTES_STORED, before.stored, after.stored);
    shift(&BYTES_COMPRESSED, before.compressed, after.compressed);
    shift(&PENDING, before.pending, after.pending);
    shift(&UNREAD, before.unread, after.unread);
}

/// Records a new conversation.
pub fn created(footprint: Footprint) {
    CONVERSATIONS.fetch_add(1, Relaxed);
    resized(Footprint::default(), footprint);
}

/// Records that a conversation was freed.
pub fn freed(footprint: Footprint) {
    CONVERSATIONS.fetch_sub(1, Relaxed);
    resized(footprint, Footprint::default());
}

/// Records that the tokens of a message (T) or of a text (E) were counted.
pub fn counted(tokens: u64) {
    TOKENS_COUNTED.fetch_add(tokens, Relaxed);
}

/// Records that `RECENT` returned messages with this many tokens.
pub fn hit(tokens: i64) {
    RECENT_HITS.fetch_add(1, Relaxed);
    TOKENS_RETURNED.fetch_add(tokens.unsigned_abs(), Relaxed);
}

/// Records that `RECENT` missed: the key does not exist, or a database may hold older messages.
pub fn missed() {
    RECENT_MISSES.fetch_add(1, Relaxed);
}

/// Records that `BACKFILL` added this many older messages.
pub fn backfilled(messages: i64) {
    BACKFILLED.fetch_add(messages.unsigned_abs(), Relaxed);
}

/// Records that `SEARCH` searched a conversation.
pub fn searched() {
    SEARCHES.fetch_add(1, Relaxed);
}

/// Records that a command blocked its client, for counts or for a backfill. Counted once per command.
pub fn waited() {
    WAITS.fetch_add(1, Relaxed);
}

/// Adds to the number of keys that await maintenance after background work. `more` may be negative.
pub fn to_revisit(more: i64) {
    TO_REVISIT.fetch_add(more, Relaxed);
}

/// All counters and gauges with their names in `INFO`.
#[must_use]
pub fn all() -> [(&'static std::ffi::CStr, u64); 19] {
    let gauge = |gauge: &AtomicI64| gauge.load(Relaxed).max(0).unsigned_abs();
    let at_rest = gauge(&CONVERSATIONS).saturating_sub(value::in_use());
    let (stored, compressed) = (gauge(&BYTES_STORED), gauge(&BYTES_COMPRESSED));
    let open = stored.saturating_sub(compressed) + body::opened_bytes();
    [
        (c"conversations", gauge(&CONVERSATIONS)),
        (c"conversations_at_rest", at_rest),
        (c"messages", gauge(&MESSAGES)),
        (c"bytes_raw", gauge(&BYTES_RAW)),
        (c"bytes_stored", stored),
        (c"bytes_compressed", compressed),
        (c"bytes_open", open),
        (c"bytes_shared", body::shared_bytes()),
        (c"pending", gauge(&PENDING) + queued()),
        (c"tokens_counted", TOKENS_COUNTED.load(Relaxed)),
        (c"recent_hits", RECENT_HITS.load(Relaxed)),
        (c"recent_misses", RECENT_MISSES.load(Relaxed)),
        (c"backfilled_messages", BACKFILLED.load(Relaxed)),
        (c"unread_messages", gauge(&UNREAD)),
        (c"keys_to_revisit", gauge(&TO_REVISIT)),
        (c"waits", WAITS.load(Relaxed)),
        (c"tokenizer_memory", tokens::memory() as u64),
        (c"tokens_returned", TOKENS_RETURNED.load(Relaxed)),
        (c"searches", SEARCHES.load(Relaxed)),
    ]
}
