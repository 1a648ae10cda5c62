//! The daemon against a fake node, as a process or inside the test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod alerts;
mod api;
mod asks;
mod audit;
mod blacklist;
mod bus;
mod changes;
mod contacts;
mod dashboard;
mod doctor;
mod hotlinectl;
mod http;
mod link;
mod metrics;
mod numbers;
mod permit;
mod records;
mod reports;
mod restart;
mod retention;
mod sight;
mod store;
mod support;
mod surveys;
mod unix;
