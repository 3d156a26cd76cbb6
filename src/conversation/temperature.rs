//! Points in time in whole seconds, mostly when something was last used: what is read repeatedly stays uncompressed, what
//! nobody uses is compressed.
//!
//! The server advances the clock. Without a server it stands still, and everything counts as used just now.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Seconds since the start, never 0.
static NOW: AtomicU32 = AtomicU32::new(1);

/// `conv.idle-seconds`.
static IDLE_SECONDS: AtomicU32 = AtomicU32::new(60);

/// A point in time with a resolution of a second; the default is before all others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoarseTime(u32);

impl CoarseTime {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self(NOW.load(Relaxed))
    }

    /// As a number, for [`CoarseTime::from_number`].
    #[must_use]
    pub fn to_number(self) -> u32 {
        self.0
    }

    /// What [`CoarseTime::to_number`] has returned.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// True if it lies at most `seconds` in the past, give or take one second. False for the default.
    #[must_use]
    pub fn is_within(self, seconds: u32) -> bool {
        self.0 != 0 && NOW.load(Relaxed).saturating_sub(self.0) <= seconds
    }

    /// True if it is at least `conv.idle-seconds` ago, or never was. The clock shows whole seconds: between two of them
    /// whose difference is one, hardly any time may have passed.
    #[must_use]
    pub fn is_idle(self) -> bool {
        let age = NOW.load(Relaxed).saturating_sub(self.0);
        let idle = IDLE_SECONDS.load(Relaxed);
        self.0 == 0 || idle == 0 || age > idle
    }
}

/// Sets the clock to `seconds` after the start of the server.
pub fn set_seconds(seconds: u32) {
    NOW.fetch_max(seconds.saturating_add(1), Relaxed);
}

/// Sets `conv.idle-seconds`.
pub fn set_idle_seconds(seconds: u32) {
    IDLE_SECONDS.store(seconds, Relaxed);
}
