//! Files that say they are an index of a blacklist.
#![no_main]

#[path = "../../mod_rust/blacklist/tests/outside/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::index(bytes));
