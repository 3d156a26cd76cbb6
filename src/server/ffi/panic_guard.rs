//! The one guard: no panic crosses into Redis.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redis_module::raw::RedisModuleCtx;

use super::api::{Level, log};

/// Runs an entry from C. Should it panic, the place is logged and `fallback` is returned.
///
/// What the closure borrows may be left half changed by a panic; entries therefore only change a value after all that
/// depends on input has been validated.
pub fn guard<R>(ctx: *mut RedisModuleCtx, fallback: R, entry: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(entry)) {
        Ok(result) => result,
        Err(cause) => {
            let what = cause
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| cause.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            log(
                ctx,
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
        let none = std::ptr::null_mut();
        assert_eq!(guard(none, 1, || 2), 2);
        assert_eq!(guard(none, 1, || panic!("deliberate")), 1);
        assert_eq!(guard(none, 1, || panic!("{}", 5)), 1);
        assert_eq!(
            guard(none, 1, || Vec::<i32>::new().iter().max().copied().unwrap()),
            1
        );
    }
}
