//! The panic guard: no panic crosses into Redis.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::api::{Level, log};

/// Runs an entry from C. If it panics, the message is logged and `fallback` is returned.
///
/// A panic may leave half changed what the closure borrows. Entries therefore change a value only after everything
/// that depends on input has been validated.
pub fn guard<R>(fallback: R, entry: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(entry)) {
        Ok(result) => result,
        Err(cause) => {
            let what = cause
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| cause.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            log(
                Level::Warning,
                &format!("internal error, please report it: {what}"),
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
