//! CSV files of entries.
#![no_main]

#[path = "../../mod_rust/blacklist/tests/outside/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::csv(bytes));
