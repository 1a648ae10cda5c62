//! Events on their way, kept on the disk until who stores them says so.
//!
//! A spool is a folder of one node. Each start of the node, a *boot*, has a folder in it, and numbers its events from 1. The
//! events of a boot lie in *segments*, files of frames of some megabytes, of which the oldest are removed once everybody has
//! stored them.
//!
//! ```text
//! NODE.spool/lock
//! NODE.spool/000007-BOOT/00000000000000000001.seg      named for the first event in it
//! NODE.spool/000007-BOOT/00000000000000014210.seg
//! ```
//! What holds, whatever happens to process, disk and files: who reads gets every event once and in order, or an explicit gap that
//! names first, last and why. The numbers of the events decide, never the files: what is missing between two of them is a gap.
//!
//! [`Spool`] writes, [`Reader`] reads, and a [`Shelf`] is what both know of the files. No thread, and no clock but that of the files.
#![forbid(unsafe_code)]

mod reader;
pub mod record;
mod shelf;
mod writer;

pub use reader::{Item, Reader, Step};
pub use shelf::{BootInfo, Shelf};
pub use writer::{Dropped, Limits, Opened, Spool, Unsynced};

/// Why events are missing, as far as a spool itself is the reason. Stored in its files, and told to who reads.
pub mod reason {
    /// The ceiling of the spool was reached.
    pub const SPOOL_FULL: &str = "spool_full";
    /// They were kept for longer than is wanted.
    pub const TOO_OLD: &str = "too_old";
    /// The process or the machine died while they were being written.
    pub const TORN: &str = "torn";
    /// The files do not have them any more, or not as they were written.
    pub const DAMAGED: &str = "damaged";
    /// Everybody had stored them, so they were let go.
    pub const ACKNOWLEDGED: &str = "acknowledged";
}
