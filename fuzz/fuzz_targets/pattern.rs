//! Numbers, prefixes and patterns as entries name them.
#![no_main]

#[path = "../../mod_rust/blacklist/tests/outside/properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| properties::pattern(bytes));
