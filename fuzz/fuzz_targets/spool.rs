//! Files where a segment of a spool should be.
#![no_main]

#[path = "../../mod_rust/spool/tests/outside/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::spool(bytes));
