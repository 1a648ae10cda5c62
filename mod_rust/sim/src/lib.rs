//! The seeded simulator: an engine, driven through any mix of calls and mishaps beside a naive model that must decide
//! the same, with its invariants recomputed after every step and its journal replayed to the same events.
#![forbid(unsafe_code)]

mod audit;
pub mod floor;
mod model;
mod pair;
mod random;
mod readable;
mod replay;
mod run;
mod shrink;
mod world;

pub use audit::Counts;
pub use replay::{ReplayError, Replayed, replay};
pub use run::{Failure, Run, run};
pub use shrink::Shrunk;
