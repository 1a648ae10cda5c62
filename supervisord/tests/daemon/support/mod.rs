//! What the integration tests share: a fake node that speaks the control protocol, stories for it to tell, and the
//! daemon as a process.

pub mod bus;
pub mod client;
pub mod daemon;
pub mod golden;
pub mod inside;
pub mod kept;
pub mod node;
pub mod postgres;
pub mod prometheus;
pub mod promtool;
pub mod recount;
pub mod story;
pub mod stream;
