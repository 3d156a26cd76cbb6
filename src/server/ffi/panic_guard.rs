//! The panic guard: no panic crosses into Redis.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::api::{Level, log};

/// Logs every panic of this module with its location, instead of letting the standard library print it. With
/// `RUST_BACKTRACE` set, that would also print the stack, and pass memory from one allocator (in `realpath`) to the `free` of
/// another, which crashes Valkey 9.1.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        log(
            Level::Notice,
            &format!(
                "panic at {}: {}",
                place.unwrap_or_default(),
                message(panic.payload())
            ),
        );
    }));
}

fn message(cause: &dyn Any) -> &str {
    let text = cause.downcast_ref::<&str>().copied();
    text.or_else(|| cause.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default()
}

/// Runs an entry from C. If it panics, the message is logged and `fallback` is returned.
///
/// A panic may leave half changed what the closure borrows. Entries therefore change a value only after everything
/// that depends on input has been validated.
pub fn guard<R>(fallback: R, entry: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(entry)) {
        Ok(result) => result,
        Err(cause) => {
            log(
                Level::Warning,
                &format!("internal error, please report it: {}", message(&*cause)),
            );
            fallback
        }
    }
}

#[cfg(test)]
mod tests {
    use super::guard;

    #[test]
    fn a_panic_becomes_the_fallback() {
        assert_eq!(guard(1, || 2), 2);
        assert_eq!(guard(1, || panic!("deliberate")), 1);
        assert_eq!(guard(1, || panic!("{}", 5)), 1);
        assert_eq!(
            guard(1, || Vec::<i32>::new().iter().max().copied().unwrap()),
            1
        );
    }
}
