//! The call distributor as a pure state machine: inputs in, actions and events out.
//!
//! An [`Input`] is what the host saw or was asked, an [`Action`] is what the host must do, an [`Event`] is what
//! happened, in the past tense, for the world. The engine does no I/O and has no clock: time and seed are passed
//! in, so the same inputs give the same actions and events, bit for bit.
#![forbid(unsafe_code)]

pub mod action;
mod agent;
mod call;
mod callback;
pub mod chance;
mod check;

pub mod codec;
mod command;
mod conduct;
pub mod config;
mod consult;
mod dispose;
mod engine;
pub mod estimate;
pub mod event;
mod explain;
mod hold;
pub mod ids;
pub mod input;
mod ivr;
mod join;
mod live;
mod offer;
mod queue;
mod recording;
mod reload;
mod routing;
pub mod screening;
mod skills;
mod slots;
mod sorted;
mod standing;
mod sticky;
mod supervise;
mod survey;
mod table;
mod talk;
pub mod time;
mod timers;
pub mod view;
mod waiting;
mod watch;
mod work;

pub use action::{Action, CallAction};
pub use callback::is_dialable;
pub use config::{Config, ConfigError};
pub use dispose::MAX_NOTE;
pub use engine::{Drain, Engine};
pub use event::Event;
pub use input::{Command, Input};
pub use standing::{Owed, Standing};
pub use time::{Span, Time};
pub use view::View;
