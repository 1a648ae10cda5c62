//! The engine's behaviour, one test each, read as its specification.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
mod agents;
mod boot;
mod calls;
mod codec;
mod floor;
mod offers;
mod reload;
mod routing;
mod supervisors;
