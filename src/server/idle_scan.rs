//! The idle scan: finds conversations that nobody has used for a second or two, and packs them; and those that nobody has
//! used for `conv.idle-seconds`, and has them compressed.
//!
//! It passes over all keys again and again, in slices. As long as no conversation is in use it does not run at all.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::ffi::alarm::Alarm;
use super::ffi::context::Context;
use super::ffi::main_thread::MainThread;
use super::ffi::scan::KeyScan;
use super::module::settings;
use crate::background::{Lane, submit};
use crate::conversation::compress::CompressJob;
use crate::conversation::value::{self, Rest, Value};
use crate::conversation::{body, temperature};
use crate::metrics;

/// How long a slice takes at most.
const SLICE: Duration = Duration::from_micros(500);

/// Time between slices: 1 % of a core while a pass is under way.
const BETWEEN_SLICES: Duration = Duration::from_millis(50);

/// Time between slices after one that saved memory: 5 % of a core.
const AFTER_SAVING: Duration = Duration::from_millis(10);

/// A pass begins this often during `conv.idle-seconds`: so much later than that, at most, a conversation is compressed.
const PASSES: u32 = 4;

/// Time between passes, at least and at most.
const BETWEEN_PASSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));

/// Time between passes, at most, while there are conversations to be packed.
const BETWEEN_PASSES_TO_PACK: Duration = Duration::from_secs(1);

/// A slice ends when so many bytes wait to be compressed: their background threads are busy with them for 0.1 s.
const MOST_WAITING: usize = 4 << 20;

/// Steps of a scan between two looks at the clock.
const STEPS: usize = 4;

static ALARM: Alarm = Alarm::new(run);
static IS_SET: AtomicBool = AtomicBool::new(false);

/// Bytes that wait to be compressed.
static WAITING: AtomicUsize = AtomicUsize::new(0);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

struct Pass {
    database: i32,
    scan: Option<KeyScan>,
}

/// What the scan is doing.
struct Progress {
    /// When the last pass began.
    began: Option<Instant>,
    /// The pass that is under way.
    pass: Option<Pass>,
}

static PROGRESS: MainThread<Progress> = MainThread::new(Progress {
    began: None,
    pass: None,
});

/// A client uses a conversation. Called for every command.
pub fn used() {
    if !IS_SET.load(Relaxed) && !IS_SET.swap(true, Relaxed) {
        set_clock();
        ALARM.ring_at(Instant::now() + between_passes(true));
    }
}

fn set_clock() {
    let seconds = START.elapsed().as_secs();
    temperature::set_seconds(u32::try_from(seconds).unwrap_or(u32::MAX));
    temperature::set_idle_seconds(settings::idle_seconds());
}

/// Time between the beginnings of two passes, if there are conversations `to_pack`, or not.
fn between_passes(to_pack: bool) -> Duration {
    let idle = Duration::from_secs(settings::idle_seconds().into());
    let most = if to_pack {
        BETWEEN_PASSES_TO_PACK
    } else {
        BETWEEN_PASSES.1
    };
    (idle / PASSES).clamp(BETWEEN_PASSES.0, most)
}

fn run(ctx: Context<'_>) {
    set_clock();
    if value::in_use() == 0 && body::opened_bytes() == 0 {
        PROGRESS.with(|progress| progress.pass = None);
        IS_SET.store(false, Relaxed);
        return;
    }
    // A child shares the memory that it saves until one of the two changes it.
    let wait = if ctx.has_child() {
        BETWEEN_SLICES
    } else if PROGRESS.with(|progress| progress.pass.is_some()) || begin() {
        slice(ctx)
    } else {
        between_passes(true)
    };
    ALARM.ring_at(Instant::now() + wait);
}

/// Begins a pass if it is due.
fn begin() -> bool {
    PROGRESS.with(|progress| {
        let between = between_passes(value::is_short_open());
        if progress.began.is_some_and(|at| at.elapsed() < between) {
            return false;
        }
        value::forget_short_open();
        *progress = Progress {
            began: Some(Instant::now()),
            pass: Some(Pass {
                database: 0,
                scan: None,
            }),
        };
        true
    })
}

/// Visits keys until the slice is over. Returns when to go on.
fn slice(ctx: Context<'_>) -> Duration {
    let start = Instant::now();
    let compress = settings::current().compress;
    let (mut jobs, mut saved) = (Vec::new(), false);
    let (waiting, mut added) = (WAITING.load(Relaxed), 0);
    let Some(mut pass) = PROGRESS.with(|progress| progress.pass.take()) else {
        return BETWEEN_SLICES;
    };
    let is_over = loop {
        if start.elapsed() >= SLICE || waiting + added >= MOST_WAITING {
            break false;
        }
        if pass.scan.is_none() {
            if !ctx.select(pass.database) {
                break true;
            }
            pass.scan = KeyScan::new();
        } else if !ctx.select(pass.database) {
            break true;
        }
        let mut visit = |value: &mut Value| {
            saved |= visit(value, compress, &mut jobs, &mut added);
        };
        let more = (0..STEPS).all(|_| {
            pass.scan
                .as_mut()
                .is_some_and(|scan| scan.step(ctx, &mut visit))
        });
        if !more {
            pass.scan = None;
            pass.database += 1;
        }
    };
    if !jobs.is_empty() {
        WAITING.fetch_add(added, Relaxed);
        submit(Lane::Normal, Box::new(move || run_jobs(jobs)));
    }
    if is_over {
        // A conversation that is opened meanwhile brings the next pass forward.
        return between_passes(true);
    }
    PROGRESS.with(|progress| progress.pass = Some(pass));
    if saved { AFTER_SAVING } else { BETWEEN_SLICES }
}

/// Packs or compresses a conversation if it is due. True if it takes less memory now.
fn visit(
    value: &mut Value,
    compress: bool,
    jobs: &mut Vec<CompressJob>,
    added: &mut usize,
) -> bool {
    if value.is_at_rest() {
        return false;
    }
    let before = value.footprint();
    if let Rest::Compress(more) = value.rest(compress) {
        *added += more.iter().map(CompressJob::bytes).sum::<usize>();
        jobs.extend(more);
    }
    let after = value.footprint();
    if before != after {
        metrics::resized(before, after);
    }
    before.stored > after.stored
}

fn run_jobs(jobs: Vec<CompressJob>) {
    for job in jobs {
        let bytes = job.bytes();
        job.run();
        WAITING.fetch_sub(bytes, Relaxed);
    }
}
