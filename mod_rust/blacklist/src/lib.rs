//! The blacklist: which callers an agent is spared, which are let through, and which an agent is warned of.
//!
//! A [`List`] is an immutable [`index`] of up to many millions of entries and, over it, the [`overlay`] of what was changed
//! while running. It is cheap to clone, so that readers look at one while a writer makes the next. [`number`] brings what a
//! network presents into one form, [`entry`] says what can stand on a list, [`decide`] which of several entries counts.
//! [`changes`] keeps what was changed, [`csv`] reads and writes entries for people, [`auto`] finds callers who ask for an entry by what they do.
//!
//! No threads, no clock: times are microseconds since the Unix epoch and come in as arguments.
#![forbid(unsafe_code)]

pub mod auto;
pub mod changes;
pub mod csv;
pub mod decide;
pub mod entry;
pub mod index;
pub mod list;
pub mod number;
pub mod overlay;
pub mod pattern;
pub mod time;

pub use decide::{Found, Query};
pub use entry::{Action, Cause, Entry, Names, Profile, What};
pub use index::{Index, IndexError};
pub use list::List;
pub use number::{Caller, Number, NumberError, Plan};
pub use pattern::Pattern;
