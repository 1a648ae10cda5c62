//! The control protocol spoken over a node's Unix socket: one JSON object a line, each way.
//!
//! ```text
//! client: {"type":"hello","protocol":7,"client":"hotline-supervisord","resume":{"boot":"B1","seq":41},"durable":true}
//! node:   {"type":"hello","protocol":7,"node":"pbx1","boot":"B2","version":"0.1.0",…}
//! node:   {"type":"boot","boot":"B1","number":7}                                 a boot of before that this client has not all of
//! node:   {"type":"event","seq":42,"at":…,"event":{"kind":"call_joined",…}}
//! node:   {"type":"gap","first":43,"last":49,"reason":"spool_full"}    only if events were lost
//! node:   {"type":"end","clean":false}                                 that was all that is known of B1
//! node:   {"type":"boot","boot":"B2","number":8}
//! node:   {"type":"snapshot","snapshot":{"seq":0,…}}                   unless the client resumes this boot
//! node:   {"type":"event","seq":1,"at":…,"event":{"kind":"config_applied",…}}
//! client: {"type":"ack","boot":"B2","seq":1}
//! client: {"type":"command","id":"7","author":"alice","command":{"do":"force_busy","agent":"1001",…}}
//! node:   {"type":"reply","id":"7","outcome":"done"}
//! client: {"type":"command","id":"8","author":"alice","command":{"do":"why_not","agent":"1001"}}
//! node:   {"type":"reply","id":"8","outcome":"told","lines":["…"]}
//! ```
//!
//! Sequence numbers are contiguous per (node, boot) and begin at 1; a client that misses one is told so by a gap
//! that names its range and reason. A snapshot holds the state after event `seq`; the next event is `seq + 1`.
//! A durable client gets what it has not stored: first the rest of the boots before, as far as the node's spool holds them, each
//! ended in so many words, then the present one (a jump in the boots' own numbers is one that nobody can tell any more); if that is not resumed it begins with an empty snapshot of event 0. Any other
//! client gets the present boot alone, from the present state on if it does not resume it. In the present boot a gap is followed by
//! the events still held and, within them, in its place, a snapshot that sets the live state right.
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
pub const PROTOCOL: u32 = 7;

/// The longest line that a client accepts, in bytes: the largest floor that settings may describe.
pub const MAX_LINE: usize = 64 << 20;

/// The longest line that a node accepts, in bytes: room for every command many times over.
pub const MAX_CLIENT_LINE: usize = 64 << 10;
