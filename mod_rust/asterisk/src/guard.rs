//! The one way in: what the PBX calls runs inside a guard, so that no panic unwinds into C.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::RwLock;

use crate::log::{Level, log};

/// Told what panicked, so that the module can stop trusting itself.
static POISON: RwLock<Option<fn(&str)>> = RwLock::new(None);

/// Runs `body`; if it panics, says so in the log, tells the module that it is poisoned and returns `fallback`.
pub fn guard<T>(what: &str, fallback: T, body: impl FnOnce() -> T) -> T {
    caught(what, body).unwrap_or(fallback)
}

/// As [`guard`], without a fallback.
pub(crate) fn caught<T>(what: &str, body: impl FnOnce() -> T) -> Option<T> {
    // Whatever the body had in its hands is given up with it: the module is poisoned.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // A payload may panic again when it is dropped.
            std::mem::forget(payload);
            poison(what);
            None
        }
    }
}

fn poison(what: &str) {
    let poisoned = POISON.read().map_or(None, |hook| *hook);
    let told = catch_unwind(|| {
        log(
            Level::Error,
            &format!("a panic was caught in {what}; the module is poisoned and takes no more calls"),
        );
        if let Some(poisoned) = poisoned {
            poisoned(what);
        }
    });
    if let Err(payload) = told {
        std::mem::forget(payload);
    }
}

/// From now on panics are logged with their place, and `poisoned` is told of those that were caught.
pub(crate) fn arm(poisoned: fn(&str)) {
    if let Ok(mut hook) = POISON.write() {
        *hook = Some(poisoned);
    }
    std::panic::set_hook(Box::new(|panic| log(Level::Error, &format!("{panic}"))));
}

/// Undoes [`arm`]: nothing of the module is left in the runtime.
pub(crate) fn disarm() {
    drop(std::panic::take_hook());
    if let Ok(mut hook) = POISON.write() {
        *hook = None;
    }
}
