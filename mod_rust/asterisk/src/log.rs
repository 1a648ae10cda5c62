//! The PBX's log.

use std::ffi::c_int;
use std::panic::Location;

use asterisk_sys as sys;

use crate::text::{c, one_line};

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// For developers.
    Debug,
    /// Worth knowing.
    Notice,
    /// Something is not as it should be.
    Warning,
    /// Something does not work.
    Error,
}

/// Writes a line to the PBX's log, one line whatever callers put into their numbers. Callable from any thread.
#[track_caller]
pub fn log(level: Level, message: &str) {
    let level = match level {
        Level::Debug => sys::__LOG_DEBUG,
        Level::Notice => sys::__LOG_NOTICE,
        Level::Warning => sys::__LOG_WARNING,
        Level::Error => sys::__LOG_ERROR,
    };
    let place = Location::caller();
    let file = place
        .file()
        .rsplit_once('/')
        .map_or(place.file(), |(_, name)| name);
    // SAFETY: the format is "%s\n" with one string, and every string outlives the call.
    unsafe {
        sys::ast_log(
            level as c_int,
            c(file).as_ptr(),
            place.line() as c_int,
            c"module".as_ptr(),
            c"%s\n".as_ptr(),
            c(&one_line(message)).as_ptr(),
        );
    }
}
