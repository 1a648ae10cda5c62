//! Files that survive a kill at any moment: [`frames`] with length and checksum, of which a torn end or a damaged middle
//! hides nothing else, and [`file`]s that are there whole or not at all.
#![forbid(unsafe_code)]

pub mod file;
pub mod frames;

pub use frames::{Frames, TooLong};
