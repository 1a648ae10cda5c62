//! A whole host without a PBX: calls are played by the test, the control socket is real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod backlog;
mod bed;
mod blacklist;
mod calls;
mod control;
mod killed;
mod policy;
mod presence;
mod spool;
mod standing;
mod supervision;
