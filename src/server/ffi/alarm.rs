//! Timers of the server.

use std::ffi::c_void;
use std::ptr::{from_ref, null_mut};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redis_module::raw::{RedisModuleCtx, RedisModuleTimerID};

use super::api::{call, own_context};
use super::context::Context;
use super::main_thread::MainThread;
use super::panic_guard::guard;

/// The longest time that a timer is set to. An alarm that rings early is set again by its owner.
const LONGEST: Duration = Duration::from_secs(3600);

/// How often an alarm rang since the start.
static RINGS: AtomicU64 = AtomicU64::new(0);

/// How often an alarm rang since the start, for INFO: a number that grows while nothing happens shows a timer that
/// nobody stopped.
pub fn rings() -> u64 {
    RINGS.load(Relaxed)
}

/// One timer with one deadline. Setting it to an earlier time stops the timer before another is created, so that an
/// alarm never has two.
pub struct Alarm {
    timer: MainThread<Option<(RedisModuleTimerID, Instant)>>,
    ring: fn(Context<'_>),
}

impl Alarm {
    /// An alarm that calls `ring` on the main thread. It is not set.
    pub const fn new(ring: fn(Context<'_>)) -> Self {
        Self {
            timer: MainThread::new(None),
            ring,
        }
    }

    /// Rings at `deadline` or shortly after. An earlier deadline that is set already stays.
    pub fn ring_at(&'static self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        // A millisecond that has begun is waited for to its end. A deadline in the past would keep the server busy.
        self.set(deadline, left.min(LONGEST).as_millis() as i64 + 1);
    }

    /// Rings in the next turn of the event loop.
    pub fn ring_now(&'static self) {
        self.set(Instant::now(), 0);
    }

    fn set(&'static self, deadline: Instant, ms: i64) {
        self.timer.with(|timer| {
            if timer.is_some_and(|(_, set)| set <= deadline) {
                return;
            }
            if let Some((id, _)) = timer.take() {
                // SAFETY: the context is the module's own, and the timer was created with it and has not fired.
                unsafe { call!(RedisModule_StopTimer, own_context(), id, null_mut()) };
            }
            let data = from_ref(self).cast_mut().cast::<c_void>();
            // SAFETY: the context is the module's own; the data is a static.
            let id = unsafe {
                call!(
                    RedisModule_CreateTimer,
                    own_context(),
                    ms,
                    Some(fired),
                    data
                )
            };
            *timer = id.map(|id| (id, deadline));
        });
    }
}

unsafe extern "C" fn fired(ctx: *mut RedisModuleCtx, data: *mut c_void) {
    RINGS.fetch_add(1, Relaxed);
    guard((), || {
        // SAFETY: the data is the alarm that set the timer, a static.
        let Some(alarm) = (unsafe { data.cast::<Alarm>().as_ref() }) else {
            return;
        };
        alarm.timer.with(Option::take);
        // SAFETY: the context is that of the timer.
        (alarm.ring)(unsafe { Context::new(ctx) });
    });
}
