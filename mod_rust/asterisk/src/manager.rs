//! The manager interface (AMI): events for it, and its actions.

use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::fmt::Write;
use std::ptr;

use asterisk_sys as sys;

use crate::guard::guard;
use crate::text::{c, owned};

/// Which manager users get an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    /// Those who may read call events.
    Call,
    /// Those who may read agent events.
    Agent,
}

/// Sends an event. Line breaks in a value become spaces. Callable from any thread.
pub fn event(category: Category, name: &str, fields: &[(&str, &str)]) {
    let category = match category {
        Category::Call => sys::EVENT_FLAG_CALL,
        Category::Agent => sys::EVENT_FLAG_AGENT,
    };
    let body = body(fields);
    // SAFETY: no channels, the format is "%s" with one string, and every string outlives the call.
    unsafe {
        sys::__ast_manager_event_multichan(
            category as c_int,
            c(name).as_ptr(),
            0,
            std::ptr::null_mut(),
            c"manager.rs".as_ptr(),
            line!() as c_int,
            c"event".as_ptr(),
            c"%s".as_ptr(),
            c(&body).as_ptr(),
        );
    }
}

thread_local! {
    /// Where what an action answers on this thread goes: the PBX's hooks know no more than their own code. Without a destructor, so
    /// that it does not keep the module in memory.
    static ANSWER: Cell<*mut String> = const { Cell::new(ptr::null_mut()) };
}

/// Has the PBX carry out a manager action on this thread, be the interface enabled or not.
///
/// # Errors
/// Why it refused.
pub fn action(name: &str, fields: &[(&str, &str)]) -> Result<(), String> {
    let message = body(&[&[("Action", name)], fields].concat());
    let mut answer = String::new();
    let mut hook = sys::manager_custom_hook {
        file: c"module".as_ptr().cast_mut(),
        helper: Some(answered),
        list: sys::manager_custom_hook__bindgen_ty_1 {
            next: ptr::null_mut(),
        },
    };
    let before = ANSWER.replace(&raw mut answer);
    // SAFETY: hook and message outlive the call, in which the action runs; the PBX keeps neither.
    unsafe { sys::ast_hook_send_action(&mut hook, c(&message).as_ptr()) };
    ANSWER.set(before);
    outcome(name, &answer)
}

fn outcome(name: &str, answer: &str) -> Result<(), String> {
    let field = |name: &str| {
        let mut fields = answer.lines().filter_map(|line| line.split_once(": "));
        fields
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim())
    };
    match field("Response") {
        Some("Success") => Ok(()),
        Some(_) => Err(field("Message").unwrap_or("no reason given").to_owned()),
        None => Err(format!(
            "the PBX has no manager action {name}; the module that brings it is not loaded"
        )),
    }
}

/// Takes what the PBX answers to an action, piece by piece.
unsafe extern "C" fn answered(_category: c_int, _event: *const c_char, text: *mut c_char) -> c_int {
    guard("a manager action's answer", -1, || {
        let answer = ANSWER.get();
        if !answer.is_null() && !text.is_null() {
            // SAFETY: set by `action` further up on this thread's stack, which does not touch it meanwhile; the text lives during
            // the call.
            unsafe { (*answer).push_str(&owned(text)) };
        }
        0
    })
}

fn body(fields: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        let value = value.replace(['\r', '\n'], " ");
        // Writing to a String cannot fail.
        let _ = write!(body, "{name}: {value}\r\n");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_went_as_the_pbx_says() {
        let answer = "Response: Success\r\nMessage: NOTIFY sent\r\n\r\n";
        assert_eq!(outcome("X", answer), Ok(()));
        let answer = "Response: Error\r\nMessage: no such channel\r\n\r\n";
        assert_eq!(outcome("X", answer), Err("no such channel".into()));
        assert!(outcome("X", "").unwrap_err().contains("no manager action X"));
    }

    #[test]
    fn a_value_cannot_bring_headers_of_its_own() {
        assert_eq!(
            body(&[("Queue", "support"), ("Reason", "a\r\nEvent: Fake")]),
            "Queue: support\r\nReason: a  Event: Fake\r\n"
        );
    }
}
