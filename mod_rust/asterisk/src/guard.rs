//! The one way in: what the PBX calls runs inside a guard, so that no panic unwinds into C.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::log::{Level, log};

/// Runs `body`; if it panics, the log says so and `fallback` is returned.
pub fn guard<T>(what: &str, fallback: T, body: impl FnOnce() -> T) -> T {
    caught(what, body).unwrap_or(fallback)
}

/// As [`guard`], without a fallback: `None` after a panic.
pub fn caught<T>(what: &str, body: impl FnOnce() -> T) -> Option<T> {
    // Whatever the body had in its hands was dropped on the way out of it.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // A payload may panic again when it is dropped.
            std::mem::forget(payload);
            log(Level::Error, &format!("a panic was caught in {what}"));
            None
        }
    }
}

/// From now on panics are logged with their place.
pub(crate) fn arm() {
    std::panic::set_hook(Box::new(|panic| {
        log(Level::Error, &panic.to_string().replace('\n', " "))
    }));
}

/// Undoes [`arm`]: nothing of the module is left in the runtime.
pub(crate) fn disarm() {
    drop(std::panic::take_hook());
}
