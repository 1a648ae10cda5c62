//! Commands for the PBX's command line.

use std::ffi::{CStr, c_char, c_int};
use std::sync::{Mutex, MutexGuard, PoisonError};

use asterisk_sys as sys;

use crate::channel::HERE;
use crate::dialplan::Taken;
use crate::guard::guard;
use crate::module::this;
use crate::text::{c, owned};

/// A command.
pub struct Command {
    /// Its words; `{a|b}` offers a choice, which the PBX completes: `hotline show {queues|agents}`.
    pub pattern: &'static CStr,
    /// One line, for lists.
    pub summary: &'static CStr,
    /// `Usage: …` and what it does, for `help`.
    pub usage: &'static CStr,
    /// Does it.
    pub run: fn(&Invocation) -> Outcome,
    /// What may stand at the place of the word at the cursor, given the words before it. The PBX drops what does not
    /// begin with the word.
    pub complete: fn(&[String]) -> Vec<String>,
}

/// How a command went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Done.
    Success,
    /// Done wrong: the PBX prints the usage.
    ShowUsage,
    /// Not done.
    Failure,
}

/// One use of a command.
pub struct Invocation {
    words: Vec<String>,
    fd: c_int,
}

impl Invocation {
    /// All words, the command's own included.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Writes to whoever typed the command.
    pub fn print(&self, text: &str) {
        // SAFETY: the format is "%s" with one string that outlives the call.
        unsafe { sys::ast_cli(self.fd, c"%s".as_ptr(), c(text).as_ptr()) }
    }
}

/// The PBX's record of a command, and ours behind it: the PBX hands the record back, and so we find ours.
#[repr(C)]
struct Entry {
    record: sys::ast_cli_entry,
    command: Command,
}

// SAFETY: the record is the PBX's until it is unregistered, which any thread may do; ours is never written.
unsafe impl Send for Entry {}
// SAFETY: there is nothing to do with a shared one.
unsafe impl Sync for Entry {}

/// A registered command, taken back when dropped. The PBX keeps one that somebody is just running: see [`left`].
pub struct RegisteredCommand(Option<Box<Entry>>);

/// Commands that the PBX kept. It may run them still.
static LEFT: Mutex<Vec<RegisteredCommand>> = Mutex::new(Vec::new());

/// How many commands the PBX kept because they were in use when they were taken back. The module must stay while there
/// is one; [`register`]ing it again takes it up.
pub fn left() -> usize {
    lock_left().len()
}

fn lock_left() -> MutexGuard<'static, Vec<RegisteredCommand>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a command.
///
/// # Errors
/// See [`Taken`].
pub fn register(command: Command) -> Result<RegisteredCommand, Taken> {
    let pattern = command.pattern;
    {
        let mut left = lock_left();
        let kept = |kept: &RegisteredCommand| {
            kept.0
                .as_ref()
                .is_some_and(|entry| entry.command.pattern == pattern)
        };
        if let Some(place) = left.iter().position(kept) {
            return Ok(left.swap_remove(place));
        }
    }
    // SAFETY: all zeroes is a valid record: null strings and no handler.
    let mut record: sys::ast_cli_entry = unsafe { std::mem::zeroed() };
    record.summary = command.summary.as_ptr();
    record.handler = Some(handle);
    let mut entry = Box::new(Entry { record, command });
    // SAFETY: the entry stays at its place until it is unregistered, and its strings are static. The pointer is to
    // the whole entry: the handler reads what lies behind the record.
    if unsafe { sys::__ast_cli_register((&raw mut *entry).cast(), this()) } != 0 {
        return Err(Taken(format!("the command '{}'", pattern.to_string_lossy())));
    }
    Ok(RegisteredCommand(Some(entry)))
}

impl Drop for RegisteredCommand {
    fn drop(&mut self) {
        let Some(mut entry) = self.0.take() else { return };
        // SAFETY: registered by `register`, and still at its place.
        unsafe {
            sys::ast_cli_unregister((&raw mut *entry).cast());
        }
        // The PBX claims success whether or not; only what it took off its list has no words any more.
        if !entry.record._full_cmd.is_null() {
            lock_left().push(RegisteredCommand(Some(entry)));
        }
    }
}

unsafe extern "C" fn handle(
    record: *mut sys::ast_cli_entry,
    what: c_int,
    arguments: *mut sys::ast_cli_args,
) -> *mut c_char {
    guard("a CLI command", answer(Outcome::Failure), || {
        // SAFETY: the record is the beginning of an `Entry`, see `register`.
        let command = unsafe { &(*record.cast::<Entry>()).command };
        match what {
            sys::ast_cli_command::CLI_INIT => {
                // SAFETY: the record is the PBX's own, which asks us to fill it and copies the pattern.
                unsafe {
                    (*record).command = command.pattern.as_ptr().cast_mut();
                    (*record).usage = command.usage.as_ptr();
                }
                std::ptr::null_mut()
            }
            sys::ast_cli_command::CLI_GENERATE => {
                // SAFETY: the PBX hands over arguments that live during the call.
                let (words, word, first) = unsafe {
                    let all = words(arguments);
                    let place = usize::try_from((*arguments).pos).unwrap_or(0);
                    (
                        all.into_iter().take(place).collect::<Vec<_>>(),
                        owned((*arguments).word),
                        (*arguments).n == 0,
                    )
                };
                // All at once on the first time of asking.
                if first {
                    for choice in (command.complete)(&words)
                        .iter()
                        .filter(|choice| choice.starts_with(&word))
                    {
                        // SAFETY: the PBX takes the copy, which is in its own memory, and frees it.
                        unsafe {
                            let copy = sys::__ast_strdup(
                                c(choice).as_ptr(),
                                HERE.as_ptr(),
                                line!() as c_int,
                                HERE.as_ptr(),
                            );
                            sys::ast_cli_completion_add(copy);
                        }
                    }
                }
                std::ptr::null_mut()
            }
            _ => {
                // SAFETY: as above.
                let invocation = unsafe {
                    Invocation {
                        words: words(arguments),
                        fd: (*arguments).fd,
                    }
                };
                answer((command.run)(&invocation))
            }
        }
    })
}

/// # Safety
/// `arguments` is what the PBX hands to a handler.
unsafe fn words(arguments: *mut sys::ast_cli_args) -> Vec<String> {
    // SAFETY: the caller vouches for it: `argv` has `argc` strings.
    unsafe {
        let count = usize::try_from((*arguments).argc).unwrap_or(0);
        (0..count)
            .map(|place| owned(*(*arguments).argv.add(place)))
            .collect()
    }
}

/// The PBX wants small numbers in the shape of a pointer.
fn answer(outcome: Outcome) -> *mut c_char {
    let code = match outcome {
        Outcome::Success => sys::RESULT_SUCCESS,
        Outcome::ShowUsage => sys::RESULT_SHOWUSAGE,
        Outcome::Failure => sys::RESULT_FAILURE,
    };
    std::ptr::without_provenance_mut(code as usize)
}
