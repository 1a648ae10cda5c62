//! The call distributor as a pure state machine: inputs in, actions and events out.
//!
//! An [`Input`] is what the host saw or was asked, an [`Action`] is what the host must do, an [`Event`] is what
//! happened, in the past tense, for the world. The engine does no I/O and has no clock: time and seed are passed
//! in, so the same inputs give the same actions and events, bit for bit.
#![forbid(unsafe_code)]

pub mod action;
pub mod config;
pub mod event;
pub mod ids;
pub mod input;
pub mod time;

pub use action::{Action, CallAction};
pub use config::Config;
pub use event::Event;
pub use input::{Command, Input};
pub use time::{Span, Time};
