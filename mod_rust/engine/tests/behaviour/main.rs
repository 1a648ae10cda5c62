//! The engine's behaviour, one test each, read as its specification.

mod agents;
mod boot;
mod calls;
mod codec;
mod floor;
mod offers;
mod reload;
mod routing;
mod supervisors;
