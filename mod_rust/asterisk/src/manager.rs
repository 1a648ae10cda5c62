//! Events for the manager interface (AMI).

use std::ffi::c_int;
use std::fmt::Write;

use asterisk_sys as sys;

use crate::text::c;

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
    fn a_value_cannot_bring_headers_of_its_own() {
        assert_eq!(
            body(&[("Queue", "support"), ("Reason", "a\r\nEvent: Fake")]),
            "Queue: support\r\nReason: a  Event: Fake\r\n"
        );
    }
}
