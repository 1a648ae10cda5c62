//! Applications and functions for the dialplan.

use std::ffi::{CStr, c_char, c_int};

use asterisk_sys as sys;

use crate::channel::Channel;
use crate::guard::{caught, guard};
use crate::log::{Level, log};
use crate::module::this;
use crate::text::{fill, owned};

/// Where a channel goes after an application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// On in the dialplan.
    Continue,
    /// Out: it hung up.
    HangUp,
}

/// An application: `same => n,Name(arguments)`.
pub trait Application: 'static {
    /// Its name in the dialplan.
    const NAME: &'static CStr;
    /// One line, for lists.
    const SYNOPSIS: &'static CStr;
    /// All there is to know, for `core show application`.
    const DESCRIPTION: &'static CStr;

    /// Runs it on the channel's own thread.
    fn run(channel: &Channel, arguments: &str) -> Exit;

    /// It panicked. What the dialplan is told.
    fn panicked(channel: &Channel) -> Exit;
}

/// A function: `${NAME(arguments)}` and `Set(NAME(arguments)=value)`.
pub trait Function: 'static {
    /// Its name in the dialplan.
    const NAME: &'static CStr;
    /// One line, for lists.
    const SYNOPSIS: &'static CStr;
    /// `NAME(this[,that])`.
    const SYNTAX: &'static CStr;
    /// What the arguments mean.
    const ARGUMENTS: &'static CStr;
    /// All there is to know.
    const DESCRIPTION: &'static CStr;
    /// The longest value, in bytes.
    const LONGEST: usize;

    /// The value.
    ///
    /// # Errors
    /// Why there is none; logged.
    fn read(channel: &Channel, arguments: &str) -> Result<String, String>;

    /// Sets the value.
    ///
    /// # Errors
    /// Why not; logged.
    fn write(channel: &Channel, arguments: &str, value: &str) -> Result<(), String>;
}

/// The PBX refused a registration: the name is taken, or it has no memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken(pub String);

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the PBX did not take {}: is another module of that name loaded?",
            self.0
        )
    }
}

/// A registered application, taken back when dropped.
pub struct RegisteredApplication(&'static CStr);

/// Registers an application.
///
/// # Errors
/// See [`Taken`].
pub fn register_application<A: Application>() -> Result<RegisteredApplication, Taken> {
    // SAFETY: all strings are static; the module is registered.
    let refused = unsafe {
        sys::ast_register_application2(
            A::NAME.as_ptr(),
            Some(run::<A>),
            A::SYNOPSIS.as_ptr(),
            A::DESCRIPTION.as_ptr(),
            this().cast(),
        )
    };
    if refused != 0 {
        return Err(Taken(format!("the application {}", A::NAME.to_string_lossy())));
    }
    Ok(RegisteredApplication(A::NAME))
}

impl Drop for RegisteredApplication {
    fn drop(&mut self) {
        // SAFETY: the name is static. It fails only if it is gone already.
        unsafe {
            sys::ast_unregister_application(self.0.as_ptr());
        }
    }
}

unsafe extern "C" fn run<A: Application>(channel: *mut sys::ast_channel, arguments: *const c_char) -> c_int {
    guard(known(A::NAME), -1, || {
        // SAFETY: the PBX runs applications with a channel that outlives the run, and a string.
        let (channel, arguments) = unsafe { (Channel::borrowed(channel), owned(arguments)) };
        let Some(channel) = channel else { return -1 };
        let exit = match caught(known(A::NAME), || A::run(&channel, &arguments)) {
            Some(exit) => exit,
            None => A::panicked(&channel),
        };
        match exit {
            Exit::Continue => 0,
            Exit::HangUp => -1,
        }
    })
}

/// A name as Rust knows it. Names are ASCII.
fn known(name: &'static CStr) -> &'static str {
    name.to_str().unwrap_or_default()
}

/// A registered function, taken back when dropped.
pub struct RegisteredFunction(Box<sys::ast_custom_function>);

// SAFETY: the record is the PBX's until it is unregistered, which any thread may do.
unsafe impl Send for RegisteredFunction {}
// SAFETY: there is nothing to do with a shared one.
unsafe impl Sync for RegisteredFunction {}

/// Registers a function.
///
/// # Errors
/// See [`Taken`].
pub fn register_function<F: Function>() -> Result<RegisteredFunction, Taken> {
    // SAFETY: all zeroes is a valid record: null strings and no callbacks.
    let mut record: Box<sys::ast_custom_function> = Box::new(unsafe { std::mem::zeroed() });
    record.name = F::NAME.as_ptr();
    record.synopsis = F::SYNOPSIS.as_ptr();
    record.syntax = F::SYNTAX.as_ptr();
    record.arguments = F::ARGUMENTS.as_ptr();
    record.desc = F::DESCRIPTION.as_ptr();
    record.read = Some(read::<F>);
    record.read_max = F::LONGEST + 1;
    record.write = Some(write::<F>);
    // SAFETY: the record stays at its place until it is unregistered, and all strings are static.
    if unsafe { sys::__ast_custom_function_register(&mut *record, this()) } != 0 {
        return Err(Taken(format!("the function {}", F::NAME.to_string_lossy())));
    }
    Ok(RegisteredFunction(record))
}

impl Drop for RegisteredFunction {
    fn drop(&mut self) {
        // SAFETY: registered by `register_function`. It fails only if it is gone already.
        unsafe {
            sys::ast_custom_function_unregister(&mut *self.0);
        }
    }
}

unsafe extern "C" fn read<F: Function>(
    channel: *mut sys::ast_channel,
    _name: *const c_char,
    arguments: *mut c_char,
    buffer: *mut c_char,
    size: usize,
) -> c_int {
    guard(known(F::NAME), -1, || {
        let name = known(F::NAME);
        // SAFETY: the PBX hands over a channel or null, a string, and a buffer of that size.
        let (channel, arguments) = unsafe {
            fill(buffer, size, "");
            (Channel::borrowed(channel), owned(arguments))
        };
        match with(channel, name, |channel| F::read(channel, &arguments)) {
            Ok(value) => {
                // SAFETY: as above.
                let whole = unsafe { fill(buffer, size, &value) };
                if !whole {
                    log(
                        Level::Warning,
                        &format!("{name}({arguments}) is cut at {size} bytes, the most the PBX takes"),
                    );
                }
                0
            }
            Err(why) => {
                log(Level::Warning, &format!("{name}({arguments}): {why}"));
                -1
            }
        }
    })
}

unsafe extern "C" fn write<F: Function>(
    channel: *mut sys::ast_channel,
    _name: *const c_char,
    arguments: *mut c_char,
    value: *const c_char,
) -> c_int {
    guard(known(F::NAME), -1, || {
        let name = known(F::NAME);
        // SAFETY: the PBX hands over a channel or null, and strings.
        let (channel, arguments, value) =
            unsafe { (Channel::borrowed(channel), owned(arguments), owned(value)) };
        match with(channel, name, |channel| F::write(channel, &arguments, &value)) {
            Ok(()) => 0,
            Err(why) => {
                log(Level::Warning, &format!("{name}({arguments}): {why}"));
                -1
            }
        }
    })
}

fn with<T>(
    channel: Option<Channel>,
    name: &str,
    body: impl FnOnce(&Channel) -> Result<T, String>,
) -> Result<T, String> {
    let channel = channel.ok_or_else(|| format!("{name} works on a channel, and there is none here"))?;
    body(&channel)
}

/// The words of a comma-separated argument list, without the blanks around them. At most `most`; the last one keeps
/// further commas.
pub fn words(arguments: &str, most: usize) -> Vec<&str> {
    arguments.splitn(most, ',').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_at_commas() {
        assert_eq!(words("support, t(gold) ", 2), ["support", "t(gold)"]);
        assert_eq!(
            words("notready,1001,lunch, soup", 3),
            ["notready", "1001", "lunch, soup"]
        );
        assert_eq!(words("", 2), [""]);
    }
}
