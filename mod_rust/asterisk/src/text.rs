//! Text across the C boundary.

use std::ffi::{CStr, CString, c_char};

/// `text` for the PBX, without its NUL bytes.
pub(crate) fn c(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != 0).collect();
    // Not an unwrap: no NUL is left, and an empty string is what an impossible failure deserves.
    CString::new(bytes).unwrap_or_default()
}

/// `text` with a blank for each control character.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A copy of the PBX's text; empty for null.
///
/// # Safety
/// `text` is null or a NUL-terminated string that lives until this returns.
pub(crate) unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller vouches for it.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Copies `text` into a buffer of the PBX, cut at a character boundary so that the final NUL fits. Says whether it
/// was whole.
///
/// # Safety
/// `buffer` is writable for `size` bytes.
pub(crate) unsafe fn fill(buffer: *mut c_char, size: usize, text: &str) -> bool {
    let Some(room) = size.checked_sub(1) else {
        return text.is_empty();
    };
    let text: &[u8] = text.split('\0').next().unwrap_or_default().as_bytes();
    let mut length = text.len().min(room);
    while length < text.len() && length > 0 && text[length] & 0xC0 == 0x80 {
        length -= 1;
    }
    // SAFETY: `length` is less than `size`, and the buffers cannot overlap: one is Rust's.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), buffer, length);
        *buffer.add(length) = 0;
    }
    length == text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(size: usize, text: &str) -> (String, bool) {
        let mut buffer = vec![0x7f as c_char; size];
        // SAFETY: the buffer is `size` long.
        let whole = unsafe { fill(buffer.as_mut_ptr(), size, text) };
        // SAFETY: `fill` ended it with a NUL.
        (unsafe { owned(buffer.as_ptr()) }, whole)
    }

    #[test]
    fn a_buffer_is_filled_up_to_its_last_whole_character() {
        assert_eq!(filled(6, "hello"), ("hello".into(), true));
        assert_eq!(filled(5, "hello"), ("hell".into(), false));
        assert_eq!(filled(3, "aé"), ("a".into(), false));
        assert_eq!(filled(4, "aé"), ("aé".into(), true));
        assert_eq!(filled(1, "x"), (String::new(), false));
    }

    #[test]
    fn a_line_stays_one() {
        assert_eq!(one_line("138\r\n\u{1b}[2J销售"), "138   [2J销售");
    }

    #[test]
    fn nul_bytes_do_not_reach_the_pbx() {
        assert_eq!(c("a\0b").as_bytes(), b"ab");
    }
}
