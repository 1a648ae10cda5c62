//! What a network presents as the caller's number.
#![no_main]

#[path = "../../mod_rust/blacklist/tests/outside/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::number(bytes));
