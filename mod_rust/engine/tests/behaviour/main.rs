//! The engine's behaviour, one test each, read as its specification.

mod calls;
mod floor;
