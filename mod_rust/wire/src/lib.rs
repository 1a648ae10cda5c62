//! The control protocol spoken over a node's Unix socket: one JSON object a line, each way.
//!
//! ```text
//! client: {"type":"hello","protocol":4,"client":"hotline-supervisord","resume":{"boot":"…","seq":41}}
//! node:   {"type":"hello","protocol":4,"node":"pbx1","boot":"…","version":"0.1.0",…}
//! node:   {"type":"snapshot","snapshot":{"seq":41,…}}                unless the client resumes this boot
//! node:   {"type":"gap","first":42,"last":49,"reason":"overflow"}    only if events were lost
//! node:   {"type":"event","seq":42,"at":…,"event":{"kind":"call_joined",…}}
//! client: {"type":"ack","seq":42}
//! client: {"type":"command","id":"7","author":"alice","command":{"do":"force_busy","agent":"1001",…}}
//! node:   {"type":"reply","id":"7","outcome":"done"}
//! client: {"type":"command","id":"8","author":"alice","command":{"do":"why_not","agent":"1001"}}
//! node:   {"type":"reply","id":"8","outcome":"told","lines":["…"]}
//! ```
//!
//! Sequence numbers are contiguous per (node, boot) and begin at 1; a client that misses one is told so by a gap
//! that names its range and reason. A snapshot holds the state after event `seq`; the next event is `seq + 1`.
//! A durable client that does not resume this boot gets an empty snapshot of event 0 and the story from its first
//! event; any other gets the present state. After a gap the events still held follow, and within them, in its
//! place, a snapshot that sets the live state right.
//! Delivery is at least once; (node, boot, seq) is the key that makes it exactly once.
#![forbid(unsafe_code)]

pub mod blacklist;
pub mod command;
pub mod event;
pub mod frame;
mod label;
pub mod line;
pub mod mask;
pub mod snapshot;

pub use command::{Command, Outcome, Refusal};
pub use event::Event;
pub use frame::{FromClient, FromNode};
pub use snapshot::Snapshot;

/// The version of the protocol in this crate. A node refuses a client of another one, and says which it speaks.
pub const PROTOCOL: u32 = 4;

/// The longest line that a client accepts, in bytes: the largest floor that settings may describe.
pub const MAX_LINE: usize = 64 << 20;

/// The longest line that a node accepts, in bytes: room for every command many times over.
pub const MAX_CLIENT_LINE: usize = 64 << 10;
