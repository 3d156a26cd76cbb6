//! State that only the main thread touches.
//!
//! Redis runs commands, timers and callbacks of blocked clients on one thread, so this state needs no lock. The
//! compiler cannot know that; [`MainThread`] checks it instead.

use std::cell::{Cell, RefCell};

thread_local! {
    static IS_MAIN: Cell<bool> = const { Cell::new(false) };
}

/// Declares the calling thread the main thread. Called when the module is loaded.
pub fn claim() {
    IS_MAIN.set(true);
}

/// True on the main thread.
pub fn is_current() -> bool {
    IS_MAIN.get()
}

/// A value of the main thread.
pub struct MainThread<T>(RefCell<T>);

// SAFETY: `with` gives access on the main thread only.
unsafe impl<T> Sync for MainThread<T> {}

impl<T> MainThread<T> {
    /// Holds `value`.
    pub const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Gives `f` the value.
    ///
    /// # Panics
    /// On another thread, or within another call of `with` on the same value. Both are errors of this module, never
    /// of a client; the panic guard at the entry point turns them into an error reply.
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        assert!(IS_MAIN.get(), "main-thread state used on another thread");
        f(&mut self.0.borrow_mut())
    }
}
