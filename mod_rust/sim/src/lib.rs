//! The seeded simulator: an engine, driven through any mix of calls and mishaps beside a naive model that must decide
//! the same, with its invariants recomputed after every step and its journal replayed to the same events.
#![forbid(unsafe_code)]

mod audit;
mod model;
mod random;
mod replay;
mod run;
mod world;

pub use audit::Counts;
pub use replay::{ReplayError, Replayed, replay};
pub use run::{Failure, Run, run};
