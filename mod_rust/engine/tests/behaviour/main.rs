//! The engine's behaviour, one test each, read as its specification.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
mod agents;
mod boot;
mod callbacks;
mod calls;
mod codec;
mod conduct;
mod consults;
mod dispositions;
mod estimates;
mod fairness;
mod floor;
mod holds;
mod ivr;
mod limits_and_exits;
mod live;
mod menus;
mod monitors;
mod offers;
mod owed;
mod prompts;
mod recordings;
mod reload;
mod routing;
mod rules;
mod skills_and_levels;
mod sticky;
mod strategies;
mod supervisors;
mod surveys;
mod talk;
mod warnings;
mod why;
mod wrap_up;
